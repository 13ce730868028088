"""The broker in memory, with what Kafka promises and no more.

Order holds within a partition and nowhere else; a publish may be half done when it fails; whenever a member
comes or goes, its whole group starts again at its committed offsets, and a commit of the generation before is
refused.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from concord.chassis.broker.memory_group import Group
from concord.chassis.broker.partitioner import partition_for
from concord.chassis.broker.port import Deal, Incoming, Outgoing, Seat, Table, TopicPartition, check_record
from concord.chassis.clock import Clock
from concord.contracts.topics import TOPICS

CATALOGUED: Mapping[str, int] = {topic.name: topic.partitions for topic in TOPICS}


class Faults(Protocol):
    """What may go wrong around an operation: raise BrokerUnavailable, or sleep, or let it pass."""

    async def before(self, operation: str, subject: str) -> None:
        """Called before each part of the effect: a publish has one part for each partition it touches.

        Args:
            operation: start, ping, publish, join, poll, commit, committed, delete or lag.
            subject: the topic of a publish or a deletion, the group of the others ("" for a lone reader, of start and
                of ping).
        """
        ...

    async def after(self, operation: str, subject: str) -> None:
        """Called when the effect has taken place and the caller does not know of it yet."""
        ...

    def copies(self, topic: str) -> int:
        """Return how often one partition's part of a publish is appended: more than once is a producer's repeat."""
        ...


class NoFaults:
    """Nothing goes wrong, but others get to run."""

    async def before(self, operation: str, subject: str) -> None:
        """Let others run."""
        del operation, subject
        await asyncio.sleep(0)

    async def after(self, operation: str, subject: str) -> None:
        """Let it pass."""

    def copies(self, topic: str) -> int:
        """Append once."""
        del topic
        return 1


class MemoryCluster:
    """What outlives a service: the records, the groups and their offsets.

    Args:
        clock: gives the records their time.
        generator: decides in which order partitions are written and read.
        partitions: how many each topic has; the catalogue's when not given.
    """

    def __init__(self, clock: Clock, generator: random.Random, partitions: Mapping[str, int] = CATALOGUED) -> None:
        self.clock = clock
        self.generator = generator
        self.partitions = dict(partitions)
        self._logs: defaultdict[TopicPartition, list[Incoming]] = defaultdict(list)
        self._begins: defaultdict[TopicPartition, int] = defaultdict(int)
        self._groups: dict[str, Group] = {}
        self._readers: dict[str, MemorySubscription] = {}
        self._members_counted = 0

    def partitions_of(self, topic: str) -> int:
        """Return how many partitions the topic has, or raise ValueError when there is no such topic."""
        if topic not in self.partitions:
            raise ValueError(f"there is no topic {topic}; it is not in the catalogue")
        return self.partitions[topic]

    def log(self, place: TopicPartition) -> list[Incoming]:
        """Return the partition's records from its beginning; the list is the log itself."""
        return self._logs[place]

    def begin(self, place: TopicPartition) -> int:
        """Return the offset of the first record that is not deleted; `log` keeps the others, for who looks back."""
        return self._begins[place]

    def readable(self, place: TopicPartition) -> list[Incoming]:
        """Return the partition's records that a reader could still get."""
        return self.log(place)[self.begin(place) :]

    def delete_before(self, place: TopicPartition, offset: int) -> None:
        """Let nobody read the records below an offset any more."""
        assert offset <= len(self._logs[place]), f"{place} has no record before {offset}"
        self._begins[place] = max(self._begins[place], offset)

    def group(self, name: str) -> Group:
        """Return the group, made on first use."""
        return self._groups.setdefault(name, Group())

    def append(self, place: TopicPartition, records: Sequence[Outgoing]) -> None:
        """Put the records at the end of the partition and wake who waits for them."""
        log = self._logs[place]
        now_us = self.clock.now_us()
        for record in records:
            # A client may leave a header's value out, whatever our types say.
            headers = tuple([(name, value or b"") for name, value in record.headers])
            log.append(Incoming(*place, len(log), record.key, record.value, headers, now_us))
        for reader in self._readers.values():
            if place.topic in reader.topics:
                reader.arrived.set()

    def join(self, reader: "MemorySubscription") -> None:
        """Take the reader in; a group is dealt anew."""
        self._readers[reader.member] = reader
        if reader.group is not None:
            group = self.group(reader.group)
            group.members[reader.member] = reader.topics
            if reader.seat is not None:
                group.seats[reader.member] = reader.seat
            self._rebalance(reader.group)

    def leave(self, reader: "MemorySubscription") -> None:
        """Let the reader go; what it had is dealt to the others."""
        self._readers.pop(reader.member, None)
        if reader.group is None:
            return
        group = self.group(reader.group)
        group.seats.pop(reader.member, None)
        if group.members.pop(reader.member, None) is not None:
            self._rebalance(reader.group)

    def expire(self, client: str) -> int:
        """Drop the client's members, as after a session without a heartbeat; return how many there were.

        One that is alive after all joins again with its next poll, and its commits until then are refused.
        """
        readers = [reader for reader in self._readers.values() if reader.client == client]
        for reader in readers:
            self.leave(reader)
        return len(readers)

    def next_member(self, client: str) -> str:
        """Return a name that no member had before."""
        self._members_counted += 1
        return f"{client}-{self._members_counted:06}"

    def _rebalance(self, name: str) -> None:
        group = self.group(name)
        if group.members:
            group.rebalance(self.partitions)
        else:
            group.generation, group.assignments, group.table = group.generation + 1, {}, {}
        for member in group.members:
            self._readers[member].arrived.set()


