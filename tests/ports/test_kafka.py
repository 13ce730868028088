"""What only the Kafka adapter is asked."""

import asyncio
import os
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.errors import OutOfOrderSequenceNumber

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import BrokerUnavailable, Incoming, Outgoing, TopicPartition
from tests.support.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.real, pytest.mark.parametrize("broker_place", ["kafka"], indirect=True)]

KEYS = [b"k7q2-u-%d" % number for number in range(100)]


async def test_keys_land_where_kafkas_own_partitioner_puts_them(broker_place: Any) -> None:
    theirs = AIOKafkaProducer(bootstrap_servers=os.environ["CONCORD_TEST_KAFKA_BOOTSTRAP"])
    await theirs.start()
    placed = [await theirs.send_and_wait(broker_place.topic, b"theirs", key=key) for key in KEYS]
    partitions = len(await theirs.partitions_for(broker_place.topic))
    await theirs.stop()
    assert [each.partition for each in placed] == [partition_of(key, partitions) for key in KEYS]


async def test_a_producer_that_failed_for_good_is_replaced_and_the_records_come_in_order(broker_place: Any) -> None:
    broker = await broker_place.open()
    assert isinstance(broker, KafkaBroker)
    records = [Outgoing(broker_place.topic, b"key", b"%d" % number) for number in range(10)]
    await broker.publish(records[:5])
    failed = broker._producer
    assert failed is not None
    failed._message_accumulator.fail_all(OutOfOrderSequenceNumber())
    with pytest.raises(BrokerUnavailable):
        await broker.publish(records[5:])
    await broker.publish(records[5:])
    assert broker._producer is not failed
    reader = await broker_place.join(lone=True)
    found: list[bytes] = []
    while await reader.lag():
        found += [record.value for record in await reader.poll(100, 0.5)]
    assert found == [record.value for record in records]


async def test_a_lone_reader_asks_how_far_records_go_beside_its_wait_for_them_and_hears_at_once(
    broker_place: Any,
) -> None:
    broker, reader = await broker_place.open(), await broker_place.join(lone=True)
    assert await reader.poll(100, 0.5) == [], "from now on the broker keeps a question of this reader"
    waiting = asyncio.create_task(reader.poll(100, PATIENCE_SECONDS))
    assert await reader.lag() == 0
    asked_on = {group for _, group in reader._consumer._client._conns}
    assert asked_on == {ConnectionGroup.DEFAULT, ConnectionGroup.COORDINATION}, "not behind that question"
    await broker.publish([Outgoing(broker_place.topic, b"key", b"value")])
    assert [record.value for record in await waiting] == [b"value"]


async def test_what_a_clients_transactions_leave_behind_is_no_lag(broker_place: Any) -> None:
    """Markers take offsets and are no records; a header without a value comes as an empty one."""
    theirs = AIOKafkaProducer(
        bootstrap_servers=os.environ["CONCORD_TEST_KAFKA_BOOTSTRAP"], transactional_id=broker_place.topic
    )
    await theirs.start()
    for number in range(3):
        async with theirs.transaction():
            await theirs.send_and_wait(broker_place.topic, b"%d" % number, key=b"key", headers=[("ce_comment", None)])
    await theirs.begin_transaction()
    await theirs.send_and_wait(broker_place.topic, b"never", key=b"key")
    await theirs.abort_transaction()
    await theirs.stop()
    member, reader = await broker_place.join(), await broker_place.join(lone=True)
    for subscription in (member, reader):
        found: list[Incoming] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < 3 or await subscription.lag():
                found += (polled := await subscription.poll(100, 0.2))
                assert await subscription.commit(
                    {TopicPartition(entry.topic, entry.partition): entry.offset + 1 for entry in polled}
                )
        assert [record.value for record in found] == [b"0", b"1", b"2"]
        assert {record.headers for record in found} == {(("ce_comment", b""),)}
        offsets = [record.offset for record in found]
        assert offsets != list(range(offsets[0], offsets[0] + 3)), "the markers lie between"
