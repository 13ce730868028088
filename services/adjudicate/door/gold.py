"""Routes of gold in doubt: known labels that good annotators disagree with, and what a person rules on them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol, cast

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.clock import MICROSECONDS
from concord.chassis.http import (
    AnyId,
    Limit,
    cursor_of,
    documented,
    fitting,
    json_answer,
    name_in,
    page_size,
    read_json,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import visible
from services.adjudicate.domain.gold import (
    REASON_CHARACTERS_MAX,
    GoldDoesNotExist,
    GoldIsRuled,
    GoldRulingRefused,
    GoldState,
)
from services.adjudicate.handlers import Handlers
from services.adjudicate.settings import AdjudicateSettings

STATUSES: dict[type[Exception], int] = {GoldDoesNotExist: 404, GoldIsRuled: 409, GoldRulingRefused: 422}

Lead = Annotated[Caller, require(Role.ADJUDICATOR, Role.OPERATOR)]
Json = Any
"""A label as JSON; checked against the project's schema, not here."""


class Reached(Protocol):
    """What the routes reach: the use cases, and the settings of payload links."""

    @property
    def handlers(self) -> Handlers:
        """Return the use cases."""
        ...

    @property
    def settings(self) -> AdjudicateSettings:
        """Return the service's settings."""
        ...


class SaidOfGold(msgspec.Struct, frozen=True):
    """A label of a gold unit, and how many good annotators say it; nobody's name."""

    label: Json
    annotators: int


class GoldInDoubt(msgspec.Struct, frozen=True):
    """A gold unit on which somebody is to rule; one that is flagged measures nobody and is shown to nobody until then.

    Attributes:
        known_label: that is in doubt.
        said: what good annotators say, most often said first.
        good, disagreeing: good annotators who answered it, and those of them who disagree.
        share_low: the share of them that disagrees is at least this, for sure.
        standing: `flagged`, or `appealed` alone: it counts until somebody has ruled.
        appeals: why they were right, in the words of those who got it wrong.
        closed_since: the version of the label schema since which nobody can say the known label, for a class of it was
            retired or split: it is to be corrected to what is offered now, or retired. 0: it can be said.
    """

    unit_id: str
    payload_url: str
    known_label: Json
    said: list[SaidOfGold]
    good: int
    disagreeing: int
    share_low: float
    flagged_at: str
    standing: Literal["flagged", "appealed"]
    appeals: list[str]
    closed_since: int = 0


class GoldDoubts(msgspec.Struct, frozen=True):
    """Gold in doubt on which the caller may rule, by id; `next` is the cursor of those after it, empty at the end.

    A page may hold fewer than were asked for, or none, and have a next one: units that the caller answered are left
    out.
    """

    project_id: str
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    gold: list[GoldInDoubt]
    next: str


class GoldRuling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is right of a gold unit in doubt: `label` with corrected, and with nothing else."""

    outcome: Literal["confirmed", "corrected", "retired"]
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)]
    label: Json = None


class RuledGold(msgspec.Struct, frozen=True):
    """What became of a ruling on gold: `ruled` now or `repeated`; the label by which answers are judged, if any is."""

    unit_id: str
    status: Literal["ruled", "repeated"]
    outcome: str
    label: Json


RULING = msgspec.json.Decoder(GoldRuling)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/gold", **documented(reply=GoldDoubts, refusals=(404,)))(list_doubts)
    ruled = documented(body=GoldRuling, reply=RuledGold, refusals=(404, 409))
    routes.post("/gold/{unit_id}/ruling", **ruled)(rule_gold)
    return routes


async def list_doubts(
    request: Request, project_id: AnyId, caller: Lead, limit: Limit = None, cursor: str = ""
) -> Response:
    """List gold whose known label good annotators disagree with, or cannot say any more, for others to rule on."""
    door = reached(request)
    project = visible(door.handlers.projects, project_id, caller)
    after = name_in(cursor)
    found, following = await door.handlers.gold.in_doubt(project_id, caller.subject, page_size(limit), after)
    shown = fitting([_shown(door, state) for state in found])
    if len(shown) < len(found):
        following = shown[-1].unit_id
    of_label = project.offered().spec(), project.guideline_text, project.guideline_version
    return json_answer(GoldDoubts(project_id, *of_label, [*shown], cursor_of(following) if following else ""))


async def rule_gold(request: Request, unit_id: AnyId, caller: Lead) -> Response:
    """Confirm a known label that is in doubt, correct it, or retire the unit: past answers are judged anew by it."""
    if not caller.may_touch(unit_id):
        raise GoldDoesNotExist("There is no such gold unit in doubt.")
    body = await read_json(request, RULING)
    rule = reached(request).handlers.gold.rule
    outcome = await rule(caller.subject, unit_id, body.outcome, body.label, body.reason)
    assert outcome.state is not None, "a ruling leaves a state"
    judged_by = None if outcome.state.standing == "retired" else _label(outcome.state.known_label)
    status: Literal["ruled", "repeated"] = "repeated" if outcome.repeated else "ruled"
    return json_answer(RuledGold(unit_id, status, outcome.state.standing, judged_by))


def reached(request: Request) -> Reached:
    """Return what the routes reach."""
    return cast("Reached", request.app.state.service)


def _label(text: str) -> Json:
    return msgspec.json.decode(text)


def _shown(door: Reached, state: GoldState) -> GoldInDoubt:
    links = door.settings.payload_links
    until_us = door.handlers.clock.now_us() + links.seconds * MICROSECONDS
    at = datetime.fromtimestamp(state.flagged_at_us / MICROSECONDS, UTC).isoformat(timespec="milliseconds")
    return GoldInDoubt(
        state.unit_id,
        payload_link(links.keys[0], links.ingest_url, state.unit_id, until_us),
        _label(state.known_label),
        [SaidOfGold(_label(answer.label), answer.annotators) for answer in state.said],
        state.good,
        state.disagreeing,
        state.share_low,
        f"{at[:-6]}Z",
        "appealed" if state.standing == "appealed" else "flagged",
        [appeal.reason for appeal in state.appeals],
        state.closed_since,
    )
