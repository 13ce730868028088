"""Open units of a place that is behind, of which only plain things were told: numbers in columns, and no objects.

Whoever has much to catch up with counts a unit where it is closed, with others of its lot, and nobody looks at it until
then. So what was told of it need only be found again: who, which label and known by what are numbers here, what is told
of a label are forty bytes and its id, and units are closed by arrays (`domain.gathered`).

Plain is what almost every unit has: that it came in, labels that count, of people and each a single short value, how it
was settled, and that its lot was accepted. A unit that is gold, was sent or referred back, has a revision, a late label
or a model's, is counted in a row, as all are of a place that is served: it leaves the columns with all that was told.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from services.metrics.domain.survey import is_value
from services.metrics.domain.traits import SUGGESTED_CHARACTERS_SHARED_MAX, Traits
from services.metrics.domain.unit import GRACE_US, RANK, Annotation, Settlement, Unit, accepted

NAMES_MAX = 20_000
"""So many annotators, labels, projects or kinds of units, and a batch more, have numbers; what comes then has rows."""
UNITS_GROWN = 4_096
"""So many units' columns are made at once."""
NONE = -1
"""In place of a label before a unit's first."""

LABEL = np.dtype(
    [
        ("hash", "<i8"),
        ("at_us", "<i8"),
        ("before", "<i4"),
        ("annotator", "<u4"),
        ("label", "<u4"),
        ("active_ms", "<u4"),
        ("schema_version", "<u4"),
        ("guideline_version", "<u4"),
    ]
)
"""What is told of a label: of its id the hash, by which one that came twice is found; which label of its unit came
before it; the numbers of its annotator and of what it says. The rest is as in `Annotation`."""
_PACKED = Struct("<qqiIIIII")
_pack, _unpack = _PACKED.pack, _PACKED.unpack_from

_SETTLEMENTS: dict[int, Settlement] = {rank: settlement for settlement, rank in RANK.items()}


