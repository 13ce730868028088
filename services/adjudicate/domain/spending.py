"""What labels were spent on: by why a unit was given no more, and against what a fixed overlap would have taken."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Literal, NamedTuple, get_args

import msgspec

from concord.quality.fixed_overlap import fixed_labels
from services.adjudicate.domain.consensus import Weights
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.domain.worth import worth_of

NORMAL_95 = 1.959963984540054
"""Half of a 95 % interval, in standard errors."""

Reason = Literal["agreed", "weighed", "cap", "price", "flagged", "nobody_left", "payload_broken"]
"""Why no more labels were asked for. `agreed`: all that came said the same, as they read then. `weighed`: they did
not, and who said what was enough. All others went to a ruling. `cap`: there were as many as there may be. `price`: more
were not worth it."""
REASONS: tuple[Reason, ...] = get_args(Reason)
ESCALATIONS: Mapping[str, Reason] = {
    "no_consensus": "cap",
    "price": "price",
    "flagged": "flagged",
    "nobody_left": "nobody_left",
    "payload_broken": "payload_broken",
}


class Spent(msgspec.Struct, frozen=True, array_like=True):
    """Labels spent on some units.

    Attributes:
        units: resolved units; one that was resolved anew counts anew.
        labels: labels that counted.
        fixed: labels that an overlap fixed at what the project allows at most would have taken.
        certainty, certainty_squares: how sure their labels led at the end, before any ruling, and the squares of that.
        bought: units of which labels were asked for by price beyond the first.
        expected, real: what these were expected to bring down the units' costs by, and did, in labels: see `worth`.
        squares: of the differences.
    """

    units: int = 0
    labels: int = 0
    fixed: int = 0
    certainty: float = 0.0
    certainty_squares: float = 0.0
    bought: int = 0
    expected: float = 0.0
    real: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        own, more = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Spent(*(mine + theirs for mine, theirs in zip(own, more, strict=True)))


Spending = dict[str, Spent]
"""By reason."""


def reason_of(unit: UnitState) -> Reason:
    """Return why a resolved unit was given no more labels."""
    if unit.escalated_for:
        return ESCALATIONS[unit.escalated_for]
    return "agreed" if unit.alike else "weighed"


def spent_on(unit: UnitState) -> Spent:
    """Return what was spent on a resolved unit."""
    labels = len(unit.counted())
    sure = unit.confidence if unit.status == "consensus" else unit.led_with
    worth = worth_of(unit.steps, unit.escalated_for)
    by_price = (0, 0.0, 0.0, 0.0) if worth is None else (1, *worth, (worth.real - worth.expected) ** 2)
    return Spent(1, labels, max(unit.overlap_max, labels), sure, sure**2, *by_price)


def together(parts: Iterable[Mapping[str, Spent]]) -> Spending:
    """Return the sum by reason, in the order of REASONS.

    >>> together([{"cap": Spent(1, 5, 5)}, {"agreed": Spent(2, 4, 10), "cap": Spent(1, 5, 5)}])["cap"].labels
    10
    """
    found = dict.fromkeys(REASONS, Spent())
    for part in parts:
        for reason, spent in part.items():
            if reason in found:
                found[reason] += spent
    return {reason: spent for reason, spent in found.items() if spent.units}


class Range(NamedTuple):
    """A mean and its 95 % interval; None where it is not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Ledger(NamedTuple):
    """What labels were expected to be worth and were, and how many a fixed overlap takes for as much certainty.

    Attributes:
        certainty: how sure the units' labels led at the end, on average.
        fixed: labels a unit that make average annotators as sure on average, the same number for each; the interval is
            that of `certainty`. None where more than twenty, or no number, do.
        gain: by how much more than was expected the labels that were bought by price brought down a unit's costs, in
            labels a unit, on average over the units of which any were.
    """

    certainty: Range
    fixed: Range
    gain: Range


def ledger_of(every: Spent, weights: Weights) -> Ledger:
    """Return a project's ledger, by what is known of its annotators now.

    Args:
        every: what was spent on all of its resolved units.
        weights: of its annotators.
    """
    crowd, certainty = weights.crowd, _mean(every.certainty, every.certainty_squares, every.units)
    known = round(crowd.accuracy, 3), round(crowd.dependence, 3), crowd.classes
    fixed = Range(*(None if bound is None else fixed_labels(bound, *known) for bound in certainty))
    return Ledger(certainty, fixed, _mean(every.real - every.expected, every.squares, every.bought))


def _mean(total: float, squares: float, count: int) -> Range:
    """Return the mean of so many numbers, by their sum and that of their squares; of one alone without an interval.

    >>> _mean(6.0, 20.0, 2)
    Range(value=3.0, low=1.0400..., high=4.9599...)
    """
    if not count:
        return Range()
    mean = total / count
    if count == 1:
        return Range(mean)
    half = NORMAL_95 * sqrt(max(0.0, (squares - total * mean) / (count - 1) / count))
    return Range(mean, mean - half, mean + half)
