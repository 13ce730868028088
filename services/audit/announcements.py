"""How audit's verdicts are told to the others: its events, worded."""

import hashlib

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.contracts.ids import client_of
from concord.contracts.topics import LOTS
from concord.contracts.v1.lots_pb2 import (
    LotAccepted,
    LotEvent,
    LotExported,
    LotRejected,
    SampleDrawn,
    UnitAudited,
)
from services.audit.domain.lot import LotState
from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import leaving_error_rate

SERVICE = "audit"


def sample_drawn(announcer: Announcer, lot: LotState) -> Outgoing:
    """Return the event that a sample was drawn."""
    told = SampleDrawn(
        lot_id=lot.lot_id,
        rework=lot.rework,
        plan=lot.plan.in_words() if lot.plan is not None else "",
        unit_ids=lot.sample,
        lot_units=len(lot.unit_ids),
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(sample_drawn=told))


def unit_audited(announcer: Announcer, lot_id: str, unit: UnitState) -> Outgoing:
    """Return the event that an auditor has labelled a unit."""
    assert unit.inspection is not None
    told = UnitAudited(
        lot_id=lot_id,
        unit_id=unit.unit_id,
        auditor_id=unit.inspection.auditor_id,
        resolved_label=unit.label.encode(),
        audited_label=unit.inspection.label.encode(),
        correct=not unit.wrong,
        rework=unit.inspection.rework,
    )
    return _event(announcer, lot_id, unit.project_id, LotEvent(unit_audited=told))


def lot_accepted(announcer: Announcer, lot: LotState, units: int) -> Outgoing:
    """Return the event that a lot may leave.

    Args:
        announcer: words it.
        lot: as accepted.
        units: those of it that leave.
    """
    rate = leaving_error_rate(lot.errors, lot.inspected, max(1, units))
    told = LotAccepted(
        lot_id=lot.lot_id,
        rework=lot.rework,
        inspected=lot.inspected,
        errors=lot.errors,
        label_error_rate=rate.value or 0.0,
        label_error_rate_low=rate.low or 0.0,
        label_error_rate_high=rate.high or 0.0,
        certificate_sha256=hashlib.sha256(lot.certificate.encode()).hexdigest(),
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_accepted=told))


def lot_rejected(announcer: Announcer, before: LotState, lot: LotState, on_reject: str) -> Outgoing:
    """Return the event that a lot was rejected; `rework` is the one that was judged."""
    rate = leaving_error_rate(lot.errors, lot.inspected, len(lot.unit_ids))
    told = LotRejected(
        lot_id=lot.lot_id,
        rework=before.rework,
        inspected=lot.inspected,
        errors=lot.errors,
        on_reject=on_reject,
        unit_ids=lot.unit_ids,
        label_error_rate=rate.value or 0.0,
        label_error_rate_low=rate.low or 0.0,
        label_error_rate_high=rate.high or 0.0,
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_rejected=told))


def lot_exported(announcer: Announcer, lot: LotState, form: str, content: bytes, rows: int) -> Outgoing:
    """Return the event that a lot has left in some format."""
    told = LotExported(lot_id=lot.lot_id, format=form, sha256=hashlib.sha256(content).hexdigest(), rows=rows)
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_exported=told))


def _event(announcer: Announcer, lot_id: str, project_id: str, envelope: LotEvent) -> Outgoing:
    return announcer.event(LOTS, lot_id, client_of(lot_id), project_id, envelope)
