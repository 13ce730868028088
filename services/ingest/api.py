"""Ingest's HTTP door."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, NamedTuple, cast

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.exceptions import HTTPException

from concord.chassis.errors import BadRequest, ConcordError, FieldError, Forbidden, Gone, Invalid, UnsupportedMediaType
from concord.chassis.http import (
    BYTE_ORDER_MARK,
    AnyId,
    Overlong,
    allow_body,
    decode,
    decode_line,
    documented,
    json_answer,
    media_type,
    read_json,
    read_lines,
    split,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import SignedLink
from services.ingest.domain.admission import UnitWish, shown_as_text
from services.ingest.domain.project import Definition, ProjectDoesNotExist, ProjectRefused, ProjectState
from services.ingest.handlers import Admission, Handlers
from services.ingest.schemas import (
    DEFINITION,
    UNIT,
    UNITS,
    WANTED_UNITS,
    AdmissionReport,
    AdmittedUnit,
    Caution,
    FoundUnits,
    ProjectBody,
    Projects,
    Refusal,
    Sealed,
    WantedUnits,
)

STATUSES: dict[type[Exception], int] = {ProjectDoesNotExist: 404, ProjectRefused: 422}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_CHARACTERS_MAX = 40
IMPORT_BYTES_MAX = 2_000_000_000
ADMIT_UNITS = 500
ADMIT_BYTES = 8_000_000
"""Units of a stream that are admitted together, and their bytes beyond which fewer are."""
LISTED_MAX = 1_000
"""Refusals, cautions, and units, that a report lists one by one."""
ANYWHERE = (
    "/v1/projects",
    "/v1/projects/{project_id}",
    "/v1/projects/{project_id}/units",
    "/v1/projects/{project_id}/units/find",
    "/v1/payloads/{unit_id}",
)
"""Served by any process, though most name a project or a unit: inserts decide. Lots alone are cut by the owner."""
NDJSON = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Client = Annotated[Caller, require(Role.CLIENT)]
_SLUG = {"minLength": 1, "maxLength": SLUG_CHARACTERS_MAX, "pattern": f"^{SLUG.pattern}$"}
Slug = Annotated[str, Path(json_schema_extra=_SLUG, description="The client's own name of the project.")]
LINK = tuple(
    {"name": name, "in": "query", "required": True, "schema": {"type": "string", "pattern": pattern}}
    for name, pattern in (("expires", "^[0-9]{1,19}$"), ("signature", "^[0-9a-f]{64}$"))
)
"""What a signed link brings with it."""


def router(signed_link: SignedLink) -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    defined = documented(body=Definition, reply=ProjectBody, also=201)
    routes.put("/projects/{slug}", **defined)(define_project)
    routes.get("/projects", **documented(reply=Projects))(list_projects)
    routes.get("/projects/{project_id}", **documented(reply=ProjectBody, refusals=(404,)))(show_project)
    admitted = documented(
        body=list[UnitWish] | UnitWish, lines=NDJSON, reply=AdmissionReport, status=202, refusals=(404,)
    )
    routes.post("/projects/{project_id}/units", **admitted)(admit_units)
    found = documented(body=WantedUnits, reply=FoundUnits, refusals=(404,))
    routes.post("/projects/{project_id}/units/find", **found)(find_units)
    routes.post("/projects/{project_id}/seal", **documented(reply=Sealed, refusals=(404,)))(seal_lots)
    shown = documented(reply_media_types=("text/plain", "application/json"), refusals=(410,), parameters=LINK)
    routes.get("/payloads/{unit_id}", dependencies=[Depends(signed_link)], **shown)(show_payload)
    return routes


def _handlers(request: Request) -> Handlers:
    return cast("Handlers", request.app.state.service)


async def define_project(request: Request, slug: Slug, caller: Client) -> Response:
    """Define a project, or define it anew."""
    if not SLUG.fullmatch(slug) or len(slug) > SLUG_CHARACTERS_MAX:
        cure = f"use a-z, 0-9 and single hyphens, at most {SLUG_CHARACTERS_MAX} characters"
        raise Invalid(f"{slug!r} cannot name a project.", [FieldError("slug", "is no slug", cure)])
    definition = await read_json(request, DEFINITION)
    assert caller.client_id is not None, "a client's credential names its client"
    state, new = await _handlers(request).projects.define(caller.client_id, slug, definition)
    return json_answer(ProjectBody.of(state), 201 if new else 200)


async def list_projects(request: Request, caller: ClientOrOperator) -> Response:
    """List the caller's projects."""
    found = _handlers(request).projects.of_client(caller.client_id)
    return json_answer(Projects([ProjectBody.of(state) for state in found]))


