"""Planning: whether a lot can be audited as a policy says, asked when the policy is defined and not when a lot waits.

Audit finds its plans with the functions of `concord.quality.acceptance`, and so does this: what is let in here can be
planned there. How much a sequential plan costs to find grows with its sample and its acceptance number, so both are
estimated first, and a policy beyond the budget is refused before anything is computed.

Source of the estimate: the normal approximation of the two binomial points; Guenther 1969, as in `find_single_plan`.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist

from concord.quality.acceptance import Guarantee, find_single_plan, sequential_plan
from concord.quality.iso_2859 import AQLS_PERCENT, PERCENTAGE_MAX
from services.ingest.domain.project import Audit, Fault

RATE_GAP_MIN = 0.001
"""Between aql and ltpd: no lot is so large that two rates closer than that are worth telling apart."""
RISKS_SUM_MAX = 0.8
"""Of alpha and beta: at 1 a coin would do, and close to it no sequential plan is better than one."""
STANDARD_AQLS_PERCENT = tuple(aql for aql in AQLS_PERCENT if aql <= PERCENTAGE_MAX)
"""Those that are shares of wrong units; greater ones count errors on a hundred units."""
PLAN_CELLS_MAX = 250_000
"""Sample times acceptance number: about two seconds of CPU for each size of a lot, as measured at 214,248."""


def planning_faults(audit: Audit, lot_size: int) -> Iterator[Fault]:
    """Yield why no plan is found for full lots of a policy whose fields are within their ranges; takes CPU.

    Smaller lots are cheaper: their plans inspect no more units.
    """
    if audit.alpha + audit.beta > RISKS_SUM_MAX:
        cure = f"send one that with alpha ({audit.alpha:g}) adds up to {RISKS_SUM_MAX:g} or less"
        yield Fault("policy.audit.beta", f"is {audit.beta:g}", cure)
        return
    if audit.ltpd - audit.aql < RATE_GAP_MIN:
        cure = f"send at least {RATE_GAP_MIN:g} over aql ({audit.aql:g})"
        yield Fault("policy.audit.ltpd", f"is {audit.ltpd:.12g}", cure)
        return
    if audit.plan == "iso_2859_1" and not any(math.isclose(100 * audit.aql, aql) for aql in STANDARD_AQLS_PERCENT):
        shares = ", ".join(f"{aql / 100:g}" for aql in STANDARD_AQLS_PERCENT)
        yield Fault("policy.audit.aql", f"is {audit.aql:.12g}, which is none of ISO 2859-1", f"send one of {shares}")
    if audit.plan in ("fraction", "iso_2859_1"):
        return
    if (cells := estimated_cells(audit, lot_size)) > PLAN_CELLS_MAX:
        cure = "send ltpd further from aql, larger alpha and beta, a smaller policy.lot.size, or the plan fraction"
        problem = f"is so close to aql that finding a plan takes {cells} steps; at most {PLAN_CELLS_MAX} are taken"
        yield Fault("policy.audit.ltpd", problem, cure)
        return
    guarantee = Guarantee(audit.aql, audit.alpha, audit.ltpd, audit.beta, lot_size)
    find = sequential_plan if audit.plan == "sequential" else find_single_plan
    try:
        find(guarantee)
    except (ValueError, AssertionError) as fault:
        yield Fault("policy.audit", f"has no plan: {fault}", "send ltpd further from aql, or larger alpha and beta")


def estimated_cells(audit: Audit, lot_size: int) -> int:
    """Return about how many pairs of units inspected and errors found the single plan has.

    >>> estimated_cells(Audit(), 500), estimated_cells(Audit(aql=0.45, ltpd=0.46, alpha=0.0001, beta=0.0001), 5_000)
    (396, 10600525)
    """
    good, bad = audit.aql, audit.ltpd
    spread = NormalDist().inv_cdf(1 - audit.alpha) * math.sqrt(good * (1 - good))
    spread += NormalDist().inv_cdf(1 - audit.beta) * math.sqrt(bad * (1 - bad))
    units = (spread / (bad - good)) ** 2
    units = max(1.0, units * lot_size / (units + lot_size - 1))  # without replacement fewer are needed
    return math.ceil(units) * (math.ceil(units * (good + bad) / 2) + 1)
