"""Assign in tests stops at once: nobody waits out a poll."""

import pytest

POLL_SECONDS = 0.02


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let consumers and tables look for their end often."""
    monkeypatch.setattr("concord.chassis.consumer.POLL_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", POLL_SECONDS)
