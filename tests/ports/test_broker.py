"""What every broker must do: one suite, asked of the broker in memory and of Kafka."""

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

import pytest

from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import RECORD_BYTES_MAX, Broker, Incoming, Outgoing, Subscription, TopicPartition
from tests.support.patience import PATIENCE_SECONDS

PARTITIONS = 4


class Place(Protocol):
    topic: str
    topics: tuple[str, ...]
    group: str

    async def open(self, client: str = "client") -> Broker: ...

    async def join(self, group: str | None = None, *, lone: bool = False, all_topics: bool = False) -> Subscription: ...


def numbered(topic: str, count: int, keys: int = 50, begin: int = 0) -> list[Outgoing]:
    return [Outgoing(topic, b"key-%d" % (n % keys), b"%d" % n) for n in range(begin, begin + count)]


async def read(subscription: Subscription, count: int, records_max: int = 1_000) -> list[Incoming]:
    """Return at least so many records, and whatever else comes with them."""
    records: list[Incoming] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(records) < count:
            records += await subscription.poll(records_max, 0.2)
    return records


def ends(records: Iterable[Incoming]) -> dict[TopicPartition, int]:
    return {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}


def values(records: Iterable[Incoming]) -> list[int]:
    return sorted(int(record.value) for record in records)


def assert_in_order(records: Sequence[Incoming]) -> None:
    """Offsets follow on one another in each partition, and so do the values of each key."""
    offsets: dict[TopicPartition, int] = {}
    by_key: defaultdict[bytes, list[int]] = defaultdict(list)
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        assert record.offset == offsets.get(place, record.offset - 1) + 1
        offsets[place] = record.offset
        by_key[record.key].append(int(record.value))
    for numbers in by_key.values():
        assert numbers == sorted(numbers)


async def shared(place: Place, *members: Subscription) -> None:
    """Return when all partitions are assigned, none twice."""
    wanted = sorted(TopicPartition(place.topic, partition) for partition in range(PARTITIONS))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sorted(part for member in members for part in member.assigned()) != wanted:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"the partitions are not shared: {[sorted(member.assigned()) for member in members]}")


async def test_a_record_comes_as_it_was_published(broker_place: Place) -> None:
    topic = broker_place.topic
    headers = (("traceparent", b"00-ab-cd-01"), ("empty", b""), ("twice", b"1"), ("twice", b"\xff\x00"), ("ü", b"2"))
    began_us = time.time_ns() // 1_000 - 1_000
    await (await broker_place.open()).publish([Outgoing(topic, b"k7q2-u-1", bytes(range(256)), headers)])
    (record,) = await read(await broker_place.join(), 1)
    assert (record.topic, record.offset) == (topic, 0)
    assert (record.key, record.value, record.headers) == (b"k7q2-u-1", bytes(range(256)), headers)
    assert record.partition == partition_of(b"k7q2-u-1", PARTITIONS)
    assert began_us <= record.timestamp_us <= time.time_ns() // 1_000


async def test_no_headers_an_empty_value_and_an_empty_key_come_as_they_are(broker_place: Place) -> None:
    await (await broker_place.open()).publish([Outgoing(broker_place.topic, b"", b"")])
    (record,) = await read(await broker_place.join(), 1)
    assert (record.key, record.value, record.headers) == (b"", b"", ())


async def test_ten_thousand_records_keep_their_order_in_each_partition(broker_place: Place) -> None:
    padding = os.urandom(150).hex().encode()  # 3 MB in all: more than one batch a partition
    records = [
        Outgoing(broker_place.topic, b"key-%d" % (n % 700), b"%d" % n, (("padding", padding),)) for n in range(10_000)
    ]
    await (await broker_place.open()).publish(records)
    found = await read(await broker_place.join(), 10_000)
    assert values(found) == list(range(10_000))
    assert_in_order(found)


