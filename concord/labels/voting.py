"""Weighted votes: shares, majorities, medians and medoids that no order of the votes can change."""

import math
import operator
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from concord.labels.schema import Vote

Key = TypeVar("Key", bound=Hashable)

CLOSE = 1e-9
"""Shares nearer than this are equal: 0.1 + 0.2 is a tie with 0.3."""


def total_weight(votes: Iterable[Vote]) -> float:
    """Return the sum of the weights, rounded once so that their order cannot matter.

    >>> total_weight([Vote("yes", 0.1), Vote("no", 0.2), Vote("yes", 0.3)])
    0.6
    """
    return math.fsum(vote.weight for vote in votes)


def weight_by(keys_and_weights: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """Return the summed weight of each key, rounded once so that order cannot matter.

    >>> weight_by([("no", 0.1), ("yes", 0.2), ("no", 0.3)])
    {'no': 0.4, 'yes': 0.2}
    """
    weights: dict[Key, list[float]] = {}
    for key, weight in keys_and_weights:
        weights.setdefault(key, []).append(weight)
    return {key: math.fsum(each) for key, each in weights.items()}


def share_of(weight: float, total: float) -> float:
    """Return weight / total, from 0 to 1 whatever the rounding.

    >>> share_of(1.0, 4.0)
    0.25
    """
    return min(1.0, max(0.0, weight / total))


def heaviest(weights: Mapping[Key, float]) -> list[Key]:
    """Return the keys that weigh most: one, or all that tie for it.

    >>> heaviest({"yes": 2.0, "no": 2.0, "unsure": 1.0})
    ['yes', 'no']
    """
    most = max(weights.values())
    return [key for key, weight in weights.items() if math.isclose(weight, most, rel_tol=CLOSE)]


def passes(share: float, quorum: float) -> bool | None:
    """Say whether a part of a label stands, given the share of the weight that is for it.

    It stands with the quorum for it, falls with the quorum against it, and is undecided (None) between the
    two, or when both hold: half against half at a quorum of one half.

    >>> passes(2 / 3, 0.5), passes(1 / 3, 0.5), passes(0.5, 0.5), passes(0.6, 0.75)
    (True, False, None, None)
    """
    stands = share >= quorum - CLOSE
    falls = 1.0 - share >= quorum - CLOSE
    return None if stands == falls else stands


def weighted_median(values_and_weights: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the lower and the upper weighted median; they differ when the halves of the weight part there.

    >>> weighted_median([(1, 1.0), (2, 1.0), (9, 1.0)]), weighted_median([(1, 1.0), (2, 1.0)])
    ((2, 2), (1, 2))
    """
    weights = sorted(weight_by(values_and_weights).items())
    sums = list(accumulate(weight for _, weight in weights))
    half = sums[-1] / 2
    lower = next(place for place, below in enumerate(sums) if below >= half * (1.0 - CLOSE))
    upper = next(place for place, below in enumerate(sums) if below > half * (1.0 + CLOSE))
    return weights[lower][0], weights[upper][0]


def midpoint(lower_and_upper: tuple[float, float]) -> float:
    """Return the value half-way between two medians, exactly theirs where they are one.

    >>> midpoint((1.0, 2.0)), midpoint((0.1, 0.1))
    (1.5, 0.1)
    """
    lower, upper = lower_and_upper
    return lower + (upper - lower) / 2


def medoids(weights: Mapping[Key, float], distances: Sequence[Sequence[float]]) -> list[Key]:
    """Return the keys with the least weighted mean distance to all: one, or all that tie.

    Args:
        weights: the weight of each key.
        distances: square and symmetric, rows and columns in the order of the keys.

    >>> medoids({"near": 1.0, "middle": 1.0, "far": 1.0}, [[0, 0.1, 0.8], [0.1, 0, 0.7], [0.8, 0.7, 0]])
    ['middle']
    """
    total = math.fsum(weights.values())
    means = [math.fsum(map(operator.mul, row, weights.values())) / total for row in distances]
    least = min(means)
    return [key for key, mean in zip(weights, means, strict=True) if mean <= least + CLOSE]
