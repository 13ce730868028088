"""The verdict on a lot: how many units are inspected, when it is enough, and what the result says."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from concord.quality.acceptance import (
    Bounds,
    Guarantee,
    find_single_plan,
    percentage_plan,
    sequential_plan,
    stored_bounds,
)
from concord.quality.estimate import Estimate
from concord.quality.iso_2859 import Inspection as Severity
from concord.quality.iso_2859 import standard_plan
from concord.quality.operating_characteristic import oc_hypergeometric
from concord.quality.whole import least_whole

PlanKind = Literal["sequential", "single", "fraction", "iso_2859_1"]
FIXED = ("fraction", "iso_2859_1")
"""Plans whose sample is inspected to its end, whatever is found: how many are inspected is known beforehand."""
SEVERITIES: tuple[Severity, ...] = ("normal", "tightened", "reduced")
CONFIDENCE = 0.95


class Unplannable(ValueError):
    """No plan can be made by a project's policy; the reason is a clause."""


class Standard(msgspec.Struct, frozen=True, gc=False):
    """How a plan was taken out of the tables of ISO 2859-1.

    Attributes:
        level: inspection level, from Table 1.
        inspection: severity: normal, tightened or reduced.
        lot_letter, plan_letter: code letters of the lot's size, and of the plan after the tables' arrows.
        reduction: whether the project lets inspection be reduced.
    """

    level: str
    inspection: Severity
    lot_letter: str
    plan_letter: str
    reduction: bool


class Terms(NamedTuple):
    """What a plan of ISO 2859-1 hangs on beside the lot and the aql: the level, the severity, and what may follow."""

    level: str = "II"
    inspection: Severity = "normal"
    reduction: bool = False


class Plan(msgspec.Struct, frozen=True, gc=False):
    """An acceptance plan as it is stored with the lot: its numbers are all that is needed to decide by it.

    Attributes:
        sample_size: units after which inspection ends in any case.
        accept_max: errors up to which a lot is accepted there.
        log_ratio_accept, log_ratio_reject: the limits of a sequential plan; 0 for the others.
        standard: of a plan of ISO 2859-1, how it was found; None for the others.
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
    standard: Standard | None = None

    def bounds(self) -> Bounds:
        """Return the table of accept and reject numbers; making it anew may take a second of a large plan."""
        guarantee = Guarantee(self.aql, self.alpha, self.ltpd, self.beta, self.lot_units)
        limits = self.log_ratio_accept, self.log_ratio_reject
        return stored_bounds(guarantee, self.sample_size, self.accept_max, *limits)

    def in_words(self) -> str:
        """Return the plan in one line."""
        if self.standard is not None:
            plan = self.standard
            found = f"{plan.inspection} level={plan.level} letter={plan.plan_letter} aql={self.aql:g}"
            return f"{self.kind} n={self.sample_size} of {self.lot_units} c={self.accept_max} {found}"
        risks = f"aql={self.aql:g} ltpd={self.ltpd:g} alpha={self.alpha:g} beta={self.beta:g}"
        return f"{self.kind} n<={self.sample_size} of {self.lot_units} c={self.accept_max} {risks}"

    def consumers_risk(self, samples: int) -> float | None:
        """Return the probability at most with which a lot at the ltpd passes one of so many samples; None: any.

        Each lets it pass with probability beta at most: by Boole's inequality the sum is a bound, whatever the samples
        have to do with each other. A plan of ISO 2859-1 is found by its aql alone, and what it comes to at the ltpd is
        reckoned for the lot's size; of samples before the last, by the severity that lets most through.
        """
        if self.kind == "fraction":
            return None
        beta = self.beta
        if self.standard is not None:
            beta = _passing(self)
            if samples > 1:
                beta = max(beta, *(_passing(severity) for severity in _severities(self, self.standard)))
        return min(1.0, samples * beta)


def plan_for(
    kind: PlanKind,
    fraction: float,
    aql: float,
    ltpd: float,
    alpha: float,
    beta: float,
    lot_units: int,
    series: Terms = Terms(),  # noqa: B008 - frozen
) -> Plan:
    """Return the plan by which a lot of so many units is judged; `series` is for those of ISO 2859-1 alone.

    A finite lot too small for its risks is inspected whole. `fraction` is a percentage and promises nothing: it is
    there because contracts ask for it. It is inspected to its end, and accepts while the share of errors is within the
    aql.

    >>> plan = plan_for("iso_2859_1", 0.05, 0.01, 0.05, 0.05, 0.1, 500)
    >>> plan.sample_size, plan.accept_max, round(plan.consumers_risk(1), 3)
    (50, 1, 0.264)
    """
    if kind == "iso_2859_1":
        size, accept_max, standard = _standard(aql, lot_units, series)
        return Plan(kind, lot_units, aql, ltpd, alpha, beta, size, accept_max, standard=standard)
    if kind == "fraction":
        size, accept_max = percentage_plan(fraction, aql, lot_units)
        return Plan(kind, lot_units, aql, ltpd, alpha, beta, size, accept_max)
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


def _standard(aql: float, lot_units: int, series: Terms) -> tuple[int, int, Standard]:
    """Return sample size, acceptance number and origin of a plan of the standard; one unit alone is in no table."""
    level, inspection, reduction = series
    if lot_units == 1:
        return 1, 0, Standard(level, inspection, "", "", reduction)
    found = standard_plan(lot_units, round(100 * aql, 9), level, inspection)
    # A whole lot of no more than Ac units could not fail; one that is wrong throughout does here.
    accept_max = min(found.accept_max, found.sample_size - 1)
    return found.sample_size, accept_max, Standard(level, inspection, found.lot_letter, found.plan_letter, reduction)


def _severities(plan: Plan, standard: Standard) -> Iterator[Plan]:
    terms = (Terms(standard.level, severity) for severity in SEVERITIES)
    for term in terms:
        yield plan_for("iso_2859_1", 0.0, plan.aql, plan.ltpd, plan.alpha, plan.beta, plan.lot_units, term)


def _passing(plan: Plan) -> float:
    """Return the chance that a fixed sample of a lot at the ltpd lets it pass."""
    wrong = least_whole(plan.ltpd * plan.lot_units)
    return float(oc_hypergeometric(plan.lot_units, wrong, plan.sample_size, plan.accept_max))


class Rate(msgspec.Struct, frozen=True, gc=False):
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
