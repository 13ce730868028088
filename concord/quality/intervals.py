"""Intervals for a proportion, a difference of two, a finite lot, and any statistic by bootstrap.

Each takes counts, returns an `Estimate`, and raises ValueError where the counts are impossible. Without a
single trial nothing is known, and the estimate says so. Which one to use: `wilson` to describe,
`clopper_pearson` when a contract may rest on it (never less than the nominal coverage), `lot_proportion`
when the trials are a sample without replacement of a lot of known size. `wald` is here to be compared with.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtr, ndtri

from concord.quality.estimate import Estimate, undefined
from concord.quality.sampling_laws import hypergeometric_at_most, hypergeometric_over


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Score interval: the rates p that a z test would not reject.

        (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n),  p = k/n

    Source: Wilson 1927, JASA 22:209; Newcombe 1998, Stat. Med. 17:857, method 3.

    >>> e = wilson(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2553, 0.3662)
    """
    method = "proportion, Wilson score interval"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    p, z = successes / trials, _z(confidence)
    shrink = 1 + z * z / trials
    centre = (p + z * z / (2 * trials)) / shrink
    half = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / shrink
    # At k = 0 and k = n the ends are exactly 0 and 1; the subtraction leaves a rounding error.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Estimate(p, low, high, trials, method)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Exact interval: the rates p under which neither tail of k is rarer than (1 - confidence)/2.

        low = B⁻¹(α/2; k, n-k+1),  high = B⁻¹(1-α/2; k+1, n-k)

    B⁻¹ is the quantile of the beta distribution. Coverage is never under `confidence`.
    Source: Clopper & Pearson 1934, Biometrika 26:404.

    >>> e = clopper_pearson(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2527, 0.3676)
    """
    method = "proportion, Clopper-Pearson exact interval"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    tail = (1 - confidence) / 2
    return Estimate(
        successes / trials,
        _exact_low(successes, trials, tail),
        _exact_high(successes, trials, tail),
        trials,
        method,
    )


def clopper_pearson_upper(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """One-sided exact bound from above: with `confidence`, the rate is at most `high`; `low` is 0.

    Without a success in n trials it is 1 - (1 - confidence)^(1/n). Source: as `clopper_pearson`.

    >>> round(clopper_pearson_upper(0, 59).high, 4)
    0.0495
    """
    method = "proportion, Clopper-Pearson exact upper bound"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    return Estimate(successes / trials, 0.0, _exact_high(successes, trials, 1 - confidence), trials, method)


def clopper_pearson_lower(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """One-sided exact bound from below: with `confidence`, the rate is at least `low`; `high` is 1.

    Source: as `clopper_pearson`.

    >>> round(clopper_pearson_lower(59, 59).low, 4)
    0.9505
    """
    method = "proportion, Clopper-Pearson exact lower bound"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    return Estimate(successes / trials, _exact_low(successes, trials, 1 - confidence), 1.0, trials, method)


def jeffreys(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Equal-tailed credible interval under the prior Beta(1/2, 1/2).

        B⁻¹(α/2; k+½, n-k+½),  B⁻¹(1-α/2; k+½, n-k+½)

    The ends are the posterior's own also at k = 0 and k = n; the convention that sets them to 0 and 1 there
    is not followed. Source: Brown, Cai & DasGupta 2001, Stat. Sci. 16:101.

    >>> e = jeffreys(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2545, 0.3656)
    """
    method = "proportion, Jeffreys equal-tailed interval"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    tail = (1 - confidence) / 2
    a, b = successes + 0.5, trials - successes + 0.5
    return Estimate(
        successes / trials,
        float(betaincinv(a, b, tail)),
        float(betaincinv(a, b, 1 - tail)),
        trials,
        method,
    )


