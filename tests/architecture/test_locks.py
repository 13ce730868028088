"""The locks: every package with its hashes and from nowhere in particular, and what ships is what was tested."""

import re

import pytest

from tests.architecture.project import ROOT

FOLDER = ROOT / "requirements"
LOCKS = sorted(path.name for path in FOLDER.glob("*.txt"))
PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?![0-9a-f])")


def requirements(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Return version and hashes of every package in a lock."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / lock).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = {}
    for line in filter(str.strip, text.splitlines()):
        pinned = PINNED.match(line)
        assert pinned, f"{lock}: {line[:80]!r} is no pinned package"
        name = re.sub(r"[-_.]+", "-", pinned["name"]).lower()
        assert name not in found, f"{lock} names {name} twice"
        found[name] = (pinned["version"], HASH.findall(line))
    return found


def named(source: str) -> set[str]:
    """Return the packages that a list asks for, those of the lists that it includes among them."""
    found: set[str] = set()
    for line in (FOLDER / source).read_text().splitlines():
        asked = line.split("#")[0].strip()
        if asked.startswith("-r "):
            found |= named(asked.removeprefix("-r ").strip())
        elif asked and not asked.startswith("-"):
            (name,) = re.findall(r"^[A-Za-z0-9._-]+", asked)
            found.add(re.sub(r"[-_.]+", "-", name).lower())
    return found


def test_there_are_locks_for_what_runs_and_what_develops() -> None:
    assert {"run.txt", "develop.txt"} <= set(LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    packages = requirements(lock)
    assert packages
    assert [name for name, (_, hashes) in packages.items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_packages_come_from(lock: str) -> None:
    text = (FOLDER / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--(extra-)?index-url|--find-links|--trusted-host)", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_its_list_asks_for(lock: str) -> None:
    assert named(lock.replace(".txt", ".in")) <= set(requirements(lock))


def test_what_runs_is_what_was_tested() -> None:
    runs, develops = requirements("run.txt"), requirements("develop.txt")
    assert runs == {name: develops.get(name) for name in runs}
