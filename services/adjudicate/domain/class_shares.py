"""How many of a project's newest settled units have which label: from it the shares of its classes are estimated.

A unit is counted when it is settled, and one that waits for a ruling as it leads: else rare classes would seem rarer
than they are. Counts are kept as tallies of some hundred units each, which outlive the process, so that a start reads
no settled unit. They are hints: a process that is killed loses what it had not tallied yet.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from services.adjudicate.domain.unit import RESOLVED, UnitState

TALLY_UNITS = 100
"""Settled units after which a tally is due."""
SETTLED_UNITS_MAX = 1_000
"""Newest settled units that are looked at; older tallies are dropped."""
LABEL_CHARACTERS_MAX = 1_000
"""A longer label names no class, and is not counted."""


class Tally(msgspec.Struct, frozen=True):
    """Some units of a project that were settled one after the other.

    Attributes:
        until_us: when the last of them was.
        units: by label, canonical JSON text.
    """

    until_us: int
    units: dict[str, int]

    @property
    def total(self) -> int:
        """How many units it counts."""
        return sum(self.units.values())


class ClassShares:
    """The labels of one project's newest settled units.

    What is told twice is counted once: a unit that is not tallied yet is known by its id, and one that was settled
    before the newest tally is not counted any more.
    """

    def __init__(self) -> None:
        self._tallies: list[Tally] = []
        self._fresh: dict[str, tuple[int, str]] = {}
        self._leading: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of the newest settled units have which label."""
        return self._counts

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state."""
        label = unit.label if len(unit.label) <= LABEL_CHARACTERS_MAX else ""
        self._lead(unit.unit_id, label if unit.status == "escalated" else "")
        if unit.status in RESOLVED:
            if label and unit.decided_at_us > self._tallied_until_us:
                self._forget_fresh(unit.unit_id)
                self._fresh[unit.unit_id] = (unit.decided_at_us, label)
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
            self._uncount(self._fresh.pop(unit_id)[1], 1)

    @property
    def _tallied_until_us(self) -> int:
        return self._tallies[-1].until_us if self._tallies else 0

    def due(self) -> Tally | None:
        """Return the next tally once there are units enough for one; it is then to be kept, and `tallied` told."""
        if len(self._fresh) < TALLY_UNITS:
            return None
        times, labels = zip(*self._fresh.values(), strict=True)
        return Tally(max(times), dict(Counter(labels)))

    def tallied(self, tally: Tally) -> list[Tally]:
        """Count a tally that is kept for the units that it is of, and return those that are too old by now."""
        if any(one.until_us == tally.until_us for one in self._tallies):
            return []
        self._tallies.append(tally)
        self._tallies.sort(key=lambda one: one.until_us)
        self._counts.update(tally.units)
        for unit_id in [one for one, (at_us, _) in self._fresh.items() if at_us <= self._tallied_until_us]:
            self._forget_fresh(unit_id)
        dropped = []
        while sum(one.total for one in self._tallies[1:]) >= SETTLED_UNITS_MAX:
            dropped.append(self._tallies.pop(0))
            for label, units in dropped[-1].units.items():
                self._uncount(label, units)
        return dropped

    def _uncount(self, label: str, units: int) -> None:
        self._counts[label] -= units
        if not self._counts[label]:
            del self._counts[label]
