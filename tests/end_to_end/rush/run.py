"""One run: many people claim at once, some of them are killed, and the topics say who held what until when."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from concord.chassis.identity.caller import Role
from deploy.local.ports import Ports
from deploy.local.services import SERVICES
from deploy.local.stack import Stack
from tests.end_to_end.judge import heard
from tests.support.lease_judge import Told, faults, told

OVERLAP = 3
LEASE_SECONDS = 60
UNITS_A_CLAIM = 10
UNITS_A_REQUEST = 500
KILLED_SHARE = 0.1
KILLED_WITHIN_SECONDS = 10.0
REQUEST_SECONDS_MAX = 60.0
PAUSE_SECONDS = 0.25
IDLE_SECONDS_MAX = LEASE_SECONDS + 15.0
"""Without a new label for so long the run ends: a label may be taken whose answer nobody was there to hear."""
LATER = (429, 503)
SHARES = (("p50", 0.5), ("p95", 0.95), ("max", 1.0))


@dataclass(frozen=True)
class Plan:
    """What is run: how many people, on how many units, with how many processes of each of which services."""

    people: int = 200
    units: int = 10_000
    replicas: int = 1
    services: tuple[str, ...] = tuple(SERVICES)
    seed: int = 1


@dataclass
class Outcome:
    """What it came to.

    Attributes:
        offered: assignment id -> unit and annotator, as claims were answered.
        taken: assignments whose label was acknowledged.
        killed: who was.
        first_seconds: of everybody's first claim, which all made at once, how long it took.
        claim_seconds, submit_seconds: of the others.
        later: answers 429 and 503 with Retry-After.
        wrong: what was answered that should not have been.
        seconds: from the first claim to the last label.
        cpu_seconds: of each service, meanwhile.
    """

    units: set[str] = field(default_factory=set)
    offered: dict[str, tuple[str, str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)
    first_seconds: list[float] = field(default_factory=list)
    claim_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)
    later: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def faults(self) -> list[str]:
        """Return what was promised and not kept."""
        return [*self.wrong, *faults(self.told, OVERLAP, self.units, self.offered, self.taken)]

    def figures(self) -> dict[str, Any]:
        """Return what is written down."""
        back = self.told.returned_after(self.killed)
        return {
            "leases": len(self.told.issued),
            "labels": len(self.taken),
            "killed": len(self.killed),
            "leases_of_killed_that_came_back": len(back),
            "came_back_after_seconds_max": max(back, default=0.0),
            "seconds": self.seconds,
            "first_claim_ms": _spread(self.first_seconds),
            "claim_ms": _spread(self.claim_seconds),
            "submit_ms": _spread(self.submit_seconds),
            "later": self.later,
            "cpu_ms_a_label": {
                name: 1e3 * seconds / max(1, len(self.taken)) for name, seconds in self.cpu_seconds.items()
            },
            "faults": len(self.faults()),
        }


class Rush:
    """The people, and what they were answered."""

    def __init__(self, plan: Plan, stack: Stack, session: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.stack = stack
        self.session = session
        self.outcome = Outcome()
        self._project_id = ""
        self._off = asyncio.Event()
        self._drawn = random.Random(plan.seed)
        self._last_label = time.monotonic()

    async def prepare(self) -> None:
        """Define the project and its people, send the units, and return when assign knows of all."""
        client, operator = self.stack.issuer.client_key, self.stack.issuer.token(Role.OPERATOR, "operator")
        definition = {
            "label_schema": {"kind": "choice", "classes": ["a", "b"]},
            "policy": {
                "overlap": {"initial": OVERLAP, "max": OVERLAP},
                "consensus": {"method": "majority", "confidence": 0.5},
                "gold": {"rate": 0},
                "lease": {"seconds": LEASE_SECONDS},
            },
        }
        self._project_id = (await self._ask("ingest", "PUT", "/v1/projects/rush", client, definition))["project_id"]
        for begin in range(0, self.plan.units, UNITS_A_REQUEST):
            names = range(begin, min(begin + UNITS_A_REQUEST, self.plan.units))
            units = [{"id": f"u{number}", "content": f"Text number {number}."} for number in names]
            report = await self._ask("ingest", "POST", f"/v1/projects/{self._project_id}/units", client, units)
            self.outcome.units |= {unit["unit_id"] for unit in report["units"]}
        for name in self._names():
            await self._ask("assign", "PUT", f"/v1/annotators/{name}", operator, {})
        await self._known(client)

    async def _known(self, client: str) -> None:
        """Return when assign knows the project, and the last of its people and units are on their way there."""
        url = f"{self.stack.addresses['assign']}/v1/projects/{self._project_id}/stranded"
        headers = {"authorization": f"Bearer {client}"}
        while True:
            async with self.session.get(url, headers=headers) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(PAUSE_SECONDS)

    async def run(self) -> None:
        """Let all begin at once, kill some, and return when every unit has its labels and every lease has ended."""
        before = {name: self.stack.cpu_seconds(name) for name in self.plan.services}
        names = self._names()
        doomed = set(self._drawn.sample(names, round(KILLED_SHARE * len(names))))
        # Half of them sit on what they were given; the others are mostly ended in the middle of a request.
        idle = set(sorted(doomed)[::2])
        people = {name: asyncio.create_task(self._work(name, idle=name in idle)) for name in names}
        killers = [asyncio.create_task(self._kill(name, people[name])) for name in sorted(doomed)]
        began = self._last_label = time.monotonic()
        self._off.set()
        await asyncio.gather(*killers)
        for outcome in await asyncio.gather(*people.values(), return_exceptions=True):
            if isinstance(outcome, Exception):
                self.outcome.wrong.append(repr(outcome))
        self.outcome.seconds = self._last_label - began
        self.outcome.cpu_seconds = {name: self.stack.cpu_seconds(name) - before[name] for name in self.plan.services}

    def _names(self) -> list[str]:
        return [f"person-{number}" for number in range(self.plan.people)]

    async def _kill(self, name: str, person: "asyncio.Task[None]") -> None:
        """End a client in the middle of whatever it does: its connection breaks, and it never comes again."""
        await asyncio.sleep(self._drawn.uniform(0.0, KILLED_WITHIN_SECONDS))
        self.outcome.killed.add(name)
        person.cancel()
        with suppress(asyncio.CancelledError):
            await person

    async def _work(self, name: str, *, idle: bool) -> None:
        """Claim and label until all is labelled; somebody idle looks at what they hold and sends nothing."""
        token = self.stack.issuer.token(Role.ANNOTATOR, name)
        claims = f"/v1/projects/{self._project_id}/claims"
        await self._off.wait()
        seconds = self.outcome.first_seconds
        while not self._done():
            began = time.monotonic()
            claimed = await self._ask("assign", "POST", claims, token, {"units": UNITS_A_CLAIM})
            seconds.append(time.monotonic() - began)
            seconds = self.outcome.claim_seconds
            offers = claimed["assignments"]
            self.outcome.offered |= {offer["assignment_id"]: (offer["unit_id"], name) for offer in offers}
            if offers and not idle:
                began = time.monotonic()
                labels = [{"assignment_id": offer["assignment_id"], "label": "a"} for offer in offers]
                answer = await self._ask("assign", "POST", "/v1/submissions", token, {"submissions": labels})
                self.outcome.submit_seconds.append(time.monotonic() - began)
                self._taken(answer["results"])
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    def _taken(self, results: list[dict[str, Any]]) -> None:
        for result in results:
            if result["status"] not in ("accepted", "repeated", "late"):
                self.outcome.wrong.append(f"a label was answered by {result}")
            else:
                self.outcome.taken.add(result["assignment_id"])
        self._last_label = time.monotonic()

    def _done(self) -> bool:
        wanted = len(self.outcome.units) * OVERLAP
        return len(self.outcome.taken) >= wanted or time.monotonic() - self._last_label > IDLE_SECONDS_MAX

    async def _ask(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Ask until there is an answer that is no 429 or 503; one that is not 2xx is an error."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        while True:
            url = self.stack.addresses[service] + path
            async with self.session.request(method, url, data=data, headers=headers) as answer:
                content = await answer.read()
            if answer.status < 300:
                return json.loads(content)
            if answer.status not in LATER or "retry-after" not in answer.headers:
                raise AssertionError(f"{method} {path}: {answer.status} {content[:300]!r}")
            self.outcome.later += 1
            await asyncio.sleep(PAUSE_SECONDS)


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Run it on a stack of its own, which is stopped again."""
    stack = Stack(folder, Ports.free(), services=plan.services, replicas=plan.replicas)
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    connector = aiohttp.TCPConnector(limit=plan.people + 1)
    async with stack, aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        rush = Rush(plan, stack, session)
        await rush.prepare()
        say(f"{plan.people} people begin on {len(rush.outcome.units)} units")
        await rush.run()
        say(f"{len(rush.outcome.taken)} labels were acknowledged in {rush.outcome.seconds:.0f} s")
        until = time.monotonic() + 2 * LEASE_SECONDS
        while True:
            evidence = await heard(stack.kafka_bootstrap)
            rows = [
                [entry for _, entry in evidence.said[f"concord.{name}.v1"]] for name in ("assignments", "annotations")
            ]
            rush.outcome.told = told(*rows)
            # The newest leases of the killed end last; all others have their labels.
            if not rush.outcome.faults() or time.monotonic() > until:
                return rush.outcome
            await asyncio.sleep(PAUSE_SECONDS)


def _spread(seconds: list[float]) -> dict[str, float]:
    """Return milliseconds within which half, 95 and all of a hundred were answered."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        name: round(1e3 * ordered[round(share * last)], 1)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
    }
