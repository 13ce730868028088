"""Identity of units: what a client's own id stands for, and what makes two sendings of it the same.

A unit is known by its client's id. What it says is compared field by field; its content is compared by a keyed
fingerprint. A content is claimed for one unit at a time, by number: claim 1 of a content is the first to be tried,
and only where it is void does claim 2 count, and so on. A claim is void for good when its unit came to say something
else, so two processes that read the same claims come to the same owner.
"""

from typing import Literal, NamedTuple

import msgspec

CLAIMS_MAX = 20
"""Void claims of one content that are passed over: each takes an id that its client had used for something else."""


class UnitState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit as it was first sent, admitted or told to be a duplicate.

    Attributes:
        admitted_at_us: when; 0 for a duplicate and for what is only claimed yet.
        gold_mark: keyed hash of the known label; empty for a unit that is work.
        duplicate_of: the unit of the same content that stands for this one, which is then not labelled itself.
        first_source_id: that unit's client's id.
        suggestion_mark: keyed hash of a model's suggestion; empty where there is none.
        uncertainty: of a model, from 0 to 1; None where none was told.
        stratum: what part of the data it is of.
        subject_mark: keyed hash of whose personal data it is; empty where that was not told.
        guideline_version: the project's when it was admitted: a lot has units of one.
        erased_at_us: when it was withdrawn; its content is gone, and no other comes under its id. 0: it was not.
        counted_as: under which mark it was counted when it came in, where its project bounds what is open.
        arrival: with which others it came: the arrival's record tells of it.
    """

    unit_id: str
    project_id: str
    source_id: str
    media_type: str = ""
    fingerprint: str = ""
    admitted_at_us: int = 0
    gold_mark: str = ""
    priority: int = 0
    skills: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()
    duplicate_of: str = ""
    first_source_id: str = ""
    suggestion_mark: str = ""
    uncertainty: float | None = None
    stratum: str = ""
    subject_mark: str = ""
    erased_at_us: int = 0
    guideline_version: int = 0
    counted_as: str = ""
    arrival: str = ""

    @property
    def gold(self) -> bool:
        """Return whether the unit measures annotators."""
        return bool(self.gold_mark)

    @property
    def content_key(self) -> str:
        """Return what is claimed for one unit: a content, in one project, as gold or as work."""
        return f"{self.project_id}/{'gold' if self.gold else 'work'}/{self.fingerprint}"


class Suggested(msgspec.Struct, frozen=True):
    """What a model says of a unit.

    Attributes:
        label: canonical JSON.
        hidden: whether it is kept from annotators.
    """

    label: bytes
    model: str = ""
    confidence: float | None = None
    hidden: bool = False


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit whole, as a claim of its content has it and as it is stored.

    So whoever meets the claim of a dead process, or the unit of one that has told nobody, can finish its work.

    Attributes:
        unit: as it is to be admitted, without the time; or as it was.
        gold: the known label as canonical JSON, for gold.
        content_length: of a text, in code points.
        suggested: a model's label.
        gold_of: the resolved unit that gold was made of; empty for what a client sent.
        not_for: who had a part in that one, or chose it: nobody who is to be shown this one.
    """

    unit: UnitState
    gold: bytes | None = None
    content_length: int | None = None
    suggested: Suggested | None = None
    gold_of: str = ""
    not_for: tuple[str, ...] = ()


class Arrival(NamedTuple):
    """Units whose sending was taken up, and which may not all be in, or told: their process died, or is slow.

    Attributes:
        arrival_id: its key.
        project_id: whose.
        unit_ids: the units.
        marks: under which marks those are counted that are.
    """

    arrival_id: str
    project_id: str
    unit_ids: list[str]
    marks: list[str]


class ArrivalState(msgspec.Struct, frozen=True):
    """Of which units of one arrival the others were told, in its order: those that came in, and duplicates."""

    project_id: str
    unit_ids: tuple[str, ...]


class Place(NamedTuple):
    """What became of one unit that was sent.

    Attributes:
        status: admitted now; repeated, when this id was there and said the same; erased, when it was withdrawn;
            duplicate_of, when the content was there under another id; left_out by the project's sampling; unknown, when
            it is asked for and was never taken.
        unit: the unit as it is known.
    """

    status: Literal["admitted", "repeated", "duplicate_of", "left_out", "unknown", "erased"]
    unit: UnitState


_COMPARED = (
    ("fingerprint", "content"),
    ("gold_mark", "gold"),
    ("media_type", "media_type"),
    ("priority", "priority"),
    ("skills", "skills"),
    ("annotators", "annotators"),
    ("suggestion_mark", "suggestion"),
    ("uncertainty", "uncertainty"),
    ("stratum", "stratum"),
    ("subject_mark", "subject"),
)


def differing(known: UnitState, sent: UnitState) -> str | None:
    """Return the first field in which a unit that is sent again differs from what is known; None when in none.

    >>> one = UnitState("k-u1", "k-p", "row 1", "text/plain", "f")
    >>> differing(one, one), differing(one, msgspec.structs.replace(one, priority=9, annotators=("w1",)))
    (None, 'priority')
    """
    return next((field for name, field in _COMPARED if getattr(known, name) != getattr(sent, name)), None)


def waits_for_lot(unit: UnitState) -> bool:
    """Return whether a unit that is admitted is to be in a lot; gold, duplicates and what is erased are in none."""
    return not unit.gold and not unit.duplicate_of and not unit.erased_at_us


def content_place(unit: UnitState) -> str:
    """Return the place that a unit's content is sealed for: it opens as this content of this unit alone."""
    return f"{unit.unit_id}/{unit.fingerprint}"


def stands_for(holder: UnitState, sent: UnitState) -> bool:
    """Return whether the unit that claimed a content came to hold it; if not, its claim is void for good."""
    return holder.content_key == sent.content_key and not holder.duplicate_of and not holder.erased_at_us
