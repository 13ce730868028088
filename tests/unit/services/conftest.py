"""What holds for every test of a service: it waits for nothing that only gathers what trickles in."""

import pytest


@pytest.fixture(autouse=True)
def _no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve and publish one by one, at once: tests tell one thing after another, and each would wait its turn."""
    monkeypatch.setattr("concord.chassis.consumer.batch.PACE_SECONDS", 0.0)
    monkeypatch.setattr("concord.chassis.journal.publisher.PACE_SECONDS", 0.0)
