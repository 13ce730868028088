"""What the tests of doors share."""

import pytest

from concord.chassis.places import moving


@pytest.fixture(autouse=True)
def no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no request wait for a place that changes hands, but where a test says so: what never comes takes no time."""
    monkeypatch.setattr(moving, "MOVING_SECONDS_MAX", 0.0)
