"""Repeats: inspections that a second auditor made as well, blind, and what they come to."""

from collections.abc import Iterable

from concord.quality.auditor_error import Repeats
from services.audit.domain.unit import UnitState

REPEATS_WAITING_MAX = 100
"""Inspections of a lot that wait for a second auditor; while so many do, no more of it are drawn."""


def repeats_of(units: Iterable[UnitState], rework: int) -> Repeats:
    """Return what the repeats of a lot's inspections come to; nothing where none was repeated.

    Args:
        units: those that were inspected in time.
        rework: the lot's.
    """
    inspected = found = wrong = confirmed = right = overturned = 0
    for unit in units:
        first, second = unit.inspection, unit.repeated(rework)
        assert first is not None, "only inspected units are handed in"
        inspected += 1
        found += not first.correct
        if second is None:
            continue
        wrong += not first.correct
        confirmed += not first.correct and second.same and not second.correct
        right += first.correct
        overturned += first.correct and not second.correct
    if not wrong + right:
        return Repeats()
    return Repeats(inspected, found, wrong, confirmed, right, overturned)
