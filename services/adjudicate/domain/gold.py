"""A gold unit whose known label is in doubt, and what a person rules on it."""

from typing import Literal

import msgspec

from concord.review import has_part

REASON_CHARACTERS_MAX = 2_000

ANNOTATORS_MAX = 2_000
"""Of one gold unit, who have a part in it: as many as are told twice."""
APPEALS_MAX = 50
"""Of one gold unit: by then a person will have looked at it."""

Standing = Literal["flagged", "appealed", "confirmed", "corrected", "retired"]
WAITING: frozenset[Standing] = frozenset({"flagged", "appealed"})
Outcome = Literal["confirmed", "corrected", "retired"]


class GoldDoesNotExist(LookupError):
    """No such gold unit in doubt, or one that this person has answered, which looks the same."""

    field = "unit_id"
    cure = "take one from GET /v1/projects/{project_id}/gold"


class GoldIsRuled(ValueError):
    """Somebody has ruled on the gold unit otherwise."""

    field = "unit_id"
    cure = "take one from GET /v1/projects/{project_id}/gold; what was ruled stands"


class GoldRulingRefused(ValueError):
    """The ruling cannot stand as it is: which field, and the cure."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem
        self.cure = cure


class GoldAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A label of a gold unit, canonical JSON, and how many good annotators say it."""

    label: str
    annotators: int


class Appeal(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who got the unit wrong says that they were right, and why; when, or 0 where that was not kept."""

    annotator_id: str
    reason: str
    at_us: int = 0


class GoldState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gold unit of which there was ever a doubt.

    Attributes:
        known_label: canonical JSON; since it was corrected, the right one.
        doubted_label: the known label that was in doubt.
        revision: how often something was told of it.
        said: what good annotators say, most often said first.
        good, disagreeing: good annotators who answered it, and those who disagree.
        share_low: lower bound of the share that disagrees.
        closed_since: the version of the label schema since which the known label cannot be said; 0 where it can be.
            Once that is ruled, the version from which on answers are judged by the new one.
        annotators: who answered it, and so has a part in it.
        appeals: of those who got it wrong. One that is only appealed counts until somebody has ruled.
        flagged_at_us, ruled_at_us: when, microseconds since the epoch, UTC.
        reviewer_id: who ruled, with which reason.
    """

    unit_id: str
    project_id: str
    known_label: str
    doubted_label: str = ""
    standing: Standing = "flagged"
    revision: int = 1
    said: tuple[GoldAnswer, ...] = ()
    good: int = 0
    disagreeing: int = 0
    share_low: float = 0.0
    closed_since: int = 0
    annotators: tuple[str, ...] = ()
    appeals: tuple[Appeal, ...] = ()
    flagged_at_us: int = 0
    ruled_at_us: int = 0
    reviewer_id: str = ""
    reason: str = ""

    def appeal_of(self, annotator_id: str) -> Appeal | None:
        """Return somebody's appeal; None: they made none."""
        return next((appeal for appeal in self.appeals if appeal.annotator_id == annotator_id), None)


def flagged(state: GoldState | None, doubted: GoldState, now_us: int) -> GoldState | None:
    """Return the gold unit once it is known to be in doubt; None when it was, or a person has ruled on it."""
    if state is None:
        return msgspec.structs.replace(doubted, flagged_at_us=now_us)
    annotators = tuple(dict.fromkeys((*doubted.annotators, *state.annotators)))[-ANNOTATORS_MAX:]
    if doubted.closed_since > state.closed_since and state.standing != "retired":
        # Whatever was found or ruled of it: nobody can say its label any more, and somebody is to say what it is now.
        return msgspec.structs.replace(
            doubted,
            standing="flagged",
            revision=state.revision + 1,
            annotators=annotators,
            appeals=state.appeals if state.standing in WAITING else (),
            flagged_at_us=now_us,
        )
    if state.standing != "appealed":
        return None
    return msgspec.structs.replace(doubted, annotators=annotators, appeals=state.appeals, flagged_at_us=now_us)


def appealed(state: GoldState | None, fresh: GoldState, annotator_id: str, reason: str, now_us: int) -> GoldState:
    """Return the gold unit with the appeal of somebody who got it wrong.

    Args:
        state: what is known of it; None: there was no doubt.
        fresh: the unit with its known label, where that is new.
        annotator_id: whose appeal it is; said again, it is the one that it was.
        reason: why they were right, in their words.
        now_us: when.

    Raises:
        GoldIsRuled: a person has looked at it, or will, with so many appeals.
        GoldRulingRefused: the reason is empty or too long.
    """
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise GoldRulingRefused("reason", "is empty or too long", f"say why in 1 to {REASON_CHARACTERS_MAX} characters")
    before = state or msgspec.structs.replace(fresh, standing="appealed", revision=0, flagged_at_us=now_us)
    if before.appeal_of(annotator_id) is not None:
        return before
    if before.standing not in WAITING:
        raise GoldIsRuled("A person has ruled on this unit.")
    if len(before.appeals) >= APPEALS_MAX:
        raise GoldIsRuled("So many have appealed that a person will look at this unit anyhow.")
    annotators = tuple(dict.fromkeys((*before.annotators, annotator_id)))
    return msgspec.structs.replace(
        before, annotators=annotators, appeals=(*before.appeals, Appeal(annotator_id, reason, now_us))
    )


def appeal_open_since(state: GoldState) -> int | None:
    """Return since when the oldest appeal of a gold unit waits for a ruling, microseconds; None: none does."""
    if state.standing not in WAITING:
        return None
    return min((appeal.at_us or state.flagged_at_us for appeal in state.appeals), default=None)


def may_rule(state: GoldState, reviewer_id: str) -> bool:
    """Return whether somebody may rule on the gold unit: nobody who answered it."""
    return not has_part(state.annotators, reviewer_id)


def ruled(
    state: GoldState | None, reviewer_id: str, outcome: Outcome, label: str, reason: str, now_us: int
) -> GoldState:
    """Return the gold unit after a ruling.

    Args:
        state: the gold unit.
        reviewer_id: who rules.
        outcome: confirmed, corrected or retired.
        label: the right label, canonical JSON, where it is corrected; else empty.
        reason: why, in the reviewer's words.
        now_us: when.

    Raises:
        GoldDoesNotExist, GoldIsRuled, GoldRulingRefused: it cannot be ruled so.
    """
    if state is None or not may_rule(state, reviewer_id):
        raise GoldDoesNotExist("There is no such gold unit in doubt.")
    if state.standing not in WAITING:
        raise GoldIsRuled(f"The gold unit is {state.standing} by now.")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise GoldRulingRefused("reason", "is empty or too long", f"say why in 1 to {REASON_CHARACTERS_MAX} characters")
    if (outcome == "corrected") != bool(label):
        cure = "send the right label with corrected, and none with another outcome"
        raise GoldRulingRefused("label", f"does not go with {outcome}", cure)
    if outcome == "confirmed" and state.closed_since:
        cure = "send corrected with a label that is offered now, or retired"
        raise GoldRulingRefused("outcome", "does not go with a label that cannot be said any more", cure)
    if label == state.known_label:
        raise GoldRulingRefused("label", "is the known label", "send confirmed, or the label that is right")
    return msgspec.structs.replace(
        state,
        known_label=label or state.known_label,
        doubted_label=state.known_label,
        standing=outcome,
        revision=state.revision + 1,
        ruled_at_us=now_us,
        reviewer_id=reviewer_id,
        reason=reason,
    )
