"""What labels were spent on: by why a unit was given no more, and against what a fixed overlap would have taken."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from services.adjudicate.domain.unit import UnitState

Reason = Literal["agreed", "weighed", "cap", "price", "flagged", "nobody_left"]
"""Why no more labels were asked for. `agreed`: all that came said the same. `weighed`: they did not, and who said what
was enough. All others went to a ruling. `cap`: there were as many as there may be. `price`: more were not worth it."""
REASONS: tuple[Reason, ...] = get_args(Reason)
ESCALATIONS: Mapping[str, Reason] = {
    "no_consensus": "cap",
    "price": "price",
    "flagged": "flagged",
    "nobody_left": "nobody_left",
}


class Spent(msgspec.Struct, frozen=True, array_like=True):
    """Labels spent on some units.

    Attributes:
        units: resolved units; one that was resolved anew counts anew.
        labels: labels that counted.
        fixed: labels that an overlap fixed at what the project allows at most would have taken.
    """

    units: int = 0
    labels: int = 0
    fixed: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.units + other.units, self.labels + other.labels, self.fixed + other.fixed)


Spending = dict[str, Spent]
"""By reason."""


def reason_of(unit: UnitState) -> Reason:
    """Return why a resolved unit was given no more labels."""
    if unit.escalated_for:
        return ESCALATIONS[unit.escalated_for]
    return "agreed" if len({one.digest for one in unit.counted()}) == 1 else "weighed"


def spent_on(unit: UnitState) -> Spent:
    """Return what was spent on a resolved unit."""
    labels = len(unit.counted())
    return Spent(1, labels, max(unit.overlap_max, labels))


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
