"""The pages: every link leads somewhere, and every command that may be run is a verb that exists."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, name, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s#]*)(?:#(?P<anchor>[^)\s]*))?\)")
RUNNABLE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(r"[a-z]+:")


def verbs() -> set[str]:
    """Return the Makefile's verbs."""
    return set(re.findall(r"^([a-z0-9]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_there_are_pages_to_look_at() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= {name(path) for path in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    for link in LINK.finditer(FENCED.sub("", page.read_text(encoding="utf-8"))):
        target, anchor = link["target"], link["anchor"]
        if ELSEWHERE.match(target):
            continue
        assert not target.startswith("/"), f"{name(page)} links to {target}, which is of no project"
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name(page)} links to {target}, which is not there"
        assert ROOT in (file, *file.parents), f"{name(page)} links out of the project: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{name(page)} links to {target}#{anchor}, which is no heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_marked_as_runnable_exists(page: Path) -> None:
    for block in RUNNABLE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            command = line.split("#")[0].split()
            if command:
                assert exists(command), f"{name(page)}: {line!r} is nothing that could be run"


def exists(command: list[str]) -> bool:
    """Return whether a command is a verb of the Makefile, a module of the project, or the installed command."""
    while command and re.match(r"[A-Z_]+=", command[0]):
        command = command[1:]
    match command:
        case ["make", verb, *_]:
            return verb in verbs()
        case [".venv/bin/python", "-m", module, *_]:
            path = ROOT.joinpath(*module.split("."))
            return (path / "__main__.py").exists() or path.with_suffix(".py").exists()
        case [program, *_] if program.startswith(".venv/bin/"):
            scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
            return program.removeprefix(".venv/bin/") in scripts
        case ["cd" | "git", *_]:
            return True
    return False


def test_the_readme_has_its_two_commands() -> None:
    runnable = "\n".join(RUNNABLE.findall((ROOT / "README.md").read_text(encoding="utf-8"))).splitlines()
    assert {"make demo", "make test"} <= set(runnable)


def test_a_command_that_does_not_exist_is_seen() -> None:
    assert exists(["make", "demo"])
    assert not exists(["make", "coffee"])
    assert not exists([".venv/bin/python", "-m", "services.coffee"])
    assert not exists([".venv/bin/coffee"])
