"""The least that any plan by attributes can inspect of good lots, on average, at given risks: a bound, not a plan.

No rule to stop and decide, whatever its lines, inspects fewer units of a lot of some quality than this, if it rejects a
lot at the aql with probability alpha at most and accepts one at the ltpd with probability beta at most. It is by this
that a plan is measured: what it inspects beyond the bound is what a better one could save.
"""

import math
from typing import Any

import numpy as np
from scipy.optimize import minimize

from concord.quality.single_plan import Guarantee
from concord.quality.stopping_law import Floats, log_choose

ERRORS_MAX = 40
"""Errors up to which states are told apart; beyond, the lot is taken to be rejected for nothing, which only lowers the
bound."""
_SEARCH: Any = {"maxiter": 150, "xatol": 1e-3, "fatol": 1e-3}
STARTS = ((3.0, 4.0), (5.0, 6.0))
"""Logarithms of the multipliers from which the best are looked for."""


def least_mean_inspected(guarantee: Guarantee, lot_errors: int, inspected_max: int) -> float:
    """Return what the average sample number of a lot with so many errors cannot be under.

    By Lagrange: for any multipliers a, b >= 0 and any plan within the risks,

        E[N] >= min over all plans of E[N] + a P(reject | aql) + b P(accept | ltpd) - a alpha - b beta

    and the minimum is found exactly, from the last unit back, over the states (inspected, errors), each weighted by the
    exact chances of the path into it in a lot at each of the three qualities. The multipliers that make it largest are
    looked for; any other ones give a bound, too. A path's chance after n units with d errors in a lot of N with D is
    C(N - n, D - d) / C(N, D), in whatever order they came.

    Args:
        guarantee: the risks, of a lot of some size.
        lot_errors: of the lot whose average sample number is bounded.
        inspected_max: units after which every plan that is looked at has ended; the lot's size for all plans.

    Source: Lorden, Annals of Statistics 4 (1976) 281, for tests that inspect least between two points; Wald and
    Wolfowitz, Annals of Mathematical Statistics 19 (1948) 326, for stopping by backward induction.

    >>> bound = least_mean_inspected(Guarantee(0.01, 0.05, 0.05, 0.10, 200), 1, 200)
    >>> round(bound), round(89 * 0.5)  # the single plan has 89: no plan inspects half of it
    (48, 44)
    """
    if guarantee.lot_size is None or not 0 <= lot_errors <= guarantee.lot_size:
        raise ValueError("the bound is of a lot of some size, with so many errors at most")
    few, many = guarantee.lot_errors
    good, aql, ltpd = (_path_chances(guarantee.lot_size, number, inspected_max) for number in (lot_errors, few, many))

    def bound(logarithms: Floats) -> float:
        reject, accept = np.exp(logarithms)
        least = _least(good, reject * aql, accept * ltpd)
        return float(least - reject * guarantee.alpha - accept * guarantee.beta)

    def below(logarithms: Floats) -> float:
        return -bound(logarithms)

    found = [minimize(below, np.array(start), method="Nelder-Mead", options=_SEARCH).x for start in STARTS]
    return max(bound(np.asarray(array)) for array in found)


def _path_chances(lot_size: int, lot_errors: int, inspected_max: int) -> Floats:
    """Return the chance of any one path to n units with d errors, shape (inspected_max + 1, ERRORS_MAX + 1)."""
    n, d = np.arange(inspected_max + 1)[:, None], np.arange(ERRORS_MAX + 1)[None, :]
    chances = np.exp(
        log_choose(lot_size - n, lot_errors - d) - log_choose(np.asarray(lot_size), np.asarray(lot_errors))
    )
    return np.where(d <= np.minimum(n, lot_errors), chances, 0.0)


def _least(good: Floats, rejecting: Floats, accepting: Floats) -> float:
    """Return the least of units and weighted risks, from the last unit back; a path that goes on costs its unit."""
    value = np.minimum(rejecting[-1], accepting[-1])
    for n in range(len(good) - 2, -1, -1):
        beyond = np.append(value[1:], 0.0)
        value = np.minimum(np.minimum(rejecting[n], accepting[n]), good[n] + value + beyond)
    least = float(value[0])
    assert math.isfinite(least), "chances and multipliers are finite"
    return least
