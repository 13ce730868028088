"""A project that is paused, resumed and closed at ingest's door, and what follows at all doors within 5 s."""

import asyncio
from typing import Any

from tests.support.five import Five, with_five

WITHIN_SECONDS = 5.0
OWN, OTHER = "k1", "k2"
REVIEWED = (("adjudicate", "/v1/escalations", "adjudicator/adj"), ("audit", "/v1/inspections", "auditor/aud"))


async def shown(five: Five) -> dict[str, Any]:
    """Return what each door says of k1's project now, and for how many units of k2's reviewers are wanted."""
    project = five.things[OWN].project
    sent = await five.call(
        "ingest", "POST", f"/v1/projects/{project}/units", f"client/key/{OWN}", [{"id": "late", "content": "late"}]
    )
    claimed = await five.told("assign", "POST", f"/v1/projects/{project}/claims", "annotator/ann-2", {"units": 5})
    found: dict[str, Any] = {"ingest": sent.status, "assign": claimed.get("why", {}).get("code", "units")}
    for service, path, who in REVIEWED:
        listed = (await five.told(service, "GET", path, who))[path.rsplit("/", 1)[1]]
        found[service] = sum(entry["project_id"] == project for entry in listed)
        assert any(entry["project_id"] == five.things[OTHER].project for entry in listed), "of others all goes on"
    return found


async def walked(five: Five) -> None:
    project, key = five.things[OWN].project, f"client/key/{OWN}"

    async def turn(how: str) -> dict[str, Any]:
        await five.told("ingest", "POST", f"/v1/projects/{project}/{how}", key, {"reason": "because"})
        await asyncio.sleep(WITHIN_SECONDS)
        return await shown(five)

    assert await turn("pause") == {"ingest": 409, "assign": "paused", "adjudicate": 0, "audit": 0}
    resumed = await turn("resume")
    assert (resumed["ingest"], resumed["assign"]) == (202, "units")
    assert min(resumed["adjudicate"], resumed["audit"]) > 0
    closed = await turn("close")
    assert (closed["ingest"], closed["assign"]) == (409, "units"), "what somebody holds is offered to them again"
    assert min(closed["adjudicate"], closed["audit"]) > 0, "what was begun is settled"
    fresh = await five.told("assign", "POST", f"/v1/projects/{project}/claims", "annotator/ann-1", {"units": 50})
    held = len(fresh["assignments"])
    (mine,) = [
        assignment for assignment in fresh["assignments"] if assignment["assignment_id"] == five.things[OWN].assignment
    ]
    assert held == 1, "nothing new, and what is held once more"
    path = f"/v1/assignments/{mine['assignment_id']}/submission"
    answer = await five.told("assign", "POST", path, "annotator/ann-1", {"label": "yes", "next": 1})
    assert (answer["status"], answer["next"]["why"]["code"]) == ("accepted", "closed")


def test_a_pause_a_resumption_and_a_close_take_effect_in_every_service_within_five_seconds() -> None:
    with_five(walked)
