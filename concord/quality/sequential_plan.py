"""Sequential sampling by attributes: Wald's probability ratio test, truncated so that both risks hold exactly.

Audit one unit after another in random order. After `n` units with `d` errors the likelihood of a rejectable
lot is held against that of an acceptable one; far enough to one side the lot is accepted or rejected. Wald's
own limits ignore the truncation and the overshoot, so limits and truncation are tuned here on exact risks.

Sources: Wald, "Sequential Analysis", Wiley 1947; ISO 28591:2017 (formerly ISO 8422); exact risks as in
Aroian 1968 (see `stopping_law`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import xlog1py, xlogy

from concord.quality.single_plan import Guarantee, SinglePlan, find_single_plan
from concord.quality.stopping_law import Bounds, Decision, Floats, StoppingLaw, curtailed, log_choose, stopping_law


@dataclass(frozen=True, slots=True)
class SequentialPlan:
    """A truncated sequential plan; its numbers are all that has to be stored to decide later.

    Attributes:
        guarantee: the risks it was made for; its rates and lot size also set the likelihoods.
        log_ratio_accept: accept when ln(likelihood at ltpd / likelihood at aql) is this low.
        log_ratio_reject: reject when it is this high.
        inspected_max: units after which inspection ends in any case.
        accept_max: accept there at this many errors or fewer.

    >>> plan = sequential_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10))
    >>> plan.decide(3, 3), plan.decide(20, 1), plan.decide(plan.inspected_max, plan.accept_max)
    ('reject', 'continue', 'accept')
    """

    guarantee: Guarantee
    log_ratio_accept: float
    log_ratio_reject: float
    inspected_max: int
    accept_max: int

    def __post_init__(self) -> None:
        """Refuse numbers that are no plan."""
        if not self.log_ratio_accept < 0 < self.log_ratio_reject:
            raise ValueError("the limits of the log ratio lie on both sides of 0")
        if not 0 <= self.accept_max < self.inspected_max:
            raise ValueError("0 <= accept_max < inspected_max must hold")
        if self.guarantee.lot_size is not None and self.inspected_max > self.guarantee.lot_size:
            raise ValueError(f"a lot of {self.guarantee.lot_size} has no {self.inspected_max} units")

    def bounds(self) -> Bounds:
        """Return the table of accept and reject numbers after 0, 1, ..., `inspected_max` units."""
        return _sequential_bounds(self)

    def decide(self, inspected: int, errors: int) -> Decision:
        """Return what to do after `inspected` units with `errors` among them; the first verdict is final.

        Raises:
            ValueError: the counts are impossible, or the plan had ended before.
        """
        return self.bounds().decide(inspected, errors)

    def risks(self) -> tuple[float, float]:
        """Return the exact producer's and consumer's risk of this plan."""
        law = stopping_law(self.bounds())
        good, bad = (float(law.accept_probability(points)) for points in _at_both_points(self.guarantee, law))
        return 1 - good, bad

    def mean_inspected(self) -> tuple[float, float]:
        """Return the exact average sample number of a lot at `aql` and of one at `ltpd`."""
        law = stopping_law(self.bounds())
        good, bad = (float(law.mean_inspected(points)) for points in _at_both_points(self.guarantee, law))
        return good, bad


@dataclass(frozen=True, slots=True)
class WaldLines:
    """Wald's untruncated test: accept at d <= slope n - accept_intercept, reject at d >= slope n + reject_intercept.

    Attributes:
        log_odds_ratio: k = ln[p1 (1-p0) / (p0 (1-p1))], the weight of one error (Montgomery prints log10).
        accept_intercept: h1 = ln[(1-alpha)/beta] / k.
        reject_intercept: h2 = ln[(1-beta)/alpha] / k.
        slope: s = ln[(1-p0)/(1-p1)] / k.
        accept_from, reject_from: the first n at which the lines allow to accept and to reject.
        mean_inspected_aql, mean_inspected_ltpd: Wald's approximate average sample numbers.
    """

    log_odds_ratio: float
    accept_intercept: float
    reject_intercept: float
    slope: float
    accept_from: int
    reject_from: int
    mean_inspected_aql: float
    mean_inspected_ltpd: float


def wald_lines(guarantee: Guarantee) -> WaldLines:
    """Return the lines of Wald's test for a stream, before any truncation.

    They are the textbook's; the risks hold only nearly. To inspect by, take `sequential_plan`.

    Source: Wald 1947; Montgomery, "Introduction to Statistical Quality Control", 7th ed., section 15.4.

    >>> lines = wald_lines(Guarantee(aql=0.01, alpha=0.05, ltpd=0.06, beta=0.10))
    >>> round(lines.accept_intercept, 2), round(lines.reject_intercept, 2), lines.accept_from, lines.reject_from
    (1.22, 1.57, 44, 2)
    """
    good, bad = guarantee.aql, guarantee.ltpd
    if good <= 0:
        raise ValueError("Wald's lines need an aql above 0")
    weight = math.log(bad * (1 - good) / (good * (1 - bad)))
    clean = math.log((1 - good) / (1 - bad))
    accept = math.log((1 - guarantee.alpha) / guarantee.beta)
    reject = math.log((1 - guarantee.beta) / guarantee.alpha)
    slope = clean / weight
    drift_good = good * weight - clean  # mean step of the log ratio
    drift_bad = bad * weight - clean
    reject_from = math.ceil(reject / weight / (1 - slope))
    return WaldLines(
        weight,
        accept / weight,
        reject / weight,
        slope,
        math.ceil(accept / weight / slope),
        reject_from,
        ((1 - guarantee.alpha) * -accept + guarantee.alpha * reject) / drift_good,
        (guarantee.beta * -accept + (1 - guarantee.beta) * reject) / drift_bad,
    )


def _at_both_points(guarantee: Guarantee, law: StoppingLaw) -> tuple[Floats, Floats]:
    if guarantee.lot_size is None:
        return law.at_rate(guarantee.aql), law.at_rate(guarantee.ltpd)
    good, bad = guarantee.lot_errors
    return law.in_lot(guarantee.lot_size, good), law.in_lot(guarantee.lot_size, bad)


def _log_ratio(guarantee: Guarantee, inspected_max: int, errors_max: int) -> Floats:
    """Return ln(likelihood at ltpd / likelihood at aql) after n units with d errors, shape (n, d).

    It rises with d and falls with n. Points that an acceptable lot cannot reach are plus infinity, those that
    only a rejectable lot cannot reach are minus infinity.
    """
    n, d = np.arange(inspected_max + 1)[:, None], np.arange(errors_max + 1)[None, :]
    if guarantee.lot_size is None:
        good = xlogy(d, guarantee.aql) + xlog1py(n - d, -guarantee.aql)
        return np.asarray(xlogy(d, guarantee.ltpd) + xlog1py(n - d, -guarantee.ltpd) - good)
    rest, (few, many) = guarantee.lot_size - n, guarantee.lot_errors
    whole = np.asarray(guarantee.lot_size)
    good = log_choose(rest, few - d) - log_choose(whole, few)
    bad = log_choose(rest, many - d) - log_choose(whole, many)
    ratio = np.full(bad.shape, -np.inf)
    np.subtract(bad, good, out=ratio, where=np.isfinite(bad) & np.isfinite(good))
    return np.where(d > few, np.inf, ratio)


@lru_cache(maxsize=256)
def _sequential_bounds(plan: SequentialPlan) -> Bounds:
    """Return the lines of the ratio test, cut at the truncation and curtailed."""
    ratio = _log_ratio(plan.guarantee, plan.inspected_max, plan.accept_max)
    return _cut_lines(ratio, plan.log_ratio_accept, plan.log_ratio_reject)


def _cut_lines(ratio: Floats, log_ratio_accept: float, log_ratio_reject: float) -> Bounds:
    accept_max = ratio.shape[1] - 1
    accept = (ratio <= log_ratio_accept).sum(axis=1) - 1
    reject = (ratio < log_ratio_reject).sum(axis=1)
    accept[-1], reject[-1] = accept_max, accept_max + 1
    return curtailed(accept, reject)


class _Candidate(NamedTuple):
    mean_inspected: float
    plan: SequentialPlan


# Truncations to try, in sizes of the single plan with the same risks: beyond twice nothing is gained.
_TRUNCATIONS = (1.0, 1.5, 2.0)
# A limit this far out is never met before the truncation: the plan is then a curtailed single one.
_LOG_RATIO_FAR = 60.0
_ROUNDS, _BISECTIONS = 2, 7
# Path counts are logarithms: a risk that is met exactly may come out this much above.
_ROUNDING = 1e-10


@lru_cache(maxsize=256)
def sequential_plan(guarantee: Guarantee) -> SequentialPlan:
    """Return the truncated sequential plan that keeps both risks and inspects least on average.

    The average is over a lot at `aql` and one at `ltpd`. For each truncation the reject limit is drawn in as
    far as the producer's risk allows and the accept limit as far as the consumer's risk allows, both computed
    exactly. The curtailed single plan is among the candidates, so the result never inspects more than it.

    >>> plan = sequential_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10))
    >>> producer, consumer = plan.risks()
    >>> producer <= 0.05 and consumer <= 0.10
    True
    """
    single = find_single_plan(guarantee)
    best: _Candidate | None = None
    for inspected_max, accept_max in _truncations(guarantee, single):
        candidate = _tightest(guarantee, inspected_max, accept_max)
        if candidate is not None and (best is None or candidate.mean_inspected < best.mean_inspected):
            best = candidate
    if best is None:
        raise AssertionError("the single plan itself keeps the risks")
    return best.plan


def _truncations(guarantee: Guarantee, single: SinglePlan) -> list[tuple[int, int]]:
    """Return the ends (units, acceptance number) to try, the single plan's own first."""
    ends = [(single.sample_size, single.accept_max)]
    share = (single.accept_max + 0.5) / single.sample_size
    for factor in _TRUNCATIONS:
        size = math.ceil(factor * single.sample_size)
        size = size if guarantee.lot_size is None else min(size, guarantee.lot_size)
        middle = round(share * size)
        ends += [(size, accept_max) for accept_max in range(max(middle - 1, 0), middle + 2)]
    return list(dict.fromkeys(ends))


