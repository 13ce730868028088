"""The floor of a service's I/O: a bare loop over the very records that the service read, stored and sent.

``python -m bench.services.bare_io`` reads a `Replay` as JSON on its standard input and prints an `IoCost`. What a
service did is read from its journal: a commit's name tells which documents went into the store together, and the
documents hold the events that they caused. The loop inserts the same documents in the same groups into a database
of its own, sends the same events to a topic of its own, and consumes and decodes the same records from the same topics.
What a service keeps beside its journal, pages above all, is named by whoever asks. It uses the drivers directly, as
nothing else here does: this is what they cost when nobody decides anything.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from concord.chassis.broker.kafka import BATCH_BYTES_MAX
from concord.chassis.broker.partitioner import partition_of
from concord.chassis.broker.port import POLL_RECORDS_MAX, Outgoing
from concord.chassis.journal.record import JOURNAL, Commit, events_of
from concord.contracts.codec import decode
from concord.contracts.topics import BY_NAME

FLOOR_DATABASE = "bench_floor"
FLOOR_TOPIC = "bench.floor.v1"
FLOOR_PARTITIONS = 8
REPLAYED_DOCUMENTS_MAX = 10_000
"""Of a long phase only its first commits are replayed: a document costs what a document costs."""
CONSUMED_RECORDS_MAX = 20_000
IDLE_POLLS_MAX = 20
POLL_MS = 500
PAGE_DOCUMENTS = 1_000

Document = Mapping[str, Any]


class Replay(msgspec.Struct, frozen=True):
    """What to replay.

    Attributes:
        kafka: the broker's address.
        mongodb: the store's URI.
        database: the service's.
        ranges: from when to when its records count, microseconds since the epoch.
        beside: other collections of the service's to replay, with how many documents of each went in together.
        topics: how many records the service read of each.
        decoding: whether the bare loop decodes what it reads.
        share: of what is in those other collections, how much was stored in these ranges.
    """

    kafka: str
    mongodb: str
    database: str
    ranges: list[tuple[int, int]]
    beside: dict[str, int] = {}
    topics: dict[str, int] = {}
    decoding: bool = False
    share: float = 1.0


class IoCost(msgspec.Struct, frozen=True):
    """How much I/O the service did in these ranges, and what the bare loop pays for all of it.

    Attributes:
        documents: that it stored.
        events: that it sent.
        records: that it read.
        store_us: CPU microseconds for the inserts.
        broker_us: CPU microseconds for sending and reading.
    """

    documents: int = 0
    events: int = 0
    records: int = 0
    store_us: float = 0.0
    broker_us: float = 0.0


async def replay(wanted: Replay) -> IoCost:
    """Do again what the service did and return what it cost."""
    client: Any = AsyncIOMotorClient(wanted.mongodb, w="majority", journal=True)
    source, floor = client[wanted.database], client[FLOOR_DATABASE]
    label = f"{wanted.database}_{wanted.ranges[0][0]}"
    commits = in_commits(await _within(source, wanted.ranges))
    documents = sum(map(len, commits))
    sample = head(commits, REPLAYED_DOCUMENTS_MAX)
    store_us = documents * await _insert(floor[label], sample)
    for name, together in wanted.beside.items():
        cursor = source[name].find({}, batch_size=PAGE_DOCUMENTS, limit=REPLAYED_DOCUMENTS_MAX)
        others = await cursor.to_list(None)
        groups = [others[start : start + together] for start in range(0, len(others), together)]
        count = round(await source[name].estimated_document_count() * wanted.share)
        documents += count
        store_us += count * await _insert(floor[f"{label}_{name}"], groups)
    client.close()
    rows = [[event for document in commit for event in events_of(dict(document))] for commit in sample]
    events_a_document = sum(map(len, rows)) / max(1, sum(map(len, sample)))
    events = round(sum(map(len, commits)) * events_a_document)
    records = sum(wanted.topics.values())
    broker_us = events * await _send(wanted.kafka, rows)
    if records:
        broker_us += records * await _consume(wanted, label)
    return IoCost(documents, events, records, store_us, broker_us)


def in_commits(documents: Sequence[Document]) -> list[list[Document]]:
    """Return journal records as they were inserted together, in the order of the commits."""
    commits: dict[Commit, list[Document]] = defaultdict(list)
    for document in documents:
        commits[Commit.parse(document["commit"])].append(document)
    return [commits[commit] for commit in sorted(commits)]


def head(groups: Sequence[list[Document]], documents_max: int) -> list[list[Document]]:
    """Return the first groups, so many that they hold `documents_max` documents or a few more."""
    taken: list[list[Document]] = []
    count = 0
    for group in groups:
        if count >= documents_max:
            break
        taken.append(group)
        count += len(group)
    return taken


async def _within(source: Any, ranges: Sequence[tuple[int, int]]) -> list[Document]:
    cursor = source[JOURNAL.name].find({}, batch_size=PAGE_DOCUMENTS)
    return [
        document async for document in cursor if any(since <= document["at_us"] <= until for since, until in ranges)
    ]


async def _insert(collection: Any, groups: Sequence[list[Document]]) -> float:
    """Insert group after group; return the CPU microseconds a document."""
    await collection.insert_one({"_id": "the connection is open"})
    before = time.process_time()
    for group in groups:
        await collection.insert_many(group, ordered=False)
    return (time.process_time() - before) * 1e6 / max(1, sum(map(len, groups)))


async def _send(kafka: str, groups: Sequence[Sequence[Outgoing]]) -> float:
    """Send each group as one batch a partition and wait for the acknowledgements; return microseconds an event."""
    partitioned = [_by_partition(group) for group in groups if group]
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        max_batch_size=BATCH_BYTES_MAX,
    )
    await producer.start()
    try:
        await producer.partitions_for(FLOOR_TOPIC)
        before = time.process_time()
        for partitions in partitioned:
            sent = []
            for partition, events in partitions.items():
                batch = producer.create_batch()
                for event in events:
                    if batch.append(timestamp=None, **event) is None:
                        sent.append(await producer.send_batch(batch, FLOOR_TOPIC, partition=partition))
                        batch = producer.create_batch()
                        batch.append(timestamp=None, **event)
                sent.append(await producer.send_batch(batch, FLOOR_TOPIC, partition=partition))
            await asyncio.gather(*sent)
        spent = time.process_time() - before
    finally:
        await producer.stop()
    return spent * 1e6 / max(1, sum(map(len, groups)))


def _by_partition(events: Sequence[Outgoing]) -> dict[int, list[dict[str, Any]]]:
    """Return what a batch is to be given, by partition."""
    partitions: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        fields = {"key": event.key, "value": event.value, "headers": list(event.headers)}
        partitions[partition_of(event.key, FLOOR_PARTITIONS)].append(fields)
    return partitions


async def _consume(wanted: Replay, group: str) -> float:
    """Read the topics from their beginning with a commit a batch; return the CPU microseconds a record."""
    records_max = min(sum(wanted.topics.values()), CONSUMED_RECORDS_MAX)
    consumer = AIOKafkaConsumer(
        *wanted.topics,
        bootstrap_servers=wanted.kafka,
        group_id=f"bench-{group}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    read = idle = 0
    try:
        before = time.process_time()
        while read < records_max and idle < IDLE_POLLS_MAX:
            polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
            if wanted.decoding:
                for place, batch in polled.items():
                    for record in batch:
                        decode(BY_NAME[place.topic], record.value)
            read += sum(map(len, polled.values()))
            idle += not polled
            if polled:
                await consumer.commit({place: batch[-1].offset + 1 for place, batch in polled.items()})
        spent = time.process_time() - before
    finally:
        await consumer.stop()
    return spent * 1e6 / max(1, read)


if __name__ == "__main__":
    answer = uvloop.run(replay(msgspec.json.decode(sys.stdin.buffer.read(), type=Replay)))
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
