"""Single sampling by attributes: inspect n units, accept the lot at c errors or fewer; and how to find n and c."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from concord.quality.plan_faults import PlanImpossible, PlanTooDear
from concord.quality.sampling_laws import binomial_at_most, hypergeometric_at_most, poisson_at_most
from concord.quality.stopping_law import Bounds, Decision, curtailed
from concord.quality.whole import least_whole, most_whole

LOT_UNITS_MAX = 100_000
"""Units of the largest finite lot that is planned for; beyond, a lot is a stream."""

SAMPLE_MAX = 1_000_000
"""Units of the largest sample of a stream; what needs more is too dear."""

RATES_APART_MIN = 1e-6
"""How far aql and ltpd lie apart at least: nearer, no lot of LOT_UNITS_MAX tells one from the other."""

RISK_MIN = 1e-6
"""The least risk: less is below what the search resolves."""

_LOOKED_BACK = 24
_ACCEPT_IN_TURN = 64
"""Acceptance numbers tried one by one; beyond, they are doubled and then halved in on."""

Distribution = Literal["binomial", "hypergeometric", "poisson"]


@dataclass(frozen=True, slots=True)
class Guarantee:
    """The two risks that an acceptance plan keeps; rates are fractions, not percent.

    Attributes:
        aql: acceptable quality level, the error rate that should pass.
        alpha: producer's risk, the highest chance to reject a lot at `aql`.
        ltpd: lot tolerance percent defective, here as a fraction: the error rate that should not pass.
        beta: consumer's risk, the highest chance to accept a lot at `ltpd`.
        lot_size: units of the lot; None for a stream or a lot much larger than any sample.
    """

    aql: float
    alpha: float
    ltpd: float
    beta: float
    lot_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse risks that no plan can keep; what is taken can be planned for every lot of LOT_UNITS_MAX or fewer."""
        if not 0 <= self.aql < 1:
            raise PlanImpossible("aql", f"is {self.aql}", "send a share from 0 to under 1")
        if not self.aql < self.ltpd < 1:
            raise PlanImpossible("ltpd", f"is {self.ltpd}", f"send a share over aql, {self.aql}, and under 1")
        if self.ltpd - self.aql < RATES_APART_MIN:
            cure = f"send at least {RATES_APART_MIN:g} more than aql"
            raise PlanImpossible("ltpd", f"{self.ltpd} cannot be told from aql {self.aql}", cure)
        for field, risk in (("alpha", self.alpha), ("beta", self.beta)):
            if not RISK_MIN <= risk < 1:
                raise PlanImpossible(field, f"is {risk}", f"send a risk from {RISK_MIN:g} to under 1")
        if self.alpha + self.beta >= 1:
            problem = f"and alpha add up to {self.alpha + self.beta:g}, as drawing lots does"
            raise PlanImpossible("beta", problem, "send risks that add up to less than 1")
        if self.lot_size is not None and not 1 <= self.lot_size <= LOT_UNITS_MAX:
            raise PlanImpossible("lot_size", f"is {self.lot_size}", f"send from 1 to {LOT_UNITS_MAX} units")

    @property
    def lot_errors(self) -> tuple[int, int]:
        """Wrong units in a finite lot that is still acceptable (rounded down), and just rejectable (up)."""
        if self.lot_size is None:
            raise ValueError("a stream has no number of wrong units")
        return most_whole(self.aql * self.lot_size), least_whole(self.ltpd * self.lot_size)


def percentage_plan(share: float, aql: float, lot_size: int) -> tuple[int, int]:
    """Return how many units of a lot are inspected, one at least, and with how many errors it is still accepted.

    The habit of contracts: ceil(share N) units, accepted while the share of errors among them is within the AQL.

    >>> percentage_plan(0.07, 0.05, 100), percentage_plan(1.0, 0.29, 100), percentage_plan(0.05, 0.01, 5)
    ((7, 0), (100, 29), (1, 0))
    """
    size = min(max(1, least_whole(share * lot_size)), lot_size)
    return size, most_whole(aql * size)


