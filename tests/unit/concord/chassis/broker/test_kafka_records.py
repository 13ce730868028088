"""Records that are made straight of the client library's batches, held against the library's own."""

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as Place
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from concord.chassis.broker.kafka_records import hand_over_own
from concord.chassis.broker.port import Incoming
from concord.contracts.codec import schema_headers

PLACE, OTHER = Place("concord.units.v1", 3), Place("changelog", 3)
ZSTD, NONE = 4, 0
ABORTED, COMMITTED = 7, 8
"""Producers whose transactions were."""


def batch(first: int, rows: list[tuple[bytes | None, bytes | None, list[Any]]], **how: int) -> bytes:
    """Return a record batch as a broker keeps it: rows of key, value and headers."""
    producer = how.get("producer", -1)
    builder = DefaultRecordBatchBuilder(
        2, how.get("codec", NONE), int(producer >= 0), producer, 0 if producer >= 0 else -1, 0, 1_000_000
    )
    for number, (key, value, headers) in enumerate(rows):
        assert builder.append(number, 1_700_000_000_000 + number, key, value, headers)
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


USUAL: list[Any] = [*schema_headers()]
LOG = {
    0: batch(0, [(b"k", b"v", USUAL), (b"k2", b"v2", [])], codec=ZSTD),
    # Offsets 2 to 4 were compacted away, or were a transaction's own.
    5: batch(5, [(None, b"x", [("a", b"1"), ("b", None)]), (b"gone", None, USUAL)]),
    7: batch(7, [(b"never", b"was", USUAL)] * 2, producer=ABORTED),
    9: batch(9, [(b"was", b"", [("é", b"\xff")])], producer=COMMITTED),
}
"""Batches by their first offset."""


class Places:
    """An assignment in which every place is at an offset."""

    active = True

    def __init__(self, at: int) -> None:
        self.position, self.paused = at, False

    def state_value(self, place: Place) -> "Places":
        del place
        return self

    def consumed_to(self, offset: int) -> None:
        self.position = offset


def fetched(place: Place, begin: int) -> FetchResult:
    """Return what the library makes of a fetch that begins somewhere in the log: with the batch that holds it."""
    first = max(offset for offset in LOG if offset <= begin)
    data = b"".join(found for offset, found in LOG.items() if offset >= first)
    records = PartitionRecords(place, MemoryRecords(data), [(ABORTED, 7)], begin, None, None, True, READ_COMMITTED)
    return FetchResult(place, assignment=Places(begin), partition_records=records, backoff=0)


def consumer(**results: Any) -> Any:
    return SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict(results.pop("of", {}))))


def taken(result: FetchResult, at_once: int) -> list[Any]:
    """Return all records of a fetch, asked for some at a time."""
    found = []
    while result.has_more():
        found.append(result.getall(at_once))
    return [record for some in found for record in some]


@pytest.mark.parametrize("at_once", [1, 2, 500])
@pytest.mark.parametrize("begin", [0, 1, 6, 9])
def test_a_record_is_what_the_library_makes_of_it_wherever_reading_begins(begin: int, at_once: int) -> None:
    of_library = fetched(PLACE, begin)
    made = [
        Incoming(
            record.topic,
            record.partition,
            record.offset,
            record.key or b"",
            record.value or b"",
            tuple((name, value or b"") for name, value in record.headers),
            record.timestamp * 1_000,
        )
        for record in taken(of_library, at_once)
    ]
    owner = consumer()
    hand_over_own(owner)
    owner._fetcher._records[PLACE] = fetched(PLACE, begin)
    ours = owner._fetcher._records[PLACE]
    assert taken(ours, at_once) == made
    assert [record.offset for record in made] == [offset for offset in (0, 1, 5, 6, 9) if offset >= begin]
    assert ours._assignment.position == of_library._assignment.position == 10
    assert all(type(record) is Incoming for record in made)


def test_what_was_fetched_before_is_ours_too_and_faults_and_other_places_stay_the_librarys() -> None:
    fault = FetchError(error=KeyError("away"), backoff=0)
    owner = consumer(of={PLACE: fetched(PLACE, 0), OTHER: fetched(OTHER, 0), Place("away", 0): fault})
    hand_over_own(owner, lambda place: place.topic == PLACE.topic)
    found = owner._fetcher._records
    assert list(found) == [PLACE, OTHER, Place("away", 0)]
    assert found[Place("away", 0)] is fault
    assert {type(record) for record in taken(found[PLACE], 500)} == {Incoming}
    (deleted,) = [record for record in taken(found[OTHER], 500) if record.key == b"gone"]
    assert deleted.value is None, "a changelog says so that a row is no more"


def test_records_with_the_usual_header_share_it() -> None:
    owner = consumer(of={PLACE: fetched(PLACE, 0)})
    hand_over_own(owner)
    headers = [record.headers for record in taken(owner._fetcher._records[PLACE], 500)]
    assert headers[0] is headers[3]
    assert headers[0] == schema_headers()
