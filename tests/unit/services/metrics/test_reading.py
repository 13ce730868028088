"""How a chunk is counted: each record once, poison set aside, nothing passed over."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from concord.chassis.broker.port import Deal, Incoming, TopicPartition
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import OffsetJump
from concord.chassis.faust_chunks import Extent
from concord.chassis.places.owner import Owner
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import Headers, UnknownSchemaVersion, encode, schema_headers
from concord.contracts.topics import LOTS, UNITS
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from services.metrics.domain.event_time import AHEAD_US_MAX
from services.metrics.reading import BEHIND_KEPT_SECONDS, Reading
from services.metrics.repository import Repository
from tests.support.book import MemoryParts

PROJECT = "k1-p"
PLACES = 8
OURS = schema_headers()
EMPTY: Mapping[str, Extent] = {}


def record(offset: int, value: bytes, *, topic: str = UNITS.name, headers: Headers = OURS, at_us: int = 0) -> Incoming:
    return Incoming(topic, 0, offset, b"key", value, headers, at_us)


class SetAside:
    def __init__(self) -> None:
        self.letters: list[tuple[int, str]] = []
        self.let_go: asyncio.Event | None = None

    async def set_aside(self, record: Incoming, error: Exception, attempts: int) -> None:
        if self.let_go is not None:
            await self.let_go.wait()
        self.letters.append((record.offset, type(error).__name__))


def seated(*mine: int, kept: frozenset[int] = frozenset()) -> Owner:
    """Return the seat of a process that has these places."""
    owner = Owner(PLACES, "http://one")
    owner.dealt(Deal(frozenset(mine), kept, {"http://one": frozenset(mine)}))
    return owner


def begun(owner: Owner, parts: MemoryParts, life: str = "one") -> Reading:
    letters: Any = SetAside()
    return Reading(owner, Repository(PLACES), parts, life, letters, Telemetry("test"), SystemClock())


@pytest.fixture
async def reading() -> Reading:
    found = begun(seated(0, 1), MemoryParts())
    for place in (0, 1):
        await found.take_up(place, EMPTY)
    return found


def admitted(offset: int) -> Incoming:
    event = UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted(unit_id=f"k1-u{offset}"))
    return record(offset, encode(event))


def at(place: int) -> TopicPartition:
    return TopicPartition(UNITS.name, place)


def metadata() -> Metadata:
    return Metadata(event_id="e", client_id="k1", project_id=PROJECT, occurred_at_us=1_000_000)


def letters(reading: Reading) -> list[tuple[int, str]]:
    found: Any = reading.dead_letters
    return list(found.letters)


async def test_what_was_counted_is_passed_over_and_what_was_not_is_never(reading: Reading) -> None:
    await reading.serve(UNITS.name, 0, [admitted(0), admitted(1)])
    await reading.serve(UNITS.name, 0, [admitted(1), admitted(2)])
    assert reading.positions(0)[UNITS.name] == 3
    assert reading.repository.units_open == 3
    with pytest.raises(OffsetJump):
        await reading.serve(UNITS.name, 0, [admitted(4)])


async def test_a_chunk_is_a_step_of_the_trace_that_its_records_are_of() -> None:
    spans, letters = InMemorySpanExporter(), SetAside()
    telemetry = Telemetry("metrics", spans, at_once=True, sampler=ALWAYS_ON)
    body: Any = letters
    reading = Reading(seated(0), Repository(PLACES), MemoryParts(), "one", body, telemetry, SystemClock())
    await reading.take_up(0, EMPTY)
    parent = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    traced = admitted(0)._replace(headers=(*OURS, parent))
    await reading.serve(UNITS.name, 0, [traced])
    await reading.serve(UNITS.name, 0, [traced])
    (span,) = spans.get_finished_spans()
    assert (span.name, span.context.trace_id) == (f"process {UNITS.name}", 0x0AF7651916CD43DD8448EB211C80319C)
    assert span.parent is not None
    assert span.parent.span_id == 0xB7AD6B7169203331


async def test_poison_in_a_chunk_is_set_aside_and_the_rest_of_it_counted(reading: Reading) -> None:
    nameless = record(1, encode(UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted())))
    await reading.serve(UNITS.name, 0, [admitted(0), nameless, record(2, b"\xff"), admitted(3)])
    assert sorted(letters(reading)) == [(1, "Poison"), (2, "Undecodable")]
    assert (reading.positions(0)[UNITS.name], reading.repository.units_open) == (4, 2)


async def test_what_a_chunk_said_before_its_poison_is_in_the_sums(reading: Reading) -> None:
    sealed = UnitEvent(metadata=metadata(), lot_sealed=LotSealed(lot_id="k1-l1", unit_ids=["k1-u0"]))
    await reading.serve(UNITS.name, 0, [admitted(0), record(1, encode(sealed))])
    accepted = LotEvent(metadata=metadata(), lot_accepted=LotAccepted(lot_id="k1-l1", inspected=1))
    broken = LotEvent(metadata=Metadata(event_id="e", client_id="k1"))
    broken.lot_rejected.on_reject = "relabel"
    broken.lot_rejected.unit_ids.append("k1-u0")
    records = [record(0, encode(accepted), topic=LOTS.name), record(1, encode(broken), topic=LOTS.name)]
    await reading.serve(LOTS.name, 0, records)
    assert letters(reading) == [(1, "Poison")]
    reading.whole(0, 1)
    sums = reading.repository.places[0].sums[PROJECT]
    assert (sums.lots.accepted, sum(sums.turnaround_seconds.values())) == (1, 1)


async def test_a_newer_contract_is_no_poison(reading: Reading) -> None:
    newer = record(0, b"", headers=(("concord-schema", b"2"),))
    with pytest.raises(UnknownSchemaVersion):
        await reading.serve(UNITS.name, 0, [newer])
    assert not reading.positions(0)
    assert not letters(reading)


async def test_a_place_begins_where_its_book_stands_within_what_the_log_holds() -> None:
    parts = MemoryParts()
    first = begun(seated(0), parts)
    await first.take_up(0, {UNITS.name: Extent(0, 9)})
    assert first.positions(0).get(UNITS.name, 0) == 0, "there is no book"
    await first.serve(UNITS.name, 0, [admitted(0), admitted(1)])
    await first.keep()
    for extent, position in ((Extent(0, 9), 2), (Extent(5, 9), 5), (Extent(0, 1), 0)):
        heir = begun(seated(0), parts, "two")
        await heir.take_up(0, {UNITS.name: extent})
        assert heir.positions(0)[UNITS.name] == position, "as far as counted, or the log was cut, or is another log"
        assert heir.repository.units_open == 2


async def test_what_is_counted_beyond_one_end_makes_up_for_nothing_in_another_partition(reading: Reading) -> None:
    await reading.serve(UNITS.name, 0, [admitted(0), admitted(1), admitted(2)])
    assert reading.lag({at(0): 2, at(1): 1}) == 1
    assert reading.lag({at(0): 2, at(1): 0}) == 0


async def test_a_place_is_served_once_all_is_counted_that_there_was_though_more_comes_in_all_the_time(
    reading: Reading,
) -> None:
    reading.look({at(0): 2, at(1): 0}, 10)
    assert reading.owner.open() == {1}
    await reading.serve(UNITS.name, 0, [admitted(0)])
    reading.look({at(0): 3, at(1): 0}, 11)
    assert reading.owner.open() == {1}
    await reading.serve(UNITS.name, 0, [admitted(1)])
    reading.look({at(0): 4, at(1): 0}, 12)
    assert reading.owner.open() == {0, 1}
    assert reading.lag({at(0): 4}) == 2
    assert reading.repository.places[0].whole_until_us == 10, "of what came since then nobody knows"


async def test_in_a_stream_that_never_pauses_what_is_whole_follows_a_bounded_while_behind(reading: Reading) -> None:
    """So lots are closed, and a place is served, though the lag is never nothing."""
    behind = 3
    for turn in range(1, 80):
        reading.look({at(0): turn + behind, at(1): 0}, turn)
        await reading.serve(UNITS.name, 0, [admitted(turn - 1)])
        assert reading.lag({at(0): turn + behind}) == behind
        if turn > 2 * behind + 2:
            assert 0 in reading.owner.open()
            assert reading.repository.places[0].whole_until_us >= turn - 2 * behind - 2


async def test_a_place_is_served_with_the_chunk_that_ends_what_there_was_and_at_once_where_its_book_is_that_far() -> (
    None
):
    owner, parts = seated(0, 1), MemoryParts()
    before = begun(owner, parts)
    await before.take_up(0, EMPTY)
    await before.serve(UNITS.name, 0, [admitted(0)])
    await before.keep()

    owner = seated(0, 1)
    reading = begun(owner, parts, "two")
    for place in (0, 1):
        await reading.take_up(place, {UNITS.name: Extent(0, 1 + place)})
    assert not owner.open()
    reading.look({at(0): 1, at(1): 2}, asked_us=5)
    assert owner.open() == {0}, "there is nothing to count"
    first, second = (admitted(offset)._replace(partition=1) for offset in range(2))
    await reading.serve(UNITS.name, 1, [first])
    assert owner.open() == {0}
    await reading.serve(UNITS.name, 1, [second])
    assert owner.open() == {0, 1}, "nobody has to look again"


async def test_of_a_place_that_is_lost_or_was_anothers_meanwhile_nothing_is_left() -> None:
    parts, owner = MemoryParts(), seated(0, 1)
    reading = begun(owner, parts)
    lost: list[int] = []
    reading.lost.append(lambda place, rows: lost.append(place))
    for place in (0, 1):
        await reading.take_up(place, EMPTY)
    await reading.serve(UNITS.name, 0, [admitted(0)])
    owner.dealt(Deal(frozenset({0, 1}), frozenset({1}), {"http://one": frozenset({0, 1})}))
    reading.dealt()
    assert (lost, set(reading.held()), reading.repository.units_open) == ([0], {1}, 0)
    await reading.serve(UNITS.name, 0, [admitted(7)])
    assert reading.repository.units_open == 0, "what is not held is another's to count, and no jump"
    await reading.take_up(0, EMPTY)
    await reading.serve(UNITS.name, 0, [admitted(0)])
    assert reading.repository.units_open == 1
    await reading.take_up(2, EMPTY)
    assert reading.held() == {0, 1}, "another's is not taken up"


async def test_a_chunk_in_hand_when_its_place_is_lost_moves_no_later_tenure_of_it_on() -> None:
    parts, owner = MemoryParts(), seated(0)
    reading = begun(owner, parts)
    await reading.take_up(0, EMPTY)
    letters: Any = reading.dead_letters
    letters.let_go = asyncio.Event()
    serving = asyncio.create_task(reading.serve(UNITS.name, 0, [admitted(0), record(1, b"\xff")]))
    await asyncio.sleep(0)
    owner.dealt(Deal(frozenset({0}), frozenset(), {"http://one": frozenset({0})}))
    reading.dealt()
    await reading.take_up(0, EMPTY)
    letters.let_go.set()
    await serving
    assert not reading.positions(0)
    assert reading.repository.units_open == 0


async def test_a_book_that_is_not_kept_is_kept_whole_the_next_time(reading: Reading) -> None:
    parts: Any = reading.parts
    await reading.serve(UNITS.name, 0, [admitted(0)])
    parts.failing = True
    await reading.keep()
    parts.failing = False
    await reading.keep()
    heir = begun(seated(0), parts, "two")
    await heir.take_up(0, EMPTY)
    assert (heir.positions(0), heir.repository.units_open) == ({UNITS.name: 1}, 1)


async def test_books_that_two_want_kept_at_a_time_are_written_once(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: Any = reading.parts
    written: list[bytes] = []
    write, acknowledged = parts.write, asyncio.Event()

    def noting(place: int, name: bytes, piece: bytes | None) -> None:
        written.append(name)
        write(place, name, piece)

    monkeypatch.setattr(parts, "write", noting)
    monkeypatch.setattr(parts, "settled", acknowledged.wait)
    await reading.serve(UNITS.name, 0, [admitted(0)])
    both = [asyncio.create_task(reading.keep()) for _ in range(2)]
    await asyncio.sleep(0)
    acknowledged.set()
    await asyncio.gather(*both)
    assert len(written) == len(set(written)) == 2, "one bucket and what tells of it"


async def test_what_is_dated_after_its_record_was_written_happened_when_it_was_written(reading: Reading) -> None:
    written_ms = 1_790_000_000_000
    for offset, ahead_us in enumerate((0, AHEAD_US_MAX, 10 * 365 * 86_400 * 1_000_000)):
        event = UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted(unit_id=f"k1-u{offset}"))
        event.metadata.occurred_at_us = written_ms * 1_000 + ahead_us
        await reading.serve(UNITS.name, 0, [record(offset, encode(event), at_us=written_ms * 1_000)])
    rows = reading.repository.places[0].open
    times = [rows.look(f"k1-u{offset}").admitted_at_us for offset in range(3)]  # type: ignore[union-attr]  # all are open
    assert times == [written_ms * 1_000, written_ms * 1_000 + AHEAD_US_MAX, written_ms * 1_000]
    assert reading.bounded.counter("concord_metrics_event_times_bounded", UNITS.name)._value.get() == 1


async def test_in_a_chunk_with_poison_too_an_event_dated_ahead_is_noted_once(reading: Reading) -> None:
    ahead = UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted(unit_id="k1-u0"))
    ahead.metadata.occurred_at_us += 2 * AHEAD_US_MAX
    nameless = record(1, encode(UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted())), at_us=1_000_000)
    await reading.serve(UNITS.name, 0, [record(0, encode(ahead), at_us=1_000_000), nameless, record(2, b"\xff")])
    assert sorted(letters(reading)) == [(1, "Poison"), (2, "Undecodable")]
    assert reading.bounded.counter("concord_metrics_event_times_bounded", UNITS.name)._value.get() == 1


async def test_others_run_while_what_a_place_has_caught_up_with_is_counted_and_it_is_served_after_that(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.repository.rows.RECOUNTED_TOGETHER", 1)
    ends, units = {at(0): 5, at(1): 0}, 5
    reading.look(ends, 10)
    turns: list[bool] = []
    serving = asyncio.create_task(reading.serve(UNITS.name, 0, [admitted(offset) for offset in range(units)]))
    while not serving.done():
        await asyncio.sleep(0)
        reading.look(ends, 11)  # somebody asks in the middle of it
        turns.append(0 in reading.owner.open())
    await serving
    assert turns.count(False) >= units
    assert turns[-1], "it is served once all is counted"
    assert not reading.repository.places[0].behind


async def test_a_place_that_is_lost_in_the_middle_of_it_is_not_served(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.repository.rows.RECOUNTED_TOGETHER", 1)
    reading.look({at(0): 5, at(1): 0}, 10)
    serving = asyncio.create_task(reading.serve(UNITS.name, 0, [admitted(offset) for offset in range(5)]))
    for _ in range(2):
        await asyncio.sleep(0)
    assert not serving.done()
    reading.owner.dealt(Deal(frozenset({1}), frozenset({1}), {"http://one": frozenset({1})}))
    reading.dealt()
    await serving
    assert 0 not in reading.owner.open()


async def test_a_place_is_served_though_who_counted_what_it_caught_up_with_was_stopped(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.repository.rows.RECOUNTED_TOGETHER", 1)
    reading.look({at(0): 5, at(1): 0}, 10)
    serving = asyncio.create_task(reading.serve(UNITS.name, 0, [admitted(offset) for offset in range(5)]))
    for _ in range(2):
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving])
    reading.look({at(0): 5, at(1): 0}, 11)
    assert reading.owner.open() == {0, 1}


async def test_a_place_that_is_behind_is_kept_now_and_then_and_at_once_when_it_is_handed_over() -> None:
    clock, parts = Ahead(), MemoryParts()
    letters: Any = SetAside()
    reading = Reading(seated(0), Repository(PLACES), parts, "one", letters, Telemetry("test"), clock)
    await reading.take_up(0, EMPTY)
    reading.look({at(0): 4}, 10)
    await reading.serve(UNITS.name, 0, [admitted(0)])
    await reading.keep_due()
    assert not parts.pieces[0], "most that is told of now is about to be closed"
    clock.seconds = BEHIND_KEPT_SECONDS
    await reading.keep_due()
    assert await kept_until(parts) == 1
    await reading.serve(UNITS.name, 0, [admitted(1)])
    await reading.keep_due()
    assert await kept_until(parts) == 1
    await reading.keep()
    assert await kept_until(parts) == 2
    await reading.serve(UNITS.name, 0, [admitted(2), admitted(3)])
    await reading.keep_due()
    assert await kept_until(parts) == 4, "it is served"


class Ahead(SystemClock):
    """The system's clock, put forward."""

    seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.seconds


async def kept_until(parts: MemoryParts) -> int:
    """Return how far an heir finds the place counted."""
    heir = begun(seated(0), parts, "heir")
    await heir.take_up(0, EMPTY)
    return heir.positions(0)[UNITS.name]
