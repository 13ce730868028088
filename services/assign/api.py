"""Assign's HTTP door."""

from collections.abc import Callable
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Request, Response

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import Project
from concord.chassis.settings import PayloadLinkSettings
from concord.contracts.names import NameRefused, name_from
from concord.labels import encoded
from services.assign.domain import refusals
from services.assign.domain.refusals import Refusal
from services.assign.domain.unit import Assignment
from services.assign.handlers import Answer, Handlers, Leased, Taken
from services.assign.hot_route import HotRoute
from services.assign.schemas import (
    CLAIM,
    SKIP,
    SUBMISSION,
    SUBMISSIONS,
    AnnotatorBody,
    AnnotatorShown,
    AssignmentBody,
    AssignmentOffer,
    ClaimBody,
    Claimed,
    Guideline,
    HeldLease,
    SkipBody,
    Standing,
    SubmissionBody,
    SubmissionError,
    SubmissionResult,
    SubmissionResults,
    SubmissionsBody,
    body_documented,
    reply_documented,
    timestamp,
)

STATUSES: dict[type[Exception], int] = {
    refusals.AssignmentUnknown: 404,
    refusals.ProjectUnknown: 404,
    refusals.AnnotatorUnknown: 404,
    refusals.LeaseExpired: 410,
    refusals.LeaseOver: 409,
    refusals.RenewalsUsedUp: 409,
    refusals.AnsweredOtherwise: 409,
    refusals.NotOffered: 409,
    refusals.LabelRefused: 422,
}

NOTHING_WAITS = "Nothing waits for you in this project now; ask again in a few seconds."

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Operator = Annotated[Caller, require(Role.OPERATOR)]


def routers() -> tuple[APIRouter, APIRouter]:
    """Return the route table: first the hot routes, which are looked through first, then the others."""
    hot = APIRouter(prefix="/v1", route_class=HotRoute)
    hot.post("/projects/{project_id}/claims", **_json_route(ClaimBody, Claimed))(claim)
    hot.post("/assignments/{assignment_id}/submission", **_json_route(SubmissionBody, SubmissionResult))(submit)
    hot.post("/submissions", **_json_route(SubmissionsBody, SubmissionResults))(submit_many)
    routes = APIRouter(prefix="/v1")
    routes.put("/annotators/{annotator_id:path}", response_model=AnnotatorShown)(define_annotator)
    routes.get("/annotators/{annotator_id:path}", response_model=AnnotatorShown)(show_annotator)
    routes.get("/projects/{project_id}/guideline", **_json_route(None, Guideline))(show_guideline)
    routes.post("/assignments/{assignment_id}/skip", **_json_route(SkipBody, AssignmentBody))(skip)
    routes.post("/assignments/{assignment_id}/return", **_json_route(None, AssignmentBody))(give_back)
    routes.post("/assignments/{assignment_id}/renew", **_json_route(None, AssignmentBody))(renew)
    routes.get("/me", **_json_route(None, Standing))(show_me)
    return hot, routes


def _json_route(body: type[msgspec.Struct] | None, reply: type[msgspec.Struct]) -> dict[str, Any]:
    """Return how a route is documented whose bodies msgspec reads and writes."""
    extra = body_documented(body) if body is not None else None
    return {"openapi_extra": extra, "responses": reply_documented(reply), "response_class": Response}


class Desk:
    """What the routes reach: the handlers, and how a lease is shown.

    Args:
        handlers: assign's use cases.
        links: what payload links are made of.
        clock: time.
    """

    def __init__(self, handlers: Handlers, links: PayloadLinkSettings, clock: Clock) -> None:
        self.handlers = handlers
        self._clock = clock
        self._link_us = links.seconds * MICROSECONDS
        secret, url = links.secret.key(), links.ingest_url
        self._link: Callable[[str, int], str] = lambda unit_id, until_us: payload_link(secret, url, unit_id, until_us)
        self._schemas: dict[str, tuple[int, msgspec.Raw]] = {}

    def offer(self, lease: Leased) -> AssignmentOffer:
        """Return a lease as its annotator sees it. The link outlives the lease, so that a renewed one keeps it."""
        until_us = max(lease.assignment.lease_until_us, self._clock.now_us() + self._link_us)
        return AssignmentOffer(
            assignment_id=lease.assignment.id,
            unit_id=lease.unit.unit_id,
            payload_url=self._link(lease.unit.unit_id, until_us),
            media_type=lease.unit.media_type,
            lease_until=timestamp(lease.assignment.lease_until_us),
            guideline_version=lease.assignment.guideline_version,
            label_schema=self.label_schema(lease.project),
        )

    def label_schema(self, project: Project) -> msgspec.Raw:
        """Return the project's label schema as JSON, worded once a revision."""
        known = self._schemas.get(project.project_id)
        if known is None or known[0] != project.revision:
            known = (project.revision, msgspec.Raw(encoded(project.schema.spec())))
            self._schemas[project.project_id] = known
        return known[1]


