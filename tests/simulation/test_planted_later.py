"""The planted bugs that none of the first seeds shows are caught at a later one, or over several."""

import pytest

from tests.simulation.planting import AT_A_LATER, SETTLE_SECONDS, caught_at


@pytest.mark.parametrize("name", AT_A_LATER)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.run.SETTLE_SECONDS_MAX", SETTLE_SECONDS)
    assert caught_at(name) is not None, f"{name} was not caught"
