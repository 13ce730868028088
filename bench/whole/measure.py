"""Units in, labels out, on a stack of its own that nobody holds still: what every process spends meanwhile."""

import shutil
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.services.door import HttpDoor
from bench.services.load import Exchange, admit, define, go_on
from bench.services.phases import Span
from bench.services.site import PARTS_BELOW, Site
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.services import SERVICES
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-whole"
UNITS, LABELS, ANNOTATORS = 10_000, 2_000, 20
PARTS = (*SERVICES, *PARTS_BELOW)
MILLISECONDS = 1e3


@dataclass(frozen=True, slots=True)
class Work:
    """What one kind of work cost until all of it was taken in everywhere.

    Attributes:
        name: "unit" or "label".
        operations: how many.
        seconds: wall time from the first call until every service had read all that it caused.
        asked_seconds: of it, until the last call was answered.
        cpu_ms: by process, CPU milliseconds one of them cost, what the process does when idle included.
        p95_ms: within which 95 % of the calls were answered: wall time, and noise on a busy machine.
    """

    name: str
    operations: int
    seconds: float
    asked_seconds: float
    cpu_ms: Mapping[str, float]
    p95_ms: float

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
    """What the whole cost at one size."""

    units: int
    work: tuple[Work, ...]


async def measure(units: int, labels: int, say: Callable[[str], None], folder: Path = FOLDER) -> Whole:
    """Import units as NDJSON and have some labelled, and return what each cost.

    Args:
        units: how many are imported.
        labels: how many the annotators give, each call bringing the next unit.
        say: is given a line now and then.
        folder: where the stack lives; its data is removed, before and after.

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
            sent, labelled = Exchange(), Exchange()
            say(f"the whole: importing {units:,} units")
            imported = await _spent(site, "unit", sent, admit(door, issuer.client_key, project_id, 0, units, sent))
            say(f"the whole: {labels:,} labels by {ANNOTATORS} annotators")
            asking = go_on(door, tokens, project_id, labels, labelled)
            return Whole(units, (imported, await _spent(site, "label", labelled, asking)))
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _spent(site: Site, name: str, exchange: Exchange, work: Coroutine[Any, Any, None]) -> Work:
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
    )
