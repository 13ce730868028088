"""Krippendorff's alpha by the plainest means: all pairs of labels, as in his note of 2011."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any


def _apart(entry: Any, other: Any) -> float:
    """Return how far two labels of the town are apart: nominal for classes, interval for numbers, by field else.

    Of a form's fields the place is told by its answers: two of the north are half as far apart as others.
    """
    if isinstance(entry, str):
        return _answer_apart("", entry, other)
    if isinstance(entry, dict):
        return _answers_apart(entry["answers"], other["answers"])
    return float((entry - other) ** 2)


def _answers_apart(entry: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the mean over the fields of the town's form that either was asked: the place always, the grade not."""
    fields = {"verdict", "place", *entry, *other}
    return sum(_answer_apart(name, entry.get(name), other.get(name)) for name in fields) / len(fields)


def _answer_apart(name: str, entry: Any, other: Any) -> float:
    if entry == other:
        return 0.0
    if name == "grade" and None not in (entry, other):
        return float(((entry - other) / 4) ** 2)
    return 0.5 if {entry, other} == {"coast", "hills"} else 1.0


def alpha(units: Sequence[Sequence[Any]]) -> float | None:
    """Return alpha of units with their labels; None where it is undefined."""
    pairable = [labels for labels in units if len(labels) > 1]
    everything = [label for labels in pairable for label in labels]
    size = len(everything)
    expected = sum(_apart(entry, other) for entry, other in combinations(everything, 2))
    if not expected:
        return None
    observed = sum(
        sum(_apart(entry, other) for entry, other in combinations(labels, 2)) / (len(labels) - 1) for labels in pairable
    )
    return 1 - (size - 1) * observed / expected
