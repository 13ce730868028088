"""When a unit is settled, and when not: what its project's policy says, and what annotators and adjudicators do."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from concord.quality.stopping import Prices


class Rule(NamedTuple):
    """When a unit is settled: the project's policy.

    Attributes:
        prices: by which a further label is asked for, where the project says them.
        says: whether a label says one thing under today's schema, and not one of several; None where each does.
        humans_min: how many people's labels there must be among those that settle it.
    """

    overlap_initial: int
    overlap_max: int
    confidence: float
    prices: Prices | None = None
    says: Callable[[str], bool] | None = None
    humans_min: int = 0


class PassedOver(msgspec.Struct, frozen=True, array_like=True):
    """That an annotator could not label a unit: their words, when, and the guideline that they had."""

    annotator_id: str
    reason: str
    at_us: int
    guideline_version: int


class Referral(msgspec.Struct, frozen=True, array_like=True):
    """That an adjudicator sent an escalated unit back to annotators, in place of a ruling.

    Attributes:
        comment: to those who are asked then.
        names: to whom alone it went; none: to anybody who had not labelled it.
    """

    adjudicator_id: str
    comment: str
    at_us: int
    names: tuple[str, ...] = ()
