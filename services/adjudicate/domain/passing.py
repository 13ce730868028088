"""Units that annotators pass over for what lies with the guideline, or with the unit itself."""

from typing import Literal

import msgspec

from services.adjudicate.domain.rule import PassedOver, Rule
from services.adjudicate.domain.unit import BROKEN_MIN, Judged, UnitState, Weigh, judged, reopened

UNCLEAR_MIN = 2
"""So many people must have said of a unit that the guideline is unclear before it is asked about."""

Code = Literal["guideline_unclear", "payload_broken"]


def passed_over(
    state: UnitState | None,
    unit_id: str,
    project_id: str,
    voice: PassedOver,
    code: Code,
    rework: int,
    referral: int,
    rule: Rule,
    weigh: Weigh,
) -> Judged | None:
    """Return what follows when somebody passed a unit over; None when nothing does.

    Args:
        state: the unit.
        unit_id: its id.
        project_id: its project.
        voice: who it was, and what they say; a person is counted once.
        code: why.
        rework: how often the unit's lot had been sent back when it was given to them.
        referral: how often, since then, it had been referred back.
        rule: the project's policy.
        weigh: tells which label leads.
    """
    before = state or UnitState(unit_id, project_id)
    if rework > before.rework:
        before = reopened(before, rework)
    if before.status != "open" or (rework, referral) < (before.rework, len(before.referrals)):
        return None
    passed_overs = before.unclear if code == "guideline_unclear" else before.broken
    if any(over.annotator_id == voice.annotator_id for over in passed_overs):
        return None
    passed_overs = (*passed_overs, voice)
    if code == "guideline_unclear":
        return Judged(msgspec.structs.replace(before, unclear=passed_overs), "recorded")
    after = msgspec.structs.replace(before, broken=passed_overs)
    # It is no label: what was decided on those that there are is not weighed anew by what is known by now.
    return judged(after, rule, weigh) if len(passed_overs) >= BROKEN_MIN else Judged(after, "recorded")
