"""The stack on its real parts: a broker and a store of its own for each test."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient

from concord.contracts.topics import PROJECTS, TOPICS, UNITS
from deploy.local import family
from deploy.local.elsewhere import Elsewhere
from deploy.local.ports import Ports, free_port
from deploy.local.processes import NotStarted
from deploy.local.stack import Stack
from deploy.local.topics import TopicsNotCreated, create_topics

pytestmark = pytest.mark.real


async def _partitions(bootstrap: str) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()


async def _keep(stack: Stack, number: int) -> None:
    """Have both parts acknowledge something."""
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, acks="all") as producer:
        await producer.send_and_wait(UNITS.name, b"%d" % number, partition=0)
    async with AsyncMongoClient[dict[str, int]](stack.mongodb_uri) as client:
        await client["kept"]["numbers"].insert_one({"_id": number})


async def _kept(stack: Stack, count: int) -> tuple[list[int], list[int]]:
    """Return what each part still has."""
    async with AIOKafkaConsumer(
        UNITS.name, bootstrap_servers=stack.kafka_bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        records = [int((await consumer.getone()).value) for _ in range(count)]
    async with AsyncMongoClient[dict[str, int]](stack.mongodb_uri) as client:
        documents = [document["_id"] async for document in client["kept"]["numbers"].find().sort("_id")]
    return records, documents


async def test_data_survives_a_restart_and_a_kill_and_nothing_runs_afterwards(tmp_path: Path) -> None:
    async with Stack(tmp_path, Ports.free(), services=()) as stack:
        assert await _partitions(stack.kafka_bootstrap) == {topic.name: topic.partitions for topic in TOPICS}
        await _keep(stack, 1)
    assert family.members(tmp_path) == []
    async with Stack(tmp_path, Ports.free(), services=()) as stack:
        assert await _kept(stack, 1) == ([1], [1])
        await _keep(stack, 2)
        for part in ("kafka", "mongodb"):
            stack.kill(part)
            assert stack.ended() == part
            await asyncio.to_thread(stack.restart, part)
        assert await _kept(stack, 2) == ([1, 2], [1, 2])
        assert stack.running == {"kafka", "mongodb"}
    assert family.members(tmp_path) == []
    assert stack.cpu_seconds("kafka") > 0
    assert stack.log("kafka").stat().st_size > 0


async def test_a_broker_and_store_that_run_elsewhere_are_used_and_not_started(tmp_path: Path) -> None:
    async with Stack(tmp_path / "first", Ports.free(), services=()) as first:
        await create_topics(first.kafka_bootstrap)  # as often as asked
        elsewhere = Elsewhere(first.kafka_bootstrap, first.mongodb_uri)
        async with Stack(tmp_path / "second", Ports.free(), services=(), elsewhere=elsewhere) as second:
            assert second.running == frozenset()
            assert second.addresses == first.addresses


async def test_a_detached_stack_outlives_its_block_and_the_next_one_takes_it_over(tmp_path: Path) -> None:
    ports = Ports.free()
    async with Stack(tmp_path, ports, services=()) as first:
        kafka = first.pid("kafka")
        first.detach()
    assert first.running == {"kafka", "mongodb"}
    with pytest.raises(NotStarted, match="runs already at port"):
        await asyncio.to_thread(Stack(tmp_path, Ports.free(), services=()).start)
    async with Stack(tmp_path, ports, services=()) as second:
        assert second.pid("kafka") == kafka
    assert second.running == frozenset()


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    async def start() -> None:
        async with Stack(tmp_path, Ports.free(), services=()):
            await asyncio.Event().wait()

    starting = asyncio.create_task(start())
    while not family.members(tmp_path):  # noqa: ASYNC110 - other processes set no event of ours
        await asyncio.sleep(0.02)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert family.members(tmp_path) == []


async def test_a_part_that_cannot_start_takes_the_others_down_with_it(tmp_path: Path) -> None:
    store = tmp_path / "data" / "store"
    store.mkdir(parents=True)
    (store / "WiredTiger").write_text("this is no database")
    (store / "WiredTiger.turtle").write_text("nor this")
    with pytest.raises(NotStarted, match="mongodb ended with status"):
        await asyncio.to_thread(Stack(tmp_path, Ports.free(), services=()).start)
    assert family.members(tmp_path) == []


async def test_a_broker_that_does_not_answer_is_told(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(TopicsNotCreated, match=f"{nowhere} did not create the topics"):
        await create_topics(nowhere, [PROJECTS], seconds_max=0.1)
