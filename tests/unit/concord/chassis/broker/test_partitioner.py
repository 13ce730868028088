import pytest
from aiokafka.partitioner import DefaultPartitioner

from concord.chassis.broker.partitioner import partition_for, partition_of
from concord.chassis.broker.port import Outgoing


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        # Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ],
)
def test_the_hash_is_kafkas_own(key: bytes, signed: int) -> None:
    assert partition_of(key, 2**31) == signed & 0x7FFFFFFF


def test_the_partition_is_the_one_of_the_client_librarys_partitioner() -> None:
    theirs = DefaultPartitioner()
    for partitions in (1, 2, 8, 12):
        for number in range(500):
            key = b"k7q2-u-%d" % number
            assert partition_of(key, partitions) == theirs(key, list(range(partitions)), [])


def test_keys_spread_over_all_partitions() -> None:
    assert {partition_of(b"k7q2-u-%d" % number, 8) for number in range(200)} == set(range(8))


def test_a_record_with_a_slot_goes_to_its_place_and_one_without_where_its_key_says() -> None:
    for partitions in (1, 8, 64):
        for slot in (0, 7, 8, 222, 1_023):
            assert partition_for(Outgoing("t", b"k7q2-u-1", b"", (), slot), partitions) == slot % partitions
        assert partition_for(Outgoing("t", b"k7q2-u-1", b""), partitions) == partition_of(b"k7q2-u-1", partitions)
