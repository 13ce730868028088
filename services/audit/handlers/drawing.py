"""Drawing a lot's sample, when every one of its units is there."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.audit.announcements import SERVICE, lot_held, sample_drawn
from services.audit.domain.lot import LotState, drawn
from services.audit.domain.place import OpenLot
from services.audit.domain.radius import Finding
from services.audit.domain.sampling import draw_seed, inspection_order
from services.audit.domain.series import Series, findings_on
from services.audit.domain.verdict import Plan, PlanKind, Terms, Unplannable, plan_for
from services.audit.handlers.admitting import admit
from services.audit.handlers.means import Means
from services.audit.handlers.radius import BlastRadius, places_in_radius, who
from services.audit.handlers.series import Standing
from services.audit.handlers.traces import lot_span, traces_of
from services.audit.repository import LOT, lot_key

PLAN_SECONDS_MAX = 30.0
"""Of finding a plan; ordinary ones take tens of milliseconds. The thread goes on and keeps what it finds."""
PLANS_AT_ONCE = 2
LOOKED_AT_ONCE = 50
"""Units of a lot that are looked at together before its sample is drawn: what the store is asked for in one go."""


def _planners() -> ThreadPoolExecutor:
    # Threads of their own: those that others wait for are not taken up by a plan that nobody waits for any more.
    return ThreadPoolExecutor(PLANS_AT_ONCE, thread_name_prefix="plan")


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws samples."""

    means: Means
    standing: Standing
    blast_radius: BlastRadius
    planners: ThreadPoolExecutor = field(default_factory=_planners)

    async def draw(self, lot: OpenLot) -> None:
        """Draw a lot's sample if nothing is missing: the truth is read, the read model only hinted.

        Raises:
            Unplannable: no plan can be made by the project's policy.
            Discontinued: none is to be drawn.
        """
        state = lot.state
        if not await self._all_there(lot):
            return
        traces: list[str] = []
        gone, place_of = set(state.withdrawn), {unit_id: place for place, unit_id in enumerate(state.unit_ids)}
        unanswerable: set[int] = set()
        series = await self.means.repository.series(state.project_id)
        findings, in_doubt = findings_on(series, state), dict[int, list[Finding]]()
        async for chunk, units in self.means.repository.in_chunks(state.unit_ids):
            gone |= {place_of[unit_id] for unit_id in chunk if units[unit_id].withdrawn}
            unanswerable |= {place_of[unit_id] for unit_id in chunk if units[unit_id].unanswerable}
            in_doubt |= places_in_radius(place_of, units.values(), findings)
            traces = traces_of(units.values(), traces)
        lot.traces = traces
        async with lot_span(self.means, "draw sample", lot):
            await self._draw(state, gone, unanswerable, series, in_doubt)

    async def _draw(
        self,
        state: LotState,
        gone: set[int],
        unanswerable: set[int],
        series: Series,
        in_doubt: Mapping[int, list[Finding]],
    ) -> None:
        counting = len(state.unit_ids) - len(gone | unanswerable)
        plan = await self._plan(state.project_id, counting) if counting else None
        seed = draw_seed(self.means.sample_secret, state.lot_id, state.rework)
        order = await asyncio.to_thread(inspection_order, seed, state.lot_id, state.rework, state.unit_ids)
        hold = self.blast_radius.hold_for(state.project_id, series, state, in_doubt, order)
        cause_id, trace = f"draw/{state.lot_id}/{state.rework}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            after = drawn(before, plan, order, gone, seed, unanswerable, hold._replace(at_us=now_us))
            if after is None or after.rework != state.rework:
                return None
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            held = [lot_held(announcer, after, who(in_doubt))] if hold.radius else []
            return Decision(after, [sample_drawn(announcer, after), *held])

        await self.means.journal.decide(LOT, Cause(lot_key(state.lot_id), cause_id, decide))

    async def _all_there(self, lot: OpenLot) -> bool:
        """Return whether no unit of the lot is missing, and have the read model know of some that are.

        They are looked at in their order, a few at a time, and each once: what is there stays so for this rework. So a
        lot of which nothing is labelled costs a look at its first units.
        """
        state = lot.state
        for start in range(lot.there, len(state.unit_ids), LOOKED_AT_ONCE):
            chunk = state.unit_ids[start : start + LOOKED_AT_ONCE]
            missing = lot.waits_for = set(chunk)
            try:
                units = await self.means.repository.units(chunk)
                missing -= {unit_id for unit_id in chunk if unit_id in units and units[unit_id].ready(state.rework)}
                # Of those heard of through another process the read models hear now; so they are out of it, too.
                await admit(self.means, [unit_id for unit_id, unit in units.items() if not unit.admitted])
            except BaseException:
                # Looked at by half, it would wait for units that are there, of which there is no news any more.
                if lot.waits_for is missing:
                    lot.waits_for = None
                raise
            # What was settled meanwhile is out of it too, unless the lot has moved on and looks anew.
            if missing or lot.state is not state:
                return False
            lot.there += len(chunk)
            await asyncio.sleep(0)
        return lot.state is state

    async def _plan(self, project_id: str, lot_units: int) -> Plan:
        project = self.means.project(project_id)
        policy = project.policy.audit
        series = await self.standing.drawable(project)
        terms = Terms(policy.level or "II", series.switching.inspection, policy.reduction)
        loop = asyncio.get_running_loop()
        found = loop.run_in_executor(
            self.planners,
            plan_for,
            cast("PlanKind", policy.plan),
            policy.fraction,
            policy.aql,
            policy.ltpd,
            policy.alpha,
            policy.beta,
            lot_units,
            terms,
        )
        try:
            return await asyncio.wait_for(found, PLAN_SECONDS_MAX)
        except TimeoutError as fault:
            raise Unplannable(f"finding its plan takes over {PLAN_SECONDS_MAX:g} s") from fault
        except (ValueError, ArithmeticError, AssertionError) as fault:
            raise Unplannable(f"no plan keeps the risks of its policy: {fault}") from fault
