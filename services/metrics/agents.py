"""Metrics' Kafka door on Faust: one agent a topic, chunks of records in, each counted before it is acknowledged."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import faust
from faust.types import TP

from concord.chassis.allocator import large_from
from concord.chassis.broker.port import BrokerUnavailable, TopicPartition
from concord.chassis.clock import Clock
from concord.chassis.consumer import CONSUMER_INSTRUMENTS, WATCH_SECONDS, Stuck, Watch
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.faust_chunks import ChunkedApp, Extent
from concord.chassis.faust_thread import FAUST_LOG
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.runtime import repeating
from concord.chassis.settings import Environment, PatienceSettings
from concord.chassis.telemetry import Telemetry
from services.metrics.announcements import SERVICE
from services.metrics.feed import Feed, Feeds
from services.metrics.reading import Reading
from services.metrics.repository import Repository
from services.metrics.settings import MetricsSettings

REPLICAS = 3
SETTLE_SECONDS_MAX = 15.0
HAND_OVER_KEEP_SECONDS_MAX = 1.5
STOP_KEEP_SECONDS_MAX = 1.0
TABLE = "book-by-place"
CHANGELOG = {
    # A gained place's changelog is read whole: what is overwritten must not lie about in it for long, and the segment
    # that is written to is never cleaned.
    "segment.bytes": "1048576",
    "segment.ms": "60000",
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": "600000",
}
RECOVERED_TOGETHER = 2
"""Records of a changelog that Faust holds before they are in the table. Of its own thousand, all that the books held in
their last minutes would be there at once. With one it goes on reading the changelog after it is recovered."""
LARGE_BYTES_RECOVERING, LARGE_BYTES_COUNTING = 131_072, 8_388_608
"""Blocks of memory that lie apart. What the books are read from is fetched and let go of while what is kept comes in;
what is counted comes in such blocks for as long as the process runs, and would pay for new pages each time."""
HIGHWATER_SECONDS_MAX = 10.0

log = logging.getLogger(__name__)


def faust_feed(settings: MetricsSettings) -> Feeds:
    """Return what makes the Faust feed of these settings."""

    def make(ports: Ports, owner: Owner, repository: Repository) -> Feed:
        replicas = 1 if settings.environment is Environment.LOCAL else REPLICAS
        app = ChunkedApp(SERVICE, settings.kafka, replicas, owner)
        parts = FaustParts(app, owner.places)
        letters = DeadLetters(SERVICE, ports.broker, ports.clock)
        reading = Reading(owner, repository, parts, ports.writer, letters, ports.telemetry, ports.clock)
        part = FaustPart(app, reading, parts, ports.broker.ping, ports.clock, ports.telemetry, settings.patience)
        keeping = repeating(
            "book", reading.keep_due, ports.clock, ports.telemetry, lambda: reading.pause(settings.keep_seconds)
        )
        return Feed([part, keeping], reading, part.look)

    return make


class _Table(faust.Table[bytes, bytes]):
    """A table cut by place whose rows are let go of once they were read.

    What is in memory of the book are rows and sums; a second copy of them in bytes would serve nobody.

    Attributes:
        ends: by place that we hold, the offset of the last change of ours that is in the changelog.
    """

    logger = FAUST_LOG

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ends: dict[int, int] = {}

    def persisted_offset(self, tp: TP) -> int | None:
        """Return up to where all is our own and not to be read again; None where Faust knows how far it has read."""
        return self.ends.get(tp.partition)


class FaustParts:
    """A Faust table as where the books are: its partitions are the places, its keys begin with theirs."""

    def __init__(self, app: ChunkedApp, places: int) -> None:
        self._table = _Table(
            app,
            name=TABLE,
            key_type=bytes,
            value_type=bytes,
            partitions=places,
            recovery_buffer_size=RECOVERED_TOGETHER,
            extra_topic_configs=CHANGELOG,
        )
        app.tables.add(self._table)
        self._held: frozenset[int] = frozenset()
        self._unacknowledged: list[tuple[int, Any]] = []

    def read(self, place: int) -> Mapping[bytes, bytes]:
        """Return the pieces of a place that were recovered."""
        own = b"%d/" % place
        return {key.removeprefix(own): value for key, value in self._table.data.items() if key.startswith(own)}

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Put a piece into the changelog, and not into the table."""
        # To its place and not where the event in hand is: the book is written between events.
        sent = self._table.send_changelog(place, b"%d/%s" % (place, name), piece, value_serializer="raw")
        self._unacknowledged.append((place, sent))

    async def settled(self) -> None:
        """Return when every change so far is acknowledged, which Faust itself only logs.

        Raises:
            TimeoutError: one was not in time.
            Exception: the client library's, when one failed.
        """
        waited, self._unacknowledged = self._unacknowledged, []
        async with asyncio.timeout(SETTLE_SECONDS_MAX):
            for place, sent in waited:
                found = await sent
                if place in self._held:
                    self._table.ends[place] = max(self._table.ends.get(place, 0), found.offset)

    def taken(self, held: frozenset[int]) -> None:
        """Let go of the recovered pieces of places that are taken up: whatever comes next is our own."""
        self._held = held
        self._forget(held.__contains__)

    def keep_only(self, given: Collection[int]) -> None:
        """Let go of every place but these."""
        self._held &= frozenset(given)
        for place in [place for place in self._table.ends if place not in self._held]:
            del self._table.ends[place]
        self._forget(lambda place: place not in given)

    def _forget(self, which: Callable[[int], bool]) -> None:
        data: Any = self._table.data
        for key in [key for key in data if which(int(key.partition(b"/")[0]))]:
            data.data.pop(key, None)
            data._key_partition.pop(key, None)


