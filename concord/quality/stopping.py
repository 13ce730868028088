"""When another label of a unit is worth what it costs: the value of information, a few labels ahead.

A unit is left as it is, and then costs either the error that may be left in it or the decision of a senior, whichever
is less. Another label is asked for when it is expected to bring that down by more than the label costs, alone or with
the next few: one label often changes nothing where two or three would (Frazier and Powell's KG(*)).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from concord.quality.crowd import Crowd, prevalence

LOOKAHEAD = (1, 2, 3, 4, 6, 8)
"""So many more labels are looked at, as far as there may be so many."""
CHANCE_MIN = 1e-300

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, in any unit: only their ratios matter.

    Attributes:
        label: of one more label.
        decision: of a senior's ruling.
        error: of a wrong label that is left.
    """

    label: float
    decision: float
    error: float

    def loss(self, confidence: float) -> float:
        """Return what a unit costs if no more is asked: an error as likely as it is, or a ruling.

        >>> Prices(1, 10, 100).loss(0.95), Prices(1, 10, 100).loss(0.5)
        (5.000000000000004, 10)
        """
        return min(self.error * (1.0 - confidence), self.decision)

    @property
    def settled_at(self) -> float:
        """Return the confidence from which leaving an error costs no more than a ruling; 0 where it always does.

        >>> Prices(1, 10, 100).settled_at, Prices(1, 10, 5).settled_at
        (0.9, 0.0)
        """
        return max(0.0, 1.0 - self.decision / self.error)


class Outlook(NamedTuple):
    """Where a unit stands, as far as more labels of average annotators could move it.

    Attributes:
        lead, second: chances of the likeliest class and of the next.
        rest: of all others.
        evidence: log-likelihood ratio of the two, before it is divided by the design effect.
        prior: log ratio of their shares among the project's units.
        labels: labels that are in.
        dependence: rho of the crowd.
        accuracy: what its annotators are right in on average.
        classes: how many there are.
    """

    lead: float
    second: float
    rest: float
    evidence: float
    prior: float
    labels: int
    dependence: float
    accuracy: float
    classes: int


def outlook_of(chances: Sequence[float], labels: int, crowd: Crowd, seen: Mapping[int, int]) -> Outlook:
    """Return where a unit stands whose classes are so likely after so many labels.

    Args:
        chances: as `crowd.class_chances` returns them.
        labels: how many they rest on.
        crowd: what they were reckoned by.
        seen: likewise.

    >>> from concord.quality.crowd import class_chances
    >>> crowd, said = Crowd(2, 0.8, {}, dependence=0.15), [("ann", 1), ("bob", 1)]
    >>> found = outlook_of(class_chances(said, crowd, {}), 2, crowd, {})
    >>> round(found.lead, 3), round(found.evidence, 3), found.prior
    (0.918, 2.773, 0.0)
    """
    lead = max(range(len(chances)), key=chances.__getitem__)
    second = max((k for k in range(len(chances)) if k != lead), key=chances.__getitem__)
    shares = prevalence(seen, crowd.classes)
    prior = log(shares[lead] / shares[second])
    odds = log(max(chances[lead], CHANCE_MIN) / max(chances[second], CHANCE_MIN))
    spread = 1.0 + max(0, labels - 1) * crowd.dependence
    rest = max(0.0, 1.0 - chances[lead] - chances[second])
    evidence = (odds - prior) * spread
    crowd_is = crowd.dependence, crowd.accuracy, crowd.classes
    return Outlook(chances[lead], chances[second], rest, evidence, prior, labels, *crowd_is)


def is_worth_a_label(unit: Outlook, prices: Prices, left: int) -> bool:
    """Return whether to ask for another label: whether that is expected to bring down what the unit costs.

    Args:
        unit: where it stands.
        prices: what things cost.
        left: how many labels more there may be.

    >>> unsure = Outlook(0.8, 0.2, 0.0, 1.386, 0.0, 2, 0.1, 0.85, 2)
    >>> [is_worth_a_label(unsure, Prices(label, 1_000, 100), left=3) for label in (1, 4, 20)]
    [True, True, False]
    >>> is_worth_a_label(unsure, Prices(1, 1_000, 100), left=0)
    False
    """
    return expected_cost(unit, prices, left) < prices.loss(unit.lead)


