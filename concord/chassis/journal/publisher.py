"""The publisher: says the events of what was committed, in the order of the commits."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from concord.chassis.broker.port import Broker, BrokerUnavailable, NeverTaken, Outgoing, why_never_taken
from concord.chassis.clock import Clock
from concord.chassis.journal.record import MARKS, PARKED, WRITERS, parked
from concord.chassis.store.port import Store, StoreUnavailable

PUBLISH_EVENTS_MAX = 2_000
BACKLOG_EVENTS_MAX = 50_000
MARK_SECONDS = 1.0
RETRY_SECONDS_FIRST = 0.05
RETRY_SECONDS_MAX = 2.0

log = logging.getLogger(__name__)


class Publisher:
    """Publishes commit after commit and leaves marks of how far it came.

    A mark is a hint: losing it costs duplicates, which every consumer tells by their event id, and nothing else.

    Attributes:
        backlog_events: how many were offered and are not published.
        events_parked: how many no broker took; what follows them goes on.
    """

    name = "publisher"

    def __init__(self, broker: Broker, store: Store, writer: str, clock: Clock) -> None:
        self.broker = broker
        self.store = store
        self.writer = writer
        self.clock = clock
        self.published_number = 0
        self.backlog_events = 0
        self.events_parked = 0
        self._marked_number = 0
        self._offered_number = 0
        self._queue: deque[tuple[int, Sequence[Outgoing]]] = deque()
        self._arrived = asyncio.Event()
        self._advanced = asyncio.Condition()

    @property
    def full(self) -> bool:
        """Whether more events wait than may, because the broker does not take them."""
        return self.backlog_events >= BACKLOG_EVENTS_MAX

    def offer(self, number: int, events: Sequence[Outgoing]) -> None:
        """Take over the events of a commit; they are published after those of every lower number."""
        self._queue.append((number, events))
        self._offered_number = number
        self.backlog_events += len(events)
        self._arrived.set()

    async def flushed(self) -> None:
        """Return when everything offered before the call is published."""
        wanted = self._offered_number
        async with self._advanced:
            await self._advanced.wait_for(lambda: self.published_number >= wanted)

    async def run(self) -> None:
        """Publish, and mark how far, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_for_ever())
            tasks.create_task(self._mark_for_ever())

    async def _publish_for_ever(self) -> None:
        while True:
            await self._arrived.wait()
            batch: list[Outgoing] = []
            number = self.published_number
            while self._queue and len(batch) < PUBLISH_EVENTS_MAX:
                number, events = self._queue.popleft()
                batch.extend(events)
            if not self._queue:
                self._arrived.clear()
            await self.publish(batch)
            self.backlog_events -= len(batch)
            async with self._advanced:
                self.published_number = number
                self._advanced.notify_all()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish these events, again and again while the broker does not answer; park those that none would take."""
        left: list[Outgoing] = []
        for event in events:
            if (reason := why_never_taken(event)) is None:
                left.append(event)
            else:
                await self._park(event, reason)
        pause = RETRY_SECONDS_FIRST
        while left:
            try:
                await self.broker.publish(left)
            except BrokerUnavailable:
                pass
            except Exception as fault:
                log.warning("%d events were not taken together (%r); trying one by one", len(left), fault)
                left = await self._one_by_one(left)
            else:
                return
            if left:
                await self.clock.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def _one_by_one(self, events: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish each alone, and park what is to blame; return what is still to be said.

        A fault that nobody foresaw is an event's own only if others got through meanwhile.
        """
        failed: list[tuple[Outgoing, str]] = []
        said = 0
        for position, event in enumerate(events):
            try:
                await self.broker.publish([event])
            except BrokerUnavailable:
                return [*(one for one, _ in failed), *events[position:]]
            except NeverTaken as fault:
                await self._park(event, str(fault))
            except Exception as fault:
                failed.append((event, repr(fault)))
            else:
                said += 1
        if not said:
            return [event for event, _ in failed]
        for event, reason in failed:
            await self._park(event, reason)
        return []

    async def _park(self, event: Outgoing, reason: str) -> None:
        """Keep an event that no broker takes where a person finds it, so that what follows it goes on."""
        log.error("an event of %s cannot be said and is parked: %s", event.topic, reason)
        document = parked(event, reason, self.clock.now_us())
        pause = RETRY_SECONDS_FIRST
        while True:
            try:
                await self.store.insert(PARKED.name, [document])
            except StoreUnavailable:
                await self.clock.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
            else:
                self.events_parked += 1
                return

    async def _mark_for_ever(self) -> None:
        while True:
            await self.clock.sleep(MARK_SECONDS)
            try:
                await self.mark()
            except StoreUnavailable:
                continue

    async def mark(self) -> None:
        """Leave a mark of how far this writer has published, and take the one before away."""
        number, before = self.published_number, self._marked_number
        if number == before:
            return
        await leave_mark(self.store, self.writer, number)
        self._marked_number = number
        if before:
            await self.store.delete(MARKS.name, [f"{self.writer}/{before}"])

    async def close(self) -> None:
        """After the last commit: publish all, and take this writer off the list of those to be swept."""
        await self.flushed()
        await self.store.delete(WRITERS.name, [self.writer])
        await self.store.delete(MARKS.name, [f"{self.writer}/{self._marked_number}"])


async def leave_mark(store: Store, writer: str, number: int) -> None:
    """Say that all commits of a writer up to this number are published; saying it again changes nothing."""
    mark = {"_id": f"{writer}/{number}", "writer": writer, "number": number}
    await store.insert(MARKS.name, [mark])
