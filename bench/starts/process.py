"""One process of a service, started until it is ready and calm, and what that took."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.services.meter import cpu_seconds, peak_mb
from deploy.local import listeners, places
from deploy.local.ports import Ports
from deploy.local.services import Part, service_environment
from deploy.local.stack import Stack

START_SECONDS_MAX = 600.0
POLL_SECONDS = 0.2
"""Each time it is asked whether it is ready, it has to answer."""
CALM_SECONDS, CALM_CPU_SECONDS, CALM_SECONDS_MAX = 1.5, 0.05, 120.0
"""A start is over when the process has used so little in so long after it was ready: one that says it is ready and goes
on reading its journal, as builds did that read it anew when they were dealt partitions, has not started yet."""


class NotStarted(Exception):
    """A service did not come up on what it was to read."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that is ready.

    Attributes:
        address: a base URL.
    """

    pid: int
    address: str

    async def calm(self, calm_cpu_seconds: float = CALM_CPU_SECONDS) -> float:
        """Return the CPU seconds before the first time that it does next to nothing; NotStarted when it never does."""
        return await _calm(self.pid, calm_cpu_seconds)


async def start(
    stack: Stack, service: str, root: Path, calm_cpu_seconds: float = CALM_CPU_SECONDS, rest_seconds: float = 0.0
) -> tuple[float, float]:
    """Start a service until it is ready and calm, stop it, and return its CPU seconds and its most memory in MB.

    Args:
        stack: what it needs, running.
        service: which one.
        root: the checkout.
        calm_cpu_seconds: in CALM_SECONDS, of a service at rest.
        rest_seconds: how long it is let run on after that.

    Raises:
        NotStarted: see there.
    """
    async with running(stack, service, root) as process:
        found = await process.calm(calm_cpu_seconds), peak_mb(process.pid)
        await asyncio.sleep(rest_seconds)
        return found


@asynccontextmanager
async def running(stack: Stack, service: str, root: Path) -> AsyncIterator[Running]:
    """Run a service of a checkout, ready, while the block runs.

    Raises:
        NotStarted: see there.
    """
    part = Part(service, service, Ports.free().ingest)
    addresses = (stack.kafka_bootstrap, stack.mongodb_uri)
    settings = service_environment(part, stack.ports, *addresses, stack.issuer, stack.place_count)
    environment = {**os.environ, **settings, "PYTHONPATH": str(root)}
    log = stack.folder / f"{service}.log"
    with log.open("wb") as file:
        argv = [str(places.PYTHON), "-m", f"services.{service}"]
        process = await asyncio.create_subprocess_exec(*argv, cwd=root, env=environment, stdout=file, stderr=file)
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while not listeners.answers_ready(part.port):
            if process.returncode is not None or time.monotonic() > until:
                raise NotStarted(f"{service} of {root} did not come up:\n{log.read_text()[-3_000:]}")
            await asyncio.sleep(POLL_SECONDS)
        yield Running(process.pid, part.address)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _calm(pid: int, calm_cpu_seconds: float = CALM_CPU_SECONDS) -> float:
    """Return the CPU seconds of a process before the first time that it does next to nothing."""
    until, before = time.monotonic() + CALM_SECONDS_MAX, cpu_seconds(pid)
    while time.monotonic() < until:
        await asyncio.sleep(CALM_SECONDS)
        now = cpu_seconds(pid)
        if now - before <= calm_cpu_seconds:
            return before
        before = now
    raise NotStarted(f"process {pid} did not come to rest within {CALM_SECONDS_MAX:.0f} s of its readiness")