def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.service)


def _json(body: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


async def define_annotator(
    request: Request, response: Response, annotator_id: str, body: AnnotatorBody, caller: Operator
) -> AnnotatorShown:
    """Say who an annotator is, or say it anew."""
    del caller
    state, new = await _desk(request).handlers.annotators.define(body.wanted(_named(annotator_id)))
    response.status_code = 201 if new else 200
    return AnnotatorShown.of(state)


def _named(annotator_id: str) -> str:
    """Return the annotator's name as it is kept.

    Raises:
        Invalid: it is none.
    """
    try:
        return name_from(annotator_id)
    except NameRefused as refused:
        error = FieldError("annotator_id", refused.problem, refused.cure)
        raise Invalid(f"annotator_id {refused.problem}.", [error]) from refused


async def show_annotator(request: Request, annotator_id: str, caller: Operator) -> AnnotatorShown:
    """Show an annotator as last defined."""
    del caller
    return AnnotatorShown.of(await _desk(request).handlers.annotators.get(_named(annotator_id)))


async def claim(request: Request, project_id: str, caller: Annotator) -> Response:
    """Lease units; what the caller holds in the project already is offered again first."""
    desk = _desk(request)
    wish = await read_json(request, CLAIM)
    leases = await desk.handlers.claims.claim(caller.subject, project_id, wish.units)
    return _json(Claimed([desk.offer(lease) for lease in leases], "" if leases else NOTHING_WAITS))


async def show_guideline(request: Request, project_id: str, caller: Annotator) -> Response:
    """Show how a project's units are to be labelled."""
    desk = _desk(request)
    project = await desk.handlers.claims.guideline(caller.subject, project_id)
    schema = desk.label_schema(project)
    return _json(Guideline(project.project_id, project.guideline_version, project.guideline_text, schema))


async def submit_many(request: Request, caller: Annotator) -> Response:
    """Take many labels; each has its own result."""
    body = await read_json(request, SUBMISSIONS)
    answers = [Answer(one.assignment_id, bytes(one.label), one.active_ms, one.flag) for one in body.submissions]
    results = await _desk(request).handlers.submissions.submit(caller.subject, answers)
    return _json(
        SubmissionResults([_result(answer.assignment_id, one) for answer, one in zip(answers, results, strict=True)])
    )


async def submit(request: Request, assignment_id: str, caller: Annotator) -> Response:
    """Take one label."""
    body = await read_json(request, SUBMISSION)
    answer = Answer(assignment_id, bytes(body.label), body.active_ms, body.flag)
    (result,) = await _desk(request).handlers.submissions.submit(caller.subject, [answer])
    if isinstance(result, Refusal):
        raise result
    return _json(_result(assignment_id, result))


async def skip(request: Request, assignment_id: str, caller: Annotator) -> Response:
    """Pass a unit over, with the reason."""
    body = await read_json(request, SKIP)
    return _json(_stands(await _desk(request).handlers.leases.skip(caller.subject, assignment_id, body.reason)))


async def give_back(request: Request, assignment_id: str, caller: Annotator) -> Response:
    """Give a unit back unlabelled."""
    return _json(_stands(await _desk(request).handlers.leases.give_back(caller.subject, assignment_id)))


async def renew(request: Request, assignment_id: str, caller: Annotator) -> Response:
    """Prolong a lease from now on."""
    return _json(_stands(await _desk(request).handlers.leases.renew(caller.subject, assignment_id)))


async def show_me(request: Request, caller: Annotator) -> Response:
    """Show the caller who they are here, and what they hold."""
    handlers = _desk(request).handlers
    annotator = await handlers.annotators.get(caller.subject)
    leases = [
        HeldLease(one.assignment.id, one.unit.unit_id, one.unit.project_id, timestamp(one.assignment.lease_until_us))
        for one in await handlers.claims.held(caller.subject)
    ]
    languages = list(annotator.languages)
    return _json(Standing(annotator.annotator_id, annotator.kind, list(annotator.skills), languages, leases))


def _result(assignment_id: str, result: Taken | Refusal) -> SubmissionResult:
    if isinstance(result, Taken):
        return SubmissionResult(assignment_id, status=result.status, annotation_id=assignment_id)
    error = SubmissionError(result.field, str(result), result.cure, STATUSES[type(result)])
    return SubmissionResult(assignment_id, error=error)


def _stands(assignment: Assignment) -> AssignmentBody:
    until = timestamp(assignment.lease_until_us) if assignment.status == "leased" else ""
    return AssignmentBody(assignment.id, assignment.status, until)
