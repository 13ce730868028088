"""Where a value could stand: records of topics, documents of the store, logs, and the raw files of both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from concord.contracts.topics import DEAD_LETTERS, INTAKE, TOPICS
from concord.contracts.v1.dead_letters_pb2 import DeadLetter
from deploy.local import places
from deploy.local.stack import Stack
from tests.end_to_end.judge import everything

FILE_PART_BYTES = 8 << 20
OVERLAP_BYTES = 4_096
"""Of a file's next part that is read again, so that nothing is cut in two."""
_OF_ANOTHER = frozenset({"admin", "local", "config"})


async def records(bootstrap: str) -> list[tuple[str, bytes]]:
    """Return every record that can be read of every topic but the intake, whose records are clients' own.

    Of a dead letter stands what the services added: it holds a record as its client wrote it, which is what it is for.
    """
    found = []
    async for place, record in everything(bootstrap, [topic for topic in TOPICS if topic is not INTAKE]):
        value = _without_record(record.value) if place.topic == DEAD_LETTERS.name else record.value
        parts = [record.key, value, *(part for name, held in record.headers for part in (name, held))]
        found.append((f"topic {place.topic}", _joined(parts)))
    return found


def _without_record(value: bytes | None) -> bytes:
    letter = DeadLetter.FromString(value or b"")
    for field in ("key", "value", "headers"):
        letter.ClearField(field)
    return letter.SerializeToString()


async def readable(bootstrap: str, topic: str) -> int:
    """Return how many records of a topic anybody can read."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        of_topic = [TopicPartition(topic, number) for number in range(_partitions(topic))]
        first, end = await consumer.beginning_offsets(of_topic), await consumer.end_offsets(of_topic)
        return sum(end[place] - first[place] for place in of_topic)
    finally:
        await consumer.stop()


def _partitions(name: str) -> int:
    return next(topic.partitions for topic in TOPICS if topic.name == name)


def documents(uri: str) -> Iterator[tuple[str, bytes]]:
    """Yield every document of every collection of every database, as it is stored."""
    client: MongoClient[Any] = MongoClient(uri, document_class=RawBSONDocument)
    try:
        for database in sorted(set(client.list_database_names()) - _OF_ANOTHER):
            for collection in client[database].list_collection_names():
                for document in client[database][collection].find():
                    yield f"store {database}.{collection}", document.raw
    finally:
        client.close()


def logs(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Yield what every process of a stack has written."""
    for path in sorted(places.logs(stack.folder).rglob("*")):
        if path.is_file():
            yield f"log {path.name}", path.read_bytes()


def files(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Yield the raw files of the store and the broker; what lies compressed in the broker's is unpacked."""
    data = places.data(stack.folder)
    for path in sorted(data.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(data)
        place = f"intake's file {name}" if INTAKE.name in str(name) else f"file {name.parts[0]}/{name.parts[-1]}"
        if DEAD_LETTERS.name in str(name):
            continue
        try:
            for part in _parts(path):
                yield place, part
            if path.suffix == ".log" and name.parts[0] == "kafka":
                yield from ((f"{place}, unpacked", content) for content in _unpacked(path))
        except FileNotFoundError:
            continue  # A running store and broker begin and delete files as they like.


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(FILE_PART_BYTES):
            yield part
            if len(part) == FILE_PART_BYTES:
                file.seek(-OVERLAP_BYTES, 1)


def _unpacked(path: Path) -> Iterator[bytes]:
    """Yield the records of a segment; it ends where a broker has not written yet."""
    held = MemoryRecords(path.read_bytes().rstrip(b"\x00"))
    while held.has_next():
        batch = held.next_batch()
        if batch is None:
            return
        for record in batch:
            yield _joined([record.key, record.value, *(part for name, each in record.headers for part in (name, each))])


def _joined(parts: list[Any]) -> bytes:
    return b"\x00".join(part.encode() if isinstance(part, str) else part for part in parts if part)