@dataclass(frozen=True, slots=True)
class SinglePlan:
    """Inspect `sample_size` units; accept at `accept_max` errors or fewer.

    >>> plan = SinglePlan(80, 2)
    >>> plan.decide(40, 3), plan.decide(78, 0), plan.decide(40, 1)
    ('reject', 'accept', 'continue')
    """

    sample_size: int
    accept_max: int

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be carried out; accepting everything or nothing is not a plan."""
        if not 0 <= self.accept_max < self.sample_size:
            raise ValueError(f"0 <= accept_max < sample_size must hold, not {self.accept_max}, {self.sample_size}")

    @property
    def inspected_max(self) -> int:
        """The most units that inspection can take."""
        return self.sample_size

    def bounds(self) -> Bounds:
        """Return accept and reject numbers, curtailed: stop as soon as the rest cannot change the verdict."""
        return _single_bounds(self.sample_size, self.accept_max)

    def decide(self, inspected: int, errors: int) -> Decision:
        """Return what to do after `inspected` units with `errors` among them; the first verdict is final.

        Raises:
            ValueError: the counts are impossible, or the plan had ended before.
        """
        return self.bounds().decide(inspected, errors)


@lru_cache(maxsize=256)
def _single_bounds(sample_size: int, accept_max: int) -> Bounds:
    accept = np.full(sample_size + 1, -1)
    accept[-1] = accept_max
    return curtailed(accept, np.full(sample_size + 1, accept_max + 1))


def find_single_plan(guarantee: Guarantee, distribution: Distribution | None = None) -> SinglePlan:
    """Return the smallest single plan that keeps both risks.

    Pa(aql) >= 1 - alpha and Pa(ltpd) <= beta, with Pa(p) = P(errors <= c | n, p): binomial for a stream,
    hypergeometric for a finite lot, Poisson where a standard asks for it.

    Args:
        guarantee: the two points of the operating characteristic.
        distribution: None takes hypergeometric when the guarantee has a lot size, else binomial.

    Raises:
        PlanTooDear: a stream whose sample would be over SAMPLE_MAX.

    Source: Guenther, "Use of the binomial, hypergeometric and Poisson tables to obtain sampling plans",
    Journal of Quality Technology 1(2), 1969; checked against Kiermeier, JSS 26(6), 2008, `find.plan`.

    >>> find_single_plan(Guarantee(aql=0.05, alpha=0.05, ltpd=0.15, beta=0.075))
    SinglePlan(sample_size=80, accept_max=7)
    """
    kind = distribution or ("binomial" if guarantee.lot_size is None else "hypergeometric")
    if kind == "hypergeometric" and guarantee.lot_size is None:
        raise ValueError("a hypergeometric plan needs the size of the lot")
    largest = guarantee.lot_size if kind == "hypergeometric" else None
    size = 1
    for accept_max in range(_ACCEPT_IN_TURN):
        size = _smallest_size(guarantee, accept_max, kind, size, largest)
        if _keeps_producer(guarantee, size, accept_max, kind):
            return SinglePlan(max(size, accept_max + 1), accept_max)
    return _large_plan(guarantee, kind, size, largest)


def _large_plan(guarantee: Guarantee, kind: Distribution, size: int, largest: int | None) -> SinglePlan:
    """Return the plan with the least acceptance number from _ACCEPT_IN_TURN that keeps both risks."""
    fails, keeps = _ACCEPT_IN_TURN - 1, _ACCEPT_IN_TURN
    sizes = {fails: size}
    while True:
        # A finite lot inspected whole keeps both with its acceptable errors, so the doubling ends there.
        keeps = keeps if largest is None else min(keeps, guarantee.lot_errors[0])
        sizes[keeps] = _smallest_size(guarantee, keeps, kind, sizes[fails], largest)
        if _keeps_producer(guarantee, sizes[keeps], keeps, kind):
            break
        fails, keeps = keeps, 2 * keeps
    while keeps - fails > 1:
        middle = (fails + keeps) // 2
        sizes[middle] = _smallest_size(guarantee, middle, kind, sizes[fails], largest)
        if _keeps_producer(guarantee, sizes[middle], middle, kind):
            keeps = middle
        else:
            fails = middle
    # Whole numbers make it a little uneven: just below, one may keep both as well.
    for fewer in range(max(keeps - _LOOKED_BACK, 0), keeps):
        size = _smallest_size(guarantee, fewer, kind, 1, largest)
        if _keeps_producer(guarantee, size, fewer, kind):
            return SinglePlan(size, fewer)
    return SinglePlan(sizes[keeps], keeps)


def _keeps_producer(guarantee: Guarantee, size: int, accept_max: int, kind: Distribution) -> bool:
    return _accepts(guarantee, size, accept_max, kind, good=True) >= 1 - guarantee.alpha


def _accepts(guarantee: Guarantee, size: int, accept_max: int, kind: Distribution, *, good: bool) -> float:
    rate = guarantee.aql if good else guarantee.ltpd
    if kind == "hypergeometric" and guarantee.lot_size is not None:
        wrong = guarantee.lot_errors[0 if good else 1]
        return float(hypergeometric_at_most(accept_max, guarantee.lot_size, wrong, size))
    if kind == "poisson":
        return float(poisson_at_most(accept_max, size * rate))
    return float(binomial_at_most(accept_max, size, rate))


def _smallest_size(guarantee: Guarantee, accept_max: int, kind: Distribution, start: int, largest: int | None) -> int:
    """Return the smallest sample that keeps the consumer's risk with this acceptance number, by bisection."""
    low, high = start, max(2 * start, 16)
    while (largest is None or high < largest) and _accepts(
        guarantee, high, accept_max, kind, good=False
    ) > guarantee.beta:
        low, high = high, 2 * high
        if largest is None and high > 2 * SAMPLE_MAX:
            problem = f"{guarantee.ltpd} is told from aql {guarantee.aql} by over {SAMPLE_MAX} units only"
            raise PlanTooDear("ltpd", problem, "send an ltpd further off, or greater risks")
    high = high if largest is None else min(high, largest)
    while low < high:
        middle = (low + high) // 2
        if _accepts(guarantee, middle, accept_max, kind, good=False) <= guarantee.beta:
            high = middle
        else:
            low = middle + 1
    return high
