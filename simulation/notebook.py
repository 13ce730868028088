"""What people were told: their side of the story, against which the checkers hold what the services keep."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulation.wishes import says_same
from simulation.wording import Wording


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
    truth: Any
    known: bool
    annotators: tuple[str, ...] = ()


class Admitted(NamedTuple):
    """A service said: this unit is in, under this id.

    Attributes:
        content: canonical text of what was sent under it.
    """

    project_id: str
    source_id: str
    unit_id: str
    status: str
    content: str = ""
    duplicate_of: str = ""


class Submitted(NamedTuple):
    """Assign said: this label is in."""

    assignment_id: str
    annotator_id: str
    label: Any
    status: str


class Revised(NamedTuple):
    """Assign said: this revision of a label is in."""

    annotation_id: str
    annotator_id: str
    number: int
    label: Any


class Drafted(NamedTuple):
    """Assign said: this draft of a label is kept under this number."""

    assignment_id: str
    annotator_id: str
    revision: int


class Ended(NamedTuple):
    """Assign said: this assignment is skipped, or returned."""

    assignment_id: str
    annotator_id: str
    how: str


class Referred(NamedTuple):
    """Adjudicate said: this unit goes back to annotators, to the same or to others."""

    unit_id: str
    adjudicator_id: str
    to: str


class Ruled(NamedTuple):
    """Adjudicate said: this ruling stands. Without a label: that none is right."""

    unit_id: str
    adjudicator_id: str
    label: Any
    rework: int


class Chosen(NamedTuple):
    """Somebody said, or tried to, that a resolved unit's label is to be a known one, or that it is not."""

    unit_id: str
    outcome: str


class Inspected(NamedTuple):
    """Audit said: this verdict is taken."""

    unit_id: str
    auditor_id: str
    label: Any


class Unopened(NamedTuple):
    """Ingest did not hand over what a unit says to somebody who came with its link."""

    unit_id: str
    name: str
    status: int


class Paused(NamedTuple):
    """Assign said, at some moment from one until another: these are paused in a project, each by which rule."""

    project_id: str
    from_us: int
    until_us: int
    people: frozenset[tuple[str, str]]


class Exported(NamedTuple):
    """Audit handed over: one lot's export, its certificate, and the list of what was erased since, if any."""

    lot_id: str
    content: bytes
    certificate: bytes
    withdrawals: bytes = b""


class Heard(NamedTuple):
    """A reply: who asked, the client whose data they may see, where, and what they were told."""

    name: str
    client_id: str
    path: str
    body: bytes


@dataclass
class Notebook:
    """What everybody was told.

    Attributes:
        units: every unit that its client wants in, by project and the client's own name of it: several where a client
            sent other content under the same name at once, of which one gets in.
        definitions: everything that a client ever said of a project: a request that was late may bring an old one back.
        projects: what ingest answered last.
        wordings: of projects whose labels are classes, what these are called, version after version.
        erased: ids of units that were, or may have been, erased.
        erased_names: their projects, and their client's names of them.
        clocks_jumped: the services' clocks did not agree, so that what they told of times is not to be compared.
        unwanted: names of units that were refused and must never be in.
        left_out: ids of units that a project's sampling left out.
        published: names of units that the broker acknowledged on the intake topic.
        poison: values that were published to the intake topic and can never be taken.
        quality: what metrics said of each project when all was settled.
        replies: every reply to an annotator: who asked, and the body.
        heard: every reply to anybody who is bound to a client.
        wrongs: what a reply said that no reply may say, noted on the spot.
    """

    units: dict[tuple[str, str], list[Unit]] = field(default_factory=dict)
    definitions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    erased_names: set[tuple[str, str]] = field(default_factory=set)
    clocks_jumped: bool = False
    heard: list[Heard] = field(default_factory=list)
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    wordings: dict[str, Wording] = field(default_factory=dict)
    unwanted: set[tuple[str, str]] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    published: set[tuple[str, str]] = field(default_factory=set)
    poison: list[bytes] = field(default_factory=list)
    admitted: list[Admitted] = field(default_factory=list)
    offered: dict[str, str] = field(default_factory=dict)
    submitted: list[Submitted] = field(default_factory=list)
    revised: list[Revised] = field(default_factory=list)
    drafted: list[Drafted] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    ruled: list[Ruled] = field(default_factory=list)
    referred: list[Referred] = field(default_factory=list)
    inspected: list[Inspected] = field(default_factory=list)
    chosen: list[Chosen] = field(default_factory=list)
    unopened: list[Unopened] = field(default_factory=list)
    exported: list[Exported] = field(default_factory=list)
    paused: list[Paused] = field(default_factory=list)
    quality: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: list[tuple[str, bytes]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    def said(self, project_id: str, true: Any, version: int) -> Any:
        """Return a true label in the names that a version of its project's classes has."""
        wording = self.wordings.get(project_id)
        return true if wording is None else wording.said(true, version)

    def read(self, project_id: str, label: Any, version: int = 0) -> Any:
        """Return what a label of whichever version says in the names of another, of the newest for 0."""
        wording = self.wordings.get(project_id)
        return label if wording is None else wording.read(label, version)

    def says_true(self, project_id: str, label: Any, true: Any) -> bool:
        """Return whether a label says what is true, under whichever version."""
        wording = self.wordings.get(project_id)
        return says_same(label, true) if wording is None else wording.says_true(label, true)

    def version(self, project_id: str) -> int:
        """Return the newest version of a project's classes."""
        wording = self.wordings.get(project_id)
        return 1 if wording is None else wording.version
