"""The sweeper: publishes what other processes of this service stored and did not live to say.

Whether a writer is dead cannot be known: it may be stopped for an hour and go on, and the store may let its last insert
in when it is long gone. So nobody strikes another off the list: a writer that did not close itself is looked after for
good, often while something comes of it and seldom when nothing does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.journal.marks import RECALL_COMMITS, TO_SAY, Marks, in_line
from concord.chassis.journal.publisher import PUBLISH_EVENTS_MAX, Publisher
from concord.chassis.journal.record import JOURNAL, WRITERS, Commit, events_of, line_of, record_id
from concord.chassis.store.port import Document, Store

SWEEP_SECONDS = 10.0
QUIET_SECONDS = 3_600.0
"""A writer of which nothing has come for so long, by this process's own watch, is looked at every SELDOM_SECONDS."""
SELDOM_SECONDS = 600.0
READ_TOGETHER = 50
"""Records read back at once that come before those which are said."""
WALKS_MAX = 500
"""Records before which it is looked for others at once, a step back with each look."""
SWEEP_COMMITS = 20
"""How many commits ahead are looked for at once; of each only that it is there."""


@dataclass(slots=True)
class _Followed:
    """How far another writer is known.

    Attributes:
        number: all its commits up to this are whole and said.
        seen: the highest number of which something was there at the last look; what is above is young.
        said: the records of later commits that are said.
        news_at: when something new was last there.
        next_at: when it is looked at again. Both by the monotonic clock.
    """

    number: int = 0
    seen: int = 0
    said: set[str] = field(default_factory=set)
    news_at: float = 0.0
    next_at: float = 0.0


