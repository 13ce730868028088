"""Whether somebody is fit for work, by what they did on units with known labels: by a bound, not by the share itself.

It is looked at after every answer, so the chance to pass is that of ever passing: somebody who is right exactly as
often as the bar asks (.8) passes within 30 units with a chance of .086, at .7 of .010, at .9 of .49, at .95 of .85.
"""

from math import ceil, log

from concord.quality.intervals import clopper_pearson_lower, clopper_pearson_upper

SURE = 0.95
"""Confidence of the bound by which somebody passes."""
FALLEN_SURE = 0.99
"""Confidence of the bound by which somebody falls below. Looked at after each of 30 answers, somebody at the bar of .8
is found below it by chance with .033, at .9 with .0015; somebody at .6 is found with .64."""


def reached(right: int, units: int, bar: float) -> bool:
    """Return whether accuracy is at least the bar, for sure: its exact lower bound (Clopper & Pearson 1934) is.

    >>> reached(13, 13, 0.8), reached(14, 14, 0.8), reached(20, 22, 0.8)
    (False, True, False)
    """
    low = clopper_pearson_lower(right, units, SURE).low
    return low is not None and low >= bar


def fallen(right: int, units: int, bar: float) -> bool:
    """Return whether accuracy is below the bar, for sure: its exact upper bound is.

    >>> fallen(1, 4, 0.8), fallen(0, 3, 0.8), fallen(24, 30, 0.8)
    (False, True, False)
    """
    high = clopper_pearson_upper(right, units, FALLEN_SURE).high
    return high is not None and high < bar


def units_least(bar: float) -> int:
    """Return after how many units without a mistake the bar is reached: the smallest n with bar^n <= 1 - SURE.

    >>> units_least(0.8), units_least(0.0)
    (14, 1)
    """
    return 1 if bar <= 1 - SURE else ceil(log(1 - SURE) / log(bar)) if bar < 1 else 10**9


def about_more(right: int, units: int, bar: float, units_max: int) -> int:
    """Return about how many units more it takes, if they go on as they did; at most what is left of `units_max`.

    What comes is taken to be right as often as (right + 1)/(units + 1): who has answered nothing yet makes no mistake.

    >>> about_more(0, 0, 0.8, 30), about_more(13, 14, 0.8, 30), about_more(5, 20, 0.8, 30)
    (14, 16, 10)
    """
    rate = (right + 1) / (units + 1)
    for more in range(1, units_max - units):
        if reached(right + round(rate * more), units + more, bar):
            return more
    return max(0, units_max - units)
