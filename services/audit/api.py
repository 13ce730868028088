"""Audit's HTTP door."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Request, Response

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import json_answer, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.payload_links import payload_link
from concord.chassis.projects import visible
from services.audit.domain.certificate import ALGORITHM, timestamp
from services.audit.domain.lot import LotDoesNotExist, LotNotAccepted, LotState
from services.audit.domain.unit import InspectedOtherwise, UnitDoesNotExist
from services.audit.domain.verdict import leaving_error_rate
from services.audit.export import jsonl
from services.audit.handlers import Handlers, LabelRefused
from services.audit.schemas import (
    VERDICTS,
    Inspections,
    InspectionWork,
    Key,
    LotBody,
    Lots,
    TakenVerdict,
    TakenVerdicts,
)
from services.audit.settings import AuditSettings

STATUSES: dict[type[Exception], int] = {
    LotDoesNotExist: 404,
    LotNotAccepted: 409,
    UnitDoesNotExist: 404,
    InspectedOtherwise: 409,
    LabelRefused: 422,
}
VERDICTS_MAX = 100

Auditor = Annotated[Caller, require(Role.AUDITOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach: the use cases and the settings of payload links."""

    handlers: Handlers
    settings: AuditSettings


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/lots")(list_lots)
    routes.get("/lots/{lot_id}")(show_lot)
    routes.get("/inspections")(list_inspections)
    routes.post("/inspections")(inspect_many)
    routes.get("/lots/{lot_id}/certificate")(lot_certificate)
    routes.get("/lots/{lot_id}/export")(lot_export)
    routes.get("/projects/{project_id}/certificate")(project_certificate)
    routes.get("/projects/{project_id}/export")(project_export)
    routes.get("/keys")(show_key)
    return routes


def _door(request: Request) -> Door:
    return cast("Door", request.app.state.service)


async def list_lots(request: Request, project_id: str, caller: ClientOrOperator) -> Response:
    """List a project's lots and where each stands."""
    door = _door(request)
    visible(door.handlers.projects, project_id, caller)
    return json_answer(Lots([_lot(lot) for lot in door.handlers.repository.lots_of(project_id)]))


async def show_lot(request: Request, lot_id: str, caller: ClientOrOperator) -> Response:
    """Show where a lot stands."""
    return json_answer(_lot(_door(request).handlers.repository.lot(lot_id, caller.client_id)))


async def list_inspections(
    request: Request, caller: Auditor, project_id: str | None = None, limit: int | None = None
) -> Response:
    """List units for the caller to inspect, in the order of the samples: none that the caller had a part in."""
    door = _door(request)
    if project_id is not None:
        visible(door.handlers.projects, project_id, caller)
    wanted = page_size(limit)
    repository = door.handlers.repository
    found: list[InspectionWork] = []
    for lot in repository.open_lots(project_id):
        units = await repository.units(lot.sample)
        for unit_id in lot.sample:
            unit = units[unit_id]
            if len(found) < wanted and not (
                unit.withdrawn or unit.inspected(lot.rework) or unit.has_part(caller.subject)
            ):
                found.append(_work(door, lot, unit_id))
        if len(found) == wanted:
            break
    return json_answer(Inspections(found))


async def inspect_many(request: Request, caller: Auditor) -> Response:
    """Take a batch of verdicts; each has its own result, and none keeps another from being taken."""
    body = await read_json(request, VERDICTS)
    if len(body.verdicts) > VERDICTS_MAX:
        cure = f"send at most {VERDICTS_MAX} at once"
        raise Invalid("Too many verdicts at once.", [FieldError("verdicts", f"holds {len(body.verdicts)}", cure)])
    results = []
    for verdict in body.verdicts:
        try:
            outcome = await _door(request).handlers.inspect(
                caller.subject, verdict.unit_id, verdict.label, verdict.reason
            )
        except (UnitDoesNotExist, InspectedOtherwise, LabelRefused) as refusal:
            results.append(
                TakenVerdict(verdict.unit_id, "refused", field=refusal.field, problem=str(refusal), cure=refusal.cure)
            )
        else:
            results.append(TakenVerdict(verdict.unit_id, "repeated" if outcome.repeated else "taken"))
    return json_answer(TakenVerdicts(results))


