"""A label is revised: while its unit is not resolved it takes the earlier one's place, and else is told to be late."""

from typing import Literal, NamedTuple

import msgspec

from concord.labels.digest import label_digest
from services.adjudicate.domain.rule import Rule
from services.adjudicate.domain.unit import RESOLVED, Annotation, Judged, UnitState, Weigh, annotated, judged, reopened

AFRESH = frozenset({"no_consensus", "nobody_left", "price"})
"""Why a unit was escalated whose labels, revised, may settle it after all: nobody said that they must not."""

Reason = Literal["resolved", "sent_back"]


class TooLate(NamedTuple):
    """A revision that came in too late.

    Attributes:
        counted: the revision of the annotation that counted, or counts; 0: the first word.
    """

    annotation: Annotation
    counted: int
    reason: Reason


def revised(
    state: UnitState | None,
    unit_id: str,
    project_id: str,
    annotation: Annotation,
    rule: Rule,
    weigh: Weigh,
    *,
    overlap_asked: int = 0,
) -> Judged | TooLate | None:
    """Return what follows when a label was revised; None when nothing does: of gold, of what was erased, or is older.

    An open unit is judged with it. An escalated one is settled where its labels now settle it, and else stays with the
    adjudicators as its labels now are. The label keeps its place among the others.

    Args:
        state: the unit.
        unit_id: its id.
        project_id: its project.
        annotation: the label, whole.
        rule: the project's policy as of now.
        weigh: tells which label leads.
        overlap_asked: how many annotations assign says that it was asked for.
    """
    before = state or UnitState(unit_id, project_id)
    if before.status in ("gold", "withdrawn"):
        return None
    if annotation.rework > before.rework:
        before = reopened(before, annotation.rework)
    known = next((other for other in before.annotations if other.annotation_id == annotation.annotation_id), None)
    if known is not None and known.revision >= annotation.revision:
        return None
    earlier = (annotation.rework, annotation.referral) < (before.rework, len(before.referrals))
    if earlier or before.status in RESOLVED:
        reason: Reason = "sent_back" if earlier else "resolved"
        return TooLate(annotation, known.revision if known is not None else 0, reason)
    if known is None:
        return annotated(before, unit_id, project_id, annotation, rule, weigh, overlap_asked=overlap_asked)
    kept = msgspec.structs.replace(annotation, digest=label_digest(annotation.label.encode()))
    after = msgspec.structs.replace(
        before, annotations=tuple(kept if other is known else other for other in before.annotations)
    )
    return judged(after, rule, weigh) if before.status == "open" else _escalated(after, rule, weigh)


def _escalated(state: UnitState, rule: Rule, weigh: Weigh) -> Judged:
    """Return an escalated unit with a label revised: settled after all, or on its adjudicators' list as it now is."""
    opened = msgspec.structs.replace(state, status="open", escalated_for="")
    again = judged(opened, rule, weigh)
    if again.verdict == "consensus" and state.escalated_for in AFRESH and not state.question_id:
        return again
    as_weighed = again.state if again.state.decided_round else state
    stays = msgspec.structs.replace(
        as_weighed,
        status="escalated",
        escalated_for=state.escalated_for,
        overlap_asked=state.overlap_asked,
        steps=state.steps,
    )
    return Judged(stays, "recorded")
