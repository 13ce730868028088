"""Control charts as pure states: Shewhart, CUSUM (two-sided, one-sided, Bernoulli, head start) and EWMA.

A chart is told apart from its parameters: parameters are a frozen value, the state a smaller one, and
`update(state, x)` returns the next state, so a chart can be stored between events and replayed. How often each
cries wolf is in `run_length`; where a change began, in `change_point`.

Source: Montgomery, "Introduction to Statistical Quality Control", 7th ed., Wiley 2013, chapters 6 and 9.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CusumState:
    """Both sums of a CUSUM, in standard deviations, and how long each has been above zero.

    Attributes:
        upper, lower: C+ and C-, never negative.
        upper_run, lower_run: N+ and N-, observations since the sum was last zero.
    """

    upper: float = 0.0
    lower: float = 0.0
    upper_run: int = 0
    lower_run: int = 0


@dataclass(frozen=True, slots=True)
class Cusum:
    """Tabular CUSUM: C+ = max(0, C+ + z - k), C- = max(0, C- - z - k), z = (x - target) / sigma; signal above h.

    Attributes:
        target, sigma: mean and standard deviation while in control.
        k: reference value, half the shift to be found, in sigma.
        h: decision interval, in sigma.
        headstart: where the sums start (fast initial response, usually h / 2), in sigma.

    Source: Page, Biometrika 41, 1954; Lucas and Crosier, Technometrics 24(3), 1982, for the head start.

    >>> chart = Cusum(target=10, sigma=1)
    >>> chart.update(chart.start(), 11.66).upper
    1.16
    """

    target: float
    sigma: float
    k: float = 0.5
    h: float = 5.0
    headstart: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a chart that would signal at once or never."""
        if not (self.sigma > 0 and self.k >= 0 and self.h > 0 and 0 <= self.headstart <= self.h):
            raise ValueError("sigma > 0, k >= 0, h > 0 and 0 <= headstart <= h must hold")

    def start(self) -> CusumState:
        """Return the state before the first observation, and after each signal that was dealt with."""
        return CusumState(self.headstart, self.headstart)

    def update(self, state: CusumState, x: float) -> CusumState:
        """Return the state after one observation; constant time."""
        z = (x - self.target) / self.sigma
        # Rounding in the last bit would leave 1e-17 in place of zero and never end a run.
        upper, lower = round(state.upper + z - self.k, 12), round(state.lower - z - self.k, 12)
        return CusumState(
            max(0.0, upper),
            max(0.0, lower),
            state.upper_run + 1 if upper > 0 else 0,
            state.lower_run + 1 if lower > 0 else 0,
        )

    def signals(self, state: CusumState) -> bool:
        """Return whether either sum is above the decision interval."""
        return state.upper > self.h or state.lower > self.h

    def estimated_mean(self, state: CusumState) -> float | None:
        """Return the mean since the change: target + sigma (k + C+/N+), or its mirror; None without a run."""
        if state.upper >= state.lower and state.upper_run > 0:
            return self.target + self.sigma * (self.k + state.upper / state.upper_run)
        if state.lower_run > 0:
            return self.target - self.sigma * (self.k + state.lower / state.lower_run)
        return None


class CusumTrace(NamedTuple):
    """A CUSUM over a series; sums in standard deviations, shape (observations,).

    `first_signal` counts from 0 and is None without one; `at_signal` is the state there.
    """

    upper: Floats
    lower: Floats
    first_signal: int | None
    at_signal: CusumState | None


def cusum_trace(chart: Cusum, x: Iterable[float]) -> CusumTrace:
    """Run a CUSUM over a series without restarting it.

    >>> cusum_trace(Cusum(target=0, sigma=1, h=2), [0.0, 2.0, 2.0, 2.0]).first_signal
    2
    """
    state, states = chart.start(), []
    for value in x:
        state = chart.update(state, value)
        states.append(state)
    first = next((at for at, known in enumerate(states) if chart.signals(known)), None)
    return CusumTrace(
        np.array([known.upper for known in states]),
        np.array([known.lower for known in states]),
        first,
        None if first is None else states[first],
    )


class BernoulliReference(NamedTuple):
    """Reference value of a Bernoulli CUSUM: `gamma` = r1 / r2, between the two rates."""

    r1: float
    r2: float
    gamma: float


def bernoulli_reference(p0: float, p1: float) -> BernoulliReference:
    """Return r1 = -ln[(1-p1)/(1-p0)], r2 = ln[p1 (1-p0) / (p0 (1-p1))] and gamma = r1 / r2.

    B_t = max(0, B_{t-1} + x_t - gamma) over x_t = 1 for an error is the likelihood-ratio test of p1 against p0,
    in units of r2. It also finds a falling rate when p1 < p0; then errors lower the sum of gamma - x_t.

    Source: Reynolds and Stoumbos, Journal of Quality Technology 31(1), 1999, 87-108.

    >>> round(bernoulli_reference(0.02, 0.05).gamma, 6)
    0.032817
    """
    if not (0 < p0 < 1 and 0 < p1 < 1 and p0 != p1):
        raise ValueError("two different rates strictly between 0 and 1 are needed")
    r1 = math.log((1 - p0) / (1 - p1))
    r2 = math.log(p1 * (1 - p0) / (p0 * (1 - p1)))
    return BernoulliReference(r1, r2, r1 / r2)


