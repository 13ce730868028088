"""Audit's HTTP door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, cast

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import ConcordError
from concord.chassis.http import (
    AnyId,
    Limit,
    Whole,
    decode,
    decode_each,
    documented,
    json_answer,
    page_size,
    read_split,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.places.gather import Gather, merged
from concord.chassis.projects import Project, visible
from concord.contracts.ids import slot_of
from services.audit.domain.certificate import timestamp
from services.audit.domain.issue import Issue, IssueDoesNotExist, IssuesState, NothingToCertify, TooManyLots
from services.audit.domain.lot import LotDoesNotExist, LotNotAccepted, LotState
from services.audit.domain.signing import ALGORITHM
from services.audit.domain.unit import InspectedOtherwise, LabelledAnew, UnitDoesNotExist
from services.audit.domain.verdict import Plan
from services.audit.export import jsonl
from services.audit.handlers import Handlers, LabelRefused, Listed, NothingWithdrawn
from services.audit.handlers.inspection import HELD_BACK_MAX
from services.audit.schemas import (
    INSPECTIONS,
    NAMED_UNIT,
    TAKEN_VERDICTS,
    UNIT_VERDICT,
    VERDICTS,
    HeldBack,
    Inspections,
    InspectionWork,
    Key,
    LotBody,
    Lots,
    PlanTerms,
    TakenVerdict,
    TakenVerdicts,
    UnitVerdict,
    Verdicts,
    VerdictsSplit,
)
from services.audit.settings import AuditSettings

STATUSES: dict[type[Exception], int] = {
    LotDoesNotExist: 404,
    LotNotAccepted: 409,
    IssueDoesNotExist: 404,
    NothingToCertify: 409,
    NothingWithdrawn: 404,
    TooManyLots: 409,
    UnitDoesNotExist: 404,
    InspectedOtherwise: 409,
    LabelledAnew: 409,
    LabelRefused: 422,
}
JSON = "application/json"
FOR_ANOTHER = "It waits for another auditor: whoever asked for work had a part in all that it needs."
LATE = "The lot was judged before this came: it is kept as late, and does not count."

Auditor = Annotated[Caller, require(Role.AUDITOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Anyone = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR, Role.AUDITOR)]
"""Who may see where a lot stands: whoever checks it, too."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach: the use cases, the settings of payload links and the service's other processes."""

    handlers: Handlers
    settings: AuditSettings
    gather: Gather


class _Sent(NamedTuple):
    """A verdict as it was sent, and what was read of it."""

    text: bytes
    read: UnitVerdict | ConcordError

    @property
    def slot(self) -> int | None:
        return None if isinstance(self.read, ConcordError) else slot_of(self.read.unit_id)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/lots", **documented(reply=Lots, refusals=(404,)))(list_lots)
    routes.get("/lots/{lot_id}", **documented(reply=LotBody, refusals=(404,)))(show_lot)
    routes.get("/inspections", **documented(reply=Inspections, refusals=(404,)))(list_inspections)
    routes.post("/inspections", **documented(body=Verdicts, reply=TakenVerdicts))(inspect_many)
    signed = documented(reply=dict[str, Any], refusals=(404, 409))
    exported = documented(reply_media_types=(jsonl.MEDIA_TYPE,), refusals=(404, 409))
    routes.get("/lots/{lot_id}/certificate", **signed)(lot_certificate)
    routes.get("/lots/{lot_id}/withdrawals", **signed)(lot_withdrawals)
    routes.get("/lots/{lot_id}/export", **exported)(lot_export)
    routes.get("/projects/{project_id}/certificate", **signed)(project_certificate)
    routes.get("/projects/{project_id}/withdrawals", **signed)(project_withdrawals)
    routes.get("/projects/{project_id}/export", **exported)(project_export)
    routes.get("/keys", **documented(reply=Key))(show_key)
    return routes


def _door(request: Request) -> Door:
    return cast("Door", request.app.state.service)


async def list_lots(
    request: Request, project_id: AnyId, caller: ClientOrOperator, limit: Limit = None, after: str = ""
) -> Response:
    """List a project's lots and where each stands, by id, a page at a time; `after` is the page's `next`."""
    door = _door(request)
    visible(door.handlers.means.projects, project_id, caller)
    repository, wanted = door.handlers.means.repository, page_size(limit)
    lot_ids = [lot_id for lot_id in await repository.lot_ids(project_id) if lot_id > after]
    page = await repository.lots(lot_ids[:wanted])
    rest = lot_ids[wanted - 1] if len(lot_ids) > wanted else None
    return json_answer(Lots([_lot(door, lot) for lot in page], rest))


