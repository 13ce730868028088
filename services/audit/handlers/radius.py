"""Blast radius: what else was labelled by who is at fault for a rejected lot, and what follows for it.

A rejection says in its own record who is at fault. From that it is noted with the series of the project's lots, which
every acceptance is told to first; each lot that is not judged yet is held, in a turn of its own, against what was
noted; and of what was accepted before a recheck is raised. So nothing is lost with a process that dies between any two
of these.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.labels import decoded
from services.audit.announcements import SERVICE, lot_held
from services.audit.domain import lot as lot_domain
from services.audit.domain import radius as domain
from services.audit.domain.holding import Hold
from services.audit.domain.lot import LotState
from services.audit.domain.place import OpenLot
from services.audit.domain.radius import Fault, Finding, in_radius
from services.audit.domain.series import Series, findings_on, is_overtaken
from services.audit.domain.unit import UnitState
from services.audit.handlers.hands import HandIndex
from services.audit.handlers.means import Means
from services.audit.handlers.rechecks import Rechecks
from services.audit.handlers.series import Standing
from services.audit.repository import LOT, lot_key


def says_same(project: Project) -> Callable[[str, str], bool]:
    """Return what tells of two labels, as canonical JSON, whether they say the same by the project's schema."""

    def same(label: str, other: str) -> bool:
        left, right = (decoded(project.read_text(text).encode()) for text in (label, other))
        return project.schema.says_same(left, right)

    return same


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """Notes who is at fault, holds lots for it, and has rechecks raised."""

    means: Means
    standing: Standing
    hands: HandIndex
    rechecks: Rechecks

    async def note(self, lot: OpenLot) -> None:
        """Note who is at fault for a lot's last rejection; where that is noted it changes nothing."""
        state = lot.state
        if not state.at_fault or lot.noted == state.rejections:
            return
        policy = self.means.project(state.project_id).policy.audit
        if policy.radius_units or policy.radius_recheck_share:
            found, radii = await self.rechecks.found(state)
            await self.standing.note(state, found, radii)
            if policy.radius_recheck_share and any(radius.accepted for radius in radii):
                await self.rechecks.of_radius(state, found)
            for other in self.means.repository.open_lots(state.project_id):
                if other.inspected:
                    self.means.repository.news(state.project_id, other.state.lot_id)
        lot.noted = state.rejections

    async def note_all(self, project_id: str) -> None:
        """Note who is at fault for any of a project's rejected lots: one whose process died may not have been."""
        for lot in self.means.repository.open_lots(project_id):
            await self.note(lot)

    async def hold(self, lot: OpenLot) -> None:
        """Hold a lot under inspection for what was found since its sample was drawn, if it has units of these."""
        state = lot.state
        if state.status != "auditing":
            return
        series = await self.means.repository.series(state.project_id)
        if not is_overtaken(series, state):
            return
        findings = findings_on(series, state)
        found: dict[int, list[Finding]] = {}
        place_of = {unit_id: place for place, unit_id in enumerate(state.unit_ids)}
        async for chunk, units in self.means.repository.in_chunks(state.members):
            found |= places_in_radius(place_of, (units[unit_id] for unit_id in chunk), findings)
        hold = self.hold_for(state.project_id, series, state, found, state.order)
        cause_id, trace = f"hold/{state.lot_id}/{state.rework}/{hold.findings_seen}", trace_headers()

        def decide(before: LotState | None, now_us: int) -> Decision[LotState] | None:
            if before is None or before.rework != state.rework:
                return None
            after = lot_domain.held(before, hold._replace(at_us=now_us))
            if after is None:
                return None
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            return Decision(after, [lot_held(announcer, after, who(found))] if hold.radius else [])

        await self.means.journal.decide(LOT, Cause(lot_key(state.lot_id), cause_id, decide), owed=True)

    def hold_for(
        self,
        project_id: str,
        series: Series,
        lot: LotState,
        found: Mapping[int, list[Finding]],
        order: Iterable[int],
    ) -> Hold:
        """Return for what a lot is held.

        Args:
            project_id: whose it is.
            series: with the findings that it was held against.
            lot: the lot.
            found: the places of its units that are in a radius, each with whose.
            order: of its inspection: that of the radius is the same, so that as many as may be are in its sample.
        """
        seen = domain.newest(findings_on(series, lot).values())
        first = self.means.project(project_id).policy.audit.radius_units
        radius = tuple(place for place in order if place in found) if first else ()
        rejected = {finding.lot_id: None for each in found.values() for finding in each}
        return Hold(seen, radius, first, tuple(rejected) if radius else ())

    async def at_fault(self, project: Project, units: list[UnitState]) -> tuple[Fault, ...]:
        """Return who is at fault for what was found in these inspected units of a lot."""
        return await asyncio.to_thread(domain.at_fault, units, says_same(project), project.policy.audit.aql)


def places_in_radius(
    place_of: Mapping[str, int], units: Iterable[UnitState], findings: Mapping[str, Finding]
) -> dict[int, list[Finding]]:
    """Return the places of those of some units that are in a radius, each with whose."""
    return {place_of[unit.unit_id]: whose for unit in units if (whose := in_radius(unit, findings))}


def who(found: Mapping[int, list[Finding]]) -> list[str]:
    """Return whose units a lot is held for, by id."""
    return sorted({finding.fault.annotator_id for each in found.values() for finding in each})
