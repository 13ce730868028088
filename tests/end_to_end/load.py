"""A light load that keeps its own count: people and a client who say everything again until it is acknowledged."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from concord.chassis.identity.caller import Role
from deploy.local.stack import Stack
from tests.support.known import where_known
from tests.support.patience import PATIENCE_SECONDS

PAUSE_SECONDS = 0.5
UNIT_SECONDS = 1.0
LABEL_SECONDS = 2.0
PEOPLE = 2
UNITS_A_CLAIM = 2
LABELS_A_SECOND = PEOPLE * UNITS_A_CLAIM / LABEL_SECONDS
UNITS_A_REQUEST = 200
REQUEST_SECONDS_MAX = 15.0
AWAY = frozenset({429, 502, 503, 504})
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["a", "b"]},
    "guideline": "Say a or b.",
    "policy": {"overlap": {"initial": 1, "max": 1}, "consensus": {"method": "majority"}, "lease": {"seconds": 3_600}},
}


@dataclass
class Count:
    """What was acknowledged, by ids that the services gave, and when."""

    units: dict[str, float] = field(default_factory=dict)
    labels: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def between(self, begin: float, end: float) -> tuple[int, int]:
        """Return how many units and labels were acknowledged in that time of the event loop."""
        times = (self.units.values(), self.labels.values())
        units, labels = (sum(begin < at < end for at in time) for time in times)
        return units, labels


class Load:
    """A client that sends a unit every UNIT_SECONDS and people who label them, until told to end."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.session = session
        self.count = Count()
        self.project_id = ""
        self._over = asyncio.Event()
        people = [f"person-{number}" for number in range(PEOPLE)]
        self._tokens = {name: stack.issuer.token(Role.ANNOTATOR, name) for name in people}

    async def ask(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Return the answer's JSON, or None when the service says that it cannot now; a refusal is noted."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            url = self.stack.addresses[service] + path
            async with self.session.request(method, url, data=data, headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return None
        if answer.status in AWAY:
            return None
        if answer.status >= 400:
            self.count.refused.append(f"{method} {path}: {answer.status} {content[:300]!r}")
            return None
        return json.loads(content) if answer.content_type == "application/json" else content

    async def insist(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Ask until there is an answer."""
        while (answer := await self.ask(service, method, path, token, body)) is None:
            assert not self.count.refused, self.count.refused
            await asyncio.sleep(PAUSE_SECONDS)
        return answer

    async def prepare(self, seconds: float) -> None:
        """Define the project and its people, and send units enough for so long."""
        operator = self.stack.issuer.token(Role.OPERATOR, "operator")
        project = await self.insist("ingest", "PUT", "/v1/projects/outage", self.stack.issuer.client_key, DEFINITION)
        self.project_id = project["project_id"]
        wanted = round(seconds * LABELS_A_SECOND)
        for begin in range(0, wanted, UNITS_A_REQUEST):
            await self._admit([f"early-{number}" for number in range(begin, min(begin + UNITS_A_REQUEST, wanted))])
        for name in self._tokens:
            await self.insist("assign", "PUT", f"/v1/annotators/{name}", operator, {"kind": "human"})
        await self._known(operator)

    async def _known(self, operator: str) -> None:
        """Return when every service has heard of the project: until then it is not there."""
        for url in where_known(self.stack.addresses, self.project_id):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    async with self.session.get(url, headers={"authorization": f"Bearer {operator}"}) as answer:
                        if answer.status == 200:
                            break
                    await asyncio.sleep(PAUSE_SECONDS)

    async def run(self) -> None:
        """Send and label until `end`; what was begun is said until it is acknowledged."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send())
            for token in self._tokens.values():
                tasks.create_task(self._label(token))

    def end(self) -> None:
        """Begin nothing new."""
        self._over.set()

    async def _send(self) -> None:
        number = 0
        while not self._over.is_set():
            await self._admit([f"unit-{number}"])
            number += 1
            await asyncio.sleep(UNIT_SECONDS)

    async def _admit(self, names: list[str]) -> None:
        units = [{"id": name, "content": f"text of {name}"} for name in names]
        path = f"/v1/projects/{self.project_id}/units"
        report = await self.insist("ingest", "POST", path, self.stack.issuer.client_key, units)
        assert report["admitted"] + report["repeated"] == len(names), report
        for unit in report["units"]:
            self.count.units[unit["unit_id"]] = asyncio.get_running_loop().time()

    async def _label(self, token: str) -> None:
        claim = {"units": UNITS_A_CLAIM}
        while not self._over.is_set():
            claimed = await self.ask("assign", "POST", f"/v1/projects/{self.project_id}/claims", token, claim)
            for offer in claimed["assignments"] if claimed else ():
                path = f"/v1/assignments/{offer['assignment_id']}/submission"
                result = await self.insist("assign", "POST", path, token, {"label": "a", "active_ms": 900})
                assert result["status"] in ("accepted", "late", "repeated"), result
                self.count.labels[result["annotation_id"]] = asyncio.get_running_loop().time()
            await asyncio.sleep(LABEL_SECONDS)

    async def counted(self) -> tuple[int, int]:
        """Return how many labels metrics has counted, and how many units adjudicate has decided."""
        key = self.stack.issuer.client_key
        quality = await self.insist("metrics", "GET", f"/v1/projects/{self.project_id}/quality", key)
        lines = await self.ask("adjudicate", "GET", f"/v1/projects/{self.project_id}/resolutions", key)
        decided = [json.loads(line)["status"] for line in lines.splitlines()] if isinstance(lines, bytes) else []
        return quality["annotations"], sum(status != "open" for status in decided)
