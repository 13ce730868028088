"""How long things take, as a sum that partials add up to: a count for each value, to three digits."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from math import sqrt

from concord.quality.estimate import Estimate, undefined

DIGITS = 1_000
PLACES_MAX = 50_000
_Z = 1.959964


def rounded(value: int) -> int:
    """Return the value to three significant digits, so that a tally of them stays small.

    >>> rounded(987), rounded(12_345)
    (987, 12300)
    """
    unit, bound = 1, DIGITS
    while value >= bound:
        unit, bound = 10 * unit, 10 * bound
    return value - value % unit


place_of = lru_cache(maxsize=PLACES_MAX)(rounded)
"""The same, for a million of them: most times are told again within the hour."""


def percentile(tally: Mapping[int, int], share: float) -> int:
    """Return the smallest value that at least this share of the tally does not exceed; 0 of an empty one.

    >>> percentile(Counter([1_000, 2_000, 9_000]), 0.5)
    2000
    """
    wanted = share * sum(tally.values())
    seen = 0
    for value in sorted(tally):
        seen += tally[value]
        if seen >= wanted:
            return value
    return 0


def percentile_estimate(tally: Mapping[int, int], share: float) -> Estimate:
    """Return a percentile with the interval of the ranks between which it lies with a probability of 95 %.

    Ranks n p - z √(n p (1 - p)) and n p + z √(n p (1 - p)): nothing is supposed of the distribution.

    Source: Conover, Practical Nonparametric Statistics, 3rd ed. 1999, section 3.2.

    >>> found = percentile_estimate(Counter(range(1, 101)), 0.5)
    >>> found.value, found.low, found.high
    (50.0, 41.0, 60.0)
    """
    method = f"{share:.0%} percentile, interval of ranks"
    units = sum(tally.values())
    if not units:
        return undefined("no lot has left yet", 0, method)
    half = _Z * sqrt(share * (1 - share) / units)
    ranks = (max(share - half, 0.0), share, min(share + half, 1.0))
    low, value, high = (float(percentile(tally, rank)) for rank in ranks)
    return Estimate(value, low, high, units, method)


def count(tally: Counter[int], value: int, times: int = 1) -> None:
    """Count a value, or with a negative `times` take it out again."""
    place = value if value < DIGITS else rounded(value)
    left = tally.get(place, 0) + times
    if left:
        tally[place] = left
    else:
        tally.pop(place, None)
