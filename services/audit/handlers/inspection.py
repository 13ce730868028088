"""Inspection: what auditors should look at, and the verdicts they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.telemetry import trace_headers
from concord.contracts.ids import client_of
from concord.labels import Json, LabelFault, decoded, encoded
from concord.review import has_part
from services.audit.announcements import SERVICE, unit_audited
from services.audit.domain import unit as unit_domain
from services.audit.domain.lot import OPEN_TO_INSPECTION, WAITING, LotState, wanted
from services.audit.domain.unit import Inspection, LabelledAnew, UnitDoesNotExist, UnitState
from services.audit.handlers.means import Means
from services.audit.repository import UNIT, unit_key

LISTED_MORE = 20
"""Units read beyond what a page wants, for those that the caller had a part in."""

Took = Literal["taken", "late", "repeated"]


class LabelRefused(ValueError):
    """The auditor's label does not fit the project's schema."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


class Listed(NamedTuple):
    """A unit for an auditor to inspect."""

    lot: LotState
    unit_id: str


@dataclass(frozen=True, slots=True)
class Inspecting:
    """Lists work for auditors and takes their labels; what follows for lots is the business of `turns`."""

    means: Means

    async def listed(self, auditor_id: str, client_id: str | None, project_id: str | None, limit: int) -> list[Listed]:
        """Return units that the plans still need and the auditor had no part in, in the order of the samples.

        Args:
            auditor_id: who asks.
            client_id: whose units alone they may see; None for anybody's.
            project_id: of which project alone; None for all.
            limit: at most so many.
        """
        found: list[Listed] = []
        for lot in self.means.repository.open_lots(project_id):
            state = lot.state
            if not lot.inspected or client_id not in (None, client_of(state.lot_id)):
                continue
            if lot.bounds is None and state.plan is not None:
                continue  # the loop has not come to it yet
            units = wanted(state, lot.bounds, lot.found.get)
            while units and len(found) < limit:
                some, units = units[: limit + LISTED_MORE], units[limit + LISTED_MORE :]
                known = await self.means.repository.units(some)
                found += [Listed(state, unit_id) for unit_id in some if _fit(known[unit_id], state, auditor_id)]
            if len(found) >= limit:
                break
        return found[:limit]

    async def inspect(self, auditor_id: str, client_id: str | None, unit_id: str, label: Json, reason: str) -> Took:
        """Take an auditor's own label of a unit; one that comes after its lot was judged is kept as late.

        Raises:
            UnitDoesNotExist, InspectedOtherwise, LabelledAnew, LabelRefused: it cannot be taken.
        """
        unit, lot = await self._found(unit_id, client_id)
        known = self.means.repository.open_lot(lot.project_id, lot.lot_id)
        if known is None:
            return await self._inspect(auditor_id, unit, lot, label, reason)
        async with known.taking():
            unit, lot = await self._found(unit_id, client_id)  # it may have moved on
            return await self._inspect(auditor_id, unit, lot, label, reason)

    async def _inspect(self, auditor_id: str, unit: UnitState, lot: LotState, label: Json, reason: str) -> Took:
        schema = self.means.project(lot.project_id).schema
        try:
            own = schema.canonical(label)
            canonical = encoded(own).decode()
        except LabelFault as fault:
            raise LabelRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        if not unit.label or has_part(unit.participants, auditor_id):
            raise UnitDoesNotExist("There is no such unit to inspect.")
        late = not _awaited(unit, lot)
        correct = schema.says_same(decoded(unit.label.encode()), own)
        inspection = Inspection(auditor_id, canonical, unit.rework, correct, reason, late)
        outcome = await self._decide(unit, lot.lot_id, inspection)
        if not outcome.repeated:
            result = "late" if late else "correct" if correct else "wrong"
            self.means.instruments.counter("concord_audit_inspections", result).inc()
        said = outcome.state.inspection if outcome.state is not None else None
        late = late if said is None else said.late
        return "late" if late else "repeated" if outcome.repeated else "taken"

    async def _decide(self, unit: UnitState, lot_id: str, inspection: Inspection) -> Outcome[UnitState]:
        trace = trace_headers()
        cause_id = f"inspect/{unit.unit_id}/{inspection.rework}/{inspection.auditor_id}/{inspection.label}"

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            if state is None or state.label != unit.label:
                raise UnitDoesNotExist("There is no such unit to inspect.")
            after = unit_domain.inspected(state, inspection)
            return Decision(after, [unit_audited(Announcer(SERVICE, cause_id, now_us, trace), lot_id, after)])

        return await self.means.journal.decide(UNIT, Cause(unit_key(unit.unit_id), cause_id, decide))

    async def _found(self, unit_id: str, client_id: str | None) -> tuple[UnitState, LotState]:
        """Return a unit and its lot, open or closed."""
        if client_of(unit_id) and client_id in (None, client_of(unit_id)):
            unit = (await self.means.repository.units([unit_id])).get(unit_id)
            lot = None if unit is None else await self._lot_of(unit)
            if unit is not None and lot is not None and lot.order:
                return unit, lot
        raise UnitDoesNotExist("There is no such unit to inspect.")

    async def _lot_of(self, unit: UnitState) -> LotState | None:
        known = self.means.repository.open_lot_of(unit)
        if known is not None:
            return known.state
        lot_ids: Mapping[str, str] = await self.means.repository.lots_of([unit.unit_id])
        found = await self.means.repository.lots(list(lot_ids.values()))
        return found[0] if found else None


def _awaited(unit: UnitState, lot: LotState) -> bool:
    """Return whether a verdict on the label that a unit has now still counts for its lot.

    Raises:
        LabelledAnew: it would count for a sample that is not drawn yet, of which nobody was listed anything.
        UnitDoesNotExist: it is in no sample that is being inspected.
    """
    if lot.status in WAITING and unit.rework >= lot.rework:
        raise LabelledAnew("The unit was labelled anew since it was listed.")
    if lot.status not in OPEN_TO_INSPECTION or unit.rework < lot.rework:
        return False
    if unit.unit_id not in lot.sample:
        raise UnitDoesNotExist("There is no such unit to inspect.")
    return True


def _fit(unit: UnitState, lot: LotState, auditor_id: str) -> bool:
    return not (unit.withdrawn or unit.inspected(lot.rework) or has_part(unit.participants, auditor_id))
