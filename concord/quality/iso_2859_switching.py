"""Switching between normal, tightened and reduced inspection: ISO 2859-1:1999, clause 9.3, as a state machine.

Without these rules the tables protect nobody: a producer of bad lots would keep normal inspection for ever.
"""

from dataclasses import dataclass, replace

from concord.quality.iso_2859 import Inspection, StandardPlan, tighter_accept_max

REJECTED_TO_TIGHTEN = 2  # of five or fewer consecutive lots
LOTS_LOOKED_BACK = 5
ACCEPTED_TO_RELAX = 5
REJECTED_TO_DISCONTINUE = 5  # on tightened inspection
SCORE_TO_REDUCE = 30


@dataclass(frozen=True, slots=True)
class SwitchingState:
    """Where a series of lots stands.

    Attributes:
        inspection: severity for the next lot.
        verdicts: last lots of the present severity, True where accepted, oldest first, at most five.
        score: switching score of normal inspection.
        rejected: lots not accepted since tightened inspection began.
        discontinued: inspection is suspended until the cause is put right (`resume`).
    """

    inspection: Inspection = "normal"
    verdicts: tuple[bool, ...] = ()
    score: int = 0
    rejected: int = 0
    discontinued: bool = False


def after_lot(
    state: SwitchingState, plan: StandardPlan, aql_percent: float, errors: int, *, reduction_allowed: bool = True
) -> SwitchingState:
    """Return the state after one lot on original inspection.

    Args:
        state: where the series stood; its severity gave `plan`.
        plan: the plan the lot was inspected by.
        aql_percent: its AQL, percent.
        errors: wrong units in the whole sample.
        reduction_allowed: production is steady and the client agrees to reduced inspection.

    The score (9.3.3.2) gains 2 for an accepted lot where Ac is 0 or 1; where Ac is 2 or more it gains 3 if the
    lot would also pass at the next tighter AQL; in any other case it starts again at 0.

    Raises:
        ValueError: inspection is discontinued.

    >>> from concord.quality.iso_2859 import standard_plan
    >>> state, plan = SwitchingState(), standard_plan(1000, 1.0)
    >>> after_lot(after_lot(state, plan, 1.0, errors=3), plan, 1.0, errors=4).inspection
    'tightened'
    """
    if state.discontinued:
        raise ValueError("inspection is discontinued: resume after the cause is put right")
    accepted = errors <= plan.accept_max
    verdicts = (*state.verdicts, accepted)[-LOTS_LOOKED_BACK:]
    if state.inspection == "normal":
        score = _score(state.score, plan, aql_percent, errors)
        return _after_normal(replace(state, verdicts=verdicts, score=score), reduction_allowed)
    if state.inspection == "tightened":
        return _after_tightened(replace(state, verdicts=verdicts, rejected=state.rejected + (not accepted)))
    return replace(state, verdicts=verdicts) if accepted and reduction_allowed else SwitchingState("normal")


def _after_normal(state: SwitchingState, reduction_allowed: bool) -> SwitchingState:
    if state.verdicts.count(False) >= REJECTED_TO_TIGHTEN:
        return SwitchingState("tightened")
    return SwitchingState("reduced") if reduction_allowed and state.score >= SCORE_TO_REDUCE else state


def _after_tightened(state: SwitchingState) -> SwitchingState:
    if state.rejected >= REJECTED_TO_DISCONTINUE:
        return replace(state, discontinued=True)
    return SwitchingState("normal") if state.verdicts.count(True) == ACCEPTED_TO_RELAX else state


def resume(state: SwitchingState) -> SwitchingState:
    """Return the state after the cause is put right: tightened inspection from the start (9.4).

    >>> resume(SwitchingState("tightened", discontinued=True))
    SwitchingState(inspection='tightened', verdicts=(), score=0, rejected=0, discontinued=False)
    """
    if not state.discontinued:
        raise ValueError("inspection was not discontinued")
    return SwitchingState("tightened")


def _score(score: int, plan: StandardPlan, aql_percent: float, errors: int) -> int:
    if errors > plan.accept_max:
        return 0
    if plan.accept_max <= 1:
        return score + 2
    tighter = tighter_accept_max(plan.plan_letter, aql_percent)
    return score + 3 if tighter is not None and errors <= tighter else 0
