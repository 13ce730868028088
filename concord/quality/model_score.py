"""How good a model is, held against accepted labels: how often it is right, in each class, and as sure as it should be.

What is held against each other is one output and one accepted label of the same unit. The intervals take the units as
drawn at random from those that the model is used on: a client who posts what the model is sure of learns of that alone.
"""

from collections.abc import Sequence
from math import fsum, pi, sqrt
from typing import NamedTuple

from concord.quality.estimate import Estimate, undefined
from concord.quality.intervals import clopper_pearson, wilson
from concord.quality.linearised import student_interval

BINS = 10
"""Of stated confidence, equally wide from 0 to 1."""
NOTHING_STATED = "no output says how sure the model is"
ECE_METHOD = f"expected calibration error over {BINS} equal bins, exact intervals of all bins at once (Bonferroni)"
BRIER_METHOD = "mean squared difference of confidence and being right, Student interval"
CLASSES_METHOD = "mean squared difference of the classes' probabilities and the accepted class, Student interval"


class Held(NamedTuple):
    """One output held against the accepted label.

    Attributes:
        said: the place of the model's class among the schema's; None where labels have no classes.
        accepted: of the accepted one.
        right: whether both say the same, by the schema.
        confidence: how sure the model is of what it said, from 0 to 1; None where it does not say.
        brier: the sum over all classes of (probability - 1 if it is the accepted one, else 0)^2; None without these.
    """

    said: int | None
    accepted: int | None
    right: bool
    confidence: float | None = None
    brier: float | None = None


class ClassScore(NamedTuple):
    """What one class comes to.

    Attributes:
        said: outputs of this class; `precision` is the share of them that is right.
        accepted: units of this class; `recall` is the share of them that the model has right.
    """

    said: int
    accepted: int
    precision: Estimate
    recall: Estimate


class ReliabilityBin(NamedTuple):
    """Outputs that were stated to be about equally sure.

    Attributes:
        low, high: the ends of the bin.
        stated: the mean of what was stated.
        right: the share that is right, with its interval.
    """

    low: float
    high: float
    units: int
    stated: float
    right: Estimate


class Calibration(NamedTuple):
    """Whether a model is right as often as it says.

    Attributes:
        bins: the reliability table; bins without outputs are left out.
        error: expected calibration error.
        error_by_chance: what it would come to on average with as many units, were the model calibrated perfectly; None
            where nothing was stated.
        brier: of what it said: 0 is best.
        brier_classes: over all classes, where each output has their probabilities: from 0 to 2.
    """

    bins: tuple[ReliabilityBin, ...]
    error: Estimate
    error_by_chance: float | None
    brier: Estimate
    brier_classes: Estimate


def accuracy(held: Sequence[Held], confidence: float = 0.95) -> Estimate:
    """Return the share of outputs that say what was accepted, with Wilson's interval.

    >>> found = accuracy([Held(0, 0, True)] * 9 + [Held(0, 1, False)])
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.9, 0.596, 0.982)
    """
    return wilson(sum(entry.right for entry in held), len(held), confidence)


def by_class(held: Sequence[Held], classes: int, confidence: float = 0.95) -> list[ClassScore]:
    """Return precision and recall of each class, in the schema's order, with Wilson's intervals.

    Right is what says the same by the schema, a rating within its tolerance among it.

    >>> yes, no = by_class([Held(0, 0, True), Held(0, 1, False), Held(1, 1, True)], 2)
    >>> (yes.said, yes.precision.value, yes.recall.value), (no.accepted, no.recall.value)
    ((2, 0.5, 1.0), (2, 0.5))
    """
    given, said_right = [0] * classes, [0] * classes
    accepted, accepted_right = [0] * classes, [0] * classes
    for entry in held:
        if entry.said is not None:
            given[entry.said] += 1
            said_right[entry.said] += entry.right
        if entry.accepted is not None:
            accepted[entry.accepted] += 1
            accepted_right[entry.accepted] += entry.right
    return [
        ClassScore(
            given[place],
            accepted[place],
            wilson(said_right[place], given[place], confidence),
            wilson(accepted_right[place], accepted[place], confidence),
        )
        for place in range(classes)
    ]


