"""Reviewers: adjudicators rule what was escalated, auditors inspect samples blind."""

import asyncio
from typing import Any

from concord.chassis.identity import Role
from simulation import wishes
from simulation.notebook import Inspected, Ruled
from simulation.town import Person, Town

LOOK_SECONDS = 6.0


class Adjudicator(Person):
    """One adjudicator."""

    def __init__(self, town: Town, name: str, *roles: Role) -> None:
        super().__init__(town, name, Role.ADJUDICATOR, *roles)

    async def live(self) -> None:
        """Rule until the town closes."""
        while not self.town.closed:
            answer = await self.insist("adjudicate", "GET", "/v1/escalations", query="limit=3", tries_max=3)
            escalations = answer.json()["escalations"] if answer is not None and answer.status == 200 else []
            for escalation in escalations:
                truth = await self.truth_of(escalation["payload_url"])
                if truth is None or self.chance(0.1):
                    continue
                unit_id = escalation["unit_id"]
                ruling = {"label": truth, "reason": "The guideline says so."}
                answer = await self.insist("adjudicate", "POST", f"/v1/escalations/{unit_id}/ruling", ruling)
                if answer is not None and answer.status == 200:
                    self.town.notebook.ruled.append(Ruled(unit_id, self.name, truth, escalation["rework"]))
                elif answer is not None and answer.status not in (404, 409):
                    self.town.notebook.wrongs.append(f"a ruling on {unit_id} was answered {answer.status}")
            await asyncio.sleep(self.generator.expovariate(1 / LOOK_SECONDS))


class Auditor(Person):
    """One auditor."""

    def __init__(self, town: Town, name: str, *roles: Role) -> None:
        super().__init__(town, name, Role.AUDITOR, *roles)
        self.answers: dict[str, Any] = {}

    async def live(self) -> None:
        """Inspect until the town closes."""
        while not self.town.closed:
            answer = await self.insist("audit", "GET", "/v1/inspections", query="limit=4", tries_max=3)
            work = answer.json()["inspections"] if answer is not None and answer.status == 200 else []
            verdicts = []
            for one in work:
                truth = await self.truth_of(one["payload_url"])
                if truth is not None:
                    said = self.answers.setdefault(one["unit_id"], wishes.right_label(self.generator, truth))
                    verdicts.append({"unit_id": one["unit_id"], "label": said})
            if verdicts:
                await self._judge(verdicts)
            await asyncio.sleep(self.generator.expovariate(1 / LOOK_SECONDS))

    async def _judge(self, verdicts: list[dict[str, Any]]) -> None:
        answer = await self.insist("audit", "POST", "/v1/inspections", {"verdicts": verdicts})
        if answer is None:
            return
        if answer.status != 200:
            self.town.notebook.wrongs.append(f"verdicts were answered {answer.status}: {answer.body!r}")
            return
        for sent, result in zip(verdicts, answer.json()["results"], strict=True):
            if result["status"] in ("taken", "late", "repeated"):
                self.town.notebook.inspected.append(Inspected(sent["unit_id"], self.name, sent["label"]))