def expected_cost(unit: Outlook, prices: Prices, left: int) -> float:
    """Return what a unit is expected to cost from here on, the labels that are still asked for among it.

    That is its loss now, where no more are worth it, or the least of what follows. For each j of LOOKAHEAD up to
    `left`: with j labels more of average annotators, whose labels are right with chance a and else any other, what the
    unit then costs is expected to be

    L_j = sum over outcomes o of P(o) min(error P(wrong | o), decision),

    P(wrong | o) being that of the better of the two classes, weighed as `crowd.class_chances` weighs; it then costs
    L_j + j label.

    Args:
        unit: where it stands.
        prices: what things cost.
        left: how many labels more there may be.

    Source: Frazier and Powell, Paradoxes in learning and the marginal value of information, Decision Analysis 7 (2010)
    378-403, section 4; Howard, Information value theory, IEEE Trans. SSC 2 (1966) 22-26.

    >>> unsure = Outlook(0.8, 0.2, 0.0, 1.386, 0.0, 2, 0.1, 0.85, 2)
    >>> [round(expected_cost(unsure, Prices(1, 1_000, 100), left), 2) for left in (0, 1, 3)]
    [20.0, 18.32, 11.71]
    """
    now = prices.loss(unit.lead)
    ahead = sum(1 for number in LOOKAHEAD if number <= left)
    if not ahead or now <= prices.label:
        return now
    table = _outcomes(unit.accuracy, unit.classes)
    end = table.ends[ahead - 1]
    named = unit.lead * table.as_lead[:end] + unit.second * table.as_second[:end]
    chance = named + unit.rest * table.as_other[:end]
    odds = (unit.evidence + table.moved[:end]) / (1.0 + (unit.labels - 1 + table.more[:end]) * unit.dependence)
    better = 1.0 / (1.0 + np.exp(-np.abs(odds + unit.prior)))
    # Chance times loss, without dividing by a chance that may be nothing.
    lost = np.minimum(prices.error * (chance - named * better), prices.decision * chance)
    begins = table.begins[:ahead]
    total = np.add.reduceat(lost, begins) / np.add.reduceat(chance, begins)
    return min(now, float((total + prices.label * table.labels[:ahead]).min()))


class _Outcomes(NamedTuple):
    """What j labels more may be, one row an outcome, for every j of LOOKAHEAD one after the other."""

    begins: NDArray[np.intp]
    ends: tuple[int, ...]
    labels: Floats
    more: Floats
    moved: Floats
    as_lead: Floats
    as_second: Floats
    as_other: Floats


@lru_cache(maxsize=1_000)
def _outcomes(accuracy: float, classes: int) -> _Outcomes:
    """Return the outcomes, and how likely each is where the unit is of the likeliest class, the next, or another."""
    wrong = (1.0 - accuracy) / (classes - 1)
    other = max(0.0, 1.0 - accuracy - wrong)
    neither = max(0.0, 1.0 - 2.0 * wrong)
    rows: list[tuple[float, ...]] = []
    begins, ends = [], []
    for more in LOOKAHEAD:
        begins.append(len(rows))
        for leads in range(more + 1):
            for seconds in range(more + 1 - leads):
                rest = more - leads - seconds
                if rest and classes == 2:
                    continue
                ways = comb(more, leads) * comb(more - leads, seconds)
                rows.append(
                    (
                        more,
                        (leads - seconds) * (log(accuracy) - log(wrong)),
                        ways * accuracy**leads * wrong**seconds * other**rest,
                        ways * wrong**leads * accuracy**seconds * other**rest,
                        ways * wrong ** (leads + seconds) * neither**rest if classes > 2 else 0.0,
                    )
                )
        ends.append(len(rows))
    columns = np.array(rows, dtype=np.float64).T
    labels = np.array(LOOKAHEAD, dtype=np.float64)
    return _Outcomes(np.array(begins, dtype=np.intp), tuple(ends), labels, *columns)
