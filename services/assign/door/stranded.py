"""What waits in a project for somebody who is not there."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, name_in, page_size
from concord.chassis.identity import Caller, Role, require
from services.assign.domain.refusals import ProjectUnknown
from services.assign.door.desk import desk_of

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


class StrandedUnit(msgspec.Struct):
    """A unit that nobody is left to label; `told`: that was published; an adjudicator settles what has labels."""

    unit_id: str
    told: bool


class MissingSkills(msgspec.Struct):
    """Skills that nobody has who is defined, and how many units wait for them untouched."""

    skills: list[str]
    units: int


class WaitsForNobody(msgspec.Struct):
    """What waits in a project for somebody who is not there.

    Attributes:
        units: those that nobody is left to label, by id; a page, and `next` is the cursor of more.
        skills: what nobody has, and how many untouched units want it; these are not in `units`.
        count: units that wait in all: those of all pages of `units`, and those that `skills` counts.
    """

    units: list[StrandedUnit]
    skills: list[MissingSkills]
    count: int
    next: str


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    waits = documented(reply=WaitsForNobody, refusals=(404,))
    routes.get("/projects/{project_id}/stranded", **waits)(show_stranded)
    return routes


async def show_stranded(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, cursor: str = ""
) -> Response:
    """Show which units want labels that nobody who is defined can give, and which skills nobody has."""
    if not caller.may_touch(project_id):
        raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
    handlers, size = desk_of(request).handlers, page_size(limit)
    waits = handlers.stranded.of(handlers.projects.known(project_id).project_id, name_in(cursor), size + 1)
    units = [StrandedUnit(unit_id, told_since) for unit_id, told_since in waits.units[:size]]
    skills = [MissingSkills(list(skills), count) for skills, count in waits.skills]
    more = cursor_of(units[-1].unit_id) if len(waits.units) > size else ""
    return json_answer(WaitsForNobody(units, skills, waits.count, more))
