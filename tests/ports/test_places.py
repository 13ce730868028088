"""Whole places dealt to the members of a group: one suite, asked of the broker in memory and of Kafka."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from concord.chassis.broker.kafka_subscription import KafkaSubscription
from concord.chassis.broker.memory import MemorySubscription
from concord.chassis.broker.port import Deal, Incoming, Outgoing, Subscription, TopicPartition
from concord.chassis.places.deal import PlacesDiffer
from tests.support.patience import PATIENCE_SECONDS

PLACES = 4
ALL = frozenset(range(PLACES))


class Member:
    """A member with a seat: it notes every deal, and polls for as long as it lives, as a consumer does."""

    def __init__(self, place: Any, number: int, places: int = PLACES) -> None:
        self.address = f"http://10.0.0.{number}:8000"
        self.places = places
        self.deals: list[Deal] = []
        self.found: list[Incoming] = []
        self.opens = True
        self._place = place
        self._polling: asyncio.Task[None] | None = None
        self.subscription: Subscription

    def dealt(self, deal: Deal) -> None:
        self.deals.append(deal)

    async def join(self) -> "Member":
        broker = await self._place.open(self.address)
        self.subscription = broker.subscribe(self._place.topics, self._place.group, self)
        self._place._subscriptions.append(self.subscription)
        await self.subscription.start()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def _poll(self) -> None:
        while True:
            self.found += await self.subscription.poll(1_000, 0.05)
            for place in self.mine if self.opens else ():
                self.subscription.release(place)

    @property
    def mine(self) -> frozenset[int]:
        return self.deals[-1].mine if self.deals else frozenset()

    async def still(self) -> None:
        """Poll no more."""
        assert self._polling is not None
        self._polling.cancel()
        with suppress(asyncio.CancelledError):
            await self._polling

    async def leave(self) -> None:
        await self.still()
        await self.subscription.stop()

    async def die(self) -> None:
        """Be gone without a word."""
        await self.still()
        subscription = self.subscription
        if isinstance(subscription, MemorySubscription):
            subscription._cluster.expire(self.address)
            return
        assert isinstance(subscription, KafkaSubscription)
        consumer = subscription._consumer
        assert consumer is not None
        coordinator = consumer._coordinator
        for task in (coordinator._coordination_task, coordinator._heartbeat_task):
            task.cancel()
        await consumer._client.close()
        subscription._consumer = None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event to set
            await asyncio.sleep(0.02)


def agreed(*members: Member) -> bool:
    """Return whether each place is one member's, evenly, and all hold the table that says so."""
    body = {member.address: member.mine for member in members}
    places = [place for mine in body.values() for place in mine]
    sizes = [len(mine) for mine in body.values()]
    even = max(sizes) - min(sizes) <= 1
    return sorted(places) == sorted(ALL) and even and all(dict(member.deals[-1].table) == body for member in members)


async def test_three_members_agree_and_one_that_leaves_moves_only_what_it_had(broker_place: Any) -> None:
    entry = await Member(broker_place, 1).join()
    await until(lambda: agreed(entry))
    two = await Member(broker_place, 2).join()
    await until(lambda: agreed(entry, two))
    three = await Member(broker_place, 3).join()
    await until(lambda: agreed(entry, two, three))
    before = {member.address: member.mine for member in (entry, two, three)}
    for member in (entry, two, three):
        assert member.subscription.assigned() == {
            TopicPartition(topic, place) for topic in broker_place.topics for place in member.mine
        }, "a place is the same partition of every topic"
    await two.leave()
    await until(lambda: agreed(entry, three))
    for member in (entry, three):
        assert member.mine >= before[member.address], "what stays where it was is not moved"
        assert member.deals[-1].kept == before[member.address], "and nobody else can have had it"
        await member.leave()


async def test_the_places_of_a_member_that_dies_go_to_the_others_when_its_session_is_over(broker_place: Any) -> None:
    entry, two, three = [await Member(broker_place, number).join() for number in (1, 2, 3)]
    await until(lambda: agreed(entry, two, three))
    before = {member.address: member.mine for member in (entry, two)}
    await three.die()
    await until(lambda: agreed(entry, two))
    for member in (entry, two):
        assert member.mine >= before[member.address]
        await member.leave()


async def test_the_records_of_a_place_are_held_back_until_it_is_released(broker_place: Any) -> None:
    broker = await broker_place.open()
    await broker.publish(
        [Outgoing(broker_place.topic, b"k", b"%d" % place, (), place) for place in sorted(ALL) for _ in range(5)]
    )
    member = Member(broker_place, 1)
    member.opens = False
    await member.join()
    await until(lambda: agreed(member))
    await asyncio.sleep(1)
    assert not member.found
    assert await member.subscription.lag() == 20
    member.subscription.release(2)
    await until(lambda: len(member.found) == 5)
    member.subscription.release(0)
    await until(lambda: len(member.found) == 10)
    assert {record.partition for record in member.found} == {0, 2}
    member.subscription.release(99)
    await member.leave()
    member.subscription.release(1)


async def test_a_kept_place_is_handed_out_on_and_a_gained_one_is_held_back(broker_place: Any) -> None:
    member = await Member(broker_place, 1).join()
    await until(lambda: agreed(member))
    two = Member(broker_place, 2)
    two.opens = False
    await two.join()
    await until(lambda: agreed(member, two))
    member.opens = False
    kept, gained = member.mine, two.mine
    await two.leave()
    await until(lambda: agreed(member))
    await (await broker_place.open()).publish(
        [Outgoing(broker_place.topic, b"k", b"%d" % place, (), place) for place in sorted(ALL)]
    )
    await until(lambda: {record.partition for record in member.found} == kept)
    await asyncio.sleep(0.5)
    assert {record.partition for record in member.found} == kept
    for place in gained:
        member.subscription.release(place)
    await until(lambda: {record.partition for record in member.found} == ALL)
    await member.leave()


async def test_members_that_come_and_go_are_served_every_record_in_order_by_place(broker_place: Any) -> None:
    broker = await broker_place.open()
    members = [await Member(broker_place, 0).join()]
    sent = 0

    async def publish() -> None:
        nonlocal sent
        for topic in broker_place.topics:
            await broker.publish([Outgoing(topic, b"k-%d" % n, b"%d" % n, (), n % 64) for n in range(sent, sent + 100)])
        sent += 100

    for number in (1, 2, 3):
        await publish()
        members.append(await Member(broker_place, number).join())
        await publish()
        if number == 2:
            await members[1].leave()
    await publish()

    def everything() -> bool:
        seen = {(record.topic, int(record.value)) for member in members for record in member.found}
        return len(seen) == 2 * sent

    await until(everything)
    for member in members:
        first: defaultdict[TopicPartition, dict[int, None]] = defaultdict(dict)
        for record in member.found:
            assert record.partition == int(record.value) % 64 % PLACES
            first[TopicPartition(record.topic, record.partition)].setdefault(record.offset)
        assert all(list(offsets) == sorted(offsets) for offsets in first.values())
    for member in members:
        await member.leave()


async def test_a_member_that_counts_other_places_than_the_topics_have_is_refused(broker_place: Any) -> None:
    with pytest.raises(PlacesDiffer, match="CONCORD_PLACES is 8"):
        await Member(broker_place, 1, places=8).join()
