"""Plots of a certificate's page, as inline SVG: what a lot's plan does to lots of any quality, and where this one is.

All that is drawn are numbers of ours; no text of anybody's comes in here. Colours are the page's own, by class.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from concord.pages.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    box,
    grid,
    line,
    nice,
    percent,
    plot,
    scale,
    ticks,
    whole,
)
from concord.quality.operating_characteristic import oc_hypergeometric
from concord.quality.stopping_law import Bounds, stopping_law
from services.audit.domain.verdict import FIXED, Plan

POINTS_MAX = 90
LOT_UNITS_MAX = 10_000
CELLS_MAX = 250_000
"""Sample times acceptance number: what is drawn must not cost more than audit spends on finding a plan."""


class NotDrawn(ValueError):
    """A plan cannot be drawn; the reason is a clause."""


class Standing(NamedTuple):
    """Where a lot is: its error rate as it was inspected, found and with its interval, and the inspection itself."""

    found: float
    low: float
    high: float
    inspected: int
    errors: int


def curve(plan: Plan, lot: Standing | None) -> str:
    """Return the operating characteristic: how likely a lot passes by the share of its labels that is wrong.

    Raises:
        NotDrawn: the plan's numbers come to no curve.
    """
    wrong, passes = characteristic(plan, _widest(plan, lot))
    rates = wrong / plan.lot_units
    across, up = scale(0.0, float(rates[-1]), LEFT, WIDTH - RIGHT), scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    parts = [grid([0.0, 0.25, 0.5, 0.75, 1.0], up, "{:.0%}"), ticks(nice(float(rates[-1])), across, percent)]
    if lot is not None:
        low, high = across(min(lot.low, rates[-1])), across(min(lot.high, rates[-1]))
        parts.append(box("band", low, TOP, max(high - low, 2.0), HEIGHT - BOTTOM - TOP))
        parts.append(line("here", across(lot.found), TOP, across(lot.found), HEIGHT - BOTTOM))
    for name, rate in (("good", plan.aql), ("bad", plan.ltpd)):
        if rate <= rates[-1]:
            at = float(np.interp(rate, rates, passes))
            parts.append(line(f"mark {name}", across(rate), up(at), across(rate), HEIGHT - BOTTOM))
            parts.append(f'<circle class="dot {name}" cx="{across(rate):.1f}" cy="{up(at):.1f}" r="4"/>')
    points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(rates, passes, strict=True))
    parts.append(f'<polyline class="line" points="{points}"/>')
    return plot(parts, "Share of the lot's labels that is wrong", "Chance that such a lot passes", curve.__name__)


def way(plan: Plan, lot: Standing) -> str:
    """Return the errors at which the plan accepts and rejects after so many units, and how this inspection went.

    Raises:
        NotDrawn: the plan's numbers come to no lines.
    """
    bounds = checked(plan)
    last, most = bounds.inspected_max, max(int(bounds.reject_at[-1]), lot.errors, 2) + 1
    end = max(last, lot.inspected)
    across, up = scale(0.0, end, LEFT, WIDTH - RIGHT), scale(0.0, most, HEIGHT - BOTTOM, TOP)
    parts = [grid(whole(most), up, "{:.0f}"), ticks(whole(end), across, lambda value: f"{value:.0f}")]
    fixed = plan.kind in FIXED
    places = [last] if fixed else list(range(last + 1))
    accept = [(n, int(bounds.accept_at[n])) for n in places if bounds.accept_at[n] >= 0]
    reject = [(n, int(bounds.reject_at[n])) for n in places if bounds.reject_at[n] <= min(n, most)]
    for name, corners, edge in (("good", accept, 0), ("bad", reject, most)):
        if corners:
            parts.append(f'<path class="area {name}" d="{_stairs(corners, last, edge, across, up)}"/>')
    parts.append(line("here", across(0), up(0), across(lot.inspected), up(lot.errors)))
    parts.append(f'<circle class="dot here" cx="{across(lot.inspected):.1f}" cy="{up(lot.errors):.1f}" r="5"/>')
    return plot(parts, "Units inspected", "Errors found", way.__name__)


def characteristic(plan: Plan, rate_max: float) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of wrong units of a lot, from 0 up to `rate_max` of it, and the chance that each passes.

    Raises:
        NotDrawn: the plan's numbers come to no curve.

    >>> plan = Plan("single", 60, 0.05, 0.15, 0.05, 0.1, 17, 0)
    >>> wrong, passes = characteristic(plan, 0.2)
    >>> float(passes[0]), bool(passes[-1] < 0.03)
    (1.0, True)
    """
    bounds, lot = checked(plan), plan.lot_units
    most = max(2, min(lot, round(rate_max * lot)))
    wrong = np.unique(np.linspace(0, most, min(most + 1, POINTS_MAX)).round().astype(np.int64))
    if plan.kind in FIXED:
        return wrong, oc_hypergeometric(lot, wrong, plan.sample_size, plan.accept_max)
    law = stopping_law(bounds)
    return wrong, law.accept_probability(law.in_lot(lot, wrong))


def checked(plan: Plan) -> Bounds:
    """Return a plan's bounds, where its numbers are those of one and it costs no more than a plan may.

    Raises:
        NotDrawn: they are not.
    """
    if not 2 <= plan.lot_units <= LOT_UNITS_MAX:
        raise NotDrawn(f"plans are drawn for lots of 2 to {LOT_UNITS_MAX:,} units")
    if not 0 <= plan.accept_max < plan.sample_size <= plan.lot_units:
        raise NotDrawn("its sample and its acceptance number do not fit each other")
    if plan.sample_size * (plan.accept_max + 1) > CELLS_MAX:
        raise NotDrawn("it has too many steps")
    try:
        return plan.bounds()
    except (ValueError, ArithmeticError, AssertionError) as fault:
        raise NotDrawn(f"its numbers come to no plan: {fault}") from fault


def _widest(plan: Plan, lot: Standing | None) -> float:
    seen = 0.0 if lot is None else max(lot.high, lot.found)
    return min(1.0, max(1.8 * plan.ltpd, 1.15 * seen))


def _stairs(corners: Sequence[tuple[int, int]], last: int, edge: int, across: Scale, up: Scale) -> str:
    """Return the area between stairs and an edge: a value holds until the next place."""
    first, value = corners[0]
    turns = [(n, at) for (_, before), (n, at) in pairwise(corners) if at != before]
    steps = "".join(f"H{across(n):.1f}V{up(at):.1f}" for n, at in turns)
    end = f"H{across(last):.1f}" if first < last else f"h-1.5V{up(edge):.1f}h3V{up(value):.1f}"
    return f"M{across(first):.1f} {up(value):.1f}{steps}{end}V{up(edge):.1f}H{across(first):.1f}Z"
