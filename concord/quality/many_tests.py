"""Many tests at once: of those that are called findings, so many are false at most."""

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return each p-value adjusted, so that those under q hold a share of false findings of q at most, on average.

        adjusted of the i-th smallest of m = min over j >= i of (m p_j / j), at most 1

    It holds for independent tests and for tests that depend on one another positively, as those of one class against
    its rest in several windows do.

    Source: Benjamini and Hochberg, J. R. Stat. Soc. B 57(1), 1995, 289; under dependence Benjamini and Yekutieli,
    Annals of Statistics 29(4), 2001, 1165.

    >>> [round(one, 3) for one in benjamini_hochberg([0.01, 0.04, 0.03, 0.5])]
    [0.04, 0.053, 0.053, 0.5]
    """
    if any(not 0.0 <= p_value <= 1.0 for p_value in p_values):
        raise ValueError("a p-value lies between 0 and 1")
    many = len(p_values)
    adjusted = [1.0] * many
    least = 1.0
    for rank, place in reversed(list(enumerate(sorted(range(many), key=p_values.__getitem__), start=1))):
        least = min(least, p_values[place] * many / rank)
        adjusted[place] = least
    return adjusted
