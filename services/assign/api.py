"""Assign's HTTP door."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Path, Request, Response

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import ConcordError, FieldError, Forbidden, Invalid
from concord.chassis.http import AnyId, decode, decode_each, documented, json_answer, read_json, read_split
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.places.gather import Gather
from concord.chassis.projects import Project
from concord.chassis.settings import PayloadLinkSettings
from concord.contracts.ids import slot_of
from concord.contracts.names import NAME_CHARACTERS_MAX, NAME_PATTERN, NameRefused, name_from
from concord.labels import encoded
from services.assign.domain import refusals
from services.assign.domain.reasons import Code
from services.assign.domain.refusals import Refusal
from services.assign.domain.unit import Assignment
from services.assign.handlers import Answer, Handlers, Leased, Taken
from services.assign.hot_route import HotRoute
from services.assign.schemas import (
    ANNOTATOR,
    CLAIM,
    NAMED_ITEM,
    RESULTS,
    SKIP,
    STANDING,
    SUBMISSION,
    SUBMISSION_ITEM,
    SUBMISSIONS,
    AnnotatorBody,
    AnnotatorShown,
    AssignmentBody,
    AssignmentOffer,
    ClaimBody,
    Claimed,
    Guideline,
    HeldLease,
    MissingSkills,
    Nothing,
    SkipBody,
    Standing,
    StrandedUnit,
    SubmissionBody,
    SubmissionError,
    SubmissionResult,
    SubmissionResults,
    SubmissionsBody,
    SubmissionsSplit,
    WaitsForNobody,
    timestamp,
    told_ms,
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
    refusals.OnBreak: 409,
    refusals.LabelRefused: 422,
}

ANYWHERE = ("/v1/projects/{project_id}/guideline",)
"""Routes that name a project and that any process serves: they need its tables alone."""

REASONS: Mapping[Code, str] = {
    "nothing_waits": "Nothing waits for you in this project now; ask again in a few seconds.",
    "had_all": "You have had all that waits in this project now; more comes when others let go or units are admitted.",
    "lacks_skill": "What waits in this project takes what you are not said to have: {skills}.",
    "credential_lapsed": "What waits in this project takes a credential of yours that ended at {ended_at}: {skills}.",
    "on_break": "You are on a break until {until}: {detail}",
    "paused": "This project is paused{detail}; what you hold may be finished, and more comes when it goes on.",
    "closed": "This project is closed{detail}; what you hold may be finished.",
}
"""Why there is nothing, for people."""
NOT_GIVEN = ("paused", "closed")

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Operator = Annotated[Caller, require(Role.OPERATOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
_NAME = {"minLength": 1, "maxLength": NAME_CHARACTERS_MAX, "pattern": NAME_PATTERN}
AnnotatorId = Annotated[str, Path(json_schema_extra=_NAME, description="A name, percent-encoded.")]


def routers() -> tuple[APIRouter, APIRouter]:
    """Return the route table: first the hot routes, which are looked through first, then the others."""
    hot = APIRouter(prefix="/v1", route_class=HotRoute)
    hot.post("/projects/{project_id}/claims", **documented(body=ClaimBody, reply=Claimed, refusals=(404, 409)))(claim)
    submitted = documented(body=SubmissionBody, reply=SubmissionResult, refusals=(404, 409, 410))
    hot.post("/assignments/{assignment_id}/submission", **submitted)(submit)
    hot.post("/submissions", **documented(body=SubmissionsBody, reply=SubmissionResults))(submit_many)
    routes = APIRouter(prefix="/v1")
    defined = documented(body=AnnotatorBody, reply=AnnotatorShown, also=201)
    routes.put("/annotators/{annotator_id:path}", **defined)(define_annotator)
    shown = documented(reply=AnnotatorShown, refusals=(404, 422))
    routes.get("/annotators/{annotator_id:path}", **shown)(show_annotator)
    routes.get("/projects/{project_id}/guideline", **documented(reply=Guideline, refusals=(404,)))(show_guideline)
    waits = documented(reply=WaitsForNobody, refusals=(404,))
    routes.get("/projects/{project_id}/stranded", **waits)(show_stranded)
    stands = documented(reply=AssignmentBody, refusals=(404, 409, 410))
    skipped = documented(body=SkipBody, reply=AssignmentBody, refusals=(404, 409, 410))
    routes.post("/assignments/{assignment_id}/skip", **skipped)(skip)
    routes.post("/assignments/{assignment_id}/return", **stands)(give_back)
    routes.post("/assignments/{assignment_id}/renew", **stands)(renew)
    routes.get("/me", **documented(reply=Standing, refusals=(404,)))(show_me)
    return hot, routes


class Desk:
    """What the routes reach: the handlers, and how a lease is shown.

    Args:
        handlers: assign's use cases.
        links: what payload links are made of.
        clock: time.
        gather: asks the service's other processes.
    """

    def __init__(self, handlers: Handlers, links: PayloadLinkSettings, clock: Clock, gather: Gather) -> None:
        self.handlers = handlers
        self.gather = gather
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

    async def claimed(self, leases: Sequence[Leased], annotator_id: str, project_id: str) -> Claimed:
        """Return leases as their annotator sees them, or why there are none."""
        if leases:
            return Claimed([self.offer(lease) for lease in leases])
        why = await self.handlers.waiting.why_nothing(annotator_id, project_id)
        ended_at, until = (timestamp(at) if at is not None else "" for at in (why.ended_at_us, why.until_us))
        skills = ", ".join(why.skills)
        detail = f" ({why.detail})" if why.code in NOT_GIVEN and why.detail else why.detail
        reason = REASONS[why.code].format(skills=skills, ended_at=ended_at, until=until, detail=detail)
        return Claimed([], reason, Nothing(why.code, list(why.skills), ended_at, until))

    def label_schema(self, project: Project) -> msgspec.Raw:
        """Return the project's label schema as JSON, worded once a revision."""
        known = self._schemas.get(project.project_id)
        if known is None or known[0] != project.revision:
            known = (project.revision, msgspec.Raw(encoded(project.schema.spec())))
            self._schemas[project.project_id] = known
        return known[1]


