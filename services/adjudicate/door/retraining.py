"""Routes of an annotator who failed to qualify: what they got wrong, appeals, and that they have looked at it."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.clock import MICROSECONDS
from concord.chassis.http import AnyId, documented, json_answer, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import visible
from services.adjudicate.domain.gold import REASON_CHARACTERS_MAX, WAITING, GoldState
from services.adjudicate.domain.retraining import Missed, NoAttemptLeft, NothingToRetrain
from services.adjudicate.door.gold import Reached, reached
from services.adjudicate.door.means import timestamp

STATUSES: dict[type[Exception], int] = {NothingToRetrain: 404, NoAttemptLeft: 409}

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Person = Annotated[Caller, require(Role.ANNOTATOR, people=True)]
Json = Any
Standing = Literal["", "open", "upheld", "declined"]


class MissedUnit(msgspec.Struct, frozen=True):
    """A unit that the caller got wrong.

    Attributes:
        known_label: what is right, as it is known now.
        given_label: what they said.
        appeal: empty: they did not appeal; else `open`, `upheld` or `declined`.
        reason: why it is right, in the words of who ruled on it, where somebody has.
    """

    unit_id: str
    payload_url: str
    known_label: Json
    given_label: Json
    appeal: Standing
    reason: str


class RetrainingUnits(msgspec.Struct, frozen=True):
    """What the caller is to look at in a project before they try again; none of it is shown to them as work.

    `last`: that was the last try that the project gives them: they may appeal, and an operator may let them go on.
    """

    project_id: str
    attempt: int
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    units: list[MissedUnit]
    last: bool


class OwnAppeal(msgspec.Struct, frozen=True):
    """What became of an appeal of the caller's.

    Attributes:
        known_label: what is right, as it is known now.
        appeal: `open`, `upheld` or `declined`.
        said: why they were right, in their words.
        reason: why it is right, in the words of who ruled; empty while nobody has.
        appealed_at: RFC 3339, UTC; empty of an appeal of before that was kept.
    """

    unit_id: str
    payload_url: str
    known_label: Json
    appeal: Literal["open", "upheld", "declined"]
    said: str
    reason: str
    appealed_at: str


class OwnAppeals(msgspec.Struct, frozen=True):
    """The caller's appeals in a project, of what they were shown after their newest tries, newest first."""

    appeals: list[OwnAppeal]


class RetrainedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That the caller has looked at all that was shown of this attempt."""

    attempt: Annotated[int, Meta(ge=1)]


class Retrained(msgspec.Struct, frozen=True):
    """That they may try again: assign gives them units to qualify by within a second."""

    attempt: int
    finished: bool


class AppealBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That the caller was right, and why."""

    unit_id: Annotated[str, Meta(min_length=1, max_length=200)]
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)]


class Appealed(msgspec.Struct, frozen=True):
    """How an appeal stands."""

    unit_id: str
    appeal: Standing


RETRAINED = msgspec.json.Decoder(RetrainedBody)
APPEAL = msgspec.json.Decoder(AppealBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    path = "/projects/{project_id}/retraining"
    routes.get(path, **documented(reply=RetrainingUnits, refusals=(404,)))(show_missed)
    routes.post(path, **documented(body=RetrainedBody, reply=Retrained, refusals=(404, 409)))(finish)
    routes.get(f"{path}/appeals", **documented(reply=OwnAppeals))(show_appeals)
    appealed = documented(body=AppealBody, reply=Appealed, refusals=(404, 409))
    routes.post(f"{path}/appeals", **appealed)(appeal)
    return routes


async def show_missed(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show an annotator who failed to qualify what they got wrong, with the right answers."""
    door = reached(request)
    project = visible(door.handlers.projects, project_id, caller)
    state, known = await door.handlers.retraining.of(project_id, caller.subject)
    units = [_shown(door, unit, known.get(unit.unit_id), caller.subject) for unit in state.missed]
    of_label = project.offered().spec(), project.guideline_text, project.guideline_version
    return json_answer(RetrainingUnits(project_id, state.attempt, *of_label, units, state.last))


async def show_appeals(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show an annotator what became of their appeals, whether they have tried again since or not."""
    door = reached(request)
    visible(door.handlers.projects, project_id, caller)
    states = await door.handlers.retraining.appeals(project_id, caller.subject)
    return json_answer(OwnAppeals([_own(door, state, caller.subject) for state in states]))


async def finish(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Take down that the caller has looked at all that they missed: they may try again."""
    door = reached(request)
    visible(door.handlers.projects, project_id, caller)
    body = await read_json(request, RETRAINED)
    await door.handlers.retraining.finish(project_id, caller.subject, body.attempt)
    return json_answer(Retrained(body.attempt, finished=True))


async def appeal(request: Request, project_id: AnyId, caller: Person) -> Response:
    """Say that one was right on a unit that one is shown; an adjudicator rules on it, and whoever was right is."""
    door = reached(request)
    visible(door.handlers.projects, project_id, caller)
    body = await read_json(request, APPEAL)
    state = await door.handlers.retraining.appeal(project_id, caller.subject, body.unit_id, body.reason)
    return json_answer(Appealed(body.unit_id, _standing(state, caller.subject)))


def _own(door: Reached, state: GoldState, annotator_id: str) -> OwnAppeal:
    appeal, standing = state.appeal_of(annotator_id), _standing(state, annotator_id)
    assert appeal is not None, "it is theirs"
    assert standing, "so it stands somehow"
    return OwnAppeal(
        state.unit_id,
        _link(door, state.unit_id),
        msgspec.json.decode(state.known_label),
        standing,
        appeal.reason,
        "" if standing == "open" else state.reason,
        timestamp(appeal.at_us) if appeal.at_us else "",
    )


def _link(door: Reached, unit_id: str) -> str:
    links = door.settings.payload_links
    return payload_link(
        links.keys[0], links.ingest_url, unit_id, door.handlers.clock.now_us() + links.seconds * MICROSECONDS
    )


def _standing(state: GoldState | None, annotator_id: str) -> Standing:
    if state is None or state.appeal_of(annotator_id) is None:
        return ""
    if state.standing in WAITING:
        return "open"
    return "declined" if state.standing == "confirmed" else "upheld"


def _shown(door: Reached, missed: Missed, known: GoldState | None, annotator_id: str) -> MissedUnit:
    right = known.known_label if known is not None else missed.known
    return MissedUnit(
        missed.unit_id,
        _link(door, missed.unit_id),
        msgspec.json.decode(right),
        msgspec.json.decode(missed.given),
        _standing(known, annotator_id),
        known.reason if known is not None else "",
    )
