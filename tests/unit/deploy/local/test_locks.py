"""The lock moves what a requirement moves, and nothing else unless it is asked to."""

import re
import zipfile
from pathlib import Path

import pytest

from deploy.local import locks

VERSIONS = ("1.0", "2.0")
TOYS = ("toy", "other")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose requirements are wheels in a folder, both versions of each."""
    wheels, requirements = tmp_path / "wheels", tmp_path / "requirements"
    wheels.mkdir()
    requirements.mkdir()
    for name in TOYS:
        for version in VERSIONS:
            _wheel(wheels, name, version)
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "uv.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n')
    (requirements / "run.in").write_text("toy\n")
    (requirements / "develop.in").write_text("toy\nother\n")
    (requirements / "peers.in").write_text("other<2\n")
    (requirements / "platforms.in").write_text("other\n")
    (requirements / "presidio.in").write_text("toy\n")
    (requirements / "readers.in").write_text("toy\n")
    return tmp_path


def _wheel(folder: Path, name: str, version: str) -> None:
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


def _locked(root: Path, name: str) -> dict[str, str]:
    text = (root / "requirements" / f"{name}.txt").read_text()
    assert text.count("--hash=sha256:") >= text.count("==")
    return dict(re.findall(r"^(\w+)==([\d.]+)", text, re.MULTILINE))


def test_without_a_lock_everything_is_at_its_newest_allowed_version(root: Path) -> None:
    locks.requirements(upgrade=False, root=root)
    assert _locked(root, "run") == {"toy": "2.0"}
    assert _locked(root, "develop") == {"toy": "2.0", "other": "2.0"}
    assert _locked(root, "peers") == {"other": "1.0"}
    assert _locked(root, "readers") == {"toy": "2.0"}


def test_what_is_locked_stays_while_another_requirement_moves_and_goes_up_when_asked(root: Path) -> None:
    (root / "requirements" / "run.in").write_text("toy<2\n")
    locks.requirements(upgrade=False, root=root)
    (root / "requirements" / "run.in").write_text("toy\nother\n")
    locks.requirements(upgrade=False, root=root)
    assert _locked(root, "run") == {"toy": "1.0", "other": "2.0"}
    assert _locked(root, "develop") == {"toy": "1.0", "other": "2.0"}
    # On what runs, though a newer one is allowed.
    assert _locked(root, "readers") == {"toy": "1.0"}
    locks.requirements(upgrade=True, root=root)
    assert _locked(root, "run") == {"toy": "2.0", "other": "2.0"}
    assert _locked(root, "develop") == {"toy": "2.0", "other": "2.0"}
