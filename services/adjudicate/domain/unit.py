"""A unit on its way to one label: annotations come in, one decision a round goes out."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from services.adjudicate.domain.consensus import Leading

FLAGS_TO_ESCALATE = 2

Status = Literal["open", "consensus", "escalated", "adjudicated", "gold", "withdrawn"]


class Annotation(msgspec.Struct, frozen=True):
    """One counted label; `label` is canonical JSON text."""

    annotation_id: str
    annotator_id: str
    label: str
    guideline_version: int
    rework: int = 0
    flag: str = ""


class UnitState(msgspec.Struct, frozen=True):
    """A unit as adjudicate knows it, whichever of its events came first.

    Attributes:
        admitted: whether its admission was heard; nothing is decided before.
        rework: how often its lot was sent back; only annotations of this rework count.
        wanted: annotations asked for so far; 0 until the first decision.
        decided_round: annotations that were in at the last decision.
        label: the resolved label, or the leading one of an escalated unit; canonical JSON text, empty for none.
        leading_label: what led before an adjudicator ruled.
        traceparent: W3C trace context under which it was admitted; empty when nobody traces.
    """

    unit_id: str
    project_id: str
    admitted: bool = False
    status: Status = "open"
    annotations: tuple[Annotation, ...] = ()
    rework: int = 0
    wanted: int = 0
    decided_round: int = 0
    label: str = ""
    confidence: float = 0.0
    leading_label: str = ""
    escalated_for: str = ""
    adjudicator_id: str = ""
    ruling_reason: str = ""
    traceparent: str = ""

    def counted(self) -> tuple[Annotation, ...]:
        """Return the annotations that count now."""
        return tuple(one for one in self.annotations if one.rework == self.rework)


class Rule(NamedTuple):
    """When a unit is settled: the project's policy."""

    overlap_initial: int
    overlap_max: int
    confidence: float


class Judged(NamedTuple):
    """A decision of one round: the new state, and what is to be told."""

    state: UnitState
    verdict: Literal["overlap_requested", "consensus", "escalated", "recorded"]


Weigh = Callable[[Sequence[Annotation]], Leading]


def admitted(
    state: UnitState | None,
    unit_id: str,
    project_id: str,
    gold: bool,
    rule: Rule,
    weigh: Weigh,
    traceparent: str = "",
) -> Judged:
    """Return what follows when the unit's admission is heard; a gold unit is never resolved."""
    before = state or UnitState(unit_id, project_id)
    status: Status = "gold" if gold else before.status
    after = msgspec.structs.replace(before, admitted=True, status=status, traceparent=traceparent)
    return judged(after, rule, weigh)


def annotated(
    state: UnitState | None, unit_id: str, project_id: str, annotation: Annotation, rule: Rule, weigh: Weigh
) -> Judged:
    """Return what follows when an annotation is in."""
    before = state or UnitState(unit_id, project_id)
    if annotation.rework > before.rework:
        # Its lot was rejected; that news is still on its way.
        before = reopened(before, annotation.rework)
    after = msgspec.structs.replace(before, annotations=(*before.annotations, annotation))
    return judged(after, rule, weigh)


def judged(state: UnitState, rule: Rule, weigh: Weigh) -> Judged:
    """Decide the round, if there is one to decide."""
    counted = state.counted()
    rounds = len(counted)
    due = state.admitted and state.status == "open" and rounds > state.decided_round
    flagged = sum(bool(one.flag) for one in counted) >= FLAGS_TO_ESCALATE
    if not due or (rounds < (state.wanted or rule.overlap_initial) and not flagged):
        return Judged(state, "recorded")
    best = weigh(counted)
    label = "" if best.label is None else msgspec.json.encode(best.label, order="deterministic").decode()
    decided = msgspec.structs.replace(
        state, decided_round=rounds, label=label, confidence=best.confidence, leading_label=label
    )
    if flagged:
        return Judged(msgspec.structs.replace(decided, status="escalated", escalated_for="flagged"), "escalated")
    if label and best.confidence >= rule.confidence:
        return Judged(msgspec.structs.replace(decided, status="consensus"), "consensus")
    if rounds < rule.overlap_max:
        return Judged(msgspec.structs.replace(decided, wanted=rounds + 1), "overlap_requested")
    return Judged(msgspec.structs.replace(decided, status="escalated", escalated_for="no_consensus"), "escalated")


def reopened(state: UnitState, rework: int) -> UnitState:
    """Return the unit after its lot was sent back: its history kept, its labels asked for anew."""
    if state.rework >= rework or state.status in ("gold", "withdrawn"):
        return state
    return msgspec.structs.replace(
        state,
        rework=rework,
        status="open",
        wanted=0,
        decided_round=0,
        label="",
        confidence=0.0,
        leading_label="",
        escalated_for="",
        adjudicator_id="",
        ruling_reason="",
    )


def withdrawn(state: UnitState | None, unit_id: str, project_id: str) -> UnitState:
    """Return the unit after it was erased: closed for good, without labels."""
    before = state or UnitState(unit_id, project_id)
    return UnitState(unit_id, project_id, admitted=True, status="withdrawn", rework=before.rework)
