"""How many processes of audit a test has."""

import pytest

from tests.support import audit


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
def lives(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What audit promises with one process holds with two, whichever is asked, and where each unit begins as a row."""
    monkeypatch.setattr(audit, "LIVES", [request.param])
    if request.param == 2:
        monkeypatch.setattr("concord.chassis.journal.rows.PAGE_ROWS_MIN", 1)
    count: int = request.param
    return count
