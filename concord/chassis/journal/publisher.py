"""The publisher: says the events of what was committed, in the order of the commits."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import Broker, BrokerUnavailable, NeverTaken, Outgoing, why_never_taken
from concord.chassis.clock import Clock
from concord.chassis.errors import Backlogged
from concord.chassis.journal.marks import RECALL_COMMITS, Marks
from concord.chassis.journal.record import PARKED, events_of, parked
from concord.chassis.store.port import Document, Store, StoreUnavailable

PUBLISH_EVENTS_MAX = 2_000
PUBLISH_BYTES_MAX = 8_000_000
HELD_BYTES_MAX = 32_000_000
"""Of events that wait in memory. What is committed beyond is read back from the journal when its turn comes."""
HELD_EVENT_BYTES = 500
"""What an event in memory is taken to need beside its value."""
BACKLOG_EVENTS_MAX = 500_000
"""Events stored and not published, beyond which no more is taken from people: some ten minutes at full load."""
PACE_SECONDS = 0.1
"""The least time between the beginnings of two publishes: a request to the broker costs much whatever it holds."""
MARK_SECONDS = 1.0
RETRY_SECONDS_MAX = 2.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """Events in memory, of one commit of ours (`number`) or of others' records (`records`)."""

    ticket: int
    number: int
    events: Sequence[Outgoing]
    size: int
    records: Sequence[Document] = ()


@dataclass(slots=True)
class _Gap:
    """Commits of ours whose events are in the journal only."""

    ticket: int
    first: int
    last: int
    events: int


