"""How adjudicate's decisions are told to the others: its events, worded."""

from collections.abc import Sequence

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.projects import Project
from concord.chassis.size_budget import EVIDENCE_BYTES_MAX
from concord.contracts.ids import client_of
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    Escalated,
    Evidence,
    FieldOutcome,
    GoldChosen,
    GoldDropped,
    GoldFlagged,
    GoldRuled,
    GuidelineAnswered,
    GuidelineAsked,
    OverlapRequested,
    ParticipantJoined,
    Referral,
    ReferredBack,
    RegionOrigin,
    ResolutionEvent,
    RetrainingFinished,
    RevisionTooLate,
    RuledUnanswerable,
    RulingRepeated,
)
from concord.labels.digest import label_digest
from services.adjudicate.domain.candidates import not_for
from services.adjudicate.domain.gold import GoldState
from services.adjudicate.domain.questions import QuestionState
from services.adjudicate.domain.repeats import Second
from services.adjudicate.domain.retraining import RetrainingState
from services.adjudicate.domain.revising import TooLate
from services.adjudicate.domain.unit import Annotation, Judged, UnitState

SERVICE = "adjudicate"


def decision(announcer: Announcer, judged: Judged, method: str, guideline_version: int) -> list[Outgoing]:
    """Return what is told of one round's decision, and of those who had a part that nobody knew of."""
    return [
        *_verdict(announcer, judged, method, guideline_version),
        *(_joined(announcer, judged.state, annotator_id) for annotator_id in judged.joined),
    ]


def _joined(announcer: Announcer, unit: UnitState, annotator_id: str) -> Outgoing:
    joined = ParticipantJoined(unit_id=unit.unit_id, annotator_id=annotator_id, rework=unit.rework)
    return _event(announcer, unit, ResolutionEvent(participant_joined=joined))


def _verdict(announcer: Announcer, judged: Judged, method: str, guideline_version: int) -> list[Outgoing]:
    unit = judged.state
    if judged.verdict == "overlap_requested":
        overlap_requested = OverlapRequested(
            unit_id=unit.unit_id,
            round=len(unit.counted()),
            overlap_wanted=unit.overlap_asked,
            confidence=unit.confidence,
            rework=unit.rework,
            referral=len(unit.referrals),
        )
        return [_event(announcer, unit, ResolutionEvent(overlap_requested=overlap_requested))]
    if judged.verdict == "consensus":
        reached = _reached(unit, method, guideline_version)
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
            referral=len(unit.referrals),
        )
        return [_event(announcer, unit, ResolutionEvent(escalated=escalated))]
    return []


def _reached(unit: UnitState, method: str, guideline_version: int) -> ConsensusReached:
    return ConsensusReached(
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
        schema_version=unit.schema_version,
        referrals=_referrals(unit),
        set_aside=_set_aside(unit),
    )


def closed_above(announcer: Announcer, unit: UnitState, method: str, guideline_version: int, above: float) -> Outgoing:
    """Return the event that an escalated unit was closed with others on its leading label."""
    reached = _reached(unit, method, guideline_version)
    reached.closed_by, reached.closed_above, reached.closing_reason = unit.closed_by, above, unit.ruling_reason
    return _event(announcer, unit, ResolutionEvent(consensus_reached=reached))


def ruling(announcer: Announcer, unit: UnitState, guideline_version: int) -> Outgoing:
    """Return the event that an adjudicator has ruled."""
    adjudicated = Adjudicated(
        unit_id=unit.unit_id,
        label=unit.label.encode(),
        adjudicator_id=unit.adjudicator_id,
        reason=unit.ruling_reason,
        rework=unit.rework,
        evidence=_evidence(unit),
        guideline_version=guideline_version,
        overlap_initial=unit.overlap_initial,
        participants=unit.participants,
        schema_version=unit.schema_version,
        regions=[
            RegionOrigin(field=origin.field, place=origin.place, origin=origin.origin, evidence=origin.evidence)
            for origin in (unit.regions.origins if unit.regions else ())
        ],
        regions_dropped=unit.regions.dropped if unit.regions else 0,
        referrals=_referrals(unit),
        set_aside=_set_aside(unit),
    )
    return _event(announcer, unit, ResolutionEvent(adjudicated=adjudicated))


