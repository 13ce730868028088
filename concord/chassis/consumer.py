"""The batch consumer: a batch of records -> one handler call a topic -> journal -> publish -> commit.

Offsets are committed after everything that the batch caused is stored and published, so a crash at any point
repeats work and loses none. Each partition's offsets must be contiguous; a jump is a bug and ends the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from concord.chassis.broker.port import (
    POLL_RECORDS_MAX,
    Broker,
    BrokerUnavailable,
    Incoming,
    Subscription,
    TopicPartition,
)
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.telemetry import Instrument, Telemetry, trace_headers
from concord.contracts.codec import Headers, Undecodable, check_schema, decode
from concord.contracts.topics import BY_NAME, Topic

POLL_SECONDS = 0.2
WATCH_SECONDS = 2.0
TRACE_HEADERS = ("traceparent", "tracestate")
RETRY_SECONDS = 0.5
STUCK_SECONDS = 60.0
UNJOINED_SECONDS = 300.0

CONSUMER_INSTRUMENTS = (
    Instrument("concord_consumer_records", "counter", "Records served, dead letters among them.", ("topic",)),
    Instrument(
        "concord_consumer_lag_records", "gauge", "Records of this member's partitions that were not polled yet."
    ),
    Instrument(
        "concord_consumer_progress_timestamp_seconds", "gauge", "When a batch was last committed, seconds since 1970."
    ),
    Instrument("concord_dead_letters", "counter", "Records set aside on the dead-letter topic.", ("topic",)),
)

log = logging.getLogger(__name__)


class OffsetJump(Exception):
    """A partition's offsets were not contiguous: records were passed over. The process must end and read again."""


class Poison(Exception):
    """A handler's word that a record can never be served: it becomes a dead letter without further tries."""


class Stuck(Exception):
    """There is lag and nothing has come for STUCK_SECONDS: the process must end and start anew."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record, decoded. `event` is the topic's envelope; for a topic without one it is None."""

    record: Incoming
    event: Message | None

    @property
    def trace(self) -> Headers:
        """The trace context for what this record causes, as record headers.

        The current span's where it belongs to the record's own trace, else what the record carried: so a unit's
        trace stays one trace also through batches of many.
        """
        carried = tuple((name, value) for name, value in self.record.headers if name in TRACE_HEADERS)
        current = trace_headers()
        same = current and carried and current[0][1][:35] == carried[0][1][:35]
        return current if same else carried


Handler = Callable[[Sequence[Delivery]], Awaitable[None]]
"""Serves a batch of one topic, in order within each key. Whatever it raises but unavailability, the batch is then
tried record by record, and a record that fails ATTEMPTS_MAX times becomes a dead letter."""


