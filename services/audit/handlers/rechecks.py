"""Rechecks: raised by drift where the project says so, filled from accepted lots, and concluded by auditors' labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from concord.chassis.consumer import Delivery
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from concord.contracts.ids import event_id, placed_id
from concord.contracts.v1.quality_pb2 import QualityEvent
from concord.quality.intervals import lot_proportion
from services.audit.announcements import SERVICE, recheck_concluded, recheck_raised
from services.audit.domain import recheck as domain
from services.audit.domain.lot import LotState, Progress
from services.audit.domain.place import OpenLot
from services.audit.domain.recheck import Recheck, RechecksState, is_candidate
from services.audit.domain.sampling import inspection_order
from services.audit.domain.verdict import CONFIDENCE, rate_told
from services.audit.handlers.hearing import lot_withdrawn
from services.audit.handlers.means import Means
from services.audit.handlers.traces import lot_span
from services.audit.repository import LOT, RECHECKS, lot_key, rechecks_key, unit_key

LOTS_LOOKED_AT_MAX = 1_000
"""A project's newest lots: in older ones no unit is looked for."""
LOTS_AT_ONCE = 20
AMONG_UNITS_MAX = 5_000
"""Units that a recheck's are drawn from; beyond them older lots are not looked at."""


@dataclass(frozen=True, slots=True)
class Rechecks:
    """Raises rechecks and takes them as far as they can go; at most one of a project is open at a time."""

    means: Means

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
        if not gone and lot.progress().verdict != "continue":
            await self._conclude(lot)

    async def _gather(self, lot: OpenLot) -> None:
        """Draw the units once there are enough; of a project that is closed, from what there is."""
        state = lot.state
        recheck = (await self.means.repository.rechecks(state.project_id)).of_lot(state.lot_id)
        assert recheck is not None, "a recheck is noted before its lot is there"
        found = await self._candidates(state.project_id, recheck)
        if len(found) < recheck.wanted and self.means.project(state.project_id).life != "closed":
            return
        await self._note_among(state, len(found))
        places = inspection_order(self.means.sample_secret, state.lot_id, 0, found)
        unit_ids = [found[place] for place in places[: recheck.wanted]]
        async with lot_span(self.means, "raise recheck", lot, unit_ids):
            await self._raise(state, recheck, unit_ids, len(found))
        # Some may have been inspected or erased since they were looked at; whatever comes from now on is news.
        async for _, units in self.means.repository.in_chunks(unit_ids):
            for unit_id, unit in units.items():
                self.means.repository.settle_unit(unit_key(unit_id), unit)

    async def _raise(self, state: LotState, recheck: Recheck, unit_ids: Sequence[str], among: int) -> None:
        cause_id, trace = f"gathered/{state.lot_id}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            after = domain.drawn(before, unit_ids, now_us)
            if after is None:
                return None
            return Decision(after, [recheck_raised(Announcer(SERVICE, cause_id, now_us, trace), after, recheck, among)])

        await self.means.journal.decide(LOT, Cause(lot_key(state.lot_id), cause_id, decide))

    async def _note_among(self, state: LotState, units: int) -> None:
        def decide(before: RechecksState | None, now_us: int) -> Decision[RechecksState] | None:
            del now_us
            return None if before is None else Decision(domain.among(before, state.lot_id, units))

        cause_id = f"among/{state.lot_id}/{units}"
        await self.means.journal.decide(RECHECKS, Cause(rechecks_key(state.project_id), cause_id, decide))

    async def _candidates(self, project_id: str, recheck: Recheck) -> list[str]:
        repository = self.means.repository
        lot_ids = (await repository.lot_ids(project_id))[-LOTS_LOOKED_AT_MAX:][::-1]
        found: list[str] = []
        for start in range(0, len(lot_ids), LOTS_AT_ONCE):
            for lot in await repository.lots(lot_ids[start : start + LOTS_AT_ONCE]):
                if lot.status != "accepted" or lot.accepted_at_us < recheck.from_us:
                    continue
                async for chunk, units in repository.in_chunks(lot.leaving):
                    found += [unit_id for unit_id in chunk if is_candidate(units[unit_id], recheck)]
                if len(found) >= AMONG_UNITS_MAX:
                    return found
        return found

    async def _conclude(self, lot: OpenLot) -> None:
        state = lot.state
        place_of = {unit_id: place for place, unit_id in enumerate(state.unit_ids)}
        right: dict[str, bool] = {}
        async for chunk, units in self.means.repository.in_chunks(state.members):
            for unit_id in chunk:
                inspection = units[unit_id].inspection
                if inspection is None:
                    return
                right[unit_id] = inspection.correct
        async with lot_span(self.means, "conclude recheck", lot):
            await self._decide(state, right, place_of)

    async def _decide(self, state: LotState, right: Mapping[str, bool], place_of: Mapping[str, int]) -> None:
        """Conclude a recheck by whether the label of each of its units was right."""
        recheck = (await self.means.repository.rechecks(state.project_id)).of_lot(state.lot_id)
        assert recheck is not None, "a recheck is noted before its lot is there"
        changed = [unit_id for unit_id, is_right in right.items() if not is_right]
        rate = rate_told(lot_proportion(len(changed), len(right), max(recheck.among, len(right)), CONFIDENCE))
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
