"""Each service of each checkout, started on a journal of its own words: CPU, peak memory, reads."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
from aiokafka import AIOKafkaProducer

from bench.services.meter import cpu_seconds, peak_mb
from bench.starts import template
from bench.starts.journal import fill
from concord.contracts.topics import PROJECTS
from deploy.local import listeners, places
from deploy.local.ports import Ports
from deploy.local.services import Part, service_environment
from deploy.local.stack import Stack

SERVICES = ("ingest", "assign", "adjudicate", "audit")
"""Metrics has no journal: what it knows is in its topics."""
START_SECONDS_MAX = 600.0
POLL_SECONDS = 0.05
CALM_SECONDS, CALM_CPU_SECONDS, CALM_SECONDS_MAX = 1.5, 0.05, 120.0
"""A start is over when the process has used so little in so long after it was ready: one that says it is ready and goes
on reading its journal, as builds did that read it anew when they were dealt partitions, has not started yet."""
OPEN_KINDS: Mapping[str, tuple[str, int]] = {
    "ingest": ("begun", template.LOT_UNITS // 2),
    "assign": ("begun", template.LOT_UNITS // 2),
    "adjudicate": ("begun", template.LOT_UNITS // 2),
    "audit": ("to audit", template.LOT_UNITS),
}
"""What is open to each service, and how many units one such life has."""


@dataclass(frozen=True, slots=True)
class Start:
    """What one start took, until the service had said that it was ready and was calm.

    Attributes:
        service: which one.
        of: which checkout.
        closed, waiting: units in its journal.
        documents: in its database.
        cpu_seconds: of the process.
        bare_cpu_seconds: of a start on an empty database: imports and joining a group.
        peak_mb: most memory that it held.
    """

    service: str
    of: str
    closed: int
    waiting: int
    documents: int
    cpu_seconds: float
    bare_cpu_seconds: float
    peak_mb: float

    @property
    def own_cpu_seconds(self) -> float:
        """What the journal cost."""
        return max(0.0, self.cpu_seconds - self.bare_cpu_seconds)


class NotStarted(Exception):
    """A service did not come up on the journal."""


async def measure(
    checkouts: Mapping[str, Path],
    closed: int,
    waiting: int,
    services: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
) -> list[Start]:
    """Return what each start took, service by service, the checkouts after one another on the same journal."""
    found = []
    for service in services:
        for name, root in checkouts.items():
            found.append(await _one(service, name, root, closed, waiting, folder, say))
            say(f"{service} of {name}: {found[-1].cpu_seconds:.1f} s of CPU, {found[-1].peak_mb:.0f} MB")
    return found


async def _one(
    service: str, name: str, root: Path, closed: int, waiting: int, folder: Path, say: Callable[[str], None]
) -> Start:
    shutil.rmtree(places.data(folder), ignore_errors=True)
    told = await asyncio.to_thread(_lived, root, folder / "lives.bson")
    kind, units = OPEN_KINDS[service]
    stack = Stack(folder, Ports.free(), services=())
    async with stack:
        await _define(stack.kafka_bootstrap, told)
        bare, _ = await _start(stack, service, root)  # which makes the indexes, too
        say(f"{service} of {name}: writing a journal of {closed:,} closed units and {waiting:,} open ones")
        lives = [("closed", closed // template.LOT_UNITS), (kind, waiting // units)]
        documents = await fill(stack.mongodb_uri, f"concord_{service}", told, service, lives)
        cpu, peak = await _start(stack, service, root)
    shutil.rmtree(places.data(folder), ignore_errors=True)
    return Start(service, name, closed, waiting, documents, cpu, bare, peak)


def _lived(root: Path, path: Path) -> Mapping[str, Any]:
    """Return what a few units leave behind in the words of a checkout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    argv = [str(places.PYTHON), str(Path(template.__file__)), str(path)]
    subprocess.run(argv, cwd=root, env=environment, check=True)
    return bson.decode(path.read_bytes())


async def _define(bootstrap: str, told: Mapping[str, Any]) -> None:
    """Tell every service of the project, as ingest has."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for record in told["projects"]:
            headers = [(str(name), bytes(value)) for name, value in record["headers"]]
            await producer.send_and_wait(PROJECTS.name, record["value"], key=record["key"], headers=headers)


async def _start(stack: Stack, service: str, root: Path) -> tuple[float, float]:
    """Start a service until it is ready and calm, stop it, and return its CPU seconds and its most memory in MB."""
    part = Part(service, service, Ports.free().ingest)
    addresses = (stack.kafka_bootstrap, stack.mongodb_uri)
    settings = service_environment(part, stack.ports, *addresses, stack.issuer, stack.place_count)
    environment = {**os.environ, **settings, "PYTHONPATH": str(root)}
    log = stack.folder / f"{service}.log"
    with log.open("wb") as said:
        argv = [str(places.PYTHON), "-m", f"services.{service}"]
        process = await asyncio.create_subprocess_exec(*argv, cwd=root, env=environment, stdout=said, stderr=said)
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while not listeners.answers_ready(part.port):
            if process.returncode is not None or time.monotonic() > until:
                raise NotStarted(f"{service} of {root} did not come up:\n{log.read_text()[-3_000:]}")
            await asyncio.sleep(POLL_SECONDS)
        return await _calm(process.pid), peak_mb(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _calm(pid: int) -> float:
    """Return the CPU seconds of a process before the first time that it does next to nothing."""
    until, before = time.monotonic() + CALM_SECONDS_MAX, cpu_seconds(pid)
    while time.monotonic() < until:
        await asyncio.sleep(CALM_SECONDS)
        now = cpu_seconds(pid)
        if now - before <= CALM_CPU_SECONDS:
            return before
        before = now
    raise NotStarted(f"process {pid} did not come to rest within {CALM_SECONDS_MAX:.0f} s of its readiness")
