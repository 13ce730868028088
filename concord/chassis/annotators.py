"""Annotators as other services see them: rows of the annotators topic."""

from dataclasses import dataclass
from typing import cast

from google.protobuf.message import Message

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.table import Table
from concord.contracts.topics import ANNOTATORS
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent


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