class BatchConsumer:
    """Consumes some topics as one member of the service's group.

    Args:
        service: the group's name.
        handlers: for each topic, who serves it; topics are served in this order within a batch.
        flushed: returns when all that was decided so far is published (`Publisher.flushed`).

    Attributes:
        regrouped: awaited whenever the group has dealt its partitions anew, before anything more is served: what
            other members did with partitions that are ours now is in the store and not in our memory.
    """

    name = "consumer"

    def __init__(
        self,
        service: str,
        broker: Broker,
        handlers: Mapping[Topic, Handler],
        flushed: Callable[[], Awaitable[None]],
        dead_letters: DeadLetters,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self.handlers = {topic.name: handler for topic, handler in handlers.items()}
        self.subscription: Subscription = broker.subscribe(list(self.handlers), group=service)
        self.flushed = flushed
        self.dead_letters = dead_letters
        self.tracing = telemetry.tracing
        self.instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        for topic in self.handlers:
            # Shown as zero from the start, so that the first one is an increase.
            self.instruments.counter("concord_consumer_records", topic)
            self.instruments.counter("concord_dead_letters", topic)
        self.clock = clock
        self.regrouped: Callable[[], Awaitable[None]] | None = None
        self._next: dict[TopicPartition, int] = {}
        self._generation = -1
        self._progress_at = 0.0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Join the group."""
        await self.subscription.start()
        self._progress_at = self.clock.monotonic()

    async def stop(self) -> None:
        """Fetch no more, finish and commit the batch in hand, leave the group."""
        self._stopping = True
        await self._idle.wait()
        await self.subscription.stop()

    async def run(self) -> None:
        """Serve batch after batch until stopped.

        Raises:
            OffsetJump: see there.
            Stuck: see there.
            UnknownSchemaVersion: a newer contract; nothing of the batch is committed.
        """
        tasks = [asyncio.create_task(self._serve_batches()), asyncio.create_task(self._watch_for_ever())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _serve_batches(self) -> None:
        while not self._stopping:
            self._idle.clear()
            try:
                await self._turn()
            except BrokerUnavailable:
                await self.clock.sleep(RETRY_SECONDS)
            finally:
                self._idle.set()

    async def _watch_for_ever(self) -> None:
        """Watch from beside: a handler that never returns is no progress either."""
        while True:
            await self.clock.sleep(WATCH_SECONDS)
            await self._watch()

    async def _turn(self) -> None:
        """Serve one batch, if one comes."""
        records = await self.subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        if self.subscription.generation() != self._generation:
            await self._regroup(self.subscription.generation())
        if not records:
            return
        offsets = self._check_contiguous(records)
        for topic, batch in self._by_topic(records).items():
            await self._serve(topic, batch)
        await self.flushed()
        await self._commit(offsets)
        self._progress_at = self.clock.monotonic()
        self.instruments.gauge("concord_consumer_progress_timestamp_seconds").set(self.clock.now_us() / MICROSECONDS)

    async def _regroup(self, generation: int) -> None:
        """Begin a new generation of the group, once the store answers."""
        self._next.clear()
        while self.regrouped is not None:
            try:
                await self.regrouped()
            except StoreUnavailable as fault:
                log.warning("a new generation of the group waits: %s", fault)
                await self.clock.sleep(RETRY_SECONDS)
            else:
                break
        self._generation = generation

    def _by_topic(self, records: Sequence[Incoming]) -> dict[str, list[Incoming]]:
        batches: dict[str, list[Incoming]] = {topic: [] for topic in self.handlers}
        for record in records:
            batches[record.topic].append(record)
        return {topic: batch for topic, batch in batches.items() if batch}

    async def _serve(self, topic: str, batch: Sequence[Incoming]) -> None:
        """Serve one topic's batch; whatever becomes of each record, all are done when this returns."""
        good: list[Delivery] = []
        for record in batch:
            try:
                good.append(decoded(record))
            except Undecodable as fault:
                await self._set_aside(record, fault, attempts=1)
        if good:
            try:
                await self._available(topic, good)
            except Exception as fault:
                log.warning("a batch of %s failed (%s: %s); trying it record by record", topic, type(fault), fault)
                for delivery in good:
                    await self._serve_alone(topic, delivery)
        self.instruments.counter("concord_consumer_records", topic).inc(len(batch))

    async def _serve_alone(self, topic: str, delivery: Delivery) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await self._available(topic, [delivery])
            except Exception as fault:
                if attempt == ATTEMPTS_MAX or isinstance(fault, Poison):
                    await self._set_aside(delivery.record, fault, attempt)
                    return
            else:
                return

    async def _available(self, topic: str, deliveries: Sequence[Delivery]) -> None:
        """Call the handler, again and again while the store or the broker does not answer."""
        while True:
            try:
                with self.tracing.batch_span(f"process {topic}", [delivery.record for delivery in deliveries]):
                    await self.handlers[topic](deliveries)
            except (StoreUnavailable, BrokerUnavailable) as fault:
                log.warning("%s waits: %s", topic, fault)
                # Known and passing: ending the process would not bring the store or the broker back.
                self._progress_at = self.clock.monotonic()
                await self.clock.sleep(RETRY_SECONDS)
            else:
                return

    async def _set_aside(self, record: Incoming, fault: Exception, attempts: int) -> None:
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, fault)
        while True:
            try:
                await self.dead_letters.set_aside(record, fault, attempts)
            except BrokerUnavailable:
                await self.clock.sleep(RETRY_SECONDS)
            else:
                self.instruments.counter("concord_dead_letters", record.topic).inc()
                return

    def _check_contiguous(self, records: Sequence[Incoming]) -> dict[TopicPartition, int]:
        """Return the offsets to commit; raise when a partition's records do not follow on one another."""
        offsets: dict[TopicPartition, int] = {}
        for record in records:
            place = TopicPartition(record.topic, record.partition)
            expected = offsets.get(place)
            if expected is None:
                expected = self._next.get(place, record.offset)
            # Going back is a redelivery and harmless; the compacted topics have holes by nature.
            if record.offset > expected and not BY_NAME[record.topic].compacted:
                raise OffsetJump(f"{place.topic}[{place.partition}] went from {expected} to {record.offset}")
            offsets[place] = record.offset + 1
        return offsets

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit, again and again while the broker does not answer.

        The position has moved on: given up, these offsets would stay uncommitted until the partition's next record,
        and a quiet partition would look as if it lagged for ever.
        """
        kept: bool | None = None
        while kept is None:
            try:
                kept = await self.subscription.commit(offsets)
            except BrokerUnavailable:
                await self.clock.sleep(RETRY_SECONDS)
        if kept:
            self._next.update(offsets)
        else:
            # The group has moved on: what comes next may start anywhere, and may repeat.
            self._next.clear()

    async def _watch(self) -> None:
        """Look whether there is something to come, and for how long nothing has come of it."""
        now = self.clock.monotonic()
        try:
            lag_records = await self.subscription.lag()
        except BrokerUnavailable:
            # Either the broker is away, which ending this process would not cure, or a rebalance never ends.
            if now - self._progress_at > UNJOINED_SECONDS:
                raise Stuck(f"not joined to its group for {UNJOINED_SECONDS:g} s") from None
            return
        self.instruments.gauge("concord_consumer_lag_records").set(lag_records)
        if lag_records == 0:
            self._progress_at = now
        elif now - self._progress_at > STUCK_SECONDS:
            raise Stuck(f"{lag_records} records wait and none has come for {STUCK_SECONDS:g} s")


def decoded(record: Incoming) -> Delivery:
    """Return the record with its event.

    Raises:
        Undecodable: no event of its topic.
        UnknownSchemaVersion: written under a contract that this code does not know.
    """
    topic = BY_NAME[record.topic]
    check_schema(record.headers)
    return Delivery(record, decode(topic, record.value) if topic.message is not None else None)
