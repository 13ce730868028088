"""Acceptance plans, reckoned anew from their numbers by the plainest means: whole numbers and all paths of a lot."""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, floor, log
from typing import Any, NamedTuple

ROUNDING = 1e-9
FIXED = ("fraction", "iso_2859_1")
"""Plans whose sample is inspected to its end."""


class Plan(NamedTuple):
    """A plan's numbers, as they are kept with its lot; see audit's docs for what each means."""

    kind: str
    lot_units: int
    aql: float
    ltpd: float
    alpha: float
    beta: float
    sample_size: int
    accept_max: int
    log_ratio_accept: float
    log_ratio_reject: float

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Plan":
        """Return the plan that a lot keeps."""
        return cls(*(kept[name] for name in cls._fields))

    @property
    def errors_good(self) -> int:
        """The most errors of a lot that is good enough."""
        return floor(self.aql * self.lot_units + ROUNDING)

    @property
    def errors_bad(self) -> int:
        """The fewest errors of a lot that is not."""
        return ceil(self.ltpd * self.lot_units - ROUNDING)


@lru_cache(maxsize=100_000)
def verdict(plan: Plan, inspected: int, errors: int) -> str:
    """Return what a plan says after so many units with so many errors: accept, reject or continue.

    Wald's ratio test on a finite lot, cut off at the end of the sample; what the rest of the sample cannot change any
    more is said at once. A fixed sample is inspected to its end.
    """
    if plan.kind in FIXED and inspected < plan.sample_size:
        return "continue"
    if errors > plan.accept_max:
        return "reject"
    if inspected == plan.sample_size:
        return "accept"
    if plan.kind == "sequential" and (text := _by_ratio(plan, inspected, errors)):
        return text
    ahead = {verdict(plan, inspected + 1, errors), verdict(plan, inspected + 1, errors + 1)}
    return ahead.pop() if len(ahead) == 1 else "continue"


def _by_ratio(plan: Plan, inspected: int, errors: int) -> str:
    """Return accept or reject where the ratio of the likelihoods of a bad and a good lot is beyond a limit."""
    rest = plan.lot_units - inspected
    ways = [(comb(rest, many - errors) if many >= errors else 0, comb(plan.lot_units, many)) for many in _both(plan)]
    (good, good_of), (bad, bad_of) = ways
    if not good:
        return "reject"
    if not bad:
        return "accept"
    ratio = log(Fraction(bad, bad_of) / Fraction(good, good_of))
    if ratio <= plan.log_ratio_accept:
        return "accept"
    return "reject" if ratio >= plan.log_ratio_reject else ""


def _both(plan: Plan) -> tuple[int, int]:
    return plan.errors_good, plan.errors_bad


def chance_of_acceptance(plan: Plan, errors_of_lot: int) -> float:
    """Return the probability that a lot with so many errors is accepted: all paths, unit after unit."""
    chances = {(0, 0): 1.0}
    accepted = 0.0
    for inspected in range(plan.sample_size + 1):
        for errors in range(inspected + 1):
            chance = chances.pop((inspected, errors), 0.0)
            if not chance:
                continue
            text = verdict(plan, inspected, errors)
            if text == "continue":
                wrong = (errors_of_lot - errors) / (plan.lot_units - inspected)
                for more, share in ((1, wrong), (0, 1 - wrong)):
                    place = (inspected + 1, errors + more)
                    chances[place] = chances.get(place, 0.0) + chance * share
            elif text == "accept":
                accepted += chance
    return accepted


@lru_cache(maxsize=10_000)
def risks_kept(plan: Plan) -> bool:
    """Return whether a plan keeps both its risks; a percentage promises none, and a table has risks of its own."""
    if plan.kind in FIXED:
        return True
    producers = 1 - chance_of_acceptance(plan, plan.errors_good)
    return producers <= plan.alpha + ROUNDING and chance_of_acceptance(plan, plan.errors_bad) <= plan.beta + ROUNDING


def most_wrong_when_clean(lot_units: int, inspected: int, risk: float) -> int:
    """Return the most wrong units of a lot under which a sample without error is likelier than `risk`."""
    whole = comb(lot_units, inspected)
    wrong = 0
    while wrong < lot_units - inspected and Fraction(comb(lot_units - wrong - 1, inspected), whole) > Fraction(risk):
        wrong += 1
    return wrong
