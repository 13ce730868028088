"""How sure a fixed number of labels a unit makes on average: what adaptive labels are held against."""

from collections.abc import Iterator
from functools import lru_cache
from math import comb, exp, factorial, lgamma, log

LABELS_MAX = 20
"""A fixed overlap of more is not looked at."""
ACCURACY_MIN, ACCURACY_MAX = 1e-3, 1.0 - 1e-6
DEPENDENCE_MAX = 0.99


@lru_cache(maxsize=10_000)
def certainty_at(labels: int, accuracy: float, dependence: float, classes: int) -> float:
    """Return the expected chance of the likeliest class after so many labels of average annotators.

    Classes are equally frequent. How many of n labels are right is beta-binomial, of mean a and intraclass correlation
    rho, so that two annotators' errors correlate by rho; a wrong label is any other class alike. The chance of a class
    with c labels is in proportion to exp(w c / (1 + (n - 1) rho)), w = log(a (K - 1) / (1 - a)), as
    `crowd.class_chances` weighs labels of average annotators. The expectation is exact: a sum over the ways in which
    wrong labels fall on the classes, which are partitions.

    Args:
        labels: n, from 1 to LABELS_MAX.
        accuracy: a, of the crowd.
        dependence: rho, of its errors.
        classes: K, two or more.

    >>> [round(certainty_at(labels, 0.8, 0.0, 2), 3) for labels in (1, 2, 3, 5)]
    [0.8, 0.8, 0.896, 0.942]
    >>> round(certainty_at(3, 0.8, 0.3, 2), 3), round(certainty_at(3, 0.8, 0.0, 5), 3)
    (0.855, 0.92)
    """
    right = min(max(accuracy, ACCURACY_MIN), ACCURACY_MAX)
    rho = min(max(dependence, 0.0), DEPENDENCE_MAX)
    weight = log(right * (classes - 1) / (1.0 - right)) / (1.0 + (labels - 1) * rho)
    total = 0.0
    for hits in range(labels + 1):
        chance = _beta_binomial(hits, labels, right, rho)
        wrong = labels - hits
        for parts in _partitions(wrong, wrong):
            if len(parts) > classes - 1:
                continue
            counts = (hits, *parts)
            odds = [exp(weight * (count - max(counts))) for count in counts]
            unseen = (classes - len(counts)) * exp(weight * (0 - max(counts)))
            # Where the evidence speaks against what was said, the likeliest class is one that nobody named.
            lead = max([*odds, exp(weight * (0 - max(counts))) if classes > len(counts) else 0.0])
            total += chance * _ways(parts, classes - 1) / (classes - 1) ** wrong * lead / (sum(odds) + unseen)
    return total


def fixed_labels(certainty: float, accuracy: float, dependence: float, classes: int) -> float | None:
    """Return how many labels a unit, the same for each, make as sure on average; between two numbers in proportion.

    None: more than LABELS_MAX, or no number does. Other arguments as in `certainty_at`.

    >>> round(fixed_labels(0.896, 0.8, 0.0, 2), 6), fixed_labels(0.7, 0.8, 0.0, 2), fixed_labels(0.99999, 0.6, 0.2, 2)
    (3.0, 1.0, None)
    """
    before = 0.0
    for labels in range(1, LABELS_MAX + 1):
        now = max(before, certainty_at(labels, accuracy, dependence, classes))
        if now >= certainty:
            if labels == 1:
                return 1.0
            return labels - 1 + (certainty - before) / (now - before)
        before = now
    return None


def _beta_binomial(hits: int, labels: int, mean: float, rho: float) -> float:
    if not rho:
        return comb(labels, hits) * mean**hits * (1.0 - mean) ** (labels - hits)
    whole = (1.0 - rho) / rho
    value, other = mean * whole, (1.0 - mean) * whole
    found = _log_beta(hits + value, labels - hits + other) - _log_beta(value, other)
    return comb(labels, hits) * exp(found)


def _log_beta(value: float, other: float) -> float:
    return lgamma(value) + lgamma(other) - lgamma(value + other)


def _partitions(whole: int, most: int) -> Iterator[tuple[int, ...]]:
    """Yield the ways to write a number as a sum, the parts from the largest on.

    >>> list(_partitions(3, 3))
    [(3,), (2, 1), (1, 1, 1)]
    """
    if not whole:
        yield ()
    for first in range(min(whole, most), 0, -1):
        for rest in _partitions(whole - first, first):
            yield (first, *rest)


def _ways(parts: tuple[int, ...], classes: int) -> int:
    """Return in how many ways labels fall on classes so that these are the numbers of labels that the classes have.

    >>> _ways((2, 1), 3)
    18
    """
    arranged = factorial(sum(parts))
    for part in parts:
        arranged //= factorial(part)
    taken = factorial(classes) // factorial(classes - len(parts))
    for part in set(parts):
        taken //= factorial(parts.count(part))
    return arranged * taken