def calibration(held: Sequence[Held], confidence: float = 0.95) -> Calibration:
    """Return how what a model states compares with how often it is right.

    With n_b outputs in bin b, s_b the mean of what is stated there and r_b the share that is right:

        ECE = sum_b n_b / n |s_b - r_b|

    Each bin's share has its exact interval at 1 - risk / bins, so that all of them hold at once with `confidence`; the
    ends of ECE are the least and the most that it can be when each share is somewhere in its interval. So the interval
    is never too narrow, and wide with few units. By chance alone ECE is above 0: under perfect calibration it is about
    sum_b n_b / n sqrt(2 s_b (1 - s_b) / (pi n_b)).

    Args:
        held: outputs; those that state no confidence are left out.
        confidence: of the intervals.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015, for ECE; Bröcker and Smith, Weather and Forecasting 22 (2007) 651,
    for what a reliability diagram shows by chance; Brier, Monthly Weather Review 78 (1950) 1.

    >>> sure = [Held(0, 0, number % 5 > 0, 0.95) for number in range(200)]
    >>> found = calibration(sure)
    >>> round(found.error.value, 2), found.error.low > 0.05, [one.units for one in found.bins]
    (0.15, True, [200])
    """
    stated = [(entry.confidence, entry.right) for entry in held if entry.confidence is not None]
    if not stated:
        return Calibration(
            (), undefined(NOTHING_STATED, 0, ECE_METHOD), None,
            undefined(NOTHING_STATED, 0, BRIER_METHOD), _brier_classes(held, confidence),
        )  # fmt: skip
    sorted_in: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in stated:
        sorted_in.setdefault(min(int(sure * BINS), BINS - 1), []).append((sure, right))
    bins = [_Bin(place, some) for place, some in sorted(sorted_in.items())]
    brier = _mean([(sure - right) ** 2 for sure, right in stated], 1.0, confidence, BRIER_METHOD)
    error, by_chance = _error(bins, len(stated), confidence)
    table = tuple(bin_.told(confidence) for bin_ in bins)
    return Calibration(table, error, by_chance, brier, _brier_classes(held, confidence))


class _Bin:
    """Outputs that were stated to be about equally sure: how many, the mean of what was stated, how many are right."""

    def __init__(self, place: int, some: Sequence[tuple[float, bool]]) -> None:
        self.place = place
        self.units = len(some)
        self.stated = fsum(sure for sure, _ in some) / len(some)
        self.right = sum(right for _, right in some)

    def told(self, confidence: float) -> ReliabilityBin:
        """Return the row of the table."""
        share = wilson(self.right, self.units, confidence)
        return ReliabilityBin(self.place / BINS, (self.place + 1) / BINS, self.units, self.stated, share)


def _error(bins: Sequence[_Bin], units: int, confidence: float) -> tuple[Estimate, float]:
    each = 1.0 - (1.0 - confidence) / len(bins)
    value = least = most = by_chance = 0.0
    for bin_ in bins:
        share, right = bin_.units / units, bin_.right / bin_.units
        exact = clopper_pearson(bin_.right, bin_.units, each)
        low, high = exact.low or 0.0, 1.0 if exact.high is None else exact.high
        value += share * abs(bin_.stated - right)
        least += share * max(0.0, bin_.stated - high, low - bin_.stated)
        most += share * max(bin_.stated - low, high - bin_.stated)
        by_chance += share * sqrt(2.0 * bin_.stated * (1.0 - bin_.stated) / (pi * bin_.units))
    return Estimate(value, min(least, value), max(most, value), units, ECE_METHOD), by_chance


def _brier_classes(held: Sequence[Held], confidence: float) -> Estimate:
    scores = [entry.brier for entry in held if entry.brier is not None]
    if not scores or len(scores) < len(held):
        return undefined("not every output has the probabilities of the classes", len(scores), CLASSES_METHOD)
    return _mean(scores, 2.0, confidence, CLASSES_METHOD)


def _mean(values: Sequence[float], highest: float, confidence: float, method: str) -> Estimate:
    """Return the mean of values from 0 to a highest one, with Student's interval within these ends."""
    units = len(values)
    mean = fsum(values) / units
    if units < 2:
        return Estimate(mean, None, None, units, method, "one unit shows no spread")
    error = sqrt(fsum((value - mean) ** 2 for value in values) / (units - 1) / units)
    low, high = student_interval(mean / highest, error / highest, units - 1, confidence)
    return Estimate(mean, max(0.0, low) * highest, min(1.0, high) * highest, units, method)
