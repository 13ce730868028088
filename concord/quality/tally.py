"""Live tallies behind agreement: they add up over partitions in any order and never count a replay twice.

A unit in the hands of annotators is an `OpenUnit`, a small row that knows each assignment by its id. What it
says goes into two tallies of whole numbers: `LabelTally`, from which every agreement over many annotators
follows, and `PairTally`, from which Cohen's kappa of any two annotators follows. Because they hold whole
numbers, they come out the same, to the last bit, whatever the order of arrival, merging and taking back.

    before = unit.label_row()
    unit.put(assignment_id, annotator_id, label)   # False when it is a replay
    tally.replace(before, unit.label_row())        # O(labels of the unit)
    krippendorff_alpha(tally.label_counts())

`AnnotationTally` does this for many units at once. Labels are JSON scalars (a label of another shape is
tallied by its canonical text); ids are text.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from concord.quality.label_counts import Floats, LabelCounts, counts_matrix, in_order

Row = tuple[tuple[Hashable, int], ...]
"""How often a unit got each label, only labels that it got, in the order of the labels."""

Entry = tuple[int, str, Hashable | None]
"""Revision, annotator and label of an assignment; None as label when it was taken back."""


@dataclass(slots=True)
class OpenUnit:
    """What is known of one unit: the newest word of each assignment.

    An assignment's greater revision replaces its lesser ones, whichever comes first, so repeats and reordering
    do no harm and two copies of a unit merge by `absorb`; of one revision, being taken back goes before a label.
    An annotator has one voice: of several assignments to the same annotator the one with the greatest revision,
    then the greatest id, speaks.
    """

    entries: dict[str, Entry] = field(default_factory=dict)

    def put(self, assignment: str, annotator: str, label: Hashable, revision: int = 0) -> bool:
        """Take a label; return False when this or a later word of the assignment is already known."""
        return self.learn(assignment, (revision, annotator, label))

    def take_back(self, assignment: str, annotator: str, revision: int = 1) -> bool:
        """Remove an assignment's label for good (up to a greater revision); return False when it is known."""
        return self.learn(assignment, (revision, annotator, None))

    def learn(self, assignment: str, entry: Entry) -> bool:
        """Take an assignment's word, whatever it is; return False when it or a later one is known."""
        known = self.entries.get(assignment)
        if known is not None and (known == entry or _precedence(known) > _precedence(entry)):
            return False
        self.entries[assignment] = entry
        return True

    def absorb(self, other: "OpenUnit") -> bool:
        """Take in what another copy of the same unit knows; return False when nothing of it was new."""
        news = [assignment for assignment, entry in other.entries.items() if self.learn(assignment, entry)]
        return bool(news)

    def voices(self) -> dict[str, Hashable]:
        """Return the label of each annotator who has one."""
        speaking: dict[str, tuple[int, str, Hashable]] = {}
        for assignment, (revision, annotator, label) in self.entries.items():
            if label is not None:
                heard = speaking.get(annotator)
                if heard is None or (revision, assignment) > heard[:2]:
                    speaking[annotator] = (revision, assignment, label)
        return {annotator: label for annotator, (_, _, label) in speaking.items()}

    def label_row(self) -> Row:
        """Return how often each label was given."""
        return label_row(self.voices().values())

    def to_json(self) -> dict[str, list[Any]]:
        """Return the unit as small JSON: assignment -> [revision, annotator, label]."""
        return {assignment: list(entry) for assignment, entry in self.entries.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Sequence[Any]]) -> "OpenUnit":
        """Read what `to_json` wrote.

        >>> unit = OpenUnit()
        >>> unit.put("a1", "ann", "yes"), unit.put("a1", "ann", "yes")
        (True, False)
        >>> OpenUnit.from_json(unit.to_json()) == unit
        True
        """
        return cls({key: (int(revision), str(annotator), label) for key, (revision, annotator, label) in data.items()})


