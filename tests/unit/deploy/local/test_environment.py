from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local import places, terminal
from deploy.local.environment import Environment

_PYPROJECT = (
    '[build-system]\nrequires = []\n[project]\nname = "toy"\n[tool.setuptools]\n[tool.ruff]\nline-length = {}\n'
)


class _Installer:
    """Stands for venv and pip: makes the folder, and fails or is interrupted when told to."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.fault: BaseException | None = None

    def __call__(self, argv: Sequence[str | Path], cwd: Path, environment: object = None) -> None:
        self.commands.append([str(part) for part in argv])
        if "venv" in argv:
            (Path(argv[-1]) / "bin").mkdir(parents=True)
        elif self.fault is not None:
            raise self.fault


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "develop.txt").write_text("one==1 \\\n    --hash=sha256:00\ntwo==2\n")
    (tmp_path / "pyproject.toml").write_text(_PYPROJECT.format(100))
    return tmp_path


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> _Installer:
    stand_in = _Installer()
    monkeypatch.setattr(terminal, "run", stand_in)
    return stand_in


def test_the_first_run_installs_from_the_hashed_lock_and_the_second_nothing(root: Path, installer: _Installer) -> None:
    Environment(root).ensure()
    lock, project = (" ".join(command) for command in installer.commands[1:])
    assert f"install --require-hashes -r {root}/requirements/develop.txt" in lock
    assert f"install --no-deps --no-build-isolation --editable {root}" in project
    assert (root / ".venv" / "bin").is_dir()
    assert Environment(root).is_done()
    Environment(root).ensure()
    assert len(installer.commands) == 3


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), terminal.StepFailed("no such version")])
def test_a_half_built_environment_is_never_used_and_is_built_anew(
    fault: BaseException, root: Path, installer: _Installer
) -> None:
    installer.fault = fault
    with pytest.raises(type(fault)):
        Environment(root).ensure()
    assert not (root / ".venv").exists()
    assert not Environment(root).is_done()
    installer.fault = None
    Environment(root).ensure()
    assert (root / ".venv" / "bin").is_dir()


def test_a_changed_lock_makes_a_new_environment_while_the_old_one_may_still_run(
    root: Path, installer: _Installer
) -> None:
    seen = []
    for version in (1, 2, 3):
        (root / "requirements" / "develop.txt").write_text(f"one=={version}\n")
        assert not Environment(root).is_done()
        Environment(root).ensure()
        seen.append((root / ".venv").resolve())
    assert len(set(seen)) == 3
    assert [folder.exists() for folder in seen] == [False, True, True]


def test_settings_of_the_linter_do_not_make_a_new_environment(root: Path, installer: _Installer) -> None:
    Environment(root).ensure()
    (root / "pyproject.toml").write_text(_PYPROJECT.format(120))
    assert Environment(root).is_done()


def test_an_environment_made_by_hand_is_set_aside_and_not_deleted(root: Path, installer: _Installer) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "mine").touch()
    Environment(root).ensure()
    assert (root / ".venv").is_symlink()
    assert (root / ".venv.by-hand" / "mine").exists()


def test_git_ignores_all_that_is_made() -> None:
    # Without a slash at its end: a link is no folder to git.
    assert {".venv", ".venv.by-hand", ".local/"} <= set((places.ROOT / ".gitignore").read_text().splitlines())
