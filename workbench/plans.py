"""What an audit policy comes to, in numbers that can be drawn and put in a sentence; pure."""

import math

import msgspec

from concord.quality.acceptance import Guarantee, find_single_plan, percentage_plan, sequential_plan
from concord.quality.iso_2859 import Inspection, standard_plan
from concord.quality.stopping_law import Bounds, stopping_law

LOT_UNITS_MAX = 10_000
LINE_POINTS_MAX = 400
"""Points at which the lines are told: a longer plan is told at every so many units."""
RISK_MIN = 0.001
RATES_APART_MIN = 0.005
SEVERITIES: tuple[Inspection, ...] = ("normal", "tightened", "reduced")


class PlanWish(msgspec.Struct, frozen=True):
    """The part of a policy that a plan follows from, and the lot; the fields are those of `policy.audit`.

    Attributes:
        level, inspection: of ISO 2859-1; II and normal where they are empty.
    """

    plan: str
    fraction: float
    aql: float
    ltpd: float
    alpha: float
    beta: float
    lot_units: int
    level: str = ""
    inspection: str = ""


class PlanBody(msgspec.Struct, frozen=True):
    """A plan as a page draws it.

    Attributes:
        sample_max: units after which inspection ends in any case.
        mean_at_aql: units inspected on average where the lot is as good as the aql; the whole sample for other plans.
        inspected, accept_at, reject_at: after so many units, accept at so few errors (-1: not yet) and reject at so
            many.
    """

    sample_max: int
    mean_at_aql: float
    inspected: list[int]
    accept_at: list[int]
    reject_at: list[int]


def plan_of(wish: PlanWish) -> PlanBody:
    """Return the plan.

    Raises:
        ValueError: no plan follows, or finding it costs more than a page may wait for; the reason is a sentence.
    """
    if not 1 <= wish.lot_units <= LOT_UNITS_MAX:
        raise ValueError(f"A plan is drawn for lots of 1 to {LOT_UNITS_MAX} units.")
    if not all(0 <= share <= 1 for share in (wish.fraction, wish.aql, wish.ltpd, wish.alpha, wish.beta)):
        raise ValueError("The fraction, rates and risks are shares, from 0 to 1.")
    if wish.plan == "fraction":
        return _fixed(*percentage_plan(wish.fraction, wish.aql, wish.lot_units))
    if wish.plan == "iso_2859_1":
        return _standard(wish)
    if wish.plan not in ("sequential", "single"):
        raise ValueError(f"A plan of the kind {wish.plan} is not drawn.")
    if min(wish.alpha, wish.beta) < RISK_MIN or wish.ltpd - wish.aql < RATES_APART_MIN:
        raise ValueError(f"Plans with risks under {RISK_MIN:g} or rates closer than {RATES_APART_MIN:g} are not drawn.")
    guarantee = Guarantee(wish.aql, wish.alpha, wish.ltpd, wish.beta, wish.lot_units)
    if wish.plan == "single":
        single = find_single_plan(guarantee)
        return _told(single.bounds(), float(single.sample_size))
    plan = sequential_plan(guarantee)
    bounds = plan.bounds()
    law = stopping_law(bounds)
    good, _ = guarantee.lot_errors
    return _told(bounds, float(law.mean_inspected(law.in_lot(wish.lot_units, good))))


def _standard(wish: PlanWish) -> PlanBody:
    if wish.inspection not in ("", *SEVERITIES):
        raise ValueError(f"Inspection is {', '.join(SEVERITIES)}, not {wish.inspection}.")
    if wish.lot_units == 1:
        return _fixed(1, 0)
    severity: Inspection = next(
        (severity_name for severity_name in SEVERITIES if severity_name == wish.inspection), "normal"
    )
    found = standard_plan(wish.lot_units, round(100 * wish.aql, 9), wish.level or "II", severity)
    # As audit decides: a whole lot that is wrong throughout fails.
    return _fixed(found.sample_size, min(found.accept_max, found.sample_size - 1))


def _fixed(size: int, accept_max: int) -> PlanBody:
    """Return a plan that decides once, at its end."""
    return PlanBody(size, float(size), [0, size], [-1, accept_max], [accept_max + 1, accept_max + 1])


def _told(bounds: Bounds, mean: float) -> PlanBody:
    last = len(bounds.accept_at) - 1
    step = max(1, math.ceil(last / LINE_POINTS_MAX))
    shown = sorted({*range(0, last + 1, step), last})
    return PlanBody(
        last, mean, shown, [int(bounds.accept_at[n]) for n in shown], [int(bounds.reject_at[n]) for n in shown]
    )
