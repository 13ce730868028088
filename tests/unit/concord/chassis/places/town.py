"""Lives of one service on one cluster in memory: each with a table, a keeper, a consumer and models that are notes."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import Clock, SystemClock
from concord.chassis.consumer import BatchConsumer, Delivery
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.places.keeper import PlaceKeeper
from concord.chassis.places.owner import Owner
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import encode, schema_headers
from concord.contracts.topics import PLACES_LOCAL, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent

GROUP = "tested"


def event(name: str, slot: int, topic: Topic = UNITS) -> Outgoing:
    """Return a record in a slot whose name can be read back; on any topic a unit's withdrawal will do."""
    entry = UnitEvent(metadata=Metadata(event_id=name, client_id="k1"), unit_erased=UnitErased(unit_id="k1-u1"))
    return Outgoing(topic.name, name.encode(), encode(entry), schema_headers(), slot)


class Town:
    """What outlives the processes.

    Attributes:
        stored: by place, the names that were served: the truth from which a place is loaded.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.cluster = MemoryCluster(self.clock, random.Random(1))
        self.writer = MemoryBroker(self.cluster, "writer")
        self.stored: dict[int, list[str]] = {place: [] for place in range(PLACES_LOCAL)}
        self.lives: list[Life] = []

    async def publish(self, *records: Outgoing) -> None:
        await self.writer.publish(records)

    def life(self) -> "Life":
        life = Life(self, f"http://10.0.0.{len(self.lives) + 1}:8000")
        self.lives.append(life)
        return life


class Life:
    """One process; it notes what it is asked to load and drop, and serves only what it has loaded.

    Attributes:
        notes: what happened, in order.
        models: by place, the names it knows of.
        unavailable: how many loads fail first.
        load_seconds: how long a load takes.
        may_load: cleared, loading waits.
        slow_place: the only place whose loading waits; None: any.
        gate: cleared, handlers wait.
        serving: whether one does.
    """

    def __init__(self, town: Town, address: str) -> None:
        self.town = town
        self.notes: list[str] = []
        self.models: dict[int, list[str]] = {}
        self.faults: list[str] = []
        self.unavailable = 0
        self.load_seconds = 0.0
        self.slow_place: int | None = None
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.serving = False
        self.owner = Owner(PLACES_LOCAL, address)
        broker = MemoryBroker(town.cluster, address)
        letters = DeadLetters(GROUP, broker, town.clock)
        handlers = {UNITS: self._serve, RESOLUTIONS: self._serve}
        self.consumer = BatchConsumer(
            GROUP, broker, handlers, self._flushed, letters, Telemetry(GROUP), town.clock, seat=self.owner
        )
        self.keeper = PlaceKeeper(self.owner, self.consumer, self, self._forget, town.clock)
        self.consumer.watch.loading = lambda: self.keeper.loading

    async def load(self, place: int) -> None:
        if self.slow_place in (None, place):
            await self.may_load.wait()
        if self.unavailable:
            self.unavailable -= 1
            raise StoreUnavailable("as the test wants it")
        await asyncio.sleep(self.load_seconds)
        self.notes.append(f"load {place}")
        self.models[place] = list(self.town.stored[place])

    async def drop(self, place: int) -> None:
        self.notes.append(f"drop {place}")
        self.models.pop(place, None)

    async def _forget(self, places: Iterable[int]) -> None:
        self.notes.append(f"forget {sorted(places)}")

    async def _flushed(self) -> None: ...

    async def _serve(self, deliveries: Sequence[Delivery]) -> None:
        self.serving = True
        await self.gate.wait()
        self.serving = False
        for delivery in deliveries:
            place = delivery.record.partition
            name = UnitEvent.FromString(delivery.record.value).metadata.event_id
            if place not in self.models:
                raise LookupError(f"{name} came to {self.owner.address}, which has not loaded {place}")
            if name not in self.town.stored[place]:
                self.town.stored[place].append(name)
            if name not in self.models[place]:
                self.models[place].append(name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Life"]:
        tasks = await self.begin()
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def begin(self) -> list["asyncio.Task[None]"]:
        """Start, as a runtime does: the loops go on for as long as the tasks that are returned."""
        await self.keeper.start()
        keeping = asyncio.create_task(self.keeper.run())
        await self.consumer.start()
        return [keeping, asyncio.create_task(self.consumer.run())]

    def holds(self) -> frozenset[int]:
        return self.owner.open()
