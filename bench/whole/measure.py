"""Units in, labels out, on a stack of its own that nobody holds still: what every process spends meanwhile."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.services.door import HttpDoor
from bench.services.load import Exchange, admit, define, go_on, hold, submit_held
from bench.services.meter import peak_mb
from bench.services.phases import Span
from bench.services.site import PARTS_BELOW, ColdStart, Site
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.services import SERVICES
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-whole"
UNITS, LABELS, ANNOTATORS = 10_000, 2_000, 20
PARTS = (*SERVICES, *PARTS_BELOW)
CLAIM_ROUNDS = 15
"""In each everybody claims one unit; who holds one already is offered it again."""
MILLISECONDS = 1e3
IDLE_SECONDS = 5.0
KEPT = {"mongodb": "store", "kafka": "kafka"}
"""Who keeps something on the disk, and in which folder of the stack's data."""
BLOCK_BYTES = 512
"""What a file system counts the blocks of a file in, whatever its own are."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one kind of work cost until all of it was taken in everywhere.

    Attributes:
        name: "unit" or "label"; "claim", which is over when it is answered.
        operations: how many.
        seconds: wall time from the first call until every service had read all that it caused.
        asked_seconds: of it, until the last call was answered.
        cpu_ms: by process, CPU milliseconds one of them cost, what the process does when idle included.
        p95_ms: within which 95 % of the calls were answered: wall time, and noise on a busy machine.
        disk_bytes: by part that keeps something, by how much its files grew, an operation.
    """

    name: str
    operations: int
    seconds: float
    asked_seconds: float
    cpu_ms: Mapping[str, float]
    p95_ms: float
    disk_bytes: Mapping[str, float]

    @property
    def total_ms(self) -> float:
        """CPU milliseconds over all processes."""
        return sum(self.cpu_ms.values())

    @property
    def rate(self) -> float:
        """So many a second until the last call was answered."""
        return self.operations / self.asked_seconds


@dataclass(frozen=True, slots=True)
class Whole:
    """What the whole cost at one size.

    Attributes:
        units: how many were imported.
        work: what an operation of each kind cost.
        idle_ms: by process, CPU milliseconds a second while nothing is asked.
        lives: of each service, where that was asked for, how it stopped and started; claims are in `work` then, too.
    """

    units: int
    work: tuple[Work, ...]
    idle_ms: Mapping[str, float]
    lives: tuple["Life", ...] = ()


@dataclass(frozen=True, slots=True)
class Life:
    """How a service stopped and started on what there was in the end.

    Attributes:
        start: after it was stopped in order.
        recovery_seconds: from SIGKILL until it was ready again; the group waits for a dead member's session.
        worked_mb: most memory of the process that was there from the beginning.
    """

    start: ColdStart
    recovery_seconds: float
    worked_mb: float


async def measure(
    units: int, labels: int, say: Callable[[str], None], folder: Path = FOLDER, *, lives: bool = False
) -> Whole:
    """Import units as NDJSON and have some labelled, and return what each cost.

    Args:
        units: how many are imported.
        labels: how many the annotators give, each call bringing the next unit.
        say: is given a line now and then.
        folder: where the stack lives; its data is removed, before and after.
        lives: whether units are claimed after that, and each service is stopped and started, and killed and started.

    Raises:
        NotStarted: the stack could not come up.
        Behind, Refused, NothingOffered: see there.
    """
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say("the whole: starting broker, store and services")
        stack = Stack(folder, Ports.free())
        async with stack, Site(stack) as site, HttpDoor(stack.addresses) as door:
            issuer = stack.issuer
            names = [f"annotator-{number:02}" for number in range(1, ANNOTATORS + 1)]
            project_id = await define(door, issuer.client_key, issuer.token("operator", "bench"), names)
            tokens = [issuer.token("annotator", name) for name in names]
            await site.caught_up(SERVICES)
            idle_ms = await _idle(site)
            sent, labelled = Exchange(), Exchange()
            say(f"the whole: importing {units:,} units")
            imported = await _spent(site, "unit", sent, admit(door, issuer.client_key, project_id, 0, units, sent))
            say(f"the whole: {labels:,} labels by {ANNOTATORS} annotators")
            asking = go_on(door, tokens, project_id, labels, labelled)
            work = (imported, await _spent(site, "label", labelled, asking))
            if not lives:
                return Whole(units, work, idle_ms)
            say(f"the whole: {CLAIM_ROUNDS * ANNOTATORS} claims")
            claimed = await _claims(site, door, tokens, project_id)
            return Whole(units, (*work, claimed), idle_ms, await _lives(site, say))
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _lives(site: Site, say: Callable[[str], None]) -> tuple[Life, ...]:
    found = []
    for service in SERVICES:
        say(f"the whole: {service} stops and starts, is killed and starts")
        worked_mb = peak_mb(site.stack.pid(service))
        start = await site.cold_start(service)
        found.append(Life(start, await site.recovery(service), worked_mb))
    return tuple(found)


async def _claims(site: Site, door: HttpDoor, tokens: Sequence[str], project_id: str) -> Work:
    """Return what a claim costs until it is answered; what is claimed is submitted before the next."""
    exchange, spans = Exchange(), []
    for _ in range(CLAIM_ROUNDS):
        await site.caught_up(SERVICES)
        before = await site.reading()
        held = await hold(door, tokens, project_id, len(tokens), exchange)
        spans.append(Span(before, await site.reading()))
        await submit_held(door, held, Exchange())
    count, spent = exchange.operations, sum(span.seconds for span in spans)
    return Work(
        name="claim",
        operations=count,
        seconds=spent,
        asked_seconds=spent,
        cpu_ms={part: sum(span.cpu_seconds(part) for span in spans) * MILLISECONDS / count for part in PARTS},
        p95_ms=exchange.of("claim").milliseconds(0.95),
        disk_bytes=dict.fromkeys(KEPT, 0.0),
    )


async def _idle(site: Site) -> dict[str, float]:
    before = await site.reading()
    await asyncio.sleep(IDLE_SECONDS)
    span = Span(before, await site.reading())
    return {part: span.cpu_seconds(part) * MILLISECONDS / span.seconds for part in PARTS}


def disk_bytes(folder: Path) -> int:
    """Return what the files below a folder take of the disk: blocks, for some are longer than what is in them."""
    found = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(path) / name).stat().st_blocks * BLOCK_BYTES
            except FileNotFoundError:
                continue  # a segment or a log that was deleted meanwhile
    return found


async def _spent(site: Site, name: str, exchange: Exchange, work: Coroutine[Any, Any, None]) -> Work:
    kept = {part: places.data(site.stack.folder) / name for part, name in KEPT.items()}
    full = {part: disk_bytes(folder) for part, folder in kept.items()}
    before = await site.reading()
    await work
    answered = await site.reading()
    await site.caught_up(SERVICES)
    span = Span(before, await site.reading())
    (calls,) = exchange.calls.values()
    count = exchange.operations
    return Work(
        name=name,
        operations=count,
        seconds=span.seconds,
        asked_seconds=answered.monotonic - before.monotonic,
        cpu_ms={part: span.cpu_seconds(part) * MILLISECONDS / count for part in PARTS},
        p95_ms=calls.milliseconds(0.95),
        disk_bytes={part: (disk_bytes(folder) - full[part]) / count for part, folder in kept.items()},
    )
