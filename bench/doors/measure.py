"""Units in one NDJSON request each size, streamed: CPU a unit and the greatest memory of ingest meanwhile."""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.services.door import HttpDoor, Refused
from bench.services.load import NDJSON, define, lines
from bench.services.meter import cpu_seconds
from bench.services.site import Site
from bench.table import Column, Table
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-doors"
SIZES = (10_000, 100_000)
LINES_PER_CHUNK = 500
MICROSECONDS = 1e6
MEMORY_MB_MAX, GROWTH_MAX = 200.0, 1.3
"""What is aimed at: memory whatever the size, and CPU a unit at any size against that at the smallest."""
RESET_PEAK = "5"
"""Written to a process's clear_refs, its peak of memory begins anew (proc(5))."""
KIB_PER_MB = 1_000_000 / 1_024


@dataclass(frozen=True, slots=True)
class Import:
    """What one request cost.

    Attributes:
        units: lines of it, each admitted.
        cpu_us: of ingest, a unit, until the answer.
        peak_mb: of ingest, its greatest resident set from the first byte to the answer.
        seconds: wall time: of store and broker, too.
    """

    units: int
    cpu_us: float
    peak_mb: float
    seconds: float


async def measure(sizes: Sequence[int], say: Callable[[str], None], folder: Path = FOLDER) -> list[Import]:
    """Return what a request of each size costs, the smallest first, one after another on one stack.

    Raises:
        NotStarted: the stack could not come up.
        Refused: a request was not answered in full.
    """
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say("doors: starting broker, store and ingest")
        stack = Stack(folder, Ports.free(), services=("ingest", "assign"))
        async with stack, Site(stack) as site, HttpDoor(stack.addresses) as door:
            project_id = await define(door, stack.issuer.client_key, stack.issuer.token("operator", "bench"), ())
            found, first = [], 0
            for units in sorted(sizes):
                say(f"doors: one request of {units:,} units")
                found.append(await _one(site, project_id, first, units))
                first += units
            return found
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _one(site: Site, project_id: str, first: int, units: int) -> Import:
    stack = site.stack
    pid = stack.pid("ingest")
    _forget_peak(pid)
    before = await site.reading()
    url = f"{stack.addresses['ingest']}/v1/projects/{project_id}/units"
    headers = {"authorization": f"Bearer {stack.issuer.client_key}", "content-type": NDJSON}
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=_body(first, units), headers=headers) as answer,
    ):
        answered = msgspec.json.decode(await answer.read())
    spent = cpu_seconds(pid) - before.cpu["ingest"]
    after = await site.reading()
    if answered.get("admitted") != units:
        raise Refused(f"of {units} units {answered.get('admitted')} were admitted: {str(answered)[:500]}")
    return Import(units, spent / units * MICROSECONDS, _peak_mb(pid), after.monotonic - before.monotonic)


async def _body(first: int, units: int) -> AsyncIterator[bytes]:
    for start in range(first, first + units, LINES_PER_CHUNK):
        yield lines(start, min(LINES_PER_CHUNK, first + units - start)) + b"\n"


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)


def _peak_mb(pid: int) -> float:
    status_lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (name for name in status_lines if name.startswith("VmHWM:"))
    return int(line.split()[1]) / KIB_PER_MB


def table(found: Sequence[Import]) -> Table:
    """Return a line a size, and what is aimed at."""
    columns = (Column("units"), Column("CPU us a unit"), Column("times the first"), Column("peak MB"), Column("wall/s"))
    rows = [
        [
            f"{entry.units:,}",
            f"{entry.cpu_us:.1f}",
            f"{entry.cpu_us / found[0].cpu_us:.2f}",
            f"{entry.peak_mb:.0f}",
            f"{entry.units / entry.seconds:,.0f}",
        ]
        for entry in found
    ]
    notes = (
        "One NDJSON request each, streamed, to ingest over the real store and broker. CPU and resident memory of its",
        f"process alone. Aimed at: at most {MEMORY_MB_MAX:.0f} MB, and {GROWTH_MAX} times the first's CPU at any size.",
    )
    return Table("Units in one request", columns, rows, notes)


def as_json(found: Sequence[Import]) -> list[dict[str, Any]]:
    """Return the figures."""
    return [asdict(entry) for entry in found]
