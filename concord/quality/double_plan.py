"""Double sampling by attributes: a first sample settles clear lots, a second one the doubtful ones.

Source: Montgomery, "Introduction to Statistical Quality Control", 7th ed., Wiley 2013, section 15.3.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concord.quality.plan_faults import PlanImpossible, PlanTooDear
from concord.quality.sampling_laws import (
    binomial_at_most,
    binomial_exactly,
    binomial_over,
    hypergeometric_at_most,
    hypergeometric_exactly,
)
from concord.quality.single_plan import Guarantee, find_single_plan
from concord.quality.stopping_law import Bounds, Decision, curtailed

Floats = NDArray[np.float64]

SINGLE_ACCEPT_MAX = 10
"""Errors at which the single plan may accept for a double one to be searched; the search goes by their square."""


@dataclass(frozen=True, slots=True)
class DoublePlan:
    """Inspect `first_size`: accept at `first_accept` errors or fewer, reject at `first_reject` or more.

    In between inspect `second_size` more and accept at `accept_max` errors or fewer in both together.

    >>> DoublePlan(50, 1, 4, 100, 3).decide(50, 2)
    'continue'
    """

    first_size: int
    first_accept: int
    first_reject: int
    second_size: int
    accept_max: int

    def __post_init__(self) -> None:
        """Refuse numbers that are no plan."""
        if self.first_size < 1 or self.second_size < 1:
            raise ValueError("both samples have at least one unit")
        if not 0 <= self.first_accept < self.accept_max < self.first_size + self.second_size:
            raise ValueError("0 <= first_accept < accept_max < both sizes must hold")
        if not self.first_accept + 1 < self.first_reject <= self.accept_max + 1:
            raise ValueError("first_accept + 1 < first_reject <= accept_max + 1 must hold")

    @property
    def inspected_max(self) -> int:
        """The most units that inspection can take."""
        return self.first_size + self.second_size

    def bounds(self) -> Bounds:
        """Return accept and reject numbers, curtailed: stop as soon as the rest cannot change the verdict."""
        return _double_bounds(self)

    def decide(self, inspected: int, errors: int) -> Decision:
        """Return what to do after `inspected` units with `errors` among them; the first verdict is final.

        Raises:
            ValueError: the counts are impossible, or the plan had ended before.
        """
        return self.bounds().decide(inspected, errors)


@dataclass(frozen=True, slots=True, eq=False)
class DoubleCharacteristic:
    """What a double plan does at each error rate; every array has the shape of the rates.

    Attributes:
        accept_first: P(accepted on the first sample).
        accept_second: P(accepted on both together).
        mean_inspected_whole: average sample number when both samples are always completed.
        mean_inspected_semicurtailed: average sample number when the second sample stops at rejection.
    """

    accept_first: Floats
    accept_second: Floats
    mean_inspected_whole: Floats
    mean_inspected_semicurtailed: Floats

    @property
    def accept(self) -> Floats:
        """The operating characteristic: P(accepted)."""
        return self.accept_first + self.accept_second


@lru_cache(maxsize=256)
def _double_bounds(plan: DoublePlan) -> Bounds:
    steps = np.arange(plan.inspected_max + 1)
    accept = np.where(steps < plan.first_size, -1, plan.first_accept)
    accept[-1] = plan.accept_max
    reject = np.where(steps <= plan.first_size, plan.first_reject, plan.accept_max + 1)
    reject[-1] = plan.accept_max + 1
    return curtailed(accept, reject)


def oc_double(plan: DoublePlan, p: ArrayLike) -> DoubleCharacteristic:
    """Return acceptance and average sample number of a double plan for lots from a stream.

    Pa = P(d1 <= c1) + sum over c1 < j < r1 of P(d1 = j) P(d2 <= c2 - j), binomial. ASN = n1 + n2 P(c1 < d1 < r1)
    when samples are completed; stopping the second at its (c2 - j + 1)th error replaces n2 by
    n2 P(d2 <= c2 - j) + (c2 - j + 1)/p P(d2' >= c2 - j + 2), d2' errors among n2 + 1 units.

    >>> known = oc_double(DoublePlan(50, 1, 4, 100, 3), 0.05)
    >>> round(float(known.accept), 4), round(float(known.mean_inspected_whole), 2)
    (0.2904, 98.1)
    """
    rate = np.asarray(p, dtype=float)[..., None]
    first = np.arange(plan.first_accept + 1, plan.first_reject)
    doubtful = binomial_exactly(first, plan.first_size, rate)
    spare = plan.accept_max - first
    accepted = binomial_at_most(spare, plan.second_size, rate)
    rejected_after = binomial_over(spare + 1, plan.second_size + 1, rate)
    to_reject = np.divide((spare + 1) * rejected_after, rate, out=np.zeros_like(accepted), where=rate > 0)
    return DoubleCharacteristic(
        binomial_at_most(plan.first_accept, plan.first_size, rate[..., 0]),
        np.asarray((doubtful * accepted).sum(axis=-1)),
        np.asarray(plan.first_size + plan.second_size * doubtful.sum(axis=-1)),
        np.asarray(plan.first_size + (doubtful * (plan.second_size * accepted + to_reject)).sum(axis=-1)),
    )


def find_double_plan(guarantee: Guarantee) -> DoublePlan:
    """Return the double plan with two equal samples that keeps both risks and inspects least on average.

    The average is over lots at `aql` and at `ltpd`, samples completed. For each pair of acceptance numbers the
    size is the smallest that keeps the consumer's risk.

    Raises:
        PlanTooDear: the single plan of these risks accepts at over SINGLE_ACCEPT_MAX errors.
        PlanImpossible: the lot is too small for two equal samples.

    Source: Hald, "Statistical Theory of Sampling Inspection by Attributes", Academic Press 1981, chapter 12.

    >>> find_double_plan(Guarantee(aql=0.01, alpha=0.05, ltpd=0.06, beta=0.10))
    DoublePlan(first_size=67, first_accept=1, first_reject=4, second_size=67, accept_max=3)
    """
    single = find_single_plan(guarantee)
    if single.accept_max > SINGLE_ACCEPT_MAX:
        problem = f"{guarantee.ltpd} is so near aql {guarantee.aql} that a double plan takes long to find"
        raise PlanTooDear("ltpd", problem, "use the single or the sequential plan, or an ltpd further off")
    best: tuple[float, DoublePlan] | None = None
    for accept_max in range(1, single.accept_max + 4):
        for first_accept in range(accept_max):
            plan = _smallest_equal(guarantee, first_accept, accept_max, single.sample_size)
            if plan is None:
                continue
            mean = float(_mean_inspected(guarantee, plan))
            if best is None or mean < best[0]:
                best = (mean, plan)
    if best is None:
        problem = f"{guarantee.lot_size} leaves no two equal samples that keep these risks"
        raise PlanImpossible("lot_size", problem, "use the single or the sequential plan")
    return best[1]


def _smallest_equal(guarantee: Guarantee, first_accept: int, accept_max: int, largest: int) -> DoublePlan | None:
    """Return the plan with two equal samples, as small as the consumer's risk allows, if the producer's holds."""
    largest = largest if guarantee.lot_size is None else min(largest, guarantee.lot_size // 2)
    low, high = accept_max, largest + 1
    while low < high:
        middle = (low + high) // 2
        if _accepts(guarantee, DoublePlan(middle, first_accept, accept_max + 1, middle, accept_max))[1] <= (
            guarantee.beta
        ):
            high = middle
        else:
            low = middle + 1
    if low > largest:
        return None
    plan = DoublePlan(low, first_accept, accept_max + 1, low, accept_max)
    return plan if _accepts(guarantee, plan)[0] >= 1 - guarantee.alpha else None


def _first_sample(guarantee: Guarantee, plan: DoublePlan) -> tuple[Floats, Floats, Floats]:
    """Return P(accepted first), P(d1 = j), P(accepted second | j) at aql and ltpd, shapes (2,), (2, j), (2, j)."""
    first = np.arange(plan.first_accept + 1, plan.first_reject)
    spare = plan.accept_max - first
    if guarantee.lot_size is None:
        rate = np.array([guarantee.aql, guarantee.ltpd])[:, None]
        return (
            binomial_at_most(plan.first_accept, plan.first_size, rate[:, 0]),
            binomial_exactly(first, plan.first_size, rate),
            binomial_at_most(spare, plan.second_size, rate),
        )
    wrong = np.array(guarantee.lot_errors)[:, None]
    left = np.maximum(wrong - first, 0)
    return (
        hypergeometric_at_most(plan.first_accept, guarantee.lot_size, wrong[:, 0], plan.first_size),
        hypergeometric_exactly(first, guarantee.lot_size, wrong, plan.first_size),
        hypergeometric_at_most(spare, guarantee.lot_size - plan.first_size, left, plan.second_size),
    )


def _accepts(guarantee: Guarantee, plan: DoublePlan) -> Floats:
    at_once, doubtful, later = _first_sample(guarantee, plan)
    return np.asarray(at_once + (doubtful * later).sum(axis=1))


def _mean_inspected(guarantee: Guarantee, plan: DoublePlan) -> float:
    doubtful = _first_sample(guarantee, plan)[1]
    return plan.first_size + plan.second_size * float(doubtful.sum(axis=1).mean())