def revision_too_late(announcer: Announcer, unit: UnitState, late: TooLate) -> Outgoing:
    """Return the event that a revision came in after its unit was resolved, or sent back."""
    annotation = late.annotation
    overtaken = RevisionTooLate(
        unit_id=unit.unit_id,
        annotation_id=annotation.annotation_id,
        annotator_id=annotation.annotator_id,
        revision=annotation.revision,
        counted_revision=late.counted,
        rework=annotation.rework,
        reason=late.reason,
        label_digest=label_digest(annotation.label.encode()),
    )
    return _event(announcer, unit, ResolutionEvent(revision_too_late=overtaken))


def gold_flagged(announcer: Announcer, gold: GoldState) -> Outgoing:
    """Return the event that a gold unit is in doubt."""
    flagged = GoldFlagged(
        unit_id=gold.unit_id, revision=gold.revision, reason="closed" if gold.closed_since else "doubted"
    )
    return _of_gold(announcer, gold, ResolutionEvent(gold_flagged=flagged))


def gold_ruled(announcer: Announcer, gold: GoldState) -> Outgoing:
    """Return the event that a person has ruled on a gold unit."""
    ruled = GoldRuled(
        unit_id=gold.unit_id,
        revision=gold.revision,
        outcome=gold.standing,
        known_label=b"" if gold.standing == "retired" else gold.known_label.encode(),
        reviewer_id=gold.reviewer_id,
        reason=gold.reason,
        schema_version=gold.closed_since,
    )
    return _of_gold(announcer, gold, ResolutionEvent(gold_ruled=ruled))


def gold_chosen(announcer: Announcer, unit: UnitState, label: str) -> Outgoing:
    """Return the event that a unit's label, canonical JSON in the newest names, was chosen to be a known one."""
    chosen = GoldChosen(
        unit_id=unit.unit_id,
        label=label.encode(),
        chosen_by=unit.gold_by,
        reason=unit.gold_reason,
        rework=unit.rework,
        not_for=not_for(unit),
    )
    return _event(announcer, unit, ResolutionEvent(gold_chosen=chosen))


def gold_dropped(announcer: Announcer, unit: UnitState, reason: str) -> Outgoing:
    """Return the event that a label which was chosen to be a known one does not stand."""
    return _event(announcer, unit, ResolutionEvent(gold_dropped=GoldDropped(unit_id=unit.unit_id, reason=reason)))


def retraining_finished(announcer: Announcer, state: RetrainingState) -> Outgoing:
    """Return the event that somebody has looked at all that they missed."""
    finished = RetrainingFinished(annotator_id=state.annotator_id, attempt=state.attempt)
    envelope = ResolutionEvent(retraining_finished=finished)
    return announcer.event(RESOLUTIONS, state.project_id, client_of(state.project_id), state.project_id, envelope)


def _of_gold(announcer: Announcer, gold: GoldState, envelope: ResolutionEvent) -> Outgoing:
    return announcer.event(RESOLUTIONS, gold.unit_id, client_of(gold.unit_id), gold.project_id, envelope)


def ruled_unanswerable(announcer: Announcer, unit: UnitState, guideline_version: int) -> Outgoing:
    """Return the event that an adjudicator has ruled that no label is right for a unit."""
    unanswerable = RuledUnanswerable(
        unit_id=unit.unit_id,
        adjudicator_id=unit.adjudicator_id,
        reason=unit.ruling_reason,
        rework=unit.rework,
        evidence=_evidence(unit),
        guideline_version=guideline_version,
        overlap_initial=unit.overlap_initial,
        participants=unit.participants,
        referrals=_referrals(unit),
        set_aside=_set_aside(unit),
    )
    return _event(announcer, unit, ResolutionEvent(ruled_unanswerable=unanswerable))


def referred_back(announcer: Announcer, unit: UnitState, guideline_version: int) -> Outgoing:
    """Return the event that an adjudicator has sent a unit back to annotators."""
    last = unit.referrals[-1]
    referred = ReferredBack(
        unit_id=unit.unit_id,
        adjudicator_id=last.adjudicator_id,
        comment=last.comment,
        to=_to(last.names),
        rework=unit.rework,
        referral=len(unit.referrals),
        annotators=last.names,
        overlap_wanted=unit.overlap_asked,
        set_aside=_set_aside(unit),
        guideline_version=guideline_version,
    )
    return _event(announcer, unit, ResolutionEvent(referred_back=referred))


