"""The planted bugs that the first seed does not show are caught at one of the next, likewise."""

import pytest

from tests.simulation.planting import AT_THE_SECOND, SETTLE_SECONDS, caught_at


@pytest.mark.parametrize("name", AT_THE_SECOND)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.run.SETTLE_SECONDS_MAX", SETTLE_SECONDS)
    assert caught_at(name) is not None, f"{name} was not caught"
