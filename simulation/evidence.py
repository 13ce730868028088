"""What is left when a run is over: the topics' records and the stores' documents, read without the services' code."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from concord.chassis.broker.memory import MemoryCluster
from concord.chassis.broker.port import Incoming, TopicPartition
from concord.contracts.codec import decode
from concord.contracts.topics import BY_NAME, TOPICS, Topic
from simulation.house import House


class RecordedEvent(NamedTuple):
    """One event as it was said first: its topic, kind, metadata and content."""

    topic: str
    kind: str
    metadata: Any
    content: Any
    record: Incoming


class Kept(NamedTuple):
    """One record of a service's journal, as raw as the store gives it back; `state` and `events` are parsed."""

    service: str
    aggregate: str
    seq: int
    causes: list[str]
    state: dict[str, Any]
    events: list[dict[str, Any]]


@dataclass
class Evidence:
    """Everything that checkers look at beside the people's notebook.

    Attributes:
        records: all records of each topic, partition by partition.
        said: every event once, in the order of its first record within a partition.
        kept: every service's journal, by service.
        documents: of other collections, by service and name.
    """

    records: dict[str, list[Incoming]] = field(default_factory=dict)
    said: list[RecordedEvent] = field(default_factory=list)
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    documents: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    _ids: dict[tuple[str, bytes], str] = field(default_factory=dict)

    @classmethod
    def of(cls, house: House) -> "Evidence":
        """Return what a house holds."""
        evidence = cls()
        for topic in TOPICS:
            evidence.hear(topic, records_of(house.cluster, topic))
        for service, database in sorted(house.databases.items()):
            evidence.kept[service] = sorted(
                (_kept(service, document) for document in database.dump("journal")),
                key=lambda kept: (kept.aggregate, kept.seq),
            )
        for collection in ("units", "open_units", "waiting"):
            evidence.documents["ingest", collection] = house.database("ingest").dump(collection)
        evidence.documents["assign", "drafts"] = house.database("assign").dump("drafts")
        return evidence

    def hear(self, topic: Topic, records: list[Incoming]) -> None:
        """Take in a topic's records."""
        self.records[topic.name] = records
        self.said += _said(topic, records)

    def event_id(self, topic: str, value: bytes) -> str:
        """Return the id of the event that a record's value holds."""
        if (topic, value) not in self._ids:
            event: Any = decode(BY_NAME[topic], value)
            self._ids[topic, value] = event.metadata.event_id
        return self._ids[topic, value]

    def events(self, kind: str) -> Iterator[RecordedEvent]:
        """Yield the events of a kind."""
        return (entry for entry in self.said if entry.kind == kind)

    def by_id(self, kind: str, field_name: str) -> dict[str, list[RecordedEvent]]:
        """Return the events of a kind by one of their fields."""
        found: dict[str, list[RecordedEvent]] = defaultdict(list)
        for event in self.events(kind):
            found[getattr(event.content, field_name)].append(event)
        return found


def records_of(cluster: MemoryCluster, topic: Topic) -> list[Incoming]:
    """Return a topic's records, partition by partition."""
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    return [record for place in places for record in cluster.log(place)]


def _said(topic: Topic, records: list[Incoming]) -> Iterator[RecordedEvent]:
    if topic.message is None:
        return
    heard: set[str] = set()
    for record in records:
        event: Any = decode(topic, record.value)
        if event.metadata.event_id in heard:
            continue
        heard.add(event.metadata.event_id)
        if any(oneof.name == "event" for oneof in event.DESCRIPTOR.oneofs):
            kind = event.WhichOneof("event")
            yield RecordedEvent(topic.name, kind, event.metadata, getattr(event, kind), record)
        else:
            yield RecordedEvent(topic.name, "dead_letter", event.metadata, event, record)


def _kept(service: str, document: dict[str, Any]) -> Kept:
    return Kept(
        service,
        document["aggregate"],
        document["seq"],
        document["causes"],
        json.loads(document["state"]),
        msgspec.msgpack.decode(document["events"]),
    )
