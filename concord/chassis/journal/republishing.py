"""Republishing: a journal's events on their topics once more, where a topic or a whole broker was lost.

The journal is the truth and the broker transport (docs/decisions/0001): an event lies frozen in the record that caused
it, so that said again it is the same to the byte, and whoever served it knows it by its id. What is said again comes in
the order of each writer's commits and of each aggregate, and of several writers' otherwise in the order of their times:
their clocks may be apart, and a unit that one admitted and another withdrew comes in this order all the same.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from concord.chassis.broker.port import Broker, NeverTaken, Outgoing, record_bytes, why_never_taken
from concord.chassis.journal.marks import RECALL_COMMITS
from concord.chassis.journal.publisher import PUBLISH_BYTES_MAX, PUBLISH_EVENTS_MAX
from concord.chassis.journal.record import JOURNAL, MARKS, WRITERS, Commit, events_of, line_of, record_id
from concord.chassis.store.port import Document, Store
from concord.contracts.ids import place_of

LOOK_COMMITS = 200
"""Numbers looked at together where commits are missing: of one in doubt that never came, or of records taken away."""
SKIP_COMMITS = 1_000
"""How far ahead it is looked whether a writer's commits are still too old."""
LATER_COMMITS = 20
"""Commits beyond a writer's newest mark that are looked for: those of one that died are never all marked."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are said again.

    Attributes:
        topics: of these topics, by name.
        place: of this place alone, of `places`; None: of all. What has no place, as rows of tables, is then left out.
        places: how many the cluster has.
        since_us, until_us: decided from the one until before the other, microseconds since the epoch, UTC.
    """

    topics: frozenset[str]
    places: int
    place: int | None = None
    since_us: int = 0
    until_us: int = 2**63 - 1

    def takes(self, event: Outgoing) -> bool:
        """Return whether an event is one of them, but for its time."""
        if event.topic not in self.topics:
            return False
        return self.place is None or (event.slot is not None and place_of(event.slot, self.places) == self.place)


class Progress(msgspec.Struct, frozen=True):
    """How far it came; to go on from there, hand in `positions`.

    Attributes:
        positions: by writer, the number of the first commit that was not looked at.
        events: said again since it was begun or went on.
        unsayable: events that no broker takes, of which the service itself has parked each.
        commits_left: at most so many are still to be looked at.
        at_us: when the last of it was decided; 0: nothing yet.
    """

    positions: dict[str, int]
    events: int
    unsayable: int
    commits_left: int
    at_us: int


class _Read(NamedTuple):
    """A commit of a writer.

    Attributes:
        records: in their order.
        rests_on: by other writers, the newest commit with a record on which one of these followed in its aggregate.
    """

    number: int
    records: list[Document]
    rests_on: Mapping[str, int]