def _tightest(guarantee: Guarantee, inspected_max: int, accept_max: int) -> _Candidate | None:
    """Return the plan with this end and limits as narrow as the risks allow; None where the end keeps none."""
    ratio = _log_ratio(guarantee, inspected_max, accept_max)

    def keeps(log_accept: float, log_reject: float) -> tuple[bool, bool]:
        law = stopping_law(_cut_lines(ratio, log_accept, log_reject))
        good, bad = (float(law.accept_probability(points)) for points in _at_both_points(guarantee, law))
        return 1 - good <= guarantee.alpha + _ROUNDING, bad <= guarantee.beta + _ROUNDING

    if not all(keeps(-_LOG_RATIO_FAR, _LOG_RATIO_FAR)):
        return None
    # Wald's limits are where the search starts; both are then moved in turns.
    log_accept = wald_accept = math.log(guarantee.beta / (1 - guarantee.alpha))
    log_reject = wald_reject = math.log((1 - guarantee.beta) / guarantee.alpha)

    def keeps_producer(limit: float) -> bool:
        return keeps(log_accept, limit)[0]

    def keeps_consumer(limit: float) -> bool:
        return keeps(-limit, log_reject)[1]

    for _ in range(_ROUNDS):
        log_reject = _nearest(keeps_producer, 1.5 * wald_reject)
        log_accept = -_nearest(keeps_consumer, -1.5 * wald_accept)
    if not all(keeps(log_accept, log_reject)):
        return None
    plan = SequentialPlan(guarantee, log_accept, log_reject, inspected_max, accept_max)
    return _Candidate(sum(plan.mean_inspected()) / 2, plan)


def _nearest(keeps: Callable[[float], bool], usual: float) -> float:
    """Return the limit closest to 0 that keeps a risk, to a hundredth of the usual one; the far one keeps it."""
    if not keeps(usual):
        return _LOG_RATIO_FAR
    low, high = 0.0, usual
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high
