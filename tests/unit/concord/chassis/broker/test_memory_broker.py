import asyncio
import random
from collections.abc import Sequence

import pytest

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster, NoFaults
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, Subscription, TopicPartition
from concord.chassis.clock import LoopClock
from concord.contracts.topics import TOPICS, UNITS

PARTITIONS = {"topic": 4}


def cluster(seed: int = 1) -> MemoryCluster:
    return MemoryCluster(LoopClock(1_700_000_000_000_000), random.Random(seed), PARTITIONS)


def numbered(count: int) -> list[Outgoing]:
    return [Outgoing("topic", b"key-%d" % n, b"%d" % n) for n in range(count)]


def stored(on: MemoryCluster) -> list[bytes]:
    return sorted(record.value for partition in range(4) for record in on.log(TopicPartition("topic", partition)))


async def drain(subscription: Subscription) -> list[Incoming]:
    records: list[Incoming] = []
    while polled := await subscription.poll(7, 0):
        records += polled
    return records


class Failing(NoFaults):
    """Fails the nth time that one operation comes to one side of its effect."""

    def __init__(self, operation: str, *, after: bool, nth: int = 1) -> None:
        self.operation = operation
        self.fails_after = after
        self.left = nth

    def _fail(self, operation: str) -> None:
        if operation == self.operation:
            self.left -= 1
            if self.left == 0:
                raise BrokerUnavailable("as the test wants it")

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if not self.fails_after:
            self._fail(operation)

    async def after(self, operation: str, subject: str) -> None:
        if self.fails_after:
            self._fail(operation)


def test_the_catalogues_topics_are_there_unless_others_are_given() -> None:
    on = MemoryCluster(LoopClock(0), random.Random(1))
    assert {topic.name: on.partitions_of(topic.name) for topic in TOPICS}[UNITS.name] == UNITS.partitions
    with pytest.raises(ValueError, match="no topic"):
        cluster().partitions_of(UNITS.name)


async def test_a_topic_that_does_not_exist_is_refused() -> None:
    broker = MemoryBroker(cluster(), "assign")
    with pytest.raises(ValueError, match="no topic"):
        await broker.publish([Outgoing("other", b"k", b"v")])
    with pytest.raises(ValueError, match="no topic"):
        broker.subscribe(["other"], "group")


async def test_a_publish_that_fails_before_its_second_partition_is_half_done() -> None:
    on = cluster()
    with pytest.raises(BrokerUnavailable):
        await MemoryBroker(on, "assign", Failing("publish", after=False, nth=2)).publish(numbered(100))
    assert 0 < len(stored(on)) < 100


async def test_a_publish_whose_answer_is_lost_is_done() -> None:
    on = cluster()
    with pytest.raises(BrokerUnavailable):
        await MemoryBroker(on, "assign", Failing("publish", after=True)).publish(numbered(100))
    assert len(stored(on)) == 100


async def test_a_producers_repeat_appends_a_partitions_part_again_in_order() -> None:
    class Repeating(NoFaults):
        def copies(self, topic: str) -> int:
            return 2

    on = cluster()
    await MemoryBroker(on, "assign", Repeating()).publish(
        [Outgoing("topic", b"k", b"1"), Outgoing("topic", b"k", b"2")]
    )
    assert [record.value for partition in range(4) for record in on.log(TopicPartition("topic", partition))] == [
        b"1", b"2", b"1", b"2",
    ]  # fmt: skip


async def test_a_poll_whose_answer_is_lost_passes_over_nothing() -> None:
    on = cluster()
    await MemoryBroker(on, "ingest").publish(numbered(20))
    member = MemoryBroker(on, "assign", Failing("poll", after=True)).subscribe(["topic"], "assign")
    await member.start()
    with pytest.raises(BrokerUnavailable):
        await member.poll(100, 1)
    assert len(await drain(member)) == 20


async def test_a_commit_whose_answer_is_lost_holds() -> None:
    on = cluster()
    await MemoryBroker(on, "ingest").publish(numbered(20))
    member = MemoryBroker(on, "assign", Failing("commit", after=True)).subscribe(["topic"], "assign")
    await member.start()
    offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in await drain(member)}
    with pytest.raises(BrokerUnavailable):
        await member.commit(offsets)
    on.expire("assign")
    later = MemoryBroker(on, "assign").subscribe(["topic"], "assign")
    await later.start()
    assert await drain(later) == []


async def test_an_expired_member_loses_its_partitions_and_its_commit_and_may_come_back() -> None:
    on = cluster()
    await MemoryBroker(on, "ingest").publish(numbered(40))
    zombie = MemoryBroker(on, "assign-1").subscribe(["topic"], "assign")
    await zombie.start()
    in_hand = await drain(zombie)
    offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in in_hand}
    assert on.expire("assign-1") == 1
    assert zombie.assigned() == frozenset()
    other = MemoryBroker(on, "assign-2").subscribe(["topic"], "assign")
    await other.start()
    assert len(other.assigned()) == 4
    assert not await zombie.commit(offsets)
    assert len(await drain(other)) == 40
    await zombie.poll(1, 0)
    assert len(zombie.assigned()) == len(other.assigned()) == 2


async def test_members_of_one_group_may_want_different_topics() -> None:
    on = MemoryCluster(LoopClock(0), random.Random(1), {"a": 2, "b": 2})
    memory_subscription = MemoryBroker(on, "one").subscribe(["a"], "group")
    two = MemoryBroker(on, "two").subscribe(["a", "b"], "group")
    await memory_subscription.start()
    await two.start()
    assert memory_subscription.assigned() == {TopicPartition("a", 0)}
    assert two.assigned() == {TopicPartition("a", 1), TopicPartition("b", 0), TopicPartition("b", 1)}


async def test_the_same_seed_gives_the_same_order() -> None:
    async def order(seed: int) -> Sequence[bytes]:
        on = cluster(seed)
        await MemoryBroker(on, "ingest").publish(numbered(60))
        reader = MemoryBroker(on, "metrics").subscribe(["topic"], None)
        await reader.start()
        return [record.value for record in await drain(reader)]

    assert await order(1) == await order(1)
    assert len({tuple(await order(seed)) for seed in range(5)}) > 1


async def test_records_bear_the_clocks_time() -> None:
    on = cluster()
    await MemoryBroker(on, "ingest").publish(numbered(1))
    (record,) = (record for partition in range(4) for record in on.log(TopicPartition("topic", partition)))
    loop_us = round(asyncio.get_running_loop().time() * 1_000_000)
    assert 0 <= 1_700_000_000_000_000 + loop_us - record.timestamp_us < 10_000_000
