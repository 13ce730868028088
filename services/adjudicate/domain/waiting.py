"""Why a unit waits, and for whom: a sentence for people, a code for programs."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from services.adjudicate.domain.unit import UnitState

For = Literal["", "annotators", "operator", "adjudicator", "client"]
_ESCALATED: Mapping[str, str] = {
    "no_consensus": "as many annotators as may be have labelled it and do not agree",
    "price": "its annotators do not agree, and another label is not worth its price",
    "flagged": "an annotator has flagged it",
    "payload_broken": "several annotators could not read, see or hear it",
    "nobody_left": "its annotators do not agree, and nobody is left who could label it",
}


class Waits(NamedTuple):
    """Whom a unit waits for and why; both empty for one that waits for nobody."""

    waits_for: For
    why: str


def waits(unit: UnitState, initial: int, life: str = "open", life_reason: str = "") -> Waits:
    """Return why a unit waits, and for whom; what its lot waits for is audit's to say.

    Args:
        unit: where it stands.
        initial: labels that its project asks of each unit at first.
        life: of its project: open, paused or closed.
        life_reason: why it is not open.

    >>> waits(UnitState("u", "p", admitted=True), 2).why
    'It waits for annotators: of 2 labels or more that are asked for, none is in.'
    """
    if unit.status not in ("open", "escalated"):
        return Waits("", "")
    # A project that is closed gives no work; what is escalated is ruled all the same.
    if life == "paused" or (life == "closed" and unit.status == "open"):
        return Waits(
            "client", f"Its project is {life}, and it is given to nobody: {life_reason or 'no reason is told'}"
        )
    if unit.status == "open":
        return _open(unit, initial)
    if unit.question_id:
        return Waits(
            "client",
            f"An adjudicator asked what the guideline says of it ({unit.question_id}): it waits for the answer.",
        )
    reason = _ESCALATED.get(unit.escalated_for, "its annotators do not agree")
    if not unit.labelling_ended:
        return Waits(
            "annotators", f"It goes to an adjudicator, for {reason}; somebody who holds it may still label it."
        )
    return Waits("adjudicator", f"It waits for an adjudicator: {reason}.")


def _open(unit: UnitState, initial: int) -> Waits:
    if unit.stranded and not unit.referrals:
        return Waits(
            "operator", "Nobody is left who may label it: it waits until somebody is there with the skills it asks for."
        )
    asked = unit.overlap_asked or (min(initial, unit.named) if unit.named else initial)
    have = len(unit.counted())
    come = "none is" if not have else "one is" if have == 1 else f"{have} are"
    if have >= asked:
        return Waits("annotators", f"It is being weighed: {come} in, and more may be asked for.")
    labels = "1 label" if asked == 1 else f"{asked} labels"
    if unit.referrals:
        whom = "its annotators" if unit.referrals[-1].names else "other annotators"
        return Waits("annotators", f"An adjudicator sent it back to {whom}: of {labels} that are asked for, {come} in.")
    return Waits("annotators", f"It waits for annotators: of {labels} or more that are asked for, {come} in.")
