"""Krippendorff's alpha by the plainest means: all pairs of labels, as in his note of 2011."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any


def _apart(one: Any, other: Any) -> float:
    """Return how far two labels of the town are apart: nominal for classes, interval for numbers."""
    if isinstance(one, str):
        return float(one != other)
    return float((one - other) ** 2)


def alpha(units: Sequence[Sequence[Any]]) -> float | None:
    """Return alpha of units with their labels; None where it is undefined."""
    pairable = [labels for labels in units if len(labels) > 1]
    everything = [label for labels in pairable for label in labels]
    size = len(everything)
    expected = sum(_apart(one, other) for one, other in combinations(everything, 2))
    if not expected:
        return None
    observed = sum(
        sum(_apart(one, other) for one, other in combinations(labels, 2)) / (len(labels) - 1) for labels in pairable
    )
    return 1 - (size - 1) * observed / expected
