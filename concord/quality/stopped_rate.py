"""How many units of a lot are wrong, from where a plan stopped its inspection: exact, over all ends of the plan."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from concord.quality.estimate import Estimate
from concord.quality.intervals import least_true
from concord.quality.stopping_law import Bounds, Ints, StoppingLaw, stopping_law


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """All ends of inspections under some bounds, from the best, accepted soonest, to the worst, rejected soonest.

    A lot with one more wrong unit is accepted later or rejected sooner, so in this order every tail rises or falls
    with the number of wrong units, and tests on it invert to intervals.

    Attributes:
        law: the ends and the paths into them.
        ranking: the ends' places in the law, the best first.

    Source: the stagewise order, Siegmund, Sequential Analysis, Springer 1985, chapter III.

    >>> ends = ends_of(Bounds(np.array([-1, -1, 0]), np.array([1, 1, 1])))
    >>> [(int(ends.law.inspected[at]), int(ends.law.errors[at])) for at in ends.ranking]
    [(2, 0), (2, 1), (1, 1)]
    """

    law: StoppingLaw
    ranking: Ints


@lru_cache(maxsize=64)
def ends_of(bounds: Bounds) -> Ends:
    """Return the ends of inspections under these bounds; kept for as long as the same object comes again.

    >>> bounds = Bounds(np.array([-1, -1, 0]), np.array([1, 1, 1]))
    >>> ends_of(bounds) is ends_of(bounds)
    True
    """
    law = stopping_law(bounds)
    # Accepted ones by when, then rejected ones by when, the last first; at one time by errors.
    lateness = np.where(law.accepted, law.inspected, -law.inspected)
    ranking = np.lexsort((law.errors, lateness, ~law.accepted))
    return Ends(law, ranking.astype(np.int64))


def stopped_count(
    bounds: Bounds, inspected: int, errors: int, lot_units: int, risk: float, *, upper_only: bool = False
) -> Estimate | None:
    """Return the exact interval for how many units of a lot are wrong, from where its inspection stopped.

        low = min{D : P(as bad or worse | D) > risk/2},  high = max{D : P(as good or better | D) > risk/2}

    The value is the lot's share of errors / inspected. `upper_only` puts all of the risk above; low is what was found.

    Returns:
        None where the plan does not stop there.

    >>> bounds = Bounds(np.array([-1] * 17 + [0]), np.array([1] * 18))  # seventeen units without an error
    >>> stopped_count(bounds, 17, 0, 60, 0.05).high
    10.0
    """
    ends = ends_of(bounds)
    here = (ends.law.inspected == inspected) & (ends.law.errors == errors)
    if not here.any():
        return None
    place = int(np.flatnonzero(here[ends.ranking])[0])
    better, worse = ends.ranking[: place + 1], ends.ranking[place:]
    tail = risk if upper_only else risk / 2
    possible_low, possible_high = errors, lot_units - (inspected - errors)

    def likely(points: Ints, wrong: int) -> bool:
        return float(ends.law.in_lot(lot_units, wrong)[points].sum()) > tail

    low, high = possible_low, possible_high
    if not upper_only:
        low = least_true(possible_low, possible_high, lambda wrong: likely(worse, wrong))
    high = (
        least_true(possible_low, possible_high + 1, lambda wrong: wrong > possible_high or not likely(better, wrong))
        - 1
    )
    value = min(max(lot_units * errors / inspected, float(low)), float(max(high, low)))
    method = "units of a finite lot, exact over the ends of the plan, " + ("upper bound" if upper_only else "interval")
    return Estimate(value, float(low), float(max(high, low)), inspected, method)
