"""The drill of docs/recovery.md on the real stack: topics are emptied, then broker and store are lost.

All of it comes back from the journals and a copy of the store, and every count is what it was.
"""

import asyncio
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.republish import WITH_JOURNAL
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import TopicPartition
from concord.contracts.topics import ANNOTATIONS, PLACES_LOCAL, RESOLUTIONS, UNITS
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.judge import Evidence, heard
from tests.end_to_end.lag import TOPICS_OF_EVENTS, read, unread
from tests.end_to_end.load import Load
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

LOAD_SECONDS, LABELS_MIN = 8.0, 10
QUIET_SECONDS, LOOK_SECONDS = 3.0, 0.5
Told = dict[str, Counter[str]]


async def emptied(bootstrap: str) -> None:
    """Have every record of the topics of events deleted, as if the broker had lost its disks."""
    broker = KafkaBroker(bootstrap, "emptying")
    await broker.start()
    for topic in TOPICS_OF_EVENTS:
        records = await read(broker, topic)
        await broker.delete_before({TopicPartition(row.topic, row.partition): row.offset + 1 for row in records})
    await broker.stop()


async def republish(stack: Stack, service: str, *options: str) -> str:
    """Run the command as an operator does; return what it prints."""
    environment = {
        **os.environ,
        "CONCORD_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "CONCORD_MONGODB_URI": stack.mongodb_uri,
        "CONCORD_PLACES": str(PLACES_LOCAL),
    }
    command = (sys.executable, "-c", "from cli.main import main; main()", "republish", service, *options)
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    encoded, _ = await process.communicate()
    assert process.returncode == 0, encoded.decode()
    return encoded.decode()


def ids(evidence: Evidence) -> Told:
    """Return the ids of what each topic tells, with how often each is told."""
    return {
        name: Counter(event.metadata.event_id for _, event in evidence.said[name])
        for name in (topic.name for topic in TOPICS_OF_EVENTS)
    }


async def standing(load: Load) -> dict[str, Any]:
    """Return what readers count: labels in metrics, decisions in adjudicate, open lots and their units in audit."""
    key = load.stack.issuer.client_key
    lots = await load.insist("audit", "GET", f"/v1/projects/{load.project_id}/lots", key)
    quality = await load.insist("metrics", "GET", f"/v1/projects/{load.project_id}/quality", key)
    names = ("annotations", "annotations_counted", "units_consensus")
    return {
        "counted": await load.counted(),
        "lots": [(lot["lot_id"], lot["status"]) for lot in lots["lots"]],
        "quality": {name: quality[name] for name in names},
    }


async def settled(load: Load, wanted: tuple[int, int]) -> dict[str, Any]:
    """Return what stands once metrics and adjudicate have counted so much, and every group has read all there is."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while await load.counted() != wanted or await unread(load.stack.kafka_bootstrap):
        assert time.monotonic() < give_up_at, (await load.counted(), wanted, await unread(load.stack.kafka_bootstrap))
        await asyncio.sleep(LOOK_SECONDS)
    await asyncio.sleep(QUIET_SECONDS)
    return await standing(load)


async def worked(load: Load) -> dict[str, Any]:
    await load.prepare(LOAD_SECONDS)
    working = asyncio.create_task(load.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(load.count.labels) < LABELS_MIN:  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(LOOK_SECONDS)
    load.end()
    await working
    labels = len(load.count.labels)
    return await settled(load, (labels, labels))


async def test_topics_that_were_emptied_are_filled_again_and_nobody_counts_twice(folder: Path, tmp_path: Path) -> None:
    async with Stack(folder, Ports.free()) as stack, aiohttp.ClientSession() as session:
        load = Load(stack, session)
        before = await worked(load)
        body = ids(await heard(stack.kafka_bootstrap))
        assert all(body[topic.name] for topic in (UNITS, ANNOTATIONS, RESOLUTIONS))
        await emptied(stack.kafka_bootstrap)
        assert not any(ids(await heard(stack.kafka_bootstrap)).values())
        for service in WITH_JOURNAL:
            progress = tmp_path / f"{service}.json"
            assert "REPUBLISHED" in await republish(stack, service, "--progress", str(progress))
            assert progress.exists()
        again = ids(await heard(stack.kafka_bootstrap))
        assert {name: set(counts) for name, counts in again.items()} == {
            name: set(counts) for name, counts in body.items()
        }
        assert max(count for counts in again.values() for count in counts.values()) == 1
        assert await settled(load, before["counted"]) == before, "readers know what they have served"
        await republish(stack, "assign", "--topic", ANNOTATIONS.name)
        twice = ids(await heard(stack.kafka_bootstrap))[ANNOTATIONS.name]
        assert set(twice.values()) == {2}
        assert await settled(load, before["counted"]) == before, "nor twice of the same"
        assert stack.ended() is None


async def test_a_lost_broker_and_a_store_from_a_copy_come_back_to_the_same_counts(folder: Path) -> None:
    async with Stack(folder, Ports.free()) as stack, aiohttp.ClientSession() as session:
        load = Load(stack, session)
        before = await worked(load)
        body = ids(await heard(stack.kafka_bootstrap))
    # All has stopped in order, so that a copy of the store's files is a whole one.
    data = places.data(folder)
    shutil.copytree(data / "store", folder / "copy")
    shutil.rmtree(data)
    shutil.copytree(folder / "copy", data / "store")
    async with Stack(folder, stack.ports, services=()) as bare:
        for service in WITH_JOURNAL:
            assert "REPUBLISHED" in await republish(bare, service)
        again = ids(await heard(bare.kafka_bootstrap))
        assert {name: set(counts) for name, counts in again.items()} == {
            name: set(counts) for name, counts in body.items()
        }
    async with Stack(folder, stack.ports) as whole, aiohttp.ClientSession() as session:
        load.stack, load.session = whole, session
        assert await settled(load, before["counted"]) == before, "metrics counted all of it anew"
        assert whole.ended() is None
