"""How a chunk is counted: each record once, poison set aside, nothing passed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from faust.types import TP

from concord.chassis.broker.port import Incoming
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import OffsetJump
from concord.chassis.faust_chunks import Extent
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import UnknownSchemaVersion, encode, schema_headers
from concord.contracts.topics import LOTS, UNITS
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from services.metrics import events
from services.metrics.agents import Reading
from services.metrics.book import Book
from services.metrics.handlers import Handlers
from services.metrics.repository import Repository

PROJECT = "k1-p"
PLACE = TP(UNITS.name, 0)


@dataclass
class Record:
    """A record as the client library hands it over."""

    offset: int
    value: bytes
    topic: str = UNITS.name
    partition: int = 0
    key: bytes = b"key"
    headers: Sequence[tuple[str, bytes]] = schema_headers()
    timestamp: int = 0


class SetAside:
    def __init__(self) -> None:
        self.letters: list[tuple[int, str]] = []

    async def set_aside(self, record: Incoming, error: Exception, attempts: int) -> None:
        self.letters.append((record.offset, type(error).__name__))


class NoParts:
    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    async def settled(self) -> None:
        return


async def breathe() -> None:
    return


@pytest.fixture
def reading() -> Reading:
    repository = Repository()
    counts = events.handlers(Handlers(repository))
    letters: Any = SetAside()
    return Reading(counts, Book("one", repository, NoParts(), breathe), letters, Telemetry("test"), SystemClock())


def admitted(offset: int) -> Record:
    event = UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted(unit_id=f"k1-u{offset}"))
    return Record(offset, encode(event))


def metadata() -> Metadata:
    return Metadata(event_id="e", client_id="k1", project_id=PROJECT, occurred_at_us=1_000_000)


def letters(reading: Reading) -> list[tuple[int, str]]:
    found: Any = reading.dead_letters
    return list(found.letters)


async def test_what_was_counted_is_passed_over_and_what_was_not_is_never(reading: Reading) -> None:
    await reading.serve(UNITS.name, [admitted(0), admitted(1)])
    await reading.serve(UNITS.name, [admitted(1), admitted(2)])
    assert reading.positions[PLACE] == 3
    assert reading.book.repository.units_open == 3
    with pytest.raises(OffsetJump):
        await reading.serve(UNITS.name, [admitted(4)])


async def test_poison_in_a_chunk_is_set_aside_and_the_rest_of_it_counted(reading: Reading) -> None:
    nameless = Record(1, encode(UnitEvent(metadata=metadata(), unit_admitted=UnitAdmitted())))
    await reading.serve(UNITS.name, [admitted(0), nameless, Record(2, b"\xff"), admitted(3)])
    assert sorted(letters(reading)) == [(1, "Poison"), (2, "Undecodable")]
    assert (reading.positions[PLACE], reading.book.repository.units_open) == (4, 2)


async def test_what_a_chunk_said_before_its_poison_is_in_the_sums(reading: Reading) -> None:
    sealed = UnitEvent(metadata=metadata(), lot_sealed=LotSealed(lot_id="k1-l1", unit_ids=["k1-u0"]))
    await reading.serve(UNITS.name, [admitted(0), Record(1, encode(sealed))])
    accepted = LotEvent(metadata=metadata(), lot_accepted=LotAccepted(lot_id="k1-l1", inspected=1))
    broken = LotEvent(metadata=Metadata(event_id="e", client_id="k1"))
    broken.lot_rejected.on_reject = "relabel"
    broken.lot_rejected.unit_ids.append("k1-u0")
    await reading.serve(
        LOTS.name, [Record(0, encode(accepted), topic=LOTS.name), Record(1, encode(broken), topic=LOTS.name)]
    )
    assert letters(reading) == [(1, "Poison")]
    sums = reading.book.repository.sums[PROJECT]
    assert (sums.lots.accepted, sum(sums.turnaround_seconds.values())) == (1, 1)


async def test_a_newer_contract_is_no_poison(reading: Reading) -> None:
    newer = Record(0, b"", headers=(("concord-schema", b"2"),))
    with pytest.raises(UnknownSchemaVersion):
        await reading.serve(UNITS.name, [newer])
    assert PLACE not in reading.positions
    assert not letters(reading)


async def test_reading_begins_where_the_count_stands_within_what_the_log_holds(reading: Reading) -> None:
    await reading.serve(UNITS.name, [admitted(0), admitted(1)])
    assert reading.begin_at({PLACE: Extent(0, 9)}) == {PLACE: 0}, "the book is empty, and it is what is taken up"
    await reading.serve(UNITS.name, [admitted(0), admitted(1)])
    assert reading.begin_at({PLACE: Extent(0, 9)}) == {PLACE: 2}
    assert reading.begin_at({PLACE: Extent(5, 9)}) == {PLACE: 5}, "the log was shortened"
    assert reading.begin_at({PLACE: Extent(0, 3)}) == {PLACE: 0}, "it is another log"


async def test_what_is_counted_beyond_one_end_makes_up_for_nothing_in_another_partition(reading: Reading) -> None:
    other = TP(UNITS.name, 1)
    await reading.serve(UNITS.name, [admitted(0), admitted(1), admitted(2)])
    assert reading.lag({PLACE: 2, other: 1}) == 1
    assert reading.lag({PLACE: 2, other: 0}) == 0


async def test_a_life_has_taken_up_what_there_was_though_more_comes_in_all_the_time(reading: Reading) -> None:
    assert not reading.taken_up({PLACE: 2})
    await reading.serve(UNITS.name, [admitted(0)])
    assert not reading.taken_up({PLACE: 3})
    await reading.serve(UNITS.name, [admitted(1)])
    assert reading.taken_up({PLACE: 4})
    assert reading.lag({PLACE: 4}) == 2
    assert not reading.taken_up({PLACE: 4, TP(UNITS.name, 1): 1}), "a partition that came later is waited for, too"
