"""How far the errors of annotators on one unit go together, from the gold units that they answered.

Two people who are each wrong in a tenth of units are both wrong in a hundredth of them if they err independently. Real
people are not independent: what is hard for one is hard for the next. `fitted` finds the correlation rho under which
what was claimed of gold units, each weighed as if its class were not known, is most often right.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from concord.quality.crowd import (
    ROW_STRENGTH,
    SparseAnswers,
    own_accuracy,
    pooled_accuracy,
    prevalence,
)

PREFIXES = (2, 3, 4, 6, 10)
"""A gold unit is weighed by so many of its labels: units are settled on few, and rho is what connects few and many."""
GOLD_UNITS_MAX = 200
"""Gold units that are weighed, drawn by a hash of their ids: more cost more and hardly move the fit."""
STEPS = 40
EXPECTED, PENALTY = 0.15, 40.0
"""Before any gold, rho is held to be 0.15, the median of public crowds, and 0.15 away costs as much as 0.9 nats of
what gold says: a Gaussian prior with a standard deviation of 0.11."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GoldUnit:
    """A gold unit and what was answered: (annotator, class), one an annotator, classes by their places."""

    unit_id: str
    known: int
    answers: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Dependence:
    """The correlation of errors that fits best.

    Attributes:
        rho: in 0 .. 1.
        units: gold units with two answers or more that it rests on; with none it is what is expected of any crowd.
    """

    rho: float
    units: int


def drawn(units: Sequence[GoldUnit]) -> list[GoldUnit]:
    """Return the gold units that are weighed, the same ones in whatever order they come.

    >>> [one.unit_id for one in drawn([GoldUnit("u1", 0, [("ann", 0)]), GoldUnit("u2", 0, [("ann", 0), ("bob", 1)])])]
    ['u2']
    """

    def place(unit: GoldUnit) -> bytes:
        return hashlib.blake2b(unit.unit_id.encode(), digest_size=8).digest()

    weighable = sorted((one for one in units if len(one.answers) > 1), key=lambda one: (place(one), one.unit_id))
    return weighable[:GOLD_UNITS_MAX]


def fitted(units: Sequence[GoldUnit], classes: int, assumed_accuracy: float) -> Dependence:
    """Return the rho that maximises the likelihood of the known classes, penalised towards what crowds are like.

    Each unit is left out of what is known of the people who answered it and of the prevalence, then weighed as
    `crowd.class_chances` does by its most accurate m annotators, for every m in PREFIXES that it has; the unit's
    log P(known class) is the mean over them. Maximised over rho = 0, 1/40 .. 1 of

    sum over units of log P(known | labels, rho) - PENALTY (rho - EXPECTED)^2.

    Args:
        units: gold units and their answers, in any order.
        classes: how many there are.
        assumed_accuracy: of a crowd without gold, as for `crowd.Crowd`.

    Source: leave-one-out predictive likelihood, Geisser and Eddy, JASA 74 (1979) 153-160.

    >>> alike = [GoldUnit(f"u{n}", n % 2, [(f"w{k}", (n % 2) ^ (n % 5 == 0)) for k in range(6)]) for n in range(60)]
    >>> fitted([], 2, 0.8).rho, fitted(alike, 2, 0.8).rho > 0.3
    (0.15, True)
    """
    used = drawn(units)
    if not used:
        return Dependence(EXPECTED, 0)
    rows = _Weighing(units, classes, assumed_accuracy).rows(used)
    log_likelihoods = np.array([row.log_likelihoods for row in rows])
    log_shares = np.array([row.log_shares for row in rows])
    known = np.array([row.known for row in rows])
    more = np.array([row.labels - 1.0 for row in rows])
    worth = np.array([row.worth for row in rows])
    best, best_rho = -np.inf, EXPECTED
    for step in range(STEPS + 1):
        rho = step / STEPS
        joint = log_likelihoods / (1.0 + more * rho)[:, None] + log_shares
        top = joint.max(axis=1)
        log_sums = top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
        found = float((worth * (joint[np.arange(len(known)), known] - log_sums)).sum())
        found -= PENALTY * (rho - EXPECTED) ** 2
        if found > best:
            best, best_rho = found, rho
    return Dependence(best_rho, len(used))


@dataclass(frozen=True, slots=True)
class _Row:
    """A gold unit weighed by some of its labels, itself left out; `known` is a column, `worth` how much it counts."""

    log_likelihoods: Floats
    log_shares: Floats
    known: int
    labels: int
    worth: float


class _Weighing:
    """What is known of a crowd from its gold units, with any one of them left out.

    Columns are the classes that occur; those that occur nowhere share the last one, for nothing tells them apart.
    """

    def __init__(self, units: Sequence[GoldUnit], classes: int, assumed_accuracy: float) -> None:
        self.classes = classes
        self.assumed_accuracy = assumed_accuracy
        self.seen = Counter(unit.known for unit in units)
        cells: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        for unit in units:
            for annotator_id, label in unit.answers:
                cells[annotator_id][unit.known, label] += 1
        self.answers = {
            who: SparseAnswers.of_cells([(known, label, times) for (known, label), times in found.items()])
            for who, found in cells.items()
        }
        self.correct = sum(one.correct for one in self.answers.values())
        self.answered = sum(one.units for one in self.answers.values())
        occurring = {*self.seen, *(label for found in cells.values() for _, label in found)}
        self.columns = {k: column for column, k in enumerate(sorted(occurring))}
        self.width = len(self.columns) + (len(self.columns) < classes)
        self._shares: dict[int, Floats] = {}

    def rows(self, units: Sequence[GoldUnit]) -> list[_Row]:
        """Return the rows of these units, one for each of PREFIXES that a unit has."""
        return [row for unit in units for row in self._of(unit)]

    def _of(self, unit: GoldUnit) -> list[_Row]:
        right = sum(label == unit.known for _, label in unit.answers)
        crowd = pooled_accuracy(self.correct - right, self.answered - len(unit.answers), self.assumed_accuracy)
        people = []
        for who, label in unit.answers:
            known = self.answers[who]
            people.append((own_accuracy(known.correct - (label == unit.known), known.units - 1, crowd), who, label))
        people.sort(key=lambda one: (-one[0], one[1]))
        sizes = [m for m in PREFIXES if m <= len(people)]
        summed = np.cumsum([self._heard(unit.known, *one) for one in people[: sizes[-1]]], axis=0)
        shares, column = self._without(unit.known), self.columns[unit.known]
        return [_Row(summed[m - 1], shares, column, m, 1.0 / len(sizes)) for m in sizes]

    def _heard(self, left_out: int, own: float, annotator_id: str, label: int) -> Floats:
        """Return log P(label | class) of an annotator for each column, one answer to `left_out` not counted."""
        answers, wrong = self.answers[annotator_id], (1.0 - own) / (self.classes - 1)
        found: Floats = np.full(self.width, log(wrong))
        found[self.columns[label]] = log(own)
        for k, answered in answers.rows.items():
            once = k == left_out
            agreed = answers.reported(k, label) - once + ROW_STRENGTH * (own if k == label else wrong)
            found[self.columns[k]] = log(agreed / (answered - once + ROW_STRENGTH))
        return found

    def _without(self, left_out: int) -> Floats:
        """Return the log share of each column, one unit of the class `left_out` not counted."""
        found = self._shares.get(left_out)
        if found is None:
            shares = prevalence(self.seen - Counter([left_out]), self.classes)
            named = [shares[k] for k in self.columns]
            rest = [max(0.0, 1.0 - sum(named))] if self.width > len(named) else []
            found = self._shares[left_out] = np.log([*named, *rest])
        return found
