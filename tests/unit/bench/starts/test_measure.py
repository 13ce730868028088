"""A start is measured until the process has nothing more to do, and not only until it says that it is ready."""

import itertools

import pytest

from bench.starts import process


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "CALM_SECONDS", 0.0)


async def test_what_is_done_after_readiness_is_in_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = iter([1.0, 1.4, 1.8, 1.81, 9.0])
    monkeypatch.setattr(process, "cpu_seconds", lambda pid: next(spent))
    assert await process._calm(1) == 1.8


async def test_a_process_that_never_rests_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = itertools.count()
    monkeypatch.setattr(process, "cpu_seconds", lambda pid: float(next(spent)))
    monkeypatch.setattr(process, "CALM_SECONDS_MAX", 0.01)
    with pytest.raises(process.NotStarted, match="did not come to rest"):
        await process._calm(1)
