"""Assign's Kafka door: topic -> handler, and decoding."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import cast

from google.protobuf.message import Message

from concord.chassis.annotators import definition_in
from concord.chassis.broker.port import Outgoing
from concord.chassis.consumer import Delivery, Handler
from concord.chassis.errors import Poison
from concord.chassis.journal.announce import Announcer
from concord.contracts.codec import Headers
from concord.contracts.ids import client_of
from concord.contracts.topics import LOTS, QUALITY, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.lots_pb2 import LotEvent
from concord.contracts.v1.quality_pb2 import BreakRequired, QualityEvent, StandingChanged
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitEvent
from services.assign import announcements
from services.assign.domain import revision, unit
from services.assign.domain.breaks import Break
from services.assign.domain.eligibility import AnnotatorState, AtWork, Credential
from services.assign.domain.qualification import QualificationState
from services.assign.domain.refusals import ProjectUnknown
from services.assign.domain.roster import LEADS_TO
from services.assign.domain.unit import UnitState, may_still_submit
from services.assign.handlers import Handlers, UnitChange

RELABEL = "relabel"
PAUSED = "paused"
RETIRED = "retired"


def handlers(assign: Handlers) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {
        UNITS: partial(_units, assign),
        RESOLUTIONS: partial(_resolutions, assign),
        LOTS: partial(_lots, assign),
        QUALITY: partial(_quality, assign),
    }


async def _units(assign: Handlers, deliveries: Sequence[Delivery]) -> None:
    events = [cast("UnitEvent", delivery.event) for delivery in deliveries]
    try:
        await assign.units.admit(
            [
                _admitted(event, delivery.trace)
                for event, delivery in zip(events, deliveries, strict=True)
                if event.HasField("unit_admitted")
            ]
        )
    except ProjectUnknown as fault:
        # It was waited for; more tries would hold up the partition for nothing.
        raise Poison(str(fault)) from fault
    erased = [event for event in events if event.HasField("unit_erased")]
    await assign.units.hear([_told(event, event.unit_erased.unit_id, unit.withdraw) for event in erased])
    if erased:
        await assign.drafting.erase([event.unit_erased.unit_id for event in erased])


async def _resolutions(assign: Handlers, deliveries: Sequence[Delivery]) -> None:
    events = [cast("ResolutionEvent", delivery.event) for delivery in deliveries]
    await assign.units.hear([closing for event in events for closing in _resolution(event)])
    finished = [event for event in events if event.HasField("retraining_finished")]
    await assign.qualifying.retrained([_retrained(event) for event in finished])


async def _lots(assign: Handlers, deliveries: Sequence[Delivery]) -> None:
    events = [cast("LotEvent", delivery.event) for delivery in deliveries]
    await assign.units.hear([closing for event in events for closing in _rejection(event)])


async def _quality(assign: Handlers, deliveries: Sequence[Delivery]) -> None:
    answered = []
    for delivery in deliveries:
        event = cast("QualityEvent", delivery.event)
        if event.HasField("competence_estimated") and not event.competence_estimated.field:
            answered.append((event.metadata.event_id, _answered(event), event.competence_estimated.missed))
            continue
        if event.HasField("break_required"):
            asked: BreakRequired | StandingChanged = event.break_required
        elif event.HasField("standing_changed") and event.standing_changed.standing == PAUSED:
            asked = event.standing_changed
        else:
            continue
        pause = Break(asked.until_us, asked.reason)
        assign.claims.ask_for_break(asked.annotator_id, event.metadata.project_id, pause)
    await assign.qualifying.hear(answered)


def _retrained(event: ResolutionEvent) -> tuple[str, str, str, int]:
    about, finished = event.metadata, event.retraining_finished
    return about.event_id, about.project_id, finished.annotator_id, finished.attempt


def _answered(event: QualityEvent) -> QualificationState:
    estimated = event.competence_estimated
    return QualificationState(
        event.metadata.project_id,
        estimated.annotator_id,
        estimated.revision,
        estimated.gold_units,
        estimated.gold_correct,
    )


def annotator_from(event: Message) -> AnnotatorState:
    """Return the annotator that an AnnotatorEvent defines: what this or another process of assign has told.

    Raises:
        ValueError: it defines none.
    """
    defined = definition_in(event)
    return AnnotatorState(
        annotator_id=defined.annotator_id,
        revision=defined.revision,
        kind="model" if defined.kind == "model" else "human",
        skills=tuple(defined.skills),
        credentials=tuple(
            Credential(credential.domain, credential.expires_at_us if credential.HasField("expires_at_us") else None)
            for credential in defined.credentials
        ),
        vendor=defined.vendor,
        languages=tuple(defined.languages),
        state=_at_work(defined.state),
        since_us=defined.state_since_us,
        reason=defined.state_reason,
        until_us=defined.state_until_us if defined.HasField("state_until_us") else None,
        after=_at_work(defined.state_after),
    )


def _at_work(name: str) -> AtWork:
    """Return a state of the roster as it was told; nothing was before there were states.

    Raises:
        ValueError: a later release told of one that is not known here.
    """
    if name and name not in LEADS_TO:
        raise ValueError(f"an annotator who is {name[:40]!r}")
    return cast("AtWork", name or "active")


def _admitted(event: UnitEvent, trace: Headers) -> tuple[str, UnitState]:
    """Return the event's id, and the unit that it tells. A field that is read costs, and most say nothing."""
    admitted, about = event.unit_admitted, event.metadata
    unit_id, client_id = admitted.unit_id, about.client_id
    _check_client(unit_id, client_id)
    gold = admitted.HasField("gold_label")
    named = admitted.named_annotators
    state = UnitState(
        unit_id=unit_id,
        client_id=client_id,
        project_id=about.project_id,
        admitted=True,
        admitted_at_us=about.occurred_at_us,
        media_type=admitted.media_type,
        skills=tuple(admitted.skills_required),
        named=tuple(dict.fromkeys(named)) if named else (),
        priority=admitted.priority,
        gold=gold,
        traceparent=dict(trace).get("traceparent", b"").decode() if trace else "",
        text_characters=admitted.content_length if admitted.HasField("content_length") else None,
        guideline_version=admitted.guideline_version if gold else 0,
        gold_of=admitted.gold_of,
        not_for=tuple(admitted.not_for),
    )
    return about.event_id, state


