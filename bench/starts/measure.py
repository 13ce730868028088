"""Each service of each checkout, started on a journal of its own words: CPU, peak memory, reads."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
from aiokafka import AIOKafkaProducer

from bench.starts import counted, template
from bench.starts.journal import fill
from bench.starts.process import start
from concord.contracts.topics import PROJECTS
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
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
        documents: in its database; of metrics, which has none, events in its topics.
        cpu_seconds: of the process.
        bare_cpu_seconds: of a start on nothing: imports and joining a group.
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
    if service == counted.SERVICE:
        return await _counted(name, root, closed, waiting, folder, say)
    lived = await asyncio.to_thread(_lived, root, folder / "lives.bson")
    kind, units = OPEN_KINDS[service]
    stack = Stack(folder, Ports.free(), services=())
    async with stack:
        await _define(stack.kafka_bootstrap, lived)
        bare, _ = await start(stack, service, root)  # which makes the indexes, too
        say(f"{service} of {name}: writing a journal of {closed:,} closed units and {waiting:,} open ones")
        lives = [("closed", closed // template.LOT_UNITS), (kind, waiting // units)]
        documents = await fill(stack.mongodb_uri, f"concord_{service}", lived, service, lives)
        cpu, peak = await start(stack, service, root)
    shutil.rmtree(places.data(folder), ignore_errors=True)
    return Start(service, name, closed, waiting, documents, cpu, bare, peak)


async def _counted(name: str, root: Path, closed: int, waiting: int, folder: Path, say: Callable[[str], None]) -> Start:
    found = await counted.measure(root, closed, waiting, folder, lambda line: say(f"metrics of {name}: {line}"))
    shutil.rmtree(places.data(folder), ignore_errors=True)
    return Start(counted.SERVICE, name, closed, waiting, found.events, *found.spent)


def _lived(root: Path, path: Path) -> Mapping[str, Any]:
    """Return what a few units leave behind in the words of a checkout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    argv = [str(places.PYTHON), str(Path(template.__file__)), str(path)]
    subprocess.run(argv, cwd=root, env=environment, check=True)
    return bson.decode(path.read_bytes())


async def _define(bootstrap: str, entry: Mapping[str, Any]) -> None:
    """Tell every service of the project, as ingest has."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for record in entry["projects"]:
            headers = [(str(name), bytes(value)) for name, value in record["headers"]]
            await producer.send_and_wait(PROJECTS.name, record["value"], key=record["key"], headers=headers)
