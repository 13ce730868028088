"""How assign's facts are told to the others: its events, worded. None says that a unit is gold."""

from collections.abc import Mapping, Sequence

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.telemetry import trace_of
from concord.contracts.codec import Headers
from concord.contracts.ids import client_of
from concord.contracts.topics import ANNOTATIONS, ANNOTATORS, ASSIGNMENTS
from concord.contracts.v1.annotations_pb2 import (
    AnnotationEvent,
    AnnotationRevised,
    AnnotationSubmitted,
    LabellingEnded,
    RetrainingBegun,
    UnitPassedOver,
    UnitStranded,
)
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent, Credential
from concord.contracts.v1.assignments_pb2 import (
    AssignmentEvent,
    AssignmentExpired,
    AssignmentIssued,
    AssignmentReturned,
    ConductAppealed,
    ConductAppealRuled,
    ConductChanged,
    GuidelineAcknowledged,
    UnitSkipped,
)
from concord.contracts.v1.quality_pb2 import MissedGold
from services.assign.domain.acknowledgement import AcknowledgementState
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.lease import NOT_THEIRS, SkipCode
from services.assign.domain.qualification import QualificationState
from services.assign.domain.rules import Change, ConductState, Held
from services.assign.domain.unit import Assignment, UnitState, may_still_submit

SERVICE = "assign"
VENDOR = "vendor"
"""Stands for the client in what belongs to none: annotators work for many."""


def announcer(cause_id: str, at_us: int, trace: Headers) -> Announcer:
    """Return who words the events that follow from a cause."""
    return Announcer(SERVICE, cause_id, at_us, trace)


def issued(announcer: Announcer, unit: UnitState, assignment: Assignment) -> Outgoing:
    """Return the event that a unit was leased."""
    assignment_issued = AssignmentIssued(
        unit_id=unit.unit_id,
        assignment_id=assignment.id,
        annotator_id=assignment.annotator_id,
        lease_until_us=assignment.lease_until_us,
        rework=assignment.rework,
    )
    return _of_assignment(announcer, unit, AssignmentEvent(assignment_issued=assignment_issued))


def expired(announcer: Announcer, unit: UnitState, assignment: Assignment) -> Outgoing:
    """Return the event that a lease has ended."""
    assignment_expired = AssignmentExpired(
        unit_id=unit.unit_id, assignment_id=assignment.id, annotator_id=assignment.annotator_id
    )
    return _of_assignment(announcer, unit, AssignmentEvent(assignment_expired=assignment_expired))


def returned(announcer: Announcer, unit: UnitState, assignment: Assignment) -> Outgoing:
    """Return the event that a unit was given back."""
    assignment_returned = AssignmentReturned(
        unit_id=unit.unit_id, assignment_id=assignment.id, annotator_id=assignment.annotator_id
    )
    return _of_assignment(announcer, unit, AssignmentEvent(assignment_returned=assignment_returned))


def skipped(
    announcer: Announcer, unit: UnitState, assignment: Assignment, reason: str, code: SkipCode
) -> list[Outgoing]:
    """Return the events that an annotator passed a unit over, and that this is no matter of theirs alone."""
    unit_skipped = UnitSkipped(
        unit_id=unit.unit_id,
        assignment_id=assignment.id,
        annotator_id=assignment.annotator_id,
        reason=reason,
        code=code,
    )
    events = [_of_assignment(announcer, unit, AssignmentEvent(unit_skipped=unit_skipped))]
    if code in NOT_THEIRS:
        passed = UnitPassedOver(
            unit_id=unit.unit_id,
            annotator_id=assignment.annotator_id,
            rework=assignment.rework,
            code=code,
            reason=reason,
            guideline_version=assignment.guideline_version,
            by_model=assignment.model,
            referral=assignment.referral,
        )
        events.append(_of_annotation(announcer, unit, AnnotationEvent(unit_passed_over=passed)))
    return events


def submitted(
    announcer: Announcer,
    unit: UnitState,
    assignment: Assignment,
    label: bytes,
    flag: str,
    first: Mapping[str, str],
) -> Outgoing:
    """Return the event that a label is in; `first`: by field, what stood first of that which it chooses between."""
    submission = AnnotationSubmitted(
        unit_id=unit.unit_id,
        annotation_id=assignment.id,
        annotator_id=assignment.annotator_id,
        label=label,
        guideline_version=assignment.guideline_version,
        active_ms=assignment.active_ms,
        flag=flag,
        rework=assignment.rework,
        late=assignment.status == "late",
        overlap_wanted=unit.overlap_wanted,
        schema_version=assignment.schema_version,
        by_model=assignment.model,
        shown_first=first,
        referral=assignment.referral,
    )
    return _of_annotation(announcer, unit, AnnotationEvent(annotation_submitted=submission))


def revised(announcer: Announcer, unit: UnitState, assignment: Assignment, label: bytes, flag: str) -> Outgoing:
    """Return the event that a label was revised."""
    revision = AnnotationRevised(
        unit_id=unit.unit_id,
        annotation_id=assignment.id,
        annotator_id=assignment.annotator_id,
        label=label,
        guideline_version=assignment.guideline_version,
        active_ms=assignment.active_ms,
        revision=assignment.revision,
        flag=flag,
        rework=assignment.rework,
        overlap_wanted=unit.overlap_wanted,
        schema_version=assignment.schema_version,
        by_model=assignment.model,
        submitted_at_us=assignment.submitted_at_us,
        referral=assignment.referral,
    )
    return _of_annotation(announcer, unit, AnnotationEvent(annotation_revised=revision))


