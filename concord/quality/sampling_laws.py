"""How many wrong units a sample holds: binomial of a stream, hypergeometric of one lot, Poisson of errors a unit.

scipy.stats has them, too, and loading it costs every process that knows a plan half a second of CPU and 45 MB; these
stand on scipy.special alone. All take numbers or arrays and return what they broadcast to; outside of what can be, a
chance is 0, and "at most" of more than can be is 1.

Source: Johnson, Kemp and Kotz, "Univariate Discrete Distributions", 3rd ed., Wiley 2005, chapters 3, 4 and 6.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, betaln, pdtr, xlog1py, xlogy

Floats = NDArray[np.float64]


def binomial_exactly(k: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Return C(n, k) p^k (1-p)^(n-k).

    >>> round(float(binomial_exactly(2, 80, 0.01)), 6)
    0.144289
    """
    found, size, rate = np.broadcast_arrays(*(np.asarray(entry, dtype=float) for entry in (k, n, p)))
    can = (found >= 0) & (found <= size)
    held = np.where(can, found, 0)
    return np.where(can, np.exp(_log_choose(size, held) + xlogy(held, rate) + xlog1py(size - held, -rate)), 0.0)


def binomial_at_most(k: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Return the chance of at most k: 1 - I_p(k+1, n-k), with the regularised incomplete beta function.

    >>> round(float(binomial_at_most(2, 80, 0.01)), 6)
    0.953447
    """
    found, size, rate = np.broadcast_arrays(*(np.asarray(entry, dtype=float) for entry in (k, n, p)))
    within = (found >= 0) & (found < size)
    held = np.where(within, found, 0)
    return np.where(within, betaincc(held + 1, np.where(within, size - held, 1), rate), found >= 0)


def binomial_over(k: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Return the chance of more than k: I_p(k+1, n-k).

    >>> round(float(binomial_over(2, 80, 0.01)), 6)
    0.046553
    """
    found, size, rate = np.broadcast_arrays(*(np.asarray(entry, dtype=float) for entry in (k, n, p)))
    within = (found >= 0) & (found < size)
    held = np.where(within, found, 0)
    return np.where(within, betainc(held + 1, np.where(within, size - held, 1), rate), found < 0)


def poisson_at_most(k: ArrayLike, mean: ArrayLike) -> Floats:
    """Return the chance of at most k where so many are expected: sum over d <= k of exp(-mean) mean^d / d!.

    >>> round(float(poisson_at_most(2, 0.8)), 6)
    0.952577
    """
    return np.asarray(pdtr(np.asarray(k, dtype=float), np.asarray(mean, dtype=float)), dtype=float)


def hypergeometric_exactly(k: ArrayLike, lot: int, wrong: ArrayLike, n: int) -> Floats:
    """Return C(wrong, k) C(lot - wrong, n - k) / C(lot, n): k wrong units in a sample of n of a lot.

    >>> round(float(hypergeometric_exactly(2, 1000, 50, 80)), 6)
    0.141186
    """
    found, bad = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(wrong, dtype=float))
    can = (found >= 0) & (found <= bad) & (found <= n) & (n - found <= lot - bad)
    held, spoilt, sample = np.where(can, found, 0), np.where(can, bad, 0), np.where(can, n, 0)
    ways = _log_choose(spoilt, held) + _log_choose(lot - spoilt, sample - held)
    return np.where(can, np.exp(ways - _log_choose(np.asarray(float(lot)), np.asarray(float(n)))), 0.0)


def hypergeometric_at_most(k: ArrayLike, lot: int, wrong: ArrayLike, n: int) -> Floats:
    """Return the chance of at most k wrong units in the sample.

    >>> round(float(hypergeometric_at_most(2, 1000, 50, 80)), 6)
    0.218645
    """
    return _summed(k, lot, wrong, n, below=True)


def hypergeometric_over(k: ArrayLike, lot: int, wrong: ArrayLike, n: int) -> Floats:
    """Return the chance of more than k wrong units in the sample.

    >>> round(float(hypergeometric_over(2, 1000, 50, 80)), 6)
    0.781355
    """
    return _summed(k, lot, wrong, n, below=False)


def _summed(k: ArrayLike, lot: int, wrong: ArrayLike, n: int, below: bool) -> Floats:
    """Return the chance of one side, summed over that side: its small chances are not lost beside 1."""
    found, bad = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(wrong, dtype=float))
    most = min(float(n), float(bad.max(initial=0)))
    from_, to = (0.0, min(most, float(found.max(initial=-1)))) if below else (float(found.min(initial=0)) + 1, most)
    counts = np.arange(max(from_, 0.0), to + 1)
    chances = hypergeometric_exactly(counts, lot, bad[..., None], n)
    on_this_side = counts <= found[..., None] if below else counts > found[..., None]
    return np.asarray(np.minimum((chances * on_this_side).sum(axis=-1), 1.0))


def _log_choose(n: Floats, k: Floats) -> Floats:
    """Return log C(n, k) for 0 <= k <= n, as a beta function, which keeps its digits where n is large."""
    return np.asarray(-np.log1p(n) - betaln(n - k + 1, k + 1))
