"""Rechecks: raised by drift or a rejection, filled from accepted lots, and concluded by auditors' labels."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from concord.contracts.codec import Headers
from concord.contracts.ids import event_id, placed_id
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.quality.intervals import lot_proportion
from services.audit.announcements import SERVICE, lot_corrected, recheck_concluded, recheck_raised
from services.audit.domain import recheck as domain
from services.audit.domain.holding import re_reviewed
from services.audit.domain.lot import LotState, Progress
from services.audit.domain.place import OpenLot
from services.audit.domain.radius import RADIUS_LOTS_MAX, Finding, Hand, Radius
from services.audit.domain.recheck import ANNOTATORS_MAX, RADIUS, RADIUS_UNITS_MAX, SHARE, Recheck, RechecksState
from services.audit.domain.sampling import inspection_order
from services.audit.domain.verdict import rate_told
from services.audit.handlers.hands import HandIndex
from services.audit.handlers.hearing import lot_withdrawn
from services.audit.handlers.means import Means
from services.audit.handlers.traces import lot_span
from services.audit.repository import LOT, RECHECKS, lot_key, rechecks_key, unit_key

LOTS_LOOKED_AT_MAX = 1_000
"""A project's newest lots: in older ones no unit is looked for."""
LOTS_AT_ONCE = 20
AMONG_UNITS_MAX = 5_000
"""Units that a recheck's are drawn from; beyond them older lots are not looked at."""

log = logging.getLogger(__name__)


class NobodyAtFault(ValueError):
    """The evidence of a lot's last rejection shows nobody to be at fault, or it was never rejected."""

    field = "lot_id"
    cure = "name a rejected lot whose at_fault names somebody"


class NothingToRecheck(ValueError):
    """No accepted lot holds anything of who is at fault, or as many rechecks go on as may."""

    field = "lot_id"
    cure = "GET the project's rechecks; where some go on, have an auditor finish them first"


