"""Chunked delivery for Faust: what one poll brings of a partition reaches an agent as one event.

Stock Faust spends 65 to 85 us on every record it hands to an agent. Here `event.value` is the list of a chunk's
raw values and `event.message.records` are the records, ours, so that a record costs what the client library
needs. Assignment, rebalance, flow control, back pressure, tables and the commit loop stay Faust's.

Offsets. A chunk is acknowledged as a whole when the agent's loop body has ended, and what is committed is the
end of the contiguous head of what was delivered: an acknowledgement out of order cannot pass over a chunk, which
stock Faust's own rule can let happen. Where reading begins is the application's to say (`ChunkedApp.begin_at`), for
whoever keeps its state beside its offsets begins where the state stands, and not where the group once was.

With an owner, places are dealt whole, and the table of them is read off what Faust tells each member for its router:
the whole distribution, with the addresses.

Made for Faust 0.15; a test reads these topics on a real broker.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple, cast

import faust
import uvloop
from aiokafka.errors import IllegalStateError
from faust.assignor.partition_assignor import PartitionAssignor
from faust.auth import SASLCredentials, SSLCredentials
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.futures import notify

from concord.chassis.broker.authority import context_of
from concord.chassis.broker.port import Deal, Incoming, Table
from concord.chassis.consumer.batch import FULL_RECORDS, PACE_SECONDS
from concord.chassis.consumer.watch import Stuck
from concord.chassis.faust_message import ChunkMessage, RawChunks
from concord.chassis.faust_thread import FAUST_LOG, ChunkedThread, take_error
from concord.chassis.places.deal import PlacesDiffer, check_width
from concord.chassis.places.faust_assignor import FaustPlaceAssignor
from concord.chassis.places.owner import Owner
from concord.chassis.settings import KafkaSettings

CHUNK_RECORDS_MAX = 1_000
POLL_RECORDS_MAX = 4_000
"""What one poll brings at most, some chunks: it wakes two threads."""
CHUNKS_BUFFERED_MAX = 8
"""Chunks that wait in front of an agent before its partition is no longer fetched."""
FULL_POLL_SECONDS = 0.05
"""How long a poll takes at most while a partition is not fetched for that, which is polled again with the next one."""
SESSION_SECONDS = 8.0
HEARTBEAT_SECONDS = 0.5
"""Also how soon a member hears that its group is dealt anew, while the others wait for it."""
COMMIT_SECONDS = 1.0
REBALANCE_SECONDS = 30.0

Positions = Mapping[TP, int]


class Extent(NamedTuple):
    """What a partition holds: from this offset to before that one."""

    start: int
    end: int


class ChunkedConsumer(driver.Consumer):
    """Faust's consumer, delivering chunks on the topics that `ChunkedApp.chunked` made."""

    logger = FAUST_LOG

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._chunked_app = cast("ChunkedApp", self.app)
        self._delivered: defaultdict[TP, deque[ChunkMessage]] = defaultdict(deque)
        self._not_before = 0.0
        self._sought_in: int | None = None
        self._begun: dict[TP, int] = {}
        self._dropped: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ChunkedThread:
        # Faust would have one of asyncio's, whatever runs the process: waking each other costs the more.
        thread = ChunkedThread(self, loop=self.loop, thread_loop=uvloop.new_event_loop(), beacon=self.beacon)
        thread._close_thread_loop_on_stop = True
        return thread

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Yield what one poll brings; what comes while it is not delivered, as a group is dealt anew, is read again.

        What trickles in is gathered, as `consumer.batch` does: a chunk costs much whatever it holds.
        """
        if not await self._paced():
            return
        if self._dropped:
            await self._back()
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        count = sum(map(len, records.values()))
        self._not_before = time.monotonic() + PACE_SECONDS if 0 < count < FULL_RECORDS else 0.0
        left = {ensure_TP(place): found[0].offset for place, found in records.items() if found}
        for place, found in records.items():
            tp = ensure_TP(place)
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue  # held back since it was polled
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            messages = self._messages(tp, found)
            while True:
                if self._cut_off(generation):
                    self._dropped |= left
                    return
                if (message := next(messages, None)) is None:
                    break
                left[tp] = message.offset + 1
                yield tp, message
            left.pop(tp, None)
        self._dropped |= left

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        """Poll what is read now, briefly while a partition waits for its agent: Faust's second is long by then.

        Faust would lend the set that it goes on changing while a poll lasts. Empty, as it is while a group is dealt
        anew, that means every partition: so a poll begun before took what a table was to be recovered from.
        """
        brief = min(timeout, FULL_POLL_SECONDS) if self._buffered_partitions else timeout
        return await super()._getmany(None if active_partitions is None else {*active_partitions}, brief)

    async def _back(self) -> None:
        """Go back to what a poll brought while nothing was delivered: the client library takes it for read."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        if self.should_stop:
            return
        dropped, self._dropped = self._dropped, {}
        assigned = self.assignment()
        with suppress(IllegalStateError):  # the group is being dealt anew: reading begins where its state stands then
            back = {
                tp: offset
                for tp, offset in dropped.items()
                if tp in assigned and self._begun.get(tp, 0) <= offset < (await self.position(tp) or 0)
            }
            if back:
                await self.seek_wait(back)

    async def _paced(self) -> bool:
        """Wait until the next poll may begin; tell whether there is to be one."""
        await asyncio.sleep(self._not_before - time.monotonic())
        while self._buffered_partitions and not self._get_active_partitions() and self.flow_active:
            if self.should_stop:  # with nobody to poll Faust would sleep for a second
                break
            await asyncio.sleep(FULL_POLL_SECONDS)
        return not self.should_stop

    def _cut_off(self, generation: int) -> bool:
        """Tell whether the group is being dealt anew: nothing more is delivered until reading begins again."""
        return not self.flow_active or bool(self.app.consumer_generation_id != generation)

    def _messages(self, tp: TP, found: Sequence[Any]) -> Iterator[Any]:
        if tp.topic not in self._chunked_app.chunked_topics:
            yield from (self._to_message(tp, record) for record in found)
            return
        for start in range(0, len(found), CHUNK_RECORDS_MAX):
            message = self._chunk(tp, found[start : start + CHUNK_RECORDS_MAX])
            self._delivered[tp].append(message)
            yield message

    def _chunk(self, tp: TP, records: Sequence[Incoming]) -> ChunkMessage:
        last = records[-1]
        message = ChunkMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp_us / 1_000_000.0,
            0,
            None,
            None,
            cast("bytes", [record.value for record in records]),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        message.records = records
        return message

    def ack(self, message: Any) -> bool:
        """Mark a chunk as done."""
        if not isinstance(message, ChunkMessage):
            return bool(super().ack(message))
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        # The commit loop looks at the partitions named here.
        self._acked[message.tp]
        notify(self._waiting_for_ack)
        return True

    def _new_offset(self, tp: TP) -> int | None:
        """Return the end of the contiguous head of what was delivered and done; None when it has not moved."""
        if tp.topic not in self._chunked_app.chunked_topics:
            offset: int | None = super()._new_offset(tp)
            return offset
        # The compiled stream iterator acknowledges by itself: it marks the message, and notes it here.
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        delivered, head = self._delivered[tp], None
        while delivered and delivered[0].acked:
            head = delivered.popleft().offset + 1
        return head

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Note offsets that never come, which between the ends of two chunks do."""
        if tp.topic not in self._chunked_app.chunked_topics:
            await super()._add_gap(tp, offset_from, offset_to)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was delivered, after what was begun is done."""
        await super().on_partitions_revoked(revoked)
        self._delivered.clear()
        self._dropped.clear()
        self._sought_in = None

    async def perform_seek(self) -> None:
        """Go to where reading begins; what is delivered already may come once more.

        Faust calls this when the partitions are no longer held back and the fetcher may be running; so
        `ChunkedApp` calls it once before that, nothing was fetched from anywhere else, and nothing is left to do.
        """
        if self._sought_in == self.app.consumer_generation_id:
            return
        self._delivered.clear()
        chunked = {tp for tp in self.assignment() if tp.topic in self._chunked_app.chunked_topics}
        if chunked:
            generation = self.app.consumer_generation_id
            starts, ends = await self.earliest_offsets(*chunked), await self.highwaters(*chunked)
            extents = {ensure_TP(tp): Extent(start or 0, ends[tp] or 0) for tp, start in starts.items()}
            positions = await self._chunked_app.begin_at(extents)
            if self.app.consumer_generation_id == generation:  # else it is called again, for what is ours by now
                await self.seek_wait(positions)
                self._sought_in, self._begun = generation, dict(positions)


