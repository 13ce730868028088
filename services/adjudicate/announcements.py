"""How adjudicate's decisions are told to the others: its events, worded."""

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.contracts.ids import client_of
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Escalated,
    Evidence,
    OverlapRequested,
    ResolutionEvent,
)
from services.adjudicate.domain.unit import Judged, UnitState

SERVICE = "adjudicate"


def decision(announcer: Announcer, judged: Judged, method: str, guideline_version: int) -> list[Outgoing]:
    """Return what is told of one round's decision; nothing where there was none."""
    unit = judged.state
    if judged.verdict == "overlap_requested":
        told = OverlapRequested(
            unit_id=unit.unit_id,
            round=unit.decided_round,
            overlap_wanted=unit.wanted,
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
    )
    return _event(announcer, unit, ResolutionEvent(adjudicated=told))


def _evidence(unit: UnitState) -> list[Evidence]:
    return [
        Evidence(
            annotation_id=one.annotation_id,
            annotator_id=one.annotator_id,
            label=one.label.encode(),
            guideline_version=one.guideline_version,
        )
        for one in unit.counted()
    ]


def _event(announcer: Announcer, unit: UnitState, envelope: ResolutionEvent) -> Outgoing:
    # A unit's events go on with its own trace, whoever's request takes it a step further.
    trace = (("traceparent", unit.traceparent.encode()),) if unit.traceparent else ()
    return announcer.event(RESOLUTIONS, unit.unit_id, client_of(unit.unit_id), unit.project_id, envelope, trace)
