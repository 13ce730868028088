"""How far each place is counted, and how a chunk of one of its partitions is: whichever feed the chunk comes by."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from aiokafka.errors import KafkaError

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import BrokerUnavailable, Incoming, TopicPartition
from concord.chassis.clock import Clock
from concord.chassis.consumer import CONSUMER_INSTRUMENTS, OffsetJump, Poison
from concord.chassis.dead_letters import ATTEMPTS_MAX, DeadLetters
from concord.chassis.errors import logged
from concord.chassis.faust_chunks import Extent
from concord.chassis.places.owner import Owner
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import Headers, Undecodable, check_schema, opened
from concord.contracts.topics import Topic
from services.metrics.book import Book, Parts
from services.metrics.domain.event_time import bounded
from services.metrics.events import Count, handlers
from services.metrics.handlers import Handlers
from services.metrics.repository import Repository, Rows
from services.metrics.telemetry import READING_INSTRUMENTS

KEEP_SHARE = 20.0
BEHIND_KEPT_SECONDS = 30.0
"""How often the book of a place that is behind is kept: most that is written then is of units about to be closed.
Whoever is dealt the place next reads no more than that again."""
LINGER_SECONDS = 10.0
"""How long the rows of a place that was lost are kept, to answer by what they held until its next owner has begun."""

log = logging.getLogger(__name__)

Ends = Mapping[TopicPartition, int]


@dataclass(slots=True)
class _Counted:
    """A place that is held.

    Attributes:
        since: the deal since which nobody else can have had it.
        positions: the next offset of each topic's partition.
        kept: those with which the book was last written.
        kept_at: when that was, monotonic; before it ever was, when it was taken up.
        ends: how far the topics went at `asked_us`, where it is not counted yet.
        is_catching_up: it is counted so far, and what it caught up with is being closed.
    """

    since: int
    rows: Rows
    counts: Mapping[str, tuple[Topic, Count]]
    book: Book
    positions: dict[str, int]
    kept: dict[str, int]
    kept_at: float
    ends: dict[str, int] = field(default_factory=dict)
    asked_us: int = 0
    is_catching_up: bool = False

    @property
    def is_at_its_ends(self) -> bool:
        """Return whether the topics are counted as far as they went."""
        return all(self.positions.get(topic, 0) >= end for topic, end in self.ends.items())


@dataclass(slots=True)
class _Odd:
    """What is odd about a chunk, each by its offset, however often it is tried.

    Attributes:
        poison: records that cannot be counted, why, and after how many tries.
        bounded: events that were told before they happened.
    """

    poison: dict[int, tuple[Incoming, Exception, int]] = field(default_factory=dict)
    bounded: set[int] = field(default_factory=set)


class Reading:
    """The places of this process, each from its taking up to its loss.

    Args:
        owner: knows which places are ours; it is told that one may be served once all is counted that there was.
        repository: where rows are found.
        parts: where books are kept.
        life: names this process's books, like no other's.
        dead_letters: where poison goes.
        telemetry: counts records.
        clock: paces tries.

    Attributes:
        topics: the names of the topics that are counted.
        counted: called after every chunk.
        lost: called with every place that is let go of.
    """

    def __init__(
        self,
        owner: Owner,
        repository: Repository,
        parts: Parts,
        life: str,
        dead_letters: DeadLetters,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self.owner = owner
        self.repository = repository
        self.parts = parts
        self.life = life
        self.dead_letters = dead_letters
        self.clock = clock
        self.topics = frozenset(_counts_of(Rows()))
        self.counted: Callable[[], None] = _nobody
        self.lost: list[Callable[[int, Rows], None]] = []
        self.instruments = telemetry.instruments(CONSUMER_INSTRUMENTS)
        self.bounded = telemetry.instruments(READING_INSTRUMENTS)
        for topic in self.topics:
            self.bounded.counter("concord_metrics_event_times_bounded", topic)  # zero, so that the first is an increase
        self.tracing = telemetry.tracing
        self._held: dict[int, _Counted] = {}
        self._lost: dict[int, float] = {}
        self._tenures = 0
        self._keep_seconds = 0.0
        self._keeping = asyncio.Lock()
        self._waits = BackOff("a dead letter of metrics", clock)

    def dealt(self) -> None:
        """Let go of what is not ours any more, or was another's meanwhile; called whenever the group was dealt anew.

        The rows of what was served until now linger: nothing is counted in them, measured or told of them any more.
        """
        given, until = self.owner.given(), self.clock.monotonic() + LINGER_SECONDS
        for place in [place for place, counted in self._held.items() if given.get(place) != counted.since]:
            counted = self._held.pop(place)
            self.repository.places.pop(place, None)
            if self.owner.lingers(place):
                self._lost[place], self.repository.lingering[place] = until, counted.rows
            for listener in self.lost:
                listener(place, counted.rows)

    def let_go(self) -> None:
        """Forget the rows that have lingered long enough; called now and then."""
        now = self.clock.monotonic()
        for place in [place for place, until in self._lost.items() if until <= now]:
            self.owner.let_go(place)
            del self._lost[place], self.repository.lingering[place]

    async def take_up(self, place: int, extents: Mapping[str, Extent]) -> None:
        """Hold a place, from its book on; without effect when it is held, or not ours.

        Args:
            place: which; its pieces are there.
            extents: what its partition of each topic holds.
        """
        since = self.owner.given().get(place)
        if since is None or place in self._held:
            return
        self._tenures += 1
        rows = Rows(self.repository.watched)
        rows.behind = True
        book = Book(f"{self.life}.{self._tenures}", place, rows, self.parts, lambda: self.clock.sleep(0))
        positions = dict(await book.take_up())
        if self.owner.given().get(place) != since:
            return
        for topic, (start, end) in extents.items():
            position = positions.get(topic, 0)
            if position > end:
                log.error("%s[%d] ends at %d, before what was counted: it is another log", topic, place, end)
                positions[topic] = start
            elif position < start:
                log.log(logging.ERROR if position else logging.INFO, "%s[%d] begins at %d", topic, place, start)
                positions[topic] = start
        now = self.clock.monotonic()
        self._held[place] = _Counted(since, rows, _counts_of(rows), book, positions, dict(positions), now)
        self.repository.places[place] = rows
        log.info("took up place %d: %d units open, %d closed", place, rows.units_open, len(rows.closed))

    def held(self) -> frozenset[int]:
        """Return the places that are held."""
        return frozenset(self._held)

    def positions(self, place: int) -> Mapping[str, int]:
        """Return how far each topic is counted; empty when the place is not held."""
        held = self._held.get(place)
        return {} if held is None else held.positions

    def lag(self, ends: Ends) -> int:
        """Return how many records before these ends are not counted; what was counted beyond one makes up for none."""
        return sum(max(end - self.positions(at.partition).get(at.topic, 0), 0) for at, end in ends.items())

    def waits(self) -> bool:
        """Return whether something waits to hear how far the topics go: a place to be served, a lot to be closed."""
        served, now_us = self.owner.open(), self.clock.now_us()
        return any(place not in served or counted.rows.may_close_at(now_us) for place, counted in self._held.items())

    def look(self, ends: Ends, asked_us: int) -> None:
        """Note how far the topics went at a moment, and open the places that are counted as far as they once went.

        The lag need never be nothing while records come in all the time.
        """
        by_place: dict[int, dict[str, int]] = {}
        for at, end in ends.items():
            by_place.setdefault(at.partition, {})[at.topic] = end
        for place, found in by_place.items():
            held = self._held.get(place)
            if held is None:
                continue
            if not held.ends:
                held.ends, held.asked_us = found, asked_us
            self._look_at(place, held)

    async def _catch_up(self, place: int, held: _Counted) -> None:
        """Close, and bring into the sums, what a place has caught up with that is about to be served.

        Others run between. A unit that is closed then is looked at once; a few are left to be counted when it begins.
        """
        rows = held.rows
        if not rows.behind or held.is_catching_up:
            return
        held.is_catching_up = True
        rows.whole_until_us = max(rows.whole_until_us, held.asked_us)
        try:
            for _ in chain(rows.closing(), rows.settling()):
                await self.clock.sleep(0)
                if self._held.get(place) is not held:
                    return
        finally:
            held.is_catching_up = False

    def _look_at(self, place: int, held: _Counted) -> None:
        if held.is_at_its_ends and not held.is_catching_up:
            self._whole(place, held)
            held.ends = {}

    def whole(self, place: int, asked_us: int) -> None:
        """Note that all is counted that the topics held of a place at this moment."""
        held = self._held.get(place)
        if held is not None:
            held.asked_us = asked_us
            self._whole(place, held)

    def _whole(self, place: int, held: _Counted) -> None:
        rows = held.rows
        rows.whole_until_us = max(rows.whole_until_us, held.asked_us)
        if place not in self.owner.open() and self.owner.given().get(place) == held.since:
            rows.begin()
            self.owner.opened(place)

    async def keep(self) -> None:
        """Write the book of every place of which anything was counted since, once nobody else is at it.

        Two at a time would each write all of a book, for neither knows what the other has written.
        """
        async with self._keeping:
            await self._keep(list(self._held.values()))

    async def keep_due(self) -> None:
        """Do so of the places that are served, and now and then of those that are behind."""
        async with self._keeping:
            before = self.clock.monotonic() - BEHIND_KEPT_SECONDS
            held = self._held.values()
            await self._keep([counted for counted in held if not counted.rows.behind or counted.kept_at <= before])

    async def _keep(self, due: Sequence[_Counted]) -> None:
        begun = self.clock.monotonic()
        for held in due:
            positions = dict(held.positions)
            if positions == held.kept and not held.rows.is_dirty:
                continue
            try:
                await held.book.keep(positions)
            except (KafkaError, TimeoutError) as fault:
                log.warning("the book of place %d is not kept, and will be the next time: %r", held.book.place, fault)
            else:
                held.kept, held.kept_at = positions, self.clock.monotonic()
        self._keep_seconds = self.clock.monotonic() - begun

    def pause(self, seconds: float) -> float:
        """Return how long to wait before the books are kept again: it takes a twentieth of the time at most."""
        return max(seconds, KEEP_SHARE * self._keep_seconds)

    async def serve(self, topic: str, place: int, records: Sequence[Incoming]) -> None:
        """Count a chunk of one partition; whatever becomes of each record, it is not needed again afterwards.

        A chunk of a place that is not held is another's to count.

        Raises:
            OffsetJump: records were passed over.
            UnknownSchemaVersion: written under a newer contract.
        """
        held = self._held.get(place)
        if held is None or not (records := _not_counted_yet(held, topic, place, records)):
            return
        with self.tracing.batch_span(f"process {topic}", records):
            await self._count(held, topic, records)
        held.positions[topic] = records[-1].offset + 1
        if held.ends and held.is_at_its_ends:
            await self._catch_up(place, held)
            self._look_at(place, held)  # whoever waits for the place waits for this, and not for the next turn
        self.instruments.counter("concord_consumer_records", topic).inc(len(records))
        self.counted()

    async def _count(self, held: _Counted, topic: str, records: Sequence[Incoming]) -> None:
        """Count records; those that cannot be are set aside."""
        catalogued, count = held.counts[topic]
        checked: Headers | None = None
        for record in records:
            if record.headers is not checked:  # most records share theirs
                check_schema(record.headers)
                checked = record.headers
        odd = _Odd()
        try:
            count(_events(catalogued, records, odd))
        except Exception as fault:
            log.warning("a chunk of %s failed (%s: %s); trying it record by record", topic, type(fault), fault)
            for record in records:
                _count_alone(catalogued, count, record, odd)
        if odd.bounded:
            self.bounded.counter("concord_metrics_event_times_bounded", topic).inc(len(odd.bounded))
        for record, reason, attempts in odd.poison.values():
            await self._set_aside(record, reason, attempts)

    async def _set_aside(self, record: Incoming, fault: Exception, attempts: int) -> None:
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, logged(fault))
        while True:
            try:
                await self.dead_letters.set_aside(record, fault, attempts)
            except BrokerUnavailable as away:
                await self._waits.wait(away)
            else:
                self._waits.over()
                self.instruments.counter("concord_dead_letters", record.topic).inc()
                return


def _counts_of(rows: Rows) -> Mapping[str, tuple[Topic, Count]]:
    return {topic.name: (topic, count) for topic, count in handlers(Handlers(rows)).items()}


def _not_counted_yet(held: _Counted, topic: str, place: int, records: Sequence[Incoming]) -> Sequence[Incoming]:
    """Return the records from where the partition stands; raise when they begin after it."""
    position, first = held.positions.get(topic, 0), records[0].offset
    if first > position:
        raise OffsetJump(f"{topic}[{place}] went from {position} to {first}")
    return records if first == position else [record for record in records if record.offset >= position]


def _events(topic: Topic, records: Sequence[Incoming], odd: _Odd) -> Iterator[Any]:
    """Yield what records tell, each decoded once the one before is counted: a chunk of decoded ones costs half again.

    What cannot be decoded is poison. Of the others none is told before it happened.
    """
    for record in records:
        try:
            event, about = opened(topic, record.value)
        except Undecodable as fault:
            odd.poison[record.offset] = record, fault, 1
            continue
        occurred_us = about.occurred_at_us
        if occurred_us > record.timestamp_us:  # which few are
            at_us = bounded(occurred_us, record.timestamp_us)
            if at_us != occurred_us:
                about.occurred_at_us = at_us
                odd.bounded.add(record.offset)
        yield event


def _count_alone(topic: Topic, count: Count, record: Incoming, odd: _Odd) -> None:
    """Count one record; it is poison when it cannot be."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            count(_events(topic, [record], odd))
        except Exception as fault:
            odd.poison[record.offset] = record, fault, attempt
            if isinstance(fault, Poison):
                return
        else:
            if attempt > 1:
                del odd.poison[record.offset]
            return


def _nobody(*about: object) -> None:
    del about
