"""One run: two projects are labelled on a watched stack, one is spoiled, and a receiver keeps what it hears."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from concord.chassis.identity.caller import Role
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.load import Load
from tests.end_to_end.paging.judgement import PAGE_SECONDS_MAX, Line, Notification, paged, pages, resolved, spared

TARGET = 0.80
PEOPLE = ("ann", "bob")
UNITS = 200
GOOD_EVERY, SPOILED_PERIOD, SPOILED_OF_PERIOD = 13, 40, 9
FEW, FEW_DIFFER = 12, frozenset({0, 2, 4, 6, 7})
UNITS_A_CLAIM = 20
PAUSE_SECONDS = 0.5
STEP_SECONDS_MAX = 300.0
REQUEST_SECONDS_MAX = 60.0
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["a", "b"]},
    "policy": {
        "overlap": {"initial": 2, "max": 2},
        "consensus": {"method": "majority"},
        "gold": {"rate": 0},
        "lease": {"seconds": 3_600},
    },
}


@dataclass(frozen=True)
class Plan:
    """How long is waited: for a second page after the first, and for the end (none: it is not waited for)."""

    watch_seconds: float
    patience_seconds: float | None


def good(number: int) -> bool:
    """Return whether two people differ on a unit of the good stretch: one in 13, alpha about .85."""
    return number % GOOD_EVERY == 0


def spoiled(number: int) -> bool:
    """Return whether they differ on one of the spoiled stretch: nine in 40, .70 with the good stretch before it."""
    return number % SPOILED_PERIOD < SPOILED_OF_PERIOD


class Job:
    """A project whose two people differ where they are to."""

    def __init__(self, load: Load, name: str) -> None:
        self._load = load
        self._name = name
        self._sent = 0
        self.project_id = ""

    async def define(self) -> None:
        """Define the project."""
        key = self._load.stack.issuer.client_key
        answer = await self._load.insist("ingest", "PUT", f"/v1/projects/{self._name}", key, DEFINITION)
        self.project_id = answer["project_id"]

    async def label(self, count: int, differ: Callable[[int], bool]) -> None:
        """Send so many units and have both label them all."""
        key, path = self._load.stack.issuer.client_key, f"/v1/projects/{self.project_id}"
        units = [{"id": f"u{self._sent + place}", "content": f"text {self._sent + place}"} for place in range(count)]
        report = await self._load.insist("ingest", "POST", f"{path}/units", key, units)
        numbers = {unit["unit_id"]: place for place, unit in enumerate(report["units"])}
        self._sent += count
        async with asyncio.timeout(STEP_SECONDS_MAX), asyncio.TaskGroup() as tasks:
            for person in PEOPLE:
                tasks.create_task(self._work(person, numbers, differ))

    async def _work(self, person: str, numbers: dict[str, int], differ: Callable[[int], bool]) -> None:
        token, left = self._load.stack.issuer.token(Role.ANNOTATOR, person), set(numbers)
        path = f"/v1/projects/{self.project_id}/claims"
        while left:
            claimed = await self._load.ask("assign", "POST", path, token, {"units": UNITS_A_CLAIM})
            # Until assign knows of a new project it refuses; the time of the step bounds it.
            self._load.count.refused.clear()
            for offer in claimed["assignments"] if claimed else ():
                number = numbers[offer["unit_id"]]
                label = "ab"[(number % 2) ^ (person == PEOPLE[1] and differ(number))]
                to = f"/v1/assignments/{offer['assignment_id']}/submission"
                await self._load.insist("assign", "POST", to, token, {"label": label, "active_ms": 900})
                left.discard(offer["unit_id"])
            if not claimed or not claimed["assignments"]:
                await asyncio.sleep(PAUSE_SECONDS)

    async def alpha(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the live alpha as soon as it is as asked."""
        key, path = self._load.stack.issuer.client_key, f"/v1/projects/{self.project_id}/quality"
        async with asyncio.timeout(STEP_SECONDS_MAX):
            while True:
                quality = await self._load.ask("metrics", "GET", path, key)
                self._load.count.refused.clear()
                if quality and quality["alpha"].get("value") is not None and until(quality["alpha"]):
                    found: dict[str, Any] = quality["alpha"]
                    return found
                await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def receiver(heard: list[Notification]) -> AsyncIterator[str]:
    """Run what Alertmanager notifies, and give its address."""

    async def hear(request: web.Request) -> web.Response:
        at, body = time.monotonic(), await request.json()
        for alert in body["alerts"]:
            labels = alert["labels"]
            name, project = labels["alertname"], labels.get("project", "")
            heard.append(Notification(at, request.match_info["name"], name, alert["status"], project))
        return web.Response()

    app = web.Application()
    app.router.add_post("/{name}", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _wait(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        if holds() or time.monotonic() >= until:
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> tuple[list[Line], list[Notification]]:
    """Run it on a stack of its own, which is stopped again; return the table and what was heard."""
    heard = list[Notification]()
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    async with (
        receiver(heard) as address,
        aiohttp.ClientSession(timeout=timeout) as session,
        Stack(folder, Ports.free(), observed=True, receivers=address) as stack,
    ):
        load = Load(stack, session)
        operator = stack.issuer.token(Role.OPERATOR, "operator")
        for person in PEOPLE:
            await load.insist("assign", "PUT", f"/v1/annotators/{person}", operator, {"kind": "human"})
        return await _judged(plan, load, heard, say), heard


async def _judged(plan: Plan, load: Load, heard: list[Notification], say: Callable[[str], None]) -> list[Line]:
    job, few = Job(load, "spoiled"), Job(load, "few")
    await job.define()
    await few.define()
    await few.label(FEW, FEW_DIFFER.__contains__)
    await job.label(UNITS, good)
    before = await job.alpha(lambda alpha: alpha["units"] >= UNITS)
    small = await few.alpha(lambda alpha: alpha["units"] >= FEW)
    say(f"alpha is {before['value']:.3f}, of the 12 units {small['value']:.3f}")
    early = len(pages(heard, job.project_id))
    # Watched while it is labelled: the bound may fall under the target before the stretch is over.
    watching = asyncio.create_task(job.alpha(lambda alpha: alpha["units"] > UNITS and alpha["high"] < TARGET))
    falling = asyncio.create_task(job.label(UNITS, spoiled))
    missed = await watching
    missed_at = time.monotonic()
    await falling
    after = await job.alpha(lambda alpha: alpha["units"] >= 2 * UNITS)
    say(f"its upper bound was {missed['high']:.3f}; alpha is {after['value']:.3f} once all is labelled")
    await _wait(lambda: bool(pages(heard, job.project_id)), 2 * PAGE_SECONDS_MAX)
    await asyncio.sleep(plan.watch_seconds)
    lines = [
        Line("alpha before, .85 or so", f"{before['value']:.3f}", before["value"] >= TARGET and not early),
        Line("alpha after, .70 or so", f"{after['value']:.3f}", after["high"] < TARGET),
        Line("alpha of the 12 units, .10 or so", f"{small['value']:.3f}", small["value"] < TARGET / 2),
    ]
    if plan.patience_seconds is not None:
        await job.label(2 * UNITS, lambda _number: False)
        await job.alpha(lambda alpha: alpha["value"] >= TARGET)
        say("alpha is above the target again; the rule goes on for 15 minutes")
        await _wait(lambda: bool(pages(heard, job.project_id, "resolved")), plan.patience_seconds)
        lines.append(resolved(heard, job.project_id))
    return [*lines, *paged(heard, job.project_id, missed_at), spared(heard, few.project_id)]
