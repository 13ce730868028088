"""Ledgers: of a lot, from which its certificate can be made again, and of a unit."""

from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.http import AnyId, begun, json_answer
from concord.chassis.telemetry import trace_id_of
from concord.exports.jsonl import MEDIA_TYPE
from services.audit.door.means import ClientOrOperator, accepted, as_file, door_of
from services.audit.schemas import LineageBody


async def lot_ledger(request: Request, lot_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hand over the ledger of an accepted lot: `concord replay` makes its certificate again from it."""
    door = door_of(request)
    lot = await accepted(door, lot_id, caller)
    body = await begun(door.handlers.ledgers.of_lot(lot))
    return StreamingResponse(body, media_type=MEDIA_TYPE, headers=as_file(f"{lot_id}.ledger.jsonl"))


async def unit_lineage(request: Request, unit_id: AnyId, caller: ClientOrOperator) -> Response:
    """Show who did what with a unit, when and under which guideline, and whether its ledger holds."""
    found = await door_of(request).handlers.ledgers.of_unit(unit_id, caller.client_id)
    unit = found.unit
    entries: list[Any] = [msgspec.json.decode(line) for line in unit.history]
    body = LineageBody(
        unit.unit_id, unit.project_id, found.lot_id, unit.withdrawn, not found.problem, found.problem,
        list(unit.history), entries, trace_id_of(unit.traceparent),
    )  # fmt: skip
    return json_answer(body)