@dataclass(frozen=True, slots=True)
class Rechecks:
    """Raises rechecks and takes them as far as they can go; of a project, one at a time that drift has raised."""

    means: Means
    hands: HandIndex

    async def quality(self, deliveries: Sequence[Delivery]) -> None:
        """Hear of drift."""
        for delivery in deliveries:
            event = cast("QualityEvent", delivery.event)
            if event.HasField("drift_detected"):
                await self._drifted(event)

    async def _drifted(self, event: QualityEvent) -> None:
        about, drift = event.metadata, event.drift_detected
        project = self.means.projects.rows.get(about.project_id)
        if project is None or project.life == "closed" or not project.policy.audit.recheck_units:
            return
        project_id, policy = about.project_id, project.policy.audit
        known = await self.means.repository.rechecks(project_id)
        if known.newest is not None and await self._is_open(known.newest, project_id):
            return
        digest = event_id(about.event_id, SERVICE, "recheck").replace("-", "")
        lot_id = placed_id("l", project_id, digest)
        recheck = Recheck(
            lot_id, drift.measure, drift.category, drift.current_from_us, policy.recheck_units, about.occurred_at_us
        )

        def decide(before: RechecksState | None, now_us: int) -> Decision[RechecksState] | None:
            del now_us
            if (before or RechecksState(project_id)) != known:
                return None  # another was raised meanwhile
            after = domain.raised(known, recheck, policy.recheck_pause_hours)
            return None if after is None else Decision(after)

        cause = Cause(rechecks_key(project_id), about.event_id, decide)
        outcome = await self.means.journal.decide(RECHECKS, cause, owed=True)
        if outcome.state is not None and outcome.state.of_lot(lot_id) is not None:
            await self._open(lot_id, project_id)

    async def found(self, lot: LotState) -> tuple[list[Finding], list[Radius]]:
        """Return who is at fault for a lot's last rejection, and what accepted lots hold of each since it last held."""
        radii = [
            await self.hands.radius(lot.project_id, fault.annotator_id, lot.lot_id, lot.rejected_at_us)
            for fault in lot.at_fault
        ]
        found = [
            Finding(fault, lot.lot_id, lot.rejected_at_us, reached.since_us, reached.clean_lot_id)
            for fault, reached in zip(lot.at_fault, radii, strict=True)
        ]
        return found, radii

    async def asked(self, lot: LotState) -> Recheck:
        """Raise a recheck of the radius of a lot's last rejection because somebody asks; while one goes on, that one.

        Raises:
            NobodyAtFault, NothingToRecheck: there is none to be raised.
        """
        if not lot.at_fault:
            raise NobodyAtFault(f"Nobody was found at fault for a rejection of lot {lot.lot_id}.")
        found, radii = await self.found(lot)
        known = (await self.means.repository.rechecks(lot.project_id)).of_rejection(lot.lot_id, lot.rejected_at_us)
        if not any(radius.accepted for radius in radii):
            raise NothingToRecheck("No accepted lot holds labels of who is at fault since these last held.")
        recheck = known[-1] if known and not known[-1].done else await self.of_radius(lot, found, number=len(known))
        if recheck is None:
            raise NothingToRecheck("As many rechecks of the project go on as may; have these inspected first.")
        return recheck

    async def of_radius(self, lot: LotState, found: Sequence[Finding], number: int = 0) -> Recheck | None:
        """Raise a recheck of what accepted lots hold of who is at fault; said again it changes nothing.

        Args:
            lot: the rejected one.
            found: who, and since when their labels are in doubt.
            number: how many were raised for this rejection before.

        Returns:
            the recheck; None where as many go on as may.
        """
        project_id = lot.project_id
        cause_id = f"radius/{lot.lot_id}/{lot.rejected_at_us}/{number}"
        recheck_id = placed_id("l", project_id, event_id(cause_id, SERVICE, "recheck").replace("-", ""))
        surest = tuple(found[:ANNOTATORS_MAX])
        recheck = Recheck(
            recheck_id,
            RADIUS,
            "",
            min(finding.since_us for finding in surest),
            0,
            lot.rejected_at_us,
            rejected_lot_id=lot.lot_id,
            findings=surest,
            share=self.means.project(project_id).policy.audit.radius_recheck_share or SHARE,
        )

        def decide(before: RechecksState | None, now_us: int) -> Decision[RechecksState] | None:
            del now_us
            state = before or RechecksState(project_id)
            after = None if state.of_lot(recheck_id) is not None else domain.raised(state, recheck)
            return None if after is None else Decision(after)

        outcome = await self.means.journal.decide(
            RECHECKS, Cause(rechecks_key(project_id), cause_id, decide), owed=True
        )
        raised = None if outcome.state is None else outcome.state.of_lot(recheck_id)
        if raised is not None:
            await self._open(recheck_id, project_id)
        else:
            log.warning("lot %s: no recheck of its radius is raised: as many go on as may", lot.lot_id)
        return raised

    async def _is_open(self, newest: Recheck, project_id: str) -> bool:
        found = await self.means.repository.lots([newest.lot_id])
        if not found:  # its process died between the two records
            await self._open(newest.lot_id, project_id)
            return True
        return found[0].status != "rechecked"

    async def _open(self, lot_id: str, project_id: str) -> None:
        lot = LotState(lot_id, project_id, status="gathering")

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            del now_us
            return Decision(lot) if before is None else None

        cause = Cause(lot_key(lot_id), f"recheck/{lot_id}", decide, creates=True)
        await self.means.journal.decide(LOT, cause, owed=True)

    async def take(self, lot: OpenLot) -> None:
        """Take a recheck's lot as far as it can go: the truth is read, the read model only hinted."""
        if lot.state.status == "gathering":
            await self._gather(lot)
            return
        gone = [unit_id for unit_id in lot.state.members if unit_id in lot.gone]
        for unit_id in gone:
            cause = lot_withdrawn(lot.state.lot_id, unit_id, f"withdrawn/{unit_id}")
            await self.means.journal.decide(LOT, cause)
        if not gone and lot.progress().verdict != "continue" and not lot.re_reviewed().left:
            await self._conclude(lot)

    async def _gather(self, lot: OpenLot) -> None:
        """Draw the units once there are enough; of a project that is closed, from what there is."""
        state = lot.state
        recheck = (await self.means.repository.rechecks(state.project_id)).of_lot(state.lot_id)
        assert recheck is not None, "a recheck is noted before its lot is there"
        found = await self._candidates(state.project_id, recheck)
        of_radius, first = recheck.measure == RADIUS, None
        if of_radius:
            first = domain.first_of(recheck, len(found))
        elif len(found) < recheck.wanted and self.means.project(state.project_id).life != "closed":
            return
        await self._note_among(state, len(found), recheck.wanted if first is None else first)
        places = inspection_order(self.means.sample_secret, state.lot_id, 0, found)
        unit_ids = [found[place] for place in places[: RADIUS_UNITS_MAX if of_radius else recheck.wanted]]
        async with lot_span(self.means, "raise recheck", lot, unit_ids):
            await self._raise(state, recheck, unit_ids, first, len(found))
        # Some may have been inspected or erased since they were looked at; whatever comes from now on is news.
        async for _, units in self.means.repository.in_chunks(unit_ids):
            for unit_id, unit in units.items():
                self.means.repository.settle_unit(unit_key(unit_id), unit)

    async def _raise(
        self, state: LotState, recheck: Recheck, unit_ids: Sequence[str], first: int | None, among: int
    ) -> None:
        cause_id, trace = f"gathered/{state.lot_id}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            after = domain.drawn(before, unit_ids, first, now_us)
            if after is None:
                return None
            return Decision(after, [recheck_raised(Announcer(SERVICE, cause_id, now_us, trace), after, recheck, among)])

        await self.means.journal.decide(LOT, Cause(lot_key(state.lot_id), cause_id, decide))

    async def _note_among(self, state: LotState, units: int, wanted: int) -> None:
        def decide(before: RechecksState | None, now_us: int) -> Decision[RechecksState] | None:
            del now_us
            return None if before is None else Decision(domain.among(before, state.lot_id, units, wanted))

        cause_id = f"among/{state.lot_id}/{units}"
        await self.means.journal.decide(RECHECKS, Cause(rechecks_key(state.project_id), cause_id, decide))

    async def _candidates(self, project_id: str, recheck: Recheck) -> list[str]:
        """Return the units of accepted lots that a recheck is about, but those that another has in hand."""
        repository = self.means.repository
        if recheck.measure == RADIUS:
            lot_ids = await self._lots_in_radius(project_id, recheck)
        else:
            lot_ids = (await repository.lot_ids(project_id))[-LOTS_LOOKED_AT_MAX:][::-1]
        others = (lot.state for lot in repository.open_lots(project_id))
        in_hand = frozenset(unit_id for lot in others if lot.status == "rechecking" for unit_id in lot.unit_ids)
        found: list[str] = []
        for start in range(0, len(lot_ids), LOTS_AT_ONCE):
            for lot in await repository.lots(lot_ids[start : start + LOTS_AT_ONCE]):
                if not domain.may_hold(lot, recheck):
                    continue
                async for chunk, units in repository.in_chunks(lot.leaving):
                    there = (unit_id for unit_id in chunk if unit_id not in in_hand)
                    found += [unit_id for unit_id in there if domain.is_candidate(units[unit_id], recheck)]
                if len(found) >= AMONG_UNITS_MAX:
                    return found
        return found

    async def _note_done(self, state: LotState) -> None:
        def decide(before: RechecksState | None, now_us: int) -> Decision[RechecksState] | None:
            del now_us
            return None if before is None else Decision(domain.done(before, state.lot_id))

        cause = Cause(rechecks_key(state.project_id), f"done/{state.lot_id}", decide)
        await self.means.journal.decide(RECHECKS, cause, owed=True)

    async def _lots_in_radius(self, project_id: str, recheck: Recheck) -> list[str]:
        """Return the accepted lots that hold anything of a radius, the newest first."""
        hands: list[Hand] = []
        for finding in recheck.findings:
            who, of_lot = finding.fault.annotator_id, recheck.rejected_lot_id
            hands += (await self.hands.radius(project_id, who, of_lot, finding.at_us)).accepted
        newest_first = sorted(hands, key=lambda hand: (-hand.accepted_at_us, hand.lot_id))
        return list(dict.fromkeys(hand.lot_id for hand in newest_first))[:RADIUS_LOTS_MAX]

    async def _conclude(self, lot: OpenLot) -> None:
        state = lot.state
        place_of = {unit_id: place for place, unit_id in enumerate(state.unit_ids)}
        right: dict[str, bool] = {}
        async for _, units in self.means.repository.in_chunks(state.counting):
            for unit_id, unit in units.items():
                if unit.inspection is not None and unit.inspected(unit.rework):
                    right[unit_id] = unit.inspection.correct
        left = re_reviewed(state.in_radius, state.radius_first, right.get).left
        if left or not right.keys() >= frozenset(state.sample):
            return
        async with lot_span(self.means, "conclude recheck", lot):
            await self._correct(state, [unit_id for unit_id, is_right in right.items() if not is_right])
            await self._decide(state, right, place_of)

    async def _correct(self, state: LotState, wrong: Sequence[str]) -> None:
        """Tell the lots that units left in, of those that were found wrong, before their recheck is concluded."""
        lots = domain.by_lot(wrong, await self.means.repository.lots_of(wrong))
        for lot_id, unit_ids in lots.items():
            digest = hashlib.sha256("\x00".join(sorted(unit_ids)).encode()).hexdigest()
            cause_id, trace = f"corrected/{state.lot_id}/{digest}", trace_headers()

            def decide(
                before: LotState | None,
                now_us: int,
                unit_ids: Sequence[str] = unit_ids,
                cause_id: str = cause_id,
                trace: Headers = trace,
            ) -> Decision[LotState] | None:
                after = domain.corrected(before, unit_ids, now_us)
                if before is None or after is None:
                    return None
                announcer = Announcer(SERVICE, cause_id, now_us, trace)
                return Decision(after, [lot_corrected(announcer, before, after, state.lot_id)])

            await self.means.journal.decide(LOT, Cause(lot_key(lot_id), cause_id, decide), owed=True)

    async def _decide(self, state: LotState, right: Mapping[str, bool], place_of: Mapping[str, int]) -> None:
        """Conclude a recheck by whether the label of each of its units was right."""
        recheck = (await self.means.repository.rechecks(state.project_id)).of_lot(state.lot_id)
        assert recheck is not None, "a recheck is noted before its lot is there"
        changed = [unit_id for unit_id, is_right in right.items() if not is_right]
        confidence, among = domain.confidence_of(recheck, len(state.unit_ids)), max(recheck.among, len(right))
        rate = rate_told(lot_proportion(len(changed), len(right), among, confidence))
        await self._note_done(state)
        found = Progress(len(right), len(changed), "accept")
        cause_id, trace = f"recheck/{state.lot_id}/{len(state.withdrawn)}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            if before != state:
                return None
            after = domain.concluded(before, found, [place_of[unit_id] for unit_id in changed], rate)
            if after is None:
                return None
            outgoing = recheck_concluded(Announcer(SERVICE, cause_id, now_us, trace), after, recheck, changed)
            return Decision(after, [outgoing])

        outcome = await self.means.journal.decide(LOT, Cause(lot_key(state.lot_id), cause_id, decide))
        if not outcome.repeated:
            self.means.instruments.counter("concord_audit_rechecks").inc()
