"""The peers' environment is made once, and again only when its lock changes or it was left half made."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import peers_environment
from deploy.local import terminal


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[object]]:
    """The programs that would have been run."""
    found: list[Sequence[object]] = []

    def run(argv: Sequence[str | Path], cwd: Path) -> None:
        found.append(argv)
        if "venv" in argv:
            Path(argv[-1]).mkdir()

    monkeypatch.setattr(terminal, "run", run)
    return found


def test_it_is_made_once_and_again_for_another_lock(tmp_path: Path, ran: list[Sequence[object]]) -> None:
    lock, folder = tmp_path / "peers.txt", tmp_path / "peers"
    lock.write_text("a==1")
    assert peers_environment.ensure(folder, lock) == folder / "bin" / "python"
    made = len(ran)
    assert made > 0
    assert "--require-hashes" in ran[-1]
    peers_environment.ensure(folder, lock)
    assert len(ran) == made
    lock.write_text("a==2")
    peers_environment.ensure(folder, lock)
    assert len(ran) == 2 * made


def test_one_left_half_made_is_made_anew(
    tmp_path: Path, ran: list[Sequence[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, folder = tmp_path / "peers.txt", tmp_path / "peers"
    lock.write_text("a==1")

    def fail(argv: Sequence[str | Path], cwd: Path) -> None:
        folder.mkdir()
        raise terminal.StepFailed("no network")

    with monkeypatch.context() as broken:
        broken.setattr(terminal, "run", fail)
        with pytest.raises(terminal.StepFailed):
            peers_environment.ensure(folder, lock)
    peers_environment.ensure(folder, lock)
    assert ran
