"""Whether what stood first was favoured, where the order was drawn at random for each label.

If the order has no part in a label, what is chosen stood first with chance 1/k among k, in each label independently of
all others: whoever labels, and whatever. So nothing of people or of units has to be modelled, and labels of one person
are no cluster.

Labels come all the time and are looked at as often as anybody likes, so the evidence is an e-value: by how many times
whoever bets on a bias has multiplied their stake. Without one, it ever reaches 1/a with chance a at most, over all of
a project's life (Ville's inequality).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson

WEIGHT = 20.0
"""Of the bets around chance, in labels: biases of a tenth are looked for, rather than of a hundredth or a half."""

Chosen = Mapping[int, tuple[int, int]]
"""By number of sides or items, labels, and in how many of them what is chosen stood first."""


@dataclass(frozen=True, slots=True)
class Position:
    """How often what is chosen stood first.

    Attributes:
        first: the share, with Wilson's interval.
        expected: the share that chance alone makes; None without labels.
        log_e_value: natural logarithm of the evidence against chance; under 0 where chance is the better bet.
    """

    first: Estimate
    expected: float | None
    log_e_value: float

    def is_found(self, level: float) -> bool:
        """Return whether chance is no explanation: without a bias this is ever so with chance `level` at most."""
        return self.log_e_value >= -math.log(level)


def position(chosen: Chosen) -> Position:
    """Return how often what is chosen stood first, and the evidence that chance does not make it so.

        e = product over k of  B(w p + f, w (1 - p) + n - f) / (B(w p, w (1 - p)) p^f (1 - p)^(n - f))

    with n labels of k sides, f of them for the first, p = 1/k, w = WEIGHT and B the beta function: bets on every share,
    spread around chance by a beta distribution. A product of e-values of different labels is one.

    Source: Robbins, Annals of Mathematical Statistics 41(5), 1970, 1397 (mixtures); Ramdas, Gruenwald, Vovk and Shafer,
    Statistical Science 38(4), 2023, 576 (e-values at any time).

    >>> biased, fair = position({2: (400, 250)}), position({2: (400, 205)})
    >>> round(biased.first.value, 3), biased.expected, biased.is_found(0.01), fair.is_found(0.01)
    (0.625, 0.5, True, False)
    """
    labels = sum(labels for labels, _ in chosen.values())
    first = sum(first for _, first in chosen.values())
    expected = sum(labels / k for k, (labels, _) in chosen.items()) / labels if labels else None
    evidence = sum(_log_e_value(labels, first, 1.0 / k) for k, (labels, first) in chosen.items())
    return Position(wilson(first, labels), expected, evidence)


def found_among(log_e_values: Sequence[float], level: float) -> list[bool]:
    """Return which of several are found, so that of those a share of `level` is false at most, on average.

    However they depend on one another. Source: Wang and Ramdas, J. R. Stat. Soc. B 84(3), 2022, 822 (e-BH).

    >>> found_among([math.log(300.0), math.log(70.0), 0.0], 0.05)
    [True, True, False]
    """
    many, found = len(log_e_values), [False] * len(log_e_values)
    order = sorted(range(many), key=lambda place: -log_e_values[place])
    least = max(
        (rank for rank, place in enumerate(order, start=1) if log_e_values[place] >= math.log(many / (rank * level))),
        default=0,
    )
    for place in order[:least]:
        found[place] = True
    return found


def _log_e_value(labels: int, first: int, chance: float) -> float:
    a, b = WEIGHT * chance, WEIGHT * (1.0 - chance)
    others = labels - first
    betted = _log_beta(a + first, b + others) - _log_beta(a, b)
    return betted - first * math.log(chance) - others * math.log1p(-chance)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
