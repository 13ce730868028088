"""What happened, in order: every record and every insert, added up to one hash by which two runs are compared."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Any

from concord.chassis.broker.memory import MemoryCluster
from concord.chassis.broker.port import Incoming, Outgoing, TopicPartition
from concord.chassis.clock import Clock
from concord.chassis.journal.record import JOURNAL
from concord.chassis.store import memory
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.port import Document
from simulation.offsets import Offsets, WatchedOffsets


class Trace:
    """The story of one run.

    Args:
        show: is handed each line; None: nobody reads along.
    """

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self._show = show
        self._digest = hashlib.sha256()
        self.lines = 0

    def tell(self, *words: object) -> None:
        """Add a line."""
        line = f"{asyncio.get_running_loop().time():.6f} " + " ".join(map(str, words))
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        self.lines += 1
        if self._show is not None:
            self._show(line)

    def sha256(self) -> str:
        """Return the hash of all lines so far."""
        return self._digest.hexdigest()


class TracedStore(MemoryStore):
    """A store whose inserts are told.

    Args:
        service: whose it is.
        writer: which life of it holds it.
        trace: where they are told.
        offsets: hears what is stored.
    """

    def __init__(
        self, database: MemoryDatabase, faults: memory.Faults, service: str, writer: str, trace: Trace, offsets: Offsets
    ) -> None:
        super().__init__(database, faults)
        self._service = service
        self._writer = writer
        self._trace = trace
        self._offsets = offsets

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Tell what is inserted, and insert it."""
        for document in documents:
            self._trace.tell("insert", self._writer, collection, document)
        if collection == JOURNAL.name:
            self._offsets.stored(self._service, self._database, documents)
        return await super().insert(collection, documents)


class TownCluster(MemoryCluster):
    """A cluster whose records are told, and of which a partition may lag behind: its newest records are not yet read.

    Args:
        trace: where they are told.
    """

    def __init__(self, clock: Clock, generator: random.Random, trace: Trace) -> None:
        super().__init__(clock, generator)
        self._trace = trace
        self.offsets = Offsets()
        self._held_at: dict[TopicPartition, int] = {}

    def append(self, place: TopicPartition, records: Sequence[Outgoing]) -> None:
        """Tell what is appended, and append it."""
        for record in records:
            self._trace.tell("record", *place, record.key, record.value, record.headers)
        self.offsets.said(place.topic, records)
        super().append(place, records)

    def group(self, name: str) -> Any:
        """Return a group, whose offsets are looked at."""
        found = super().group(name)
        if not isinstance(found.committed, WatchedOffsets):
            found.committed = WatchedOffsets(name, self, self.offsets)
        return found

    def whole(self, place: TopicPartition) -> list[Incoming]:
        """Return all of the partition's records, also those that may not be read yet."""
        return super().log(place)

    def hold(self, place: TopicPartition) -> None:
        """Let nobody read what comes to this partition from now on."""
        self._held_at[place] = len(super().log(place))

    def let_go(self, place: TopicPartition) -> None:
        """Let all be read again."""
        self._held_at.pop(place, None)

    def log(self, place: TopicPartition) -> list[Incoming]:
        """Return the partition's records as far as they may be read."""
        whole = super().log(place)
        return whole if place not in self._held_at else whole[: self._held_at[place]]
