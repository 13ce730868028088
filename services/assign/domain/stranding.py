"""Units that wait for annotators of whom none is left: no event would ever end that wait, so it is given an end here.

Once everybody who is defined and fit has had a unit, it goes round once more to those who skipped it, gave it back or
let its lease end, and who was barred from it, for their labels were wrong in its lot, is so no more; when they, too,
have let it go as often as they may, it is stranded, and that is told.
"""

from typing import Literal

import msgspec

from services.assign.domain.overlap import LET_GO, seen_by, slots_open, turns
from services.assign.domain.unit import UnitState

TURNS_MAX = 2
"""How often a unit goes round once more."""
LET_GO_MAX = 50
"""Assignments of one round that may end without a label: a unit that nobody wants goes to a reviewer, not to all."""

Reason = Literal["", "everybody_had_it", "named_had_it", "named_not_known", "given_up_too_often"]


def why_nobody(state: UnitState, fit: frozenset[str]) -> Reason:
    """Return why nobody is left who could be offered the unit now; empty while somebody is, or it wants no labels.

    Args:
        state: the unit; neither gold nor a copy, which wait for nobody in particular.
        fit: everybody who is defined and has the skills that it takes.
    """
    if state.gold or not slots_open(state):
        return ""
    if sum(assignment.status in LET_GO for assignment in state.current) >= LET_GO_MAX:
        return "given_up_too_often"
    if state.named:
        # It is an order: somebody who is named and not known yet keeps their turn, and is told of.
        holders = turns(state)
        return "named_had_it" if not holders else "" if fit.intersection(holders) else "named_not_known"
    seen = seen_by(state)
    return "everybody_had_it" if len(fit) <= len(seen) and fit <= seen else ""


def once_more(state: UnitState, fit: frozenset[str]) -> UnitState | None:
    """Return the unit offered once more to those who let it go; None when it may not, or nobody of them is fit."""
    reason = why_nobody(state, fit)
    if reason not in ("everybody_had_it", "named_had_it") or state.turn >= TURNS_MAX:
        return None
    having = frozenset(assignment.annotator_id for assignment in state.current if assignment.status not in LET_GO)
    back = {assignment.annotator_id for assignment in state.current if assignment.status in LET_GO} - having
    if not back & fit:
        return None
    return msgspec.structs.replace(state, turn=state.turn + 1, stranded=False)


def unbar(state: UnitState, fit: frozenset[str]) -> UnitState | None:
    """Return the unit with nobody barred from it; None when somebody else is left, or nobody of them is fit.

    Their label is looked at like any other, and without it the lot would have none.
    """
    if not fit.intersection(state.barred) or not why_nobody(state, fit):
        return None
    return msgspec.structs.replace(state, barred=(), stranded=False)


def strand(state: UnitState, fit: frozenset[str]) -> UnitState | None:
    """Return the unit stranded; None when it is, or when somebody is left, be it for once more."""
    left = once_more(state, fit) is not None or unbar(state, fit) is not None
    if state.stranded or left or not why_nobody(state, fit):
        return None
    return msgspec.structs.replace(state, stranded=True)