class _Line:
    """One writer's commits, from the next one on.

    Attributes:
        at_us: when the next commit's first record was decided; never less than of one before it.
    """

    def __init__(self, store: Store, writer: str, number: int, last: int) -> None:
        self.store = store
        self.writer = writer
        self.last = last
        self.at_us = 0
        self._number = number
        self._read: deque[_Read] = deque()

    @property
    def number(self) -> int:
        """Return the number of the next commit."""
        return self._read[0].number if self._read else self._number

    @property
    def left(self) -> int:
        """Return how many commits are left, at most."""
        return max(0, self.last - self.number + 1)

    async def seek(self, since_us: int) -> bool:
        """Go to the first commit that is there and may be new enough; return whether there is one."""
        while self._number <= self.last:
            found = await self._times(range(self._number, min(self.last, self._number + LOOK_COMMITS - 1) + 1))
            if not found:
                self._number += LOOK_COMMITS
                continue
            self._number = min(found)
            self._passed(found[self._number])
            ahead = self._number + SKIP_COMMITS
            later = await self._times(range(ahead, min(self.last, ahead + LATER_COMMITS - 1) + 1))
            if not later or max(later.values()) >= since_us:
                return True
            self._number = ahead
        return False

    async def _times(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return when the first record of each of these commits was decided, of those that are there."""
        wanted, times = [str(Commit(self.writer, number)) for number in numbers], dict[int, int]()
        for entry in await self.store.find(JOURNAL.name, "commit", wanted, ("commit", "at_us")) if wanted else ():
            number = Commit.parse(entry["commit"]).number
            times[number] = min(entry["at_us"], times.get(number, entry["at_us"]))
        return times

    async def take(self) -> list[Document]:
        """Return the next commit's records in their order, and go on; call it when `seek` or `more` found one."""
        await self.more()
        commit = self._read.popleft()
        self._number = max(self._number, commit.number + 1)
        return commit.records

    async def more(self) -> bool:
        """Return whether there is a next commit, which is read then."""
        while not self._read and self._number <= self.last:
            last = min(self.last, self._number + RECALL_COMMITS - 1)
            wanted = [str(Commit(self.writer, number)) for number in range(self._number, last + 1)]
            commits = defaultdict[int, list[Document]](list)
            for entry in await self.store.find(JOURNAL.name, "commit", wanted, ("commit", "place", "at_us", "events")):
                commits[Commit.parse(entry["commit"]).number].append(entry)
            rests_on = await self._rests_on(commits)
            for number in sorted(commits):
                self._read.append(_Read(number, sorted(commits[number], key=_place), rests_on[number]))
            self._number = last + 1
            if not commits and not await self.seek(0):
                return False
        if self._read:
            self._passed(min(row["at_us"] for row in self._read[0].records))
        return bool(self._read)

    async def _rests_on(self, commits: Mapping[int, Sequence[Document]]) -> Mapping[int, Mapping[str, int]]:
        """Return on which commits of other writers each of these rests."""
        rests_on = defaultdict[int, dict[str, int]](dict)
        before: dict[str, int] = {}
        for number, records in commits.items():
            lines = [line_of(record["_id"]) for record in records]
            before |= {record_id(aggregate, seq - 1): number for aggregate, seq in lines if seq > 1}
        for identifier, entry in (await self.store.get(JOURNAL.name, sorted(before), only=("commit",))).items():
            commit, newest = Commit.parse(entry["commit"]), rests_on[before[identifier]]
            if commit.writer != self.writer:
                newest[commit.writer] = max(commit.number, newest.get(commit.writer, 0))
        return rests_on

    async def waits_for(self, lines: Mapping[str, "_Line"]) -> str:
        """Return another writer of whom something must be said before this one's next commit; empty: none."""
        if await self.more():
            for writer, number in self._read[0].rests_on.items():
                if writer in lines and lines[writer].number <= number and await lines[writer].more():
                    return writer
        return ""

    def _passed(self, at_us: int) -> None:
        self.at_us = max(self.at_us, at_us)


async def republish(
    store: Store, broker: Broker, wanted: Wanted, positions: Mapping[str, int] | None = None
) -> AsyncGenerator[Progress, None]:
    """Say a journal's events again, and yield how far that is after every publish and at the end.

    Nothing in the store is changed. The service itself may run meanwhile; what it commits after the start is its own
    to say. In memory are a publish's events, and at most RECALL_COMMITS commits of each writer whose time it is.

    Args:
        store: the service's database.
        broker: where to; with the right to write the service's topics.
        wanted: which events.
        positions: of a Progress, to go on after it.

    Raises:
        StoreUnavailable, BrokerUnavailable: no answer. What the last Progress does not tell may have been said.
    """
    lines = {
        writer: _Line(store, writer, (positions or {}).get(writer, 1), last)
        for writer, last in (await _writers(store)).items()
    }
    entry = _Republished(broker, wanted, lines)
    waiting = [(line.at_us, writer) for writer, line in lines.items() if await line.seek(wanted.since_us)]
    heapq.heapify(waiting)
    while waiting:
        at_us, writer = heapq.heappop(waiting)
        line = lines[writer]
        if line.at_us >= wanted.until_us or not await line.more():
            continue
        if line.at_us == at_us:
            first = lines[await _first(lines, writer)]
            entry.add(await first.take(), line.at_us)
        if await line.more():
            heapq.heappush(waiting, (line.at_us, writer))
        if entry.full:
            yield await entry.say()
    yield await entry.say()


async def _first(lines: Mapping[str, _Line], writer: str) -> str:
    """Return whose next commit is said before a writer's, since that rests on it or on what rests on it; or the writer.

    Each was stored when those were there on which it rests, so this comes to an end; were a journal put together so
    that it did not, the writer's own goes on.
    """
    seen, first = {writer}, writer
    while other := await lines[first].waits_for(lines):
        if other in seen:
            return writer
        seen.add(other)
        first = other
    return first


class _Republished:
    """What is said together, and how much that was."""

    def __init__(self, broker: Broker, wanted: Wanted, lines: Mapping[str, _Line]) -> None:
        self._broker = broker
        self._wanted = wanted
        self._lines = lines
        self._events: list[Outgoing] = []
        self._bytes = self._said = self._unsayable = self._at_us = 0

    @property
    def full(self) -> bool:
        """Return whether as much is there as is said together."""
        return len(self._events) >= PUBLISH_EVENTS_MAX or self._bytes >= PUBLISH_BYTES_MAX

    def add(self, records: Sequence[Document], at_us: int) -> None:
        """Add what is wanted of a commit's events."""
        self._at_us = at_us
        for record in records:
            if self._wanted.since_us <= record["at_us"] < self._wanted.until_us:
                events = [event for event in events_of(record) if self._wanted.takes(event)]
                self._events += events
                self._bytes += sum(map(record_bytes, events))

    async def say(self) -> Progress:
        """Say it, and return how far that is."""
        sayable = [event for event in self._events if why_never_taken(event) is None]
        self._unsayable += len(self._events) - len(sayable)
        try:
            for start in range(0, len(sayable), PUBLISH_EVENTS_MAX):
                await self._broker.publish(sayable[start : start + PUBLISH_EVENTS_MAX])
            self._said += len(sayable)
        except NeverTaken:
            await self._one_by_one(sayable)
        self._events, self._bytes = [], 0
        left = sum(line.left for line in self._lines.values())
        positions = {writer: line.number for writer, line in self._lines.items()}
        return Progress(positions, self._said, self._unsayable, left, self._at_us)

    async def _one_by_one(self, events: Sequence[Outgoing]) -> None:
        """Say each alone, since one of them is not taken and it is not told which."""
        for event in events:
            try:
                await self._broker.publish([event])
                self._said += 1
            except NeverTaken:
                self._unsayable += 1


async def _writers(store: Store) -> dict[str, int]:
    """Return all that ever wrote, and the newest commit of each of which something is there."""
    writers = {entry["_id"]: 0 async for page in store.stream(WRITERS.name) for entry in page}
    async for page in store.stream(MARKS.name):
        for mark in page:
            writers[mark["writer"]] = max(mark["number"], writers.get(mark["writer"], 0))
    for writer, marked in writers.items():
        wanted = [str(Commit(writer, marked + ahead)) for ahead in range(1, LATER_COMMITS + 1)]
        for entry in await store.find(JOURNAL.name, "commit", wanted, ("commit",)):
            writers[writer] = max(writers[writer], Commit.parse(entry["commit"]).number)
    return writers


def _place(record: Document) -> int:
    return int(record["place"])
