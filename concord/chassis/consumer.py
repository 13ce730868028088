"""The batch consumer: a batch of records -> one handler call a topic -> journal -> publish -> commit.

Offsets are committed after everything that the batch caused is stored and published, so a crash at any point
repeats work and loses none. Each partition's offsets must be contiguous; a jump is a bug and ends the process.
"""

import asyncio
import logging
from collections import defaultdict
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
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.store.port import StoreUnavailable
from concord.contracts.codec import Undecodable, UnknownSchemaVersion, check_schema, decode
from concord.contracts.topics import BY_NAME, Topic

POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
STUCK_SECONDS = 60.0

log = logging.getLogger(__name__)


class OffsetJump(Exception):
    """A partition's offsets were not contiguous: records were passed over. The process must end and read again."""


class Stuck(Exception):
    """There is lag and nothing has come for STUCK_SECONDS: the process must end and start anew."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record, decoded. `event` is the topic's envelope; for a topic without one it is None."""

    record: Incoming
    event: Message | None


Handler = Callable[[Sequence[Delivery]], Awaitable[None]]
"""Serves a batch of one topic, in order within each key. Whatever it raises but unavailability, the batch is then
tried record by record, and a record that fails ATTEMPTS_MAX times becomes a dead letter."""


class BatchConsumer:
    """Consumes some topics as one member of the service's group.

    Args:
        service: the group's name.
        handlers: for each topic, who serves it; topics are served in this order within a batch.
        flushed: returns when all that was decided so far is published (`Publisher.flushed`).
    """

    name = "consumer"

    def __init__(
        self,
        service: str,
        broker: Broker,
        handlers: Mapping[Topic, Handler],
        flushed: Callable[[], Awaitable[None]],
        dead_letters: DeadLetters,
        clock: Clock,
    ) -> None:
        self.handlers = {topic.name: handler for topic, handler in handlers.items()}
        self.subscription: Subscription = broker.subscribe(list(self.handlers), group=service)
        self.flushed = flushed
        self.dead_letters = dead_letters
        self.clock = clock
        self.records_consumed: dict[str, int] = defaultdict(int)
        self.lag_records = 0
        self._next: dict[TopicPartition, int] = {}
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
        while not self._stopping:
            self._idle.clear()
            try:
                await self._turn()
            except BrokerUnavailable:
                await self.clock.sleep(RETRY_SECONDS)
            finally:
                self._idle.set()

    async def _turn(self) -> None:
        """Serve one batch, or look after the watchdog when there is none."""
        records = await self.subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        if not records:
            await self._watch()
            return
        offsets = self._check_contiguous(records)
        for topic, batch in self._by_topic(records).items():
            await self._serve(topic, batch)
        await self.flushed()
        await self._commit(offsets)
        self._progress_at = self.clock.monotonic()

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
        self.records_consumed[topic] += len(batch)

    async def _serve_alone(self, topic: str, delivery: Delivery) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await self._available(topic, [delivery])
            except Exception as fault:
                if attempt == ATTEMPTS_MAX:
                    await self._set_aside(delivery.record, fault, attempt)
            else:
                return

    async def _available(self, topic: str, deliveries: Sequence[Delivery]) -> None:
        """Call the handler, again and again while the store or the broker does not answer."""
        while True:
            try:
                await self.handlers[topic](deliveries)
            except (StoreUnavailable, BrokerUnavailable) as fault:
                log.warning("%s waits: %s", topic, fault)
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
        try:
            kept = await self.subscription.commit(offsets)
        except BrokerUnavailable:
            kept = False
        if kept:
            self._next.update(offsets)
            for place in self._next.keys() - self.subscription.assigned():
                del self._next[place]
        else:
            # The group has moved on, or nobody answered: what comes next may start anywhere, and may repeat.
            self._next.clear()

    async def _watch(self) -> None:
        """With nothing coming: raise when there is something to come."""
        now = self.clock.monotonic()
        self.lag_records = await self.subscription.lag()
        if self.lag_records == 0:
            self._progress_at = now
        elif now - self._progress_at > STUCK_SECONDS:
            raise Stuck(f"{self.lag_records} records wait and none has come for {STUCK_SECONDS:g} s")


def decoded(record: Incoming) -> Delivery:
    """Return the record with its event.

    Raises:
        Undecodable: no event of its topic.
        UnknownSchemaVersion: written under a contract that this code does not know.
    """
    topic = BY_NAME[record.topic]
    check_schema(record.headers)
    return Delivery(record, decode(topic, record.value) if topic.message is not None else None)


__all__ = ["BatchConsumer", "Delivery", "Handler", "OffsetJump", "Stuck", "UnknownSchemaVersion", "decoded"]
