"""Metrics started on what it has counted: it has no journal, but its topics, and a book a place of what they held.

Units are told of and settled over the real topics, a process counts them and leaves in order, and the next one's start
is what is measured: it reads the books and nothing of what is in them.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.live.told import LABELS, LOT_UNITS, ProjectEvents
from bench.services.door import HttpDoor
from bench.services.load import definition
from bench.starts.process import POLL_SECONDS, NotStarted, start
from concord.chassis.broker.kafka import KafkaBroker
from concord.contracts.topics import PROJECTS as DEFINITIONS
from deploy.local.ports import Ports
from deploy.local.stack import Stack

SERVICE = "metrics"
PROJECTS = 8
TOLD_TOGETHER = 200
"""Units."""
HEARD_OF_SECONDS_MAX = 60.0
CLOSED_BEFORE_US = 3_600_000_000
"""How long ago closed units were settled: a lot is closed some minutes of event time after its acceptance."""
CALM_CPU_SECONDS = 0.15
"""Metrics at rest fetches four times a second and looks at its measures once."""

KEEPING_SECONDS = 90.0
"""Until all that was counted is in the books: they are kept again after twenty times what it took, on a busy
machine a minute. Of a place whose book lacks something the next start counts it anew."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a start on what was counted took.

    Attributes:
        events: in the topics.
        spent: CPU seconds of the start, of one with nothing counted, and the most memory in MB.
    """

    events: int
    spent: tuple[float, float, float]


async def measure(root: Path, closed: int, waiting: int, folder: Path, say: Callable[[str], None]) -> Counted:
    """Return what a start of a checkout's metrics takes after so many units were closed, and others settled just now.

    Closed units are told of in whole lots, each project's its own; of those that wait no lot is over.
    """
    stack = Stack(folder, Ports.free(), services=("ingest",))
    async with stack:
        projects = await defined(stack, "starts", gold_every=0)  # whose units stay open as long as their project
        bare, _ = await start(stack, SERVICE, root, CALM_CPU_SECONDS)
        say(f"telling of {closed:,} closed units and {waiting:,} open ones")
        now_us = time.time_ns() // 1_000
        await _tell(stack, projects, closed // (PROJECTS * LOT_UNITS) * LOT_UNITS, now_us - CLOSED_BEFORE_US)
        for project in projects:
            project.lot_units = waiting + 1  # none is over
        await _tell(stack, projects, waiting // PROJECTS, now_us)
        events = sum(project.events for project in projects)
        counting, _ = await start(stack, SERVICE, root, CALM_CPU_SECONDS, KEEPING_SECONDS)
        say(f"{events:,} events were counted in {counting:.1f} s of CPU; starting it again")
        cpu, peak = await start(stack, SERVICE, root, CALM_CPU_SECONDS)
    return Counted(events, (cpu, bare, peak))


async def defined(stack: Stack, name: str, gold_every: int) -> list[ProjectEvents]:
    """Define PROJECTS projects at ingest, their names beginning so, and end it.

    It would seal lots of its own of the units that come in.
    """
    projects = []
    async with HttpDoor(stack.addresses) as door:
        body, client = msgspec.json.encode(definition()), stack.issuer.client_key
        for number in range(PROJECTS):
            encoded = await door.call("ingest", "PUT", f"/v1/projects/{name}-{number}", client, body)
            project_id = msgspec.json.decode(encoded)["project_id"]
            projects.append(ProjectEvents(project_id, gold_every=gold_every))
    await _heard_of(stack)
    stack.kill("ingest")
    return projects


async def _heard_of(stack: Stack) -> None:
    """Return when the projects' definitions are on their topic: ingest answers before they are."""
    ends = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(DEFINITIONS.name, number) for number in range(DEFINITIONS.partitions)]
    await ends.start()
    try:
        deadline = time.monotonic() + HEARD_OF_SECONDS_MAX
        while sum((await ends.end_offsets(partitions)).values()) < PROJECTS:
            if time.monotonic() > deadline:
                raise NotStarted(f"not all of {PROJECTS} projects were told of within {HEARD_OF_SECONDS_MAX:.0f} s")
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await ends.stop()


async def _tell(stack: Stack, projects: list[ProjectEvents], units: int, at_us: int) -> None:
    """Tell of so many units of each project, all at a moment of event time."""
    broker = KafkaBroker(stack.kafka_bootstrap, "bench")
    await broker.start()
    try:
        for begin in range(0, units, TOLD_TOGETHER):
            labels = LABELS * min(TOLD_TOGETHER, units - begin)
            for project in projects:
                await broker.publish([event for _ in range(labels) for event in project.label(at_us)])
    finally:
        await broker.stop()
