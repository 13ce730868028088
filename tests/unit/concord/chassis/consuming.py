"""Consumers of one group over a cluster in memory, and what they were called with."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import Outgoing, TopicPartition
from concord.chassis.clock import Clock
from concord.chassis.consumer import BatchConsumer, Delivery
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import encode, schema_headers
from concord.contracts.topics import DEAD_LETTERS, UNITS, Topic
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from tests.support.troubled import BrokerTrouble
from tests.unit.concord.chassis.hand_clock import HandClock

GROUP = "tested"


KEY = b"k1-u1"


def event(name: str, key: bytes = KEY, topic: Topic = UNITS, project: str = "") -> Outgoing:
    """Return a record whose name can be read back from its metadata; on any topic a unit's withdrawal will do."""
    metadata = Metadata(event_id=name, client_id="k1", project_id=project)
    entry = UnitEvent(metadata=metadata, unit_erased=UnitErased(unit_id="k1-u1"))
    return Outgoing(topic.name, key, encode(entry), schema_headers())


def name_of(delivery: Delivery) -> str:
    return UnitEvent.FromString(delivery.record.value).metadata.event_id


class Place:
    """A cluster, what was served on it, and consumers of one group."""

    def __init__(self, trouble: BrokerTrouble | None = None, clock: Clock | None = None) -> None:
        self.hand = HandClock()
        self.clock = clock or self.hand
        self.cluster = MemoryCluster(self.clock, random.Random(1))
        self.writer = MemoryBroker(self.cluster, "writer")
        self.trouble = trouble or BrokerTrouble()
        self.telemetry = Telemetry("tested")
        self.calls: list[list[str]] = []
        self.lives = 0
        self.decide: Callable[[Sequence[Delivery]], Awaitable[None]] | None = None

    async def serve(self, deliveries: Sequence[Delivery]) -> None:
        self.calls.append([name_of(delivery) for delivery in deliveries])
        self.trouble.called.append(f"serve {deliveries[0].record.topic}")
        if self.decide is not None:
            await self.decide(deliveries)

    async def flushed(self) -> None:
        self.trouble.called.append("flush")

    def consumer(self, *topics: Topic, needs: Callable[[], Awaitable[None]] | None = None) -> BatchConsumer:
        self.lives += 1
        broker = MemoryBroker(self.cluster, f"life {self.lives}", self.trouble)
        handlers = dict.fromkeys(topics or (UNITS,), self.serve)
        letters = DeadLetters(GROUP, broker, self.clock)
        return BatchConsumer(GROUP, broker, handlers, self.flushed, letters, self.telemetry, self.clock, needs)

    @asynccontextmanager
    async def running(self, consumer: BatchConsumer | None = None) -> AsyncIterator[BatchConsumer]:
        consumer = consumer or self.consumer()
        await consumer.start()
        task = asyncio.create_task(consumer.run())
        try:
            yield consumer
            await consumer.stop()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def publish(self, *records: Outgoing) -> None:
        await self.writer.publish(records)

    def committed(self, key: bytes = KEY, topic: Topic = UNITS) -> int:
        place = TopicPartition(topic.name, partition_of(key, topic.partitions))
        return self.cluster.group(GROUP).committed.get(place, 0)

    def letters(self) -> list[DeadLetter]:
        places = [TopicPartition(DEAD_LETTERS.name, number) for number in range(DEAD_LETTERS.partitions)]
        return [DeadLetter.FromString(record.value) for place in places for record in self.cluster.log(place)]

    def counted(self, instrument: str) -> float:
        return self.telemetry.registry.get_sample_value(f"{instrument}_total", {"topic": UNITS.name}) or 0.0
