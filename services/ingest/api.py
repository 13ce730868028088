"""Ingest's HTTP door."""

import re
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.errors import Conflict, FieldError, Gone, Invalid
from concord.chassis.http import (
    AnyId,
    HotRoute,
    Limit,
    Whole,
    allow_body,
    documented,
    fitting,
    json_answer,
    page_size,
    read_json,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import SignedLink
from concord.labels import schema_from
from services.ingest.domain.admission import UnitWish, shown_as_text
from services.ingest.domain.guideline import GuidelineDoesNotExist
from services.ingest.domain.imports import ImportWish
from services.ingest.domain.project import Life, ProjectDoesNotExist, ProjectNotOpen, ProjectRefused
from services.ingest.domain.schema_versions import SchemaDoesNotExist
from services.ingest.domain.stated import RevisionIsAnother
from services.ingest.door.batches import IMPORT_BYTES_MAX, Body, Spools, batches, format_in
from services.ingest.door.defining import DEFINITION, DefinitionBody
from services.ingest.door.events import EVENT_MEDIA_TYPES, events_in
from services.ingest.door.imports import Reading
from services.ingest.door.parameters import FORMAT, Columns, Key, again, columns_of, options_of
from services.ingest.door.projects import ClientOrOperator, add_routes, author, project_of
from services.ingest.door.reidentification import STATUSES as REIDENTIFICATION_STATUSES
from services.ingest.door.reidentification import add_routes as add_reidentification_route
from services.ingest.door.report import Report
from services.ingest.door.schemas import add_routes as add_schema_routes
from services.ingest.door.serving import once, serve_all
from services.ingest.door.watching import EVENT_STREAM, watched
from services.ingest.formats import FORMATS, LINES
from services.ingest.handlers import Handlers
from services.ingest.schemas import (
    ERASED_LISTED_MAX,
    ERASURES,
    IMPORT,
    WANTED_UNITS,
    AdmissionReport,
    AdmittedUnit,
    ErasedUnit,
    ErasedUnits,
    Erasures,
    FoundUnits,
    ImportBody,
    ProjectBody,
    Projects,
    Sealed,
    SuggestionBody,
    WantedUnits,
)

STATUSES: dict[type[Exception], int] = {
    ProjectDoesNotExist: 404,
    GuidelineDoesNotExist: 404,
    SchemaDoesNotExist: 404,
    ProjectNotOpen: 409,
    ProjectRefused: 422,
    RevisionIsAnother: 409,
    **REIDENTIFICATION_STATUSES,
}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_CHARACTERS_MAX = 40
ANYWHERE = (
    "/v1/projects",
    "/v1/projects/{project_id}",
    "/v1/projects/{project_id}/pause",
    "/v1/projects/{project_id}/resume",
    "/v1/projects/{project_id}/close",
    "/v1/projects/{project_id}/changes",
    "/v1/projects/{project_id}/guidelines",
    "/v1/projects/{project_id}/guidelines/{version}",
    "/v1/projects/{project_id}/schemas",
    "/v1/projects/{project_id}/schemas/{version}",
    "/v1/projects/{project_id}/units",
    "/v1/projects/{project_id}/units/find",
    "/v1/units/{unit_id}/reidentification",
    "/v1/projects/{project_id}/erasures",
    "/v1/projects/{project_id}/events",
    "/v1/projects/{project_id}/imports",
    "/v1/imports/{import_id}",
    "/v1/imports/{import_id}/events",
    "/v1/payloads/{unit_id}",
    "/v1/payloads/{unit_id}/suggestion",
)
"""Served by any process, though most name a project or a unit: inserts decide. Lots alone are cut by the owner."""
FILES = tuple(dict.fromkeys(kind for found in FORMATS.values() for kind in found.media_types))
"""Media types of the formats that are no units of ours."""
ANY_FILE = (*LINES, "text/csv", "application/octet-stream")

Client = Annotated[Caller, require(Role.CLIENT)]
_SLUG = {"minLength": 1, "maxLength": SLUG_CHARACTERS_MAX, "pattern": f"^{SLUG.pattern}$"}
Slug = Annotated[str, Path(json_schema_extra=_SLUG, description="The client's own name of the project.")]
DryRun = Annotated[bool, Query(description="Whether to tell what would come of it, and write nothing.")]
LINK = tuple(
    {
        "name": name,
        "in": "query",
        "required": True,
        "schema": {"type": "string", "pattern": pattern},
        "description": "As the link has it that was given out.",
    }
    for name, pattern in (("expires", "^[0-9]{1,19}$"), ("signature", "^[0-9a-f]{64}$"))
)
"""What a signed link brings with it."""


def routers(signed_link: SignedLink) -> tuple[APIRouter, APIRouter]:
    """Return the route table: first what is asked for with every label and every event of a stream, then the others."""
    hot = APIRouter(prefix="/v1", route_class=HotRoute)
    shown = documented(reply_media_types=("text/plain", "application/json"), refusals=(410,), parameters=LINK)
    hot.get("/payloads/{unit_id}", dependencies=[Depends(signed_link)], **shown)(show_payload)
    documents = documented(
        body=dict, body_media_types=EVENT_MEDIA_TYPES, reply=AdmissionReport, status=202, refusals=(404, 409)
    )
    hot.post("/projects/{project_id}/events", **documents)(admit_events)
    routes = APIRouter(prefix="/v1")
    defined = documented(body=DefinitionBody, reply=ProjectBody, also=201, refusals=(409,))
    routes.put("/projects/{slug}", **defined)(define_project)
    routes.get("/projects", **documented(reply=Projects))(list_projects)
    routes.get("/projects/{project_id}", **documented(reply=ProjectBody, refusals=(404,)))(show_project)
    add_routes(routes)
    add_schema_routes(routes)
    add_reidentification_route(routes)
    admitted = documented(
        body=list[UnitWish] | UnitWish, lines=LINES, files=FILES, reply=AdmissionReport, status=202, refusals=(404, 409)
    )
    routes.post("/projects/{project_id}/units", **admitted)(admit_units)
    begun = documented(body=ImportWish, reply=ImportBody, also=201, refusals=(404, 409))
    routes.post("/projects/{project_id}/imports", **begun)(begin_import)
    routes.get("/imports/{import_id}", **documented(reply=ImportBody, refusals=(404,)))(show_import)
    sent = documented(body=str, body_media_types=(), files=ANY_FILE, reply=ImportBody, refusals=(404, 409))
    routes.patch("/imports/{import_id}", **sent)(send_import)
    followed = documented(reply_lines=ImportBody, reply_media_types=(EVENT_STREAM,), refusals=(404,))
    routes.get("/imports/{import_id}/events", **followed)(watch_import)
    found = documented(body=WantedUnits, reply=FoundUnits, refusals=(404,))
    routes.post("/projects/{project_id}/units/find", **found)(find_units)
    gone = documented(body=Erasures, reply=ErasedUnits, refusals=(404,))
    routes.post("/projects/{project_id}/erasures", **gone)(erase_units)
    routes.post("/projects/{project_id}/seal", **documented(reply=Sealed, refusals=(404,)))(seal_lots)
    suggested = documented(reply=SuggestionBody, parameters=LINK)
    routes.get("/payloads/{unit_id}/suggestion", dependencies=[Depends(signed_link)], **suggested)(show_suggestion)
    return hot, routes


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach.

    Attributes:
        handlers: the use cases.
        spools: the files that bodies lie in that can only be read whole.
        leaving: whether this process serves nothing any more, for good.
    """

    handlers: Handlers
    spools: Spools
    leaving: Callable[[], bool]


def _door(request: Request) -> Door:
    return cast("Door", request.app.state.service)


def _handlers(request: Request) -> Handlers:
    return _door(request).handlers


async def define_project(request: Request, slug: Slug, caller: Client, dry_run: DryRun = False) -> Response:
    """Define a project, or define it anew: a definition is whole, and what it leaves out has its default.

    To change a project, get it, change what it says, and send that: its `revision` keeps what came in between from
    being lost (409). The answer lists as `changed` what the definition changed. With `dry_run` nothing is written: the
    answer, or the refusal, is what would come of it.
    """
    if not SLUG.fullmatch(slug) or len(slug) > SLUG_CHARACTERS_MAX:
        cure = f"use a-z, 0-9 and single hyphens, at most {SLUG_CHARACTERS_MAX} characters"
        raise Invalid(f"{slug!r} cannot name a project.", [FieldError("slug", "is no slug", cure)])
    definition = await read_json(request, DEFINITION)
    assert caller.client_id is not None, "a client's credential names its client"
    found = await _handlers(request).projects.define(
        caller.client_id, slug, definition.definition(), author(caller), definition.stated(), dry_run=dry_run
    )
    body = msgspec.structs.replace(ProjectBody.of(found.state), changed=found.changed)
    return json_answer(body, 201 if found.new else 200)


async def list_projects(
    request: Request,
    caller: ClientOrOperator,
    limit: Limit = None,
    after: str = "",
    life: Annotated[Life | None, Query(description="Only those that are open, paused or closed.")] = None,
) -> Response:
    """List the caller's projects, by id, a page at a time; `after` is the page's `next`."""
    wanted = page_size(limit)
    found = _handlers(request).projects.of_client(caller.client_id, after, wanted + 1, life)
    shown = fitting([ProjectBody.of(state) for state in found[:wanted]])
    rest = shown[-1].project_id if len(found) > len(shown) else None
    return json_answer(Projects([*shown], rest))


async def show_project(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show one project, whole."""
    project = await project_of(request, project_id, caller)
    return json_answer(ProjectBody.of(project, await _handlers(request).waiting.standing(project)))


async def admit_units(
    request: Request,
    project_id: AnyId,
    caller: Client,
    columns: Annotated[Columns, Depends(columns_of)],
    named: Annotated[str, FORMAT] = "",
    key: Key = None,
) -> Response:
    """Admit units in any of the formats: each line gets its own verdict, and no body is held in memory."""
    project = await project_of(request, project_id, caller)
    door = _door(request)
    found = format_in(request, named)
    body = Body(request, caller.client_id, hashed=key is not None)
    place = f"{caller.client_id}/{request.url.path}/{key}"
    if key is not None and (answer := await again(door.handlers.imports, body, place)) is not None:
        return answer
    options = columns.options(schema_from(project.definition.label_schema))
    report = Report()
    async with aclosing(batches(body, found, options, door.spools)) as rows:
        await serve_all(door.handlers.admissions, project, rows, report)
    encoded = msgspec.json.encode(report.body())
    # Where the rest is to be sent later, the same request is to be served then, and not its answer told again.
    if key is not None and report.retry_after_seconds is None:
        await door.handlers.imports.answer(place, body.sha256.hexdigest(), 202, encoded)
    return Response(encoded, 202, media_type="application/json")


async def admit_events(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Admit units as CloudEvents over HTTP: one in binary or structured mode, or a batch."""
    project = await project_of(request, project_id, caller)
    report = Report()
    await serve_all(_handlers(request).admissions, project, once(await events_in(request, project_id)), report)
    return json_answer(report.body(), 202)


async def begin_import(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Begin an import, or find the one of this name: its file is sent in as many requests as it takes."""
    project = await project_of(request, project_id, caller)
    found, new = await _handlers(request).imports.begin(project, await read_json(request, IMPORT))
    return json_answer(ImportBody.of(found), 201 if new else 200)


async def show_import(request: Request, import_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show how far an import was read, and what was refused of it."""
    return json_answer(ImportBody.of(await _handlers(request).imports.one(import_id, caller.client_id)))


async def send_import(
    request: Request,
    import_id: AnyId,
    caller: Client,
    offset: Annotated[Whole, Query(ge=0, description="Where in the file the body begins: the import's `offset`.")] = 0,
    complete: Annotated[bool, Query(description="Whether the file ends with this body.")] = True,
) -> Response:
    """Send an import's file from its offset on; broken off, it is sent on from the offset that is shown then."""
    handlers = _handlers(request)
    found = await handlers.imports.one(import_id, caller.client_id)
    if found.progress.complete or offset != found.progress.offset:
        stands = "is complete" if found.progress.complete else f"is read to byte {found.progress.offset}"
        raise Conflict(f"The import {stands}; send the file from there on.")
    project = await project_of(request, found.project_id, caller)
    project.must_be_open()
    allow_body(request, IMPORT_BYTES_MAX)
    options = options_of(found.wish, schema_from(project.definition.label_schema))
    reading = Reading(handlers, project, found, options)
    await reading.read(Body(request, caller.client_id), complete=complete)
    return json_answer(ImportBody.of(reading.found))


async def watch_import(request: Request, import_id: AnyId, caller: ClientOrOperator) -> Response:
    """Tell as server-sent events how far an import is read, until it is complete."""
    imports = _handlers(request).imports
    await imports.one(import_id, caller.client_id)
    progress = watched(imports, import_id, caller.client_id, _door(request).leaving)
    return StreamingResponse(progress, media_type=EVENT_STREAM)


async def find_units(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Say where units stand, by the client's own ids: so every id is answered, however many there are."""
    project = await project_of(request, project_id, caller)
    wanted = await read_json(request, WANTED_UNITS)
    found = await _handlers(request).admissions.find(project, wanted.ids)
    return json_answer(FoundUnits([AdmittedUnit.of(unit) for unit in found]))


async def erase_units(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Withdraw units everywhere, by their ids or as those of a data subject: what they say is destroyed."""
    project = await project_of(request, project_id, caller)
    wanted = await read_json(request, ERASURES)
    erasure = _handlers(request).erasure
    erased = await erasure.erase(project, wanted.ids, wanted.reason) if wanted.ids else []
    if wanted.subject:
        erased += await erasure.erase_subject(project, wanted.subject, wanted.reason)
    listed = [ErasedUnit(each.unit.source_id, each.unit.unit_id, each.status) for each in erased]
    return json_answer(ErasedUnits(sum(each.status == "erased" for each in erased), listed[:ERASED_LISTED_MAX]))


async def seal_lots(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Cut what waits into lots now, full or not: the import is complete."""
    project = await project_of(request, project_id, caller)
    lots = _handlers(request).lots
    if sealed := await lots.seal_all(project):
        return json_answer(Sealed(sealed))
    return json_answer(Sealed.none(await lots.count(project)))


async def show_payload(request: Request, unit_id: AnyId) -> Response:
    """Show a unit's payload to whoever holds a signed link."""
    found = await _handlers(request).admissions.payload(unit_id)
    if found is None:
        raise Gone("The unit was withdrawn, or never was.")
    headers = {
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "private, no-store",
    }
    unit, content = found
    headers["concord-media-type"] = unit.media_type
    if shown_as_text(unit.media_type, content):
        return Response(content, media_type="text/plain", headers=headers)
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)


async def show_suggestion(request: Request, unit_id: AnyId) -> Response:
    """Show what a model says of a unit to whoever holds the signed link of its payload; null for those kept without."""
    found = await _handlers(request).admissions.suggestion(unit_id)
    label = msgspec.Raw(b"null" if found is None else found.label)
    body = SuggestionBody(label, "" if found is None else found.model, None if found is None else found.confidence)
    return Response(
        msgspec.json.encode(body), media_type="application/json", headers={"cache-control": "private, no-store"}
    )
