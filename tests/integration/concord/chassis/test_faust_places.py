"""Members of a Faust group on a real broker know who has which place, at which address."""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import faust
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownError

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.consumer import Stuck
from concord.chassis.faust_chunks import ChunkedApp
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.settings import KafkaSettings
from tests.support.service import until

KAFKA = os.environ.get("CONCORD_TEST_KAFKA_BOOTSTRAP", "")
PLACES = 8
SHORTLY_SECONDS = 1.5
"""Longer than a poll waits; were it too short, the records would come as they do anyway."""

pytestmark = [pytest.mark.real, pytest.mark.skipif(not KAFKA, reason="needs a broker; `make test` starts one")]


class Member:
    """One process of a service on Faust, that notes what it reads."""

    def __init__(self, group: str, topics: list[str], number: int) -> None:
        self.owner = Owner(PLACES, f"http://10.0.0.{number}:8000")
        self.app = ChunkedApp(group, KafkaSettings(bootstrap=KAFKA), 1, self.owner)
        self.read: Counter[tuple[str, int, bytes]] = Counter()
        for topic in topics:
            self.app.agent(self.app.chunked(topic), name=f"{group}.{number}.{topic}", concurrency=1)(self._agent)

    async def _agent(self, stream: Any) -> None:
        async for event in stream.events():
            for record in event.message.records:
                self.read[(record.topic, record.partition, record.value)] += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it; a member that is left running would keep the event loop from ending."""
        await self.app.start()
        try:
            yield
        finally:
            await self.app.stop()


@pytest.fixture
async def topics() -> AsyncIterator[list[str]]:
    names = [f"faust-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    admin = AIOKafkaAdminClient(bootstrap_servers=KAFKA)
    await admin.start()
    await admin.create_topics([NewTopic(name, PLACES, 1) for name in names])
    yield names
    await admin.delete_topics(names)
    await admin.close()


def agreed(*members: Member) -> bool:
    """Return whether each place is open at one member, and all others know it as that member's."""
    for place in range(PLACES):
        owners = [member for member in members if member.owner.whose(place).standing is Standing.MINE]
        others = {member.owner.whose(place).address for member in members if member not in owners}
        if len(owners) != 1 or others - {owners[0].owner.address}:
            return False
    return all(member.owner.open() for member in members)


async def test_two_members_hold_one_table_and_the_places_of_one_that_leaves_go_to_the_other(topics: list[str]) -> None:
    group = f"faust-{uuid.uuid4().hex[:8]}"
    entry, two = (Member(group, topics, number) for number in (1, 2))
    broker = KafkaBroker(KAFKA, "test")
    await broker.start()
    records = [Outgoing(topic, b"k", b"%d" % place, (), place) for topic in topics for place in range(PLACES)]
    async with entry.running():
        await until(lambda: agreed(entry))
        async with two.running():
            await until(lambda: agreed(entry, two))
            assert len(entry.owner.open()) == len(two.owner.open()) == PLACES // 2
            await broker.publish(records)
            await until(lambda: len(entry.read | two.read) == len(records))
            for member in (entry, two):
                assert {partition for _, partition, _ in member.read} == member.owner.open()
            kept = entry.owner.open()
        await until(lambda: agreed(entry))
        assert kept < entry.owner.open()
        entry.app.consumer.stop_flow()  # as it is for a moment when places were dealt and a poll still waits
        await broker.publish(records)
        await asyncio.sleep(SHORTLY_SECONDS)
        entry.app.consumer.resume_flow()
        await until(lambda: len(entry.read) == len(records))
    await broker.stop()


async def test_a_poll_begun_before_places_were_dealt_anew_takes_nothing_that_a_table_is_recovered_from(
    topics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = f"faust-{uuid.uuid4().hex[:8]}"
    entry, two = (Member(group, topics, number) for number in (1, 2))
    tables: list[Any] = [
        member.app.tables.add(faust.Table(member.app, name="rows", key_type=bytes, value_type=bytes, partitions=PLACES))
        for member in (entry, two)
    ]
    async with entry.running():
        await until(lambda: agreed(entry))
        for place in range(PLACES):
            await tables[0].send_changelog(place, b"%d" % place, b"row", value_serializer="raw")
        async with two.running():
            await until(lambda: agreed(entry, two))
            consumer: Any = entry.app.consumer
            manager: Any = entry.app.tables
            recovery = manager.recovery
            poll, seek = consumer._getmany, recovery._seek_offsets

            async def polls_long(active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
                return await poll(active_partitions, 10 * timeout)

            async def begins_late(reader: Any, places: Any, *arguments: Any) -> None:
                """Begin when the client library has what is to be recovered, or somebody has taken it."""
                await seek(reader, places, *arguments)
                fetched = thread_of(entry)._consumer._fetcher._records
                for place in places:
                    while not await reader.position(place) and place not in fetched:  # noqa: ASYNC110  # no event tells
                        await asyncio.sleep(0.01)

            monkeypatch.setattr(consumer, "_getmany", polls_long)
            monkeypatch.setattr(recovery, "_seek_offsets", begins_late)
            await asyncio.sleep(SHORTLY_SECONDS)
        await until(lambda: agreed(entry))
        assert dict(tables[0].data) == {b"%d" % place: b"row" for place in range(PLACES)}


async def test_a_member_that_counts_other_places_than_are_dealt_ends(topics: list[str]) -> None:
    member = Member(f"faust-{uuid.uuid4().hex[:8]}", topics, 1)
    member.owner.places = 2 * PLACES
    async with member.running():
        await until(lambda: member.app.crashed)


def thread_of(member: Member) -> Any:
    consumer: Any = member.app.consumer
    return consumer._thread


async def test_a_member_whose_group_met_an_error_joins_anew_and_one_that_cannot_is_told(
    topics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member(f"faust-{uuid.uuid4().hex[:8]}", topics, 1)
    async with member.running():
        await until(member.app.in_group)
        await until(lambda: len(member.owner.open()) == PLACES)
        thread = thread_of(member)
        coordinator = thread._consumer._coordinator
        generation, joining, failed = coordinator.generation, coordinator.ensure_active_group, 0

        async def fails_once(*arguments: Any) -> Any:
            nonlocal failed
            failed += 1
            if failed == 1:
                waiters = thread._consumer._fetcher._fetch_waiters  # a poll that waits is told of the error, too
                await until(lambda: not all(waiter.done() for waiter in waiters))
                raise UnknownError("as the test wants it")
            return await joining(*arguments)

        monkeypatch.setattr(coordinator, "ensure_active_group", fails_once)
        thread.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)
        await until(lambda: failed == 1)
        assert not member.app.in_group()
        await until(lambda: member.app.in_group() and coordinator.generation > generation)
        await until(lambda: len(member.owner.open()) == PLACES)
        broker = KafkaBroker(KAFKA, "test")
        await broker.start()
        await broker.publish([Outgoing(topic, b"k", b"after", (), 1) for topic in topics])
        await broker.stop()
        await until(lambda: len(member.read) == len(topics))
        assert not member.app.crashed

        async def breaks() -> None:
            raise RuntimeError("as the test wants it")

        monkeypatch.setattr(coordinator, "ensure_coordinator_known", breaks)
        thread.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)
        await until(coordinator._coordination_task.done)
        with pytest.raises(Stuck):
            member.app.in_group()
