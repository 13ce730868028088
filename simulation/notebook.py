"""What people were told: their side of the story, against which the checkers hold what the services keep."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Unit(NamedTuple):
    """A unit as its client sent it.

    Attributes:
        truth: its true label, which only the town knows.
        content: what is shown to whoever labels it.
        known: whether it was sent as gold.
    """

    project_id: str
    source_id: str
    content: Any
    truth: str
    known: bool
    annotators: tuple[str, ...] = ()


class Admitted(NamedTuple):
    """A service said: this unit is in, under this id."""

    project_id: str
    source_id: str
    unit_id: str
    status: str


class Submitted(NamedTuple):
    """Assign said: this label is in."""

    assignment_id: str
    annotator_id: str
    label: str
    status: str


class Ended(NamedTuple):
    """Assign said: this assignment is skipped, or returned."""

    assignment_id: str
    annotator_id: str
    how: str


class Ruled(NamedTuple):
    """Adjudicate said: this ruling stands."""

    unit_id: str
    adjudicator_id: str
    label: str
    rework: int


class Inspected(NamedTuple):
    """Audit said: this verdict is taken."""

    unit_id: str
    auditor_id: str
    label: str


class Exported(NamedTuple):
    """Audit handed over: one lot's export and its certificate."""

    lot_id: str
    content: bytes
    certificate: bytes


@dataclass
class Notebook:
    """What everybody was told.

    Attributes:
        units: every unit that its client wants in, by project and the client's own name of it.
        unwanted: names of units that were refused and must never be in.
        left_out: ids of units that a project's sampling left out.
        published: names of units that the broker acknowledged on the intake topic.
        poison: values that were published to the intake topic and can never be taken.
        quality: what metrics said of each project when all was settled.
        replies: every reply to an annotator: who asked, and the body.
        wrongs: what a reply said that no reply may say, noted on the spot.
    """

    units: dict[tuple[str, str], Unit] = field(default_factory=dict)
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    unwanted: set[tuple[str, str]] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    published: set[tuple[str, str]] = field(default_factory=set)
    poison: list[bytes] = field(default_factory=list)
    admitted: list[Admitted] = field(default_factory=list)
    offered: dict[str, str] = field(default_factory=dict)
    submitted: list[Submitted] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    ruled: list[Ruled] = field(default_factory=list)
    inspected: list[Inspected] = field(default_factory=list)
    exported: list[Exported] = field(default_factory=list)
    quality: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: list[tuple[str, bytes]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
