"""Routes of qualification: how annotators stand in a project, another try for who failed, and what gold is left."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, name_in, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.contracts.names import NAME_CHARACTERS_MAX
from services.assign.domain.qualification import QualificationState, Standing
from services.assign.domain.refusals import ProjectUnknown
from services.assign.door.desk import Desk, desk_of

Operator = Annotated[Caller, require(Role.OPERATOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


Lead = Annotated[Caller, require(Role.CLIENT, Role.ADJUDICATOR, Role.OPERATOR)]


class AgainBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who may try once more."""

    annotator_id: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class Qualification(msgspec.Struct):
    """How an annotator stands in a project: what of hidden gold counts now, and how much of that was right.

    `gold_left`: how many gold units that they are fit for they have not met, as far as is known, 200 for so many or
    more: where that is less than qualifying takes, more gold is to be sent.
    """

    annotator_id: str
    standing: Standing
    answered: int
    right: int
    attempt: int
    guideline_version: int
    gold_left: int


class Qualifications(msgspec.Struct):
    """Some annotators of whom gold has told something, by name; `next` is the cursor of the rest, empty at the end."""

    qualifications: list[Qualification]
    next: str


class GoldStock(msgspec.Struct):
    """How much hidden gold of a project may still be shown; what is retired or in doubt is left out.

    `usable` may be shown, `spent` has been met by as many as may, and `stale` is too old or of an older guideline.
    Where the project bounds how many may meet a gold unit, `showings_left` says how often what is usable may still be
    shown, `shown_a_day` how often it was in the last seven days, and `days_left` how long it lasts at that pace.
    `annotators_without` asked in the last day, are given hidden gold alone, and have met all that may be shown.
    """

    project_id: str
    units: int
    usable: int
    spent: int
    stale: int
    showings_left: int | None
    shown_a_day: float | None
    days_left: float | None
    annotators_without: int


AGAIN = msgspec.json.Decoder(AgainBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    listed = documented(reply=Qualifications, refusals=(404,))
    routes.get("/projects/{project_id}/qualifications", **listed)(list_qualifications)
    again = documented(body=AgainBody, reply=Qualification, refusals=(404, 409))
    routes.post("/projects/{project_id}/qualifications", **again)(try_again)
    stocked = documented(reply=GoldStock, refusals=(404,))
    routes.get("/projects/{project_id}/gold/stock", **stocked)(show_stock)
    return routes


async def show_stock(request: Request, project_id: AnyId, caller: Lead) -> Response:
    """Tell how much hidden gold of a project may still be shown, and for how long that lasts."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    found = desk.handlers.gold_stocks.of(desk.handlers.projects.known(project_id))
    return json_answer(GoldStock(project_id, *found))


async def list_qualifications(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, cursor: str = ""
) -> Response:
    """List how annotators stand in a project that asks them to qualify, as far as gold has told of them."""
    desk, size = desk_of(request), page_size(limit)
    _visible(desk, project_id, caller)
    after = name_in(cursor)
    known = desk.handlers.claims.repository.view(project_id).qualifications
    names = sorted(name for name in known if name > after)
    shown = [await _shown(desk, known[name]) for name in names[:size]]
    return json_answer(Qualifications(shown, cursor_of(names[size - 1]) if len(names) > size else ""))


async def try_again(request: Request, project_id: AnyId, caller: Operator) -> Response:
    """Let somebody who failed to qualify try once more, from nothing; gold that they have met is not shown again."""
    desk = desk_of(request)
    _visible(desk, project_id, caller)
    body = await read_json(request, AGAIN)
    return json_answer(await _shown(desk, await desk.handlers.qualifying.again(project_id, body.annotator_id)))


def _visible(desk: Desk, project_id: str, caller: Caller) -> None:
    """Raise ProjectUnknown where there is none, or another client's when the caller is bound to one."""
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
    desk.handlers.projects.known(project_id)


async def _shown(desk: Desk, state: QualificationState) -> Qualification:
    right, answered = state.answered
    left = await desk.handlers.claims.gold_left(state.annotator_id, state.project_id)
    return Qualification(state.annotator_id, state.standing, answered, right, state.attempt, state.version, left)