async def show_lot(request: Request, lot_id: AnyId, caller: Anyone) -> Response:
    """Show where a lot stands."""
    door = _door(request)
    return json_answer(_lot(door, await door.handlers.means.repository.lot(lot_id, caller.client_id)))


async def list_inspections(
    request: Request, caller: Auditor, project_id: str | None = None, limit: Limit = None
) -> Response:
    """List units for the caller to inspect, in the order of the samples: none that the caller had a part in.

    What is listed is what the plans still need and a few more; where an error is found, more come.
    """
    door, wanted = _door(request), page_size(limit)
    if project_id is not None:
        visible(door.handlers.means.projects, project_id, caller)
    found = await door.handlers.inspecting.listed(caller.subject, caller.client_id, project_id, wanted)
    known = door.handlers.means.projects.rows
    work = [_work(door, one, known[one.lot.project_id]) for one in found.listed if one.lot.project_id in known]
    own = Inspections(work, [HeldBack(lot.lot_id, lot.project_id) for lot in found.held_back])
    others = await door.gather.pages(request) if project_id is None else []
    pages = [own, *map(INSPECTIONS.decode, others)]
    return json_answer(
        Inspections(
            merged([page.inspections for page in pages], lambda one: one.lot_id, wanted),
            merged([page.held_back for page in pages], lambda one: one.lot_id, HELD_BACK_MAX),
        )
    )


async def inspect_many(request: Request, caller: Auditor) -> Response:
    """Take a batch of verdicts; each has its own result, and none keeps another from being taken."""
    door, sent = _door(request), (await read_split(request, VERDICTS)).verdicts
    verdicts = decode_each(UNIT_VERDICT, sent, "verdicts")
    items = [_Sent(bytes(text), one) for text, one in zip(sent, verdicts, strict=True)]

    async def serve(some: Sequence[_Sent]) -> list[TakenVerdict]:
        return [await _take(door, caller, one) for one in some]

    def written(some: Sequence[_Sent]) -> bytes:
        return msgspec.json.encode(VerdictsSplit([msgspec.Raw(one.text) for one in some]))

    results = await door.gather.split(
        request, items, lambda one: one.slot, serve, written, lambda body: TAKEN_VERDICTS.decode(body).results
    )
    return json_answer(TakenVerdicts(results))


async def _take(door: Door, caller: Caller, sent: _Sent) -> TakenVerdict:
    one = sent.read
    if isinstance(one, ConcordError):
        return _unread(sent.text, one)
    inspecting = door.handlers.inspecting
    try:
        took = await inspecting.inspect(caller.subject, caller.client_id, one.unit_id, one.label, one.reason)
    except (UnitDoesNotExist, InspectedOtherwise, LabelledAnew, LabelRefused) as refusal:
        return TakenVerdict(one.unit_id, "refused", field=refusal.field, problem=str(refusal), cure=refusal.cure)
    return TakenVerdict(one.unit_id, took, problem=LATE if took == "late" else "")


def _unread(sent: bytes, refusal: ConcordError) -> TakenVerdict:
    """Return the result of a verdict that could not be read, under its unit's id where that can."""
    try:
        unit_id = decode(NAMED_UNIT, sent).unit_id
    except ConcordError:
        unit_id = ""
    told = refusal.errors[0]
    return TakenVerdict(unit_id, "refused", field=told.field, problem=told.problem, cure=told.cure)


