"""Average run lengths: how many observations a control chart takes to signal, on average.

In control this is the time between false alarms, after a shift it is the delay. For normal observations the run
length L(u) of a chart that stands at u solves a Fredholm equation, L(u) = 1 + mass at 0 times L(0) + integral of
the density of the next state times L. It is discretised at the nodes of a Gauss-Legendre rule (Nystroem's
method), which gives eight digits with fifty nodes; two-sided CUSUMs come from 1/L = 1/L+ + 1/L-.

Shifts are in standard deviations. All functions take one shift or an array and return its shape. Run lengths
above 1e14 cannot be told from never in double precision and are given as 1e14.

Sources: Brook and Evans, Biometrika 59(3), 1972; Lucas and Crosier, Technometrics 24(3), 1982; Crowder,
Technometrics 29(4), 1987; Knoth, R package spc, held against it.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, eye_array
from scipy.special import ndtr, ndtri

from concord.quality.control_chart import bernoulli_reference
from concord.quality.whole import least_whole

Floats = NDArray[np.float64]

_FRACTION_MAX = 100  # finer ones change run lengths in the fourth digit
_LONGEST = 1e14
_LIMIT_WIDTH = 1e-10


def shewhart_arl(width: float, shift: ArrayLike = 0.0) -> Floats:
    """Return 1 / P(|z + shift| > width) for single normal observations.

    >>> round(float(shewhart_arl(3)), 1)
    370.4
    """
    moved = np.asarray(shift, dtype=float)
    return np.asarray(1 / (ndtr(moved - width) + ndtr(-moved - width)))


def cusum_arl_one_sided(k: float, h: float, shift: ArrayLike = 0.0, headstart: float = 0.0) -> Floats:
    """Return the average run length of the upper CUSUM, C = max(0, C + z - k), signal above h.

    L(u) = 1 + Phi(k - u - shift) L(0) + integral over 0 < v < h of phi(v - u + k - shift) L(v) dv.

    >>> round(float(cusum_arl_one_sided(0.5, 5)), 1)
    930.9
    """
    if not (h > 0 and 0 <= headstart <= h):
        raise ValueError("h > 0 and 0 <= headstart <= h must hold")
    moved = np.asarray(shift, dtype=float)
    lengths = [_cusum_run(k - delta, h, headstart) for delta in moved.ravel()]
    return np.array(lengths).reshape(moved.shape)


def _cusum_run(reference: float, h: float, headstart: float) -> float:
    """Return the run length from `headstart` of a sum whose steps are normal with mean -reference."""
    nodes, weights = _legendre(0.0, h)
    states = np.concatenate([[0.0], nodes])  # where the chart stands; zero is an atom of its own
    to_zero = ndtr(reference - states)
    within = weights * _density(nodes[None, :] - states[:, None] + reference)
    moves = np.column_stack([to_zero, within])
    lengths = np.linalg.solve(np.eye(len(states)) - moves, np.ones(len(states)))
    if headstart == 0:
        return _within_reach(float(lengths[0]))
    step = np.concatenate([[ndtr(reference - headstart)], weights * _density(nodes - headstart + reference)])
    return _within_reach(1 + float(step @ lengths))


def _within_reach(length: float) -> float:
    """Return a run length, or the longest that double precision can tell from never."""
    return length if 0 < length < _LONGEST else _LONGEST


def cusum_arl_two_sided(k: float, h: float, shift: ArrayLike = 0.0, headstart: float = 0.0) -> Floats:
    """Return the average run length of a two-sided CUSUM; with a head start, on both sides.

    1/L = 1/L+ + 1/L- from zero. From a head start s (Lucas and Crosier, eq. 3), as long as the sides cannot
    both be up for long: L = [L+(s) L-(0) + L-(s) L+(0) - L+(0) L-(0)] / [L+(0) + L-(0)].

    >>> [round(float(arl), 2) for arl in cusum_arl_two_sided(0.5, 5, [0, 1])]
    [465.44, 10.38]
    """
    moved = np.asarray(shift, dtype=float)
    upper, lower = cusum_arl_one_sided(k, h, moved), cusum_arl_one_sided(k, h, -moved)
    upper_from = upper if headstart == 0 else cusum_arl_one_sided(k, h, moved, headstart)
    lower_from = lower if headstart == 0 else cusum_arl_one_sided(k, h, -moved, headstart)
    return np.asarray((upper_from * lower + lower_from * upper - upper * lower) / (upper + lower))


def ewma_arl_two_sided(weight: float, width: float, shift: ArrayLike = 0.0) -> Floats:
    """Return the average run length of an EWMA chart with asymptotic limits.

    L(u) = 1 + 1/weight integral over |v| < H of phi((v - (1 - weight) u) / weight - shift) L(v) dv, with
    H = width sqrt(weight / (2 - weight)), from u = 0.

    >>> round(float(ewma_arl_two_sided(0.1, 2.814)), 0)
    500.0
    """
    if not (0 < weight <= 1 and width > 0):
        raise ValueError("0 < weight <= 1 and width > 0 must hold")
    limit = width * math.sqrt(weight / (2 - weight))
    nodes, weights = _legendre(-limit, limit, spread=weight)
    moved = np.asarray(shift, dtype=float)
    lengths = []
    for delta in moved.ravel():
        states = np.append(nodes, 0.0)
        density = _density((nodes[None, :] - (1 - weight) * states[:, None]) / weight - delta) / weight
        moves = density * weights
        at_nodes = np.linalg.solve(np.eye(len(nodes)) - moves[:-1], np.ones(len(nodes)))
        lengths.append(_within_reach(1 + float(moves[-1] @ at_nodes)))
    return np.array(lengths).reshape(moved.shape)


def bernoulli_cusum_arl(
    p0: float, p1: float, h: float, rate: ArrayLike | None = None, headstart: float = 0.0
) -> Floats:
    """Return the average run length of a Bernoulli CUSUM at the given error rates (default p0).

    With gamma = a / b the sum lives on multiples of 1 / b, a finite Markov chain: down a steps after a right
    one, up b - a after a wrong one. Any gamma is taken as the nearest fraction with b <= 100, or <= 2 / gamma where
    that is more: of a small one hundredths would be no likeness.

    Source: Reynolds and Stoumbos, Journal of Quality Technology 31(1), 1999.

    >>> round(float(bernoulli_cusum_arl(0.1, 0.25, 3.0)))
    460
    """
    # 9 MB and 45 ms to load, about what a chart takes: for whoever asks people for breaks, and nobody else.
    from scipy.sparse.linalg import spsolve  # noqa: PLC0415 - see above

    gamma = bernoulli_reference(p0, p1).gamma
    step = Fraction(gamma).limit_denominator(max(_FRACTION_MAX, math.ceil(2 / gamma)))
    parts = step.denominator
    states = least_whole(h * parts)  # sums 0, 1/b, ... below h
    at = np.arange(states)
    down, up = np.maximum(at - step.numerator, 0), at + parts - step.numerator
    stays = up < states
    rates = np.asarray(p0 if rate is None else rate, dtype=float)
    lengths = []
    for p in rates.ravel():
        rows, columns = np.concatenate([at, at[stays]]), np.concatenate([down, up[stays]])
        chances = np.concatenate([np.full(states, 1 - p), np.full(int(stays.sum()), p)])
        chain = csr_array((chances, (rows, columns)), shape=(states, states))
        from_state = spsolve((eye_array(states) - chain).tocsc(), np.ones(states))
        lengths.append(float(from_state[min(round(headstart * parts), states - 1)]))
    return np.array(lengths).reshape(rates.shape)


def cusum_h_for_arl(k: float, arl0: float, *, two_sided: bool = True) -> float:
    """Return the decision interval h at which a CUSUM has the wanted run length in control.

    >>> round(cusum_h_for_arl(0.5, 370.4), 2)
    4.77
    """
    run = cusum_arl_two_sided if two_sided else cusum_arl_one_sided
    return _solve_for(lambda h: float(run(k, h)), arl0)


def bernoulli_cusum_h_for_arl(p0: float, p1: float, arl0: float, rates: ArrayLike | None = None) -> float:
    """Return the smallest h, to a hundredth of an error, that gives the wanted run length.

    Args:
        p0: error rate in control.
        p1: error rate to be found.
        arl0: wanted run length in control.
        rates: equally likely error rates in control, where that is uncertain (default p0 alone). The run length
            is then their harmonic mean: signals are as frequent as wanted on average over the rates.

    >>> bernoulli_cusum_h_for_arl(0.1, 0.25, 930)
    3.51
    """
    in_control = p0 if rates is None else rates

    def run_length(hundredths: int) -> float:
        return 1 / float(np.mean(1 / bernoulli_cusum_arl(p0, p1, hundredths / 100, in_control)))

    low, high = 1, 128  # hundredths; the run length rises with them in small steps
    while run_length(high) < arl0:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if run_length(middle) >= arl0 else (middle + 1, high)
    return high / 100


def ewma_width_for_arl(weight: float, arl0: float) -> float:
    """Return the half width L of asymptotic EWMA limits at which the run length in control is the wanted one.

    >>> round(ewma_width_for_arl(0.1, 500), 3)
    2.814
    """
    return _solve_for(lambda width: float(ewma_arl_two_sided(weight, width)), arl0)


def shewhart_width_for_arl(arl0: float) -> float:
    """Return the half width L of Shewhart limits at which the run length in control is the wanted one.

    >>> round(shewhart_width_for_arl(370.398347), 6)
    3.0
    """
    if arl0 <= 1:
        raise ValueError("a run takes more than one observation")
    return float(-ndtri(0.5 / arl0))


def _solve_for(run_length: Callable[[float], float], arl0: float) -> float:
    """Return where a rising run length takes the wanted value."""
    low, high = 1e-6, 1.0
    if arl0 <= run_length(low):
        raise ValueError(f"a run length of {arl0} is below what any limit gives")
    while run_length(high) < arl0:
        low, high = high, 2 * high
    # By halves: forty looks of a fifth of a millisecond, once a limit. scipy.optimize takes eight, and 24 MB for good.
    while high - low > _LIMIT_WIDTH:
        middle = (low + high) / 2
        low, high = (low, middle) if run_length(middle) >= arl0 else (middle, high)
    return (low + high) / 2


def _density(z: Floats) -> Floats:
    """Return the standard normal density; scipy.stats has it too, and takes half a second to load."""
    return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi))


def _legendre(low: float, high: float, spread: float = 1.0) -> tuple[Floats, Floats]:
    """Return nodes and weights on an interval, close enough for a density with this standard deviation."""
    nodes, weights = _legendre_rule(40 + math.ceil(4 * (high - low) / spread))
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights


@lru_cache(maxsize=64)
def _legendre_rule(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights
