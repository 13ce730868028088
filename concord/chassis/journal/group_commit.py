"""Group commit: what arrives while one insert is under way goes out with the next, each caller told its own outcome."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from concord.chassis.clock import Clock
from concord.chassis.errors import Backlogged
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import JOURNAL, WRITERS, Commit, Entry
from concord.chassis.store.port import Document, Store, StoreUnavailable

COMMIT_RECORDS_MAX = 500
WAITING_RECORDS_MAX = 20_000
GATHER_SECONDS = 0.002
"""How long a group waits for more after one that several callers shared. Who comes alone waits for it once at most."""
APPEND_SECONDS_MAX = 10.0
RETRY_SECONDS_FIRST = 0.05
RETRY_SECONDS_MAX = 2.0
REGISTER_AGAIN_SECONDS = 1_200.0
"""How long a writer may be silent before it makes itself known again, well inside the sweeper's patience."""


class Listener(Protocol):
    """Who is told of every entry, whether its caller still waits or not."""

    def taken(self, entries: Sequence[Entry[Any]]) -> None:
        """Called when entries are taken over: their outcome will be told, unless the process ends."""
        ...

    def known(self, entry: Entry[Any], stored: bool) -> None:
        """Called when an entry is known to be stored or lost, in the order of the commits, before its caller is."""
        ...


class _Append:
    """Entries that one caller waits for.

    Attributes:
        deadline: when its caller waits no more, by the event loop's clock.
        won: by entry, whether it was stored; false until it is told.
        told: set when all are told; cancelled when the caller waits no more.
    """

    __slots__ = ("_left", "deadline", "told", "won")

    def __init__(self, entries: int, loop: asyncio.AbstractEventLoop) -> None:
        self.deadline = loop.time() + APPEND_SECONDS_MAX
        self.won = [False] * entries
        self.told: asyncio.Future[None] = loop.create_future()
        self._left = entries

    def tell(self, position: int, won: bool) -> None:
        """Say what became of one entry."""
        self.won[position] = won
        self._left -= 1
        if not self._left and not self.told.done():
            self.told.set_result(None)

    def give_up(self) -> None:
        """Say that the store has not answered in time."""
        if not self.told.done():
            said = f"{self._left} records not confirmed by the store in {APPEND_SECONDS_MAX:g} s"
            self.told.set_exception(StoreUnavailable(said))


class GroupCommit:
    """Inserts entries in groups, one group at a time, and hands what won to the publisher in order.

    Commits of one writer are numbered without gaps: a number is used up only by a group of which something was
    stored. The sweeper of another process relies on it to find where this one stopped.
    """

    name = "group commit"

    def __init__(
        self, store: Store, publisher: Publisher, writer: str, clock: Clock, listener: Listener | None = None
    ) -> None:
        self.store = store
        self.publisher = publisher
        self.writer = writer
        self.clock = clock
        self.listener = listener
        self.number = 1
        self.records_stored = 0
        self.records_lost = 0
        self.registered_at: float | None = None
        self._waiting: deque[tuple[Entry[Any], _Append, int]] = deque()
        # In the order of their deadlines, so that one timer is enough: one each would cost as much as all else here.
        self._unanswered: deque[_Append] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    async def append(self, entries: Sequence[Entry[Any]]) -> list[bool]:
        """Return, for each entry, whether it was stored; False when its sequence number was taken.

        Raises:
            Backlogged: too much is waiting already.
            StoreUnavailable: no answer in APPEND_SECONDS_MAX. The entries may still be stored: ask again with the
                same causes and the journal tells which.
        """
        assert entries, "who appends nothing would wait for ever"
        if len(self._waiting) + len(entries) > WAITING_RECORDS_MAX:
            raise Backlogged(f"{len(self._waiting)} records wait for the store, {WAITING_RECORDS_MAX} may")
        loop = asyncio.get_running_loop()
        append = _Append(len(entries), loop)
        if self.listener is not None:
            self.listener.taken(entries)
        self._waiting.extend((entry, append, position) for position, entry in enumerate(entries))
        self._arrived.set()
        self._settled.clear()
        self._unanswered.append(append)
        if self._timer is None:
            self._timer = loop.call_at(append.deadline, self._give_up)
        await append.told
        await asyncio.sleep(0)  # the publisher first: what the caller is about to be answered is on its way by then
        return append.won

    async def run(self) -> None:
        """Commit group after group until cancelled."""
        crowded = False
        while True:
            await self._arrived.wait()
            if crowded and len(self._waiting) < COMMIT_RECORDS_MAX:
                # Those who were just answered are about to ask for more: a third fewer inserts.
                await self.clock.sleep(GATHER_SECONDS)
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), COMMIT_RECORDS_MAX))]
            if not self._waiting:
                self._arrived.clear()
            if not group:
                continue
            crowded = len({append for _, append, _ in group}) > 1
            lost = await self._commit([entry for entry, _, _ in group])
            self.records_stored += len(group) - len(lost)
            self.records_lost += len(lost)
            won = [entry for position, (entry, _, _) in enumerate(group) if position not in lost]
            if won:
                self.publisher.offer(self.number, [event for entry in won for event in entry.events])
                self.number += 1
            for position, (entry, append, place) in enumerate(group):
                if self.listener is not None:
                    self.listener.known(entry, position not in lost)
                append.tell(place, position not in lost)
            while self._unanswered and self._unanswered[0].told.done():
                self._unanswered.popleft()
            if not self._waiting:
                self._settled.set()

    def _give_up(self) -> None:
        """Tell those whose deadline has come, and look again at the next one's."""
        loop = asyncio.get_running_loop()
        while self._unanswered and (self._unanswered[0].told.done() or self._unanswered[0].deadline <= loop.time()):
            self._unanswered.popleft().give_up()
        self._timer = loop.call_at(self._unanswered[0].deadline, self._give_up) if self._unanswered else None

    async def settled(self) -> None:
        """Return when nothing that was appended waits for the store."""
        await self._settled.wait()

    async def _commit(self, entries: Sequence[Entry[Any]]) -> frozenset[int]:
        """Insert until the outcome of every entry is known; return the positions of the lost ones."""
        commit = Commit(self.writer, self.number)
        documents = [entry.document(commit) for entry in entries]
        pause = RETRY_SECONDS_FIRST
        doubtful = False
        while True:
            try:
                await self._register()
                if doubtful:
                    return await self._settle(documents)
                return await self.store.insert(JOURNAL.name, documents)
            except StoreUnavailable:
                doubtful = True
                await self.clock.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def _register(self) -> None:
        """Make this writer known to the sweepers before its first record, and again after a long silence."""
        now = self.clock.monotonic()
        if self.registered_at is None or now - self.registered_at > REGISTER_AGAIN_SECONDS:
            await self.store.insert(WRITERS.name, [{"_id": self.writer, "started_at_us": self.clock.now_us()}])
            self.registered_at = now

    async def _settle(self, documents: Sequence[Document]) -> frozenset[int]:
        """After a doubtful insert: insert what is absent, and tell by the commit's name what is ours."""
        await self.store.insert(JOURNAL.name, documents)
        found = await self.store.get(JOURNAL.name, sorted({document["_id"] for document in documents}))
        ours: set[str] = set()
        lost = set()
        for position, document in enumerate(documents):
            stored = found[document["_id"]]
            mine = stored["commit"] == document["commit"] and stored["causes"] == document["causes"]
            if mine and document["_id"] not in ours:
                ours.add(document["_id"])
            else:
                lost.add(position)
        return frozenset(lost)