def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.service)


async def define_annotator(request: Request, annotator_id: AnnotatorId, caller: Operator) -> Response:
    """Say who an annotator is, or say it anew."""
    name = _named(annotator_id, caller)
    body = await read_json(request, ANNOTATOR)
    state, new = await _desk(request).handlers.annotators.define(body.wanted(name))
    return json_answer(AnnotatorShown.of(state), 201 if new else 200)


async def show_annotator(request: Request, annotator_id: AnnotatorId, caller: Operator) -> Response:
    """Show an annotator as last defined."""
    name = _named(annotator_id, caller)
    return json_answer(AnnotatorShown.of(await _desk(request).handlers.annotators.defined(name)))


def _named(annotator_id: str, caller: Caller) -> str:
    """Return the annotator's name as it is kept.

    Raises:
        Forbidden: the operator is bound to a client; annotators work for all.
        Invalid: it is no name.
    """
    if caller.client_id is not None:
        raise Forbidden("Annotators work for every client, and this credential is bound to one; use one that is not.")
    try:
        return name_from(annotator_id)
    except NameRefused as refused:
        error = FieldError("annotator_id", refused.problem, refused.cure)
        raise Invalid(f"annotator_id {refused.problem}.", [error]) from refused


async def claim(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Lease units; what the caller holds in the project already is offered again first."""
    desk = _desk(request)
    _project_of(project_id, caller)
    wish = await read_json(request, CLAIM)
    leases = await desk.handlers.waiting.claim(caller.subject, project_id, wish.units, wish.wait_seconds)
    return json_answer(await desk.claimed(leases, caller.subject, project_id))


async def show_guideline(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show how a project's units are to be labelled."""
    desk = _desk(request)
    _project_of(project_id, caller)
    project = await desk.handlers.claims.guideline(caller.subject, project_id)
    schema = desk.label_schema(project)
    return json_answer(Guideline(project.project_id, project.guideline_version, project.guideline_text, schema))


async def show_stranded(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show which units want labels that nobody who is defined can give, and which skills nobody has."""
    _project_of(project_id, caller)
    handlers = _desk(request).handlers
    waits = handlers.stranded.of(handlers.projects.known(project_id).project_id)
    units = [StrandedUnit(unit_id, told) for unit_id, told in waits.units]
    return json_answer(WaitsForNobody(units, [MissingSkills(list(skills), count) for skills, count in waits.skills]))


async def submit_many(request: Request, caller: Annotator) -> Response:
    """Take many labels; each has its own result, and what is wrong with one keeps no other from being taken."""
    sent = (await read_split(request, SUBMISSIONS)).submissions
    results: list[SubmissionResult | None] = [None] * len(sent)
    answers: dict[int, Answer] = {}
    items = decode_each(SUBMISSION_ITEM, sent, "submissions")
    for place, one in enumerate(items):
        if isinstance(one, ConcordError):
            results[place] = _unread(bytes(sent[place]), one)
        elif caller.may_touch(one.assignment_id):
            answers[place] = Answer(one.assignment_id, bytes(one.label), told_ms(one.active_ms), one.flag)
        else:
            results[place] = _result(one.assignment_id, refusals.AssignmentUnknown(one.assignment_id))
    desk = _desk(request)

    async def serve(some: Sequence[int]) -> list[SubmissionResult]:
        mine = [answers[place] for place in some]
        taken = await desk.handlers.submissions.submit(caller.subject, mine) if mine else []
        return [_result(one.assignment_id, result) for one, result in zip(mine, taken, strict=True)]

    whole = await desk.gather.split(
        request,
        list(answers),
        slot=lambda place: slot_of(answers[place].assignment_id),
        serve=serve,
        written=lambda some: msgspec.json.encode(SubmissionsSplit([sent[place] for place in some])),
        read=lambda body: RESULTS.decode(body).results,
    )
    for place, result in zip(answers, whole, strict=True):
        results[place] = result
    return json_answer(SubmissionResults([result for result in results if result is not None]))


async def submit(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Take one label, and with `next` give out what is to be labelled after it."""
    _assignment_of(assignment_id, caller)
    body = await read_json(request, SUBMISSION)
    answer = Answer(assignment_id, bytes(body.label), told_ms(body.active_ms), body.flag)
    desk = _desk(request)
    if not body.next:
        (result,) = await desk.handlers.submissions.submit(caller.subject, [answer])
        return json_answer(_result(assignment_id, _taken(result)))
    result, project_id, leases = await desk.handlers.onward.submit(caller.subject, answer, body.next)
    told = _result(assignment_id, _taken(result))
    told.next = await desk.claimed(leases, caller.subject, project_id)
    return json_answer(told)


async def skip(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Pass a unit over, with the reason."""
    _assignment_of(assignment_id, caller)
    body = await read_json(request, SKIP)
    return json_answer(_stands(await _desk(request).handlers.leases.skip(caller.subject, assignment_id, body.reason)))


async def give_back(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Give a unit back unlabelled."""
    _assignment_of(assignment_id, caller)
    return json_answer(_stands(await _desk(request).handlers.leases.give_back(caller.subject, assignment_id)))


async def renew(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Prolong a lease from now on."""
    _assignment_of(assignment_id, caller)
    return json_answer(_stands(await _desk(request).handlers.leases.renew(caller.subject, assignment_id)))


async def show_me(request: Request, caller: Annotator) -> Response:
    """Show the caller who they are here, and what they hold: of all projects, what ends first stands first."""
    desk = _desk(request)
    handlers = desk.handlers
    annotator = await handlers.annotators.get(caller.subject)
    pages = [STANDING.decode(page).leases for page in await desk.gather.pages(request)]
    mine = [
        HeldLease(one.assignment.id, one.unit.unit_id, one.unit.project_id, timestamp(one.assignment.lease_until_us))
        for one in await handlers.claims.held(caller.subject)
        if caller.may_touch(one.unit.project_id)
    ]
    leases = [lease for page in (mine, *pages) for lease in page]
    leases.sort(key=lambda one: (one.lease_until, one.project_id))
    languages = list(annotator.languages)
    return json_answer(Standing(annotator.annotator_id, annotator.kind, list(annotator.skills), languages, leases))


def _project_of(project_id: str, caller: Caller) -> None:
    """Raise ProjectUnknown for another client's project when the caller is bound to one: it looks the same."""
    if not caller.may_touch(project_id):
        raise refusals.ProjectUnknown(f"There is no project {project_id[:120]!r}.")


def _assignment_of(assignment_id: str, caller: Caller) -> None:
    """Raise AssignmentUnknown for another client's unit when the caller is bound to one: it looks the same."""
    if not caller.may_touch(assignment_id):
        raise refusals.AssignmentUnknown(assignment_id)


def _unread(sent: bytes, refusal: ConcordError) -> SubmissionResult:
    """Return the result of a label that could not be read, under its assignment's id where that can."""
    try:
        assignment_id = decode(NAMED_ITEM, sent).assignment_id
    except ConcordError:
        assignment_id = ""
    told = refusal.errors[0]
    return SubmissionResult(assignment_id, error=SubmissionError(told.field, told.problem, told.cure, refusal.status))


def _taken(result: Taken | Refusal) -> Taken:
    """Return what became of a label; raise why it was refused."""
    if isinstance(result, Refusal):
        raise result
    return result


def _result(assignment_id: str, result: Taken | Refusal) -> SubmissionResult:
    if isinstance(result, Taken):
        return SubmissionResult(assignment_id, status=result.status, annotation_id=assignment_id)
    error = SubmissionError(result.field, str(result), result.cure, STATUSES[type(result)])
    return SubmissionResult(assignment_id, error=error)


def _stands(assignment: Assignment) -> AssignmentBody:
    until = timestamp(assignment.lease_until_us) if assignment.status == "leased" else ""
    return AssignmentBody(assignment.id, assignment.status, until)
