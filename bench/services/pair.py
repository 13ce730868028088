"""What a label costs assign when two processes share the projects, beside one process that has them all."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import msgspec

from bench.services.door import HttpDoor, Refused
from bench.services.load import CLASSES, EMPTY_CLAIM_SECONDS, NDJSON, NothingOffered, definition, lines
from bench.table import Column, Table
from concord.contracts.owners import OWNER, Network, Owners, networks, slot_of_target
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

HERE = networks(["127.0.0.1/32"])
PROJECTS, UNITS_A_PROJECT, PEOPLE, LABELS = 16, 250, 32, 3_000
WARM_LABELS = 300
LIMIT_TIMES = 1.15
KNOWN_SECONDS_MAX = 30.0
ANSWER_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Pair:
    """CPU microseconds of all of assign's processes, a label that is claimed and submitted in calls of its own.

    Attributes:
        one_us: of one process.
        two_us: of two, by callers who send every request to the owner that an answer has named, as the workbench does.
        unaware_us: of two, by callers who send all to one address: half of the requests are handed on.
    """

    one_us: float
    two_us: float
    unaware_us: float

    @property
    def times(self) -> float:
        """How many times as much two processes spend together."""
        return self.two_us / self.one_us

    @property
    def unaware_times(self) -> float:
        """How many times as much they spend where callers do not go by what answers name."""
        return self.unaware_us / self.one_us


class _Known:
    """The owners that answers named; none where no network is believed."""

    def __init__(self, within: Sequence[Network]) -> None:
        self._owners = Owners(within, time.monotonic)

    def address(self, service: str, path: str) -> str | None:
        """Return where the request's owner was last."""
        return self._owners.address(service, slot_of_target(*path.split("?", 1)))

    def learn(self, service: str, path: str, headers: Mapping[str, str]) -> None:
        """Take in the owner that an answer names."""
        self._owners.learn(service, slot_of_target(*path.split("?", 1)), headers.get(OWNER))


async def measure(say: Callable[[str], None], folder: Path = places.LOCAL / "bench") -> Pair:
    """Measure one process and then two, each on a stack that starts with nothing in it."""
    found = []
    for what, replicas, within in (("one process", 1, HERE), ("two processes", 2, HERE), ("two, unaware", 2, ())):
        say(f"assign, {what}: starting")
        rmtree(places.data(folder), ignore_errors=True)
        try:
            found.append(await _label_us(replicas, within, folder))
        finally:
            rmtree(places.data(folder), ignore_errors=True)
        say(f"assign, {what}: {found[-1]:.0f} us of CPU a label")
    return Pair(*found)


async def _label_us(replicas: int, within: Sequence[Network], folder: Path) -> float:
    stack = Stack(folder, Ports.free(), services=("ingest", "assign"), replicas=replicas)
    async with stack, HttpDoor(stack.addresses, owners=_Known(within)) as door:
        people = [stack.issuer.token("annotator", f"person-{number}") for number in range(PEOPLE)]
        projects = await _defined(stack, door)
        await _labelled(door, projects, people, WARM_LABELS)
        before = stack.cpu_seconds("assign")
        await _labelled(door, projects, people, LABELS)
        return (stack.cpu_seconds("assign") - before) * 1e6 / LABELS


async def _defined(stack: Stack, door: HttpDoor) -> list[str]:
    """Define projects and people, and return the projects once assign has all of their units."""
    client, operator = stack.issuer.client_key, stack.issuer.token("operator", "bench")
    projects = []
    for number in range(PROJECTS):
        body = msgspec.json.encode(definition())
        encoded = await door.call("ingest", "PUT", f"/v1/projects/pair-{number}", client, body)
        projects.append(msgspec.json.decode(encoded)["project_id"])
        path = f"/v1/projects/{projects[-1]}/units"
        await door.call("ingest", "POST", path, client, lines(0, UNITS_A_PROJECT), NDJSON)
    for number in range(PEOPLE):
        await door.call("assign", "PUT", f"/v1/annotators/person-{number}", operator, b"{}")
    async with asyncio.timeout(KNOWN_SECONDS_MAX):
        for project_id in projects:
            await _answered(door, f"/v1/projects/{project_id}/stranded", operator)
    return projects


async def _answered(door: HttpDoor, path: str, token: str) -> None:
    while True:
        try:
            await door.call("assign", "GET", path, token, b"")
        except Refused:
            await asyncio.sleep(EMPTY_CLAIM_SECONDS)
        else:
            return


async def _labelled(door: HttpDoor, projects: Sequence[str], people: Sequence[str], labels: int) -> None:
    """Let everybody label one unit at a time, now of one project and now of another, so many in all."""
    left = labels

    async def work(number: int, token: str) -> None:
        nonlocal left
        turn = number
        while left > 0:
            left -= 1
            turn += 1
            await _one(door, projects[turn % len(projects)], token)

    await asyncio.gather(*(work(number, token) for number, token in enumerate(people)))


async def _one(door: HttpDoor, project_id: str, token: str) -> None:
    claim = msgspec.json.encode({"units": 1})
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        while True:
            answer = await door.call("assign", "POST", f"/v1/projects/{project_id}/claims", token, claim)
            if offers := msgspec.json.decode(answer)["assignments"]:
                break
            await asyncio.sleep(EMPTY_CLAIM_SECONDS)
    if len(offers) != 1:
        raise NothingOffered(f"{len(offers)} units were offered, and one was asked for")
    encoded = msgspec.json.encode({"label": CLASSES[0], "active_ms": 9_000})
    path = f"/v1/assignments/{offers[0]['assignment_id']}/submission"
    await door.call("assign", "POST", path, token, encoded)


def table(found: Pair) -> Table:
    """Return the figures for people."""
    columns = (Column("processes of assign", numbers=False), Column("CPU us a label"), Column("times"), Column("limit"))
    rows = [
        ["one", f"{found.one_us:.0f}", "1.00", ""],
        ["two, asked by who knows the owner", f"{found.two_us:.0f}", f"{found.times:.2f}", f"{LIMIT_TIMES:.2f}"],
        ["two, asked at one address", f"{found.unaware_us:.0f}", f"{found.unaware_times:.2f}", ""],
    ]
    notes = (f"Both processes together; {PROJECTS} projects, one unit a claim, one label a submission.",)
    return Table("A second process", columns, rows, notes)


def as_json(found: Pair) -> dict[str, Any]:
    """Return the figures."""
    return {
        **asdict(found),
        "times": found.times,
        "unaware_times": found.unaware_times,
        "limit_times": LIMIT_TIMES,
    }
