"""The route that closes escalations in bulk."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, documented, json_answer, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
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


CLOSING = msgspec.json.Decoder(ClosingBody)
assert CLOSED_MAX == 2_000, "ClosedEscalations says so"  # it is what the document says


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    closed = documented(body=ClosingBody, reply=ClosedEscalations, refusals=(404,))
    routes.post("/projects/{project_id}/escalations/close", **closed)(close_escalations)
    return routes


async def close_escalations(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Settle escalations that are sure enough on their leading labels; what was flagged waits for a ruling."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    said = await read_json(request, CLOSING)
    closing = door.handlers.closing
    if said.dry_run:
        found = closing.would_close(project, said.above)
    else:
        found = await closing.close(project, Bar(said.above, caller.subject, said.reason))
    chances = project.policy.consensus.method == "posterior" and (project.classed or project.form)
    return json_answer(
        ClosedEscalations(
            project_id,
            said.dry_run,
            found.units,
            found.left,
            found.losses if chances else None,
            found.unit_ids[:UNITS_SHOWN_MAX],
        )
    )
