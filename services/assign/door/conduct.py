"""Routes of conduct: against whom a project's rules of pace and skips hold, what they say to it, and a lead's word."""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, name_in, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.contracts.names import NAME_CHARACTERS_MAX
from services.assign.domain.refusals import ProjectUnknown
from services.assign.domain.rules import SKIPPED, ConductState, Held, Rule, Then
from services.assign.door.desk import Desk, desk_of
from services.assign.schemas import timestamp

REASON_CHARACTERS_MAX = 2_000
EVIDENCE_MAX = 20
"""Of the units that somebody last did, as many as are told; a rule may look at more."""
_REASON: Callable[[Held], str] = attrgetter("reason")
_FINDING: Callable[[Held], str] = attrgetter("finding")

Reason = Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX, pattern=r"\S")]
Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Person = Annotated[Caller, require(Role.ANNOTATOR, people=True)]
Lead = Annotated[Caller, require(Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR)]


class ReleaseBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who may go on."""

    annotator_id: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class ConductAppealBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why a rule should not hold against the caller; said once."""

    rule: Rule
    reason: Reason


class ConductRulingBody(msgspec.Struct, forbid_unknown_fields=True):
    """A lead's word on an appeal: `upheld`, they go on; `declined`, it stands; and why, as they are told it."""

    annotator_id: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
    rule: Rule
    outcome: Literal["upheld", "declined"]
    reason: Reason


class ConductAppeal(msgspec.Struct, omit_defaults=True):
    """What somebody says to a rule that holds against them.

    `outcome` is `open` until a lead has said why (`ruling`) it is `upheld` or `declined`; `over`: it ended unruled.
    """

    reason: str
    at: str
    outcome: Literal["open", "upheld", "declined", "over"]
    ruling: str = ""
    ruled_at: str = ""


class HeldRule(msgspec.Struct, omit_defaults=True):
    """A rule that holds against somebody: `pace` or `skips`, and what comes of it.

    `note`: it is told. `confirm`: labels that are given so fast take a second yes. `break`: nothing new `until` then.
    `pause`: nothing new until a lead lets them go on. `count` hasty labels, or skips, of `of`; under `floor_ms`.
    `times_ms` is the evidence: the last units that the rule looks at, active time of each label, null a skip.
    """

    rule: Rule
    then: Then
    reason: str
    since: str
    count: int
    of: int
    floor_ms: int = 0
    until: str = ""
    times_ms: list[int | None] = []
    appeal: ConductAppeal | None = None


class OwnConductShown(msgspec.Struct):
    """What holds against the caller in a project, each to be appealed once; `answers`: what became of the last ones."""

    project_id: str
    rules: list[HeldRule]
    answers: list[HeldRule]


class ConductRuled(msgspec.Struct):
    """A ruling that is taken, and told."""

    annotator_id: str
    rule: Rule
    outcome: str


class Conduct(msgspec.Struct):
    """What holds against an annotator."""

    annotator_id: str
    rules: list[HeldRule]


class Conducts(msgspec.Struct):
    """Against whom something holds now, by name; `next` is the cursor of the rest, empty at the end."""

    annotators: list[Conduct]
    next: str


class Released(msgspec.Struct):
    """Somebody against whom nothing holds any more."""

    annotator_id: str
    standing: Literal["released"] = "released"


RELEASE = msgspec.json.Decoder(ReleaseBody)
APPEAL = msgspec.json.Decoder(ConductAppealBody)
RULING = msgspec.json.Decoder(ConductRulingBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    path = "/projects/{project_id}/conduct"
    routes.get(path, **documented(reply=Conducts, refusals=(404,)))(list_conduct)
    routes.post(path, **documented(body=ReleaseBody, reply=Released, refusals=(404, 409)))(release)
    routes.get(f"{path}/mine", **documented(reply=OwnConductShown, refusals=(404,)))(show_own)
    appealed = documented(body=ConductAppealBody, reply=HeldRule, refusals=(404, 409))
    routes.post(f"{path}/appeals", **appealed)(appeal)
    ruled = documented(body=ConductRulingBody, reply=ConductRuled, refusals=(404, 409))
    routes.post(f"{path}/rulings", **ruled)(rule)
    return routes


async def list_conduct(
    request: Request, project_id: AnyId, caller: Lead, limit: Limit = None, cursor: str = ""
) -> Response:
    """List against whom the project's rules of pace and skips hold now, and what came of it."""
    desk, size = desk_of(request), page_size(limit)
    _visible(desk, project_id, caller)
    found = desk.handlers.conduct.of(project_id, name_in(cursor), size + 1)
    shown = [
        Conduct(state.annotator_id, [_shown(held, state, _FINDING) for held in held_now])
        for state, held_now in found[:size]
    ]
    return json_answer(Conducts(shown, cursor_of(shown[-1].annotator_id) if len(found) > size else ""))


async def release(request: Request, project_id: AnyId, caller: Lead) -> Response:
    """Let somebody go on who broke a rule: nothing that they did before is held against them."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    body = await read_json(request, RELEASE)
    await desk.handlers.conduct.release(project_id, body.annotator_id, caller.subject)
    return json_answer(Released(body.annotator_id))


async def show_own(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show the caller what holds against them in a project, by what evidence, until when, and what came of appeals."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    state, held_now = await desk.handlers.conduct_appeals.of(project_id, caller.subject)
    shown = [_shown(held, state, _REASON) for held in held_now]
    answers = [_shown(held, None, _REASON) for held in reversed(state.answers)]
    return json_answer(OwnConductShown(project_id, shown, answers))


async def appeal(request: Request, project_id: AnyId, caller: Person) -> Response:
    """Say why a rule should not hold against the caller, once each time that it begins to; a lead rules on it."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    body = await read_json(request, APPEAL)
    held = await desk.handlers.conduct_appeals.appeal(project_id, caller.subject, body.rule, body.reason.strip())
    return json_answer(_shown(held, None, _REASON))


async def rule(request: Request, project_id: AnyId, caller: Lead) -> Response:
    """Rule on what somebody says to a rule that holds against them: upheld, they go on with nothing against them."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    body = await read_json(request, RULING)
    word = body.rule, body.outcome, body.reason.strip(), caller.subject
    await desk.handlers.conduct_appeals.rule(project_id, body.annotator_id, *word)
    return json_answer(ConductRuled(body.annotator_id, body.rule, body.outcome))


def _visible(desk: Desk, project_id: str, caller: Caller) -> None:
    """Raise ProjectUnknown where there is none, or another client's when the caller is bound to one."""
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
    desk.handlers.projects.known(project_id)


def _shown(held: Held, state: ConductState | None, worded: Callable[[Held], str]) -> HeldRule:
    """Return a rule as it is told; without a state without the evidence, which is of what holds now."""
    until = timestamp(held.until_us) if held.until_us else ""
    since = timestamp(held.since_us)
    times = [] if state is None else [None if deed.ms == SKIPPED else deed.ms for deed in state.deeds[-EVIDENCE_MAX:]]
    return HeldRule(
        held.rule, held.then, worded(held), since, held.count, held.of, held.floor_ms, until, times, _appeal(held)
    )


def _appeal(held: Held) -> ConductAppeal | None:
    if (answer := held.appeal) is None:
        return None
    ruled_at = timestamp(answer.ruled_at_us) if answer.ruled_at_us else ""
    return ConductAppeal(answer.reason, timestamp(answer.at_us), answer.outcome or "open", answer.ruling, ruled_at)
