"""The route that tells how far adjudicators agree, by rulings that were given twice."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response

from concord.chassis.http import AnyId, documented, json_answer
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
from services.adjudicate.domain.repeats import Word
from services.adjudicate.door.means import door_of, label_in, timestamp

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Json = Any


class GivenRuling(msgspec.Struct, frozen=True):
    """A ruling: its label, null where the outcome is none, and why."""

    outcome: str
    label: Json
    reason: str


class RulingDifference(msgspec.Struct, frozen=True):
    """A unit of which two adjudicators do not say the same; the first ruling stands."""

    unit_id: str
    payload_url: str
    first: GivenRuling
    second: GivenRuling
    at: str


class RulingAgreement(msgspec.Struct, frozen=True):
    """How far a project's adjudicators agree.

    Attributes:
        rate: share of rulings that are given twice, by the policy.
        waiting: units that wait for a second ruling now.
        made: that were ruled twice.
        same: of these, where both say the same, within the tolerance that the schema declares.
        agreement, low, high: their share with its 95 % interval (Wilson); absent before any.
        differences: the newest hundred, the newest first.
    """

    project_id: str
    rate: float
    waiting: int
    made: int
    same: int
    agreement: float | None
    low: float | None
    high: float | None
    differences: list[RulingDifference]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    documents = documented(reply=RulingAgreement, refusals=(404,))
    routes.get("/projects/{project_id}/rulings/agreement", **documents)(show_agreement)
    return routes


async def show_agreement(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show how far adjudicators agree, by the rulings that a second one gave, blind; nobody is named."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    found = await door.handlers.repeats.state(project)
    share = found.agreement
    differences = [
        RulingDifference(
            difference.unit_id,
            door.link(difference.unit_id),
            _given(difference.first),
            _given(difference.second),
            timestamp(difference.at_us),
        )
        for difference in await door.handlers.repeats.differences(project)
    ]
    waiting = door.handlers.repository.view(project_id).repeats_waiting
    rate = project.policy.consensus.repeat_rulings
    return json_answer(
        RulingAgreement(
            project_id, rate, waiting, found.made, found.same, share.value, share.low, share.high, differences
        )
    )


def _given(word: Word) -> GivenRuling:
    return GivenRuling(word.outcome, label_in(word.label), word.reason)