def _resolution(event: ResolutionEvent) -> Iterator[UnitChange]:
    match event.WhichOneof("event"):
        case "overlap_requested":
            asked = event.overlap_requested
            wanted, referral = asked.overlap_wanted, asked.referral
            raised = partial(unit.raise_overlap, rework=asked.rework, wanted=wanted, referral=referral)
            yield _told(event, asked.unit_id, raised)
        case "consensus_reached":
            settled = event.consensus_reached
            close = partial(revision.resolve, rework=settled.rework, at_us=event.metadata.occurred_at_us)
            yield _told(event, settled.unit_id, close, partial(_ended, settled.rework, None, always=False))
        case "escalated":
            escalated = event.escalated
            rework, referral = escalated.rework, escalated.referral
            close = partial(unit.close, rework=rework, referral=referral)
            yield _told(event, escalated.unit_id, close, partial(_ended, rework, referral, always=True))
        case "referred_back":
            yield _referred(event)
        case "adjudicated" | "ruled_unanswerable":
            ruled = event.adjudicated if event.HasField("adjudicated") else event.ruled_unanswerable
            at_us = event.metadata.occurred_at_us
            yield _told(event, ruled.unit_id, partial(revision.resolve, rework=ruled.rework, at_us=at_us))
        case "revision_too_late":
            late = event.revision_too_late
            overtaken = partial(revision.came_too_late, annotation_id=late.annotation_id, number=late.revision)
            yield _told(event, late.unit_id, overtaken)
        case "gold_flagged":
            flagged = event.gold_flagged
            yield _told(event, flagged.unit_id, partial(unit.hold_gold, revision=flagged.revision, held=True))
        case "gold_ruled":
            of_gold = event.gold_ruled
            held = of_gold.outcome == RETIRED
            yield _told(event, of_gold.unit_id, partial(unit.hold_gold, revision=of_gold.revision, held=held))
        case _:
            return


def _referred(event: ResolutionEvent) -> UnitChange:
    back = event.referred_back
    opened = partial(
        unit.refer_back,
        rework=back.rework,
        referral=back.referral,
        names=tuple(back.annotators),
        wanted=back.overlap_wanted,
        comment=back.comment,
        not_for=back.adjudicator_id,
    )
    return _told(event, back.unit_id, opened)


def _rejection(event: LotEvent) -> Iterator[UnitChange]:
    """Yield the units of a rejected lot that are to be labelled anew, or who has inspected one."""
    rejected = event.lot_rejected
    if event.HasField("unit_audited") or event.HasField("inspection_repeated"):
        audited = event.unit_audited if event.HasField("unit_audited") else event.inspection_repeated
        yield _told(event, audited.unit_id, partial(unit.inspected, auditor_id=audited.auditor_id))
    if event.HasField("lot_rejected") and rejected.on_reject == RELABEL:
        at_fault = tuple(fault.annotator_id for fault in rejected.at_fault)
        for unit_id in rejected.unit_ids:
            yield _told(event, unit_id, partial(unit.send_back, rework=rejected.rework + 1, at_fault=at_fault))


def _ended(
    rework: int, referral: int | None, announcer: Announcer, state: UnitState, *, always: bool
) -> Sequence[Outgoing]:
    """Return what is told when a unit is closed: who can still send a label of it.

    Of an escalated unit always, for nobody may rule it before; of a settled one where there is somebody.
    """
    if state.rework != rework or referral not in (None, state.referral):
        return []
    if not (always or may_still_submit(state)):
        return []
    return [announcements.labelling_ended(announcer, state)]


def _told(
    event: UnitEvent | ResolutionEvent | LotEvent,
    unit_id: str,
    change: Callable[[UnitState], UnitState | None],
    word: Callable[[Announcer, UnitState], Sequence[Outgoing]] | None = None,
) -> UnitChange:
    metadata = event.metadata
    _check_client(unit_id, metadata.client_id)
    return UnitChange(metadata.event_id, unit_id, metadata.client_id, metadata.project_id, change, word)


def _check_client(unit_id: str, client_id: str) -> None:
    """Hold the rule that an id starts with its client: else one client's event would touch another's unit."""
    if client_of(unit_id) != client_id:
        raise Poison(f"unit {unit_id[:120]!r} is no unit of client {client_id!r}")
