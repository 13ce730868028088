"""Fetched records as ours, made straight of the client library's batches.

The library makes a dataclass of eleven fields of each record that it has decoded, of which we then made one of seven:
together twice what fetching and decoding it takes. Its classes are told here to make ours at once. What it does about
transactions, compaction and checksums stays its own.

Made for aiokafka 0.14: a test holds every record against what the library makes of the same bytes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords

from concord.chassis.broker.port import Incoming
from concord.contracts.codec import Headers, schema_headers

_USUAL = list(schema_headers())
"""As the library has the headers of most records."""
_SHARED: Headers = schema_headers()


def all_places(place: Place) -> bool:
    """Want the records of every place."""
    del place
    return True


def hand_over_own(consumer: AIOKafkaConsumer, wanted: Callable[[Place], bool] = all_places) -> None:
    """Have a consumer that has started hand over `Incoming` for its own records.

    Args:
        consumer: the library's; what it has fetched already is handed over so, too.
        wanted: of which places; the others' stay the library's.
    """
    consumer._fetcher._records = _Fetches(wanted, consumer._fetcher._records)


class _Fetches(OrderedDict[Place, Any]):
    """What a fetcher has fetched and not handed over, by place."""

    def __init__(self, wanted: Callable[[Place], bool], fetched: Mapping[Place, Any]) -> None:
        super().__init__()
        self._wanted = wanted
        for place, found in fetched.items():
            self[place] = found

    def __setitem__(self, place: Place, found: Any) -> None:
        """Take in a fetch, or why there is none."""
        if type(found) is FetchResult and self._wanted(place):
            found._partition_records = _own(found._partition_records)
        super().__setitem__(place, found)


def _own(records: PartitionRecords) -> PartitionRecords:
    """Return the same records, of which none was handed over yet, as ours."""
    return _OwnRecords(
        records._tp,
        records._records,
        records._aborted_transactions,
        records.next_fetch_offset,
        None,
        None,
        records._check_crcs,
        records._isolation_level,
    )


class _OwnRecords(PartitionRecords):  # type: ignore[misc] # the library's classes have no types
    """A partition's fetched records, made ours one by one as they are asked for."""

    def __iter__(self) -> Any:
        """Return the iterator itself, past a call for each record."""
        return self._records_iterator

    def _consumer_record(self, tp: Place, record: Any) -> Incoming:
        headers = record.headers
        return Incoming(
            tp.topic,
            tp.partition,
            record.offset,
            record.key or b"",
            record.value or b"",
            _SHARED if headers == _USUAL else tuple([(name, value or b"") for name, value in headers]),
            record.timestamp * 1_000,
        )
