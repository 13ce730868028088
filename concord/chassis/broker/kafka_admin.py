"""What is asked of Kafka about groups and topics as a whole, each time over a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from concord.chassis.broker.kafka_connection import NO_ANSWER, KafkaConnection
from concord.chassis.broker.port import BrokerUnavailable, TopicPartition

ANSWER_SECONDS_MAX = 15.0


async def committed(connection: KafkaConnection, group: str, topic: str) -> dict[TopicPartition, int]:
    """Return how far a group is done with a topic; see the port."""
    async with _admin(connection, f"asking how far {group} is") as admin:
        found = await admin.list_consumer_group_offsets(group)
    return {
        TopicPartition(*place): entry.offset
        for place, entry in found.items()
        if place.topic == topic and entry.offset >= 0
    }


async def delete_before(connection: KafkaConnection, offsets: Mapping[TopicPartition, int]) -> None:
    """Have the records below these offsets deleted; see the port."""
    async with _admin(connection, f"deleting records of {len(offsets)} partitions") as admin:
        await admin.delete_records({Place(*place): RecordsToDelete(offset) for place, offset in offsets.items()})


@asynccontextmanager
async def _admin(connection: KafkaConnection, what: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect for one question.

    Raises:
        BrokerUnavailable: no answer, or a refusal.
    """
    admin = AIOKafkaAdminClient(**connection.options())
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await admin.start()
            yield admin
    except NO_ANSWER as fault:
        raise BrokerUnavailable(f"{what}: {fault!r}") from fault
    finally:
        with suppress(*NO_ANSWER):
            await admin.close()
