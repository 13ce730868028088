"""What a service cannot tell any more it takes from nobody: every route of all five, while the broker takes nothing."""

from typing import Any

import pytest

from concord.chassis.journal import publisher
from concord.chassis.journal.record import JOURNAL
from tests.support.five import Five, Things, with_five
from tests.unit.services.test_rights import BOUND_MAY_NOT, OWN, ROLES, SUBJECTS, bodies, filled

TAKEN = ("ingest", "/v1/projects/{project_id}/erasures")
"""Whoever wants something erased is not told to wait: it is destroyed at once, and told when the broker is back. A unit
is erased once, so that this is bounded by what was taken before."""
REFUSED_MIN = 20
BODIES: dict[str, tuple[str, Any]] = {
    "/v1/projects/{project_id}/events": (
        "application/cloudevents+json",
        (
            b'{"specversion": "1.0", "id": "new", "source": "/projects/k1-p", "type": "concord.unit.v1",'
            b' "data": {"content": "new"}}'
        ),
    ),
    "/v1/annotators": ("text/csv", b"annotator_id\nann-9\n"),
    "/v1/projects/{project_id}/models/outputs": (
        "application/x-ndjson",
        b'{"event_id": "held", "model": "m", "model_version": "1", "label": "no"}\n',
    ),
}
"""Of routes that take something else than the walk over rights sends."""


def _body(template: str, method: str, path: str, things: Things) -> tuple[str, Any]:
    if method == "POST" and template in BODIES:
        return BODIES[template]
    body = bodies(method, path, things)
    if template == "/v1/projects/{slug}":
        body = {**body, "guideline": "Say it otherwise."}
    return "application/json", body


def _told(five: Five, service: str) -> int:
    """Return how many events lie in a service's journal."""
    return sum(len(record["events"]) for record in five.house.database(service).dump(JOURNAL.name))


async def walked(five: Five) -> dict[tuple[str, str, str], list[int]]:
    mine, found = five.things[OWN], dict[tuple[str, str, str], list[int]]()
    before = {service: _told(five, service) for service in five.services}
    for (service, method, template), allowed in ROLES.items():
        if method == "GET" or not allowed or (service, template) == TAKEN:
            continue
        role = min(allowed)
        who = f"{role}/{SUBJECTS[role]}" + ("" if (service, template) in BOUND_MAY_NOT else f"/{OWN}")
        for path in filled(template, mine):
            media_type, body = _body(template, method, path, mine)
            answer = await five.call(service, method, path, who, body, headers=[("content-type", media_type)])
            place = (service, method, path, who, answer.status, answer.body)
            assert answer.status != 503 or answer.headers["retry-after"], place
            assert answer.status < 500 or answer.status == 503, place
            assert _told(five, service) == before[service], place
            found.setdefault((service, method, template), []).append(answer.status)
    erasing = {"reason": "x", "ids": list(mine.units)}
    erased = await five.told(TAKEN[0], "POST", TAKEN[1].format(project_id=mine.project), f"client/key/{OWN}", erasing)
    assert erased["erased"] == len(mine.units)
    return found


def test_no_route_takes_what_cannot_be_told_and_each_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(five: Five) -> dict[tuple[str, str, str], list[int]]:
        monkeypatch.setattr(publisher, "BACKLOG_EVENTS_MAX", 0)
        return await walked(five)

    found = with_five(full)
    refusing = {route for route, statuses in found.items() if 503 in statuses}
    assert len(refusing) >= REFUSED_MIN
    for route in (
        ("ingest", "PUT", "/v1/projects/{slug}"),
        ("ingest", "POST", "/v1/projects/{project_id}/units"),
        ("ingest", "POST", "/v1/projects/{project_id}/events"),
        ("ingest", "POST", "/v1/units/{unit_id}/reidentification"),
        ("assign", "PUT", "/v1/annotators/{annotator_id}"),
        ("assign", "PATCH", "/v1/annotators/{annotator_id}"),
        ("assign", "POST", "/v1/submissions"),
        ("adjudicate", "POST", "/v1/rulings"),
        ("audit", "POST", "/v1/inspections"),
        ("audit", "POST", "/v1/projects/{project_id}/models/outputs"),
        ("audit", "POST", "/v1/projects/{project_id}/models/{model_id}/review"),
    ):
        assert route in refusing, (route, found[route])
