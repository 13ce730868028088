"""The other half of the planted bugs, likewise."""

import pytest

from tests.simulation.planting import NAMES, SETTLE_SECONDS, caught_at


@pytest.mark.parametrize("name", NAMES[1::2])
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.run.SETTLE_SECONDS_MAX", SETTLE_SECONDS)
    assert caught_at(name) is not None, f"{name} was not caught"
