"""What a single sampling plan does to lots of any quality: acceptance, outgoing quality, inspection.

n is the sample size, c the acceptance number, p the error rate of the lots, N the lot size; Pa is the
operating characteristic, the chance that a lot is accepted. All functions take one rate or an array of them
and return the same shape.

Source: Montgomery, "Introduction to Statistical Quality Control", 7th ed., Wiley 2013, sections 15.2-15.3.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from concord.quality.sampling_laws import binomial_at_most, hypergeometric_at_most, poisson_at_most

Floats = NDArray[np.float64]


def oc_binomial(n: int, c: int, p: ArrayLike) -> Floats:
    """Return Pa = sum over d <= c of C(n, d) p^d (1-p)^(n-d): lots from a stream (type B).

    >>> round(float(oc_binomial(80, 2, 0.01)), 6)
    0.953447
    """
    return binomial_at_most(c, n, _rates(p))


def oc_hypergeometric(lot_size: int, lot_errors: ArrayLike, n: int, c: int) -> Floats:
    """Return Pa = sum over d <= c of C(D, d) C(N-D, n-d) / C(N, n): one finite lot with D errors (type A).

    >>> round(float(oc_hypergeometric(1000, 50, 80, 2)), 6)
    0.218645
    """
    wrong = np.asarray(lot_errors)
    if np.any((wrong < 0) | (wrong > lot_size)) or not 0 <= n <= lot_size:
        raise ValueError(f"neither errors nor sample can be outside 0..{lot_size}")
    return hypergeometric_at_most(c, lot_size, wrong, n)


def oc_poisson(n: int, c: int, p: ArrayLike) -> Floats:
    """Return Pa = sum over d <= c of exp(-np) (np)^d / d!: errors counted per unit, not wrong units.

    >>> round(float(oc_poisson(80, 2, 0.01)), 6)
    0.952577
    """
    return poisson_at_most(c, n * np.asarray(p, dtype=float))


def quality_at_acceptance(n: int, c: int, pa: ArrayLike) -> Floats:
    """Return the error rate at which the plan accepts with probability `pa`: the inverse of `oc_binomial`.

    Pa(p) = 1 - I_p(c+1, n-c) with the regularised incomplete beta function, so p = I^-1(1 - pa; c+1, n-c).
    At pa .95 it is the producer's quality, at .50 the indifference quality, at .10 the LTPD.

    >>> [round(float(p), 4) for p in quality_at_acceptance(80, 2, [0.95, 0.5, 0.1])]
    [0.0103, 0.0333, 0.0652]
    """
    chance = np.asarray(pa, dtype=float)
    if np.any((chance < 0) | (chance > 1)) or not 0 <= c < n:
        raise ValueError("0 <= pa <= 1 and 0 <= c < n must hold")
    return np.asarray(betaincinv(c + 1, n - c, 1 - chance))


def average_outgoing_quality(n: int, c: int, p: ArrayLike, lot_size: int | None = None) -> Floats:
    """Return the error rate after rectifying inspection: AOQ = Pa p (N - n) / N; Pa p for very large lots.

    Rejected lots are inspected whole, and every wrong unit found is put right.

    >>> round(float(average_outgoing_quality(89, 2, 0.01, 10_000)), 7)
    0.0093133
    """
    left = 1.0 if lot_size is None else 1 - n / _lot_of(lot_size, n)
    return np.asarray(oc_binomial(n, c, p) * np.asarray(p, dtype=float) * left)


def average_total_inspection(n: int, c: int, p: ArrayLike, lot_size: int) -> Floats:
    """Return units inspected per lot under rectifying inspection: ATI = n + (1 - Pa)(N - n).

    >>> round(float(average_total_inspection(89, 2, 0.01, 10_000)), 2)
    686.73
    """
    return np.asarray(n + (1 - oc_binomial(n, c, p)) * (_lot_of(lot_size, n) - n))


class OutgoingLimit(NamedTuple):
    """The worst average outgoing quality, and the incoming error rate that brings it about."""

    aoql: float
    at_rate: float


def average_outgoing_quality_limit(n: int, c: int, lot_size: int | None = None) -> OutgoingLimit:
    """Return AOQL = max over p of AOQ(p), and where it lies.

    AOQ rises from 0 and falls again, so the maximum between 0 and the rate accepted once in a million is it.

    >>> limit = average_outgoing_quality_limit(89, 2, 10_000)
    >>> round(limit.aoql, 5), round(limit.at_rate, 4)
    (0.01525, 0.0253)
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - dear to load, and no service asks for this

    highest = float(quality_at_acceptance(n, c, 1e-6))
    best = minimize_scalar(
        lambda p: -float(average_outgoing_quality(n, c, p, lot_size)),
        bounds=(0.0, highest),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return OutgoingLimit(-float(best.fun), float(best.x))


def _rates(p: ArrayLike) -> Floats:
    rates = np.asarray(p, dtype=float)
    if np.any((rates < 0) | (rates > 1)):
        raise ValueError("an error rate is a fraction between 0 and 1")
    return rates


def _lot_of(lot_size: int, n: int) -> int:
    if not 0 < n <= lot_size:
        raise ValueError(f"a sample of {n} does not fit a lot of {lot_size}")
    return lot_size
