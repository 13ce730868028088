"""Metrics' Kafka door on Faust: one agent a topic, chunks of records in, each counted before it is acknowledged."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import BrokerUnavailable, Incoming
from concord.chassis.clock import Clock
from concord.chassis.consumer import CONSUMER_INSTRUMENTS, WATCH_SECONDS, OffsetJump, Poison, Stuck, Watch
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.faust_chunks import FAUST_LOG, ChunkedApp, Extent
from concord.chassis.ports import Ports
from concord.chassis.runtime import repeating
from concord.chassis.settings import Environment, PatienceSettings
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import Undecodable, check_schema, decode
from concord.contracts.topics import Topic
from services.metrics.announcements import SERVICE
from services.metrics.book import Book
from services.metrics.door import Door, Doors
from services.metrics.events import Count
from services.metrics.repository import Repository
from services.metrics.settings import MetricsSettings

REPLICAS = 3
KEEP_SHARE = 20.0
SETTLE_SECONDS_MAX = 15.0
STOP_KEEP_SECONDS_MAX = 2.0
CHANGELOG = {
    # A new life reads the changelog whole: what is overwritten must not lie about in it for days.
    "segment.bytes": "8388608",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": "600000",
}
HIGHWATER_SECONDS_MAX = 10.0

log = logging.getLogger(__name__)


def faust_door(settings: MetricsSettings) -> Doors:
    """Return what makes the Faust door of these settings."""

    def make(ports: Ports, repository: Repository, counts: Mapping[Topic, Count]) -> Door:
        replicas = 1 if settings.environment is Environment.LOCAL else REPLICAS
        app = ChunkedApp(SERVICE, settings.kafka, replicas)
        book = Book(ports.writer, repository, FaustParts(app), lambda: ports.clock.sleep(0))
        dead_letters = DeadLetters(SERVICE, ports.broker, ports.clock)
        reading = Reading(counts, book, dead_letters, ports.telemetry, ports.clock)
        app.begin_at = reading.begin_at
        part = FaustPart(app, reading, ports.broker.ping, ports.clock, ports.telemetry, settings.patience)
        keeping = repeating(
            "book", reading.keep, ports.clock, ports.telemetry, lambda: reading.pause(settings.keep_seconds)
        )
        return Door([part, keeping], part.caught_up, part.taken_up)

    return make


class _Table(faust.Table[bytes, bytes]):
    """A table in one partition that tells when its changes are acknowledged, which Faust itself only logs."""

    logger = FAUST_LOG

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.unacknowledged: list[Any] = []

    def send_changelog(self, *arguments: Any, **options: Any) -> Any:
        """Send a change, and keep its acknowledgement."""
        sent = super().send_changelog(*arguments, **options)
        self.unacknowledged.append(sent)
        return sent


class FaustParts:
    """A Faust table as the place of the book."""

    def __init__(self, app: ChunkedApp) -> None:
        # By key and not by the event in hand: the book is written between events. One partition keeps its order.
        self._table = _Table(
            app,
            name="book",
            key_type=bytes,
            value_type=bytes,
            partitions=1,
            use_partitioner=True,
            extra_topic_configs=CHANGELOG,
        )
        app.tables.add(self._table)

    @property
    def rows(self) -> MutableMapping[bytes, bytes]:
        """Return the table."""
        rows: MutableMapping[bytes, bytes] = self._table
        return rows

    async def settled(self) -> None:
        """Return when every change so far is acknowledged.

        Raises:
            TimeoutError: one was not in time.
            Exception: the client library's, when one failed.
        """
        waited, self._table.unacknowledged = self._table.unacknowledged, []
        async with asyncio.timeout(SETTLE_SECONDS_MAX):
            for sent in waited:
                await sent


class Reading:
    """How far each partition is counted, and how a chunk is.

    Args:
        counts: who counts which topic.
        book: where it is kept.
        dead_letters: where poison goes.
        telemetry: counts records.
        clock: paces tries.
    """

    def __init__(
        self,
        counts: Mapping[Topic, Count],
        book: Book,
        dead_letters: DeadLetters,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self.counts = {topic.name: (topic, count) for topic, count in counts.items()}
        self.dead_letters = dead_letters
        self.instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        self.clock = clock
        self.book = book
        self.positions: dict[TP, int] = {}
        self._kept: dict[TP, int] = {}
        self._taken_up = False
        self._kept_in_seconds = 0.0
        self._ends_first: dict[TP, int] = {}
        self._waits = BackOff("a dead letter of metrics", clock)
        self.counted: Callable[[], None] = _nobody_watches

    def begin_at(self, extents: Mapping[TP, Extent]) -> Mapping[TP, int]:
        """Return where reading begins: after what was counted, and at the beginning where nothing was.

        Called when the tables are recovered; the first time, the book of the life before is taken up.
        """
        if not self._taken_up:
            self.positions = {TP(*place): offset for place, offset in self.book.take_up().items()}
            self._kept = dict(self.positions)
            self._taken_up = True
        for place, (start, end) in extents.items():
            position = self.positions.get(place, 0)
            if position > end:
                log.error("%s[%d] ends at %d, before what was counted: it is another log", *place, end)
                self.positions[place] = start
            elif position < start:
                log.log(logging.ERROR if position else logging.INFO, "%s[%d] begins at %d", *place, start)
                self.positions[place] = start
        return {place: self.positions.get(place, 0) for place in extents}

    def lag(self, ends: Mapping[TP, int]) -> int:
        """Return how many records before these ends are not counted; what was counted beyond one makes up for none."""
        return sum(max(end - self.positions.get(place, 0), 0) for place, end in ends.items())

    def taken_up(self, ends: Mapping[TP, int]) -> bool:
        """Return whether each partition is counted as far as it went when this was first asked of it.

        The lag need never be nothing while records come in all the time.
        """
        for place, end in ends.items():
            self._ends_first.setdefault(place, end)
        return self.lag({place: self._ends_first[place] for place in ends}) == 0

    async def keep(self) -> None:
        """Write the book if anything was counted since."""
        positions = dict(self.positions)
        if not self._taken_up or positions == self._kept:
            return
        begun = self.clock.monotonic()
        try:
            await self.book.keep({(place.topic, place.partition): offset for place, offset in positions.items()})
        except (KafkaError, TimeoutError) as fault:
            log.warning("the book could not be kept, and will be the next time: %r", fault)
        else:
            self._kept = positions
        self._kept_in_seconds = self.clock.monotonic() - begun

    def pause(self, seconds: float) -> float:
        """Return how long to wait before the book is kept again: it takes a twentieth of the time at most."""
        return max(seconds, KEEP_SHARE * self._kept_in_seconds)

    async def serve(self, name: str, records: Sequence[Any]) -> None:
        """Count a chunk of one partition; whatever becomes of each record, it is not needed again afterwards.

        Raises:
            OffsetJump: records were passed over.
            UnknownSchemaVersion: written under a newer contract.
        """
        place = TP(name, records[0].partition)
        records = self._not_counted_yet(place, records)
        if not records:
            return
        topic, count = self.counts[name]
        events: list[tuple[Any, Any]] = []
        poison: list[tuple[Any, Exception, int]] = []
        for record in records:
            check_schema(record.headers)
            try:
                events.append((record, decode(topic, record.value)))
            except Undecodable as fault:
                poison.append((record, fault, 1))
        try:
            count([event for _, event in events])
        except Exception as fault:
            log.warning("a chunk of %s failed (%s: %s); trying it record by record", name, type(fault), fault)
            poison += [failed for record, event in events if (failed := _alone(count, record, event)) is not None]
        for record, reason, attempts in poison:
            await self._set_aside(record, reason, attempts)
        self.positions[place] = records[-1].offset + 1
        self.instruments.counter("concord_consumer_records", name).inc(len(records))
        self.counted()

    def _not_counted_yet(self, place: TP, records: Sequence[Any]) -> Sequence[Any]:
        """Return the records from where the partition stands; raise when they begin after it."""
        position, first = self.positions.get(place, 0), records[0].offset
        if first > position:
            raise OffsetJump(f"{place.topic}[{place.partition}] went from {position} to {first}")
        return records if first == position else [record for record in records if record.offset >= position]

    async def _set_aside(self, record: Any, fault: Exception, attempts: int) -> None:
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, fault)
        while True:
            try:
                await self.dead_letters.set_aside(_incoming(record), fault, attempts)
            except BrokerUnavailable as away:
                await self._waits.wait(away)
            else:
                self._waits.over()
                self.instruments.counter("concord_dead_letters", record.topic).inc()
                return


class FaustPart:
    """The Faust application as a part of this process: its life, and the watch over its progress.

    Args:
        app: not yet started.
        reading: counts.
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
        ping: Callable[[], Awaitable[None]],
        clock: Clock,
        telemetry: Telemetry,
        patience: PatienceSettings,
    ) -> None:
        self.app = app
        self.reading = reading
        instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        self.watch = Watch(
            self._lag_or_raise, ping, instruments, clock, patience.stuck_seconds, patience.unjoined_seconds
        )
        reading.counted = self.watch.committed
        self._fault: asyncio.Future[None] | None = None
        for name in reading.counts:
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
            await self.watch.look()

    async def stop(self) -> None:
        """Keep the book, so that the next life has little to read; finish what is in hand, leave the group."""
        if self.app.started and not self.app.crashed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_KEEP_SECONDS_MAX):
                    await self.reading.keep()
        await self.app.stop()

    def unready(self) -> str | None:
        """Return why numbers are not to be asked for now."""
        if self.app.rebalancing or not self.app.consumer.assignment():
            return "no partitions are assigned"
        return None

    async def caught_up(self) -> bool:
        """Return whether everything that the topics hold is counted."""
        return await self._lag() == 0

    async def taken_up(self) -> bool:
        """Return whether everything is counted that the topics held when this was first asked."""
        ends = await self._ends()
        return ends is not None and self.reading.taken_up(ends)

    async def _lag_or_raise(self) -> int:
        """Return how many records are not counted; raise BrokerUnavailable when nobody can say now."""
        lag_records = await self._lag()
        if lag_records is None:
            raise BrokerUnavailable("no partitions are assigned, or how far the topics go could not be asked")
        return lag_records

    async def _lag(self) -> int | None:
        """Return how many records are not counted; None when nobody can say now."""
        ends = await self._ends()
        return None if ends is None else self.reading.lag(ends)

    async def _ends(self) -> dict[TP, int] | None:
        """Return how far the partitions go that are ours; None when nobody can say now."""
        places = {place for place in self.app.consumer.assignment() if place.topic in self.reading.counts}
        if not places or self.app.rebalancing:
            return None
        try:
            async with asyncio.timeout(HIGHWATER_SECONDS_MAX):
                ends = await self.app.consumer.highwaters(*places)
        except Exception as fault:
            # Whatever Faust's thread raises, the watch goes on: that nobody answers is what it watches for.
            log.warning("how far the topics go could not be asked: %r", fault)
            return None
        return {place: ends[place] or 0 for place in places}

    def _agent(self, name: str) -> Callable[[Any], Any]:
        async def agent(stream: Any) -> None:
            async for event in stream.events():
                try:
                    await self.reading.serve(name, event.message.records)
                except Exception as fault:
                    # Faust acknowledges a chunk whose agent raised. So it never does: the process ends instead, and
                    # the next one reads the chunk again.
                    assert self._fault is not None
                    if not self._fault.done():
                        self._fault.set_exception(fault)
                    await asyncio.Event().wait()

        return agent


def _alone(count: Count, record: Any, event: Any) -> tuple[Any, Exception, int] | None:
    """Count one event; return it as poison when it cannot be."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            count([event])
        except Exception as fault:
            if attempt == ATTEMPTS_MAX or isinstance(fault, Poison):
                return record, fault, attempt
        else:
            break
    return None


def _nobody_watches() -> None:
    return


def _incoming(record: Any) -> Incoming:
    return Incoming(
        record.topic,
        record.partition,
        record.offset,
        record.key or b"",
        record.value or b"",
        tuple(record.headers),
        record.timestamp * 1_000,
    )
