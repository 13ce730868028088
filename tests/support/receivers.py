"""Receivers of webhooks in memory, in virtual time: each does what a test says, and all that came is noted."""

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.chassis.identity import Role
from concord.contracts.v1.lots_pb2 import LotAccepted, LotRejected
from services.audit.webhooks import Webhooks
from services.audit.webhooks.sender import SECONDS_MAX, Answer
from services.audit.webhooks.sending import LOOK_SECONDS
from services.ingest.domain import project as policies
from simulation.house import Answer as Replied
from simulation.house import House
from simulation.virtual_time import VirtualTimeLoop
from tests.support.audit import RELABEL, Audit, Life, lot_id, start
from tests.support.upstream import PROJECT

START_US = 1_790_000_000 * MICROSECONDS
HOOKS = f"/v1/projects/{PROJECT}/webhooks"
TAKEN = Answer(True, "It answered 204.")
FAILED = Answer(False, "It answered 500.")
TAKES_SECONDS = 0.02

Behaviour = Callable[["Came"], Awaitable[Answer]]
T = TypeVar("T")


@dataclass(frozen=True)
class Came:
    """One attempt as its receiver saw it."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    at_seconds: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    def signatures(self, *secrets: str) -> list[bool]:
        """Tell of each signature whether it is that of the secret in its place, by the specification's own words."""
        encoded = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
        right = ["v1," + base64.b64encode(hmac.digest(key, encoded, "sha256")).decode() for key in keys]
        found = self.headers["webhook-signature"].split(" ")
        return [text == other for text, other in zip(found, right, strict=True)]


async def takes(came: Came) -> Answer:
    del came
    await asyncio.sleep(TAKES_SECONDS)
    return TAKEN


async def fails(came: Came) -> Answer:
    del came
    await asyncio.sleep(TAKES_SECONDS)
    return FAILED


async def hangs(came: Came) -> Answer:
    del came
    await asyncio.sleep(SECONDS_MAX)
    return Answer(False, "It did not answer in time.")


async def swallows(came: Came) -> Answer:
    """Take it, and never say so."""
    del came
    await asyncio.get_running_loop().create_future()
    raise AssertionError


@dataclass
class Receivers:
    """Every receiver there is, by its address; one that nobody spoke of takes all."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    came: list[Came] = field(default_factory=list)
    clock: LoopClock = field(default_factory=lambda: LoopClock(START_US))
    in_flight: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        came = Came(url, dict(headers), body, self.clock.now_us() / MICROSECONDS)
        self.came.append(came)
        self.in_flight[url] = self.in_flight.get(url, 0) + 1
        self.most[url] = max(self.most.get(url, 0), self.in_flight[url])
        try:
            return await self.behaviours.get(url, takes)(came)
        finally:
            self.in_flight[url] -= 1

    def at(self, url: str) -> list[Came]:
        return [arrival for arrival in self.came if arrival.url == url]


@dataclass
class Hooked:
    """A running audit with a project, and whoever receives its webhooks."""

    audit: Audit
    receivers: Receivers

    async def call(self, method: str, path: str = "", body: Any = None, **more: Any) -> Replied:
        return await self.audit.call(method, f"{HOOKS}{path}", body, role=Role.CLIENT, client_id="k1", **more)

    async def register(self, url: str, *events: str) -> Any:
        """Register a webhook, for all events if none is named."""
        answer = await self.call("POST", "", {"url": url, **({"events": list(events)} if events else {})})
        assert answer.status == 201, answer.body
        return answer.json()

    async def deliveries(self, webhook_id: str, status: str = "") -> list[Any]:
        query = f"status={status}" if status else ""
        found: list[Any] = (await self.call("GET", f"/{webhook_id}/deliveries", query=query)).json()["deliveries"]
        return found

    async def accept(self, number: int) -> None:
        accepted = LotAccepted(lot_id=lot_id(number), inspected=5, lot_units=20, certificate_sha256="c" * 64)
        await self.audit.upstream.lots(lot_id(number), lot_accepted=accepted)

    async def reject(self, number: int) -> None:
        rejected = LotRejected(lot_id=lot_id(number), inspected=5, errors=3, on_reject="relabel", unit_ids=["a", "b"])
        await self.audit.upstream.lots(lot_id(number), lot_rejected=rejected)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass: the wall's clock jumps over spans in which nothing is due, for a day of a service costs half a
        minute."""
        await asyncio.sleep(1)  # what was told just now is heard first
        clock = self.receivers.clock
        end_us = clock.now_us() + round(seconds * MICROSECONDS)
        while (now_us := clock.now_us()) < end_us:
            due = [
                at_us
                for life in self.audit.lives
                for _, hooks in webhooks_of(life).book
                for queue in hooks.queues.values()
                if (at_us := queue.next_at_us()) is not None
            ]
            jump_us = min([*due, end_us]) - now_us - 2 * round(LOOK_SECONDS * MICROSECONDS)
            clock.start_us += max(jump_us, 0)
            await asyncio.sleep(min(LOOK_SECONDS, (end_us - clock.now_us()) / MICROSECONDS))

    async def again(self) -> None:
        """Kill every process and begin anew."""
        self.audit = await self.audit.restarted()


def webhooks_of(life: Life) -> Webhooks:
    """Return a process's webhooks."""
    found: Webhooks = life.service.application.state.service.webhooks  # type: ignore[attr-defined]  # FastAPI's own state
    return found


def hooked(scenario: Callable[[Hooked], Awaitable[T]], house: Callable[[LoopClock], House] | None = None) -> T:
    """Run a scenario on an audit in virtual time."""

    async def run() -> T:
        receivers = Receivers()
        audit = await start(house(receivers.clock) if house else House(clock=receivers.clock), receivers)
        await audit.define(policies.Policy(audit=RELABEL))
        found = Hooked(audit, receivers)
        result = await scenario(found)
        await found.audit.stop()
        return result

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())
