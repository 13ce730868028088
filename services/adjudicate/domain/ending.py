"""Assign gives a unit to nobody any more: it was told to end, nobody is left, or it was erased."""

from collections.abc import Sequence

import msgspec

from services.adjudicate.domain.rule import Rule
from services.adjudicate.domain.unit import RESOLVED, Judged, UnitState, Weigh, judged


def stranded(state: UnitState | None, rework: int, referral: int, rule: Rule, weigh: Weigh) -> Judged | None:
    """Return what follows when nobody is left who could label the unit; None when nothing does.

    With labels it goes to an adjudicator as it is. Without any it waits for somebody new, and assign lists it; or goes
    back to an adjudicator, where one had referred it back.
    """
    if state is None or state.status != "open" or state.stranded or (rework, referral) != _now(state):
        return None
    return judged(msgspec.structs.replace(state, stranded=True), rule, weigh)


def ended(state: UnitState | None, rework: int, referral: int, may_submit: Sequence[str]) -> Judged | None:
    """Return the unit once assign gives it, in a round, to nobody any more; None when that changes nothing.

    Who `may_submit` can still send a label of it: they have it in hand, which is a part in it.
    """
    if state is None or state.status == "gold" or (rework, referral) != _now(state):
        return None
    fresh = tuple(annotator_id for annotator_id in may_submit if annotator_id not in state.annotators)
    if state.labelling_ended and not fresh:
        return None
    after = msgspec.structs.replace(state, labelling_ended=True, may_submit=(*state.may_submit, *fresh))
    return Judged(after, "recorded", fresh if state.status in RESOLVED else ())


def withdrawn(state: UnitState | None, unit_id: str, project_id: str) -> UnitState:
    """Return the unit after it was erased: closed for good, without labels and without the client's name of it."""
    before = state or UnitState(unit_id, project_id)
    return UnitState(unit_id, project_id, admitted=True, status="withdrawn", rework=before.rework, page=before.page)


def _now(state: UnitState) -> tuple[int, int]:
    return state.rework, len(state.referrals)
