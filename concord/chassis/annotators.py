"""Annotators as other services see them: rows of the annotators topic."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar, cast

from google.protobuf.message import Message

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.table import Revised, Table
from concord.contracts.topics import ANNOTATORS
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent

MODEL = "model"


@dataclass(frozen=True, slots=True)
class AnnotatorRow:
    """One annotator as last defined.

    Attributes:
        kind: "human" or "model".
        skills: what the annotator has, whether a credential holds or not.
        vendor: whose people they are; empty where that was not said.
        languages: BCP 47 tags.
    """

    annotator_id: str
    revision: int
    kind: str
    skills: frozenset[str]
    vendor: str = ""
    languages: tuple[str, ...] = ()

    @property
    def model(self) -> bool:
        """Whether they are a model."""
        return self.kind == MODEL


def annotator_from(event: Message) -> AnnotatorRow:
    """Return the annotator that an AnnotatorEvent defines.

    Raises:
        ValueError: it defines none.
    """
    defined = definition_in(event)
    skills, languages = frozenset(defined.skills), tuple(defined.languages)
    return AnnotatorRow(defined.annotator_id, defined.revision, defined.kind, skills, defined.vendor, languages)


def definition_in(event: Message) -> AnnotatorDefined:
    """Return what an AnnotatorEvent says.

    Raises:
        ValueError: it defines no annotator.
    """
    envelope = cast("AnnotatorEvent", event)
    if not envelope.HasField("annotator_defined"):
        raise ValueError("an AnnotatorEvent that defines no annotator")
    return envelope.annotator_defined


def annotator_table(broker: Broker, clock: Clock, dead_letters: DeadLetters) -> Table[AnnotatorRow]:
    """Return the table of all annotators, by annotator id."""
    return Table(broker, ANNOTATORS, annotator_from, clock, dead_letters)


class Told(Revised, Protocol):
    """A row of an annotator, whatever else is kept of them."""

    @property
    def model(self) -> bool:
        """Return whether they are a model."""
        ...


OfKind = TypeVar("OfKind", bound=Told)


class KindRow(NamedTuple):
    """Of an annotator, whether they are a model: all that is kept where nothing else is asked of them."""

    revision: int
    model: bool


def kind_table(broker: Broker, clock: Clock, dead_letters: DeadLetters) -> Table[KindRow]:
    """Return the table of what kind each annotator is, by annotator id."""
    return Table(broker, ANNOTATORS, _kind_from, clock, dead_letters)


def models_in(annotators: Table[OfKind]) -> Callable[[str], bool]:
    """Return what tells whether somebody of this name is an annotator of kind model, as last defined."""
    rows = annotators.rows

    def is_model(subject: str) -> bool:
        row = rows.get(subject)
        return row is not None and row.model

    return is_model


def _kind_from(event: Message) -> KindRow:
    defined = definition_in(event)
    return KindRow(defined.revision, defined.kind == MODEL)
