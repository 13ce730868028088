"""Assign in tests stops at once, nobody waits out a poll or a timer; and what one life promises, two do."""

import pytest

from tests.unit.services.assign.desk import Desk

POLL_SECONDS = 0.02


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let consumers, tables and the lease timer look around often."""
    monkeypatch.setattr("concord.chassis.consumer.batch.POLL_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("services.assign.bootstrap.EXPIRE_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("services.assign.bootstrap.WRITE_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("services.assign.bootstrap.TIDY_SECONDS", POLL_SECONDS)
    monkeypatch.setattr("concord.chassis.table.POLL_SECONDS", POLL_SECONDS)


@pytest.fixture(autouse=True, params=[1, 2], ids=["one life", "two lives"])
def lives(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let so many lives of assign run, and the one be called that does not have the project's place."""
    count: int = request.param
    monkeypatch.setattr(Desk, "lives", count)
    return count