class Numbers(dict[str, int]):
    """Texts by number, dealt as they come.

    >>> numbers = Numbers()
    >>> numbers["ann"], numbers["bob"], numbers["ann"], numbers.texts
    (0, 1, 0, ['ann', 'bob'])
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self.texts)
        self.texts.append(text)
        return number


class Columns:
    """Units by number, and what was told of each.

    Attributes:
        find: returns a unit's number by its id, None when it is not here.
        noted: told of every unit here of which something was told; see `Rows.plain`.
        aside: numbers of projects of which labels are none for here: who gave them is watched.
        annotators, labels, projects: by number; a label is canonical JSON.
        traits: by number, what units are known by; the first is of those that have not come in.
        labels_told: of each label what `LABEL` says, one after another.
        annotation_ids: of the labels.
        project, traits_of, admitted_us, asked, rank, settled_asked, resolved, accepted_us: of the units; see `Unit`.
            `rank` is that of how it stands, `resolved` the number of a label where it has one.
        newest: of each unit, which of the labels came last; NONE where none did.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.find = self._numbers.get
        self.noted: Callable[[str], None] = _nobody
        self.aside: frozenset[int] = frozenset()
        self.annotators, self.labels, self.projects = Numbers(), Numbers(), Numbers()
        self._labels_known: dict[bytes, int] = {}
        self.label_known = self._labels_known.get
        self.traits: list[Traits | None] = [None]
        self._traits_known: dict[Traits, int] = {}
        self.labels_told = bytearray()
        self.annotation_ids: list[str] = []
        self._units = 0
        self.project, self.traits_of, self.resolved = array("I"), array("I"), array("I")
        self.admitted_us, self.asked, self.settled_asked = array("q"), array("q"), array("q")
        self.accepted_us, self.rank, self.newest = array("q"), array("b"), array("i")

    def __len__(self) -> int:
        """Return how many units are here."""
        return len(self._numbers)

    def __contains__(self, unit_id: str) -> bool:
        """Return whether a unit is here."""
        return unit_id in self._numbers

    def __iter__(self) -> Iterator[str]:
        """Yield their ids; none may come or go meanwhile."""
        return iter(self._numbers)

    @property
    def has_room(self) -> bool:
        """Return whether more may come: so many names are known that a batch more are no harm."""
        known = (self.annotators, self.labels, self.projects, self.traits)
        return max(map(len, known)) <= NAMES_MAX

    def some(self, units: int) -> list[str]:
        """Return so many ids, those that came first first."""
        return list(islice(self._numbers, units))

    def put(self, unit_id: str, project_id: str) -> int:
        """Have a unit here of which nothing was told; return its number."""
        number = self._units
        if number == len(self.project):
            self._grow()
        self._units += 1
        self._numbers[unit_id] = number
        self.project[number] = self.projects[project_id]
        return number

    def _grow(self) -> None:
        for column in (self.project, self.traits_of, self.resolved, self.admitted_us, self.asked, self.settled_asked):
            column.frombytes(bytes(column.itemsize * UNITS_GROWN))
        for column in (self.accepted_us, self.rank):
            column.frombytes(bytes(column.itemsize * UNITS_GROWN))
        self.newest.extend([NONE] * UNITS_GROWN)

    def label(self, label: str) -> int | None:
        """Return the number of a label, canonical JSON; None of one that is no single value, or a long one."""
        if not is_value(label):
            return None
        number = self._labels_known[label.encode()] = self.labels[label]
        return number

    def admit(self, number: int, at_us: int, asked: int, traits: Traits) -> bool:
        """Hear that a unit came in; return whether it may stay here."""
        if len(traits.suggested) > SUGGESTED_CHARACTERS_SHARED_MAX:
            return False
        if not self.admitted_us[number]:
            known = self._traits_known.get(traits)
            if known is None:
                known = self._traits_known[traits] = len(self.traits)
                self.traits.append(traits)
            self.admitted_us[number], self.asked[number], self.traits_of[number] = at_us, asked, known
        return True

    def give(
        self,
        number: int,
        annotation_id: str,
        annotator_id: str,
        label: int,
        at_us: int,
        active_ms: int,
        schema_version: int,
        guideline_version: int,
    ) -> bool:
        """Hear of a label; return whether it may stay here: not when it was given too long after the acceptance.

        One that is known already comes twice; that is seen when the unit is gathered, or has a row.
        """
        accepted_us = self.accepted_us[number]
        if 0 < accepted_us < at_us - GRACE_US:
            return False
        newest = self.newest
        self.labels_told += _pack(
            hash(annotation_id),
            at_us,
            newest[number],
            self.annotators[annotator_id],
            label,
            active_ms,
            schema_version,
            guideline_version,
        )
        newest[number] = len(self.annotation_ids)
        self.annotation_ids.append(annotation_id)
        return True

    def settle(self, number: int, settlement: Settlement, asked: int, label: int) -> None:
        """Hear how a unit stands after a decision; see `unit.settled`.

        Args:
            number: the unit's.
            settlement: how it stands.
            asked: how many labels were asked for first.
            label: the number of the label that settled it; any where it has none.
        """
        rank = RANK[settlement]
        if rank > self.rank[number]:
            self.rank[number], self.settled_asked[number], self.resolved[number] = rank, asked, label

    def accept(self, number: int, at_us: int) -> bool:
        """Hear that a unit's lot was accepted; return whether it may stay here: not when it is told once more."""
        if self.accepted_us[number]:
            return False
        self.accepted_us[number] = at_us
        return True

    def is_done(self, unit_id: str) -> bool:
        """Return whether a unit is here that has its label for good, or will never get one."""
        number = self._numbers.get(unit_id)
        return number is not None and self.rank[number] >= RANK["consensus"]

    def remove(self, unit_id: str) -> None:
        """Let a unit go; what was told of it takes room until all go."""
        del self._numbers[unit_id]

    def take(self, unit_id: str) -> Unit:
        """Return a unit's row; it is here no more."""
        return self._unit(self._numbers.pop(unit_id))

    def look(self, unit_id: str) -> Unit | None:
        """Return a unit's row as it would be, to be looked at only; None when it is not here."""
        number = self._numbers.get(unit_id)
        return None if number is None else self._unit(number)

    def _unit(self, number: int) -> Unit:
        settlement = _SETTLEMENTS[self.rank[number]]
        unit = Unit(
            self.projects.texts[self.project[number]],
            admitted_at_us=self.admitted_us[number],
            annotations=self._annotations(number),
            settlement=settlement,
            asked=self.asked[number],
            settled_asked=self.settled_asked[number],
            traits=self.traits[self.traits_of[number]],
            resolved=self.labels.texts[self.resolved[number]] if settlement in ("consensus", "adjudicated") else "",
        )
        if at_us := self.accepted_us[number]:
            accepted(unit, at_us)
        return unit

    def _annotations(self, number: int) -> dict[str, Annotation]:
        """Return a unit's labels by their ids, as they came; of those that came twice the first."""
        latest_first: list[tuple[str, Annotation]] = []
        place = self.newest[number]
        while place != NONE:
            _, at_us, before, annotator, label, active_ms, version, guideline = _unpack(
                self.labels_told, place * LABEL.itemsize
            )
            annotation = Annotation(
                self.annotators.texts[annotator],
                self.labels.texts[label],
                active_ms=active_ms,
                at_us=at_us,
                schema_version=version,
                guideline_version=guideline,
            )
            latest_first.append((self.annotation_ids[place], annotation))
            place = before
        found: dict[str, Annotation] = {}
        for annotation_id, annotation in reversed(latest_first):
            found.setdefault(annotation_id, annotation)
        return found

    def numbers(self, unit_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of units that are here."""
        return np.fromiter(map(self._numbers.__getitem__, unit_ids), dtype=np.int64, count=len(unit_ids))


def _nobody(unit_id: str) -> None:
    del unit_id