async def test_later_publishes_come_after_earlier_ones(broker_place: Place) -> None:
    broker = await broker_place.open()
    for begin in range(0, 1_000, 100):
        await broker.publish(numbered(broker_place.topic, 100, keys=7, begin=begin))
    found = await read(await broker_place.join(), 1_000)
    assert values(found) == list(range(1_000))
    assert_in_order(found)


async def test_publishes_at_the_same_time_all_arrive_once_each_in_its_order(broker_place: Place) -> None:
    broker = await broker_place.open()

    async def publish(name: int) -> None:
        for begin in range(0, 100, 20):
            await broker.publish(
                [Outgoing(broker_place.topic, b"%d" % name, b"%d" % n) for n in range(begin, begin + 20)]
            )

    await asyncio.gather(*(publish(name) for name in range(10)))
    found = await read(await broker_place.join(), 1_000)
    assert Counter(values(found)) == Counter(dict.fromkeys(range(100), 10))
    assert_in_order(found)


async def test_records_with_a_slot_lie_in_their_place_in_order_whatever_their_keys(broker_place: Place) -> None:
    slots = [222, 1_023, 0, 9, 9, 1]
    records = [
        Outgoing(broker_place.topic, b"key-%d" % (n % 50), b"%d" % n, (), slots[n % len(slots)]) for n in range(300)
    ]
    await (await broker_place.open()).publish(records)
    found = await read(await broker_place.join(), 300)
    by_place: defaultdict[int, list[int]] = defaultdict(list)
    for record in found:
        assert record.partition == slots[int(record.value) % len(slots)] % PARTITIONS
        by_place[record.partition].append(int(record.value))
    assert all(numbers == sorted(numbers) for numbers in by_place.values()), "in order by place, and so by project"
    assert values(found) == list(range(300))


async def test_publishing_nothing_is_no_fault(broker_place: Place) -> None:
    await (await broker_place.open()).publish([])


async def test_the_largest_record_passes_and_a_larger_one_is_refused(broker_place: Place) -> None:
    broker = await broker_place.open()
    large = Outgoing(broker_place.topic, b"key", os.urandom(RECORD_BYTES_MAX - 3))
    await broker.publish([*numbered(broker_place.topic, 10), large])
    found = await read(await broker_place.join(), 11)
    assert large.value in {record.value for record in found}
    with pytest.raises(ValueError, match="at most"):
        await broker.publish([Outgoing(broker_place.topic, b"key", large.value + b"x")])


async def test_a_poll_returns_no_more_than_asked_and_loses_nothing(broker_place: Place) -> None:
    await (await broker_place.open()).publish(numbered(broker_place.topic, 500))
    member = await broker_place.join()
    found: list[Incoming] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < 500:
            records = await member.poll(33, 0.2)
            assert len(records) <= 33
            found += records
    assert values(found) == list(range(500))
    assert_in_order(found)


async def test_a_poll_returns_empty_after_its_wait_and_at_once_when_something_comes(broker_place: Place) -> None:
    broker = await broker_place.open()
    member = await broker_place.join()
    assert not await member.poll(10, 0.1)
    assert not await member.poll(10, 0)
    waiting = asyncio.ensure_future(member.poll(10, PATIENCE_SECONDS))
    await asyncio.sleep(0.05)
    await broker.publish(numbered(broker_place.topic, 1))
    async with asyncio.timeout(PATIENCE_SECONDS / 2):
        assert values(await waiting) == [0]


async def test_a_poll_that_waits_is_interrupted_and_the_next_goes_on(broker_place: Place) -> None:
    broker = await broker_place.open()
    member = await broker_place.join()
    member.interrupt()  # nobody waits
    waiting = asyncio.ensure_future(member.poll(10, PATIENCE_SECONDS))
    await asyncio.sleep(0.05)
    member.interrupt()
    async with asyncio.timeout(PATIENCE_SECONDS / 2):
        assert await waiting == []
    await broker.publish(numbered(broker_place.topic, 3))
    assert values(await read(member, 3)) == [0, 1, 2]


