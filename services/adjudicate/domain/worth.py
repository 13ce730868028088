"""What labels were expected to be worth when they were asked for, and what they came to."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from concord.quality.stopping import Outlook, Prices, expected_cost

NOT_BY_PRICE = frozenset({"flagged", "nobody_left", "payload_broken"})
"""Why a unit went to a ruling where prices had no say in it."""


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One decision by price, to go on or to stop. Costs are in labels: what one label costs is 1.

    Attributes:
        labels: that were in.
        cost: of the unit as it stood: the error that may be left in it, or a ruling.
        expected: cost from there on by going on as long as it is worth it, labels among it; `cost` where it is not.
        goes_on: whether another label was asked for.
    """

    labels: int
    cost: float
    expected: float
    goes_on: bool


class Worth(NamedTuple):
    """By how much, in labels, going on was expected to bring down what a unit costs, and by how much it did."""

    expected: float
    real: float


def step_of(prices: Prices | None, outlook: Outlook | None, labels: int, left: int) -> Step | None:
    """Return the decision on a unit; None where no prices decide, or its labels have no chances."""
    if prices is None or outlook is None:
        return None
    now, expected = prices.loss(outlook.lead), expected_cost(outlook, prices, left)
    return Step(labels, now / prices.label, expected / prices.label, expected < now)


def stepped(steps: Sequence[Step], step: Step) -> tuple[Step, ...]:
    """Return a unit's decisions with one more; one at as many labels, by other prices, takes the place of the last.

    >>> stepped((Step(2, 9.0, 5.0, True),), Step(2, 4.0, 4.0, False))
    (Step(labels=2, cost=4.0, expected=4.0, goes_on=False),)
    """
    return (*(earlier for earlier in steps if earlier.labels < step.labels), step)


def worth_of(steps: Sequence[Step], escalated_for: str) -> Worth | None:
    """Return what a resolved unit's further labels were expected to be worth, and were; None where none were bought.

    Args:
        steps: its decisions, in order.
        escalated_for: why it went to a ruling; empty where it did not.

    >>> worth_of((Step(2, 9.0, 5.0, True), Step(4, 1.0, 1.0, False)), "")
    Worth(expected=4.0, real=6.0)
    """
    if not steps or not steps[0].goes_on or steps[-1].goes_on or escalated_for in NOT_BY_PRICE:
        return None
    first, last = steps[0], steps[-1]
    return Worth(first.cost - first.expected, first.cost - (last.cost + last.labels - first.labels))
