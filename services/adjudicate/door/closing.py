"""The route that closes escalations in bulk."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, documented, json_answer, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import Project, visible
from services.adjudicate.domain.escalation import REASON_CHARACTERS_MAX
from services.adjudicate.door.means import door_of
from services.adjudicate.handlers.closing import CLOSED_MAX, Bar

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
UNITS_SHOWN_MAX = 100


class ClosingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which escalations are to be settled on their leading labels.

    Attributes:
        above: the confidence from which on they are.
        reason: why they need no ruling; it is kept, and told with each.
        dry_run: only tell what it would come to.
    """

    above: Annotated[float, Meta(ge=0.5, le=1)]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    dry_run: bool = False


class ClosedEscalations(msgspec.Struct, frozen=True):
    """What was closed, or would be.

    Attributes:
        units: at most 2,000 a call, the surest first.
        left: that are sure enough and were not closed: ask again.
        expected_errors: how many of these labels are wrong by their own confidences; absent where a confidence is a
            share of annotators, and no chance.
        unit_ids: the first hundred of them.
    """

    project_id: str
    dry_run: bool
    units: int
    left: int
    expected_errors: float | None
    unit_ids: list[str]


BARS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0)
"""Confidences of which it is told what closing from there on would come to."""


class ClosingBar(msgspec.Struct, frozen=True):
    """What closing from a confidence on would come to.

    Attributes:
        units: that would be settled, in as many calls as it takes.
        expected_errors: as in `ClosedEscalations`.
        least_sure_unit_id: the one of them of the least confidence; empty where there is none.
    """

    above: float
    units: int
    expected_errors: float | None
    least_sure_unit_id: str


class ClosingBars(msgspec.Struct, frozen=True):
    """What closing escalations would come to, by the bar.

    Attributes:
        waiting: units that wait for a ruling now, those that no bar closes among them: what two annotators flagged,
            what has no leading label, or waits for an answer.
        bars: from the lowest on.
    """

    project_id: str
    waiting: int
    bars: list[ClosingBar]


CLOSING = msgspec.json.Decoder(ClosingBody)
assert CLOSED_MAX == 2_000, "ClosedEscalations says so"  # it is what the document says


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    closed = documented(body=ClosingBody, reply=ClosedEscalations, refusals=(404,))
    routes.post("/projects/{project_id}/escalations/close", **closed)(close_escalations)
    documents = documented(reply=ClosingBars, refusals=(404,))
    routes.get("/projects/{project_id}/escalations/bars", **documents)(list_bars)
    return routes


async def list_bars(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show, for several confidences, how many escalations closing from there on would settle; nothing is done."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    view = door.handlers.repository.view(project_id)
    chances = _states_chances(project)
    bars = [
        ClosingBar(bar.above, bar.units, bar.losses if chances else None, bar.least_sure)
        for bar in view.closable_at(BARS)
    ]
    return json_answer(ClosingBars(project_id, view.escalations_open, bars))


def _states_chances(project: Project) -> bool:
    """Return whether a project's confidences are chances to be right, and not shares of annotators."""
    return project.policy.consensus.method == "posterior" and bool(project.classed or project.form)


async def close_escalations(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Settle escalations that are sure enough on their leading labels; what was flagged waits for a ruling."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    entry = await read_json(request, CLOSING)
    closing = door.handlers.closing
    if entry.dry_run:
        found = closing.would_close(project, entry.above)
    else:
        found = await closing.close(project, Bar(entry.above, caller.subject, entry.reason))
    return json_answer(
        ClosedEscalations(
            project_id,
            entry.dry_run,
            found.units,
            found.left,
            found.losses if _states_chances(project) else None,
            found.unit_ids[:UNITS_SHOWN_MAX],
        )
    )