async def test_who_is_cancelled_while_a_poll_is_interrupted_is_cancelled(broker_place: Place) -> None:
    member = await broker_place.join()
    waiting = asyncio.ensure_future(member.poll(10, PATIENCE_SECONDS))
    await asyncio.sleep(0.05)
    member.interrupt()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_two_topics_come_through_one_subscription(broker_place: Place) -> None:
    broker = await broker_place.open()
    await broker.publish([*numbered(broker_place.topics[0], 40), *numbered(broker_place.topics[1], 60)])
    member = await broker_place.join(all_topics=True)
    assert len(member.assigned()) == 2 * PARTITIONS
    found = await read(member, 100)
    assert Counter(record.topic for record in found) == dict(zip(broker_place.topics, (40, 60), strict=True))


async def test_committed_offsets_survive_and_the_rest_comes_again(broker_place: Place) -> None:
    await (await broker_place.open()).publish(numbered(broker_place.topic, 300))
    member = await broker_place.join()
    first = await read(member, 100, records_max=50)
    assert await member.commit(ends(first))
    uncommitted = await read(member, 100, records_max=50)
    await member.stop()
    later = await read(await broker_place.join(), 300 - len(first))
    assert values(first + later) == list(range(300))
    assert set(values(uncommitted)) <= set(values(later))
    assert_in_order(later)


async def test_each_group_and_each_lone_reader_gets_everything(broker_place: Place) -> None:
    await (await broker_place.open()).publish(numbered(broker_place.topic, 100))
    member = await broker_place.join()
    records = await read(member, 100)
    assert await member.commit(ends(records))
    others = [
        await broker_place.join(f"{broker_place.group}-other"),
        await broker_place.join(lone=True),
        await broker_place.join(lone=True),
    ]
    for other in others:
        assert values(await read(other, 100)) == list(range(100))
        assert await other.commit(ends(records))
    assert values(await read(await broker_place.join(lone=True), 100)) == list(range(100))


async def test_a_lone_reader_has_all_partitions_and_follows(broker_place: Place) -> None:
    broker = await broker_place.open()
    reader = await broker_place.join(lone=True)
    assert len(reader.assigned()) == PARTITIONS
    await broker.publish(numbered(broker_place.topic, 10))
    assert values(await read(reader, 10)) == list(range(10))
    await broker.publish(numbered(broker_place.topic, 10, begin=10))
    assert values(await read(reader, 10)) == list(range(10, 20))


async def test_lag_counts_what_is_not_done(broker_place: Place) -> None:
    """Done is committed for a member of a group: what it holds in hand is still to be done. A reader only polls."""
    broker = await broker_place.open()
    await broker.publish(numbered(broker_place.topic, 100))
    member, reader = await broker_place.join(), await broker_place.join(lone=True)
    assert [await member.lag(), await reader.lag()] == [100, 100]
    first = await read(member, 1, records_max=30)
    polled = await read(reader, 1, records_max=30)
    assert [await member.lag(), await reader.lag()] == [100, 100 - len(polled)]
    assert await member.commit(ends(first))
    assert await member.lag() == 100 - len(first)
    rest = await read(member, 100 - len(first))
    assert await member.commit(ends(rest))
    await read(reader, 100 - len(polled))
    assert [await member.lag(), await reader.lag()] == [0, 0]
    await broker.publish(numbered(broker_place.topic, 5))
    assert [await member.lag(), await reader.lag()] == [5, 5]


