"""Key to partition as Kafka's default partitioner has it, remembered: the hash in pure Python costs 8 us a key."""

from functools import lru_cache
from typing import cast

from aiokafka.partitioner import murmur2

KEYS_REMEMBERED_MAX = 65_536
_POSITIVE = 0x7FFFFFFF


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition, of so many, in which Kafka's default partitioner puts the key.

    >>> partition_of(b"k7q2-u-1", 8)
    2
    """
    return (cast("int", murmur2(key)) & _POSITIVE) % partitions
