"""One run: causes are brought about on a watched stack, and what fires, who hears of it and when it ends is noted."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import kill
from pathlib import Path
from typing import Any

import aiohttp

from concord.chassis.identity.caller import Role
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.alerts.hastened import hastened
from tests.end_to_end.load import Load
from tests.end_to_end.paging.judgement import Notification
from tests.end_to_end.paging.run import receiver

ANNOTATOR = "ann"
LOOK_SECONDS = 2.0
REQUEST_SECONDS_MAX = 60.0
TICKETS, PLATFORM, QUALITY = "tickets", "platform-on-call", "quality-on-call"


@dataclass(frozen=True)
class Expected:
    """An alert that a cause is to bring about.

    Attributes:
        alert: its name.
        heard_by: who is told.
        silenced: another alert tells of the cause; this one fires and is told to nobody.
        seconds_max: from the cause to the alert, and from the cure to its end.
    """

    alert: str
    heard_by: str = TICKETS
    silenced: bool = False
    seconds_max: tuple[float, float] = (900.0, 1_500.0)


@dataclass(frozen=True)
class Walk:
    """A cause and its cure.

    Attributes:
        cause: brings it about, and returns when it is there.
        cure: what the runbook says; returns when it is done.
        expected: the alerts that follow, all of them awaited before the cure.
    """

    cause: "Callable[[Town], Awaitable[None]]"
    cure: "Callable[[Town], Awaitable[None]]"
    expected: Sequence[Expected]


@dataclass
class Firing:
    """When an alert was seen firing first and last, and when it was told firing and resolved; none: never."""

    first: float | None = None
    last: float | None = None
    silenced: bool = False


@dataclass(frozen=True)
class Row:
    """What became of an alert; seconds from the cause until it fires, and from the cure until it has ended."""

    alert: str
    fires: float | None
    heard_by: tuple[str, ...]
    ends: float | None
    told_over: tuple[str, ...]
    holds: bool

    def __str__(self) -> str:
        """Return a line of the table."""
        fires, ends = ("never" if seconds is None else f"{seconds:.0f} s" for seconds in (self.fires, self.ends))
        heard = ", ".join(self.heard_by) or "nobody"
        over = ", ".join(self.told_over) or "nobody"
        verdict = "holds" if self.holds else "FAILS"
        return f"{verdict:<6} {self.alert:<26} fires after {fires}, told {heard}; ends after {ends}, told {over}"


@dataclass
class Town:
    """The stack, its people, and what is known of its alerts."""

    stack: Stack
    load: Load
    heard: list[Notification]
    say: Callable[[str], None]
    firing: dict[str, Firing] = field(default_factory=dict)

    @property
    def client(self) -> str:
        """The client's key."""
        return self.stack.issuer.client_key

    def token(self, role: Role, name: str) -> str:
        """Return somebody's token."""
        return self.stack.issuer.token(role, name)

    async def annotators(self, *names: str) -> None:
        """Define annotators: those who are named, or the one."""
        operator = self.token(Role.OPERATOR, "operator")
        for name in names or (ANNOTATOR,):
            await self.load.insist("assign", "PUT", f"/v1/annotators/{name}", operator, {"kind": "human"})

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part of the stack."""
        kill(self.stack.pid(name), number)

    async def get(self, url: str) -> Any:
        """Return what Prometheus or Alertmanager answers."""
        async with self.load.session.get(url) as answer:
            return await answer.json()

    async def number(self, expression: str) -> float | None:
        """Return the one number that a query comes to, None when there is none."""
        url = f"{self.stack.addresses['prometheus']}/api/v1/query"
        async with self.load.session.get(url, params={"query": expression}) as answer:
            found = (await answer.json())["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    async def until(self, expression: str, seconds: float) -> None:
        """Return when a query has an answer.

        Raises:
            TimeoutError: It had none for so long.
        """
        until = time.monotonic() + seconds
        while await self.number(expression) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"{expression} had no answer for {seconds:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)

    async def watch(self) -> None:
        """Note what fires, for ever."""
        while True:
            try:
                await self._look()
            except (aiohttp.ClientError, TimeoutError) as fault:
                self.say(f"could not look: {fault!r}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        now = time.monotonic()
        found = (await self.get(f"{self.stack.addresses['prometheus']}/api/v1/alerts"))["data"]["alerts"]
        for name in {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}:
            known = self.firing.setdefault(name, Firing())
            if known.first is None:
                known.first = now
                self.say(f"{name} fires")
            known.last = now
        for alert in await self.get(f"{self.stack.addresses['alertmanager']}/api/v2/alerts"):
            if alert["status"]["inhibitedBy"]:
                self.firing.setdefault(alert["labels"]["alertname"], Firing()).silenced = True

    def told(self, expected: Expected, status: str) -> tuple[str, ...]:
        """Return who was told of an alert."""
        notes = [note for note in self.heard if (note.alert, note.status) == (expected.alert, status)]
        return tuple(sorted({note.receiver for note in notes}))


async def _walked(town: Town, walk: Walk) -> list[Row]:
    began = time.monotonic()
    await walk.cause(town)
    caused = time.monotonic()
    town.say(f"the cause of {walk.expected[0].alert} is there after {caused - began:.0f} s")
    for expected in walk.expected:
        await _wait(partial(_is_told, town, expected), expected.seconds_max[0])
    cured = time.monotonic()
    await walk.cure(town)
    town.say(f"{walk.expected[0].alert} is cured, in {time.monotonic() - cured:.0f} s")
    for expected in walk.expected:
        await _wait(partial(_is_over, town, expected), expected.seconds_max[1])
    return [_row(town, expected, caused, cured) for expected in walk.expected]


def _is_told(town: Town, expected: Expected) -> bool:
    firing = town.firing.get(expected.alert)
    if firing is None or firing.first is None:
        return False
    return firing.silenced if expected.silenced else bool(town.told(expected, "firing"))


def _is_over(town: Town, expected: Expected) -> bool:
    firing = town.firing.get(expected.alert)
    if firing is None or firing.last is None:
        return True
    quiet = time.monotonic() - firing.last > 5 * LOOK_SECONDS
    return quiet and (expected.silenced or bool(town.told(expected, "resolved")))


def _row(town: Town, expected: Expected, caused: float, cured: float) -> Row:
    firing = town.firing.get(expected.alert, Firing())
    told, over = town.told(expected, "firing"), town.told(expected, "resolved")
    is_over = firing.last is not None and _is_over(town, expected)
    right = () if expected.silenced else (expected.heard_by,)
    holds = is_over and told == right and over == right and firing.silenced == expected.silenced
    # An alert that ends by itself while its cause is still there has told somebody that all is well.
    holds = holds and firing.last is not None and firing.last >= cured - 5 * LOOK_SECONDS
    fires = None if firing.first is None else firing.first - caused
    ends = firing.last - cured if is_over and firing.last is not None else None
    return Row(expected.alert, fires, told, ends, over, holds)


async def _wait(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        if holds() or time.monotonic() > until:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def run(
    walks: Sequence[Walk], folder: Path, say: Callable[[str], None], replicas: int = 1, times: int = 1
) -> list[Row]:
    """Run all of them at once on a stack of its own, which is stopped again; return what became of each alert.

    The waits and windows of the rules are that many times as short as the deployed ones.
    """
    heard: list[Notification] = []
    began = time.monotonic()

    def timed(text: str) -> None:
        say(f"{time.monotonic() - began:6.0f} s  {text}")

    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    rules = hastened(folder, times) if times > 1 else None
    async with (
        receiver(heard) as address,
        aiohttp.ClientSession(timeout=timeout) as session,
        Stack(
            folder, Ports.free(), observed=True, receivers=address, workbench=True, replicas=replicas, rules=rules
        ) as stack,
    ):
        town = Town(stack, Load(stack, session), heard, timed)
        watching = asyncio.create_task(town.watch())
        try:
            found = await asyncio.gather(*[_walked(town, walk) for walk in walks])
        finally:
            watching.cancel()
        expected = {each.alert for walk in walks for each in walk.expected} | {"Watchdog"}
        for name in sorted(town.firing.keys() - expected):
            timed(f"{name} fired, too, which nobody expected")
    return [row for rows in found for row in rows]
