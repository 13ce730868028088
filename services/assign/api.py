"""Assign's HTTP door."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from concord.chassis.errors import ConcordError
from concord.chassis.http import (
    AnyId,
    HotRoute,
    decode,
    decode_each,
    documented,
    json_answer,
    left,
    read_json,
    read_split,
    read_wish,
)
from concord.chassis.identity import Caller, Role, require
from concord.contracts.ids import slot_of
from services.assign.domain import refusals
from services.assign.domain.refusals import Refusal
from services.assign.domain.unit import Assignment
from services.assign.door import conduct, drafts, guidelines, qualifications, revisions, roster, standing, stranded
from services.assign.door.desk import desk_of
from services.assign.handlers import Answer, Taken
from services.assign.schemas import (
    CLAIM,
    NAMED_ITEM,
    RESULTS,
    SKIP,
    SUBMISSION,
    SUBMISSION_ITEM,
    SUBMISSIONS,
    AssignmentBody,
    ClaimBody,
    Claimed,
    SkipBody,
    SubmissionBody,
    SubmissionError,
    SubmissionResult,
    SubmissionResults,
    SubmissionsBody,
    SubmissionsSplit,
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
    refusals.NotAtWork: 409,
    refusals.AwaitsLead: 409,
    refusals.ConfirmationWanted: 409,
    refusals.NothingHeld: 409,
    refusals.AppealedAlready: 409,
    refusals.NoAppeal: 409,
    refusals.OwnConduct: 409,
    refusals.NotQualified: 409,
    refusals.NotFailed: 409,
    refusals.StateRefused: 409,
    refusals.GuidelineSuperseded: 409,
    refusals.AnnotationUnknown: 404,
    refusals.NoLabelYet: 409,
    refusals.RevisionTooLate: 409,
    refusals.RevisionsUsedUp: 409,
    refusals.RevisedOtherwise: 409,
    refusals.StandsAsGiven: 409,
    refusals.LabelRefused: 422,
    refusals.NoDraft: 404,
    refusals.DraftSuperseded: 409,
    refusals.DraftTooLong: 422,
}

ANYWHERE = ("/v1/projects/{project_id}/guideline",)
"""Routes that name a project and that any process serves: they need its tables alone."""

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]
Operator = Annotated[Caller, require(Role.OPERATOR)]


def routers() -> tuple[APIRouter, ...]:
    """Return the route table: first the hot routes, which are looked through first, then the others."""
    hot = APIRouter(prefix="/v1", route_class=HotRoute)
    hot.post(
        "/projects/{project_id}/claims",
        **documented(body=ClaimBody, body_required=False, reply=Claimed, refusals=(404, 409)),
    )(claim)
    submitted = documented(body=SubmissionBody, reply=SubmissionResult, refusals=(404, 409, 410))
    hot.post("/assignments/{assignment_id}/submission", **submitted)(submit)
    hot.post("/submissions", **documented(body=SubmissionsBody, reply=SubmissionResults))(submit_many)
    routes = APIRouter(prefix="/v1")
    stands = documented(reply=AssignmentBody, refusals=(404, 409, 410))
    skipped = documented(body=SkipBody, reply=AssignmentBody, refusals=(404, 409, 410))
    routes.post("/assignments/{assignment_id}/skip", **skipped)(skip)
    routes.post("/assignments/{assignment_id}/return", **stands)(give_back)
    routes.post("/assignments/{assignment_id}/renew", **stands)(renew)
    others = (stranded, revisions, conduct, drafts, guidelines, roster, standing, qualifications)
    return hot, routes, *(door.router() for door in others)


async def claim(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Lease units; what the caller holds in the project already is offered again first."""
    desk = desk_of(request)
    _project_of(project_id, caller)
    wish = await read_wish(request, CLAIM)
    leases = await desk.handlers.waiting.claim(
        caller.subject, project_id, wish.units, wish.wait_seconds, partial(left, request.receive)
    )
    return json_answer(await desk.claimed(leases, caller.subject, project_id))


async def submit_many(request: Request, caller: Annotator) -> Response:
    """Take many labels; each has its own result, and what is wrong with one keeps no other from being taken."""
    sent = (await read_split(request, SUBMISSIONS)).submissions
    results: list[SubmissionResult | None] = [None] * len(sent)
    answers: dict[int, Answer] = {}
    items = decode_each(SUBMISSION_ITEM, sent, "submissions")
    for place, assignment in enumerate(items):
        if isinstance(assignment, ConcordError):
            results[place] = _unread(bytes(sent[place]), assignment)
        elif caller.may_touch(assignment.assignment_id):
            answers[place] = Answer(
                assignment.assignment_id,
                bytes(assignment.label),
                told_ms(assignment.active_ms),
                assignment.flag,
                assignment.confirmed,
            )
        else:
            results[place] = _result(assignment.assignment_id, refusals.AssignmentUnknown(assignment.assignment_id))
    desk = desk_of(request)

    async def serve(some: Sequence[int]) -> list[SubmissionResult]:
        mine = [answers[place] for place in some]
        taken = await desk.handlers.submissions.submit(caller.subject, mine) if mine else []
        return [_result(submission.assignment_id, result) for submission, result in zip(mine, taken, strict=True)]

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
    answer = Answer(assignment_id, bytes(body.label), told_ms(body.active_ms), body.flag, body.confirmed)
    desk = desk_of(request)
    if not body.next:
        (result,) = await desk.handlers.submissions.submit(caller.subject, [answer])
        return json_answer(_result(assignment_id, _taken(result)))
    result, project_id, leases = await desk.handlers.onward.submit(caller.subject, answer, body.next)
    submission_result = _result(assignment_id, _taken(result))
    submission_result.next = await desk.claimed(leases, caller.subject, project_id)
    return json_answer(submission_result)


async def skip(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Pass a unit over, with the reason."""
    _assignment_of(assignment_id, caller)
    body = await read_json(request, SKIP)
    return json_answer(
        _stands(await desk_of(request).handlers.leases.skip(caller.subject, assignment_id, body.reason, body.code))
    )


async def give_back(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Give a unit back unlabelled."""
    _assignment_of(assignment_id, caller)
    return json_answer(_stands(await desk_of(request).handlers.leases.give_back(caller.subject, assignment_id)))


async def renew(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Prolong a lease from now on."""
    _assignment_of(assignment_id, caller)
    return json_answer(_stands(await desk_of(request).handlers.leases.renew(caller.subject, assignment_id)))


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
    error = refusal.errors[0]
    return SubmissionResult(
        assignment_id, error=SubmissionError(error.field, error.problem, error.cure, refusal.status)
    )


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
