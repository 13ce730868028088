"""When a service over memory ports has done all that it was given to do."""

import asyncio
from typing import Protocol, runtime_checkable

from concord.chassis.broker.port import TopicPartition
from concord.chassis.journal.part import JournalPart
from concord.chassis.runtime import Service
from concord.contracts.topics import TOPICS
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS

LOOK_SECONDS = 0.005


@runtime_checkable
class Busy(Protocol):
    """A part that does work of its own after what it heard of."""

    async def idle(self) -> None:
        """Return when it has none."""
        ...


async def settled(house: House, name: str, service: Service) -> None:
    """Return when the service has committed all records of its topics and published all that it decided."""
    (journal,) = (part for part in service.runtime.parts if isinstance(part, JournalPart))
    topics = [topic for topic in TOPICS if name in topic.readers and not topic.compacted]
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    committed = house.cluster.group(name).committed
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(len(house.cluster.log(place)) > committed.get(place, 0) for place in places):  # noqa: ASYNC110 - looks at what has no event
            await asyncio.sleep(LOOK_SECONDS)
        for part in service.runtime.parts:
            if isinstance(part, Busy):
                await part.idle()
        await journal.publisher.flushed()
