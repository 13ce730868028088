"""Looks at every commit of offsets: what the records caused must be said by then."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from concord.chassis.broker.port import Incoming, Outgoing, TopicPartition
from concord.chassis.store.memory import MemoryDatabase
from concord.chassis.store.port import Document
from concord.contracts.codec import Undecodable, decode
from concord.contracts.topics import BY_NAME


class Offsets:
    """Knows what was stored for which cause, and what was said.

    Attributes:
        wrongs: offsets that were committed too early, a sentence each.
    """

    def __init__(self) -> None:
        self.wrongs: list[str] = []
        self._said: set[tuple[str, bytes]] = set()
        self._stored: dict[tuple[str, str], list[tuple[MemoryDatabase, Document]]] = defaultdict(list)

    def said(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Hear what was appended to a topic."""
        self._said.update((topic, record.value) for record in records)

    def stored(self, service: str, database: MemoryDatabase, documents: Sequence[Document]) -> None:
        """Hear what was handed to a service's journal; whether it is there is looked at when it matters."""
        for document in documents:
            if document["events"] != _NO_EVENTS:
                for cause in document["causes"]:
                    self._stored[service, cause].append((database, document))

    def committed(self, group: str, place: TopicPartition, records: Sequence[Incoming]) -> None:
        """Hear that a group is done with these records."""
        for record in records:
            for database, document in self._stored.get((group, _event_id(record)), ()):
                there = database.shelf("journal").documents.get(document["_id"])
                # Two of one commit may have asked for the number, for one cause even, where who gave up waiting asked
                # again: what lost is not there, and is said of nothing.
                if there is None or (there["commit"], there["place"]) != (document["commit"], document["place"]):
                    continue
                for event in msgspec.msgpack.decode(document["events"]):
                    if (event["topic"], event["value"]) not in self._said:
                        self.wrongs.append(
                            f"{group} committed {place.topic}[{place.partition}]@{record.offset} and has not said what "
                            f"follows from it on {event['topic']}"
                        )


_NO_EVENTS = msgspec.msgpack.encode([])


def _event_id(record: Incoming) -> str:
    topic = BY_NAME[record.topic]
    if topic.message is None:
        return ""
    try:
        event: Any = decode(topic, record.value)
    except Undecodable:
        return ""
    return str(event.metadata.event_id)


class WatchedOffsets(dict[TopicPartition, int]):
    """The offsets that a group has committed, of which every change is looked at.

    Args:
        group: whose.
        cluster: has the records.
        offsets: told of them.
    """

    def __init__(self, group: str, cluster: Any, offsets: Offsets) -> None:
        super().__init__()
        self._group, self._cluster, self._offsets = group, cluster, offsets

    def update(self, done: Mapping[TopicPartition, int]) -> None:  # type: ignore[override]  # the one form that is used
        """Take in what is done, after a look."""
        for place, offset in done.items():
            self._offsets.committed(self._group, place, self._cluster.whole(place)[self.get(place, 0) : offset])
        super().update(done)
