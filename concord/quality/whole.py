"""Whole units of a share: what multiplying leaves beside a whole number is no unit more or less.

7 % of 100 is 7.000000000000001 as computers multiply, and 29 % of it 28.999999999999996.
"""

import math

DECIMALS = 9
"""What lies beyond is taken for what computing has left."""


def least_whole(value: float) -> int:
    """Return the least whole number that is not below the value.

    >>> least_whole(0.07 * 100), least_whole(7.01)
    (7, 8)
    """
    return math.ceil(round(value, DECIMALS))


def most_whole(value: float) -> int:
    """Return the greatest whole number that is not above the value.

    >>> most_whole(0.29 * 100), most_whole(28.99)
    (29, 28)
    """
    return math.floor(round(value, DECIMALS))