class MemorySubscription:
    """A member of a group, or a lone reader, on a cluster in memory."""

    def __init__(
        self,
        cluster: MemoryCluster,
        client: str,
        topics: Sequence[str],
        group: str | None,
        faults: Faults,
        seat: Seat | None = None,
    ) -> None:
        self.client = client
        self.member = cluster.next_member(client)
        self.topics = tuple(topics)
        self.group = group
        self.seat = seat
        self.arrived = asyncio.Event()
        self._cluster = cluster
        self._faults = faults
        self._generation = -1
        self._positions: dict[TopicPartition, int] = {}
        self._owned: frozenset[int] = frozenset()
        self._released: set[int] = set()
        for topic in topics:
            cluster.partitions_of(topic)

    async def start(self) -> None:
        """Join; partitions are assigned at once."""
        await self._faults.before("join", self.group or "")
        self._cluster.join(self)
        self._adopt()
        await self._faults.after("join", self.group or "")

    def _adopt(self) -> None:
        """Begin a new generation where the group stands; a lone reader begins once, at the beginning."""
        if self.group is None:
            if self._generation < 0:
                self._generation = 0
                self._positions = dict.fromkeys(self._every_partition(), 0)
            return
        group = self._cluster.group(self.group)
        if self.member not in group.members:
            self._cluster.join(self)
        if self._generation != group.generation:
            in_a_row = self._generation == group.generation - 1
            self._generation = group.generation
            self._take_places(group.table, in_a_row)
            self._positions = {place: group.committed.get(place, 0) for place in sorted(self.assigned())}

    def _take_places(self, table: Table, in_a_row: bool) -> None:
        """Tell the seat how the places are dealt; one is kept by a member that has missed no deal."""
        if self.seat is None:
            return
        mine = frozenset(topic_partition.partition for topic_partition in self.assigned())
        kept = mine & self._owned if in_a_row else frozenset()
        self._owned = mine
        self._released &= kept
        self.seat.dealt(Deal(mine, kept, table))

    def release(self, place: int) -> None:
        """Hand out the records of a place from now on; without effect when it is not ours any more."""
        if place in self._owned:
            self._released.add(place)
            self.arrived.set()

    def _handed_out(self) -> list[TopicPartition]:
        """Return the partitions whose records are handed out."""
        if self.seat is None:
            return list(self._positions)
        return [position for position in self._positions if position.partition in self._released]

    async def poll(self, records_max: int, wait_seconds: float) -> Sequence[Incoming]:
        """Return the next records, in order within each partition; empty when none came within the wait."""
        await self._faults.before("poll", self.group or "")
        self.arrived.clear()
        if wait_seconds > 0 and not await self._anything_within(wait_seconds):
            return []
        await self._faults.after("poll", self.group or "")
        # Last and without a pause: positions must not move past records that the caller never gets.
        return self._take(records_max)

    def interrupt(self) -> None:
        """Let a poll that waits return at once."""
        self.arrived.set()

    async def _anything_within(self, wait_seconds: float) -> bool:
        self._adopt()
        if any(
            len(self._cluster.log(topic_partition)) > self._positions[topic_partition]
            for topic_partition in self._handed_out()
        ):
            return True
        try:
            async with asyncio.timeout(wait_seconds):
                await self.arrived.wait()
        except TimeoutError:
            return False
        return True

    def _take(self, records_max: int) -> list[Incoming]:
        self._adopt()
        places = self._handed_out()
        self._cluster.generator.shuffle(places)
        taken: list[Incoming] = []
        for place in places:
            begin = self._positions[place] = max(self._positions[place], self._cluster.begin(place))
            part = self._cluster.log(place)[begin : begin + records_max - len(taken)]
            self._positions[place] += len(part)
            taken += part
            if len(taken) >= records_max:
                break
        return taken

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Record that everything below these offsets is done; False when the group has moved on without us."""
        await self._faults.before("commit", self.group or "")
        if self.group is not None and offsets:
            group = self._cluster.group(self.group)
            mine = group.assignments.get(self.member, frozenset())
            if self._generation != group.generation or not mine.issuperset(offsets):
                return False
            group.committed.update(offsets)
        await self._faults.after("commit", self.group or "")
        return True

    async def lag(self) -> int:
        """Return how many records of the assigned partitions are not committed; not polled, for a lone reader."""
        await self._faults.before("lag", self.group or "")
        done = self._positions if self.group is None else self._cluster.group(self.group).committed
        begin = self._cluster.begin
        return sum(
            len(self._cluster.log(topic_partition)) - max(done.get(topic_partition, 0), begin(topic_partition))
            for topic_partition in self.assigned()
        )

    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that are this member's now."""
        if self.group is not None:
            return self._cluster.group(self.group).assignments.get(self.member, frozenset())
        return frozenset(self._positions)

    def generation(self) -> int:
        """Return the group's generation as this member last saw it."""
        return self._generation

    def _every_partition(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic in self.topics
            for partition in range(self._cluster.partitions_of(topic))
        ]

    async def stop(self) -> None:
        """Leave the group; committed offsets stay."""
        self._cluster.leave(self)