def labelling_ended(announcer: Announcer, unit: UnitState) -> Outgoing:
    """Return the event that the unit is given to nobody any more, with those who can still send a label of it."""
    ended = LabellingEnded(
        unit_id=unit.unit_id, rework=unit.rework, may_still_submit=may_still_submit(unit), referral=unit.referral
    )
    return _of_annotation(announcer, unit, AnnotationEvent(labelling_ended=ended))


def stranded(announcer: Announcer, unit: UnitState, reason: str) -> Outgoing:
    """Return the event that nobody is left to label the unit."""
    labels = sum(assignment.status == "submitted" for assignment in unit.current)
    waiting = UnitStranded(
        unit_id=unit.unit_id,
        rework=unit.rework,
        reason=reason,
        labels=labels,
        overlap_wanted=unit.overlap_wanted,
        referral=unit.referral,
    )
    return _of_annotation(announcer, unit, AnnotationEvent(unit_stranded=waiting))


def retraining_begun(
    announcer: Announcer, state: QualificationState, missed: Sequence[MissedGold], *, last: bool
) -> Outgoing:
    """Return the event that somebody is to look at what they missed; `last`: no attempt follows by that."""
    begun = RetrainingBegun(annotator_id=state.annotator_id, attempt=state.attempt, missed=missed, last=last)
    envelope = AnnotationEvent(retraining_begun=begun)
    return announcer.event(ANNOTATIONS, state.project_id, client_of(state.project_id), state.project_id, envelope)


def defined(announcer: Announcer, annotator: AnnotatorState) -> Outgoing:
    """Return the event that tells an annotator's whole state."""
    definition = AnnotatorDefined(
        annotator_id=annotator.annotator_id,
        revision=annotator.revision,
        kind=annotator.kind,
        skills=annotator.skills,
        credentials=[
            Credential(domain=credential.domain, expires_at_us=credential.expires_at_us)
            for credential in annotator.credentials
        ],
        vendor=annotator.vendor,
        languages=annotator.languages,
        state=annotator.state,
        state_since_us=annotator.since_us,
        state_reason=annotator.reason,
        state_until_us=annotator.until_us,
        state_after=annotator.after,
    )
    return announcer.event(ANNOTATORS, annotator.annotator_id, VENDOR, "", AnnotatorEvent(annotator_defined=definition))


def acknowledged(announcer: Announcer, client_id: str, found: AcknowledgementState) -> Outgoing:
    """Return the event that an annotator has acknowledged a version of a project's guideline."""
    acknowledgement = GuidelineAcknowledged(annotator_id=found.annotator_id, guideline_version=found.version)
    envelope = AssignmentEvent(guideline_acknowledged=acknowledgement)
    return announcer.event(ASSIGNMENTS, found.project_id, client_id, found.project_id, envelope)


def conduct_changed(announcer: Announcer, client_id: str, state: ConductState, change: Change) -> Outgoing:
    """Return the event that a rule begins to hold against an annotator, or holds no more."""
    held = change.held
    changed = ConductChanged(
        annotator_id=state.annotator_id,
        rule=held.rule,
        then=held.then,
        begins=change.begins,
        reason=held.reason,
        count=held.count,
        of=held.of,
        floor_ms=held.floor_ms,
        until_us=held.until_us,
        released_by=change.released_by,
    )
    return _of_conduct(announcer, client_id, state, AssignmentEvent(conduct_changed=changed))


def conduct_appealed(announcer: Announcer, client_id: str, state: ConductState, held: Held) -> Outgoing:
    """Return the event that somebody answers to what is held against them."""
    assert held.appeal is not None, "it was just made"
    appealed = ConductAppealed(
        annotator_id=state.annotator_id,
        rule=held.rule,
        then=held.then,
        reason=held.appeal.reason,
        since_us=held.since_us,
    )
    return _of_conduct(announcer, client_id, state, AssignmentEvent(conduct_appealed=appealed))


def conduct_appeal_ruled(announcer: Announcer, client_id: str, state: ConductState, held: Held) -> Outgoing:
    """Return the event that a lead has ruled on such an appeal."""
    assert held.appeal is not None, "it was just ruled on"
    ruled = ConductAppealRuled(
        annotator_id=state.annotator_id,
        rule=held.rule,
        then=held.then,
        since_us=held.since_us,
        outcome=held.appeal.outcome,
        reason=held.appeal.ruling,
        ruled_by=held.appeal.ruled_by,
    )
    return _of_conduct(announcer, client_id, state, AssignmentEvent(conduct_appeal_ruled=ruled))


def _of_conduct(announcer: Announcer, client_id: str, state: ConductState, envelope: AssignmentEvent) -> Outgoing:
    return announcer.event(ASSIGNMENTS, state.project_id, client_id, state.project_id, envelope)


def _of_annotation(announcer: Announcer, unit: UnitState, envelope: AnnotationEvent) -> Outgoing:
    return announcer.event(
        ANNOTATIONS, unit.unit_id, unit.client_id, unit.project_id, envelope, trace_of(unit.traceparent)
    )


def _of_assignment(announcer: Announcer, unit: UnitState, envelope: AssignmentEvent) -> Outgoing:
    return announcer.event(
        ASSIGNMENTS, unit.unit_id, unit.client_id, unit.project_id, envelope, trace_of(unit.traceparent)
    )