@dataclass(frozen=True, slots=True)
class BernoulliCusum:
    """CUSUM over right and wrong: finds an error rate that rises from p0 towards p1 > p0; signal at h or above.

    Attributes:
        p0, p1: error rate in control, and the one to be found quickly.
        h: decision interval, in errors.
        headstart: where the sum starts, in errors.

    >>> chart = BernoulliCusum(p0=0.1, p1=0.25, h=3.0)
    >>> round(chart.update(0.0, wrong=True), 4), chart.update(0.1, wrong=False)
    (0.834, 0.0)
    """

    p0: float
    p1: float
    h: float
    headstart: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a chart that would signal at once or never."""
        if not 0 < self.p0 < self.p1 < 1:
            raise ValueError("0 < p0 < p1 < 1 must hold")
        if not (self.h > 0 and 0 <= self.headstart < self.h):
            raise ValueError("h > 0 and 0 <= headstart < h must hold")

    def start(self) -> float:
        """Return the sum before the first observation, and after each signal that was dealt with."""
        return self.headstart

    def update(self, total: float, *, wrong: bool) -> float:
        """Return the sum after one observation; constant time."""
        return max(0.0, total + (1.0 if wrong else 0.0) - bernoulli_reference(self.p0, self.p1).gamma)

    def signals(self, total: float) -> bool:
        """Return whether the sum has come to the decision interval."""
        return total >= self.h


class LimitsTrace(NamedTuple):
    """A chart with limits over a series, shape (observations,); `first_signal` counts from 0, None without."""

    values: Floats
    lower_limits: Floats
    upper_limits: Floats
    first_signal: int | None


def ewma_trace(
    x: ArrayLike, target: float, sigma: float, weight: float, width: float, *, exact_limits: bool = True
) -> LimitsTrace:
    """Run an EWMA chart: z_i = weight x_i + (1 - weight) z_{i-1}, z_0 = target.

    Limits are target +- width sigma sqrt(weight / (2 - weight) [1 - (1 - weight)^(2i)]); without the bracket
    they are the asymptotic ones. A signal is z outside its limits.

    Args:
        x: observations.
        target: mean in control.
        sigma: standard deviation of one observation in control.
        weight: lambda, weight of the newest observation, in (0, 1].
        width: L, half width of the limits in standard deviations of z.
        exact_limits: limits that widen with i, or asymptotic ones from the start.

    Source: Roberts, Technometrics 1(3), 1959; Lucas and Saccucci, Technometrics 32(1), 1990.

    >>> trace = ewma_trace([9.45, 7.99, 9.29], target=10, sigma=1, weight=0.1, width=2.7)
    >>> [round(float(z), 4) for z in trace.values], [round(float(u), 4) for u in trace.upper_limits]
    ([9.945, 9.7495, 9.7035], [10.27, 10.3632, 10.424])
    """
    if not (0 < weight <= 1 and sigma > 0 and width > 0):
        raise ValueError("0 < weight <= 1, sigma > 0 and width > 0 must hold")
    values = np.empty(np.size(x))
    z = target
    for at, value in enumerate(np.asarray(x, dtype=float)):
        z = weight * value + (1 - weight) * z
        values[at] = z
    index = np.arange(1, len(values) + 1)
    grown = 1 - (1 - weight) ** (2 * index) if exact_limits else np.ones(len(values))
    half = width * sigma * np.sqrt(weight / (2 - weight) * grown)
    return _with_limits(values, target - half, target + half)


def shewhart_trace(x: ArrayLike, target: float, sigma: float, width: float = 3.0) -> LimitsTrace:
    """Run a Shewhart chart of single observations: a signal is x outside target +- width sigma.

    Source: Shewhart, "Economic Control of Quality of Manufactured Product", Van Nostrand 1931.

    >>> shewhart_trace([0.1, -0.4, 3.2], target=0, sigma=1).first_signal
    2
    """
    if not (sigma > 0 and width > 0):
        raise ValueError("sigma > 0 and width > 0 must hold")
    values = np.asarray(x, dtype=float)
    half = np.full(len(values), width * sigma)
    return _with_limits(values, target - half, target + half)


def _with_limits(values: Floats, lower: Floats, upper: Floats) -> LimitsTrace:
    outside = np.flatnonzero((values > upper) | (values < lower))
    return LimitsTrace(values, lower, upper, int(outside[0]) if len(outside) else None)