class Sweeper:
    """Follows every other writer's commits from its last mark on.

    Attributes:
        events_swept: how many events it published in the stead of others.
        earlier_swept: records it came upon on its walks back from those that it looked for, and said before them.
    """

    name = "sweeper"

    def __init__(
        self, store: Store, publisher: Publisher, writer: str, clock: Clock, marks: Marks | None = None
    ) -> None:
        self.store = store
        self.publisher = publisher
        self.writer = writer
        self.clock = clock
        self.marks = marks or publisher.marks
        self.events_swept = 0
        self.earlier_swept = 0
        self._followed: dict[str, _Followed] = {}

    async def start(self) -> None:
        """Before this process decides anything: say all that dead ones left unsaid, once the store answers."""
        waits = BackOff("the first sweep", self.clock)
        while not await waits.attempt(partial(self.sweep, at_once=True)):
            pass

    async def run(self) -> None:
        """Sweep every SWEEP_SECONDS until cancelled."""
        waits = BackOff("the sweeper", self.clock)
        while True:
            await self.clock.sleep(SWEEP_SECONDS)
            await waits.attempt(self.sweep)

    async def sweep(self, at_once: bool = False) -> None:
        """Publish what other writers have stored and not marked: what was there at the last sweep, or all at once.

        Age is told by having been seen before: clocks of other machines, and jumps of our own, say nothing.
        """
        listed = {document["_id"] async for page in self.store.stream(WRITERS.name) for document in page}
        listed.discard(self.writer)
        for gone in self._followed.keys() - listed:
            del self._followed[gone]
        now = self.clock.monotonic()
        due = {}
        for writer in sorted(listed):
            followed = self._followed.setdefault(writer, _Followed(news_at=now))
            if at_once or followed.next_at <= now:
                due[writer] = followed
        marks = await self.marks.look(due)
        for writer, followed in due.items():
            self._advance(followed, marks[writer])
        await self._strike({writer for writer in due if writer in self.marks.closed})
        for writer in await self._with_news(due):
            due[writer].news_at = now
            await self._follow(writer, due[writer], at_once)
        for followed in due.values():
            quiet = now - followed.news_at > QUIET_SECONDS
            followed.next_at = now + (SELDOM_SECONDS if quiet else 0.0)

    async def _strike(self, closed: set[str]) -> None:
        """Take those off the list that closed themselves and did not come to it."""
        if closed:
            await self.store.delete(WRITERS.name, sorted(closed))

    async def _with_news(self, due: dict[str, _Followed]) -> list[str]:
        """Return the writers of which there is something beyond what is known to be said."""
        wanted = [str(Commit(writer, followed.number + ahead)) for writer, followed in due.items() for ahead in (1, 2)]
        news: set[str] = set()
        for record in await self.store.find(JOURNAL.name, "commit", wanted, only=("commit",)) if wanted else ():
            writer = Commit.parse(record["commit"]).writer
            if record["_id"] not in due[writer].said:
                news.add(writer)
        return sorted(news)

    async def _follow(self, writer: str, followed: _Followed, at_once: bool) -> None:
        """Say a writer's commits in their order, as far as they were seen before."""
        while True:
            newest = await self._newest(writer, followed.number)
            last = newest if at_once else min(newest, followed.seen)
            followed.seen = max(followed.seen, newest)
            before = followed.number
            # What is read from here on, after a record of `newest` was seen, is whole below it.
            while followed.number < last:
                first = followed.number + 1
                until = min(last, followed.number + RECALL_COMMITS)
                records = await self.marks.recall(writer, first, until)
                await self._say([record for record in records if record["_id"] not in followed.said])
                whole = min(until, newest - 1)
                if whole >= first:
                    await self.marks.leave(writer, whole, followed.number)
                    self._advance(followed, whole)
                await self._note(
                    followed, [record for record in records if Commit.parse(record["commit"]).number > whole]
                )
                if whole < until:
                    break
            if followed.number == before or last < newest:
                return

    async def _newest(self, writer: str, number: int) -> int:
        """Return the highest of the next commits of which something is there; 0 when there is none."""
        wanted = [str(Commit(writer, number + ahead)) for ahead in range(1, SWEEP_COMMITS + 1)]
        found = await self.store.find(JOURNAL.name, "commit", wanted, only=("commit",))
        return max((Commit.parse(entry["commit"]).number for entry in found), default=0)

    async def _say(self, records: Sequence[Document]) -> None:
        """Publish these records' events, but of those that are noted to be said; in the order of each aggregate."""
        unsaid = {record["_id"]: record for record in await self.marks.unsaid(records)}
        in_turn = _in_turn(unsaid, await self._first(unsaid))
        # What others decided may rest on what we stored before and could not say yet: that goes first.
        await self.publisher.flushed()
        while together := list(islice(in_turn, READ_TOGETHER)):
            read = [identifier for identifier in together if identifier not in unsaid]
            found = await self.store.get(JOURNAL.name, read, only=TO_SAY) if read else {}
            either = unsaid | found
            await self._publish([either[identifier] for identifier in together if identifier in either])
            await self.marks.note(list(found.values()))
            self.earlier_swept += len(found)

    async def _publish(self, records: Iterable[Document]) -> None:
        events = [event for record in records for event in events_of(record)]
        for start in range(0, len(events), PUBLISH_EVENTS_MAX):
            await self.publisher.publish(events[start : start + PUBLISH_EVENTS_MAX])
        self.events_swept += len(events)

    async def _first(self, unsaid: Mapping[str, Document]) -> dict[str, int]:
        """Return, for each of these records, with which of its aggregate others begin that may not be said before it.

        Two writers may have decided on an aggregate in turn, and both have died before they said it: a walk back over
        as much as both had in hand. It stops at the first that is said or ours, so what it passed is all that lies
        between: however far it goes, what is kept of it is a number.
        """
        first = {identifier: line_of(identifier)[1] for identifier in unsaid}
        for start in range(0, len(unsaid), WALKS_MAX):
            going = list(unsaid)[start : start + WALKS_MAX]
            while going:
                wanted = {_one_back(identifier, first[identifier]): identifier for identifier in going}
                before = [place for place in wanted if place is not None and place not in unsaid]
                if not before:
                    break
                documents = (await self.store.get(JOURNAL.name, sorted(before), only=("commit", "place"))).values()
                doubtful = [document for document in documents if not self._known(Commit.parse(document["commit"]))]
                await self.marks.look({Commit.parse(document["commit"]).writer for document in doubtful})
                going = [wanted[document["_id"]] for document in await self.marks.unsaid(doubtful)]
                for identifier in going:
                    first[identifier] -= 1
        return first

    async def _note(self, followed: _Followed, records: Sequence[Document]) -> None:
        """Note records of a commit that may not be whole: what of it comes later is then told from them."""
        await self.marks.note([record for record in records if record["_id"] not in followed.said])
        followed.said.update(record["_id"] for record in records)

    def _advance(self, followed: _Followed, number: int) -> None:
        """Know that all commits up to `number` are whole and said."""
        if number > followed.number:
            followed.number = number
            followed.said.clear()

    async def before_deciding_on(self, records: Iterable[Document]) -> None:
        """Have what these records of one or more aggregates caused said first, where another writer may not have.

        Called when a head is read from the store: an event must not overtake an earlier one of its aggregate.

        Raises:
            StoreUnavailable: no answer.
            Backlogged: the broker is away, and there is no room for more events of others.
        """
        doubtful = [record for record in records if not self._known(Commit.parse(record["commit"]))]
        if not doubtful:
            return
        await self.marks.look({Commit.parse(entry["commit"]).writer for entry in doubtful})
        unsaid = await self.marks.unsaid(doubtful)
        if unsaid:
            self.publisher.offer_others(unsaid)
            self.events_swept += sum(len(events_of(record)) for record in unsaid)

    def _known(self, commit: Commit) -> bool:
        return commit.writer == self.writer or self.marks.known(commit)


def _one_back(identifier: str, number: int) -> str | None:
    """Return the record before that of a number in a record's aggregate; None before its first."""
    return record_id(line_of(identifier)[0], number - 1) if number > 1 else None


def _in_turn(unsaid: Mapping[str, Document], first: Mapping[str, int]) -> Iterator[str]:
    """Yield these records, each after those from its aggregate's `first` on that are before it."""
    for record in in_line(list(unsaid.values())):
        key, number = line_of(record["_id"])
        yield from (record_id(key, each) for each in range(first[record["_id"]], number))
        yield record["_id"]
