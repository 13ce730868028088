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
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

from concord.quality.single_plan import Guarantee, SinglePlan, find_single_plan
from concord.quality.stopping_law import (
    Bounds,
    Decision,
    Floats,
    Ints,
    StoppingLaw,
    curtailed,
    log_choose,
    stopping_law,
)

Flags = NDArray[np.bool_]


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


def _log_ratio(guarantee: Guarantee, inspected: Ints, errors: Ints) -> Floats:
    """Return ln(likelihood at ltpd / likelihood at aql) after so many units with so many errors.

    It rises with errors and falls with units. Points that an acceptable lot cannot reach are plus infinity, those
    that only a rejectable lot cannot reach are minus infinity.
    """
    n, d = np.broadcast_arrays(inspected, errors)
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
    end = _End(plan.guarantee, plan.inspected_max, plan.accept_max)
    return end.bounds(plan.log_ratio_accept, plan.log_ratio_reject)


_TABLED_CELLS_MAX = 50_000


class _End:
    """A truncation of the ratio test: what it comes to with any limits.

    A small one keeps the ratios of all points in a table, as a search asks for many limits; of a large one the lines
    are found by bisection, so that memory stays flat.
    """

    def __init__(self, guarantee: Guarantee, inspected_max: int, accept_max: int) -> None:
        self.guarantee, self.inspected_max, self.accept_max = guarantee, inspected_max, accept_max
        self._units = np.arange(inspected_max + 1)
        self._table: Floats | None = None
        if (inspected_max + 1) * (accept_max + 1) <= _TABLED_CELLS_MAX:
            self._table = _log_ratio(guarantee, self._units[:, None], np.arange(accept_max + 1)[None, :])

    def bounds(self, log_accept: float, log_reject: float) -> Bounds:
        """Return accept and reject numbers under these limits, cut at the truncation and curtailed."""
        accept_at = self._below(lambda ratio: ratio <= log_accept) - 1
        reject_at = self._below(lambda ratio: ratio < log_reject)
        accept_at[-1], reject_at[-1] = self.accept_max, self.accept_max + 1
        return curtailed(accept_at, reject_at)

    def keeps(self, log_accept: float, log_reject: float) -> tuple[bool, bool]:
        """Say whether the plan with these limits keeps the producer's risk, and the consumer's."""
        law = stopping_law(self.bounds(log_accept, log_reject))
        good, bad = (float(law.accept_probability(points)) for points in _at_both_points(self.guarantee, law))
        return 1 - good <= self.guarantee.alpha + _ROUNDING, bad <= self.guarantee.beta + _ROUNDING

    def plan(self, log_accept: float, log_reject: float) -> SequentialPlan:
        """Return the plan with this end and these limits."""
        return SequentialPlan(self.guarantee, log_accept, log_reject, self.inspected_max, self.accept_max)

    def _below(self, below: Callable[[Floats], Flags]) -> Ints:
        """Return of each number of units how many of 0..accept_max errors are below a limit; the ratio rises."""
        if self._table is not None:
            return np.asarray(below(self._table).sum(axis=1), dtype=np.int64)
        low, high = np.zeros_like(self._units), np.full_like(self._units, self.accept_max + 1)
        for _ in range((self.accept_max + 1).bit_length()):
            middle = (low + high) // 2
            yes = below(_log_ratio(self.guarantee, self._units, middle)) & (low < high)
            low, high = np.where(yes, middle + 1, low), np.where(yes | (low >= high), high, middle)
        return low


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

# What a search costs goes by its cells, (units + 1)(errors + 1) of the single plan. Up to these many, every truncation
# is searched; one of them is; Wald's own limits, drawn out a little, are tried; beyond, the plan is the curtailed
# single one. So every plan takes a quarter of a second of CPU at most, and is the same one on every machine.
_CELLS_OF_ALL, _CELLS_OF_ONE, _CELLS_OF_WALD = 4_000, 40_000, 400_000
_WALD_DRAWN_OUT = (1.0, 1.2)


