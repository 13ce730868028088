"""How figures are written beside what they are held against: rounding never says otherwise than the verdict."""

from collections.abc import Callable, Iterable

from concord.quality.whole import least_whole

DIGITS_MAX = 9
"""Beyond which nobody could see a difference."""

Written = Callable[[float | None, int], str]
"""A figure with so many digits."""


def digits_apart(written: Written, figures: Iterable[float | None], limit: float, digits: int) -> int:
    """Return with how many digits figures and limit are to be written, so that none reads as the limit but what is it.

    All with the same number, for rounding alike keeps their order: then whatever reads as above the limit is above it.

    Args:
        written: writes a figure.
        figures: that are shown beside the limit; None where one is not known.
        limit: what they are held against.
        digits: the fewest.

    >>> by = lambda value, digits: f"{value:.{digits}f}"
    >>> digits_apart(by, [0.6, 0.15, 0.949], 0.95, 2), digits_apart(by, [0.95], 0.95, 2)
    (3, 2)
    """
    unlike = [figure for figure in figures if figure is not None and figure != limit]
    for more in range(digits, DIGITS_MAX + 1):
        if all(written(figure, more) != written(limit, more) for figure in unlike):
            return more
    return digits


def at_most(figure: float, digits: int) -> float:
    """Return the figure rounded up: what is promised to be the most is never less than what was found.

    >>> at_most(0.0204, 3), at_most(0.02, 3)
    (0.021, 0.02)
    """
    scale = 10.0**digits
    return least_whole(figure * scale) / scale
