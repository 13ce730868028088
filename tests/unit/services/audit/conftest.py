"""How many processes of audit a test has."""

import pytest

from tests.support import audit


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
def lives(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What audit promises with one process holds with two, whichever is asked."""
    monkeypatch.setattr(audit, "LIVES", [request.param])
    count: int = request.param
    return count