@lru_cache(maxsize=256)
def sequential_plan(guarantee: Guarantee) -> SequentialPlan:
    """Return the truncated sequential plan that keeps both risks and inspects least on average.

    The average is over a lot at `aql` and one at `ltpd`. For each truncation the reject limit is drawn in as
    far as the producer's risk allows and the accept limit as far as the consumer's risk allows, both computed
    exactly. The curtailed single plan is among the candidates, so the result never inspects more than it. Where the
    search would cost over a quarter of a second, fewer candidates are tried; the risks are kept all the same.

    Raises:
        PlanTooDear: a stream whose sample would be over `single_plan.SAMPLE_MAX`.

    >>> plan = sequential_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.05, beta=0.10))
    >>> producer, consumer = plan.risks()
    >>> producer <= 0.05 and consumer <= 0.10
    True
    """
    single = find_single_plan(guarantee)
    own_end = (single.sample_size, single.accept_max)
    cells = (single.sample_size + 1) * (single.accept_max + 1)
    curtailed_single = SequentialPlan(guarantee, -_LOG_RATIO_FAR, _LOG_RATIO_FAR, *own_end)
    if cells > _CELLS_OF_ONE:
        drawn_out = _at_walds_limits(guarantee, single) if cells <= _CELLS_OF_WALD else None
        return drawn_out or curtailed_single
    ends = _truncations(guarantee, single) if cells <= _CELLS_OF_ALL else [_end(guarantee, single, 1.5)]
    candidates = [found for end in ends if (found := _tightest(guarantee, *end)) is not None]
    return min(candidates, key=lambda each: each.mean_inspected).plan if candidates else curtailed_single


def _end(guarantee: Guarantee, single: SinglePlan, factor: float) -> tuple[int, int]:
    """Return an end (units, acceptance number) at so many times the single plan's size, with its share of errors."""
    size = math.ceil(factor * single.sample_size)
    size = size if guarantee.lot_size is None else min(size, guarantee.lot_size)
    return size, round((single.accept_max + 0.5) / single.sample_size * size)


def _at_walds_limits(guarantee: Guarantee, single: SinglePlan) -> SequentialPlan | None:
    """Return the plan with Wald's limits, drawn out until the truncation costs no risk; None where that is far."""
    end = _End(guarantee, *_end(guarantee, single, 1.5))
    for factor in _WALD_DRAWN_OUT:
        log_accept = factor * math.log(guarantee.beta / (1 - guarantee.alpha))
        log_reject = factor * math.log((1 - guarantee.beta) / guarantee.alpha)
        if all(end.keeps(log_accept, log_reject)):
            return end.plan(log_accept, log_reject)
    return None


def _truncations(guarantee: Guarantee, single: SinglePlan) -> list[tuple[int, int]]:
    """Return the ends (units, acceptance number) to try, the single plan's own first."""
    ends = [(single.sample_size, single.accept_max)]
    for factor in _TRUNCATIONS:
        size, middle = _end(guarantee, single, factor)
        ends += [(size, accept_max) for accept_max in range(max(middle - 1, 0), middle + 2)]
    return list(dict.fromkeys(ends))


def _tightest(guarantee: Guarantee, inspected_max: int, accept_max: int) -> _Candidate | None:
    """Return the plan with this end and limits as narrow as the risks allow; None where the end keeps none."""
    end = _End(guarantee, inspected_max, accept_max)
    if not all(end.keeps(-_LOG_RATIO_FAR, _LOG_RATIO_FAR)):
        return None
    # Wald's limits are where the search starts; both are then moved in turns.
    log_accept = wald_accept = math.log(guarantee.beta / (1 - guarantee.alpha))
    log_reject = wald_reject = math.log((1 - guarantee.beta) / guarantee.alpha)

    def keeps_producer(limit: float) -> bool:
        return end.keeps(log_accept, limit)[0]

    def keeps_consumer(limit: float) -> bool:
        return end.keeps(-limit, log_reject)[1]

    for _ in range(_ROUNDS):
        log_reject = _nearest(keeps_producer, 1.5 * wald_reject)
        log_accept = -_nearest(keeps_consumer, -1.5 * wald_accept)
    if not all(end.keeps(log_accept, log_reject)):
        return None
    plan = end.plan(log_accept, log_reject)
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
