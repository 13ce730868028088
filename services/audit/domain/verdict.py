"""The verdict on a lot: how many units are inspected, when it is enough, and what the result says."""

import math
from typing import Literal

import msgspec

from concord.quality.acceptance import (
    Bounds,
    Guarantee,
    find_single_plan,
    sequential_plan,
    stored_bounds,
)
from concord.quality.estimate import Estimate

PlanKind = Literal["sequential", "single", "fraction"]
CONFIDENCE = 0.95


class Unplannable(ValueError):
    """No plan can be made by a project's policy; the reason is a clause."""


class Plan(msgspec.Struct, frozen=True):
    """An acceptance plan as it is stored with the lot: its numbers are all that is needed to decide by it.

    Attributes:
        sample_size: units after which inspection ends in any case.
        accept_max: errors up to which a lot is accepted there.
        log_ratio_accept, log_ratio_reject: the limits of a sequential plan; 0 for the others.
    """

    kind: PlanKind
    lot_units: int
    aql: float
    ltpd: float
    alpha: float
    beta: float
    sample_size: int
    accept_max: int
    log_ratio_accept: float = 0.0
    log_ratio_reject: float = 0.0

    def bounds(self) -> Bounds:
        """Return the table of accept and reject numbers; making it anew may take a second of a large plan."""
        guarantee = Guarantee(self.aql, self.alpha, self.ltpd, self.beta, self.lot_units)
        limits = self.log_ratio_accept, self.log_ratio_reject
        return stored_bounds(guarantee, self.sample_size, self.accept_max, *limits)

    def in_words(self) -> str:
        """Return the plan in one line."""
        risks = f"aql={self.aql:g} ltpd={self.ltpd:g} alpha={self.alpha:g} beta={self.beta:g}"
        return f"{self.kind} n<={self.sample_size} of {self.lot_units} c={self.accept_max} {risks}"


def plan_for(
    kind: PlanKind, fraction: float, aql: float, ltpd: float, alpha: float, beta: float, lot_units: int
) -> Plan:
    """Return the plan by which a lot of so many units is judged.

    A finite lot too small for its risks is inspected whole. `fraction` is a percentage and promises nothing: it is
    there because contracts ask for it. It is inspected to its end, and accepts while the share of errors is within the
    aql.
    """
    if kind == "fraction":
        size = max(1, math.ceil(fraction * lot_units))
        return Plan(kind, lot_units, aql, ltpd, alpha, beta, size, math.floor(aql * size))
    guarantee = Guarantee(aql, alpha, ltpd, beta, lot_units)
    if kind == "single":
        single = find_single_plan(guarantee)
        return Plan(kind, lot_units, aql, ltpd, alpha, beta, single.sample_size, single.accept_max)
    found = sequential_plan(guarantee)
    return Plan(
        kind,
        lot_units,
        aql,
        ltpd,
        alpha,
        beta,
        found.inspected_max,
        found.accept_max,
        found.log_ratio_accept,
        found.log_ratio_reject,
    )


class Rate(msgspec.Struct, frozen=True):
    """A label error rate as it is told everywhere: on the certificate, in events and at the door.

    Attributes:
        value, low, high: None where there is nothing to tell it of.
        units: inspected.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int
    method: str
    reason: str = ""


def rate_told(estimate: Estimate) -> Rate:
    """Return an estimate as it is told."""
    return Rate(estimate.value, estimate.low, estimate.high, estimate.units, estimate.method, estimate.reason)
