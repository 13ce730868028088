"""One service alone on a real broker and a real store: a client, a consumer group and a database of each test's own.

The topics' names are fixed and shared with whatever else runs, so a test looks at its own client's records only; its
group reads the topics from their beginning, and its database is dropped at the end.
"""

import dataclasses
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from starlette.types import ASGIApp

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Incoming, Outgoing, Seat, Subscription, TopicPartition
from concord.chassis.clock import SystemClock
from concord.chassis.places.keeper import PlaceKeeper
from concord.chassis.places.peers import MemoryPeers
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.chassis.store.mongo import MongoStore
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import Undecodable, decode, schema_headers
from concord.contracts.topics import DEAD_LETTERS, PLACES_LOCAL, Topic
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import running
from tests.support.upstream import Teller

KAFKA = os.environ.get("CONCORD_TEST_KAFKA_BOOTSTRAP", "")
MONGODB = os.environ.get("CONCORD_TEST_MONGODB_URI", "")

NEEDS_REAL_PARTS = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (KAFKA and MONGODB),
        reason="needs CONCORD_TEST_KAFKA_BOOTSTRAP and CONCORD_TEST_MONGODB_URI; `make test` sets them",
    ),
]
PAUSE_SECONDS = 0.1
POLL_SECONDS = 0.2
RUBBISH = b"\xff\xfe no event of any topic"


class OwnGroup:
    """The real broker, on which this test's consumer group is its own."""

    def __init__(self, broker: KafkaBroker, suffix: str) -> None:
        self._broker = broker
        self._suffix = suffix
        self.start, self.publish, self.ping, self.stop = broker.start, broker.publish, broker.ping, broker.stop
        self.delete_before = broker.delete_before

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        """Say that nothing is done: what this group has read, other tests on these topics may still have to."""
        del group, topic
        return {}

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> Subscription:
        return self._broker.subscribe(topics, f"{group}-{self._suffix}" if group else None, seat)


class RealPlace:
    """Where one test's service lives, one life after the other.

    Attributes:
        client_id: this test's client.
        upstream: tells what the services before would tell.
    """

    def __init__(self, service: str, broker: KafkaBroker) -> None:
        self.service = service
        self.broker = broker
        self.client_id = f"t{uuid.uuid4().hex[:12]}"
        self.database = f"concord_test_{self.client_id}"
        self.house = House()
        self.upstream = Teller(broker, self.house.clock, self.client_id)
        self.project_id = self.upstream.project_id
        self._lives = 0

    def ports(self) -> Ports:
        """Return the ports of a new life; the database and the group's offsets are those of the life before."""
        self._lives += 1
        return Ports(
            store=MongoStore.connect(MONGODB, self.database),
            broker=OwnGroup(KafkaBroker(KAFKA, f"{self.service}-{self._lives}"), self.client_id),
            clock=self.house.clock,
            identity=self.house.identity(self.house.clock),
            telemetry=Telemetry(self.service),
            writer=f"{self.client_id}-{self._lives}",
        )

    @asynccontextmanager
    async def life(self, wire: Callable[[Ports], Service]) -> AsyncIterator[Service]:
        """Run one life of the service."""
        async with running(wire(self.ports())) as service:
            yield service

    async def poison(self, topic: Topic, key: str) -> None:
        """Publish what is no event, among the records of a key."""
        await self.broker.publish([Outgoing(topic.name, key.encode(), self.rubbish(), schema_headers())])

    def rubbish(self) -> bytes:
        """Return bytes that are no event, and this test's own."""
        return RUBBISH + self.client_id.encode()

    async def records(self, topic: Topic) -> list[Incoming]:
        """Return everything on a topic."""
        reader = self.broker.subscribe([topic.name], group=None)
        await reader.start()
        found: list[Incoming] = []
        try:
            while await reader.lag():
                found += await reader.poll(1_000, POLL_SECONDS)
        finally:
            await reader.stop()
        return found

    async def said(self, topic: Topic) -> list[Any]:
        """Return this client's events on a topic, each as often as it was said."""
        found = []
        for record in await self.records(topic):
            try:
                event: Any = decode(topic, record.value)
            except Undecodable:
                continue  # somebody's poison
            if event.metadata.client_id == self.client_id:
                found.append(event)
        return found

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters about this client's records that are this service's, in the order of their places."""
        letters = [DeadLetter.FromString(record.value) for record in await self.records(DEAD_LETTERS)]
        mine = [
            letter
            for letter in letters
            if letter.service == self.service and letter.key.startswith(self.client_id.encode())
        ]
        return sorted(mine, key=lambda letter: (letter.topic, letter.partition, letter.offset))


class TwoLives:
    """Two processes of one service: the broker deals them places, and each reaches the other without a socket.

    Attributes:
        one, two: the processes.
    """

    def __init__(self, place: RealPlace, wire: Callable[[Ports], Service]) -> None:
        self._doors: dict[str, ASGIApp] = {}
        self._exits: dict[str, AsyncExitStack] = {}
        self.one, self.two = (self._made(place, wire, address) for address in ("http://life-1", "http://life-2"))

    def _made(self, place: RealPlace, wire: Callable[[Ports], Service], address: str) -> Service:
        service = wire(dataclasses.replace(place.ports(), address=address, peers=MemoryPeers(self._doors)))
        self._doors[address] = service.application
        self._exits[address] = AsyncExitStack()
        return service

    async def __aenter__(self) -> "TwoLives":
        """Start both, and return once each serves some of the places."""
        for exits, service in zip(self._exits.values(), (self.one, self.two), strict=True):
            await exits.enter_async_context(running(service))
        await eventually("places of each", partial(self._have_all, self.one, self.two))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what still runs."""
        for exits in self._exits.values():
            await exits.aclose()

    async def leave(self) -> None:
        """Stop the second in order, and return once the first serves all places."""
        await self._exits["http://life-2"].aclose()
        del self._doors["http://life-2"]
        await eventually("the other's places", partial(self._have_all, self.one))

    async def _have_all(self, *lives: Service) -> bool:
        found = [places_of(life) for life in lives]
        return all(found) and sorted(place for some in found for place in some) == list(range(PLACES_LOCAL))


def places_of(service: Service) -> frozenset[int]:
    """Return the places that a process serves."""
    (keeper,) = (part for part in service.runtime.parts if isinstance(part, PlaceKeeper))
    return keeper.owner.open()


@asynccontextmanager
async def real_place(service: str) -> AsyncIterator[RealPlace]:
    """Yield a place of its own, and drop its database at the end."""
    broker = KafkaBroker(KAFKA, "test")
    await broker.start()
    place = RealPlace(service, broker)
    try:
        yield place
    finally:
        await broker.stop()
        async with AsyncMongoClient[dict[str, object]](MONGODB) as client:
            await client.drop_database(place.database)


async def eventually(what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
    """Return what `ask` returns once it is true; fail with `what` when it never is."""
    clock = SystemClock()
    give_up_at = clock.monotonic() + PATIENCE_SECONDS
    while not (answer := await ask()):
        assert clock.monotonic() < give_up_at, f"never came: {what}"
        await clock.sleep(PAUSE_SECONDS)
    return answer
