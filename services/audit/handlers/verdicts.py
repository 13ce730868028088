"""Judging a lot: accepted with a certificate, or rejected and what follows."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from concord.chassis.errors import Unavailable
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.quality.auditor_error import Repeats
from concord.quality.label_error import Pool, lot_error_rate
from concord.version import VERSION
from services.audit.announcements import SERVICE, lot_accepted, lot_rejected
from services.audit.domain.acceptance import Acceptance, Rules, detailed, inspection_of
from services.audit.domain.agreement import compared
from services.audit.domain.holding import re_reviewed
from services.audit.domain.ledger import Ledger
from services.audit.domain.lot import LotState, Progress, after_rejection, progress, rejected
from services.audit.domain.place import OpenLot
from services.audit.domain.radius import Fault, Hands
from services.audit.domain.repeats import repeats_of
from services.audit.domain.unit import UnitState, closed
from services.audit.domain.verdict import CONFIDENCE, Rate, rate_told
from services.audit.handlers.hearing import lot_withdrawn
from services.audit.handlers.means import Means
from services.audit.handlers.radius import BlastRadius, says_same
from services.audit.handlers.series import Standing
from services.audit.handlers.traces import CERTIFICATE, LOT_ID, STATUS, lot_span
from services.audit.repository import LOT, UNIT, lot_key, unit_key

REJECTIONS_MAX = 2
"""Where a project's policy was told without it."""

log = logging.getLogger(__name__)


