"""How long things take, as a sum that partials add up to: a count for each value, to three digits."""

from collections import Counter
from collections.abc import Mapping

DIGITS = 1_000


def rounded(value: int) -> int:
    """Return the value to three significant digits, so that a tally of them stays small.

    >>> rounded(987), rounded(12_345)
    (987, 12300)
    """
    unit = 1
    while value >= DIGITS * unit:
        unit *= 10
    return value - value % unit


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


def count(tally: Counter[int], value: int, times: int = 1) -> None:
    """Count a value, or with a negative `times` take it out again."""
    place = rounded(value)
    tally[place] += times
    if not tally[place]:
        del tally[place]
