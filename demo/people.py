"""The people of the demo: each asks for work and answers what that person really answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.client import Refused, Services

CLAIM_UNITS = 10
REVIEW_UNITS = 20
PAUSE_SECONDS_FIRST = 0.1
WAIT_SECONDS = 20
"""Whoever has nothing to do is answered when there is something."""
WORKING_MAX = 24
"""People who are at their desks at once."""


@dataclass(frozen=True, slots=True)
class Person:
    """One annotator of the data set: token, and by unit what was answered and in how many milliseconds."""

    annotator_id: str
    token: str
    answers: Mapping[str, tuple[str, int]]


@dataclass(slots=True)
class Shift:
    """A stretch of work that ends when it is told to.

    Attributes:
        on_label: called once for every label that was acknowledged.
    """

    services: Services
    project_id: str
    on_label: Callable[[], None]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    desks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WORKING_MAX))

    async def annotate(self, person: Person) -> None:
        """Claim and submit until the shift is over."""
        while not self.over.is_set():
            offered = await self._offered(person)
            if offered:
                async with self.desks:
                    await self._submit(person, offered)

    async def adjudicate(self, token: str, rulings: Mapping[str, str]) -> None:
        """Rule every escalation by the gold label until the shift is over."""
        while not self.over.is_set():
            path = f"/v1/escalations?project_id={self.project_id}&limit={REVIEW_UNITS}"
            waiting = (await self.services.json("adjudicate", "GET", path, token))["escalations"]
            decisions = [
                {"unit_id": unit["unit_id"], "label": rulings[unit["unit_id"]], "reason": "as the gold label says"}
                for unit in waiting
            ]
            if decisions:
                await self._accepted("adjudicate", "/v1/rulings", token, {"rulings": decisions})
            else:
                await self._pause(PAUSE_SECONDS_FIRST * 3)

    async def audit(self, token: str, truth: Mapping[str, str]) -> None:
        """Inspect every sample by the gold label until the shift is over."""
        while not self.over.is_set():
            path = f"/v1/inspections?project_id={self.project_id}&limit={REVIEW_UNITS}"
            waiting = (await self.services.json("audit", "GET", path, token))["inspections"]
            verdicts = [{"unit_id": unit["unit_id"], "label": truth[unit["unit_id"]]} for unit in waiting]
            if verdicts:
                await self._accepted("audit", "/v1/inspections", token, {"verdicts": verdicts})
            else:
                await self._pause(PAUSE_SECONDS_FIRST * 3)

    async def _offered(self, person: Person) -> list[dict[str, Any]]:
        """Return what a person is given, once there is something; whoever waits hangs up when the shift is over."""
        path, wish = f"/v1/projects/{self.project_id}/claims", {"units": CLAIM_UNITS, "wait_seconds": WAIT_SECONDS}
        asking = asyncio.ensure_future(self.services.json("assign", "POST", path, person.token, wish))
        ending = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait((asking, ending), return_when="FIRST_COMPLETED")
            return list(asking.result()["assignments"]) if asking.done() else []
        finally:
            asking.cancel()
            ending.cancel()

    async def _submit(self, person: Person, offered: Sequence[Mapping[str, Any]]) -> None:
        labels: list[dict[str, Any]] = []
        for assignment in offered:
            label, active_ms = await self._answer(person, assignment["unit_id"])
            labels.append({"assignment_id": assignment["assignment_id"], "label": label, "active_ms": active_ms})
        body = {"submissions": labels}
        results = (await self.services.json("assign", "POST", "/v1/submissions", person.token, body))["results"]
        for result in results:
            if result.get("error"):
                raise Refused(f"a label of {person.annotator_id} was refused: {result}")
            self.on_label()

    async def _answer(self, person: Person, unit_id: str) -> tuple[str, int]:
        """Return what a person answers; a unit may be offered before its admission was answered."""
        while unit_id not in person.answers:  # noqa: ASYNC110 - filled by whoever sent it, within moments
            await asyncio.sleep(PAUSE_SECONDS_FIRST)
        return person.answers[unit_id]

    async def _accepted(self, service: str, path: str, token: str, body: dict[str, Any]) -> None:
        """Send a batch of reviews. What was decided meanwhile may be refused; what is wrong in itself may not."""
        results = (await self.services.json(service, "POST", path, token, body))["results"]
        wrong = [result for result in results if result["status"] == "refused" and result["field"] != "unit_id"]
        if wrong:
            raise Refused(f"{service} refused {wrong[0]}")

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.over.wait(), seconds)
        except TimeoutError:
            return
