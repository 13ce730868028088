"""The feed that keeps nothing: what it has counted it commits, whatever the broker did meanwhile."""

import asyncio

from concord.chassis.broker.memory import NoFaults
from concord.chassis.broker.port import BrokerUnavailable, Outgoing, TopicPartition
from concord.contracts.codec import encode, schema_headers
from concord.contracts.topics import TOPICS, UNITS
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from services.metrics.announcements import SERVICE
from simulation.house import House
from tests.support.service import metadata, until
from tests.unit.services.metrics.running import begun, owner_of, reading_of, start


class Forgets(NoFaults):
    """A broker that answers no commit while it is away."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if self.away and operation == "commit":
            self.refused += 1
            raise BrokerUnavailable("no answer")


def uncommitted(house: House, topics: frozenset[str]) -> int:
    """Return how many records of these topics the group has not committed."""
    committed = house.cluster.group(SERVICE).committed
    places = [
        TopicPartition(topic.name, place)
        for topic in TOPICS
        if topic.name in topics
        for place in range(topic.partitions)
    ]
    return sum(len(house.cluster.log(place)) - committed.get(place, 0) for place in places)


async def test_a_commit_that_was_not_answered_is_made_up_for_though_nothing_more_comes() -> None:
    house, broker = House(), Forgets()
    metrics = await start(house, broker)
    topics = reading_of(metrics.service).topics
    broker.away = True
    await metrics.label()
    await metrics.settle()
    assert uncommitted(house, topics)
    await until(lambda: broker.refused)
    broker.away = False
    await until(lambda: not uncommitted(house, topics))
    await metrics.stop()


class Gains(NoFaults):
    """A broker that lets its member poll when it is told to, and then does not let it read what it has gained."""

    def __init__(self) -> None:
        self.polls, self.waits = asyncio.Event(), asyncio.Event()
        self.polls.set()
        self.refuses = False
        self.refused = 0

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if operation == "poll" and subject:
            self.waits.set()
            await self.polls.wait()
        if operation == "join" and not subject and self.refuses:
            self.refuses = False
            self.refused += 1
            raise BrokerUnavailable("no answer")


async def test_what_came_with_a_gained_place_is_counted_though_that_place_cannot_be_read_yet() -> None:
    house, broker = House(), Gains()
    gaining, leaving = await begun(house, broker), await begun(house)
    await until(lambda: owner_of(gaining).open() and owner_of(leaving).open())
    broker.polls.clear()
    broker.waits.clear()
    await broker.waits.wait()
    broker.refuses = True
    for place in owner_of(gaining).open():
        event = UnitEvent(metadata=metadata("c", "k1", "k1-p", 1), unit_erased=UnitErased(unit_id="k1-u0"))
        record = Outgoing(UNITS.name, b"k1-u0", encode(event), schema_headers(), place)
        house.cluster.append(TopicPartition(UNITS.name, place), [record])
    await leaving.runtime.stop()
    broker.polls.set()
    await until(lambda: not uncommitted(house, reading_of(gaining).topics))
    assert broker.refused == 1
    await gaining.runtime.stop()
