"""What an event costs metrics when it has many to catch up with, beside the bare loop over the same records."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.live.follow import Follower
from bench.live.told import ProjectEvents
from bench.services.bare_io import Replay
from bench.services.door import HttpDoor
from bench.services.floor import io_cost
from bench.services.load import definition
from bench.services.meter import cpu_seconds, peak_mb
from bench.services.site import ColdStart, Site
from bench.table import Column, Table
from concord.chassis.broker.kafka import KafkaBroker
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-live"
ALONE = ("ingest", "metrics")
PROJECTS = 8
TOLD_TOGETHER = 500
MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up cost.

    Attributes:
        labels: annotations that were told while metrics was stopped.
        events: of all topics, theirs among them.
        seconds: from the start of the process until all of them were in every measure.
        cpu_us: of the process, an event, less what a start with nothing to catch up with takes.
        bare_us: of a bare loop that reads the same records and commits, an event.
        peak_mb: the greatest resident memory of the process.
    """

    labels: int
    events: int
    seconds: float
    cpu_us: float
    bare_us: float
    peak_mb: float


async def measure(labels: int, say: Callable[[str], None], folder: Path = FOLDER) -> CaughtUp:
    """Tell of labels while metrics is stopped, start it, and return what it spent on them.

    Args:
        labels: how many.
        say: is given a line now and then.
        folder: where the stack lives; its data is removed, before and after.

    Raises:
        NotStarted: the stack could not come up, or metrics not within its time.
        NotCounted: a label was lost, or counted twice.
    """
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say(f"catch-up: starting broker, store and {' and '.join(ALONE)}")
        stack = Stack(folder, Ports.free(), services=ALONE)
        async with stack, Site(stack) as site, HttpDoor(stack.addresses) as door:
            body, client = msgspec.json.encode(definition()), stack.issuer.client_key
            projects = []
            for number in range(PROJECTS):
                encoded = await door.call("ingest", "PUT", f"/v1/projects/catch-up-{number}", client, body)
                projects.append(ProjectEvents(msgspec.json.decode(encoded)["project_id"]))
            nothing = await site.cold_start("metrics")
            await site.stop("metrics")
            say(f"catch-up: telling of {labels:,} labels")
            topics = await _tell(stack, projects, labels)
            return await _caught_up(stack, projects, topics, nothing, say)
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _tell(stack: Stack, projects: list[ProjectEvents], labels: int) -> Counter[str]:
    """Tell of the labels, of one project after another a little at a time; return how many events each topic got."""
    broker, topics = KafkaBroker(stack.kafka_bootstrap, "bench"), Counter[str]()
    await broker.start()
    try:
        turn = 0
        while (left := labels - sum(entry.labels for entry in projects)) > 0:
            project, at_us = projects[turn % len(projects)], time.time_ns() // 1_000
            events = [event for _ in range(min(TOLD_TOGETHER, left)) for event in project.label(at_us)]
            await broker.publish(events)
            topics.update(event.topic for event in events)
            turn += 1
    finally:
        await broker.stop()
    return topics


async def _caught_up(
    stack: Stack, projects: list[ProjectEvents], topics: Counter[str], nothing: ColdStart, say: Callable[[str], None]
) -> CaughtUp:
    events, labels = topics.total(), sum(entry.labels for entry in projects)
    say(f"catch-up: starting metrics, which has {events:,} events to catch up with")
    begun = time.monotonic()
    await asyncio.to_thread(stack.restart, "metrics")
    for project in projects:
        async with Follower(stack.addresses["metrics"], project.project_id) as follower:
            await follower.counted(project.labels)
    seconds, pid = time.monotonic() - begun, stack.pid("metrics")
    spent, peak = cpu_seconds(pid) - nothing.cpu_seconds, peak_mb(pid)
    bare = await io_cost(Replay(stack.kafka_bootstrap, stack.mongodb_uri, "concord_metrics", [(0, 0)], {}, topics))
    return CaughtUp(labels, events, seconds, spent * MICROSECONDS / events, bare.broker_us / max(1, bare.records), peak)


def table(found: CaughtUp) -> Table:
    """Return the figures for people."""
    columns = (
        Column("labels"),
        Column("events"),
        Column("CPU us an event"),
        Column("bare loop"),
        Column("times"),
        Column("seconds"),
        Column("peak MB"),
    )
    row = [
        f"{found.labels:,}",
        f"{found.events:,}",
        f"{found.cpu_us:.1f}",
        f"{found.bare_us:.1f}",
        f"{found.cpu_us / found.bare_us:.1f}" if found.bare_us else "-",
        f"{found.seconds:.1f}",
        f"{found.peak_mb:.0f}",
    ]
    notes = (
        f"Metrics starts with all of it to read, of {PROJECTS} projects: units, labels, resolutions, lots; what a",
        "start takes is left out. The bare loop reads such records and commits them: no decoding, no counting.",
    )
    return Table("Metrics catches up", columns, [row], notes)


def as_json(found: CaughtUp) -> dict[str, Any]:
    """Return the figures."""
    return asdict(found)
