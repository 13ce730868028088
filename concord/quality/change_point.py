"""Where in a series a change began, looking back: by ranks for any measure, by likelihood for right and wrong.

A control chart says that something changed; these say when, and how sure one can be that it did at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The likeliest change in a series.

    Attributes:
        index: first observation after the change, counted from 0.
        before, after: median (ranks) or error rate (likelihood) on either side.
        statistic: the test statistic, larger for a clearer change.
        p_value: chance of a statistic as large in a series without change.
    """

    index: int
    before: float
    after: float
    statistic: float
    p_value: float


def rank_change_point(x: ArrayLike) -> ChangePoint | None:
    """Return the change of level found by Pettitt's test; None for fewer than 4 observations.

    U_t = 2 (sum of the first t ranks) - t (n + 1), K = max |U_t|, p = 2 exp[-6 K^2 / (n^3 + n^2)], capped at 1;
    nearly exact for p < .5, whatever the distribution. Ties take the mean rank, which makes p a little large.

    Source: Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28(2), 1979.

    >>> found = rank_change_point([5, 6, 5, 7, 6, 5, 12, 11, 13, 12, 14, 11])
    >>> found.index, found.before, found.after, found.p_value < 0.05
    (6, 5.5, 12.0, True)
    """
    values = np.asarray(x, dtype=float)
    n = len(values)
    if n < 4:
        return None
    u = 2 * np.cumsum(_mean_ranks(values))[:-1] - np.arange(1, n) * (n + 1)
    at = int(np.argmax(np.abs(u))) + 1
    statistic = float(np.abs(u[at - 1]))
    p_value = min(1.0, 2 * float(np.exp(-6 * statistic**2 / (n**3 + n**2))))
    return ChangePoint(at, float(np.median(values[:at])), float(np.median(values[at:])), statistic, p_value)


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each value's rank from 1, equal ones their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return ranks[which]


def error_rate_change_point(
    wrong: ArrayLike, *, permutations: int = 999, generator: np.random.Generator
) -> ChangePoint | None:
    """Return the likeliest change of an error rate; None for fewer than 4 observations.

    The log likelihood ratio of two rates, split at t, against one rate, largest over t; its p-value from random
    orders of the same series, since its distribution has no closed form.

    Args:
        wrong: 1 or True for an error, in order of time.
        permutations: random orders; p is a multiple of 1 / (permutations + 1).
        generator: where the random orders come from.

    Source: Hinkley and Hinkley, "Inference about the change-point in a sequence of binomial variables",
    Biometrika 57(3), 1970.

    >>> found = error_rate_change_point([0] * 30 + [1, 0] * 10, generator=np.random.default_rng(1))
    >>> found.index, found.before, found.after, found.p_value <= 0.01
    (30, 0.0, 0.5, True)
    """
    series = np.asarray(wrong, dtype=float)
    if len(series) < 4:
        return None
    ratio = _split_ratios(series[None, :])[0]
    at = int(np.argmax(ratio)) + 1
    shuffled = generator.permuted(np.tile(series, (permutations, 1)), axis=1)
    as_large = int((_split_ratios(shuffled).max(axis=1) >= ratio[at - 1] - 1e-12).sum())
    p_value = (as_large + 1) / (permutations + 1)
    return ChangePoint(at, float(series[:at].mean()), float(series[at:].mean()), float(ratio[at - 1]), p_value)


def _split_ratios(series: np.ndarray) -> np.ndarray:
    """Return the log likelihood ratio of a split after each observation but the last, shape (series, n - 1)."""
    n = series.shape[1]
    left, total = np.cumsum(series, axis=1)[:, :-1], series.sum(axis=1, keepdims=True)
    size = np.arange(1, n)

    def log_likelihood(errors: np.ndarray, units: np.ndarray | int) -> np.ndarray:
        share = errors / units
        return np.asarray(xlogy(errors, share) + xlogy(units - errors, 1 - share))

    apart = log_likelihood(left, size) + log_likelihood(total - left, n - size)
    return np.asarray(apart - log_likelihood(total, n))
