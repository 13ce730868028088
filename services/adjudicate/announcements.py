"""How adjudicate's decisions are told to the others: its events, worded."""

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.size_budget import EVIDENCE_BYTES_MAX
from concord.contracts.ids import client_of
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Escalated,
    Evidence,
    FieldOutcome,
    GoldFlagged,
    GoldRuled,
    OverlapRequested,
    ParticipantJoined,
    ResolutionEvent,
)
from services.adjudicate.domain.gold import GoldState
from services.adjudicate.domain.unit import Judged, UnitState

SERVICE = "adjudicate"


def decision(announcer: Announcer, judged: Judged, method: str, guideline_version: int) -> list[Outgoing]:
    """Return what is told of one round's decision, and of those who had a part that nobody knew of."""
    return [
        *_verdict(announcer, judged, method, guideline_version),
        *(_joined(announcer, judged.state, annotator_id) for annotator_id in judged.joined),
    ]


def _joined(announcer: Announcer, unit: UnitState, annotator_id: str) -> Outgoing:
    told = ParticipantJoined(unit_id=unit.unit_id, annotator_id=annotator_id, rework=unit.rework)
    return _event(announcer, unit, ResolutionEvent(participant_joined=told))


def _verdict(announcer: Announcer, judged: Judged, method: str, guideline_version: int) -> list[Outgoing]:
    unit = judged.state
    if judged.verdict == "overlap_requested":
        told = OverlapRequested(
            unit_id=unit.unit_id,
            round=len(unit.counted()),
            overlap_wanted=unit.overlap_asked,
            confidence=unit.confidence,
            rework=unit.rework,
        )
        return [_event(announcer, unit, ResolutionEvent(overlap_requested=told))]
    if judged.verdict == "consensus":
        reached = ConsensusReached(
            unit_id=unit.unit_id,
            label=unit.label.encode(),
            confidence=unit.confidence,
            method=method,
            round=unit.decided_round,
            rework=unit.rework,
            evidence=_evidence(unit),
            guideline_version=guideline_version,
            overlap_initial=unit.overlap_initial,
            participants=unit.participants,
            fields=_fields(unit),
        )
        return [_event(announcer, unit, ResolutionEvent(consensus_reached=reached))]
    if judged.verdict == "escalated":
        escalated = Escalated(
            unit_id=unit.unit_id,
            reason=unit.escalated_for,
            leading_label=unit.leading_label.encode(),
            confidence=unit.confidence,
            round=unit.decided_round,
            rework=unit.rework,
            evidence=_evidence(unit),
            overlap_initial=unit.overlap_initial,
            participants=unit.participants,
            fields=_fields(unit),
        )
        return [_event(announcer, unit, ResolutionEvent(escalated=escalated))]
    return []


def ruling(announcer: Announcer, unit: UnitState, guideline_version: int) -> Outgoing:
    """Return the event that an adjudicator has ruled."""
    told = Adjudicated(
        unit_id=unit.unit_id,
        label=unit.label.encode(),
        adjudicator_id=unit.adjudicator_id,
        reason=unit.ruling_reason,
        rework=unit.rework,
        evidence=_evidence(unit),
        guideline_version=guideline_version,
        overlap_initial=unit.overlap_initial,
        participants=unit.participants,
    )
    return _event(announcer, unit, ResolutionEvent(adjudicated=told))


def gold_flagged(announcer: Announcer, gold: GoldState) -> Outgoing:
    """Return the event that a gold unit is in doubt."""
    told = GoldFlagged(unit_id=gold.unit_id, revision=gold.revision, reason="doubted")
    return _of_gold(announcer, gold, ResolutionEvent(gold_flagged=told))


def gold_ruled(announcer: Announcer, gold: GoldState) -> Outgoing:
    """Return the event that a person has ruled on a gold unit."""
    told = GoldRuled(
        unit_id=gold.unit_id,
        revision=gold.revision,
        outcome=gold.standing,
        known_label=b"" if gold.standing == "retired" else gold.known_label.encode(),
        reviewer_id=gold.reviewer_id,
        reason=gold.reason,
    )
    return _of_gold(announcer, gold, ResolutionEvent(gold_ruled=told))


def _of_gold(announcer: Announcer, gold: GoldState, envelope: ResolutionEvent) -> Outgoing:
    return announcer.event(RESOLUTIONS, gold.unit_id, client_of(gold.unit_id), gold.project_id, envelope)


def _fields(unit: UnitState) -> list[FieldOutcome]:
    return [FieldOutcome(field=one.field, confidence=one.confidence, decided=one.decided) for one in unit.fields]


def _evidence(unit: UnitState) -> list[Evidence]:
    counted = [(one, one.label.encode()) for one in unit.counted()]
    told_whole = sum(len(label) for _, label in counted) <= EVIDENCE_BYTES_MAX
    return [
        Evidence(
            annotation_id=one.annotation_id,
            annotator_id=one.annotator_id,
            label=label if told_whole else b"",
            guideline_version=one.guideline_version,
            label_digest=one.digest,
        )
        for one, label in counted
    ]


def _event(announcer: Announcer, unit: UnitState, envelope: ResolutionEvent) -> Outgoing:
    # A unit's events go on with its own trace, whoever's request takes it a step further.
    trace = (("traceparent", unit.traceparent.encode()),) if unit.traceparent else ()
    return announcer.event(RESOLUTIONS, unit.unit_id, client_of(unit.unit_id), unit.project_id, envelope, trace)
