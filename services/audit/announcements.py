"""How audit's verdicts are told to the others: its events, worded."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.telemetry import trace_of
from concord.contracts.codec import Headers
from concord.contracts.ids import client_of
from concord.contracts.topics import LOTS
from concord.contracts.v1.lots_pb2 import (
    AnnotatorAtFault,
    AnnotatorRadius,
    FieldErrors,
    InspectionRepeated,
    InspectionRepeats,
    InspectionSwitched,
    LabelErrorFound,
    LotAccepted,
    LotCorrected,
    LotEvent,
    LotExported,
    LotHeld,
    LotPlan,
    LotRejected,
    RadiusFound,
    RecheckConcluded,
    RecheckRaised,
    ReReview,
    SampleDrawn,
    StandardPlan,
    StatedConfidence,
    UnitAudited,
)
from concord.quality.auditor_error import Repeats
from concord.quality.label_error import Inspection
from services.audit.domain.feedback import Compared
from services.audit.domain.holding import ReReviewed
from services.audit.domain.lot import LotState
from services.audit.domain.output import Judgement, Model
from services.audit.domain.radius import Fault, Finding, Radius
from services.audit.domain.recheck import Recheck
from services.audit.domain.series import Series
from services.audit.domain.unit import UnitState
from services.audit.domain.verdict import Plan, Rate

SERVICE = "audit"


def sample_drawn(announcer: Announcer, lot: LotState) -> Outgoing:
    """Return the event that a sample was drawn."""
    sample = SampleDrawn(
        lot_id=lot.lot_id,
        rework=lot.rework,
        plan=lot.plan.in_words() if lot.plan is not None else "",
        unit_ids=lot.sample,
        lot_units=len(lot.members),
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(sample_drawn=sample))


def unit_audited(announcer: Announcer, lot_id: str, unit: UnitState) -> Outgoing:
    """Return the event that an auditor has labelled a unit."""
    assert unit.inspection is not None
    verdict = UnitAudited(
        lot_id=lot_id,
        unit_id=unit.unit_id,
        auditor_id=unit.inspection.auditor_id,
        resolved_label=unit.label.encode(),
        audited_label=unit.inspection.label.encode(),
        correct=unit.inspection.correct,
        rework=unit.inspection.rework,
        late=unit.inspection.late,
        wrong_fields=[name for name, right in unit.inspection.fields if not right],
        schema_version=unit.schema_version,
    )
    return _event(announcer, lot_id, unit.project_id, LotEvent(unit_audited=verdict), trace_of(unit.traceparent))


def inspection_repeated(announcer: Announcer, lot_id: str, unit: UnitState) -> Outgoing:
    """Return the event that a second auditor has labelled a unit."""
    first, second = unit.inspection, unit.repeat
    assert first is not None, "what is repeated was inspected"
    assert second is not None, "it was repeated"
    repeat = InspectionRepeated(
        lot_id=lot_id,
        unit_id=unit.unit_id,
        auditor_id=second.auditor_id,
        first_auditor_id=first.auditor_id,
        label=second.label.encode(),
        first_label=first.label.encode(),
        correct=second.correct,
        first_correct=first.correct,
        same=second.same,
        rework=second.rework,
    )
    return _event(announcer, lot_id, unit.project_id, LotEvent(inspection_repeated=repeat), trace_of(unit.traceparent))


def lot_accepted(
    announcer: Announcer,
    lot: LotState,
    plan: Plan | None,
    inspection: Inspection,
    re_reviewed: ReReviewed | None = None,
) -> Outgoing:
    """Return the event that a lot may leave.

    Args:
        announcer: words it.
        lot: as accepted.
        plan: the one that stopped the inspection; None where there was none.
        inspection: where it stopped.
        re_reviewed: what became of the units for which it was held; None where it was not.
    """
    assert lot.rate is not None, "a lot has its rate when it is accepted"
    accepted = LotAccepted(
        lot_id=lot.lot_id,
        rework=lot.rework,
        inspected=lot.inspected,
        errors=lot.errors,
        label_error_rate=lot.rate.value or 0.0,
        label_error_rate_low=lot.rate.low or 0.0,
        label_error_rate_high=lot.rate.high or 0.0,
        certificate_sha256=lot.certificate,
        lot_units=len(lot.members),
        plan=_plan(plan),
        fields=_fields(lot),
        confidences=_confidences(lot),
        lot_units_unanswerable=len(lot.unanswerable),
        attempts_max=inspection.attempts_max,
        repeats=_repeats(inspection.repeats),
        re_review=_re_review(re_reviewed),
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_accepted=accepted))


def lot_rejected(
    announcer: Announcer, lot: LotState, rework: int, on_reject: str, rate: Rate, repeats: Repeats
) -> Outgoing:
    """Return the event that a lot was rejected.

    Args:
        announcer: words it.
        lot: after the rejection.
        rework: the one that was judged.
        on_reject: what follows.
        rate: label error rate of the lot as it was judged.
        repeats: of its inspections, where they are told now.
    """
    rejected = LotRejected(
        lot_id=lot.lot_id,
        rework=rework,
        inspected=lot.inspected,
        errors=lot.errors,
        on_reject=on_reject,
        unit_ids=lot.members,
        label_error_rate=rate.value or 0.0,
        label_error_rate_low=rate.low or 0.0,
        label_error_rate_high=rate.high or 0.0,
        plan=_plan(lot.plan),
        fields=_fields(lot),
        confidences=_confidences(lot),
        repeats=_repeats(repeats),
        at_fault=[_at_fault(fault) for fault in lot.at_fault],
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_rejected=rejected))


def radius_found(announcer: Announcer, lot: LotState, found: Sequence[Finding], radii: Sequence[Radius]) -> Outgoing:
    """Return the event of what else the annotators at fault for a lot's rejection labelled.

    Args:
        announcer: words it.
        lot: the rejected one.
        found: who, and since when their labels are in doubt.
        radii: of each of these, what accepted lots hold of it.
    """
    annotators = [
        AnnotatorRadius(
            found=_at_fault(finding.fault),
            since_us=finding.since_us,
            clean_lot_id=finding.clean_lot_id,
            accepted_lot_ids=[hand.lot_id for hand in reached.accepted],
            accepted_units=sum(hand.units for hand in reached.accepted),
        )
        for finding, reached in zip(found, radii, strict=True)
    ]
    radius = RadiusFound(lot_id=lot.lot_id, rejections=lot.rejections, annotators=annotators)
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(radius_found=radius))


def lot_held(announcer: Announcer, lot: LotState, annotator_ids: Sequence[str]) -> Outgoing:
    """Return the event that a lot is not accepted before units of these annotators were looked at."""
    hold = LotHeld(
        lot_id=lot.lot_id,
        rejected_lot_ids=lot.held_for,
        annotator_ids=annotator_ids,
        unit_ids=lot.in_radius,
        first=lot.radius_first,
        rework=lot.rework,
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_held=hold))


def _re_review(found: ReReviewed | None) -> ReReview | None:
    return None if found is None else ReReview(units=found.units, inspected=found.inspected, errors=found.errors)


def _at_fault(fault: Fault) -> AnnotatorAtFault:
    return AnnotatorAtFault(
        annotator_id=fault.annotator_id,
        inspected=fault.inspected,
        wrong=fault.wrong,
        wrong_rate_low=fault.low,
        wrong_rate_high=fault.high,
    )


def _repeats(repeats: Repeats) -> InspectionRepeats | None:
    return InspectionRepeats(**asdict(repeats)) if repeats.repeated else None


def _fields(lot: LotState) -> list[FieldErrors]:
    return [FieldErrors(field=field.field, inspected=field.inspected, errors=field.errors) for field in lot.fields]


def _confidences(lot: LotState) -> list[StatedConfidence]:
    return [
        StatedConfidence(bin=confidence.place, units=confidence.units, stated=confidence.stated, right=confidence.right)
        for confidence in lot.confidences
    ]


def _plan(plan: Plan | None) -> LotPlan | None:
    if plan is None:
        return None
    fields = msgspec.structs.asdict(plan)
    standard = fields.pop("standard")
    return LotPlan(**fields, standard=None if standard is None else StandardPlan(**msgspec.structs.asdict(standard)))


def inspection_switched(announcer: Announcer, before: Series, after: Series) -> Outgoing:
    """Return the event that the next lots of a project are inspected more or less severely, or not at all."""
    switch = InspectionSwitched(
        lot_id=after.switched_by,
        before=before.severity,
        after=after.severity,
        reason=after.reason if before.severity == "discontinued" else "",
    )
    return _event(announcer, after.switched_by, after.project_id, LotEvent(inspection_switched=switch))


def recheck_raised(announcer: Announcer, lot: LotState, recheck: Recheck, among: int) -> Outgoing:
    """Return the event that units which have left are to be labelled once more; `among`: the ones they are part of."""
    raised = RecheckRaised(
        lot_id=lot.lot_id,
        measure=recheck.measure,
        category=recheck.category,
        from_us=recheck.from_us,
        unit_ids=lot.unit_ids,
        among_units=among,
        rejected_lot_id=recheck.rejected_lot_id,
        annotator_ids=[finding.fault.annotator_id for finding in recheck.findings],
        first=lot.radius_first,
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(recheck_raised=raised))


def recheck_concluded(announcer: Announcer, lot: LotState, recheck: Recheck, changed: Sequence[str]) -> Outgoing:
    """Return the event of what a recheck came to.

    Args:
        announcer: words it.
        lot: the recheck's, with its result.
        recheck: why it was raised.
        changed: the units that auditors labelled otherwise than they left.
    """
    assert lot.rate is not None, "a recheck has its rate when it is concluded"
    conclusion = RecheckConcluded(
        lot_id=lot.lot_id,
        measure=recheck.measure,
        category=recheck.category,
        units=lot.inspected,
        changed=lot.errors,
        among_units=recheck.among,
        changed_unit_ids=changed,
        changed_rate=lot.rate.value or 0.0,
        changed_rate_low=lot.rate.low or 0.0,
        changed_rate_high=1.0 if lot.rate.high is None else lot.rate.high,
        rejected_lot_id=recheck.rejected_lot_id,
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(recheck_concluded=conclusion))


def lot_corrected(announcer: Announcer, before: LotState, lot: LotState, recheck_lot_id: str) -> Outgoing:
    """Return the event that a recheck found labels of an accepted lot wrong: those that were not known to be before."""
    more = lot.corrected_since[len(before.corrected_since) :]
    correction = LotCorrected(
        lot_id=lot.lot_id,
        recheck_lot_id=recheck_lot_id,
        unit_ids=[lot.unit_ids[found.place] for found in more],
        certificate_sha256=lot.certificate,
    )
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_corrected=correction))


def lot_exported(announcer: Announcer, lot: LotState, form: str, sha256: str, rows: int) -> Outgoing:
    """Return the event that a lot has left in some format."""
    export = LotExported(lot_id=lot.lot_id, format=form, sha256=sha256, rows=rows)
    return _event(announcer, lot.lot_id, lot.project_id, LotEvent(lot_exported=export))


def label_error_found(announcer: Announcer, found: Compared, model: Model, judgement: Judgement) -> Outgoing:
    """Return the event that a person found an accepted label wrong, where a model says another one."""
    error = LabelErrorFound(
        lot_id=found.lot_id,
        unit_id=found.unit_id,
        reviewer_id=judgement.reviewer_id,
        accepted_label=found.accepted.encode(),
        model=model.name,
        model_version=model.version,
        model_label=found.output.label.encode(),
        model_right=judgement.finding == "label_error",
        reason=judgement.reason,
    )
    return _event(announcer, found.lot_id, found.output.project_id, LotEvent(label_error_found=error))


def _event(announcer: Announcer, lot_id: str, project_id: str, envelope: LotEvent, trace: Headers = ()) -> Outgoing:
    return announcer.event(LOTS, lot_id, client_of(lot_id), project_id, envelope, trace)
