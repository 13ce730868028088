"""Competence of one annotator from gold units: accuracy with its bound, and the confusion matrix.

Counts add up: two partial counts of one annotator, taken anywhere and in any order, give the counts of the
whole by ``+``. What is estimated is always a posterior under a stated prior, so a beginner with three right
answers of three is not perfect.

Resolved units can be counted like gold once they are settled: much more evidence, and biased upwards a little,
since an annotator's own label took part in settling the unit. Use them for weights, and gold alone for a verdict
on a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.special import betainc, betaincinv

from concord.quality.estimate import Estimate

UNIFORM = (1.0, 1.0)
"""Beta(1, 1): before any gold unit every accuracy is held to be equally likely (Bayes 1763, Laplace 1774)."""

GOLD_UNITS_SEARCHED_MAX = 10_000
"""Beyond so many more gold units nobody is asked to wait: `gold_units_to_pass` says None."""

STRENGTH = 2.0
"""Imagined gold units of each class that an annotator starts with: enough that no entry is zero and one lucky
answer decides nothing, few enough that a handful of gold units tells a good annotator from a guesser."""

ASSUMED_UNITS = 10
"""Gold units that an assumed accuracy of the crowd is worth: it gives way to what is measured."""

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """What one annotator reported on gold units: ``counts[gold][reported]``, K x K, additive.

    >>> counts = ConfusionCounts.empty(2).observed(gold=0, reported=0).observed(gold=0, reported=1)
    >>> (counts + counts).counts
    ((2, 2), (0, 0))
    >>> counts.correct, counts.units
    (1, 2)
    """

    counts: tuple[tuple[int, ...], ...]

    @classmethod
    def empty(cls, classes: int) -> "ConfusionCounts":
        """Return the counts of an annotator of whom nothing is known yet."""
        return cls(((0,) * classes,) * classes)

    @classmethod
    def total(cls, parts: Iterable["ConfusionCounts"], classes: int) -> "ConfusionCounts":
        """Return the sum of any number of counts over the same classes."""
        return sum(parts, start=cls.empty(classes))

    def observed(self, gold: int, reported: int) -> "ConfusionCounts":
        """Return the counts after one more gold unit.

        Raises:
            IndexError: a class is outside 0 .. K-1.
        """
        classes = len(self.counts)
        if not (0 <= gold < classes and 0 <= reported < classes):
            raise IndexError(f"classes ({gold}, {reported}) are not both in 0 .. {classes - 1}")
        row = list(self.counts[gold])
        row[reported] += 1
        return ConfusionCounts((*self.counts[:gold], tuple(row), *self.counts[gold + 1 :]))

    def __add__(self, other: "ConfusionCounts") -> "ConfusionCounts":
        return ConfusionCounts(
            tuple(
                tuple(a + b for a, b in zip(mine, theirs, strict=True))
                for mine, theirs in zip(self.counts, other.counts, strict=True)
            )
        )

    def classes(self) -> range:
        """Return the classes, by their places."""
        return range(len(self.counts))

    def answered(self, gold: int) -> int:
        """Return how many gold units of this class were answered."""
        return sum(self.counts[gold])

    def reported(self, gold: int, reported: int) -> int:
        """Return how many gold units of one class were answered by another, or by itself."""
        return self.counts[gold][reported]

    @property
    def units(self) -> int:
        """Return the number of gold units answered."""
        return sum(map(sum, self.counts))

    @property
    def correct(self) -> int:
        """Return the number of gold units answered as the gold says."""
        return sum(row[k] for k, row in enumerate(self.counts))


def accuracy(correct: int, units: int, confidence: float = 0.95, prior: tuple[float, float] = UNIFORM) -> Estimate:
    """Return the posterior mean of an annotator's accuracy and its equal-tailed credible interval.

    p | data ~ Beta(a + correct, b + units - correct); value = its mean; low, high = its quantiles at
    (1 - confidence) / 2 and (1 + confidence) / 2.

    Args:
        correct: gold units answered right.
        units: gold units answered.
        confidence: probability mass of the interval.
        prior: (a, b) of the Beta prior, both above 0.

    Raises:
        ValueError: the counts or the prior are not possible.

    Source: Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, section 2.4.

    >>> estimate = accuracy(correct=9, units=10)
    >>> round(estimate.value, 4), round(estimate.low, 4), round(estimate.high, 4)
    (0.8333, 0.5872, 0.9772)
    """
    right, wrong = _beta(correct, units, prior)
    tail = (1.0 - confidence) / 2.0
    low, high = betaincinv(right, wrong, [tail, 1.0 - tail])
    method = f"accuracy on gold, Beta({prior[0]:g}, {prior[1]:g}) prior, equal-tailed {confidence:.0%} interval"
    return Estimate(right / (right + wrong), float(low), float(high), units, method)


def accuracy_lower_bound(
    correct: int, units: int, confidence: float = 0.95, prior: tuple[float, float] = UNIFORM
) -> float:
    """Return the accuracy that the annotator exceeds with the given posterior probability (one-sided).

    The quantile of Beta(a + correct, b + units - correct) at 1 - confidence.

    Source: as `accuracy`.

    >>> round(accuracy_lower_bound(correct=13, units=13), 4)
    0.8074
    """
    right, wrong = _beta(correct, units, prior)
    return float(betaincinv(right, wrong, 1.0 - confidence))


def gold_units_to_pass(
    correct: int,
    units: int,
    pass_accuracy: float,
    *,
    confidence: float = 0.95,
    prior: tuple[float, float] = UNIFORM,
    accuracy_from_now: float = 1.0,
) -> int | None:
    """Return how many more gold units bring the annotator's lower bound to the bar; 0 if it is there already.

    The smallest m with P(p < pass_accuracy | correct + accuracy_from_now * m of units + m) <= 1 - confidence.

    Args:
        correct: gold units answered right so far.
        units: gold units answered so far.
        pass_accuracy: the bar, in (0, 1).
        confidence: posterior probability with which the bar must be exceeded.
        prior: (a, b) of the Beta prior.
        accuracy_from_now: share of the coming gold units that will be answered right. With 1 the answer is
            the fewest units possible; with ``correct / units`` it is what to expect if nothing changes.

    Returns:
        The number, or None where no number up to `GOLD_UNITS_SEARCHED_MAX` will do.

    >>> gold_units_to_pass(correct=0, units=0, pass_accuracy=0.8)
    13
    >>> gold_units_to_pass(correct=9, units=10, pass_accuracy=0.8)
    11
    >>> gold_units_to_pass(correct=7, units=10, pass_accuracy=0.8, accuracy_from_now=0.7) is None
    True
    """
    right, wrong = _beta(correct, units, prior)
    if not 0.0 < pass_accuracy < 1.0:
        raise ValueError(f"the bar must lie between 0 and 1, not at {pass_accuracy}")
    more = np.arange(GOLD_UNITS_SEARCHED_MAX + 1)
    below_bar = betainc(right + accuracy_from_now * more, wrong + (1.0 - accuracy_from_now) * more, pass_accuracy)
    passes = below_bar <= 1.0 - confidence
    return int(passes.argmax()) if passes.any() else None


def crowd_accuracy(correct: int, units: int, classes: int, assumed_accuracy: float | None = None) -> float:
    """Return what a crowd is held to be right in: (correct + 1) / (units + K), so a guess before there is any gold.

    With an assumed accuracy a, worth `ASSUMED_UNITS` units: (correct + a * ASSUMED_UNITS) / (units + ASSUMED_UNITS).

    >>> crowd_accuracy(0, 0, 4), crowd_accuracy(8, 10, 2, assumed_accuracy=0.9)
    (0.25, 0.85)
    """
    if assumed_accuracy is None:
        return (correct + 1) / (units + classes)
    return (correct + assumed_accuracy * ASSUMED_UNITS) / (units + ASSUMED_UNITS)


def crowd_prior(crowd: ConfusionCounts, strength: float = STRENGTH, assumed_accuracy: float | None = None) -> Matrix:
    """Return the Dirichlet pseudo-counts that an annotator starts from: the crowd's average, K x K.

    Row k is ``strength * (q if l == k else (1 - q) / (K - 1))`` over reported classes l, where q is the
    crowd's accuracy on gold as `crowd_accuracy` says. A newcomer is thus assumed to be as good as the others
    on average and to err without preference; each own gold unit then counts as one against `strength` imagined
    ones of the same true class. The same array is the `smoothing` of a Dawid-Skene run.

    Args:
        crowd: gold counts of all annotators added up (`ConfusionCounts.total`).
        strength: number of imagined gold units of each class, above 0.
        assumed_accuracy: what a crowd without any gold is held to be right in; without it, a guess.

    Source: shrinkage to the pooled rate as in Gelman et al. 2013, section 5.1.

    >>> crowd_prior(ConfusionCounts(((38, 2), (10, 48))), strength=4.0)
    ((3.48, 0.52), (0.52, 3.48))
    """
    classes = len(crowd.counts)
    if classes < 2:
        raise ValueError("with one class there is nothing to confuse")
    if not (strength > 0.0 and isfinite(strength)):
        raise ValueError(f"the strength of a prior must be above 0, not {strength}")
    right = strength * crowd_accuracy(crowd.correct, crowd.units, classes, assumed_accuracy)
    wrong = (strength - right) / (classes - 1)
    return tuple(tuple(right if k == reported else wrong for reported in range(classes)) for k in range(classes))


def confusion_matrix(counts: ConfusionCounts, prior: Sequence[Sequence[float]]) -> Matrix:
    """Return the posterior mean of the confusion matrix, K x K, rows summing to one, no entry zero.

    E[confusion[k][l]] = (counts[k][l] + prior[k][l]) / sum over l of the same: each row is a Dirichlet
    posterior. It can be handed to `truth.posterior` as it is.

    Source: Gelman et al. 2013, section 3.4; in this use Kim and Ghahramani, AISTATS 2012 (BCC).

    >>> confusion_matrix(ConfusionCounts(((4, 0), (0, 0))), prior=((3.0, 1.0), (1.0, 3.0)))
    ((0.875, 0.125), (0.25, 0.75))
    """
    rows = []
    for observed, imagined in zip(counts.counts, prior, strict=True):
        row = [n + alpha for n, alpha in zip(observed, imagined, strict=True)]
        total = sum(row)
        rows.append(tuple([weight / total for weight in row]))
    return tuple(rows)


def expected_accuracy(confusion: Sequence[Sequence[float]], prior: Sequence[float]) -> float:
    """Return the probability that the annotator labels a random unit right: sum over k of prior[k] confusion[k][k].

    One number to rank annotators by, when a unit may go to any of several.

    >>> expected_accuracy(((0.9, 0.1), (0.3, 0.7)), prior=(0.5, 0.5))
    0.8
    """
    return sum(share * row[k] for k, (share, row) in enumerate(zip(prior, confusion, strict=True)))


def class_prior(gold: Sequence[int], smoothing: float = 1.0) -> tuple[float, ...]:
    """Return the class probabilities seen on gold units, from the number of gold units of each class.

    (n_k + smoothing) / (n + K smoothing), so that no class is held to be impossible.

    >>> [round(share, 4) for share in class_prior((30, 50))]
    [0.378, 0.622]
    """
    total = sum(gold) + smoothing * len(gold)
    return tuple([(n + smoothing) / total for n in gold])


def _beta(correct: int, units: int, prior: tuple[float, float]) -> tuple[float, float]:
    """Return (a, b) of the Beta posterior, after holding the counts and the prior to what they can be."""
    if not 0 <= correct <= units:
        raise ValueError(f"{correct} right of {units} gold units cannot be")
    if not (prior[0] > 0.0 and prior[1] > 0.0):
        raise ValueError(f"both parameters of a Beta prior must be above 0: {prior}")
    return prior[0] + correct, prior[1] + units - correct
