"""What a project's newest resolved units tell: how many have which label, and how their annotators did.

From the labels the shares of its classes are estimated, from the annotations how each of its annotators errs. A unit is
counted when it is settled, and one that waits for a ruling as it leads: else rare classes would seem rarer than they
are. What is tallied, some hundred units each, outlives the process, so that a start reads no settled unit but those
that are in no tally yet, which are noted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from concord.labels import ClassedSchema, decoded
from concord.quality.crowd import SparseAnswers
from concord.quality.resolved import Learnt, ResolvedUnit, added
from services.adjudicate.domain.spending import Spending, Spent, reason_of, spent_on, together
from services.adjudicate.domain.unit import RESOLVED, Annotation, UnitState

TALLY_UNITS = 200
"""Settled units after which a tally is due."""
TALLY_US = 3_600_000_000
"""Microseconds after which one is due of fewer: of a project that is done with, no unit is noted for ever."""
SETTLED_UNITS_MAX = 2_000
"""Newest settled units that are looked at; older tallies are dropped."""
LABEL_CHARACTERS_MAX = 1_000
"""A longer label names no class, and is not counted."""


class Tally(msgspec.Struct, frozen=True):
    """Some units of a project that were settled one after the other.

    Attributes:
        until_us: when the last of them was.
        units: by label, canonical JSON text.
        learnt: what they tell of their annotators, classes by their places in the schema's order.
        spending: what labels were spent on since the project began, these units among them.
    """

    until_us: int
    units: dict[str, int]
    learnt: tuple[Learnt, ...] = ()
    spending: Spending = {}

    @property
    def total(self) -> int:
        """How many units it counts."""
        return sum(self.units.values())


class Fresh(NamedTuple):
    """A unit that is settled and in no tally yet.

    Attributes:
        at_us: when it was.
        label: its label; empty where that names no class.
        annotations: its labels, where they may name classes.
        ruled: whether a person ruled.
        spent: what was spent on it, by why it was given no more.
    """

    at_us: int
    label: str
    annotations: tuple[Annotation, ...]
    ruled: bool
    spent: Mapping[str, Spent] = {}


class ClassShares:
    """What one project's newest settled units tell.

    What is told twice is counted once: a unit that is not tallied yet is known by its id, and one that was settled
    before the newest tally is not counted any more.
    """

    def __init__(self) -> None:
        self._tallies: list[Tally] = []
        self._fresh: dict[str, Fresh] = {}
        self._leading: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._learnt: Mapping[str, SparseAnswers] = {}
        self._notes: dict[str, set[str]] = {}
        self._noted: set[str] = set()

    @property
    def learnt(self) -> Mapping[str, SparseAnswers]:
        """What the tallied units tell of their annotators."""
        return self._learnt

    @property
    def spending(self) -> Spending:
        """What labels were spent on since the project began."""
        before = [self._tallies[-1].spending] if self._tallies else []
        return together([*before, *(one.spent for one in self._fresh.values())])

    @property
    def tallied_until_us(self) -> int:
        """When the newest unit that is tallied was settled; 0 before any."""
        return self._tallies[-1].until_us if self._tallies else 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of the newest settled units have which label."""
        return self._counts

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state."""
        label = unit.label if len(unit.label) <= LABEL_CHARACTERS_MAX else ""
        self._lead(unit.unit_id, label if unit.status == "escalated" else "")
        if unit.status in RESOLVED:
            if unit.decided_at_us > self.tallied_until_us:
                self._forget_fresh(unit.unit_id)
                self._fresh[unit.unit_id] = _fresh(unit, label)
                if label:
                    self._counts[label] += 1
        else:
            self._forget_fresh(unit.unit_id)

    def _lead(self, unit_id: str, label: str) -> None:
        if before := self._leading.pop(unit_id, ""):
            self._uncount(before, 1)
        if label:
            self._leading[unit_id] = label
            self._counts[label] += 1

    def _forget_fresh(self, unit_id: str) -> None:
        if unit_id in self._fresh:
            forgotten = self._fresh.pop(unit_id)
            if forgotten.label:
                self._uncount(forgotten.label, 1)

    def due(self, now_us: int) -> list[Fresh]:
        """Return the units of the next tally once there are enough; it is then to be kept, and `tallied` told."""
        units = list(self._fresh.values())
        if len(units) >= TALLY_UNITS or (units and min(one.at_us for one in units) <= now_us - TALLY_US):
            return units
        return []

    def unnoted(self, unit_ids: Iterable[str]) -> list[str]:
        """Return those of some units that are in no tally and on no note."""
        return [one for one in unit_ids if one in self._fresh and one not in self._noted]

    def noted(self, note_id: str, unit_ids: Iterable[str]) -> None:
        """Count some units as noted: a start reads them."""
        ids = self._notes.setdefault(note_id, set())
        ids.update(unit_ids)
        self._noted |= ids

    def spent(self) -> list[str]:
        """Return the notes all of whose units are in a tally by now, and forget them."""
        found = [note_id for note_id, ids in self._notes.items() if ids.isdisjoint(self._fresh)]
        for note_id in found:
            self._noted -= self._notes.pop(note_id)
        return found

    def tallied(self, tally: Tally) -> list[Tally]:
        """Count a tally that is kept for the units that it is of, and return those that are too old by now."""
        if any(one.until_us == tally.until_us for one in self._tallies):
            return []
        self._tallies.append(tally)
        self._tallies.sort(key=lambda one: one.until_us)
        self._counts.update(tally.units)
        for unit_id in [one for one, fresh in self._fresh.items() if fresh.at_us <= self.tallied_until_us]:
            self._forget_fresh(unit_id)
        dropped = []
        while sum(one.total for one in self._tallies[1:]) >= SETTLED_UNITS_MAX:
            dropped.append(self._tallies.pop(0))
            for label, units in dropped[-1].units.items():
                self._uncount(label, units)
        self._learnt = added(one.learnt for one in self._tallies)
        return dropped

    def _uncount(self, label: str, units: int) -> None:
        self._counts[label] -= units
        if not self._counts[label]:
            del self._counts[label]


def _fresh(unit: UnitState, label: str) -> Fresh:
    counted = unit.counted()
    classed = label and all(len(one.label) <= LABEL_CHARACTERS_MAX for one in counted)
    ruled, spent = unit.status == "adjudicated", {str(reason_of(unit)): spent_on(unit)}
    return Fresh(unit.decided_at_us, label, counted if classed else (), ruled, spent)


def tally_of(units: Sequence[Fresh], learnt: tuple[Learnt, ...], spending: Spending) -> Tally:
    """Return the tally of some units: what was learnt of them, and what was spent until then."""
    labels = Counter(one.label for one in units if one.label)
    return Tally(max(one.at_us for one in units), dict(labels), learnt, spending)


def resolved_units(classed: ClassedSchema, units: Sequence[Fresh]) -> list[ResolvedUnit]:
    """Return some settled units as `concord.quality.resolved` takes them."""

    def place(label: str) -> int:
        return classed.index(decoded(label.encode()))

    return [
        ResolvedUnit(
            [(one.annotator_id, place(one.label)) for one in unit.annotations],
            place(unit.label) if unit.ruled else None,
        )
        for unit in units
    ]