async def lot_certificate(request: Request, lot_id: str, caller: ClientOrOperator) -> Response:
    """Hand over the signed certificate of an accepted lot."""
    lot = _accepted(_door(request), lot_id, caller)
    return _attachment(lot.certificate.encode(), "application/json", f"{lot_id}.certificate.json")


async def lot_export(request: Request, lot_id: str, caller: ClientOrOperator) -> Response:
    """Hand over an accepted lot as JSONL."""
    door = _door(request)
    content, _ = await door.handlers.export([_accepted(door, lot_id, caller)])
    return _attachment(content, jsonl.MEDIA_TYPE, f"{lot_id}.jsonl")


async def project_certificate(request: Request, project_id: str, caller: ClientOrOperator) -> Response:
    """Hand over one signed certificate over all accepted lots of a project; it names the export that goes with it."""
    door = _door(request)
    project = visible(door.handlers.projects, project_id, caller)
    certificate = await door.handlers.project_certificate(project)
    return _attachment(certificate.encode(), "application/json", f"{project_id}.certificate.json")


async def project_export(
    request: Request, project_id: str, caller: ClientOrOperator, until_us: int | None = None
) -> Response:
    """Hand over all accepted lots of a project as JSONL.

    `until_us` is a certificate's `export_until_us`: the same lots in the same order, whatever was accepted since.
    """
    door = _door(request)
    visible(door.handlers.projects, project_id, caller)
    content, _ = await door.handlers.export(door.handlers.repository.accepted(project_id, until_us))
    return _attachment(content, jsonl.MEDIA_TYPE, f"{project_id}.jsonl")


async def show_key(request: Request, caller: ClientOrOperator) -> Response:
    """Show the public key that certificates are verified with."""
    del caller
    return json_answer(Key(ALGORITHM, _door(request).handlers.signer.public_key))


def _accepted(door: Door, lot_id: str, caller: Caller) -> LotState:
    lot = door.handlers.repository.lot(lot_id, caller.client_id)
    if lot.status != "accepted":
        raise LotNotAccepted(f"The lot is {lot.status}; nothing leaves that was not accepted.")
    return lot


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    # The name is made of ids of ours, which hold nothing that a header could not.
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


def _lot(lot: LotState) -> LotBody:
    rate = None
    if lot.status == "accepted":
        leaving = leaving_error_rate(lot.errors, lot.inspected, max(1, len(lot.unit_ids)))
        rate = {"value": leaving.value, "low": leaving.low, "high": leaving.high}
    return LotBody(
        lot_id=lot.lot_id,
        project_id=lot.project_id,
        status=lot.status,
        units=len(lot.unit_ids),
        rework=lot.rework,
        rejections=lot.rejections,
        plan=lot.plan.in_words() if lot.plan is not None else "",
        sample_size=len(lot.sample),
        inspected=lot.inspected,
        errors=lot.errors,
        corrected=len(lot.corrections),
        label_error_rate=rate,
        accepted_at=timestamp(lot.accepted_at_us) if lot.accepted_at_us else None,
    )


def _work(door: Door, lot: LotState, unit_id: str) -> InspectionWork:
    project = door.handlers.projects.rows[lot.project_id]
    links = door.settings.payload_links
    until_us = door.handlers.clock.now_us() + links.seconds * MICROSECONDS
    return InspectionWork(
        unit_id=unit_id,
        lot_id=lot.lot_id,
        project_id=lot.project_id,
        payload_url=payload_link(links.secret.key(), links.ingest_url, unit_id, until_us),
        label_schema=project.schema.spec(),
        guideline=project.guideline_text,
        guideline_version=project.guideline_version,
    )
