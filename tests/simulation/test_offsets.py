"""What the look at committed offsets counts: events of what is in the journal, and of nothing that lost its number."""

import random

import msgspec
import pytest

from concord.chassis.broker.port import Incoming, Outgoing, TopicPartition
from concord.chassis.store.memory import MemoryDatabase
from concord.chassis.store.port import Document
from concord.contracts.codec import encode, schema_headers
from concord.contracts.topics import ANNOTATIONS, RESOLUTIONS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.metadata_pb2 import Metadata
from simulation.offsets import Offsets

PLACE = TopicPartition(ANNOTATIONS.name, 1)


def record(place: int, cause: str, value: bytes = b"") -> Document:
    """Return a record of a unit's journal that stands at a place of its commit and says `value`, or nothing."""
    events = msgspec.msgpack.encode([{"topic": RESOLUTIONS.name, "value": value}] if value else [])
    return {"_id": "k1/unit/u1/000005", "commit": "one/5", "place": place, "causes": [cause], "events": events}


def label(cause: str) -> Incoming:
    """Return the event of a label."""
    event = AnnotationEvent(
        metadata=Metadata(event_id=cause, client_id="k1", project_id="k1-p", occurred_at_us=1),
        annotation_submitted=AnnotationSubmitted(unit_id="u1"),
    )
    return Incoming(*PLACE, 0, b"u1", encode(event), schema_headers(), 0)


@pytest.mark.parametrize("is_said", [True, False])
@pytest.mark.parametrize("wins", [True, False])
@pytest.mark.parametrize("another", ["redefined/2", "label"])
def test_what_a_label_caused_is_to_be_said_unless_another_of_its_commit_took_its_number(
    is_said: bool, wins: bool, another: str
) -> None:
    offsets, database = Offsets(), MemoryDatabase(random.Random(1))
    # Of one cause there are two in a commit where who gave up waiting asked again, at another moment.
    of_another, of_label = record(0, another), record(1, "label", b"asks for more")
    offsets.stored("adjudicate", database, [of_another, of_label])
    database.shelf("journal").documents[of_label["_id"]] = of_label if wins else of_another
    if is_said:
        offsets.said(RESOLUTIONS.name, [Outgoing(RESOLUTIONS.name, b"u1", b"asks for more")])
    offsets.committed("adjudicate", PLACE, [label("label")])
    assert bool(offsets.wrongs) == (wins and not is_said)