@dataclass(slots=True)
class LabelTally:
    """How many units have each row of label counts: the sums behind alpha, Fleiss, Randolph, AC1 and AC2.

    It holds one number for each distinct row. Few labels make few rows (five labels of five annotators: 252),
    and the exact jackknife over a million units costs no more than over those. Numbers or spans that seldom
    repeat make about one row a unit, which is what a jackknife over them needs to know anyway.
    """

    rows: dict[Row, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: LabelCounts) -> "LabelTally":
        """Group units with the same counts."""
        tally = cls()
        groups = counts.grouped()
        cells = coo_array(groups.counts)
        rows: list[dict[Hashable, int]] = [{} for _ in groups.times]
        for u, k, count in zip(*(c.tolist() for c in cells.coords), cells.data.tolist(), strict=True):
            rows[u][counts.labels[k]] = round(count)
        for row, units in zip(rows, groups.times.tolist(), strict=True):
            tally.add(tuple((label, row[label]) for label in in_order(row)), round(units))
        return tally

    def add(self, row: Row, times: int = 1) -> None:
        """Count units with this row; negative `times` takes them out, ValueError below none."""
        if not row or not times:
            return
        left = self.rows.get(row, 0) + times
        if left < 0:
            raise ValueError(f"row {row} was taken out more often than it was put in")
        if left:
            self.rows[row] = left
        else:
            del self.rows[row]

    def replace(self, before: Row, after: Row) -> None:
        """Let a unit that had row `before` now have row `after`; the empty row stands for no unit."""
        if before != after:
            self.add(before, -1)
            self.add(after)

    def merge(self, other: "LabelTally") -> None:
        """Add the units of another partition."""
        for row, times in other.rows.items():
            self.add(row, times)

    def label_counts(self, scale: Sequence[Hashable] | None = None) -> LabelCounts:
        """Return the table that the statistics take, its rows in a fixed order.

        `scale` declares all labels in their order (ValueError for a label beyond it); without it the labels
        seen are taken, sorted.

        >>> tally = LabelTally()
        >>> tally.add((("no", 1), ("yes", 1)), 3)
        >>> table = tally.label_counts()
        >>> table.counts.tolist(), table.labels, table.times.tolist()
        ([[1.0, 1.0]], ('no', 'yes'), [3.0])
        """
        labels = in_order({label for row in self.rows for label, _ in row}) if scale is None else list(scale)
        index = {label: k for k, label in enumerate(labels)}
        ordered = self._ordered()
        try:
            columns = np.array([index[label] for row in ordered for label, _ in row], dtype=np.int64)
        except KeyError as error:
            raise ValueError(f"label {error.args[0]!r} is not on the declared scale") from None
        counts = np.array([count for row in ordered for _, count in row], dtype=np.int64)
        rows = np.repeat(np.arange(len(ordered)), [len(row) for row in ordered])
        return LabelCounts(
            counts_matrix(rows, columns, counts, (len(ordered), len(labels))),
            tuple(labels),
            np.array([self.rows[row] for row in ordered], dtype=np.float64),
        )

    def _ordered(self) -> list[Row]:
        """Return the rows in an order that does not depend on that of their coming."""
        try:
            return sorted(self.rows)
        except TypeError:
            return sorted(self.rows, key=repr)

    def to_json(self) -> list[list[Any]]:
        """Return the tally as small JSON: [[[[label, count], ...], units], ...]."""
        return [[[list(cell) for cell in row], times] for row, times in self.rows.items()]

    @classmethod
    def from_json(cls, data: Iterable[Sequence[Any]]) -> "LabelTally":
        """Read what `to_json` wrote."""
        return cls({tuple((label, int(count)) for label, count in row): int(times) for row, times in data})


