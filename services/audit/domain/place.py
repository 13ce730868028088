"""What is known in memory of a place: its open lots, and how far their units are. A hint; the records decide."""

from typing import NamedTuple

from concord.quality.acceptance import Bounds
from services.audit.domain.holding import ReReviewed, re_reviewed
from services.audit.domain.lot import (
    LOOK_AHEAD_UNITS,
    OPEN_TO_INSPECTION,
    RECHECK,
    WAITING,
    LotState,
    Progress,
    decided,
)
from services.audit.domain.unit import UnitState

NOTHING = Progress(0, 0, "continue")
"""What no verdicts come to."""


class Made(NamedTuple):
    """The inspections of a lot that were made so far.

    Attributes:
        inspected, errors: units of its sample, and how many of them are wrong.
        owed: inspections that another auditor is to repeat.
        decided: whether they suffice to accept it.
    """

    inspected: int
    errors: int
    owed: int
    decided: bool


class OpenLot:
    """A lot that is not accepted yet, and what is known of its units.

    Attributes:
        state: as last settled.
        waits_for: some units without a label of this rework, none where those are there; None while nobody has looked.
        there: how many of its units, from the first, were found to have one.
        found: units that were inspected in this rework, and whether each is right.
        bounds: of its plan; None until it has been made.
        problem: why it stands still, as a sentence; empty while it does not. With another status it is over.
        served: whether an auditor was listed units of it since its last verdict.
        turned_away: whether one was not since then, having had a part in all that are wanted.
        repeating: units whose inspection a second auditor is to repeat.
        gone: of a recheck, units that were erased; its turn takes them out.
        noted: at which of its rejections it was noted who is at fault, as far as is known here.
        traces: the recorded traces of its units, as W3C trace contexts, in their order; None while nobody has looked.
        asked: that of the request which brought its last verdict, where it is recorded; else empty.

    What the verdicts come to is counted on from where it stood, so that one costs the same in a lot of any size.
    """

    __slots__ = (
        "_counted",
        "_places",
        "_radius",
        "_sample",
        "asked",
        "bounds",
        "found",
        "gone",
        "noted",
        "problem",
        "repeating",
        "served",
        "state",
        "there",
        "traces",
        "turned_away",
        "waits_for",
    )

    def __init__(self, state: LotState) -> None:
        self.state = state
        self.waits_for: set[str] | None = None
        self.there = 0
        self.found: dict[str, bool] = {}
        self.bounds: Bounds | None = None
        self.problem = ""
        self.gone: set[str] = set()
        self.repeating: set[str] = set()
        self.served = False
        self.turned_away = False
        self.traces: list[str] | None = None
        self.asked = ""
        self.noted = 0
        self._radius: list[str] | None = None
        self._sample: list[str] | None = None
        self._places: frozenset[str] = frozenset()
        self._counted = NOTHING

    @property
    def sample(self) -> list[str]:
        """The units that may be inspected, in order; see `LotState.sample`."""
        if self._sample is None:
            self._sample = self.state.sample
            self._places = frozenset(self._sample)
        return self._sample

    def holds(self, unit_id: str) -> bool:
        """Return whether a unit is in the sample, or one of those for which the lot is held."""
        return (bool(self.sample) and unit_id in self._places) or (bool(self.radius) and unit_id in self.radius)

    @property
    def radius(self) -> list[str]:
        """The units for which it is held, in order; see `LotState.in_radius`."""
        if self._radius is None:
            self._radius = self.state.in_radius
        return self._radius

    def re_reviewed(self) -> ReReviewed:
        """Return how far these are looked at, as far as is known here; see `lot.re_reviewed`."""
        return re_reviewed(self.radius, self.state.radius_first, self.found.get)

    def progress(self) -> Progress:
        """Return what the verdicts so far amount to, as far as is known here; see `lot.progress`."""
        inspected, errors, verdict = self._counted[:3]
        sample = self.sample
        while verdict == "continue":
            right = self.found.get(sample[inspected]) if inspected < len(sample) else None
            if right is None:
                verdict = "accept" if inspected == len(sample) else "continue"
                break
            inspected += 1
            errors += not right
            if self.state.status == "auditing" and self.bounds is not None:
                verdict = decided(self.state, self.bounds, inspected, errors)
        self._counted = Progress(inspected, errors, verdict)
        return self._counted

    def made(self) -> Made | None:
        """Return which inspections were made so far, those beyond what decides among them.

        None where it is not inspected, or its bounds are not made yet.
        """
        if not self.inspected or (self.state.plan is not None and self.bounds is None):
            return None
        found = [right for unit_id, right in self.found.items() if self.holds(unit_id)]
        decisive, _, verdict = self.progress()[:3]
        decided = verdict == "accept"
        return Made(len(found), found.count(False), len(self.owed(decisive if decided else None)), decided)

    def wanted(self) -> list[str]:
        """Return the units that auditors should look at now, in order.

        These are the fewest that an acceptance still takes, were all of them right, and LOOK_AHEAD_UNITS more; then
        those for which it is held, and those whose inspection is to be repeated. Nobody can tell either from others: at
        the end new ones come anyhow.
        """
        inspected, errors, verdict = self.progress()[:3]
        sample, stop = self.sample, len(self.sample)
        if self.state.status == "auditing" and self.bounds is not None:
            place = inspected
            while verdict == "continue" and place < len(sample):
                errors += self.found.get(sample[place]) is False
                place += 1
                verdict = decided(self.state, self.bounds, place, errors)
            stop = place + LOOK_AHEAD_UNITS
        first = [unit_id for unit_id in sample[inspected:stop] if self.found.get(unit_id) is None]
        if self.radius:
            known = frozenset(first)
            first += [unit_id for unit_id in self.re_reviewed().left if unit_id not in known]
        return [*first, *self.owed(None if first else inspected)]

    def owed(self, stop: int | None) -> list[str]:
        """Return the units whose inspection is to be repeated, up to a place of the sample; None: all of them."""
        return [unit_id for unit_id in self.sample[:stop] if unit_id in self.repeating] if self.repeating else []

    @property
    def drawable(self) -> bool:
        """Whether it waits for nothing but its sample to be drawn, as far as is known."""
        return self.state.status in WAITING and not self.waits_for

    @property
    def inspected(self) -> bool:
        """Whether auditors are at it."""
        return self.state.status in OPEN_TO_INSPECTION

    @property
    def is_held(self) -> bool:
        """Whether it is not accepted before units of annotators who are at fault for another were looked at."""
        auditing = self.inspected and self.state.status not in RECHECK
        return auditing and bool(self.radius) and bool(self.re_reviewed().left)

    @property
    def lacks_auditor(self) -> bool:
        """Whether whoever asked for work since its last verdict had a part in all that it needs."""
        return self.inspected and self.turned_away and not self.served

    def asked_for(self, listed: bool) -> None:
        """Note that an auditor asked for its units, and was listed some, or had a part in all that are wanted."""
        self.served |= listed
        self.turned_away |= not listed

    def found_right(self, unit_id: str, right: bool) -> None:
        """Take a verdict on one of its units."""
        if self.found.get(unit_id) is not right:
            if unit_id in self.found:
                self._counted = NOTHING
            self.found[unit_id] = right
            self.served = self.turned_away = False

    def repeat(self, unit_id: str, *, waits: bool) -> None:
        """Note whether the inspection of one of its units is to be repeated."""
        if waits != (unit_id in self.repeating):
            (self.repeating.add if waits else self.repeating.discard)(unit_id)
            self.served = self.turned_away = False

    def moved_on(self, state: LotState) -> None:
        """Take the lot's next state."""
        if state.rework != self.state.rework:
            self.waits_for, self.there, self.found, self.repeating, self.asked = None, 0, {}, set(), ""
        if state.plan != self.state.plan:
            self.bounds = None
        if state.status != self.state.status:
            self.problem = ""
        if self.waits_for is not None:
            self.waits_for -= {state.unit_ids[place] for place in state.withdrawn}
        self.served = self.turned_away = False
        self.state = state
        self._sample, self._radius, self._counted = None, None, NOTHING


