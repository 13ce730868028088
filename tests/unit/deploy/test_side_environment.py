"""An environment beside our own is made once, and again only when its lock changes or it was left half made."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local import side_environment, terminal


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[object]]:
    """The programs that would have been run."""
    found: list[Sequence[object]] = []

    def run(argv: Sequence[str | Path], cwd: Path) -> None:
        found.append(argv)
        if "venv" in argv:
            Path(argv[-1]).mkdir(parents=True)

    monkeypatch.setattr(terminal, "run", run)
    return found


def test_it_is_made_once_and_again_for_another_lock(tmp_path: Path, ran: list[Sequence[object]]) -> None:
    lock, folder = tmp_path / "peers.txt", tmp_path / "peers"
    lock.write_text("a==1")
    assert side_environment.made("peers", folder, lock) == folder / "environment" / "bin" / "python"
    made = len(ran)
    assert made > 0
    assert "--require-hashes" in ran[-1]
    side_environment.made("peers", folder, lock)
    assert len(ran) == made
    lock.write_text("a==2")
    side_environment.made("peers", folder, lock)
    assert len(ran) == 2 * made


def test_one_left_half_made_is_made_anew(
    tmp_path: Path, ran: list[Sequence[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, folder = tmp_path / "peers.txt", tmp_path / "peers"
    lock.write_text("a==1")

    def fail(argv: Sequence[str | Path], cwd: Path) -> None:
        (folder / "environment").mkdir(parents=True)
        raise terminal.StepFailed("no network")

    with monkeypatch.context() as broken:
        broken.setattr(terminal, "run", fail)
        with pytest.raises(terminal.StepFailed):
            side_environment.made("peers", folder, lock)
    side_environment.made("peers", folder, lock)
    assert ran