async def lot_certificate(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the signed certificate of an accepted lot: the same bytes for ever."""
    door = _door(request)
    lot = await _accepted(door, lot_id, caller)
    return _attachment(await door.handlers.certificates.of_lot(lot), JSON, f"{lot_id}.certificate.json")


async def lot_withdrawals(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the signed list of what was erased of a lot since it was accepted."""
    door = _door(request)
    lot = await _accepted(door, lot_id, caller)
    return _attachment(await door.handlers.certificates.withdrawn_of_lot(lot), JSON, f"{lot_id}.withdrawals.json")


async def lot_export(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over an accepted lot as JSONL, without what was erased since."""
    door = _door(request)
    return await _export(door, [await _accepted(door, lot_id, caller)], f"{lot_id}.jsonl")


async def project_certificate(
    request: Request, project_id: AnyId, caller: ClientOrOperator, issue: Whole | None = None
) -> Response:
    """Hand over a project's signed certificate: the same bytes for ever.

    `issue` is its number; without it, that over all lots that are accepted by now, made if there is none yet.
    """
    door = _door(request)
    _, found = await _issue(door, project_id, caller, issue)
    certificate = await door.handlers.certificates.of_issue(found)
    return _attachment(certificate, JSON, f"{project_id}-{found.number}.certificate.json")


async def project_withdrawals(request: Request, project_id: AnyId, caller: ClientOrOperator, issue: Whole) -> Response:
    """Hand over the signed list of what was erased of a project since one of its certificates."""
    door = _door(request)
    state, found = await _issue(door, project_id, caller, issue)
    gone = await door.handlers.certificates.withdrawn_of_issue(state, found)
    return _attachment(gone, JSON, f"{project_id}-{found.number}.withdrawals.json")


async def project_export(
    request: Request, project_id: AnyId, caller: ClientOrOperator, issue: Whole | None = None
) -> Response:
    """Hand over the lots of one of a project's certificates as JSONL, without what was erased since.

    `issue` is the certificate's: the same lots in the same order, whatever was accepted since.
    """
    door = _door(request)
    state, found = await _issue(door, project_id, caller, issue)
    lots = await door.handlers.certificates.lots_of(state, found)
    return await _export(door, lots, f"{project_id}-{found.number}.jsonl")


async def show_key(request: Request, caller: ClientOrOperator) -> Response:
    """Show the public key that certificates are verified with."""
    del caller
    signer = _door(request).handlers.means.signer
    return json_answer(Key(ALGORITHM, signer.key_id, signer.public_key))


async def _accepted(door: Door, lot_id: str, caller: Caller) -> LotState:
    lot = await door.handlers.means.repository.lot(lot_id, caller.client_id)
    if lot.status != "accepted":
        raise LotNotAccepted(f"The lot is {lot.status}; nothing leaves that was not accepted.")
    return lot


async def _issue(door: Door, project_id: AnyId, caller: Caller, number: int | None) -> tuple[IssuesState, Issue]:
    project = visible(door.handlers.means.projects, project_id, caller)
    if number is None:
        return await door.handlers.certificates.newest(project)
    state = await door.handlers.means.repository.issues(project_id)
    return state, state.numbered(number)


async def _export(door: Door, lots: Sequence[LotState], name: str) -> Response:
    exports = door.handlers.exports
    await exports.told(lots)
    return StreamingResponse(exports.lines(lots), media_type=jsonl.MEDIA_TYPE, headers=_as_file(name))


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers=_as_file(name))


def _as_file(name: str) -> dict[str, str]:
    # The name is made of ids of ours, which hold nothing that a header could not.
    return {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}


def _lot(door: Door, lot: LotState) -> LotBody:
    known = door.handlers.means.repository.open_lot(lot.project_id, lot.lot_id)
    return LotBody(
        lot_id=lot.lot_id,
        project_id=lot.project_id,
        status=lot.status,
        units=len(lot.members),
        rework=lot.rework,
        rejections=lot.rejections,
        plan=lot.plan.in_words() if lot.plan is not None else "",
        sample_size=len(lot.sample) if lot.status != "accepted" else lot.inspected,
        inspected=lot.inspected,
        errors=lot.errors,
        corrected=len(lot.corrections),
        label_error_rate=None
        if lot.rate is None
        else {"value": lot.rate.value, "low": lot.rate.low, "high": lot.rate.high},
        accepted_at=timestamp(lot.accepted_at_us) if lot.accepted_at_us else None,
        erased_since=len(lot.erased),
        problem="" if known is None else known.problem or (FOR_ANOTHER if known.lacks_auditor else ""),
        plan_terms=None if lot.plan is None else _terms(lot.plan),
    )


def _terms(plan: Plan) -> PlanTerms:
    return PlanTerms(
        plan.kind, plan.sample_size / plan.lot_units, plan.aql, plan.ltpd, plan.alpha, plan.beta, plan.lot_units
    )


def _work(door: Door, listed: Listed, project: Project) -> InspectionWork:
    links = door.settings.payload_links
    until_us = door.handlers.means.clock.now_us() + links.seconds * MICROSECONDS
    return InspectionWork(
        unit_id=listed.unit_id,
        lot_id=listed.lot.lot_id,
        project_id=listed.lot.project_id,
        payload_url=payload_link(links.secret.key(), links.ingest_url, listed.unit_id, until_us),
        label_schema=project.schema.spec(),
        guideline=project.guideline_text,
        guideline_version=project.guideline_version,
    )
