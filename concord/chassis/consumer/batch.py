"""The batch consumer: a batch of records -> one handler call a topic -> journal -> publish -> commit.

Offsets are committed after everything that the batch caused is stored and published, so a crash at any point
repeats work and loses none. The offsets of each topic that our services write must be contiguous in a partition; a
jump is a bug and ends the process. Clients write with what producers they like, whose transactions leave gaps.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import POLL_RECORDS_MAX, Broker, BrokerUnavailable, Incoming, Seat, TopicPartition
from concord.chassis.clock import Clock
from concord.chassis.consumer.delivery import Handler
from concord.chassis.consumer.serving import Serving, Superseded
from concord.chassis.consumer.watch import CONSUMER_INSTRUMENTS, Watch
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import DeploymentFault, Passing
from concord.chassis.telemetry import Telemetry
from concord.contracts.topics import BY_NAME, CLIENTS, Topic

POLL_SECONDS = 0.2
PACE_SECONDS = 0.25
"""The least time between the beginnings of two turns of which the first was not full. A turn costs much whatever it has
(an insert, a publish, a commit), so what trickles in is gathered; what comes after a rest is served at once."""
FULL_RECORDS = POLL_RECORDS_MAX // 2
"""A turn of so many is full: more is waiting, most likely."""

log = logging.getLogger(__name__)


class OffsetJump(DeploymentFault):
    """A partition's offsets were not contiguous: records were passed over. The process must end and read again."""


class BatchConsumer:
    """Consumes some topics as one member of the service's group.

    Args:
        service: the group's name.
        handlers: for each topic, who serves it; topics are served in this order within a batch.
        flushed: returns when all that was decided so far is published (`Publisher.flushed`).
        needs: returns when everything that handlers need answers, and raises Passing when something does not; the
            broker's own ping when None.
        seat: the process's table of places, where the group deals whole places; None: partitions are dealt.

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
        needs: Callable[[], Awaitable[None]] | None = None,
        seat: Seat | None = None,
    ) -> None:
        by_name = {topic.name: handler for topic, handler in handlers.items()}
        self.topics = tuple(by_name)
        self.subscription = broker.subscribe(list(self.topics), group=service, seat=seat)
        self.flushed = flushed
        self.clock = clock
        instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        for topic in self.topics:
            # Shown as zero from the start, so that the first one is an increase.
            instruments.counter("concord_consumer_records", topic)
            instruments.counter("concord_dead_letters", topic)
        needs = needs or broker.ping
        self.watch = Watch(self.subscription.lag, needs, instruments, clock)
        self.serving = Serving(
            by_name, dead_letters, needs, instruments, telemetry.tracing, clock, self.watch.progressed
        )
        self.serving.superseded = lambda: self.subscription.generation() != self._generation
        self.regrouped: Callable[[], Awaitable[None]] | None = None
        self._waits = BackOff("the consumer", clock)
        self._next: dict[TopicPartition, int] = {}
        self._generation = -1
        self._not_before = 0.0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Join the group."""
        await self.subscription.start()
        self.watch.progressed()

    def release(self, place: int) -> None:
        """Serve the records of a place from now on."""
        self.subscription.release(place)

    async def between_batches(self) -> None:
        """Return when no batch of before the call is in hand."""
        await self._idle.wait()

    async def rest(self) -> None:
        """Fetch no more, and return when the batch in hand is finished and committed; the group is not left yet."""
        self._stopping = True
        self.subscription.interrupt()
        await self._idle.wait()

    async def stop(self) -> None:
        """Fetch no more, finish and commit the batch in hand, leave the group; once more changes nothing."""
        await self.rest()
        await self.subscription.stop()

    async def run(self) -> None:
        """Serve batch after batch until stopped.

        Raises:
            OffsetJump: see there.
            Stuck: see there.
            UnknownSchemaVersion: a newer contract; nothing of the batch is committed.
            DeploymentFault: a handler's; nothing of the batch is committed.
        """
        tasks = [asyncio.create_task(self._serve_batches()), asyncio.create_task(self.watch.run())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _serve_batches(self) -> None:
        while True:
            await self._paced()
            if self._stopping:  # looked at last: who stops waits for what is not idle, and joins no group again
                return
            self._idle.clear()
            try:
                await self._turn()
            except BrokerUnavailable as fault:
                await self._waits.wait(fault)
            except Superseded as fault:
                log.info("a batch is left to whoever has it now: %r", fault.__cause__)
                self._next.clear()
            else:
                self._waits.over()
            finally:
                self._idle.set()

    async def _paced(self) -> None:
        """Return when the next turn may begin."""
        if (left := self._not_before - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)

    async def _turn(self) -> None:
        """Serve one batch, if one comes."""
        records = await self.subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        if self.subscription.generation() != self._generation:
            await self._regroup(self.subscription.generation())
        if not records:
            return
        self._not_before = 0.0 if len(records) >= FULL_RECORDS else self.clock.monotonic() + PACE_SECONDS
        offsets = self._check_contiguous(records)
        for topic, batch in self._by_topic(records).items():
            await self._serve(topic, batch)
        await self.flushed()
        await self._commit(offsets)
        self.watch.committed()

    async def _serve(self, topic: str, batch: Sequence[Incoming]) -> None:
        await self.serving.serve(topic, batch)

    async def _regroup(self, generation: int) -> None:
        """Begin a new generation of the group, once the store answers."""
        self._next.clear()
        back_off = BackOff("a new generation of the group", self.clock)
        while self.regrouped is not None:
            try:
                await self.regrouped()
            except Passing as fault:
                self.watch.progressed()
                await back_off.wait(fault)
            else:
                break
        back_off.over()
        self._generation = generation

    def _by_topic(self, records: Sequence[Incoming]) -> dict[str, list[Incoming]]:
        batches: dict[str, list[Incoming]] = {topic: [] for topic in self.topics}
        for record in records:
            batches[record.topic].append(record)
        return {topic: batch for topic, batch in batches.items() if batch}

    def _check_contiguous(self, records: Sequence[Incoming]) -> dict[TopicPartition, int]:
        """Return the offsets to commit; raise when records of a partition do not follow on one another and should."""
        offsets: dict[TopicPartition, int] = {}
        topic, partition, expected = "", -1, 0
        for record in records:
            # Records of a partition come together: where it is to go on is looked up once for them.
            if record.partition != partition or record.topic != topic:
                if topic:
                    offsets[TopicPartition(topic, partition)] = expected
                topic, partition = record.topic, record.partition
                place = TopicPartition(topic, partition)
                expected = offsets.get(place, self._next.get(place, record.offset))
            # Going back is a redelivery and harmless.
            if record.offset > expected and not _may_have_gaps(BY_NAME[topic]):
                raise OffsetJump(f"{topic}[{partition}] went from {expected} to {record.offset}")
            expected = record.offset + 1
        if topic:
            offsets[TopicPartition(topic, partition)] = expected
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
            except BrokerUnavailable as fault:
                await self._waits.wait(fault)
        self._waits.over()
        if kept:
            self._next.update(offsets)
        else:
            # The group has moved on: what comes next may start anywhere, and may repeat.
            self._next.clear()


def _may_have_gaps(topic: Topic) -> bool:
    """Return whether offsets of the topic may be missing: compaction takes some, and a client's transactions."""
    return topic.compacted or topic.writer == CLIENTS
