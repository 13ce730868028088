"""Hearing of units, their lots, their labels and their end."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.record import Cause, Decision
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import (
    Adjudicated,
    ConsensusReached,
    RegionOrigin,
    ResolutionEvent,
    RuledUnanswerable,
)
from concord.contracts.v1.resolutions_pb2 import Evidence as ToldEvidence
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitDuplicated, UnitEvent
from services.audit.domain import lot as lot_domain
from services.audit.domain import unit as unit_domain
from services.audit.domain.ledger import Ledger, Settlers
from services.audit.domain.lot import LotState
from services.audit.domain.unit import UNANSWERABLE, Evidence, Referral, Resolution, RuledRegion, UnitState
from services.audit.handlers.admitting import admission, admit, check
from services.audit.handlers.means import Means
from services.audit.repository import LOT, UNIT, lot_key, unit_key

SETTLING = frozenset({"consensus_reached", "adjudicated", "ruled_unanswerable"})
HEARD_AT_ONCE = 200
"""Events that are read and decided upon in one go; others run in between."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Takes in what other services tell; what follows for lots is the business of `turns`."""

    means: Means

    async def units(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of units and of the lots they are in."""
        units: list[Cause[UnitState]] = []
        admitted: dict[str, Cause[UnitState]] = {}
        sealed: list[tuple[str, LotState]] = []
        erased: list[UnitEvent] = []
        duplicated: list[UnitDuplicated] = []
        for delivery in deliveries:
            event = cast("UnitEvent", delivery.event)
            kind = event.WhichOneof("event")
            if kind == "unit_admitted":
                about = event.metadata
                unit = _told(event.unit_admitted, about, self.means.tracing.recorded(delivery.record.headers))
                admitted[unit.unit_id] = admission(unit, about.event_id, self.means.ledger)
            elif kind == "lot_sealed":
                sealed.append((event.metadata.event_id, _lot(event)))
            elif kind == "unit_duplicated":
                duplicated.append(event.unit_duplicated)
            elif kind == "unit_reidentified":
                units.append(_reidentified(event, self.means.ledger))
            elif kind == "unit_erased":
                erased.append(event)
                units.append(_withdrawn(event, self.means.ledger))
        # A lot is found by its units before it is there, and is told of an erased unit before that is wiped: whoever
        # finds a wiped unit finds it told in its lot.
        await self.means.repository.seal([lot for _, lot in sealed])
        await self.means.repository.stands_for(
            (duplicate.unit_id, duplicate.source_id, duplicate.duplicate_of) for duplicate in duplicated
        )
        await self._apply_lots([_sealed(cause_id, lot) for cause_id, lot in sealed])
        await self._apply_lots(await self._withdrawals(erased))
        left = await self.means.journal.keep_rows(UNIT, list(admitted.values()))
        await self._apply_units([*left, *units])
        # Of those that are rows now, whose labels came first.
        await admit(self.means, self.means.repository.unheard(admitted))

    async def resolutions(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of resolved labels, and of people who had a part in a unit after that."""
        for start in range(0, len(deliveries), HEARD_AT_ONCE):
            causes = []
            for delivery in deliveries[start : start + HEARD_AT_ONCE]:
                event = cast("ResolutionEvent", delivery.event)
                if event.WhichOneof("event") in SETTLING:
                    causes.append(_resolved(event, self.means.ledger, self.means.repository.sealed_in))
                elif event.HasField("participant_joined"):
                    causes.append(_joined(event, self.means.ledger))
            states = await self._apply_units(causes)
            # Their admission may have come between the look for it and the record that knows of none.
            await admit(self.means, [state.unit_id for state in states if not state.admitted])

    async def _withdrawals(self, erased: Sequence[UnitEvent]) -> list[Cause[LotState]]:
        lots = await self.means.repository.lots_of(event.unit_erased.unit_id for event in erased)
        return [
            lot_withdrawn(lots[unit_id], unit_id, event.metadata.event_id)
            for event in erased
            if (unit_id := event.unit_erased.unit_id) in lots
        ]

    async def _apply_lots(self, causes: Sequence[Cause[LotState]]) -> None:
        for start in range(0, len(causes), HEARD_AT_ONCE):
            check(await self.means.journal.apply(LOT, causes[start : start + HEARD_AT_ONCE]))

    async def _apply_units(self, causes: Sequence[Cause[UnitState]]) -> list[UnitState]:
        states = []
        for start in range(0, len(causes), HEARD_AT_ONCE):
            outcomes = await self.means.journal.apply(UNIT, causes[start : start + HEARD_AT_ONCE])
            check(outcomes)
            states += [outcome.state for outcome in outcomes if outcome.state is not None]
        return states


def lot_withdrawn(lot_id: str, unit_id: str, cause_id: str) -> Cause[LotState]:
    """Return the cause that tells a lot of an erased unit of its own."""

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        after = lot_domain.withdrawn(state, unit_id, now_us)
        return None if after is None else Decision(after)

    return Cause(lot_key(lot_id), cause_id, decide)


def _sealed(cause_id: str, lot: LotState) -> Cause[LotState]:
    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        del now_us
        return Decision(lot) if state is None else None

    return Cause(lot_key(lot.lot_id), cause_id, decide, creates=True)


def _lot(event: UnitEvent) -> LotState:
    sealed, about = event.lot_sealed, event.metadata
    return LotState(sealed.lot_id, about.project_id, tuple(sealed.unit_ids), sealed_at_us=about.occurred_at_us)


def _told(admitted: UnitAdmitted, about: Metadata, traceparent: str) -> UnitState:
    return UnitState(
        admitted.unit_id,
        about.project_id,
        admitted.source_id,
        admitted=True,
        gold=admitted.HasField("gold_label"),
        text_characters=admitted.content_length if admitted.HasField("content_length") else None,
        media_type=admitted.media_type,
        admitted_at_us=about.occurred_at_us,
        traceparent=traceparent,
    )


def _reidentified(event: UnitEvent, ledger: Ledger) -> Cause[UnitState]:
    reidentified, about = event.unit_reidentified, event.metadata
    kinds = {kind.kind: {"asked": kind.asked, "told": kind.told} for kind in reidentified.kinds}
    facts = {"by": reidentified.asked_by, "reason": reidentified.reason, "how": reidentified.how, "kinds": kinds}

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        after = unit_domain.reidentified(state, reidentified.unit_id, about.project_id)
        return Decision(ledger.reidentified(state, after, now_us, about.event_id, facts))

    return Cause(unit_key(reidentified.unit_id), about.event_id, decide)


def _withdrawn(event: UnitEvent, ledger: Ledger) -> Cause[UnitState]:
    unit_id, project_id = event.unit_erased.unit_id, event.metadata.project_id

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
        after = unit_domain.withdrawn(state, unit_id, project_id)
        return Decision(ledger.erased(state, after, now_us, event.metadata.event_id))

    return Cause(unit_key(unit_id), event.metadata.event_id, decide)


def _resolved(event: ResolutionEvent, ledger: Ledger, sealed_in: Callable[[str], str]) -> Cause[UnitState]:
    unit, settled = _settled(event)
    resolution = Resolution(
        settled.label,
        unit.rework,
        settled.method,
        settled.confidence,
        _evidence(unit.evidence),
        unit.overlap_initial,
        [*unit.participants, *([settled.adjudicator] if settled.adjudicator else [])],
        unit.guideline_version,
        max(1, getattr(unit, "schema_version", 1)),
        event.metadata.occurred_at_us,
        sealed_in(unit.unit_id),
        tuple(RuledRegion(region.field, region.origin, tuple(region.evidence)) for region in settled.regions),
        settled.regions_dropped,
        tuple(Referral(each.adjudicator_id, each.to, each.at_us) for each in unit.referrals),
        _evidence(unit.set_aside),
    )

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = unit_domain.resolved(state, unit.unit_id, event.metadata.project_id, resolution)
        if after is None:
            return None
        cause = event.metadata.event_id
        people = Settlers(settled.adjudicator, settled.closed_by)
        return Decision(ledger.resolved(state, after, now_us, cause, people, resolution))

    return Cause(unit_key(unit.unit_id), event.metadata.event_id, decide)


def _evidence(given: Iterable[ToldEvidence]) -> tuple[Evidence, ...]:
    return tuple(
        [
            Evidence(
                evidence.annotator_id,
                evidence.label.decode(),
                evidence.guideline_version,
                evidence.annotation_id,
                max(1, evidence.schema_version),
                evidence.by_model,
                evidence.revision,
                evidence.referral,
            )
            for evidence in given
        ]
    )


class _Settled(NamedTuple):
    """How a unit was settled; see `Resolution`.

    Attributes:
        adjudicator: who ruled; empty where consensus did.
        closed_by: who closed its escalation with others; empty where nobody did.
        regions, regions_dropped: of a ruled label, where its regions come from.
    """

    label: str
    method: str
    confidence: float
    adjudicator: str = ""
    closed_by: str = ""
    regions: Sequence[RegionOrigin] = ()
    regions_dropped: int = 0


def _settled(event: ResolutionEvent) -> tuple[ConsensusReached | Adjudicated | RuledUnanswerable, _Settled]:
    if event.HasField("adjudicated"):
        ruled = event.adjudicated
        by = ruled.adjudicator_id
        drawn = ruled.regions, ruled.regions_dropped
        return ruled, _Settled(ruled.label.decode(), "adjudicated", 1.0, by, "", *drawn)
    if event.HasField("ruled_unanswerable"):
        none = event.ruled_unanswerable
        return none, _Settled("", UNANSWERABLE, 0.0, none.adjudicator_id)
    reached = event.consensus_reached
    return reached, _Settled(reached.label.decode(), reached.method, reached.confidence, closed_by=reached.closed_by)


def _joined(event: ResolutionEvent, ledger: Ledger) -> Cause[UnitState]:
    joined = event.participant_joined

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = unit_domain.joined(state, joined.unit_id, event.metadata.project_id, joined.annotator_id)
        if after is None:
            return None
        return Decision(ledger.joined(state, after, now_us, event.metadata.event_id, joined.annotator_id))

    return Cause(unit_key(joined.unit_id), event.metadata.event_id, decide)