async def test_what_a_group_is_done_with_can_be_deleted_and_is_read_by_nobody_then(broker_place: Place) -> None:
    broker = await broker_place.open()
    await broker.publish(numbered(broker_place.topic, 100))
    member = await broker_place.join()
    records = await read(member, 100)
    done = {place: end - 1 for place, end in ends(records).items()}
    assert await broker.committed(broker_place.group, broker_place.topic) == {}
    assert await member.commit(done)
    assert await broker.committed(broker_place.group, broker_place.topic) == done
    for _ in range(2):
        await broker.delete_before(done)
    left = await read(await broker_place.join(lone=True), PARTITIONS)
    assert ends(left) == ends(records)
    assert len(left) == len(done)
    await broker.publish(numbered(broker_place.topic, 10, begin=100))
    assert len(await read(await broker_place.join("another"), len(done) + 10)) == len(done) + 10


async def test_a_broker_that_is_there_answers_a_ping(broker_place: Place) -> None:
    await (await broker_place.open()).ping()


async def test_nothing_is_assigned_before_the_start(broker_place: Place) -> None:
    broker = await broker_place.open()
    for group in (broker_place.group, None):
        assert broker.subscribe([broker_place.topic], group).assigned() == frozenset()


async def test_two_members_share_the_partitions_and_each_record_comes_to_one(broker_place: Place) -> None:
    subscription, two = await broker_place.join(), await broker_place.join()
    await shared(broker_place, subscription, two)
    assert subscription.assigned()
    assert two.assigned()
    await (await broker_place.open()).publish(numbered(broker_place.topic, 400))
    found: dict[str, list[Incoming]] = {"one": [], "two": []}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sum(map(len, found.values())) < 400:
            found["one"] += await subscription.poll(1_000, 0.1)
            found["two"] += await two.poll(1_000, 0.1)
    assert values(found["one"] + found["two"]) == list(range(400))
    assert set(ends(found["one"])) <= subscription.assigned()
    assert set(ends(found["two"])) <= two.assigned()


async def test_a_member_that_leaves_hands_its_partitions_on_at_once(broker_place: Place) -> None:
    subscription, two = await broker_place.join(), await broker_place.join()
    await shared(broker_place, subscription, two)
    await two.stop()
    assert two.assigned() == frozenset()
    await shared(broker_place, subscription)


async def test_a_stale_commit_is_refused_and_another_gets_the_records(broker_place: Place) -> None:
    await (await broker_place.open()).publish(numbered(broker_place.topic, 200))
    subscription = await broker_place.join()
    in_hand = await read(subscription, 200)
    two = await broker_place.join()
    await shared(broker_place, subscription, two)
    assert not await subscription.commit(ends(in_hand))
    kept = {place: offset for place, offset in ends(in_hand).items() if place in subscription.assigned()}
    assert kept
    assert not await subscription.commit(kept), "what came back to the same member comes again, and is committed then"
    again = [*await read(two, 1), *await read(subscription, 1)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(again) < 200:
            again += [*await subscription.poll(1_000, 0.1), *await two.poll(1_000, 0.1)]
    assert values(again) == list(range(200))


async def test_a_commit_of_what_was_never_given_out_is_refused(broker_place: Place) -> None:
    subscription, two = await broker_place.join(), await broker_place.join()
    await shared(broker_place, subscription, two)
    (others, *_) = sorted(two.assigned())
    assert not await subscription.commit({others: 1})
    assert await subscription.commit({})


async def test_members_that_come_and_go_lose_nothing(broker_place: Place) -> None:
    """Every record is handled, and every commit that was acknowledged holds."""
    broker = await broker_place.open()
    handled: Counter[int] = Counter()

    async def work(member: Subscription, rounds: int) -> None:
        for _ in range(rounds):
            records = await member.poll(20, 0.1)
            handled.update(values(records))
            await member.commit(ends(records))

    steady = await broker_place.join()
    for turn in range(3):
        await broker.publish(numbered(broker_place.topic, 200, begin=200 * turn))
        passing = await broker_place.join()
        await asyncio.gather(work(steady, 4), work(passing, 4))
        await passing.stop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(handled) < 600:
            await work(steady, 1)
    assert sorted(handled) == list(range(600))