async def show_project(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show one project, whole."""
    return json_answer(ProjectBody.of(await _project(request, project_id, caller)))


async def admit_units(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Admit units: one, a JSON array, or NDJSON, which is streamed. Every line gets its own verdict."""
    project = await _project(request, project_id, caller)
    kind = media_type(request)
    if kind in NDJSON:
        allow_body(request, IMPORT_BYTES_MAX)
        batches = _from_lines(request)
    elif kind == "application/json":
        batches = _from_json(await request.body())
    else:
        raise UnsupportedMediaType(f"The body is {kind or 'of no type'}; send application/json or {NDJSON[0]}.")
    report = _Report()
    async for first_line, parsed in batches:
        wishes = [(line, one) for line, one in enumerate(parsed, first_line) if isinstance(one, UnitWish)]
        for line, one in enumerate(parsed, first_line):
            if isinstance(one, _Stopped):
                report.stop(line, one.error)
            elif isinstance(one, ConcordError):
                report.refuse(line, one.errors[0])
        admission = await _handlers(request).admissions.admit(project, [wish for _, wish in wishes])
        report.add([line for line, _ in wishes], admission)
        # Where every line is refused nothing else waits, and other callers want their turn.
        await asyncio.sleep(0)
    return json_answer(report.body(), 202)


async def find_units(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Say where units stand, by the client's own ids: so every id is answered, however many there are."""
    project = await _project(request, project_id, caller)
    wanted = await read_json(request, WANTED_UNITS)
    found = await _handlers(request).admissions.find(project, wanted.ids)
    return json_answer(FoundUnits([AdmittedUnit.of(one) for one in found]))


async def seal_lots(request: Request, project_id: AnyId, caller: Client) -> Response:
    """Cut what waits into lots now, full or not: the import is complete."""
    project = await _project(request, project_id, caller)
    return json_answer(Sealed(await _handlers(request).lots.seal_all(project)))


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
    if shown_as_text(unit.media_type, content):
        return Response(content, media_type="text/plain", headers=headers)
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)


async def _project(request: Request, project_id: str, caller: Caller) -> ProjectState:
    if caller.client_id is None and not caller.may(Role.OPERATOR):
        raise Forbidden("This credential names no client.")
    return await _handlers(request).projects.one(project_id, caller.client_id)


class _Stopped(NamedTuple):
    """Why a body broke off, in the place of the line that did not come."""

    error: ConcordError


Parsed = Sequence[UnitWish | ConcordError | _Stopped | None]


async def _from_json(body: bytes) -> AsyncIterator[tuple[int, Parsed]]:
    """Yield the units of a JSON body some at a time; in an array an unreadable one is its refusal.

    Raises:
        BadRequest, Invalid: the body is no JSON, or no unit.
    """
    if not body.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        yield 1, [decode(UNIT, body)]
        return
    units = split(UNITS, body)
    for start in range(0, len(units), ADMIT_UNITS):
        yield start + 1, [_unit(bytes(one)) for one in units[start : start + ADMIT_UNITS]]


async def _from_lines(request: Request) -> AsyncIterator[tuple[int, Parsed]]:
    """Yield the lines' units some at a time; an unreadable line is its refusal, and an empty one is passed over.

    A body that breaks off after its first line ends with the reason: what was admitted before is not to be forgotten.

    Raises:
        HTTPException: it broke off before.
    """
    first_line, size = 1, 0
    parsed: list[UnitWish | ConcordError | _Stopped | None] = []
    try:
        async for lines in read_lines(request):
            for line in lines:
                parsed.append(_overlong(line) if isinstance(line, Overlong) else _unit(line))
                size += 0 if isinstance(line, Overlong) else len(line)
                if len(parsed) == ADMIT_UNITS or size > ADMIT_BYTES:
                    yield first_line, parsed
                    first_line, parsed, size = first_line + len(parsed), [], 0
    except HTTPException as fault:
        if not isinstance(fault.__cause__, ConcordError) or not (parsed or first_line > 1):
            raise
        parsed.append(_Stopped(fault.__cause__))
    if parsed:
        yield first_line, parsed


def _unit(line: bytes) -> UnitWish | ConcordError | None:
    if not line.strip():
        return None
    try:
        return decode_line(UNIT, line)
    except (BadRequest, Invalid) as refusal:
        return refusal


def _overlong(line: Overlong) -> ConcordError:
    problem, cure = f"is over {line.bytes_max} bytes", "send a shorter line, or {'uri': ...}"
    return Invalid(f"The line {problem}.", [FieldError("body", problem, cure)])


class _Report:
    """Adds up what became of the batches of one request."""

    def __init__(self) -> None:
        self.counts = {"admitted": 0, "repeated": 0, "duplicate_of": 0, "left_out": 0}
        self.refused_count = 0
        self.refused: list[Refusal] = []
        self.caution_count = 0
        self.cautions: list[Caution] = []
        self.units: list[AdmittedUnit] = []
        self.stopped: Refusal | None = None

    def stop(self, line: int, error: ConcordError) -> None:
        """Note in which line the body broke off."""
        cure = "send the lines from this one on, or all of them again: none is taken twice"
        self.stopped = Refusal(line, "body", error.detail, cure)

    def refuse(self, line: int, error: Any) -> None:
        """Note a refusal; `error` has field, problem and cure."""
        self.refused_count += 1
        if len(self.refused) < LISTED_MAX:
            self.refused.append(Refusal(line, error.field, error.problem, error.cure))

    def add(self, lines: Sequence[int], admission: Admission) -> None:
        """Note what became of a batch whose units stood on these lines."""
        for position, refusal in sorted(admission.refused.items()):
            self.refuse(lines[position], refusal)
        for position, caution in admission.cautions:
            self.caution_count += 1
            if len(self.cautions) < LISTED_MAX:
                self.cautions.append(Caution(lines[position], caution.field, caution.problem, caution.cure))
        for _, place in sorted(admission.places.items()):
            self.counts[place.status] += 1
            if len(self.units) < LISTED_MAX:
                self.units.append(AdmittedUnit.of(place))

    def body(self) -> AdmissionReport:
        """Return the report."""
        self.refused.sort(key=lambda one: one.line)
        return AdmissionReport(
            **self.counts,
            refused_count=self.refused_count,
            refused=self.refused,
            caution_count=self.caution_count,
            cautions=self.cautions,
            units=self.units,
            stopped=self.stopped,
        )