class ProjectLots:
    """The open lots of one project, and the units that are in them."""

    __slots__ = ("lot_of", "lots")

    def __init__(self) -> None:
        self.lots: dict[str, OpenLot] = {}
        self.lot_of: dict[str, str] = {}


class Place:
    """The read models of one place.

    Attributes:
        projects: those with open lots.
        loaded: whether it was read whole; before that there is no news of it.
        unheard: units of which something was told before their admission was heard, as far as is known.
    """

    __slots__ = ("loaded", "projects", "unheard")

    def __init__(self) -> None:
        self.unheard: set[str] = set()
        self.projects: dict[str, ProjectLots] = {}
        self.loaded = False

    def open_lots(self) -> list[OpenLot]:
        """Return its lots."""
        return [lot for project in self.projects.values() for lot in project.lots.values()]

    def close(self, lot: LotState) -> None:
        """Let go of a lot that is accepted."""
        project = self.projects.get(lot.project_id)
        if project is None or project.lots.pop(lot.lot_id, None) is None:
            return
        for unit_id in lot.unit_ids:
            project.lot_of.pop(unit_id, None)
        if not project.lots:
            del self.projects[lot.project_id]

    def keep(self, lot: LotState) -> bool:
        """Take an open lot's state; return whether that is news."""
        project = self.projects.get(lot.project_id)
        if project is None:
            project = self.projects[lot.project_id] = ProjectLots()
        known = project.lots.get(lot.lot_id)
        if known is None:
            project.lots[lot.lot_id] = OpenLot(lot)
            project.lot_of.update((unit_id, lot.lot_id) for unit_id in lot.unit_ids)
        elif known.state == lot:
            return False
        else:
            if known.state.unit_ids != lot.unit_ids:
                project.lot_of.update((unit_id, lot.lot_id) for unit_id in lot.unit_ids)
            known.moved_on(lot)
        return True

    def gathering(self, project_id: str) -> list[str]:
        """Return the lots of a project that wait for others to be accepted."""
        project = self.projects.get(project_id)
        lots = [] if project is None else list(project.lots.values())
        return [lot.state.lot_id for lot in lots if lot.state.status == "gathering"]

    def sealed_in(self, unit_id: str) -> str:
        """Return the open lot with which a unit was sealed; empty for none. A recheck's lot seals nothing."""
        for project in self.projects.values():
            lot = project.lots.get(project.lot_of.get(unit_id, ""))
            if lot is not None and lot.state.status not in RECHECK:
                return lot.state.lot_id
        return ""

    def lot_of(self, unit: UnitState) -> OpenLot | None:
        """Return the open lot that a unit is in."""
        project = self.projects.get(unit.project_id)
        lot_id = project.lot_of.get(unit.unit_id) if project is not None else None
        return project.lots[lot_id] if project is not None and lot_id is not None else None

    def settle(self, unit: UnitState) -> OpenLot | None:
        """Bring a lot up to the state of one of its units; return the lot where it may go on."""
        if unit.admitted:
            self.unheard.discard(unit.unit_id)
        else:
            self.unheard.add(unit.unit_id)
        lot = self.lot_of(unit)
        if lot is None:
            return None
        rework, inspection = lot.state.rework, unit.inspection
        if lot.state.status in RECHECK:
            return self._settle_recheck(lot, unit)
        if inspection is not None and inspection.rework >= rework and not inspection.late:
            lot.found_right(unit.unit_id, inspection.correct)
            lot.repeat(unit.unit_id, waits=unit.awaits_repeat(rework))
        elif lot.inspected or lot.waits_for is None or not unit.ready(rework):
            return None
        else:
            lot.waits_for.discard(unit.unit_id)
        return lot if lot.drawable or lot.inspected else None

    def _settle_recheck(self, lot: OpenLot, unit: UnitState) -> OpenLot | None:
        """Bring a recheck up to one of its units, whose verdict came late for the lot that it left in."""
        if unit.withdrawn:
            lot.gone.add(unit.unit_id)
        elif unit.inspection is not None and unit.inspected(unit.rework):
            lot.found_right(unit.unit_id, unit.inspection.correct)
        else:
            return None
        return lot
