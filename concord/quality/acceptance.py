"""Acceptance sampling by attributes: how many units of a lot to audit, and what to conclude.

A plan is a frozen value whose numbers can be stored and rebuilt; `plan.decide(inspected, errors)` answers
accept, reject or continue, and the first answer other than continue is final. `plan.bounds()` is the same as a
table, and `stopping_law(plan.bounds())` gives its exact risks and average sample at any error rate.

    Guarantee            the two risks a plan keeps: (aql, alpha, ltpd, beta), in a stream or a finite lot
    find_single_plan     the smallest (n, c) that keeps them
    percentage_plan      a share of the lot, which keeps none
    find_double_plan     two equal samples that keep them
    sequential_plan      the plan that keeps them and inspects least on average
    zero_acceptance_size the smallest sample that shows a rate by being without error
    standard_plan        ISO 2859-1; `iso_2859_switching` holds its switching rules
    operating_characteristic, double_plan: what a plan does to lots of any quality
    audit_effort         what each plan costs on a lot, and the replay of a known audit

Klie, Haladjian, Kirchner, Nair, "On Efficient and Statistical Quality Estimation for Data Annotation",
ACL 2024 (arXiv 2405.11919), is why audits here are plans and not percentages: acceptance sampling needs up to
half the inspections at the same guarantees.
"""

import math

from concord.quality.double_plan import DoublePlan, find_double_plan, oc_double
from concord.quality.iso_2859 import StandardPlan, standard_plan
from concord.quality.plan_faults import PlanImpossible, PlanRefused, PlanTooDear
from concord.quality.sequential_plan import SequentialPlan, WaldLines, sequential_plan, wald_lines
from concord.quality.single_plan import Distribution, Guarantee, SinglePlan, find_single_plan, percentage_plan
from concord.quality.stopping_law import Bounds, Decision, stopping_law
from concord.quality.whole import least_whole

__all__ = [
    "Bounds",
    "Decision",
    "Distribution",
    "DoublePlan",
    "Guarantee",
    "PlanImpossible",
    "PlanRefused",
    "PlanTooDear",
    "SequentialPlan",
    "SinglePlan",
    "StandardPlan",
    "WaldLines",
    "find_double_plan",
    "find_single_plan",
    "oc_double",
    "percentage_plan",
    "sequential_plan",
    "standard_plan",
    "stopping_law",
    "stored_bounds",
    "wald_lines",
    "zero_acceptance_size",
]


def stored_bounds(
    guarantee: Guarantee, sample_size: int, accept_max: int, log_ratio_accept: float, log_ratio_reject: float
) -> Bounds:
    """Return the bounds of a plan from the numbers that were stored of it; making them may take a second at most.

    Args:
        guarantee: the risks it was made for.
        sample_size: units after which inspection ends in any case.
        accept_max: errors up to which a lot is accepted there.
        log_ratio_accept: limit of a sequential plan, under 0; 0 for a plan that only has its last unit.
        log_ratio_reject: the other limit, over 0; 0 for such a plan.

    >>> stored_bounds(Guarantee(0.01, 0.05, 0.05, 0.1, 200), 20, 0, 0.0, 0.0).decide(20, 0)
    'accept'
    """
    if not log_ratio_reject:
        return SinglePlan(sample_size, accept_max).bounds()
    return SequentialPlan(guarantee, log_ratio_accept, log_ratio_reject, sample_size, accept_max).bounds()


def zero_acceptance_size(confidence: float, reliability: float, lot_size: int | None = None) -> int:
    """Return the smallest sample whose being without error shows a share of right units >= `reliability`.

    The success-run theorem: reliability^n <= 1 - confidence, so n = ceil(ln(1 - confidence) / ln(reliability)).
    A finite lot that is just not good enough has ceil((1 - reliability) N) errors; drawing without replacement
    needs fewer units to meet one of them.

    Source: Montgomery, "Introduction to Statistical Quality Control", 7th ed., 2013; Guenther 1969 for lots.

    >>> zero_acceptance_size(0.95, 0.95), zero_acceptance_size(0.95, 0.95, lot_size=200)
    (59, 51)
    """
    if not (0 < confidence < 1 and 0 < reliability < 1):
        raise ValueError("confidence and reliability lie strictly between 0 and 1")
    if lot_size is None:
        # Rounding keeps a quotient that is whole but for its last bit from being rounded up.
        return max(1, least_whole(math.log1p(-confidence) / math.log(reliability)))
    wrong = max(1, least_whole((1 - reliability) * lot_size))
    log_chance, n = 0.0, 0
    while n < lot_size and log_chance > math.log1p(-confidence):
        right_left = lot_size - wrong - n
        log_chance = log_chance + math.log(right_left / (lot_size - n)) if right_left > 0 else -math.inf
        n += 1
    return n
