"""What handing on costs is measured on the services' own door, and a process that does not start is told."""

from pathlib import Path

import pytest

from bench.services import forwarding
from bench.services.floor import FloorFailed
from bench.services.forwarding import Forwarding, as_json, measure, table


async def test_a_request_goes_through_the_door_to_the_bare_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "CALLS", 40)
    found = await measure(tmp_path)
    assert found.handed_on_us > found.bare_us > 0


async def test_a_door_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "placed_id", lambda *_: "1")
    monkeypatch.setattr(forwarding, "TOKEN_SECONDS", -3_600)
    with pytest.raises(FloorFailed, match="answered 401"):
        await measure(tmp_path)


def test_the_figures_say_whether_the_limit_is_kept() -> None:
    assert as_json(Forwarding(250.0, 40.0))["within_limit"] is True
    assert as_json(Forwarding(251.0, 40.0))["within_limit"] is False
    assert table(Forwarding(151.4, 40.0)).rows == [["hand a request on to its owner", "151", "250", "40"]]
