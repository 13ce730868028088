"""What an event costs metrics when it has many to catch up with, beside the bare loop over the same records.

All lots are over, whichever moment it is read at: units are closed by it, too. Another checkout may be given the very
same records in the same run, an earlier build say: what events have gained since it was made it does not know, and
passes over.
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from bench.live.follow import NotCounted, session, shown
from bench.live.told import GOLD_EVERY, ProjectEvents
from bench.services.bare_io import Replay
from bench.services.floor import io_cost
from bench.services.meter import peak_mb
from bench.services.site import Site
from bench.starts.counted import CALM_CPU_SECONDS, CLOSED_BEFORE_US, PROJECTS, SERVICE, defined
from bench.starts.process import CALM_SECONDS, running, start
from bench.table import Column, Table
from concord.chassis.broker.kafka import KafkaBroker
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-live"
TOLD_TOGETHER = 500
MICROSECONDS = 1e6
SHARE_MAX = 0.5
"""Of the CPU that an event costs the first build, with the same records in the same run."""
COUNTED_SECONDS_MAX = 1_800.0
CHANGELOGS = "-changelog"
GONE_SECONDS_MAX, GONE_POLL_SECONDS = 30.0, 0.2


@dataclass(frozen=True, slots=True)
class Spent:
    """What catching up cost one checkout.

    Attributes:
        of: which.
        seconds: from the start of the process until it had nothing more to do.
        cpu_us: of the process, an event, less what a start with nothing to catch up with takes.
        peak_mb: the greatest resident memory of the process.
    """

    of: str
    seconds: float
    cpu_us: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up cost.

    Attributes:
        labels: annotations that were told while metrics was stopped.
        events: of all topics, theirs among them.
        bare_us: of a bare loop that reads the same records and commits, an event.
        spent: by each checkout, this one first.
    """

    labels: int
    events: int
    bare_us: float
    spent: list[Spent]


async def measure(
    checkouts: Mapping[str, Path], labels: int, say: Callable[[str], None], folder: Path = FOLDER
) -> CaughtUp:
    """Tell of labels while metrics is stopped, start that of each checkout on them, and return what it spent.

    Args:
        checkouts: by name.
        labels: how many.
        say: is given a line now and then.
        folder: where the stack lives; its data is removed, before and after.

    Raises:
        NotStarted: the stack could not come up, or metrics not within its time.
        NotCounted: a label was lost, or counted twice.
    """
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say("catch-up: starting broker, store and ingest")
        stack = Stack(folder, Ports.free(), services=("ingest",))
        async with stack, Site(stack):  # which makes the bare loop's topic
            projects = await defined(stack, "catch-up", GOLD_EVERY)
            nothing = {name: await _nothing(stack, root) for name, root in checkouts.items()}
            say(f"catch-up: telling of {labels:,} labels")
            topics = await _tell(stack, projects, labels)
            spent = []
            for name, root in checkouts.items():
                say(f"catch-up: starting {name}, which has {topics.total():,} events to catch up with")
                spent.append(await _spent(stack, name, root, projects, nothing[name]))
            replayed = Replay(stack.kafka_bootstrap, stack.mongodb_uri, "concord_metrics", [(0, 0)], {}, topics)
            bare = await io_cost(replayed)
            return CaughtUp(labels, topics.total(), bare.broker_us / max(1, bare.records), spent)
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _nothing(stack: Stack, root: Path) -> float:
    """Return the CPU seconds of a start with nothing to catch up with."""
    cpu, _ = await start(stack, SERVICE, root, CALM_CPU_SECONDS)
    await _forget_books(stack)
    return cpu


async def _tell(stack: Stack, projects: list[ProjectEvents], labels: int) -> Counter[str]:
    """Tell of the labels, of one project after another a little at a time; return how many events each topic got."""
    broker, topics = KafkaBroker(stack.kafka_bootstrap, "bench"), Counter[str]()
    await broker.start()
    try:
        turn = 0
        while (left := labels - sum(entry.labels for entry in projects)) > 0:
            project, at_us = projects[turn % len(projects)], time.time_ns() // 1_000 - CLOSED_BEFORE_US
            events = [event for _ in range(min(TOLD_TOGETHER, left)) for event in project.label(at_us)]
            await broker.publish(events)
            topics.update(event.topic for event in events)
            turn += 1
    finally:
        await broker.stop()
    return topics


async def _spent(stack: Stack, name: str, root: Path, projects: list[ProjectEvents], nothing: float) -> Spent:
    """Start a checkout's metrics until each label is in every measure, and there is nothing more to do.

    Nobody looks at it meanwhile, for to be looked at costs.
    """
    begun, labels = time.monotonic(), {entry.project_id: entry.labels for entry in projects if entry.labels}
    async with running(stack, SERVICE, root) as process, session() as looking:
        cpu = await process.calm(CALM_CPU_SECONDS)
        while (found := await shown(looking, process.address)) != labels:
            if any(count > labels.get(project_id, 0) for project_id, count in found.items()):
                raise NotCounted(f"{name}: {found} are counted, and {labels} were given")
            if time.monotonic() - begun > COUNTED_SECONDS_MAX:
                raise NotCounted(f"{name}: {found} are counted after {COUNTED_SECONDS_MAX:.0f} s, of {labels}")
            cpu = await process.calm(CALM_CPU_SECONDS)
        seconds, peak = time.monotonic() - begun - CALM_SECONDS, peak_mb(process.pid)
    await _forget_books(stack)
    events = sum(entry.events for entry in projects)
    return Spent(name, seconds, (cpu - nothing) * MICROSECONDS / events, peak)


async def _forget_books(stack: Stack) -> None:
    """Remove what a process has kept of the topics, so that the next one begins at their beginning, too."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        deadline = time.monotonic() + GONE_SECONDS_MAX
        while (kept := [name for name in await admin.list_topics() if name.endswith(CHANGELOGS)]) and (
            time.monotonic() < deadline
        ):
            await admin.delete_topics(kept)
            await asyncio.sleep(GONE_POLL_SECONDS)
    finally:
        await admin.close()


def table(found: CaughtUp) -> Table:
    """Return the figures for people."""
    columns = (
        Column("checkout", numbers=False),
        *(Column(name) for name in ("labels", "events", "CPU us an event", "bare loop", "times")),
        *(Column(name) for name in ("seconds", "peak MB")),
    )
    rows = [
        [
            *(spent.of, f"{found.labels:,}", f"{found.events:,}", f"{spent.cpu_us:.1f}", f"{found.bare_us:.1f}"),
            f"{spent.cpu_us / found.bare_us:.1f}" if found.bare_us else "-",
            *(f"{spent.seconds:.1f}", f"{spent.peak_mb:.0f}"),
        ]
        for spent in found.spent
    ]
    notes = [
        f"Metrics starts with all of it to read, of {PROJECTS} projects: units, labels, resolutions, lots, all over;",
        "what a start takes is left out. The bare loop reads such records and commits: no decoding, no counting.",
    ]
    this, *others = found.spent
    notes += [
        f"{this.of} takes {this.cpu_us / other.cpu_us:.2f} of what {other.of} does with the same records; limit "
        f"{SHARE_MAX:g}, of the first build."
        for other in others
    ]
    return Table("Metrics catches up", columns, rows, notes)


def as_json(found: CaughtUp) -> dict[str, Any]:
    """Return the figures."""
    return asdict(found)
