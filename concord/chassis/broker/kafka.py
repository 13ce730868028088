"""The broker over aiokafka: an idempotent producer that is replaced when it fails, and subscriptions.

A publish is one record batch a partition, built here and handed over whole: a seventh of the cost of sending
record by record.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from concord.chassis.broker import kafka_admin
from concord.chassis.broker.kafka_connection import NO_ANSWER, KafkaConnection
from concord.chassis.broker.kafka_subscription import KafkaSubscription
from concord.chassis.broker.partitioner import partition_for
from concord.chassis.broker.port import BrokerUnavailable, NeverTaken, Outgoing, Seat, TopicPartition, check_record

BATCH_BYTES_MAX = 262_144
"""Of one record batch before compression; a larger record gets a batch of its own."""
CONNECT_SECONDS_MAX = 15.0
PUBLISH_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 5.0

NEVER_TAKEN = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError)
"""What a broker answers to a record that it will refuse for ever; all else may pass."""

Batches = Sequence[BatchBuilder]
"""One partition's record batches, in their order."""

log = logging.getLogger(__name__)


class KafkaBroker:
    """A connection to Kafka.

    Args:
        bootstrap: host:port, or several with commas between.
        client_id: the service's name.
        security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN; read only with SASL.
        username: of the service's user; read only with SASL.
        password: that user's; read only with SASL.
        ca_file: PEM of the brokers' authority; read only with SSL.
    """

    def __init__(
        self,
        bootstrap: str,
        client_id: str,
        *,
        security: str = "PLAINTEXT",
        sasl_mechanism: str = "SCRAM-SHA-512",
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._connection = KafkaConnection(
            bootstrap=bootstrap,
            client_id=client_id,
            security=security,
            sasl_mechanism=sasl_mechanism,
            username=username,
            password=password,
            ca_file=ca_file,
        )
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def start(self) -> None:
        """Connect the producer."""
        await self._connected()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when every record is acknowledged by all in-sync replicas; order holds within a partition.

        After BrokerUnavailable the records that were not acknowledged may still arrive, so the caller's second
        publish may repeat them; a new producer carries it, for a failed one has lost count of its sequence.
        """
        if not records:
            return
        producer = await self._connected()
        try:
            async with asyncio.timeout(PUBLISH_SECONDS_MAX):
                await _send(producer, await _batches(producer, records))
        except NO_ANSWER as fault:
            if self._producer is producer:
                self._producer = None
                await _give_up(producer)
            if isinstance(fault, NEVER_TAKEN):
                raise NeverTaken(f"the broker refuses one of {len(records)} records: {fault!r}") from fault
            raise BrokerUnavailable(f"publishing {len(records)} records: {fault!r}") from fault

    async def ping(self) -> None:
        """Return when one of the brokers answers, on a connection of its own that is closed again."""
        await self._connection.ping()

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        """Return how far a group is done with a topic."""
        return await kafka_admin.committed(self._connection, group, topic)

    async def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the records below these offsets deleted."""
        await kafka_admin.delete_before(self._connection, offsets)

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> KafkaSubscription:
        """Return a subscription, not yet started."""
        return KafkaSubscription(self._connection, topics, group, seat)

    async def stop(self) -> None:
        """Flush and disconnect."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await producer.stop()
        except NO_ANSWER as fault:
            log.warning("the producer did not stop in order (%r)", fault)
            await _give_up(producer)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                self._producer = await self._new_producer()
            return self._producer

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._connection.options(),
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await producer.start()
        except BaseException as fault:  # a cancelled start must not leave a connection behind either
            await _give_up(producer)
            if isinstance(fault, NO_ANSWER):
                raise BrokerUnavailable(f"{self._connection}: {fault!r}") from fault
            raise
        return producer


async def _batches(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> Mapping[TopicPartition, Batches]:
    """Return the records as one batch a partition, and more where one is full."""
    topics: dict[str, list[list[BatchBuilder]]] = {}
    for topic in {record.topic: None for record in records}:
        topics[topic] = [[] for _ in await producer.partitions_for(topic)]
    for record in records:
        check_record(record)
        partitions = topics[record.topic]
        batches = partitions[partition_for(record, len(partitions))]
        if not batches or not _append(batches[-1], record):
            batches.append(producer.create_batch())
            _append(batches[-1], record)  # a batch takes its first record whatever the size
    return {
        TopicPartition(topic, partition): batches
        for topic, partitions in topics.items()
        for partition, batches in enumerate(partitions)
        if batches
    }


def _append(batch: BatchBuilder, record: Outgoing) -> bool:
    headers = list(record.headers)
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None


async def _send(producer: AIOKafkaProducer, parts: Mapping[TopicPartition, Batches]) -> None:
    """Hand over the first batch of every partition, then the second, and return when all are acknowledged.

    The producer has one batch of a partition in flight and queues the next behind it, which keeps their order;
    when one fails, those behind it fail too, for their sequence numbers no longer follow.
    """
    acknowledgements: list[asyncio.Future[object]] = []
    for nth in range(max(map(len, parts.values()))):
        for place, batches in parts.items():
            if nth < len(batches):
                sent = producer.send_batch(batches[nth], place.topic, partition=place.partition)
                acknowledgements.append(await sent)
    for outcome in await asyncio.gather(*acknowledgements, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Close a producer without waiting for what it has not delivered.

    `AIOKafkaProducer.stop` flushes first, and an idempotent producer tries for ever: hence the private parts.
    Whoever else publishes through it waits for its own deadline, unless the producer has told it before.
    """
    sender: asyncio.Task[None] | None = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
    with suppress(*NO_ANSWER):
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await producer.client.close()
    if sender is not None:
        await asyncio.wait([sender], timeout=STOP_SECONDS_MAX)
    producer._closed = True
