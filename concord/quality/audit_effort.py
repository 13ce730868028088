"""How many units an audit costs: sequential against single sampling and against "we check five percent".

Klie, Haladjian, Kirchner, Nair, "On Efficient and Statistical Quality Estimation for Data Annotation", ACL 2024
(arXiv 2405.11919), find that annotation projects inspect samples chosen mostly without justification, and that
acceptance sampling reaches the same guarantees with up to half the inspections. These functions make the same
comparison for any lot, by computation and by replaying an audit whose outcome is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from concord.quality.acceptance import (
    Bounds,
    Decision,
    Guarantee,
    find_single_plan,
    percentage_plan,
    sequential_plan,
    stopping_law,
)
from concord.quality.sampling_laws import hypergeometric_at_most, hypergeometric_over


class Plan(Protocol):
    """Any plan by attributes."""

    @property
    def inspected_max(self) -> int:
        """The most units that inspection can take."""
        ...

    def bounds(self) -> Bounds:
        """Return accept and reject numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Effort:
    """Mean units inspected to judge one finite lot; all but the last keep the same two risks.

    Attributes:
        lot_size, lot_errors: the lot.
        single: sample of the smallest single plan, inspected to its end; as a share of the lot, the percentage
            that a fixed-percentage rule would need.
        single_curtailed: the same plan, stopped when its verdict is settled.
        sequential: the sequential plan.
        accepted_sequential: chance that the sequential plan accepts this lot.
    """

    lot_size: int
    lot_errors: int
    single: int
    single_curtailed: float
    sequential: float
    accepted_sequential: float

    @property
    def saved_share(self) -> float:
        """Share of the single plan's inspections that the sequential plan saves."""
        return 1 - self.sequential / self.single


def audit_effort(guarantee: Guarantee, lot_errors: int) -> Effort:
    """Return what the plans for `guarantee` cost on a lot with so many wrong units; exact, no simulation.

    Raises:
        ValueError: the guarantee is for a stream, not a lot.

    >>> effort = audit_effort(Guarantee(aql=0.05, alpha=0.05, ltpd=0.10, beta=0.10, lot_size=800), lot_errors=82)
    >>> effort.single, round(effort.sequential)
    (180, 90)
    """
    if guarantee.lot_size is None:
        raise ValueError("effort is told for a lot of known size")
    single = find_single_plan(guarantee)
    at_curtailed = stopping_law(single.bounds())
    law = stopping_law(sequential_plan(guarantee).bounds())
    points = law.in_lot(guarantee.lot_size, lot_errors)
    return Effort(
        guarantee.lot_size,
        lot_errors,
        single.sample_size,
        float(at_curtailed.mean_inspected(at_curtailed.in_lot(guarantee.lot_size, lot_errors))),
        float(law.mean_inspected(points)),
        float(law.accept_probability(points)),
    )


def percentage_risks(guarantee: Guarantee, share: float) -> tuple[float, float]:
    """Return producer's and consumer's risk of inspecting a fixed share and holding it against the AQL.

    The habit to compare with, `percentage_plan`: the same percentage means a harsh test of large lots and almost none
    of small ones.

    >>> [round(risk, 2) for risk in percentage_risks(Guarantee(0.05, 0.05, 0.10, 0.10, lot_size=800), 0.05)]
    [0.32, 0.22]
    """
    if guarantee.lot_size is None:
        raise ValueError("a percentage needs a lot of known size")
    size, accept_max = percentage_plan(share, guarantee.aql, guarantee.lot_size)
    good, bad = guarantee.lot_errors
    return (
        float(hypergeometric_over(accept_max, guarantee.lot_size, good, size)),
        float(hypergeometric_at_most(accept_max, guarantee.lot_size, bad, size)),
    )


def replay(plan: Plan, wrong: Iterable[bool]) -> tuple[Decision, int]:
    """Return the verdict and the units it took, inspecting in the given order.

    Raises:
        ValueError: the series ended before a verdict.

    >>> from concord.quality.acceptance import SinglePlan
    >>> replay(SinglePlan(3, 0), [False, True, False])
    ('reject', 2)
    """
    bounds = plan.bounds()
    errors = 0
    for inspected, is_wrong in enumerate(wrong, start=1):
        errors += bool(is_wrong)
        decision = bounds.decide(inspected, errors)
        if decision != "continue":
            return decision, inspected
    raise ValueError("the series ended before the plan came to a verdict")
