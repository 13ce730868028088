"""A member of a Kafka consumer group, or a lone reader, over aiokafka.

With a seat, places are dealt whole by our own assignor, and the records of a place are held back until it is loaded.

Offsets are committed by hand. What was polled before a rebalance can no longer be committed after it, even where
the partition came back to the same member: the client library would let that pass.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.client import ConnectionGroup
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.protocol.offset import OffsetRequest

from concord.chassis.broker.kafka_connection import NO_ANSWER, KafkaConnection
from concord.chassis.broker.kafka_records import hand_over_own
from concord.chassis.broker.port import (
    NEVER_DEALT,
    BrokerUnavailable,
    Claim,
    Deal,
    Incoming,
    Seat,
    Table,
    TopicPartition,
)
from concord.chassis.places.assignor import PlaceAssignor
from concord.chassis.places.deal import check_width

SESSION_MS_MAX = 10_000
"""Without a heartbeat for so long a member is out, and its partitions go to others."""
HEARTBEAT_MS = 250
"""Also how soon a member hears that its group is dealt anew, while the others wait for it."""
POLL_INTERVAL_MS_MAX = 300_000
"""Without a poll for so long a member leaves by itself: its handler hangs."""
FETCH_BYTES_MAX = 16_777_216
FETCH_PARTITION_BYTES_MAX = 1_048_576
FETCH_WAIT_MS = 500
"""How long the broker keeps a question for records where there are none. It answers a connection's questions in turn:
for so long, what is dealt or released meanwhile is not asked for."""
FETCH_WAIT_ALONE_MS = 5_000
"""The same for a lone reader, whose partitions stay what they are: half of all that brokers are asked when nothing
happens was asked by tables."""

JOIN_SECONDS_MAX = 45.0
"""A join waits until a dead member's session is over."""
ANSWER_SECONDS_MAX = 15.0
STOP_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


class KafkaSubscription:
    """A consumer's view of some topics; `KafkaBroker.subscribe` makes it."""

    def __init__(
        self, connection: KafkaConnection, topics: Sequence[str], group: str | None, seat: Seat | None = None
    ) -> None:
        self._connection = connection
        self._places = None if seat is None else _Places(seat)
        self._topics = tuple(topics)
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._rebalancing = False
        self._in_hand: set[TopicPartition] = set()
        # The first offset of each partition that was polled and is not committed.
        self._undone: dict[TopicPartition, int] = {}
        self._generation = 0
        self._waiting: asyncio.Task[object] | None = None
        self._interrupted = False

    async def start(self) -> None:
        """Join unless joined, and return when partitions are assigned."""
        if self._consumer is None:
            self._consumer = await self._new_consumer()

    async def _new_consumer(self) -> AIOKafkaConsumer:
        places = self._places
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            **({} if places is None else {"partition_assignment_strategy": (places.assignor,)}),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_MS_MAX,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=POLL_INTERVAL_MS_MAX,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=FETCH_PARTITION_BYTES_MAX,
            fetch_max_wait_ms=FETCH_WAIT_ALONE_MS if self._group is None else FETCH_WAIT_MS,
        )
        if self._group is None:
            consumer._client.send = partial(_send, consumer._client.send)
        consumer.subscribe(self._topics, listener=_Rebalances(self, consumer))
        try:
            async with asyncio.timeout(JOIN_SECONDS_MAX):
                await consumer.start()
            hand_over_own(consumer)
            if places is not None:
                for topic in self._topics:
                    check_width(topic, len(consumer.partitions_for_topic(topic) or ()), places.seat.places)
        except BaseException as fault:  # a cancelled start must not leave a member behind either
            await _stop(consumer)
            if places is not None and places.assignor.differ is not None:
                raise places.assignor.differ from fault
            if isinstance(fault, NO_ANSWER):
                raise BrokerUnavailable(f"{self._connection}, joining {self._group}: {fault!r}") from fault
            raise
        if self._group is None:  # no group, no listener
            self.end_rebalance(consumer, consumer.assignment())
        return consumer

    async def poll(self, records_max: int, wait_seconds: float) -> Sequence[Incoming]:
        """Return the next records, in order within each partition; empty when none came within the wait.

        A consumer that failed for good is left, and the next poll joins anew.
        """
        await self.start()
        consumer = self._consumer
        assert consumer is not None
        try:
            found = await self._fetched(consumer, records_max, wait_seconds)
        except NO_ANSWER as fault:
            await self.stop()
            if self._places is not None and self._places.assignor.differ is not None:
                raise self._places.assignor.differ from fault
            raise BrokerUnavailable(f"polling {', '.join(self._topics)}: {fault!r}") from fault
        self._in_hand.update(_ours(found))
        if self._group is not None:
            for place, records in found.items():
                self._undone.setdefault(TopicPartition(place.topic, place.partition), records[0].offset)
        return list(chain.from_iterable(found.values()))

    async def _fetched(
        self, consumer: AIOKafkaConsumer, records_max: int, wait_seconds: float
    ) -> Mapping[Place, Sequence[Incoming]]:
        """Return what the library hands out within the wait, and nothing when interrupted."""
        self._waiting, self._interrupted = asyncio.current_task(), False
        try:
            found: Mapping[Place, Sequence[Incoming]] = await consumer.getmany(
                timeout_ms=round(wait_seconds * 1_000), max_records=records_max
            )
        except asyncio.CancelledError:
            # The library has no way to end a wait; cancelled, it has handed out nothing. A cancellation of somebody
            # else's besides ours stays in force.
            if not self._interrupted or self._waiting is None or self._waiting.uncancel() > 0:
                raise
            return {}
        else:
            return found
        finally:
            self._waiting = None

    def interrupt(self) -> None:
        """Let a poll that waits return at once."""
        if self._waiting is not None and not self._interrupted:
            self._interrupted = True
            self._waiting.cancel()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Record that everything below these offsets is done; False when the group has moved on without us.

        A lone reader commits nothing, and is never told that it is late.
        """
        if self._group is None or not offsets:
            return True
        if self._consumer is None or not self._in_hand.issuperset(offsets):
            return False
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._consumer.commit({Place(*place): offset for place, offset in offsets.items()})
        except (CommitFailedError, IllegalStateError):
            return False
        except NO_ANSWER as fault:
            raise BrokerUnavailable(f"committing for {self._group}: {fault!r}") from fault
        for place in offsets:
            # A batch is committed before the next is polled, so all that was polled is done.
            self._undone.pop(place, None)
        return True

    async def lag(self) -> int:
        """Return how many records of the assigned partitions are not committed; not polled, for a lone reader.

        Raises:
            BrokerUnavailable: no answer, or nothing is assigned for now: the next poll joins, or the group is
                being dealt anew.
        """
        consumer = self._consumer
        if consumer is None or self._rebalancing:
            raise BrokerUnavailable(f"not joined to {self._group}, or it is being dealt anew")
        places = consumer.assignment()
        if not places:
            return 0
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                ends: Mapping[Place, int] = await consumer.end_offsets(places)
                done = {place: await consumer.position(place) for place in ends}
        except (*NO_ANSWER, IllegalStateError) as fault:
            raise BrokerUnavailable(f"asking how far {', '.join(self._topics)} go: {fault!r}") from fault
        undone = self._undone
        return sum(end - undone.get(TopicPartition(*place), done[place]) for place, end in ends.items())

    def release(self, place: int) -> None:
        """Hand out the records of a place from now on; without effect when it is not ours any more."""
        if self._places is not None and self._consumer is not None and place in self._places.owned:
            self._places.released.add(place)
            self._consumer.resume(*(entry for entry in self._consumer.assignment() if entry.partition == place))

    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that are this member's now; empty before the first assignment."""
        return self._assigned

    def generation(self) -> int:
        """Return how often partitions were assigned so far."""
        return self._generation

    async def stop(self) -> None:
        """Leave the group, at once and in order; committed offsets stay."""
        consumer, self._consumer = self._consumer, None
        self.begin_rebalance()
        if consumer is not None:
            await _stop(consumer)

    def begin_rebalance(self) -> None:
        """Forget what was assigned and what is in hand: it may be others' by now."""
        self._rebalancing = True
        self._assigned = frozenset()
        self._in_hand.clear()
        self._undone.clear()

    def end_rebalance(self, consumer: AIOKafkaConsumer, assigned: Collection[Place]) -> None:
        """Take what was assigned; nothing of a place that is not released is fetched."""
        self._generation += 1
        self._rebalancing = False
        self._assigned = _ours(assigned)
        if self._places is not None:
            coordinator = consumer._coordinator
            self._places.take(assigned, coordinator.generation, coordinator.member_id)
            consumer.pause(*(entry for entry in assigned if entry.partition not in self._places.released))


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc] # the library's classes have no types
    """Tells a subscription when its group is dealt anew."""

    def __init__(self, subscription: KafkaSubscription, consumer: AIOKafkaConsumer) -> None:
        self._subscription = subscription
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[Place]) -> None:
        """Called before the member joins again; all that it had is revoked."""
        del revoked
        self._subscription.begin_rebalance()

    async def on_partitions_assigned(self, assigned: Collection[Place]) -> None:
        """Called when the member has its partitions."""
        self._subscription.end_rebalance(self._consumer, assigned)


