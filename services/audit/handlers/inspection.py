"""Inspection: what auditors should look at, and the verdicts they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from concord.chassis.errors import Unavailable
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.telemetry import trace_headers
from concord.contracts.codec import Headers
from concord.contracts.ids import client_of
from concord.labels import Json, LabelFault, decoded, encoded, label_of
from concord.review import has_part
from services.audit.announcements import SERVICE, inspection_repeated, unit_audited
from services.audit.domain import unit as unit_domain
from services.audit.domain.fields import compared_by_field
from services.audit.domain.lot import OPEN_TO_INSPECTION, WAITING, LotState
from services.audit.domain.place import OpenLot
from services.audit.domain.repeats import REPEATS_WAITING_MAX
from services.audit.domain.sampling import is_repeated
from services.audit.domain.unit import (
    BeingJudged,
    Inspection,
    LabelledAnew,
    UnitDoesNotExist,
    UnitState,
    may_repeat,
)
from services.audit.handlers.means import Means
from services.audit.repository import UNIT, unit_key

LISTED_MORE = 20
"""Units read beyond what a page wants, for those that the caller had a part in."""
HELD_BACK_MAX = 100
"""Lots that an auditor is told of for having had a part in all that they need."""
JUDGED_SECONDS_MAX = 5.0
"""How long a verdict waits for its lot's judgement, which takes milliseconds unless its process has died."""
JUDGED_PAUSE_SECONDS = 0.02

Took = Literal["taken", "late", "repeated"]