def agresti_coull(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Wald's interval after adding z²/2 successes and z²/2 failures, cut at 0 and 1.

        p̃ ± z √(p̃(1-p̃)/ñ),  ñ = n + z²,  p̃ = (k + z²/2)/ñ

    Source: Agresti & Coull 1998, Am. Stat. 52:119.

    >>> e = agresti_coull(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2552, 0.3663)
    """
    method = "proportion, Agresti-Coull interval"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    z = _z(confidence)
    n = trials + z * z
    p = (successes + z * z / 2) / n
    half = z * sqrt(p * (1 - p) / n)
    return Estimate(successes / trials, max(0.0, p - half), min(1.0, p + half), trials, method)


def wald(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """Textbook interval p ± z √(p(1-p)/n), cut at 0 and 1.

    It claims certainty at k = 0 and k = n and covers too rarely elsewhere: use it only to be compared with.
    Source: Laplace 1812; its faults: Brown, Cai & DasGupta 2001, Stat. Sci. 16:101.

    >>> e = wald(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2522, 0.3638)
    """
    method = "proportion, Wald interval"
    if (empty := _without_trials(successes, trials, confidence, method)) is not None:
        return empty
    p = successes / trials
    half = _z(confidence) * sqrt(p * (1 - p) / trials)
    return Estimate(p, max(0.0, p - half), min(1.0, p + half), trials, method)


def newcombe_difference(
    successes_1: int, trials_1: int, successes_2: int, trials_2: int, confidence: float = 0.95
) -> Estimate:
    """Interval for p1 - p2 of two independent samples, from the Wilson intervals (l, u) of each.

        d - √((p1-l1)² + (u2-p2)²),  d + √((u1-p1)² + (p2-l2)²)

    `units` is the trials of both. Source: Newcombe 1998, Stat. Med. 17:873, method 10.

    >>> e = newcombe_difference(56, 70, 48, 80)
    >>> round(e.value, 4), round(e.low, 4), round(e.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    method = "difference of proportions, Newcombe hybrid score interval"
    first = wilson(successes_1, trials_1, confidence)
    second = wilson(successes_2, trials_2, confidence)
    if first.value is None or first.low is None or first.high is None:
        return undefined("the first sample has no trials", trials_2, method)
    if second.value is None or second.low is None or second.high is None:
        return undefined("the second sample has no trials", trials_1, method)
    d = first.value - second.value
    low = d - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    high = d + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Estimate(d, low, high, trials_1 + trials_2, method)


def lot_count(
    found: int, sample_units: int, lot_units: int, confidence: float = 0.95, *, upper_only: bool = False
) -> Estimate:
    """Exact interval for how many units D of a finite lot have a trait that `found` of a sample have.

        low = min{D : P(X ≥ k | D) > α/2},  high = max{D : P(X ≤ k | D) > α/2},  X ~ Hyper(N, D, n)

    Drawn without replacement, so it tightens as the sample nears the lot, and is a point when all was seen.
    The value is N·k/n, not rounded; the ends are whole. `upper_only` puts all of α above, and low is what
    was found. Source: Konijn 1973, Statistical Theory of Sample Survey Design, ch. IV; Wright 1990, Exact
    Confidence Bounds when Sampling from Small Finite Universes.

    >>> lot_count(2, 50, 500).low, lot_count(2, 50, 500).high
    (3.0, 66.0)
    >>> lot_count(3, 100, 100).high
    3.0
    """
    method = "units of a finite lot, hypergeometric exact " + ("upper bound" if upper_only else "interval")
    if sample_units > lot_units:
        raise ValueError(f"a sample of {sample_units} units cannot be drawn from a lot of {lot_units}")
    if (empty := _without_trials(found, sample_units, confidence, method)) is not None:
        return empty
    tail = (1 - confidence) if upper_only else (1 - confidence) / 2
    possible_low, possible_high = found, lot_units - (sample_units - found)
    low = float(possible_low)
    if not upper_only:
        low = float(
            least_true(possible_low, possible_high, lambda d: _at_least(found, sample_units, lot_units, d) > tail)
        )
    high = float(
        least_true(
            possible_low,
            possible_high + 1,
            lambda d: d > possible_high or _at_most(found, sample_units, lot_units, d) <= tail,
        )
        - 1
    )
    return Estimate(lot_units * found / sample_units, low, high, sample_units, method)


def lot_proportion(
    found: int, sample_units: int, lot_units: int, confidence: float = 0.95, *, upper_only: bool = False
) -> Estimate:
    """The share of a finite lot: `lot_count` divided by the lot's size. Errors and source as there.

    >>> lot_proportion(2, 50, 500).high
    0.132
    """
    count = lot_count(found, sample_units, lot_units, confidence, upper_only=upper_only)
    method = count.method.replace("units of a finite lot", "share of a finite lot")
    if count.value is None or count.low is None or count.high is None:
        return undefined(count.reason, count.units, method)
    return Estimate(count.value / lot_units, count.low / lot_units, count.high / lot_units, sample_units, method)


def bootstrap(
    sample: ArrayLike,
    statistic: Callable[[NDArray[np.float64]], float | None],
    generator: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Estimate:
    """Bias-corrected and accelerated (BCa) bootstrap interval of any statistic over units.

    `sample` holds a unit a row; `statistic` takes such an array and returns a number, or None where it is
    not defined; resamples where it is not are left out. With z0 = Φ⁻¹(share of resamples under the
    estimate) and the acceleration a from the jackknife, the ends are the resamples' quantiles at
    Φ(z0 + (z0 + z)/(1 - a(z0 + z))), z = ±z(1-α/2). The same generator state gives the same interval.
    Source: Efron 1987, JASA 82:171; Efron & Tibshirani 1993, ch. 14.

    >>> e = bootstrap([1, 2, 3, 4, 5, 6, 7, 8], lambda rows: float(rows.mean()), np.random.default_rng(7))
    >>> e.value, 2.5 < e.low < 3.5, 5.5 < e.high < 6.5
    (4.5, True, True)
    """
    rows = np.asarray(sample, dtype=float)
    units = len(rows)
    method = f"BCa bootstrap over units, {resamples} resamples"
    _check_confidence(confidence)
    if units == 0:
        return undefined("the sample is empty", 0, method)
    value = statistic(rows)
    if value is None:
        return undefined("the statistic is not defined on this sample", units, method)
    drawn = [statistic(rows[generator.integers(units, size=units)]) for _ in range(resamples)]
    values = np.array([v for v in drawn if v is not None], dtype=float)
    if units < 2 or len(values) < resamples / 2:
        reason = "the statistic is not defined on most resamples" if units > 1 else "one unit shows no spread"
        return Estimate(value, None, None, units, method, reason)
    without_one = [statistic(np.delete(rows, i, axis=0)) for i in range(units)]
    low_share, high_share = _bca_shares(value, values, without_one, confidence)
    low, high = np.quantile(values, [low_share, high_share])
    return Estimate(value, float(low), float(high), units, method)


def _bca_shares(
    value: float, values: NDArray[np.float64], without_one: list[float | None], confidence: float
) -> tuple[float, float]:
    """Return the two quantiles of the resamples that are the interval's ends."""
    # Ties count half, so that a lattice statistic is not pushed to one side.
    below = (np.count_nonzero(values < value) + np.count_nonzero(values <= value)) / (2 * len(values))
    edge = 1 / (2 * len(values))
    bias = ndtri(min(max(below, edge), 1 - edge))
    left_out = np.array([v for v in without_one if v is not None], dtype=float)
    spread = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    scale = float((spread**2).sum()) ** 1.5
    acceleration = float((spread**3).sum()) / (6 * scale) if scale > 0 else 0.0
    z = _z(confidence)
    shares = [bias + (bias + side) / (1 - acceleration * (bias + side)) for side in (-z, z)]
    return float(ndtr(shares[0])), float(ndtr(shares[1]))


def _z(confidence: float) -> float:
    return float(ndtri(1 - (1 - confidence) / 2))


def _exact_low(successes: int, trials: int, tail: float) -> float:
    return 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))


def _exact_high(successes: int, trials: int, tail: float) -> float:
    return 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))


def _at_least(found: int, sample: int, lot: int, with_trait: int) -> float:
    return float(hypergeometric_over(found - 1, lot, with_trait, sample))


def _at_most(found: int, sample: int, lot: int, with_trait: int) -> float:
    return float(hypergeometric_at_most(found, lot, with_trait, sample))


def least_true(low: int, high: int, test: Callable[[int], bool]) -> int:
    """Return the least d in [low, high] with test(d), for a test that once true stays true, and is at high.

    >>> least_true(0, 100, lambda d: d * d > 50)
    8
    """
    while low < high:
        middle = (low + high) // 2
        if test(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _without_trials(successes: int, trials: int, confidence: float, method: str) -> Estimate | None:
    """Refuse impossible counts; return the undefined estimate when there is no trial at all."""
    _check_confidence(confidence)
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}: a count must lie between 0 and the number of trials")
    return undefined("there are no trials", 0, method) if trials == 0 else None


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, as in 0.95")