class _Places:
    """The places of one member: what it claims, what it has, and what of that is handed out.

    A place is kept when the group was dealt twice in a row with this member in it, as the same member: whoever was put
    out meanwhile, or missed a deal, cannot know who had its places.
    """

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.assignor = PlaceAssignor(seat.places, self._claim, self._hear)
        self.owned: tuple[int, ...] = ()
        self.released: set[int] = set()
        self._dealt_as = (NEVER_DEALT, "")
        self._table: Table = {}

    def _claim(self) -> Claim:
        return Claim(self.seat.address, self.owned, self._dealt_as[0])

    def _hear(self, table: Table) -> None:
        self._table = table

    def take(self, assigned: Collection[Place], generation: int, member: str) -> None:
        """Take what was assigned, and tell the seat."""
        mine = frozenset(place.partition for place in assigned)
        in_a_row = (generation - 1, member) == self._dealt_as
        kept = mine & frozenset(self.owned) if in_a_row else frozenset()
        self.owned = (*(place for place in self.owned if place in kept), *sorted(mine - kept))
        self._dealt_as = (generation, member)
        self.released &= kept
        self.seat.dealt(Deal(mine, kept, self._table))


def _ours(places: Collection[Place]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(place.topic, place.partition) for place in places)


async def _send(send: Callable[..., Awaitable[object]], node: int, request: object, **options: Any) -> object:
    """Send a lone reader's request; the question how far partitions go on the connection that a group's member has.

    Else it would wait behind the question for records, which the broker keeps.
    """
    apart = {"group": ConnectionGroup.COORDINATION} if isinstance(request, OffsetRequest) else {}
    return await send(node, request, **(options | apart))


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop it, and say so when it could not leave in order: its session then has to run out.

    While the broker is away the library ends its own tasks in a way that raises CancelledError here: whether it is us
    who are cancelled, only our task can tell.
    """
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await consumer.stop()
    except (*NO_ANSWER, asyncio.CancelledError) as fault:
        task = asyncio.current_task()
        if isinstance(fault, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        log.warning("a consumer did not leave its group in order (%r)", fault)
        with suppress(*NO_ANSWER):
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await consumer._client.close()
