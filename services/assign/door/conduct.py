"""Routes of conduct: against whom a project's rules of pace and skips hold, and a lead's word that lets them go on."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, name_in, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.contracts.names import NAME_CHARACTERS_MAX
from services.assign.domain.refusals import ProjectUnknown
from services.assign.domain.rules import Held, Rule, Then
from services.assign.door.desk import Desk, desk_of
from services.assign.schemas import timestamp

Lead = Annotated[Caller, require(Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR)]


class ReleaseBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who may go on."""

    annotator_id: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class HeldRule(msgspec.Struct, omit_defaults=True):
    """A rule that holds against somebody: `pace` or `skips`, and what comes of it.

    `note`: it is told. `confirm`: labels that are given so fast take a second yes. `break`: nothing new `until` then.
    `pause`: nothing new until a lead lets them go on. `count` hasty labels, or skips, of `of`; under `floor_ms`.
    """

    rule: Rule
    then: Then
    reason: str
    since: str
    count: int
    of: int
    floor_ms: int = 0
    until: str = ""


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


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    path = "/projects/{project_id}/conduct"
    routes.get(path, **documented(reply=Conducts, refusals=(404,)))(list_conduct)
    routes.post(path, **documented(body=ReleaseBody, reply=Released, refusals=(404, 409)))(release)
    return routes


async def list_conduct(
    request: Request, project_id: AnyId, caller: Lead, limit: Limit = None, cursor: str = ""
) -> Response:
    """List against whom the project's rules of pace and skips hold now, and what came of it."""
    desk, size = desk_of(request), page_size(limit)
    _visible(desk, project_id, caller)
    found = desk.handlers.conduct.of(project_id, name_in(cursor), size + 1)
    shown = [Conduct(name, [_shown(held) for held in rules]) for name, rules in found[:size]]
    return json_answer(Conducts(shown, cursor_of(shown[-1].annotator_id) if len(found) > size else ""))


async def release(request: Request, project_id: AnyId, caller: Lead) -> Response:
    """Let somebody go on who broke a rule: nothing that they did before is held against them."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    body = await read_json(request, RELEASE)
    await desk.handlers.conduct.release(project_id, body.annotator_id, caller.subject)
    return json_answer(Released(body.annotator_id))


def _visible(desk: Desk, project_id: str, caller: Caller) -> None:
    """Raise ProjectUnknown where there is none, or another client's when the caller is bound to one."""
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
    desk.handlers.projects.known(project_id)


def _shown(held: Held) -> HeldRule:
    until = timestamp(held.until_us) if held.until_us else ""
    since = timestamp(held.since_us)
    return HeldRule(held.rule, held.then, held.finding, since, held.count, held.of, held.floor_ms, until)