class MemoryBroker:
    """One service's handle on a cluster in memory.

    Args:
        cluster: what is shared by all handles on it.
        client: names this handle; `MemoryCluster.expire` knows it by this.
        faults: what may go wrong.
    """

    def __init__(self, cluster: MemoryCluster, client: str, faults: Faults | None = None) -> None:
        self._cluster = cluster
        self._client = client
        self._faults: Faults = faults or NoFaults()

    async def start(self) -> None:
        """Connect."""
        await self._faults.before("start", "")
        await self._faults.after("start", "")

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when every record is appended; order holds within a partition."""
        parts: defaultdict[TopicPartition, list[Outgoing]] = defaultdict(list)
        for record in records:
            check_record(record)
            partition = partition_for(record, self._cluster.partitions_of(record.topic))
            parts[TopicPartition(record.topic, partition)].append(record)
        places = list(parts)
        self._cluster.generator.shuffle(places)
        for place in places:
            await self._faults.before("publish", place.topic)
            for _ in range(self._faults.copies(place.topic)):
                self._cluster.append(place, parts[place])
        for topic in sorted({place.topic for place in places}):
            await self._faults.after("publish", topic)

    async def ping(self) -> None:
        """Return when the broker answers."""
        await self._faults.before("ping", "")
        await self._faults.after("ping", "")

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        """Return how far a group is done with a topic."""
        await self._faults.before("committed", group)
        done = self._cluster.group(group).committed
        return {place: offset for place, offset in done.items() if place.topic == topic}

    async def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have records below these offsets deleted."""
        for place, offset in offsets.items():
            await self._faults.before("delete", place.topic)
            self._cluster.delete_before(place, offset)

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> MemorySubscription:
        """Return a subscription, not yet started."""
        return MemorySubscription(self._cluster, self._client, topics, group, self._faults, seat)

    async def stop(self) -> None:
        """Disconnect; the cluster stays."""
