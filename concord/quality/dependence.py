"""How far the errors of annotators on one unit go together, from the gold units that they answered.

Two people who are each wrong in a tenth of units are both wrong in a hundredth of them if they err independently. Real
people are not independent: what is hard for one is hard for the next. `fitted` finds the correlation rho under which
what was claimed of gold units, each weighed as if its class were not known, is most often right.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
from numpy.typing import NDArray

from concord.quality.competence import ASSUMED_UNITS
from concord.quality.crowd import ACCURACY_STRENGTH, ROW_STRENGTH, prevalence

PREFIXES = (2, 3, 4, 6, 10)
"""A gold unit is weighed by so many of its labels: units are settled on few, and rho is what connects few and many."""
GOLD_UNITS_MAX, ANSWERS_MAX = 200, 20
"""Gold units that are looked at, and answers of each, drawn by a hash of their ids: more would hardly move the fit."""
CELLS_MAX = 400_000
"""Answers times classes that are weighed: of a thousand classes twenty units, in some tens of milliseconds."""
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


def drawn(units: Iterable[GoldUnit]) -> list[GoldUnit]:
    """Return the gold units that are looked at, and of each the answers that are: the same in whatever order they come.

    >>> [one.unit_id for one in drawn([GoldUnit("u1", 0, [("ann", 0)]), GoldUnit("u2", 0, [("ann", 0), ("bob", 1)])])]
    ['u2']
    """
    weighable = (unit for unit in units if len(unit.answers) > 1)
    looked_at = nsmallest(GOLD_UNITS_MAX, weighable, key=lambda gold_unit: _place(gold_unit.unit_id))
    return [GoldUnit(gold_unit.unit_id, gold_unit.known, _heard_of(gold_unit)) for gold_unit in looked_at]


def _heard_of(unit: GoldUnit) -> list[tuple[str, int]]:
    return nsmallest(ANSWERS_MAX, unit.answers, key=lambda row: _place(f"{unit.unit_id}/{row[0]}"))


def _place(name: str) -> tuple[bytes, str]:
    return hashlib.blake2b(name.encode(), digest_size=8).digest(), name


def fitted(units: Iterable[GoldUnit], classes: int, assumed_accuracy: float) -> Dependence:
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
    used = drawn(units)[: CELLS_MAX // (ANSWERS_MAX * classes)]
    if not used:
        return Dependence(EXPECTED, 0)
    weighed = _weighed(used, classes, assumed_accuracy)
    best, best_rho = -np.inf, EXPECTED
    for step in range(STEPS + 1):
        rho = step / STEPS
        joint = weighed.log_likelihoods / (1.0 + (weighed.labels - 1.0) * rho)[:, None] + weighed.log_shares
        top = joint.max(axis=1)
        log_sums = top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
        found = float((weighed.worth * (joint[np.arange(len(joint)), weighed.known] - log_sums)).sum())
        found -= PENALTY * (rho - EXPECTED) ** 2
        if found > best:
            best, best_rho = found, rho
    return Dependence(best_rho, len(used))


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Gold units weighed by some of their labels, each left out of what it is weighed by: a row for each prefix.

    Columns are the classes that occur; those that occur nowhere share the last one, for nothing tells them apart.
    """

    log_likelihoods: Floats
    log_shares: Floats
    known: NDArray[np.intp]
    labels: Floats
    worth: Floats


def _weighed(units: Sequence[GoldUnit], classes: int, assumed_accuracy: float) -> _Weighed:
    """Return the rows of these units; J answers, U units, C columns."""
    columns = {k: c for c, k in enumerate(sorted({gold_unit.known for gold_unit in units} | _labels(units)))}
    people = {
        who: place for place, who in enumerate(sorted({who for gold_unit in units for who, _ in gold_unit.answers}))
    }
    table = np.array(
        [
            (u, people[who], columns[gold_unit.known], columns[k])
            for u, gold_unit in enumerate(units)
            for who, k in gold_unit.answers
        ]
    )
    unit, person, known, label = table.T  # (J,) each
    width = len(columns) + (len(columns) < classes)
    right = (known == label).astype(np.float64)
    unit_answers, unit_right = np.bincount(unit), np.bincount(unit, weights=right)
    answers, correct = np.bincount(person), np.bincount(person, weights=right)
    pooled = (unit_right.sum() - unit_right + assumed_accuracy * ASSUMED_UNITS) / (
        len(unit) - unit_answers + ASSUMED_UNITS
    )
    own = (correct[person] - right + ACCURACY_STRENGTH * pooled[unit]) / (answers[person] - 1 + ACCURACY_STRENGTH)
    rows: Floats = np.zeros((len(people), width))
    np.add.at(rows, (person, known), 1.0)
    # The answers (known class, this label) of everybody who gave this label: counted once for each (person, label).
    _, pair = np.unique(person * width + label, return_inverse=True)
    agreeing: Floats = np.zeros((pair.max() + 1, width))
    np.add.at(agreeing, (pair, known), 1.0)
    array, asked = agreeing[pair], rows[person]  # (J, C)
    every = np.arange(len(unit))
    array[every, known] -= 1.0
    asked[every, known] -= 1.0
    imagined: Floats = np.repeat(((1.0 - own) / (classes - 1))[:, None], width, axis=1)
    imagined[every, label] = own
    heard = np.log((array + ROW_STRENGTH * imagined) / (asked + ROW_STRENGTH))
    order = np.lexsort((person, -own, unit))
    summed = heard[order].cumsum(axis=0)
    begins = np.concatenate([[0], unit_answers.cumsum()[:-1]])
    summed -= np.where(begins > 0, 1.0, 0.0)[unit, None] * summed[begins - 1][unit]
    sizes = [(u, m) for u, count in enumerate(unit_answers) for m in PREFIXES if m <= count]
    of_unit, labels = np.array(sizes).T
    prefixes = np.bincount(of_unit)
    known_of = known[begins]
    return _Weighed(
        log_likelihoods=summed[begins[of_unit] + labels - 1],
        log_shares=_log_shares(units, columns, width, classes)[of_unit],
        known=known_of[of_unit],
        labels=labels.astype(np.float64),
        worth=1.0 / prefixes[of_unit],
    )


def _labels(units: Sequence[GoldUnit]) -> set[int]:
    return {label for unit in units for _, label in unit.answers}


def _log_shares(units: Sequence[GoldUnit], columns: Mapping[int, int], width: int, classes: int) -> Floats:
    """Return the log share of each column where each unit is left out, (U, C)."""
    seen = Counter(unit.known for unit in units)
    found = {}
    for k in seen:
        shares = prevalence(seen - Counter([k]), classes)
        named = [shares[column] for column in columns]
        rest = [max(0.0, 1.0 - sum(named))] * (width - len(named))
        found[k] = np.log([*named, *rest])
    return np.array([found[unit.known] for unit in units])