class _ChunkedTransport(driver.Transport):
    Consumer = ChunkedConsumer


class ChunkedApp(faust.App):
    """A Faust application without web server, with tables in memory, for an event loop that is already running.

    Args:
        service: names the consumer group, and the changelogs of the tables.
        kafka: how the broker is reached.
        replicas: of the changelogs.
        owner: is told how places are dealt, and that ours are open once reading begins.

    Attributes:
        begin_at: told what partitions hold, says where to begin on each. Called after every rebalance, when the
            tables are recovered and before anything is fetched; it may be cancelled, and is called again then.
        dealt: called when the owner was told how places are dealt, before the tables of what is gained are recovered.
        opens: whether the owner is told that a place is open once reading begins; else whoever reads tells it.
    """

    logger = FAUST_LOG

    def __init__(self, service: str, kafka: KafkaSettings, replicas: int, owner: Owner | None = None) -> None:
        self._owner = owner
        self._owned: frozenset[int] = frozenset()
        self.chunked_topics: set[str] = set()
        self.begin_at: Callable[[Mapping[TP, Extent]], Awaitable[Positions]] = _at_the_beginning
        self.dealt: Callable[[], None] = _nobody
        self.opens = True
        super().__init__(
            service,
            broker=[f"kafka://{host}" for host in kafka.bootstrap.split(",")],
            broker_credentials=_credentials(kafka),
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            topic_replication_factor=replicas,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=HEARTBEAT_SECONDS,
            broker_rebalance_timeout=REBALANCE_SECONDS,
            broker_commit_interval=COMMIT_SECONDS,
            broker_max_poll_records=POLL_RECORDS_MAX,
            stream_buffer_maxsize=CHUNKS_BUFFERED_MAX,
            # Without it a batch in hand is lost when the process is told to stop.
            stream_wait_empty=True,
            # What Faust's assignor tells the other members of this one.
            canonical_url=None if owner is None else owner.address,
        )
        self.on_rebalance_complete.connect(self._begin)
        if owner is not None:
            self.on_partitions_assigned.connect(self._dealt)

    async def _begin(self, *arguments: Any, **options: Any) -> None:
        """Seek while every partition is still held back."""
        del arguments, options
        await cast("ChunkedConsumer", self.consumer).perform_seek()
        if self._owner is not None and self.opens:
            for place in self._owner.given():
                self._owner.opened(place)

    async def _dealt(self, *arguments: Any, **options: Any) -> None:
        """Tell the owner how places are dealt. What it had and has again it may serve: what it counted holds."""
        del options
        assert self._owner is not None
        assigned: Iterable[TP] = arguments[1]
        mine = frozenset(tp.partition for tp in assigned if tp.topic in self.chunked_topics)
        distribution = self.assignor.external_topic_distribution
        try:
            for topic in sorted(self.chunked_topics):
                check_width(
                    topic, sum(len(dealt.get(topic, ())) for dealt in distribution.values()), self._owner.places
                )
        except PlacesDiffer as fault:
            await self.crash(fault)
            return
        table = places_of(distribution, self.chunked_topics)
        self._owner.dealt(Deal(mine, mine & self._owned, table))
        self._owned = mine
        self.dealt()

    def chunked(self, name: str) -> Any:
        """Return a topic whose agents get chunks; the topic exists. Every topic of this application is one."""
        self.chunked_topics.add(name)
        raw = RawChunks(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        return self.topic(name, schema=raw)

    @cached_property
    def assignor(self) -> PartitionAssignor:
        """Deal whole places where there is an owner."""
        return PartitionAssignor(self) if self._owner is None else FaustPlaceAssignor(self, self._owner.places)

    def in_group(self) -> bool:
        """Return whether this process is a member of its group and not about to join it anew, as far as it knows.

        The client library hands an error of its group to whoever polls next, and stands still until it was taken. Faust
        polls around that, so nobody takes it, and the process would never come back: whoever asks this takes it.

        Raises:
            Stuck: what keeps the process in its group has ended.
        """
        thread: Any = cast("ChunkedConsumer", self.consumer)._thread
        consumer: Any = None if thread is None else thread._consumer
        if consumer is None or (coordinator := consumer._coordinator) is None:
            return False
        if coordinator._coordination_task.done():
            raise Stuck("what keeps the process in its group has ended, and the log says why")
        if (fault := coordinator._pending_exception) is not None:
            FAUST_LOG.warning("the group could not be joined, which is tried again: %r", fault)
            thread.thread_loop.call_soon_threadsafe(take_error, coordinator)
        subscription = consumer._subscription.subscription
        return bool(coordinator.member_id) and subscription is not None and not coordinator.need_rejoin(subscription)

    async def on_first_start(self) -> None:
        """Make no directories: nothing is kept on disk."""

    def _new_transport(self) -> Any:
        return _ChunkedTransport(self.conf.broker_consumer, self)


def places_of(distribution: Mapping[str, Mapping[str, Sequence[int]]], topics: Collection[str]) -> Table:
    """Return who has which place, of who has which partitions: a place is had by who has it in every topic."""
    return {
        address: frozenset.intersection(*(frozenset(dealt.get(topic, ())) for topic in topics))
        for address, dealt in distribution.items()
    }


async def _at_the_beginning(extents: Mapping[TP, Extent]) -> Positions:
    return {tp: extent.start for tp, extent in extents.items()}


def _nobody() -> None:
    return


def _credentials(kafka: KafkaSettings) -> Any:
    """Return what Faust shows the broker; None where it asks for nothing."""
    context = context_of(kafka.ca_file) if kafka.security.endswith("SSL") else None
    if kafka.security.startswith("SASL"):
        return SASLCredentials(
            username=kafka.username,
            password=kafka.password.reveal(),
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None
