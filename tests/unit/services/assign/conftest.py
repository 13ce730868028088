"""Assign in tests stops at once: nobody waits out a poll or a timer."""

import pytest

POLL_SECONDS = 0.02


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let consumers, tables and the lease timer look around often."""
    monkeypatch.setattr("concord.chassis.consumer.batch.POLL_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("services.assign.bootstrap.EXPIRE_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", POLL_SECONDS)
