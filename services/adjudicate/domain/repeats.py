"""Repeats: rulings that a second adjudicator gives blind, by which adjudicators are measured."""

import hashlib
import hmac
from typing import NamedTuple

import msgspec

from concord.labels.digest import label_digest
from concord.quality.estimate import Estimate
from concord.quality.intervals import wilson
from concord.review import has_part
from services.adjudicate.domain.unit import UnitState

WAITING_MAX = 200
"""Of a project: while so many wait for a second adjudicator, no more are drawn."""
SHOWN_MAX = 100
"""The newest differences of a project that are shown."""
DRAW_BYTES = 8
RULED = frozenset({"adjudicated", "unanswerable"})
"""How a unit stands while the first word on it stands."""


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an adjudicator said of a unit: a label as canonical JSON, empty where the outcome is none."""

    outcome: str
    reason: str
    label: str = ""

    @property
    def digest(self) -> str:
        """What stands for it where it is asked only whether it is the same; its reason is not in it."""
        return label_digest(f"{self.outcome}/{self.label}".encode())


class Difference(NamedTuple):
    """A unit on which two adjudicators do not say the same; the first word stands."""

    unit_id: str
    first: Word
    second: Word
    at_us: int


class RepeatsState(msgspec.Struct, frozen=True):
    """What a project's repeats came to. What was said is in the records that counted it: here it would be in each.

    Attributes:
        made: that were ruled by a second adjudicator.
        same: of these, where both say the same.
    """

    project_id: str
    made: int = 0
    same: int = 0

    @property
    def agreement(self) -> Estimate:
        """The share of rulings in which a second adjudicator says the same, with its 95 % interval."""
        return wilson(self.same, self.made)


class Second(NamedTuple):
    """A second word on a unit, and whether it is the same as the first."""

    unit_id: str
    first: Word
    second: Word
    same: bool


def is_drawn(secret: bytes, unit_id: str, rework: int, rate: float) -> bool:
    """Return whether a ruling is repeated: by a keyed hash, so that no adjudicator can foresee which of theirs is.

    >>> sum(is_drawn(b"s", f"u{number}", 0, 0.25) for number in range(1_000))
    252
    """
    made = hmac.digest(secret, f"repeat\x00{unit_id}\x00{rework}".encode(), hashlib.sha256)
    return int.from_bytes(made[:DRAW_BYTES]) < rate * float(1 << 8 * DRAW_BYTES)


def may_repeat(state: UnitState, reviewer_id: str) -> bool:
    """Return whether a unit waits for a second ruling that may be this reviewer's: no part in it, and not the first."""
    return state.repeat == "waits" and not has_part((*state.annotators, *state.rulers), reviewer_id)


def as_listed(state: UnitState) -> UnitState:
    """Return a unit as an adjudicator may see it: waiting for a second ruling it looks as before the first."""
    if state.repeat != "waits":
        return state
    return msgspec.structs.replace(state, status="escalated", label=state.leading_label, confidence=state.led_with)


def first_word(state: UnitState) -> Word:
    """Return what the first adjudicator said of a unit."""
    outcome = "label" if state.status == "adjudicated" else state.status
    return Word(outcome, state.ruling_reason, state.label)


def repeated(state: UnitState, adjudicator_id: str, digest: str) -> UnitState:
    """Return the unit with its second ruling given: it changes nothing but who had a part in it.

    Args:
        state: the unit.
        adjudicator_id: who gave it.
        digest: of what they said.
    """
    rulers = tuple(dict.fromkeys((*state.rulers, adjudicator_id)))
    return msgspec.structs.replace(
        state, repeat="done", repeated_by=adjudicator_id, repeated_digest=digest, rulers=rulers
    )


def counted(state: RepeatsState | None, project_id: str, second: Second) -> RepeatsState:
    """Return what a project's repeats come to with one more."""
    before = state or RepeatsState(project_id)
    return msgspec.structs.replace(before, made=before.made + 1, same=before.same + second.same)
