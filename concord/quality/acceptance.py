"""Acceptance sampling by attributes: how many units of a lot to audit, and what to conclude.

A plan is a frozen value whose numbers can be stored and rebuilt; `plan.decide(inspected, errors)` answers
accept, reject or continue, and the first answer other than continue is final.

    Guarantee         the two risks a plan keeps: (aql, alpha, ltpd, beta), in a stream or a finite lot
    find_single_plan  the smallest (n, c) that keeps them
    sequential_plan   the plan that keeps them and inspects least on average
    SinglePlan, SequentialPlan  the plans themselves, to be rebuilt from stored numbers
"""

from concord.quality.sequential_plan import SequentialPlan, sequential_plan
from concord.quality.single_plan import Guarantee, SinglePlan, find_single_plan
from concord.quality.stopping_law import Bounds, Decision

__all__ = [
    "Bounds",
    "Decision",
    "Guarantee",
    "SequentialPlan",
    "SinglePlan",
    "find_single_plan",
    "sequential_plan",
]
