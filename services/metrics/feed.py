"""Whence events come to metrics, and the feed that keeps nothing: it reads the topics from their beginning."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import (
    POLL_RECORDS_MAX,
    Broker,
    BrokerUnavailable,
    Incoming,
    Subscription,
    TopicPartition,
)
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.faust_chunks import Extent
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.runtime import Part
from services.metrics.announcements import SERVICE
from services.metrics.reading import Reading
from services.metrics.repository import Repository

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Feed:
    """A wired feed, not yet started.

    Attributes:
        parts: started in this order, after the broker and the tables.
        reading: what it counts by.
        look: asks how far the topics go, where something waits for that; called now and then.
    """

    parts: Sequence[Part]
    reading: Reading
    look: Callable[[], Awaitable[None]]


Feeds = Callable[[Ports, Owner, Repository], Feed]
"""Makes a feed that lets events in to their places, and may keep what these hold."""


def replaying(ports: Ports, owner: Owner, repository: Repository) -> Feed:
    """Return the feed for tests and simulation: a place that is gained is counted from the topics' beginning."""
    letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    reading = Reading(owner, repository, Forgetful(), ports.writer, letters, ports.telemetry, ports.clock)
    return Feed([Replay(ports.broker, owner, reading, ports.clock)], reading, _nothing_to_look_for)


class Forgetful:
    """Where books are that nobody ever reads."""

    def read(self, place: int) -> Mapping[bytes, bytes]:
        """Return nothing."""
        del place
        return {}

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Forget it."""

    async def settled(self) -> None:
        """Return."""


class Replay:
    """One member of the service's group, that reads what it gains from the beginning and then follows.

    Args:
        broker: where.
        owner: the table of places; the group deals them whole.
        reading: counts.
        clock: paces it.
    """

    name = "replay"

    def __init__(self, broker: Broker, owner: Owner, reading: Reading, clock: Clock) -> None:
        self.broker = broker
        self.owner = owner
        self.reading = reading
        self.clock = clock
        self._topics = sorted(reading.topics)
        self._member = broker.subscribe(self._topics, SERVICE, owner)
        self._released: set[int] = set()
        self._done: dict[TopicPartition, int] = {}
        self._stopping = self._was_dealt = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._waits = BackOff("metrics' reading", clock)

    async def start(self) -> None:
        """Join the group."""
        await self._member.start()

    async def run(self) -> None:
        """Count until stopped."""
        while not self._stopping:
            self._idle.clear()
            try:
                await self._turn()
            except BrokerUnavailable as fault:
                await self._waits.wait(fault)
            else:
                self._waits.over()
            finally:
                self._idle.set()

    async def hand_over(self) -> None:
        """Let others have the places, and answer of them what was counted until they do."""
        self.owner.leave(answering=True)
        await self.stop()

    async def stop(self) -> None:
        """Finish what is in hand and leave the group."""
        self._stopping = True
        self._member.interrupt()
        await self._idle.wait()
        await self._member.stop()

    def unready(self) -> str | None:
        """Return that the first places are being counted, until they are."""
        return None if self._was_dealt else "its first places are being counted"

    async def _turn(self) -> None:
        asked_us = self.clock.now_us()
        records = await self._member.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        self.reading.dealt()
        self.reading.let_go()
        await self._serve(records)  # first, for they are not handed out again to who fails at what comes next
        self._done |= {_partition(record): record.offset + 1 for record in records}
        given = frozenset(self.owner.given())
        self._released &= self.reading.held()
        self._done = {at: offset for at, offset in self._done.items() if at.partition in self._released}
        if gained := given - self._released:
            await self._count_whole(gained)
        self._was_dealt = True
        if len(records) < POLL_RECORDS_MAX:
            for place in self._released:
                self.reading.whole(place, asked_us)
        await self._member.commit(self._done)  # what was not answered before, too: perhaps nothing more comes
        self._done = {}

    async def _count_whole(self, places: frozenset[int]) -> None:
        """Count these places from the topics' beginning to their end, and follow them from now on."""
        for place in sorted(places):
            await self.reading.take_up(place, dict.fromkeys(self._topics, Extent(0, 0)))
        reader = self.broker.subscribe(self._topics, None)
        try:
            await reader.start()
            asked_us = self.clock.now_us()
            while records := await self._next(reader):
                await self._serve([record for record in records if record.partition in places])
        finally:
            await reader.stop()
        for place in places & self.reading.held():
            self._member.release(place)
            self._released.add(place)
            self.reading.whole(place, asked_us)

    async def _next(self, reader: Subscription) -> Sequence[Incoming]:
        return await reader.poll(POLL_RECORDS_MAX, 0.0)

    async def _serve(self, records: Sequence[Incoming]) -> None:
        chunks: defaultdict[TopicPartition, list[Incoming]] = defaultdict(list)
        for record in records:
            chunks[_partition(record)].append(record)
        for at, chunk in chunks.items():
            await self.reading.serve(at.topic, at.partition, chunk)


def _partition(record: Incoming) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


async def _nothing_to_look_for() -> None:
    return
