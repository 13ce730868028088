"""Escalations: who may rule, what a ruling needs, and which unit a person's time is best spent on."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec

from concord.labels import Json, encoded
from concord.labels.form import Form, answers_of, same
from concord.review import has_part
from services.adjudicate.domain.consensus import FieldStanding
from services.adjudicate.domain.objects import Regions
from services.adjudicate.domain.unit import UnitState

REASON_CHARACTERS_MAX = 2_000


class EscalationDoesNotExist(LookupError):
    """No such unit, or one that this adjudicator has a part in, which looks the same."""

    field = "unit_id"
    cure = "take one from GET /v1/escalations"


class NotEscalated(ValueError):
    """The unit does not wait for a ruling."""

    field = "unit_id"
    cure = "take one from GET /v1/escalations; what was ruled is binding"


class Refused(ValueError):
    """What was sent cannot stand as it is: which field, and the cure."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


class RulingRefused(Refused):
    """A ruling cannot."""


class FieldDispute(NamedTuple):
    """What annotators say in one field of an escalated unit.

    Attributes:
        confidence: of its leading answer, and whether there is one or that there is to be none: see `FieldStanding`.
            A field that hangs on one that came to nothing was not weighed: 0, and not decided.
        agreed: whether all of them say the same.
        answers: each, or None where they did not answer it, with how many say so; in the order in which they came in.
    """

    field: str
    confidence: float
    decided: bool
    agreed: bool
    answers: list[tuple[Json, int]]


def disputes(form: Form, state: UnitState, labels: Sequence[Json]) -> list[FieldDispute]:
    """Return what annotators say in each field that any of them answered, in the form's order.

    Args:
        form: the schema.
        state: the unit.
        labels: of it, in the order in which they came in, as they read under the schema.
    """
    voices = [answers_of(form, label) for label in labels]
    standings = {standing.field: standing for standing in state.fields}
    found = []
    for field in form.fields:
        if not any(field.name in answers for answers in voices):
            continue
        weighed = standings.get(field.name, FieldStanding(field.name, 0.0, decided=False))
        agreed = all(same(field, first, other) for first, other in combinations(voices, 2))
        given = [answers.get(field.name) for answers in voices]
        counts = Counter(map(encoded, given))
        answers = [(msgspec.json.decode(text), times) for text, times in counts.items()]
        found.append(FieldDispute(field.name, weighed.confidence, weighed.decided, agreed, answers))
    return found


def expected_loss(confidence: float, *, leads: bool) -> float:
    """Return how much is to be gained by a ruling: the chance that the leading label is wrong.

    Args:
        confidence: that it is right.
        leads: whether there is one.
    """
    return 1.0 - (confidence if leads else 0.0)


def may_rule(state: UnitState, reviewer_id: str) -> bool:
    """Return whether a unit waits for a ruling that may be this reviewer's.

    Not before assign has said who still holds it: else somebody could rule while a label of theirs is on its way.
    """
    return _waits(state) and not has_part(state.annotators, reviewer_id)


def _waits(state: UnitState) -> bool:
    return state.status == "escalated" and state.labelling_ended and not state.question_id


def ruled(
    state: UnitState | None,
    adjudicator_id: str,
    label: str,
    reason: str,
    schema_version: int = 1,
    regions: Regions | None = None,
) -> UnitState:
    """Return the unit after a ruling.

    Args:
        state: the unit.
        adjudicator_id: who rules.
        label: canonical JSON text.
        reason: why, in the adjudicator's words.
        schema_version: under which the label was given.
        regions: where what is drawn in it comes from.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: it cannot be ruled so.
    """
    state = heard(state, adjudicator_id, reason)
    return msgspec.structs.replace(
        state,
        status="adjudicated",
        label=label,
        confidence=1.0,
        led_with=state.confidence,
        schema_version=schema_version,
        regions=regions,
    )


def unanswerable(state: UnitState | None, adjudicator_id: str, reason: str) -> UnitState:
    """Return the unit after a ruling that no label is right for it: settled, and without one.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: as `ruled`.
    """
    state = heard(state, adjudicator_id, reason)
    return msgspec.structs.replace(state, status="unanswerable", label="", confidence=0.0, led_with=state.confidence)


def waiting(state: UnitState | None, adjudicator_id: str, reason: str, question_id: str) -> UnitState:
    """Return the unit once an adjudicator found that the guideline does not say: it waits for the answer.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: as `ruled`.
    """
    return msgspec.structs.replace(heard(state, adjudicator_id, reason), question_id=question_id)


def answered(state: UnitState | None, question_id: str) -> UnitState | None:
    """Return the unit once the question that it waits for is answered; None where it waits for no such question."""
    if state is None or not question_id or state.question_id != question_id:
        return None
    return msgspec.structs.replace(state, question_id="", adjudicator_id="", ruling_reason="")


def heard(state: UnitState | None, adjudicator_id: str, reason: str) -> UnitState:
    """Return the unit with an adjudicator's word of it noted, if it may be theirs.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: it is not, or the word has no reason.
    """
    if state is None or has_part(state.annotators, adjudicator_id):
        raise EscalationDoesNotExist("There is no such escalation.")
    if state.status != "escalated":
        raise NotEscalated(f"The unit is {state.status} and waits for no ruling.")
    if state.question_id:
        raise NotEscalated("The unit waits for the answer to a question on the guideline.")
    if not state.labelling_ended:
        raise NotEscalated("The unit was escalated this moment, and who still holds it is not known yet.")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise RulingRefused("reason", "is empty or too long", f"say why in 1 to {REASON_CHARACTERS_MAX} characters")
    return msgspec.structs.replace(
        state,
        adjudicator_id=adjudicator_id,
        ruling_reason=reason,
        rulers=tuple(dict.fromkeys((*state.rulers, adjudicator_id))),
    )


def closable(state: UnitState, above: float) -> bool:
    """Return whether an escalated unit may be closed on its leading label: it has one, at least so sure.

    Not one that two annotators flagged: what they saw in it no posterior knows of.
    """
    return _waits(state) and bool(state.label) and state.confidence >= above and state.escalated_for != "flagged"


def closed(state: UnitState | None, above: float, closed_by: str) -> UnitState | None:
    """Return the escalated unit settled on its leading label; None where it is not to be closed, or not any more."""
    if state is None or not closable(state, above):
        return None
    return msgspec.structs.replace(state, status="consensus", closed_by=closed_by)
