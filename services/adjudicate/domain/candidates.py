"""Resolved units whose label may become a known one, and what a person says of them.

Gold is used up: whoever met a unit does not meet it again. What was settled for sure, or ruled, is where more comes
from. A person decides, for a label that many gave may still be what many get wrong.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from concord.review import has_part
from services.adjudicate.domain.escalation import REASON_CHARACTERS_MAX, Refused
from services.adjudicate.domain.unit import LABELLED, UnitState

Outcome = Literal["confirmed", "declined"]


class CandidateDoesNotExist(LookupError):
    """No such candidate, or one that this person has a part in, which looks the same."""

    field = "unit_id"
    cure = "take one from GET /v1/projects/{project_id}/gold/candidates"


class CandidateIsDecided(ValueError):
    """Somebody has said otherwise of the candidate."""

    field = "unit_id"
    cure = "take one from GET /v1/projects/{project_id}/gold/candidates; what was said stands"


class CandidateRefused(Refused):
    """What is said of a candidate cannot stand as it is."""


class Bar(NamedTuple):
    """What a project asks of a candidate that annotators settled.

    Attributes:
        labels_min: how many labels at least, all of which say the same; 0: only what was ruled becomes one.
        confidence_min: how sure it is at least.
    """

    labels_min: int
    confidence_min: float


class Candidate(NamedTuple):
    """A resolved unit that may become gold.

    Attributes:
        label: canonical JSON, in the newest names.
        alike: of the class that it is of, how many known labels there are.
    """

    unit: UnitState
    label: str
    alike: int


def may_become_gold(unit: UnitState, bar: Bar, same: Callable[[str, str], bool]) -> bool:
    """Return whether a unit is a candidate: ruled, or settled by labels that all say the same and are enough.

    Args:
        unit: the unit.
        bar: what the project asks for.
        same: whether two labels, canonical JSON, say the same.
    """
    # A second ruling of it may be another; or what was closed in bulk, nobody has looked at.
    if unit.status not in LABELLED or not unit.label or unit.gold or unit.closed_by:
        return False
    if unit.repeat == "waits":
        return False
    if unit.status == "adjudicated":
        return True
    counted = unit.counted()
    if not bar.labels_min or len(counted) < bar.labels_min or unit.confidence < bar.confidence_min:
        return False
    return all(
        not annotation.flag and bool(annotation.label) and same(annotation.label, unit.label) for annotation in counted
    )


def may_decide(unit: UnitState, reviewer_id: str) -> bool:
    """Return whether somebody may say whether a unit becomes gold: nobody who had a part in it, its ruler neither."""
    return not has_part((*unit.participants, unit.repeated_by), reviewer_id)


def most_useful(
    units: Iterable[tuple[UnitState, str]], known: Mapping[int, int], class_of: Callable[[str], int], count_max: int
) -> list[Candidate]:
    """Return candidates, first those of the classes with the fewest known labels; in each the hardest, then the newest.

    Hardest are those that were ruled, then those that took most labels: easy gold tells good annotators from
    bad ones less.

    Args:
        units: each with its label in the newest names.
        known: how many known labels there are, by class.
        class_of: the place of the class that a label is of; the same for all where labels have none.
        count_max: as many as are wanted.
    """
    by_class: dict[int, list[tuple[UnitState, str]]] = {}
    for unit, label in sorted(units, key=lambda pair: _hardest(pair[0])):
        by_class.setdefault(class_of(label), []).append((unit, label))
    found: list[Candidate] = []
    so_far = Counter({name: known.get(name, 0) for name in by_class})
    while by_class and len(found) < count_max:
        name = min(by_class, key=lambda class_name: (so_far[class_name], class_name))
        unit, label = by_class[name].pop(0)
        found.append(Candidate(unit, label, known.get(name, 0)))
        so_far[name] += 1
        if not by_class[name]:
            del by_class[name]
    return found


def _hardest(unit: UnitState) -> tuple[bool, float, int, str]:
    ruled = unit.status == "adjudicated"
    return not ruled, unit.led_with if ruled else -len(unit.counted()), -unit.decided_at_us, unit.unit_id


def decided(
    state: UnitState | None, may_become: Callable[[UnitState], bool], reviewer_id: str, outcome: Outcome, reason: str
) -> UnitState:
    """Return the unit once a person has said whether it becomes gold.

    Args:
        state: the unit.
        may_become: whether it is a candidate by the project's policy.
        reviewer_id: who says so.
        outcome: confirmed or declined.
        reason: why, in their words.

    Raises:
        CandidateDoesNotExist, CandidateIsDecided, CandidateRefused: it cannot be said so.
    """
    if state is None or not may_decide(state, reviewer_id):
        raise CandidateDoesNotExist("There is no such candidate.")
    if state.gold:
        raise CandidateIsDecided(f"The candidate was {'confirmed' if state.gold == 'chosen' else state.gold} before.")
    if not may_become(state):
        raise CandidateDoesNotExist("There is no such candidate.")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        problem, cure = "is empty or too long", f"say why in 1 to {REASON_CHARACTERS_MAX} characters"
        raise CandidateRefused("reason", problem, cure)
    return msgspec.structs.replace(
        state, gold="chosen" if outcome == "confirmed" else "declined", gold_by=reviewer_id, gold_reason=reason
    )


def contradicted(state: UnitState | None) -> UnitState | None:
    """Return the unit once an auditor's label is another than its own: it is never known; None when that is known."""
    if state is None or state.status not in LABELLED or state.gold == "dropped":
        return None
    return msgspec.structs.replace(state, gold="dropped")


def dropped(state: UnitState) -> UnitState:
    """Return the unit with its label known no more, where it was chosen: it is never chosen again."""
    return msgspec.structs.replace(state, gold="dropped") if state.gold == "chosen" else state


def not_for(state: UnitState) -> list[str]:
    """Return to whom the gold that a unit became is not shown: who had a part in the unit, and who chose it."""
    return sorted({*state.participants, state.repeated_by, state.gold_by} - {""})
