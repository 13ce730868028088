"""A project on a watched stack: units are sent to it, people label them, an auditor says which labels are wrong."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from concord.chassis.identity.caller import Role
from tests.end_to_end.alerts.run import ANNOTATOR, Town

PAUSE_SECONDS = 0.3
UNITS_A_CLAIM = 20
STEP_SECONDS_MAX = 300.0
AUDITOR = "zoe"
ALONE: Mapping[str, Any] = {
    "overlap": {"initial": 1, "max": 2},
    "consensus": {"method": "posterior", "confidence": 0.5},
    "gold": {"rate": 0},
    "lease": {"seconds": 3_600},
}
"""One label settles a unit, however sure it is."""


class Job:
    """A project whose units are all labelled `a`."""

    def __init__(self, town: Town, name: str, **policy: Any) -> None:
        self.town = town
        self.name = name
        self.policy = {**ALONE, **policy}
        self.project_id = ""
        self._numbers: dict[str, int] = {}

    async def ask(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Ask until there is an answer; until a service knows of a new project it refuses."""
        load = self.town.load
        until = time.monotonic() + STEP_SECONDS_MAX
        while (answer := await load.ask(service, method, path, token, body)) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"{method} {path} was not answered: {load.count.refused[-1:]}")
            await asyncio.sleep(PAUSE_SECONDS)
        return answer

    async def define(self, targets: Mapping[str, float] | None = None, guideline: str = "Say a or b.") -> None:
        """Define the project and who labels in it."""
        body = {
            "label_schema": {"kind": "choice", "classes": ["a", "b"]},
            "guideline": guideline,
            "policy": self.policy,
            "targets": dict(targets or {}),
        }
        answer = await self.ask("ingest", "PUT", f"/v1/projects/{self.name}", self.town.client, body)
        self.project_id = answer["project_id"]

    async def send(self, count: int, content: Callable[[int], str] = "text {}".format) -> None:
        """Send so many units."""
        first = len(self._numbers)
        units = [{"id": f"u{number}", "content": content(number)} for number in range(first, first + count)]
        path = f"/v1/projects/{self.project_id}/units"
        report = await self.ask("ingest", "POST", path, self.town.client, units)
        self._numbers |= {unit["unit_id"]: first + place for place, unit in enumerate(report["units"])}

    async def claim(self, count: int, person: str = ANNOTATOR) -> list[str]:
        """Return as many assignments as were given of so many."""
        token, path = self.town.token(Role.ANNOTATOR, person), f"/v1/projects/{self.project_id}/claims"
        claimed = await self.ask("assign", "POST", path, token, {"units": min(count, UNITS_A_CLAIM)})
        return [offer["assignment_id"] for offer in claimed["assignments"]]

    async def submit(self, assignment_id: str, person: str = ANNOTATOR, label: str = "a") -> None:
        """Label a unit."""
        token, path = self.town.token(Role.ANNOTATOR, person), f"/v1/assignments/{assignment_id}/submission"
        await self.ask("assign", "POST", path, token, {"label": label, "active_ms": 900})

    async def label(self, count: int, person: str = ANNOTATOR, label: str = "a") -> None:
        """Label so many units, one after another."""
        async with asyncio.timeout(STEP_SECONDS_MAX):
            while count > 0:
                given = await self.claim(count, person)
                for assignment_id in given:
                    await self.submit(assignment_id, person, label)
                count -= len(given)
                if not given:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def lot(self, units: int, wrong: int) -> None:
        """Have a lot of so many units labelled and judged by an auditor to whom so many of its labels are wrong."""
        first = len(self._numbers)
        await self.send(units)
        await self.label(units)
        await self.inspect(await self.accepted(), wrong, first)

    async def inspect(self, before: int, wrong: int, first: int = 0) -> None:
        """Have an auditor judge until more lots are accepted than before; from the first unit on so many are wrong."""
        token, path = self.town.token(Role.AUDITOR, AUDITOR), f"/v1/inspections?project_id={self.project_id}"
        async with asyncio.timeout(STEP_SECONDS_MAX):
            while await self.accepted() == before:
                found = (await self.ask("audit", "GET", path, token))["inspections"]
                verdicts = [
                    {"unit_id": unit["unit_id"], "label": "ab"[self._numbers[unit["unit_id"]] - first < wrong]}
                    for unit in found
                ]
                if verdicts:
                    await self.ask("audit", "POST", "/v1/inspections", token, {"verdicts": verdicts})
                else:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def accepted(self) -> int:
        """Return how many lots were accepted."""
        body = await self.ask("audit", "GET", f"/v1/projects/{self.project_id}/lots?limit=500", self.town.client)
        return sum(lot["status"] == "accepted" for lot in body["lots"])
