"""A small aggregate for the journal's tests, and a house in which processes come and go over one store and broker."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from concord.chassis.broker.memory import Faults as BrokerFaults
from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, TopicPartition
from concord.chassis.clock import Clock, SystemClock
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import COLLECTIONS, Cause, Decision, Kind
from concord.chassis.journal.rows import ROWS
from concord.chassis.store.memory import MemoryDatabase, MemoryStore, NoFaults
from concord.chassis.telemetry import Telemetry
from concord.contracts.topics import UNITS
from simulation.virtual_time import VirtualTimeLoop


class Tally(msgspec.Struct, frozen=True):
    """How often something was added, and by which causes."""

    total: int
    causes: tuple[str, ...]


TALLY = Kind("tally", Tally)
KEY = "c1/tally/a"


def add(cause: str, key: str = KEY, creates: bool = False, event_bytes: int = 0) -> Cause[Tally]:
    """Return the cause that adds one and says so, in an event of so many bytes more."""

    def decide(state: Tally | None, now_us: int) -> Decision[Tally]:
        before = state or Tally(0, ())
        after = Tally(before.total + 1, (*before.causes, cause))
        value = f"{cause}:{after.total}".encode() + b"." * event_bytes
        return Decision(after, [Outgoing(UNITS.name, key.encode(), value)])

    return Cause(key, cause, decide, creates)


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in virtual time: hours take no time."""

    def run() -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class House:
    """A database and a cluster that outlive the processes on them."""

    def __init__(self, clock: Clock | None = None, seed: int = 1) -> None:
        self.clock = clock or SystemClock()
        self.database = MemoryDatabase(random.Random(seed))
        self.cluster = MemoryCluster(self.clock, random.Random(seed + 1))
        self.count = 0

    async def start(self, store: MemoryStore | None = None, broker: MemoryBroker | None = None) -> JournalPart:
        """Return the journal of a process of its own, started and not yet running."""
        self.count += 1
        number = self.count
        store = store or MemoryStore(self.database)
        await store.prepare([*COLLECTIONS, ROWS])
        broker = broker or MemoryBroker(self.cluster, f"p{number}")
        await broker.start()
        part = JournalPart(store, broker, f"w{number}", self.clock, Telemetry("test"))
        await part.start()
        return part

    @asynccontextmanager
    async def process(
        self,
        faults: NoFaults | None = None,
        broker: MemoryBroker | None = None,
        clean: bool = True,
        store: MemoryStore | None = None,
    ) -> AsyncIterator[JournalPart]:
        """Yield a running journal of a process of its own; unclean: killed at the end instead of stopped."""
        part = await self.start(store or MemoryStore(self.database, faults), broker)
        running = asyncio.create_task(part.run())
        try:
            yield part
            if clean:
                await part.stop()
        finally:
            running.cancel()
            await asyncio.wait([running])

    def said(self) -> list[str]:
        """Return the values on the topic, partition by partition."""
        records: list[Incoming] = []
        for partition in range(UNITS.partitions):
            records += self.cluster.log(TopicPartition(UNITS.name, partition))
        return [record.value.decode() for record in records]


async def total(journal: Journal, key: str = KEY) -> int:
    """Return the aggregate's total."""
    states = await journal.states(TALLY, [key])
    return states[key].total


class Deaf(MemoryBroker):
    """A broker that does not answer until told to."""

    deaf = True

    def __init__(self, cluster: MemoryCluster, client: str, faults: BrokerFaults | None = None) -> None:
        super().__init__(cluster, client, faults)
        self.asked = asyncio.Event()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Say nothing while deaf."""
        self.asked.set()
        if self.deaf:
            raise BrokerUnavailable("deaf")
        await super().publish(records)
