"""Escalations: who may rule, what a ruling needs, and which unit a person's time is best spent on."""

from collections import Counter
from itertools import combinations
from typing import NamedTuple

import msgspec

from concord.labels import Json, encoded
from concord.labels.form import Form, answers_of, same
from concord.review import has_part
from services.adjudicate.domain.consensus import FieldStanding
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


class RulingRefused(ValueError):
    """The ruling cannot stand as it is: which field, and the cure."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


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


def disputes(form: Form, state: UnitState) -> list[FieldDispute]:
    """Return what annotators say in each field that any of them answered, in the form's order."""
    said = [answers_of(form, msgspec.json.decode(one.label)) for one in state.counted() if one.label]
    standings = {one.field: one for one in state.fields}
    found = []
    for field in form.fields:
        if not any(field.name in answers for answers in said):
            continue
        weighed = standings.get(field.name, FieldStanding(field.name, 0.0, decided=False))
        agreed = all(same(field, one, other) for one, other in combinations(said, 2))
        given = [answers.get(field.name) for answers in said]
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
    return state.status == "escalated" and state.labelling_ended and not has_part(state.annotators, reviewer_id)


def ruled(state: UnitState | None, adjudicator_id: str, label: str, reason: str) -> UnitState:
    """Return the unit after a ruling.

    Args:
        state: the unit.
        adjudicator_id: who rules.
        label: canonical JSON text.
        reason: why, in the adjudicator's words.

    Raises:
        EscalationDoesNotExist, NotEscalated, RulingRefused: it cannot be ruled so.
    """
    if state is None or has_part(state.annotators, adjudicator_id):
        raise EscalationDoesNotExist("There is no such escalation.")
    if state.status != "escalated":
        raise NotEscalated(f"The unit is {state.status} and waits for no ruling.")
    if not state.labelling_ended:
        raise NotEscalated("The unit was escalated this moment, and who still holds it is not known yet.")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise RulingRefused("reason", "is empty or too long", f"say why in 1 to {REASON_CHARACTERS_MAX} characters")
    return msgspec.structs.replace(
        state,
        status="adjudicated",
        label=label,
        confidence=1.0,
        adjudicator_id=adjudicator_id,
        ruling_reason=reason,
        rulers=tuple(dict.fromkeys((*state.rulers, adjudicator_id))),
    )