class Publisher:
    """Publishes commit after commit and leaves marks of how far it came.

    Attributes:
        backlog_events: how many were offered and are not published.
        held_bytes: what of them is in memory.
        published_number: all commits of ours up to it are published.
        events_parked: how many no broker took; what follows them goes on.
    """

    name = "publisher"

    def __init__(self, broker: Broker, store: Store, writer: str, clock: Clock, marks: Marks | None = None) -> None:
        self.broker = broker
        self.store = store
        self.writer = writer
        self.clock = clock
        self.marks = marks or Marks(store)
        self.published_number = 0
        self.backlog_events = 0
        self.held_bytes = 0
        self.events_parked = 0
        self._marked_number = 0
        self._waiting: deque[_Held | _Gap] = deque()
        self._others: set[str] = set()
        self._offered_ticket = 0
        self._said_ticket = 0
        self._arrived = asyncio.Event()
        self._advanced = asyncio.Condition()

    @property
    def full(self) -> bool:
        """Whether more events wait than may, because the broker does not take them."""
        return self.backlog_events >= BACKLOG_EVENTS_MAX

    def refuse_backlog(self) -> None:
        """Raise Backlogged when no more may be taken: before anything is stored, by whoever takes from people."""
        if self.full:
            raise Backlogged(f"{self.backlog_events} events wait for the broker.")

    def offer(self, number: int, events: Sequence[Outgoing]) -> None:
        """Take over the events of a commit of ours; they are said after all that was offered before.

        When HELD_BYTES_MAX are in memory, only the number is kept, and the events are read back from the journal.
        """
        size = _held_bytes(events)
        self._offered_ticket += 1
        self.backlog_events += len(events)
        last = self._waiting[-1] if self._waiting else None
        if self.held_bytes + size <= HELD_BYTES_MAX:
            self._hold(_Held(self._offered_ticket, number, events, size))
        elif isinstance(last, _Gap):
            last.ticket, last.last, last.events = self._offered_ticket, number, last.events + len(events)
        else:
            self._waiting.append(_Gap(self._offered_ticket, number, number, len(events)))
        self._arrived.set()

    def offer_others(self, records: Sequence[Document]) -> None:
        """Take over the events of records that another writer stored and may not have said.

        Whoever decides on what these records made offers its own events after them, so that none overtakes them.

        Raises:
            Backlogged: there is no room in memory, for they are nowhere in the order of our commits.
        """
        records = [record for record in records if record["_id"] not in self._others]
        if not records:
            return
        events = [event for record in records for event in events_of(record)]
        size = _held_bytes(events)
        if self._waiting and self.held_bytes + size > HELD_BYTES_MAX:
            raise Backlogged(f"{self.backlog_events} events wait for the broker, others' before ours.")
        self._offered_ticket += 1
        self.backlog_events += len(events)
        self._others.update(record["_id"] for record in records)
        self._hold(_Held(self._offered_ticket, 0, events, size, records))
        self._arrived.set()

    def _hold(self, held: _Held) -> None:
        self.held_bytes += held.size
        self._waiting.append(held)

    async def flushed(self) -> None:
        """Return when everything offered before the call is published."""
        wanted = self._offered_ticket
        async with self._advanced:
            await self._advanced.wait_for(lambda: self._said_ticket >= wanted)

    async def run(self) -> None:
        """Publish, and mark how far, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_for_ever())
            tasks.create_task(self._mark_for_ever())

    async def _publish_for_ever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                if isinstance(self._waiting[0], _Gap):
                    await self._close_gap(self._waiting[0])
                    continue
                began = self.clock.monotonic()
                await self._say_held()
                if (left := began + PACE_SECONDS - self.clock.monotonic()) > 0:
                    await self.clock.sleep(left)

    async def _say_held(self) -> None:
        """Say what is first in memory; while that fails, with what came after it, so that others may get through."""
        waits = BackOff("the publisher", self.clock, RETRY_SECONDS_MAX)
        taken: list[_Held] = []
        left: list[Outgoing] = []
        while True:
            left += self._take(taken, len(left))
            fault = await self._attempt(left)
            if fault is None:
                break
            await waits.wait(fault)
        waits.over()
        others = [record for held in taken for record in held.records]
        if others:
            await self._note(others)
            self._others.difference_update(record["_id"] for record in others)
        number = max(held.number for held in taken)
        await self._advance(taken[-1].ticket, number, sum(len(held.events) for held in taken))
        self.held_bytes -= sum(held.size for held in taken)

    def _take(self, taken: list[_Held], events: int) -> list[Outgoing]:
        """Move what one publish may hold from what waits to what is taken, and return the events."""
        batch: list[Outgoing] = []
        size = sum(held.size for held in taken)
        while self._waiting and events + len(batch) < PUBLISH_EVENTS_MAX and size < PUBLISH_BYTES_MAX:
            held = self._waiting[0]
            if isinstance(held, _Gap):
                break
            self._waiting.popleft()
            taken.append(held)
            batch.extend(held.events)
            size += held.size
        return batch

    async def _close_gap(self, gap: _Gap) -> None:
        """Read the gap's first commits back from the journal and say them; what is left of it stays first."""
        waits = BackOff("the publisher", self.clock, RETRY_SECONDS_MAX)
        # Looked at once: the gap may grow at its end meanwhile.
        last = min(gap.last, gap.first + RECALL_COMMITS - 1)
        records: list[Document] | None = None
        while records is None:
            try:
                records = await self.marks.recall(self.writer, gap.first, last)
            except StoreUnavailable as fault:
                await waits.wait(fault)
        events = [event for record in records for event in events_of(record)]
        for start in range(0, len(events), PUBLISH_EVENTS_MAX):
            await self.publish(events[start : start + PUBLISH_EVENTS_MAX])
        if last == gap.last:
            self._waiting.popleft()
            await self._advance(gap.ticket, last, gap.events)
        else:
            gap.first = last + 1
            gap.events -= len(events)
            await self._advance(self._said_ticket, last, len(events))

    async def _advance(self, ticket: int, number: int, events: int) -> None:
        self.backlog_events -= events
        async with self._advanced:
            self._said_ticket = ticket
            self.published_number = max(self.published_number, number)
            self._advanced.notify_all()

    async def _note(self, records: Sequence[Document]) -> None:
        """Note what was said for others; unnoted, it is said once more when it is met again."""
        try:
            await self.marks.note(records)
        except StoreUnavailable as fault:
            log.warning("%d records that were said for others are not noted: %s", len(records), fault)

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish these events, again and again while the broker does not answer; park those that none would take."""
        waits = BackOff("a publish", self.clock, RETRY_SECONDS_MAX)
        left = list(events)
        while (fault := await self._attempt(left)) is not None:
            await waits.wait(fault)
        waits.over()

    async def _attempt(self, left: list[Outgoing]) -> Exception | None:
        """Try to publish what is left; what is said or parked leaves the list. Return why it is not empty, if so."""
        while left:
            try:
                await self.broker.publish(left)
            except BrokerUnavailable as fault:
                return fault
            except NeverTaken as fault:
                if not await self._park_plain(left):
                    log.warning("%d events were not taken together (%r); trying one by one", len(left), fault)
                    return await self._one_by_one(left)
            except Exception as fault:
                log.warning("%d events were not taken together (%r); trying one by one", len(left), fault)
                return await self._one_by_one(left)
            else:
                left.clear()
        return None

    async def _park_plain(self, left: list[Outgoing]) -> int:
        """Park what can be seen to be never taken, and return how many that were."""
        reasons = [(event, reason) for event in left if (reason := why_never_taken(event)) is not None]
        for event, reason in reasons:
            await self._park(event, reason)
            left.remove(event)
        return len(reasons)

    async def _one_by_one(self, left: list[Outgoing]) -> Exception | None:
        """Publish each alone, and park what is to blame.

        A fault that nobody foresaw is an event's own only if others got through meanwhile.
        """
        failed: list[tuple[Outgoing, Exception]] = []
        count = 0
        while left:
            try:
                await self.broker.publish(left[:1])
            except BrokerUnavailable as fault:
                left[:0] = [event for event, _ in failed]
                return fault
            except NeverTaken as fault:
                await self._park(left[0], str(fault))
            except Exception as fault:
                failed.append((left[0], fault))
            else:
                count += 1
            del left[0]
        if failed and not count:
            left[:] = [event for event, _ in failed]
            return failed[0][1]
        for event, reason in failed:
            await self._park(event, repr(reason))
        return None

    async def _park(self, event: Outgoing, reason: str) -> None:
        """Keep an event that no broker takes where a person finds it, so that what follows it goes on."""
        log.error("an event of %s cannot be said and is parked: %s", event.topic or "no topic", reason)
        document = parked(event, reason, self.clock.now_us())
        waits = BackOff("parking an event", self.clock, RETRY_SECONDS_MAX)
        while True:
            try:
                await self.store.insert(PARKED.name, [document])
            except StoreUnavailable as fault:
                await waits.wait(fault)
            else:
                self.events_parked += 1
                return

    async def _mark_for_ever(self) -> None:
        waits = BackOff("marking what is published", self.clock, RETRY_SECONDS_MAX)
        while True:
            await self.clock.sleep(MARK_SECONDS)
            await waits.attempt(self.mark)

    async def mark(self) -> None:
        """Leave a mark of how far this writer has published, and take the one before away."""
        number, before = self.published_number, self._marked_number
        if number > before:
            await self.marks.leave(self.writer, number, before)
            self._marked_number = number

    async def close(self, registered: bool) -> None:
        """After the last commit: publish all, and tell, if this writer is known, that nothing comes of it any more."""
        await self.flushed()
        if registered:
            await self.marks.close(self.writer, self.published_number)


def _held_bytes(events: Sequence[Outgoing]) -> int:
    return sum([len(event.value) + HELD_EVENT_BYTES for event in events])
