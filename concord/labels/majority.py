"""Weighted counts of labels, alike in whatever order the votes come."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from concord.labels.schema import Vote

Key = TypeVar("Key", bound=Hashable)


def weight_by(votes: Sequence[Vote], key: Callable[[Vote], Key]) -> dict[Key, float]:
    """Return the summed weight of the votes under each key, rounded once so that order cannot matter.

    >>> weight_by([Vote("no", 0.1), Vote("yes", 0.2), Vote("no", 0.3)], lambda vote: str(vote.label))
    {'no': 0.4, 'yes': 0.2}
    """
    weights: dict[Key, list[float]] = {}
    for vote in votes:
        weights.setdefault(key(vote), []).append(vote.weight)
    return {found: math.fsum(each) for found, each in weights.items()}


def heaviest(weights: dict[Key, float]) -> list[Key]:
    """Return the keys that weigh most: one, or all that tie for it.

    >>> heaviest({"yes": 2.0, "no": 2.0, "unsure": 1.0})
    ['yes', 'no']
    """
    most = max(weights.values())
    return [key for key, weight in weights.items() if math.isclose(weight, most, rel_tol=1e-12)]