@dataclass(slots=True)
class PairTally:
    """How often each two annotators gave each two labels to the same unit: the tables behind Cohen's kappa.

    It grows with the pairs of annotators who meet; where thousands do, keep it for those whose kappa is wanted.
    """

    cells: dict[tuple[str, str], dict[tuple[Hashable, Hashable], int]] = field(default_factory=dict)

    def add(self, voices: Mapping[str, Hashable], times: int = 1) -> None:
        """Count a unit that these annotators gave these labels; negative `times` takes it out again."""
        for first, second in combinations(sorted(voices), 2):
            self._add((first, second), (voices[first], voices[second]), times)

    def replace(self, before: Mapping[str, Hashable], after: Mapping[str, Hashable]) -> None:
        """Let a unit that had the voices `before` now have `after`: O(annotators) when one of them changed."""
        for voices, other, times in ((before, after, -1), (after, before, 1)):
            changed = {a for a, label in voices.items() if a not in other or other[a] != label}
            for first in changed:
                for second in voices:
                    # A pair of two that changed comes up from both sides; it counts from the lesser.
                    if second != first and not (second in changed and second < first):
                        pair = (first, second) if first < second else (second, first)
                        self._add(pair, (voices[pair[0]], voices[pair[1]]), times)

    def merge(self, other: "PairTally") -> None:
        """Add the units of another partition."""
        for pair, table in other.cells.items():
            for labels, times in table.items():
                self._add(pair, labels, times)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs of annotators who share a unit, sorted."""
        return sorted(self.cells)

    def table(
        self, first: str, second: str, scale: Sequence[Hashable] | None = None
    ) -> tuple[Floats, tuple[Hashable, ...]]:
        """Cross the labels of two annotators, shape (K, K), with the labels of its rows and columns.

        Scale as in `LabelTally.label_counts`; without it the labels that the two gave.

        >>> pairs = PairTally()
        >>> pairs.add({"ann": "yes", "bob": "no"})
        >>> pairs.table("bob", "ann")[0].tolist()
        [[0.0, 1.0], [0.0, 0.0]]
        """
        turned = first > second
        cells = self.cells.get((second, first) if turned else (first, second), {})
        labels = in_order({label for both in cells for label in both}) if scale is None else list(scale)
        index = {label: k for k, label in enumerate(labels)}
        table = np.zeros((len(labels), len(labels)))
        for both, times in cells.items():
            if missing := [label for label in both if label not in index]:
                raise ValueError(f"label {missing[0]!r} is not on the declared scale")
            table[index[both[0]], index[both[1]]] = times
        return (table.T if turned else table), tuple(labels)

    def to_json(self) -> list[list[Any]]:
        """Return the tally as small JSON: [[annotator, annotator, [[label, label, units], ...]], ...]."""
        return [[*pair, [[*both, times] for both, times in table.items()]] for pair, table in self.cells.items()]

    @classmethod
    def from_json(cls, data: Iterable[Sequence[Any]]) -> "PairTally":
        """Read what `to_json` wrote."""
        return cls({(first, second): {(a, b): int(n) for a, b, n in table} for first, second, table in data})

    def _add(self, pair: tuple[str, str], both: tuple[Hashable, Hashable], times: int) -> None:
        table = self.cells.setdefault(pair, {})
        left = table.get(both, 0) + times
        if left < 0:
            raise ValueError(f"{pair}: labels {both} were taken out more often than they were put in")
        if left:
            table[both] = left
        else:
            table.pop(both, None)
            if not table:
                del self.cells[pair]


@dataclass(slots=True)
class AnnotationTally:
    """Many open units with both tallies kept true to them: what one partition of a stream holds.

    >>> tally = AnnotationTally()
    >>> tally.put("u1", "a1", "ann", "yes"), tally.put("u1", "a2", "bob", "no"), tally.put("u1", "a2", "bob", "no")
    (True, True, False)
    >>> tally.labels.rows
    {(('no', 1), ('yes', 1)): 1}
    """

    units: dict[str, OpenUnit] = field(default_factory=dict)
    labels: LabelTally = field(default_factory=LabelTally)
    pairs: PairTally = field(default_factory=PairTally)

    def put(self, unit: str, assignment: str, annotator: str, label: Hashable, revision: int = 0) -> bool:
        """Take a label of a unit; return False, changing nothing, when the assignment's word is known."""
        return self._absorb(unit, OpenUnit({assignment: (revision, annotator, label)}))

    def take_back(self, unit: str, assignment: str, annotator: str, revision: int = 1) -> bool:
        """Remove an assignment's label; return False, changing nothing, when that is known."""
        return self._absorb(unit, OpenUnit({assignment: (revision, annotator, None)}))

    def merge(self, other: "AnnotationTally") -> None:
        """Take in another partition, which may hold other parts, or copies, of the same units."""
        for unit, known in other.units.items():
            self._absorb(unit, known)

    def close(self, unit: str) -> OpenUnit:
        """Forget a unit's row, whose part in the tallies stays; return it. KeyError when it is not open.

        From then on the caller must keep its replays away: the tallies no longer know its assignments.
        """
        return self.units.pop(unit)

    def _absorb(self, unit: str, news: OpenUnit) -> bool:
        known = self.units.get(unit)
        before = known.voices() if known else {}
        if known is None:
            known = self.units[unit] = OpenUnit()
        if not known.absorb(news):
            return False
        after = known.voices()
        self.labels.replace(label_row(before.values()), label_row(after.values()))
        self.pairs.replace(before, after)
        return True


def label_row(labels: Iterable[Hashable]) -> Row:
    """Count labels into the row of a unit.

    >>> label_row(["yes", "no", "yes"])
    (('no', 1), ('yes', 2))
    """
    counts = Counter(labels)
    return tuple((label, counts[label]) for label in in_order(counts))


def _precedence(entry: Entry) -> tuple[int, bool, str, str]:
    """Order the words of one assignment, so that which of two prevails does not hang on which came first."""
    revision, annotator, label = entry
    return revision, label is None, annotator, repr(label)