class LabelRefused(ValueError):
    """The auditor's label does not fit the project's schema."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


class StillBeingJudged(Unavailable):
    """Whether a verdict still counts is not known yet."""


class Listed(NamedTuple):
    """A unit for an auditor to inspect, and the version of the label schema that they are asked under."""

    lot: LotState
    unit_id: str
    schema_version: int = 1


class Work(NamedTuple):
    """What an auditor may do.

    Attributes:
        listed: units to inspect, in the order of the samples.
        held_back: lots that wait for another, for this one had a part in all that they need.
    """

    listed: list[Listed]
    held_back: list[LotState]


@dataclass(frozen=True, slots=True)
class Inspecting:
    """Lists work for auditors and takes their labels; what follows for lots is the business of `turns`."""

    means: Means

    async def listed(self, auditor_id: str, client_id: str | None, project_id: str | None, limit: int) -> Work:
        """Return units that the plans still need and the auditor had no part in, in the order of the samples.

        Args:
            auditor_id: who asks.
            client_id: whose units alone they may see; None for anybody's.
            project_id: of which project alone; None for all.
            limit: at most so many.
        """
        work = Work([], [])
        for lot in self.means.repository.open_lots(project_id):
            if not lot.inspected or client_id not in (None, client_of(lot.state.lot_id)):
                continue
            if lot.bounds is None and lot.state.plan is not None:
                continue  # the loop has not come to it yet
            project = self.means.projects.rows.get(lot.state.project_id)
            if project is not None and project.paused:
                continue
            await self._list(lot, auditor_id, limit, work)
            if len(work.listed) >= limit:
                break
        return Work(work.listed[:limit], work.held_back)

    async def _list(self, lot: OpenLot, auditor_id: str, limit: int, work: Work) -> None:
        """Add what a lot has for an auditor, or that it has nothing because of them."""
        state, before, lacked = lot.state, len(work.listed), lot.lacks_auditor
        units, theirs = lot.wanted(), False
        if not self.means.project(state.project_id).policy.audit.repeat_inspections:
            units = [unit_id for unit_id in units if unit_id not in lot.repeating]
        while units and len(work.listed) < limit:
            some, units = units[: limit + LISTED_MORE], units[limit + LISTED_MORE :]
            known = await self.means.repository.units(some)
            fit = (known[unit_id] for unit_id in some if _fit(known[unit_id], state, auditor_id))
            work.listed.extend(Listed(state, unit.unit_id, unit.schema_version) for unit in fit)
            theirs |= any(_theirs(known[unit_id], state, auditor_id) for unit_id in some)
        listed = len(work.listed) > before
        if not listed and not theirs:
            return
        lot.asked_for(listed)
        if not listed and len(work.held_back) < HELD_BACK_MAX:
            work.held_back.append(state)
        if lot.lacks_auditor != lacked:
            self.means.tell_lots()

    async def inspect(self, auditor_id: str, client_id: str | None, unit_id: str, label: Json, reason: str) -> Took:
        """Take an auditor's own label of a unit; one that comes after its lot was judged is kept as late.

        Nobody is refused by what is only remembered: another process may have had the unit and its lot since.

        Raises:
            UnitDoesNotExist, InspectedOtherwise, LabelledAnew, LabelRefused: it cannot be taken.
            StillBeingJudged: send it again.
        """
        give_up_at = self.means.clock.monotonic() + JUDGED_SECONDS_MAX
        anew = False
        while True:
            try:
                unit, lot = await self._found(unit_id, client_id, anew=anew)
                return await self._inspect(auditor_id, unit, lot, label, reason)
            except (UnitDoesNotExist, LabelledAnew):
                if anew:
                    raise
                anew = True
                continue
            except BeingJudged as fault:
                if self.means.clock.monotonic() >= give_up_at:
                    text = f"The lot of unit {unit_id} is being judged; send the same verdict again in a second."
                    raise StillBeingJudged(text, retry_after_seconds=1) from fault
            await self.means.clock.sleep(JUDGED_PAUSE_SECONDS if anew else 0)
            anew = True

    async def _inspect(self, auditor_id: str, unit: UnitState, lot: LotState, label: Json, reason: str) -> Took:
        project = self.means.project(lot.project_id)
        project.must_know(max(unit.schema_versions))
        try:
            own = label_of(project.offered(unit.schema_version), label, unit.text_characters)
            canonical = encoded(own).decode()
        except LabelFault as fault:
            raise LabelRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
        if not unit.label or has_part(unit.participants, auditor_id):
            raise UnitDoesNotExist("There is no such unit to inspect.")
        first = unit.inspection if unit.inspected(unit.rework) else None
        if first is not None and first.to_repeat and not has_part((first.auditor_id,), auditor_id):
            return await self._repeat(auditor_id, unit, lot, canonical, reason)
        awaited, anew = self._awaited(unit, lot), lot.status == "rechecking"
        late = anew or not awaited  # to the lot that it left in, whatever is said of it now comes late
        resolved, inspected = (decoded(project.read_text(text).encode()) for text in (unit.label, canonical))
        correct, by_field = (
            project.schema.says_same(resolved, inspected),
            compared_by_field(project.form, resolved, inspected),
        )
        to_repeat = not late and self._drawn_again(unit, lot, correct=correct)
        inspection = Inspection(
            auditor_id, canonical, unit.rework, correct, reason, late, by_field, unit.stated, to_repeat
        )
        outcome = await self._decide(unit, lot, inspection)
        if not outcome.repeated:
            result = "late" if late and not anew else "correct" if correct else "wrong"
            self.means.instruments.counter("concord_audit_inspections", result).inc()
        kept = outcome.state.inspection if outcome.state is not None else None
        late = (late if kept is None else kept.late) and not anew
        return "late" if late else "repeated" if outcome.repeated else "taken"

    def _drawn_again(self, unit: UnitState, lot: LotState, *, correct: bool) -> bool:
        """Return whether a second auditor is to repeat an inspection: all that found an error are, and a share."""
        share = self.means.project(lot.project_id).policy.audit.repeat_inspections
        if not share:
            return False
        known = self.means.repository.open_lot_of(unit)
        if known is not None and len(known.repeating) >= REPEATS_WAITING_MAX:
            return False
        return not correct or is_repeated(self.means.sample_secret, unit.unit_id, unit.rework, share)

    async def _repeat(self, auditor_id: str, unit: UnitState, lot: LotState, canonical: str, reason: str) -> Took:
        """Take a second auditor's label; who asks cannot tell it from a first one."""
        assert unit.inspection is not None, "what is repeated was inspected"
        project = self.means.project(lot.project_id)
        texts = unit.label, unit.inspection.label, canonical
        resolved, first, again = (decoded(project.read_text(label).encode()) for label in texts)
        correct, same = project.schema.says_same(resolved, again), project.schema.says_same(first, again)
        late = lot.status not in OPEN_TO_INSPECTION or unit.rework < lot.rework
        second = Inspection(auditor_id, canonical, unit.rework, correct, reason, late, same=same)
        trace = trace_headers()
        cause_id = f"repeat/{unit.unit_id}/{unit.rework}/{auditor_id}/{canonical}"

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            if state is None or state.label != unit.label:
                raise UnitDoesNotExist("There is no such unit to inspect.")
            after = unit_domain.repeated(state, second, lot.judgement)
            after = self.means.ledger.repeated(state, after, now_us, second)
            outgoing = inspection_repeated(Announcer(SERVICE, cause_id, now_us, trace), lot.lot_id, after)
            return Decision(after, [outgoing])

        self._asked(unit, trace)
        outcome = await self.means.journal.decide(UNIT, Cause(unit_key(unit.unit_id), cause_id, decide))
        if outcome.repeated:
            return "repeated"
        self.means.instruments.counter("concord_audit_inspections", "repeat").inc()
        return "taken"

    def _awaited(self, unit: UnitState, lot: LotState) -> bool:
        """Return whether a verdict on the label that a unit has now still counts for its lot.

        Raises:
            LabelledAnew: it would count for a sample that is not drawn yet, of which nobody was listed anything.
            UnitDoesNotExist: it is in no sample that is being inspected.
        """
        if lot.status in WAITING and unit.rework >= lot.rework:
            raise LabelledAnew("The unit was labelled anew since it was listed.")
        if lot.status not in OPEN_TO_INSPECTION or unit.rework < lot.rework:
            return False
        known = self.means.repository.open_lot_of(unit)
        if not (
            known.holds(unit.unit_id)
            if known is not None and known.state is lot
            else lot.may_be_inspected(unit.unit_id)
        ):
            raise UnitDoesNotExist("There is no such unit to inspect.")
        return True

    async def _decide(self, unit: UnitState, lot: LotState, inspection: Inspection) -> Outcome[UnitState]:
        trace = trace_headers()
        cause_id = f"inspect/{unit.unit_id}/{inspection.rework}/{inspection.auditor_id}/{inspection.label}"

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            if state is None or state.label != unit.label:
                raise UnitDoesNotExist("There is no such unit to inspect.")
            after = unit_domain.inspected(state, inspection, lot.judgement)
            after = self.means.ledger.inspected(state, after, now_us, inspection)
            return Decision(after, [unit_audited(Announcer(SERVICE, cause_id, now_us, trace), lot.lot_id, after)])

        self._asked(unit, trace)
        return await self.means.journal.decide(UNIT, Cause(unit_key(unit.unit_id), cause_id, decide))

    def _asked(self, unit: UnitState, trace: Headers) -> None:
        """Note the trace of a request at the lot that it may decide: that is judged in a turn, and not by who asks."""
        lot = self.means.repository.open_lot_of(unit)
        if lot is not None:
            lot.asked = self.means.tracing.recorded(trace)

    async def _found(self, unit_id: str, client_id: str | None, *, anew: bool) -> tuple[UnitState, LotState]:
        """Return a unit and its lot, open or closed; `anew`: as the store has them now."""
        if client_of(unit_id) and client_id in (None, client_of(unit_id)):
            if anew:
                self.means.journal.forget([unit_key(unit_id)])
            unit = (await self.means.repository.units([unit_id])).get(unit_id)
            lot = None if unit is None else await self._lot_of(unit, anew=anew)
            if unit is not None and lot is not None and lot.order:
                return unit, lot
        raise UnitDoesNotExist("There is no such unit to inspect.")

    async def _lot_of(self, unit: UnitState, *, anew: bool) -> LotState | None:
        known = self.means.repository.open_lot_of(unit)
        if known is not None and not anew:
            return known.state
        lot_ids: Mapping[str, str] = await self.means.repository.lots_of([unit.unit_id])
        found = await self.means.repository.lots(list(lot_ids.values()), anew=anew)
        if found or not anew:
            return found[0] if found else None
        # The record of a unit that was settled before its lot was sealed does not name it.
        return await self.means.repository.open_lot_with(unit)


def _fit(unit: UnitState, lot: LotState, auditor_id: str) -> bool:
    if unit.withdrawn or has_part(unit.participants, auditor_id):
        return False
    return not unit.inspected(lot.rework) or may_repeat(unit, lot.rework, auditor_id)


def _theirs(unit: UnitState, lot: LotState, auditor_id: str) -> bool:
    """Return whether an auditor had a part in a unit, or made the inspection of it that another is to repeat."""
    waits = unit.awaits_repeat(lot.rework)
    return has_part(unit.participants, auditor_id) or (waits and not may_repeat(unit, lot.rework, auditor_id))
