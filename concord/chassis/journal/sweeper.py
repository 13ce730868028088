"""The sweeper: publishes what other processes of this service stored and did not live to say."""

from collections.abc import Iterable, Sequence

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.publisher import Publisher, leave_mark
from concord.chassis.journal.record import JOURNAL, MARKS, WRITERS, Commit, events_of
from concord.chassis.store.port import Document, Store, StoreUnavailable

SWEEP_SECONDS = 10.0
SWEEP_COMMITS = 20
WRITER_SILENT_SECONDS = 3_600.0
"""A writer without a new commit for so long is taken off the list; it registers again before it writes again."""


class Sweeper:
    """Follows every other writer's commits from its last mark on."""

    name = "sweeper"

    def __init__(self, store: Store, publisher: Publisher, writer: str, clock: Clock) -> None:
        self.store = store
        self.publisher = publisher
        self.writer = writer
        self.clock = clock
        self.published: dict[str, int] = {}
        self.events_swept = 0
        self._closed: set[str] = set()
        self._seen_us: dict[str, int] = {}

    async def start(self) -> None:
        """Before this process decides anything: say all that dead ones left unsaid."""
        await self.sweep(older_than_seconds=0.0)

    async def run(self) -> None:
        """Sweep every SWEEP_SECONDS until cancelled."""
        while True:
            await self.clock.sleep(SWEEP_SECONDS)
            try:
                await self.sweep(older_than_seconds=SWEEP_SECONDS)
            except StoreUnavailable:
                continue

    async def sweep(self, older_than_seconds: float) -> None:
        """Publish every other writer's unmarked commits that are at least so old."""
        writers = [document async for page in self.store.stream(WRITERS.name) for document in page]
        for document in sorted(writers, key=lambda one: one["_id"]):
            if document["_id"] != self.writer:
                await self._follow(document["_id"], document["started_at_us"], older_than_seconds)

    async def _follow(self, writer: str, started_at_us: int, older_than_seconds: float) -> None:
        before = number = await self._last_mark(writer)
        newest_us = self._seen_us.get(writer, started_at_us)
        limit_us = self.clock.now_us() - round(older_than_seconds * MICROSECONDS)
        while True:
            wanted = [str(Commit(writer, number + ahead)) for ahead in range(1, SWEEP_COMMITS + 1)]
            found = await self.store.find(JOURNAL.name, "commit", wanted)
            old = [document for document in found if document["at_us"] <= limit_us]
            young = {Commit.parse(document["commit"]).number for document in found if document["at_us"] > limit_us}
            ready = [one for one in old if not young or Commit.parse(one["commit"]).number < min(young)]
            if not ready:
                break
            await self._say(ready)
            newest_us = max(newest_us, *(one["at_us"] for one in ready))
            number = max(Commit.parse(one["commit"]).number for one in ready)
        self._seen_us[writer] = newest_us
        if number > before:
            await leave_mark(self.store, writer, number)
            await self.store.delete(MARKS.name, [f"{writer}/{before}"])
        self.published[writer] = number
        if limit_us - newest_us > WRITER_SILENT_SECONDS * MICROSECONDS:
            await self.store.delete(WRITERS.name, [writer])

    async def before_deciding_on(self, records: Iterable[Document]) -> None:
        """Publish what these records of one or more aggregates caused, where another writer may not have.

        Called when a head is read from the store: an event must not overtake an earlier one of its aggregate.
        """
        doubtful = [one for one in records if not self._known_published(Commit.parse(one["commit"]))]
        for writer in sorted({Commit.parse(one["commit"]).writer for one in doubtful}):
            if await self.store.get(WRITERS.name, [writer]):
                self.published[writer] = await self._last_mark(writer)
            else:
                self._closed.add(writer)
        await self._say([one for one in doubtful if not self._known_published(Commit.parse(one["commit"]))])

    def _known_published(self, commit: Commit) -> bool:
        return (
            commit.writer == self.writer
            or commit.writer in self._closed
            or commit.number <= self.published.get(commit.writer, 0)
        )

    async def _last_mark(self, writer: str) -> int:
        marks = await self.store.find(MARKS.name, "writer", [writer])
        return max((mark["number"] for mark in marks), default=0)

    async def _say(self, records: Sequence[Document]) -> None:
        ordered = sorted(records, key=lambda one: (Commit.parse(one["commit"]).number, one["seq"]))
        events = [event for one in ordered for event in events_of(one)]
        self.events_swept += len(events)
        await self.publisher.publish(events)