class FaustPart:
    """The Faust application as a part of this process: its life, and the watch over its progress.

    Args:
        app: not yet started.
        reading: counts.
        parts: where books are kept.
        ping: returns when the broker answers, asked on a connection of its own.
        clock: paces the watch.
        telemetry: shows the lag.
        patience: of the watch.
    """

    name = "faust"

    def __init__(
        self,
        app: ChunkedApp,
        reading: Reading,
        parts: FaustParts,
        ping: Callable[[], Awaitable[None]],
        clock: Clock,
        telemetry: Telemetry,
        patience: PatienceSettings,
    ) -> None:
        self.app = app
        self.reading = reading
        self.parts = parts
        self.clock = clock
        app.begin_at, app.dealt, app.opens = self._begin_at, self._dealt, False
        instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        self.watch = Watch(
            self._lag_or_raise, ping, instruments, clock, patience.stuck_seconds, patience.unjoined_seconds
        )
        reading.counted = self.watch.committed
        self._fault: asyncio.Future[None] | None = None
        self._was_dealt = self._ready = self._joined = False
        self._leaving: asyncio.Task[None] | None = None
        self._dealt_us = 0
        self._left: int | None = None
        for name in reading.topics:
            # Registered here and by name: two agents never share a topic, and one never runs twice.
            app.agent(app.chunked(name), name=f"{SERVICE}.{name}", concurrency=1)(self._agent(name))

    async def start(self) -> None:
        """Return when partitions are assigned and tables recovered."""
        self._fault = asyncio.get_running_loop().create_future()
        await self.app.start()

    async def run(self) -> None:
        """Watch: raise what an agent could not serve, and when there is lag and no progress.

        Raises:
            Stuck: see there.
            Exception: what kept an agent from counting a chunk; the chunk is not acknowledged.
        """
        assert self._fault is not None
        while True:
            done, _ = await asyncio.wait([self._fault], timeout=WATCH_SECONDS)
            if done:
                self._fault.result()
            if self.app.crashed:
                raise Stuck("Faust crashed, and its own log says why")
            self._joined = self._leaving is None and self.app.in_group()
            await self.watch.look()

    async def hand_over(self) -> None:
        """Before the door closes: let others have the places, and answer of them what was counted until they do.

        The books are kept while the places are still ours, so that little is left to write when nobody counts them.
        What is asked is only read: an answer from here that is a second old beats none until the next owner has begun.
        """
        await self._keep(HAND_OVER_KEEP_SECONDS_MAX)
        self.reading.owner.leave(answering=True)
        await self._leave()

    async def stop(self) -> None:
        """Finish what is in hand and leave the group, unless that is done."""
        await self._leave()

    async def _leave(self) -> None:
        """Leave the group; who waits for it too briefly leaves it going on, for Faust cannot be told to stop twice."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._keep_and_stop())
        await asyncio.shield(self._leaving)

    async def _keep_and_stop(self) -> None:
        await self._keep(STOP_KEEP_SECONDS_MAX)
        await self.app.stop()

    async def _keep(self, seconds_max: float) -> None:
        """Keep the books, so that whoever is dealt the places next has little to read."""
        if self.app.started and not self.app.crashed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds_max):
                    await self.reading.keep()

    def unready(self) -> str | None:
        """Return that the first places are being counted, until they are; a gain later on makes no process unready."""
        owner = self.reading.owner
        self._ready = self._ready or (self._was_dealt and owner.given().keys() <= owner.open())
        return None if self._ready else "its first places are being counted"

    def _dealt(self) -> None:
        self._was_dealt = True
        large_from(LARGE_BYTES_RECOVERING)
        self._dealt_us = self.clock.now_us()
        self.reading.dealt()
        self.parts.keep_only(self.reading.owner.given())

    async def _begin_at(self, extents: Mapping[TP, Extent]) -> Mapping[TP, int]:
        """Take up the places that are new here, and return where reading begins: after what was counted of each.

        How far they went is known with that: one whose book is up to there is served at once.
        """
        by_place: defaultdict[int, dict[str, Extent]] = defaultdict(dict)
        for at, extent in extents.items():
            by_place[at.partition][at.topic] = extent
        for place, found in sorted(by_place.items()):
            await self.reading.take_up(place, found)
            self.parts.taken(self.reading.held())
        large_from(LARGE_BYTES_COUNTING)
        # The ends were asked for after it was dealt.
        ends = {TopicPartition(at.topic, at.partition): extent.end for at, extent in extents.items()}
        self.reading.look(ends, self._dealt_us)
        return {at: self.reading.positions(at.partition).get(at.topic, extent.start) for at, extent in extents.items()}

    async def look(self) -> None:
        """Forget what lingered long enough, and look how far the topics go where something waits for that."""
        self.reading.let_go()
        if not self.reading.waits():
            return
        asked_us = self.clock.now_us()
        if (ends := await self._ends()) is not None:
            self.reading.look(ends, asked_us)

    async def _lag_or_raise(self) -> int:
        """Return how many records are not counted; raise BrokerUnavailable when nobody can say now.

        Who was put out of the group and does not come back goes on reading what it had, and has no lag. While tables
        are recovered it is what is left to be read of their changelogs: where nothing comes of it, something is stuck.
        """
        if left := self._to_recover():
            return left
        lag_records = await self._lag() if self._joined else None
        if lag_records is None:
            raise BrokerUnavailable("no partitions are assigned, or how far the topics go could not be asked")
        return lag_records

    def _to_recover(self) -> int | None:
        """Return how many records of changelogs are not read; None where nothing is recovered."""
        tables: Any = self.app.tables
        recovery = tables.recovery
        left = recovery.active_remaining_total() if recovery.in_recovery else None
        if left != self._left:
            self._left = left
            self.watch.progressed()
        return left

    async def _lag(self) -> int | None:
        """Return how many records are not counted; None when nobody can say now."""
        ends = await self._ends()
        return None if ends is None else self.reading.lag(ends)

    async def _ends(self) -> dict[TopicPartition, int] | None:
        """Return how far the partitions go that are ours; None when nobody can say now."""
        if self._leaving is not None:
            return None
        places = {at for at in self.app.consumer.assignment() if at.topic in self.reading.topics}
        if not places or self.app.rebalancing:
            return None
        try:
            async with asyncio.timeout(HIGHWATER_SECONDS_MAX):
                ends = await self.app.consumer.highwaters(*places)
        except Exception as fault:
            # Whatever Faust's thread raises, the watch goes on: that nobody answers is what it watches for.
            log.warning("how far the topics go could not be asked: %r", fault)
            return None
        return {TopicPartition(at.topic, at.partition): ends[at] or 0 for at in places}

    def _agent(self, name: str) -> Callable[[Any], Any]:
        async def agent(stream: Any) -> None:
            async for event in stream.events():
                try:
                    message = event.message
                    await self.reading.serve(name, message.partition, message.records)
                except Exception as fault:
                    # Faust acknowledges a chunk whose agent raised. So it never does: the process ends instead, and
                    # the next one reads the chunk again.
                    assert self._fault is not None
                    if not self._fault.done():
                        self._fault.set_exception(fault)
                    await asyncio.Event().wait()

        return agent