class StillMoving(Unavailable):
    """What a lot's verdicts come to changed while it was accepted; it is judged anew."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Judges lots."""

    means: Means
    standing: Standing
    blast_radius: BlastRadius

    async def judge(self, lot: OpenLot) -> None:
        """Accept or reject a lot if its verdicts are enough: the truth is read, the read model only hinted."""
        state = lot.state
        if lot.bounds is None and state.plan is not None:
            bounds = await asyncio.to_thread(state.plan.bounds)
            if lot.state is not state:
                return
            lot.bounds = bounds
        inspected, _, verdict = lot.progress()[:3]
        if verdict == "continue" or (verdict == "accept" and lot.owed(inspected) and self._repeats(state)):
            return
        if verdict == "accept" and lot.radius and lot.re_reviewed().left:
            return
        await self._conclude(lot, state)

    def _repeats(self, state: LotState) -> bool:
        """Return whether the project has inspections repeated; what still waits for that lapses when it does not."""
        return self.means.project(state.project_id).policy.audit.repeat_inspections > 0

    async def _conclude(self, lot: OpenLot, state: LotState) -> None:
        units = await self._inspected(state)
        verdicts = {unit.unit_id: unit.inspection for unit in units if unit.inspection is not None}
        found = progress(state, lot.bounds, {unit_id: inspected.correct for unit_id, inspected in verdicts.items()}.get)
        if found.verdict == "continue":
            return
        owed = any(unit.awaits_repeat(state.rework) for unit in units[: found.inspected])
        if found.verdict == "accept" and owed and self._repeats(state):
            return  # a rejection waits for nothing
        if found.verdict == "accept" and await self._held(state):
            return
        async with lot_span(self.means, "judge lot", lot) as span:
            after = await self._decide(state, units, found)
            if after is not None:
                span.set_attributes({STATUS: after.status, CERTIFICATE: after.certificate})

    async def _held(self, state: LotState) -> bool:
        """Return whether some units for which a lot is held are still to be inspected."""
        await self.blast_radius.note_all(state.project_id)
        verdicts: dict[str, bool] = {}
        async for _, units in self.means.repository.in_chunks(state.in_radius):
            for unit_id, unit in units.items():
                if unit.inspection is not None and not unit.inspection.late and unit.inspected(state.rework):
                    verdicts[unit_id] = unit.inspection.correct
        return bool(re_reviewed(state.in_radius, state.radius_first, verdicts.get).left)

    async def _decide(self, state: LotState, units: Sequence[UnitState], found: Progress) -> LotState | None:
        """Accept or reject a lot by what was found in these units of its sample; return it as it is then."""
        verdicts = {unit.unit_id: unit.inspection for unit in units if unit.inspection is not None}
        project = self.means.project(state.project_id)
        found = detailed(found, [verdicts[unit_id] for unit_id in state.sample[: found.inspected]], project.form)
        inspection = inspection_of(state, found, attempts_max(project))
        if found.verdict == "accept":
            await self._close(state)
            cause = await self._acceptance(state, project, found)
        else:
            follows = self._follows(state, project)
            if follows == "relabel":  # else the lot is inspected on, and tells of all when it is accepted
                inspection = replace(inspection, repeats=repeats_of(units, state.rework))
            await self.standing.tell(state, found, Pool.of_rejected(inspection))
            rate = await asyncio.to_thread(lot_error_rate, inspection, CONFIDENCE)
            at_fault = await self.blast_radius.at_fault(project, list(units))
            cause = self._rejection(state, found, rate_told(rate), follows, inspection.repeats, at_fault)
        outcome = await self.means.journal.decide(LOT, cause)
        if not outcome.repeated:
            self.means.instruments.counter("concord_audit_lots", f"{found.verdict}ed").inc()
            if found.verdict == "reject" and outcome.state is not None:
                self.means.instruments.counter("concord_audit_annotators_at_fault").inc(len(outcome.state.at_fault))
            log.info("lot %s: %s; %d inspected, %d wrong", state.lot_id, found.verdict, found.inspected, found.errors)
        await self.standing.count(state)
        return outcome.state

    async def _inspected(self, state: LotState) -> list[UnitState]:
        """Return the units of the sample in its order, up to the first that nobody has inspected."""
        found: list[UnitState] = []
        async for chunk, units in self.means.repository.in_chunks(state.sample):
            for unit_id in chunk:
                inspection = units[unit_id].inspection
                if inspection is None or inspection.late or inspection.rework < state.rework:
                    return found
                found.append(units[unit_id])
        return found

    async def _close(self, state: LotState) -> None:
        """Have no verdict taken any more on units of the sample that lack one, or a repeat, whichever process is asked.

        What is signed says of every verdict beyond the point of the judgement whether it put a label right. A verdict
        and this are records of the same unit: one goes before the other, so whoever takes one has it counted or late.
        """
        async for chunk, units in self.means.repository.in_chunks(state.counting):
            left = [
                unit_id
                for unit_id in chunk
                if not units[unit_id].inspected(state.rework) or units[unit_id].awaits_repeat(state.rework)
            ]
            for outcome in await self.means.journal.apply(
                UNIT, [_closing(unit_id, state, self.means.ledger) for unit_id in left]
            ):
                if outcome.error is not None:
                    raise outcome.error

    async def _acceptance(self, state: LotState, project: Project, found: Progress) -> Cause[LotState]:
        """Return the cause that accepts a lot: all that costs time is done before it is asked to decide."""
        means = self.means
        others = (await self.standing.now(state.project_id)).pool
        acceptance = await asyncio.to_thread(self._begun, state, project, means.clock.now_us(), others)
        hands = Hands(state.lot_id, acceptance.rules.accepted_at_us, says_same(project))
        async for chunk, units in means.repository.in_chunks(state.members):
            members = [units[unit_id] for unit_id in chunk]
            for unit in members:
                if unit.withdrawn:
                    # It was erased before its lot was known: the lot is told now, and judged anew.
                    return lot_withdrawn(state.lot_id, unit.unit_id, f"withdrawn/{unit.unit_id}")
                project.must_know(max(unit.schema_versions))
            await asyncio.to_thread(acceptance.add, members)
            await asyncio.to_thread(hands.add, members, state.rework)
        made = await asyncio.to_thread(acceptance.made)
        if made is None:
            raise StillMoving(f"The verdicts on lot {state.lot_id} moved while it was accepted.")
        # Before the series is told: whoever finds the acceptance there, or later, finds whose labels it holds.
        await self.blast_radius.hands.keep(state, hands.all())
        await self.standing.tell(state, found, made.pool)
        await means.repository.keep(made.rows)
        await means.repository.keep(made.basis)
        await means.repository.close_members(state)
        with means.tracing.span("sign certificate", {LOT_ID: state.lot_id}) as span:
            signed = await asyncio.to_thread(means.signer.signed, made.statement)
            after = msgspec.structs.replace(made.lot, certificate=await means.repository.keep(signed))
            span.set_attribute(CERTIFICATE, after.certificate)
        cause_id = f"accept/{state.lot_id}/{state.rework}/{len(state.withdrawn)}"
        trace = trace_headers()
        plan = None if made.inspection.bounds is None else state.plan

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            if before != state:
                return None  # another process was faster, or a unit was erased meanwhile: what was found is old
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [lot_accepted(announcer, after, plan, made.inspection, made.re_reviewed)])

        return Cause(lot_key(state.lot_id), cause_id, decide)

    def _begun(self, state: LotState, project: Project, at_us: int, others: Pool) -> Acceptance:
        picked = compared(state.members, project.schema, self.means.sample_secret)
        rules = Rules(
            project.client_id,
            state,
            project.schema.spec(),
            project.policy.overlap.initial,
            rejections_max(project),
            attempts_max(project),
            None if len(picked) == len(state.members) else tuple(sorted(picked)),
            at_us,
            others,
            VERSION,
            () if project.versions is None else project.versions.steps,
            by_version=True,
        )
        return Acceptance(rules)

    def _follows(self, state: LotState, project: Project) -> str:
        # Of a closed project nobody labels anything anew.
        wished = "inspect_all" if project.life == "closed" else project.policy.audit.on_reject
        return after_rejection(wished, state.rejections, rejections_max(project))

    def _rejection(
        self,
        state: LotState,
        found: Progress,
        rate: Rate,
        follows: str,
        repeats: Repeats,
        at_fault: Sequence[Fault],
    ) -> Cause[LotState]:
        cause_id, trace = f"reject/{state.lot_id}/{state.rework}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            if before is None or (before.status, before.rework) != (state.status, state.rework):
                return None
            after = rejected(before, found, follows, at_fault, now_us)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [lot_rejected(announcer, after, state.rework, follows, rate, repeats)])

        return Cause(lot_key(state.lot_id), cause_id, decide)


def _closing(unit_id: str, lot: LotState, ledger: Ledger) -> Cause[UnitState]:
    rework, withdrawn = judgement = lot.judgement

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = closed(state, judgement)
        return None if after is None else Decision(ledger.closed(state, after, now_us))

    return Cause(unit_key(unit_id), f"close/{unit_id}/{rework}/{withdrawn}", decide)


def rejections_max(project: Project) -> int:
    """Return how often a lot of the project may be sent back to be labelled anew."""
    policy = project.policy.audit
    return policy.rejections_max if policy.HasField("rejections_max") else REJECTIONS_MAX


def attempts_max(project: Project) -> int:
    """Return how often a lot of the project may be judged by a sample: the claims of these share their risk."""
    return rejections_max(project) + 1 if project.policy.audit.on_reject == "relabel" else 1
