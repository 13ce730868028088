"""Which partition a record goes to: its project's place, or where Kafka's default partitioner puts its key.

The latter is remembered, for the hash in pure Python costs 8 us a key.
"""

from functools import lru_cache
from typing import cast

from aiokafka.partitioner import murmur2

from concord.chassis.broker.port import Outgoing
from concord.contracts.ids import place_of

KEYS_REMEMBERED_MAX = 65_536
_POSITIVE = 0x7FFFFFFF


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition, of so many, in which Kafka's default partitioner puts the key.

    >>> partition_of(b"k7q2-u-1", 8)
    2
    """
    return (cast("int", murmur2(key)) & _POSITIVE) % partitions


def partition_for(record: Outgoing, partitions: int) -> int:
    """Return the partition, of so many, that the record goes to."""
    return partition_of(record.key, partitions) if record.slot is None else place_of(record.slot, partitions)
