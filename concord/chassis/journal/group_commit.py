"""Group commit: what arrives while one insert is under way goes out with the next, each caller told its own outcome."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.errors import Backlogged, Unavailable
from concord.chassis.journal.open_markers import OpenMarkers
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import JOURNAL, OPEN, WRITERS, Commit, Entry
from concord.chassis.store.port import Document, Store, StoreUnavailable

COMMIT_RECORDS_MAX = 500
COMMIT_BYTES_MAX = 8_000_000
"""Of the records of one commit; one that is larger goes alone."""
WAITING_RECORDS_MAX = 20_000
WAITING_BYTES_MAX = 64_000_000
GATHER_SECONDS_MIN, GATHER_SECONDS_MAX = 0.002, 0.01
"""How long a group waits for more after one that several callers shared: as long as the store took over that one,
within these bounds. Who comes alone waits for it once at most."""
APPEND_SECONDS_MAX = 10.0
RETRY_SECONDS_MAX = 2.0
STALE_SECONDS_MAX = 3_600.0
"""How long after it was taken over a record may still be inserted: its callers gave up long before, and asked again."""


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
            text = f"{self._left} records not confirmed by the store in {APPEND_SECONDS_MAX:g} s"
            self.told.set_exception(StoreUnavailable(text))


class _Waiting(NamedTuple):
    """An entry that waits for the store.

    Attributes:
        place: among those of its caller.
        follows: it is stored after the one before it, and only if that is.
        size: of the entry.
    """

    entry: Entry[Any]
    append: _Append
    place: int
    follows: bool
    size: int


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
        self.markers = OpenMarkers(store, writer, clock)
        self.number = 1
        self.records_stored = 0
        self.records_lost = 0
        self.registered = False
        self.closed = False
        self.waiting_bytes = 0
        self._waiting: deque[_Waiting] = deque()
        # In the order of their deadlines, so that one timer is enough: one each would cost as much as all else here.
        self._unanswered: deque[_Append] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._arrived = asyncio.Event()
        self._over = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    async def append(self, entries: Sequence[Entry[Any]], *, linked: bool = False) -> list[bool]:
        """Return, for each entry, whether it was stored; False when its sequence number was taken.

        Args:
            entries: what is to be stored.
            linked: each is stored after the one before it, and only if that is; they go out together.

        Raises:
            Backlogged: too much is waiting already; nothing of this is taken over.
            Unavailable: the process stops; nothing of this is taken over.
            StoreUnavailable: no answer in APPEND_SECONDS_MAX. The entries may still be stored: ask again with the
                same causes and the journal tells which.
        """
        assert entries, "who appends nothing would wait for ever"
        if self.closed:
            raise Unavailable("This process stops; another serves.")
        sizes = [entry.size for entry in entries]
        size = sum(sizes)
        if self._waiting and (
            len(self._waiting) + len(entries) > WAITING_RECORDS_MAX or self.waiting_bytes + size > WAITING_BYTES_MAX
        ):
            raise Backlogged(f"{len(self._waiting)} records of {self.waiting_bytes} bytes wait for the store.")
        self.waiting_bytes += size
        loop = asyncio.get_running_loop()
        append = _Append(len(entries), loop)
        if self.listener is not None:
            self.listener.taken(entries)
        self._waiting.extend(
            [
                _Waiting(entry, append, position, linked and position > 0, sizes[position])
                for position, entry in enumerate(entries)
            ]
        )
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
        crowded, took = False, 0.0
        while True:
            await self._arrived.wait()
            if crowded and len(self._waiting) < COMMIT_RECORDS_MAX:
                # Those who were just answered are about to ask for more: a third fewer inserts, and fewer still where
                # the store is slow, which then has as long a rest as the last one took it.
                await self.clock.sleep(min(max(took, GATHER_SECONDS_MIN), GATHER_SECONDS_MAX))
            group = self._next_group()
            if not self._waiting:
                self._arrived.clear()
            if not group:
                continue
            crowded = len({waiting.append for waiting in group}) > 1
            began = self.clock.monotonic()
            lost, doubted = await self._commit(
                [waiting.entry for waiting in group],
                frozenset(position for position, waiting in enumerate(group) if waiting.follows),
                group[0].append.deadline - APPEND_SECONDS_MAX + STALE_SECONDS_MAX,
            )
            took = self.clock.monotonic() - began
            self.records_stored += len(group) - len(lost)
            self.records_lost += len(lost)
            won = [waiting.entry for position, waiting in enumerate(group) if position not in lost]
            if won or doubted:
                self.publisher.offer(self.number, [event for entry in won for event in entry.events])
                self.number += 1
                self._over.set()
                self._over = asyncio.Event()
            for position, waiting in enumerate(group):
                if self.listener is not None:
                    self.listener.known(waiting.entry, position not in lost)
                waiting.append.tell(waiting.place, position not in lost)
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

    def _next_group(self) -> list[_Waiting]:
        """Take what goes out with the next insert from what waits; what follows another goes out with it."""
        group: list[_Waiting] = []
        size = 0
        while self._waiting:
            size += self._waiting[0].size
            full = len(group) >= COMMIT_RECORDS_MAX or size > COMMIT_BYTES_MAX
            if group and full and not self._waiting[0].follows:
                break
            group.append(self._waiting.popleft())
            self.waiting_bytes -= group[-1].size
        return group

    async def known(self, records: Sequence[Document]) -> None:
        """Return when the outcome of this process's own commit is known here, if any of these records is of it.

        One that is stored and not yet acknowledged may be read back. Whoever goes on from it would take it for
        said, and it is not even offered to the publisher.

        Raises:
            StoreUnavailable: it is still not known; say it again.
        """
        if self._settled.is_set():
            return
        commits = (Commit.parse(record["commit"]) for record in records)
        newest = max((commit.number for commit in commits if commit.writer == self.writer), default=0)
        try:
            async with asyncio.timeout(APPEND_SECONDS_MAX):
                while self.number <= newest:
                    await self._over.wait()
        except TimeoutError as fault:
            raise StoreUnavailable(f"whether commit {newest} of this process is stored is not known") from fault

    async def settled(self) -> None:
        """Return when nothing that was appended waits for the store."""
        await self._settled.wait()

    async def close(self) -> None:
        """Take nothing over any more, and return when the outcome of all that was is known."""
        self.closed = True
        await self.settled()

    async def _commit(
        self, entries: Sequence[Entry[Any]], follows: frozenset[int], stale_at: float
    ) -> tuple[frozenset[int], bool]:
        """Insert until the outcome of every entry is known.

        Returns the positions of the lost ones, and whether it was given up in doubt: then nobody else may use the
        number. From `stale_at` on, by the event loop's clock, nothing is inserted any more: what is not there is lost.

        Raises:
            StoreRefused: a fault of the deployment; what the documents may be was looked at before they came here.
        """
        commit = Commit(self.writer, self.number)
        documents = [entry.document(commit, place) for place, entry in enumerate(entries)]
        sheets = self.markers.sheets_of(entries)
        waits = BackOff("the group commit", self.clock, RETRY_SECONDS_MAX)
        doubtful = False
        while True:
            stale = asyncio.get_running_loop().time() > stale_at
            try:
                if stale:
                    lost = await self._not_ours(documents) if doubtful else frozenset(range(len(documents)))
                else:
                    await self._register()
                    if sheets:
                        await self.store.insert(OPEN.name, sheets)
                        self.markers.stored()
                        sheets = []
                    if doubtful:
                        lost = await self._settle(documents, follows)
                    else:
                        doubtful = True
                        lost = await self._insert(documents, follows)
            except StoreUnavailable as fault:
                await waits.wait(fault)
            else:
                waits.over()
                return lost, stale and doubtful

    async def _register(self) -> None:
        """Make this writer known to the sweepers before its first record; nobody but itself takes it off again."""
        if not self.registered:
            await self.store.insert(WRITERS.name, [{"_id": self.writer, "started_at_us": self.clock.now_us()}])
            self.registered = True

    async def _insert(self, documents: Sequence[Document], follows: frozenset[int]) -> frozenset[int]:
        """Insert documents whose fate is not in doubt; return the positions of those that are not stored.

        What follows another goes in after it. Where all win, which is nearly always, that is one insert in their order.
        """
        if not follows:
            return await self.store.insert(JOURNAL.name, documents)
        stored = await self.store.insert_in_order(JOURNAL.name, documents)
        if stored == len(documents):
            return frozenset()
        lost, left = {stored}, range(stored + 1, len(documents))
        for some in (
            [number for number in left if number not in follows],
            [number for number in left if number in follows],
        ):
            lost.update(number for number in some if number in follows and number - 1 in lost)
            sent = [number for number in some if number not in lost]
            taken = (
                await self.store.insert(JOURNAL.name, [documents[number] for number in sent]) if sent else frozenset()
            )
            lost.update(sent[place] for place in taken)
        return frozenset(lost)

    async def _settle(self, documents: Sequence[Document], follows: frozenset[int]) -> frozenset[int]:
        """After a doubtful insert: insert what is absent, and tell by its place in our commit what is ours.

        The place tells it from what another caller of this process wanted to store under the same number, with the
        same cause, in the same commit. What follows another is inserted after it and in every attempt, so an attempt
        that the store lets in late stops where that was lost.

        Raises:
            StoreUnavailable: no answer, or one that does not show what was inserted before: still in doubt.
        """
        if not follows:
            await self.store.insert(JOURNAL.name, documents)
            return await self._not_ours(documents, all_there=True)
        while True:
            found = await self.store.get(JOURNAL.name, sorted({document["_id"] for document in documents}))
            lost, absent = set[int](), list[int]()
            for position, document in enumerate(documents):
                stored = found.get(document["_id"])
                if position in follows and position - 1 in lost:
                    lost.add(position)
                elif stored is None:
                    absent.append(position)
                elif not _is_ours(document, stored):
                    lost.add(position)
            if not absent:
                return frozenset(lost)
            await self.store.insert_in_order(JOURNAL.name, [documents[position] for position in absent])

    async def _not_ours(self, documents: Sequence[Document], all_there: bool = False) -> frozenset[int]:
        found = await self.store.get(JOURNAL.name, sorted({document["_id"] for document in documents}))
        lost = set()
        for position, document in enumerate(documents):
            stored = found.get(document["_id"])
            if stored is None and all_there:
                raise StoreUnavailable(f"{document['_id']} was inserted and cannot be read")
            if stored is None or not _is_ours(document, stored):
                lost.add(position)
        return frozenset(lost)


def _is_ours(document: Document, stored: Document) -> bool:
    """Whether what lies under a document's key is that document."""
    return bool((stored["commit"], stored["place"]) == (document["commit"], document["place"]))
