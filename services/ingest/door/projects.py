"""The routes of a project's life, and of who changed what of it."""

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request, Response

from concord.chassis.errors import Forbidden
from concord.chassis.http import AnyId, Limit, Whole, documented, json_answer, page_size, read_wish
from concord.chassis.identity import Caller, Role, require
from services.ingest.domain.project import Author, Life, ProjectState
from services.ingest.handlers import Handlers
from services.ingest.schemas import (
    LIFE,
    ChangeBody,
    Changes,
    GuidelineBody,
    GuidelineListed,
    Guidelines,
    LifeBody,
    ProjectBody,
)

REVISIONS_MAX = 50
"""Of one page of changes: each has up to some seventy fields."""

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
After = Annotated[Whole, Query(ge=0, description="Where the page before ended: it tells it as `next`.")]
Version = Annotated[Whole, Path(ge=1, description="Of the guideline, counted from 1.")]


def add_routes(routes: APIRouter) -> None:
    """Add these routes to ingest's table."""
    turned = documented(body=LifeBody, body_required=False, reply=ProjectBody, refusals=(404, 409))
    routes.post("/projects/{project_id}/pause", **turned)(pause_project)
    routes.post("/projects/{project_id}/resume", **turned)(resume_project)
    routes.post("/projects/{project_id}/close", **turned)(close_project)
    routes.get("/projects/{project_id}/changes", **documented(reply=Changes, refusals=(404,)))(list_changes)
    routes.get("/projects/{project_id}/guidelines", **documented(reply=Guidelines, refusals=(404,)))(list_guidelines)
    shown = documented(reply=GuidelineBody, refusals=(404,))
    routes.get("/projects/{project_id}/guidelines/{version}", **shown)(show_guideline)


def handlers_of(request: Request) -> Handlers:
    """Return the use cases."""
    return cast("Handlers", request.app.state.service.handlers)


def author(caller: Caller) -> Author:
    """Return who changes a project, as its history names them."""
    return Author(caller.subject, str(Role.CLIENT if caller.may(Role.CLIENT) else Role.OPERATOR))


async def project_of(request: Request, project_id: str, caller: Caller) -> ProjectState:
    """Return a project that the caller may see.

    Raises:
        ProjectDoesNotExist: none, or another client's.
        Forbidden: the credential names no client, and is no operator's.
    """
    if caller.client_id is None and not caller.may(Role.OPERATOR):
        raise Forbidden("This credential names no client.")
    return await handlers_of(request).projects.one(project_id, caller.client_id)


async def pause_project(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Pause a project: nothing more of it is given out or taken in until it is resumed; who holds a unit may end it."""
    return await _turn(request, project_id, caller, "paused")


async def resume_project(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Resume a paused project: all goes on where it was."""
    return await _turn(request, project_id, caller, "open")


async def close_project(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Close a project, for good: nothing more is taken in or given out, and what was begun is settled."""
    return await _turn(request, project_id, caller, "closed")


async def _turn(request: Request, project_id: str, caller: Caller, life: Life) -> Response:
    project = await project_of(request, project_id, caller)
    entry = await read_wish(request, LIFE)
    return json_answer(
        ProjectBody.of(await handlers_of(request).projects.turn(project, life, entry.reason, author(caller)))
    )


async def list_changes(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, after: After = 0
) -> Response:
    """List who changed what of a project, and when, oldest first; `limit` counts revisions, at most 50."""
    project = await project_of(request, project_id, caller)
    wanted = min(page_size(limit), REVISIONS_MAX)
    found, rest = await handlers_of(request).projects.changes(project, after, wanted)
    return json_answer(Changes([ChangeBody.of(change) for change in found], rest))


async def list_guidelines(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, after: After = 0
) -> Response:
    """List the versions of a project's guideline, oldest first, a page at a time; at most 50."""
    project = await project_of(request, project_id, caller)
    wanted = min(page_size(limit), REVISIONS_MAX)
    found, rest = await handlers_of(request).projects.guidelines(project, after, wanted)
    return json_answer(Guidelines([GuidelineListed.of(guideline) for guideline in found], rest))


async def show_guideline(request: Request, project_id: AnyId, version: Version, caller: ClientOrOperator) -> Response:
    """Show a version of a project's guideline, with its examples."""
    project = await project_of(request, project_id, caller)
    return json_answer(GuidelineBody.of(await handlers_of(request).projects.guideline(project, version)))