def ruling_repeated(announcer: Announcer, unit: UnitState, adjudicator_id: str, second: Second) -> list[Outgoing]:
    """Return what is told of a second ruling: what it says, and that its adjudicator has a part in the unit."""
    repeated = RulingRepeated(
        unit_id=unit.unit_id,
        rework=unit.rework,
        adjudicator_id=adjudicator_id,
        first_adjudicator_id=unit.adjudicator_id,
        outcome=second.second.outcome,
        label=second.second.label.encode(),
        reason=second.second.reason,
        same=second.same,
    )
    joined = ParticipantJoined(unit_id=unit.unit_id, annotator_id=adjudicator_id, rework=unit.rework)
    return [
        _event(announcer, unit, ResolutionEvent(ruling_repeated=repeated)),
        _event(announcer, unit, ResolutionEvent(participant_joined=joined)),
    ]


def guideline_asked(announcer: Announcer, unit: UnitState, guideline_version: int) -> Outgoing:
    """Return the event that a unit waits for an answer to a question on the guideline."""
    asked = GuidelineAsked(
        unit_id=unit.unit_id,
        question_id=unit.question_id,
        adjudicator_id=unit.adjudicator_id,
        reason=unit.ruling_reason,
        rework=unit.rework,
        guideline_version=guideline_version,
    )
    return _event(announcer, unit, ResolutionEvent(guideline_asked=asked))


def guideline_answered(announcer: Announcer, question: QuestionState, project: Project, units_waiting: int) -> Outgoing:
    """Return the event that a question was answered."""
    answer = question.answers[-1]
    answered = GuidelineAnswered(
        question_id=question.question_id,
        guideline_version=answer.guideline_version,
        answer=answer.text,
        answered_by=answer.answered_by,
        units_waiting=units_waiting,
        labels=[label.encode() for label in question.labels],
        field=question.field,
    )
    envelope = ResolutionEvent(guideline_answered=answered)
    return announcer.event(RESOLUTIONS, project.project_id, project.client_id, project.project_id, envelope)


def _fields(unit: UnitState) -> list[FieldOutcome]:
    return [
        FieldOutcome(field=field.field, confidence=field.confidence, decided=field.decided) for field in unit.fields
    ]


def _to(names: tuple[str, ...]) -> str:
    return "same" if names else "others"


def _referrals(unit: UnitState) -> list[Referral]:
    return [
        Referral(adjudicator_id=each.adjudicator_id, comment=each.comment, to=_to(each.names), at_us=each.at_us)
        for each in unit.referrals
    ]


def _evidence(unit: UnitState) -> list[Evidence]:
    return _as_evidence(unit.counted())


def _set_aside(unit: UnitState) -> list[Evidence]:
    """Return the labels that were set aside; their digests alone where the evidence leaves them no room."""
    room = EVIDENCE_BYTES_MAX - sum(len(annotation.label.encode()) for annotation in unit.counted())
    return _as_evidence(unit.set_aside(), max(0, room)) if unit.referrals else []


def _as_evidence(annotations: Sequence[Annotation], bytes_max: int = EVIDENCE_BYTES_MAX) -> list[Evidence]:
    given = [(annotation, annotation.label.encode()) for annotation in annotations]
    told_whole = sum(len(label) for _, label in given) <= bytes_max
    return [
        Evidence(
            annotation_id=annotation.annotation_id,
            annotator_id=annotation.annotator_id,
            label=label if told_whole else b"",
            guideline_version=annotation.guideline_version,
            label_digest=annotation.digest,
            schema_version=annotation.schema_version,
            by_model=annotation.model,
            revision=annotation.revision,
            referral=annotation.referral,
        )
        for annotation, label in given
    ]


def _event(announcer: Announcer, unit: UnitState, envelope: ResolutionEvent) -> Outgoing:
    # A unit's events go on with its own trace, whoever's request takes it a step further.
    trace = (("traceparent", unit.traceparent.encode()),) if unit.traceparent else ()
    return announcer.event(RESOLUTIONS, unit.unit_id, client_of(unit.unit_id), unit.project_id, envelope, trace)
