"""Reviewers: adjudicators rule what was escalated, auditors inspect samples blind."""

import asyncio
from typing import Any

from concord.chassis.identity import Role
from simulation import wishes
from simulation.notebook import Chosen, Inspected, Paused, Referred, Ruled
from simulation.town import Person, Town

LOOK_SECONDS = 6.0
LET_GO = 0.1
"""So often a lead who looks lets somebody go on whom a rule has paused."""
REFERS = 0.4
COMMENT = "Look at it once more."
UNUSUAL = 0.1
"""How often a ruling gives no label."""


class Adjudicator(Person):
    """One adjudicator."""

    def __init__(self, town: Town, name: str, *roles: Role) -> None:
        super().__init__(town, name, Role.ADJUDICATOR, *roles)

    async def live(self) -> None:
        """Rule until the town closes."""
        while not self.town.closed:
            asked_at = asyncio.get_running_loop().time()
            answer = await self.insist("adjudicate", "GET", "/v1/escalations", query="limit=3", tries_max=3)
            escalations = answer.json()["escalations"] if answer is not None and answer.status == 200 else []
            for escalation in escalations:
                truth = await self.truth_of(escalation["payload_url"])
                if truth is None or self.chance(0.1):
                    continue
                unit_id = escalation["unit_id"]
                project_id, version = escalation["project_id"], escalation.get("schema_version", 1)
                self.town.follows("adjudicate", project_id, version, asked_at)
                ruling, entry = self._word(self.town.notebook.said(project_id, truth, version))
                answer = await self.insist("adjudicate", "POST", f"/v1/escalations/{unit_id}/ruling", ruling)
                if answer is not None and answer.status == 200:
                    if "to" in ruling:
                        self.town.notebook.referred.append(Referred(unit_id, self.name, ruling["to"]))
                    elif ruling.get("outcome") != "guideline_unclear":
                        self.town.notebook.ruled.append(Ruled(unit_id, self.name, entry, escalation["rework"]))
                elif answer is not None and answer.status not in (404, 409, *self._changed(project_id, version)):
                    self.town.notebook.wrongs.append(f"a ruling on {unit_id} was answered {answer.status}")
            await asyncio.sleep(self.generator.expovariate(1 / LOOK_SECONDS))

    def _changed(self, project_id: str, version: int) -> tuple[int, ...]:
        """Return how a ruling may be answered whose classes are called otherwise by now, or soon will be."""
        wording = self.town.notebook.wordings.get(project_id)
        return (422,) if wording is not None and wording.version != version else ()

    def _word(self, truth: Any) -> tuple[dict[str, Any], Any]:
        """Return a ruling as it is sent, and the label that it gives; none where it says that none is right."""
        if self.town.refers and self.chance(REFERS):
            to = self.generator.choice(("same", "others"))
            return {"outcome": "refer_back", "to": to, "reason": COMMENT}, None
        if self.chance(UNUSUAL):
            return {"outcome": "unanswerable", "reason": "Nobody can know."}, None
        if self.chance(UNUSUAL):
            return {"outcome": "guideline_unclear", "reason": "The guideline does not say."}, None
        return {"label": truth, "reason": "The guideline says so."}, truth


class Lead(Person):
    """Who answers what the guidelines do not say, and closes what needs no ruling.

    Args:
        town: where they work.
        let_go: how probably they let go on who is paused, each time that they look.
    """

    def __init__(self, town: Town, let_go: float = LET_GO) -> None:
        super().__init__(town, "lead", Role.OPERATOR)
        self.let_go = let_go

    async def live(self) -> None:
        """Answer until the town closes."""
        while not self.town.closed:
            for project_id in sorted(self.town.notebook.projects):
                await self._answer(project_id)
                if self.town.models:
                    await self._choose(project_id)
                if self.town.hasty:
                    await self._let_go_on(project_id)
                if self.chance(UNUSUAL):
                    body = {"above": 0.8, "reason": "Sure enough."}
                    await self.insist("adjudicate", "POST", f"/v1/projects/{project_id}/escalations/close", body)
            await asyncio.sleep(self.generator.expovariate(1 / LOOK_SECONDS))

    async def _choose(self, project_id: str) -> None:
        """Make gold of a resolved unit whose label is right, and decline one whose label is not."""
        path = f"/v1/projects/{project_id}/gold/candidates"
        answer = await self.insist("adjudicate", "GET", path, query="limit=1", tries_max=3)
        for candidate in answer.json()["candidates"] if answer is not None and answer.status == 200 else []:
            truth = await self.truth_of(candidate["payload_url"])
            if truth is None or self.chance(0.5):
                continue
            outcome = "confirmed" if self.town.notebook.says_true(project_id, candidate["label"], truth) else "declined"
            self.town.notebook.chosen.append(Chosen(candidate["unit_id"], outcome))
            body = {"outcome": outcome, "reason": "It says so."}
            entry = await self.insist("adjudicate", "POST", f"/v1/gold/candidates/{candidate['unit_id']}", body)
            if entry is not None and entry.status not in (200, 404, 409):
                self.town.notebook.wrongs.append(f"the choice of {candidate['unit_id']} was answered {entry.status}")

    async def _let_go_on(self, project_id: str) -> None:
        """Let go on, in the end, whoever a rule of the project has paused."""
        path, clock = f"/v1/projects/{project_id}/conduct", self.town.house.clock
        asked_us = clock.now_us()
        answer = await self.insist("assign", "GET", path, tries_max=3)
        if answer is None or answer.status != 200:
            return
        annotators = answer.json()["annotators"]
        paused = frozenset(
            (person["annotator_id"], held["rule"])
            for person in annotators
            for held in person["rules"]
            if held["then"] == "pause"
        )
        self.town.notebook.paused.append(Paused(project_id, asked_us, clock.now_us(), paused))
        for person in annotators:
            for held in person["rules"]:
                if held.get("appeal", {}).get("outcome") == "open" and self.chance(self.let_go):
                    await self._rule_on(path, person["annotator_id"], held["rule"])
            if self.chance(self.let_go) and any(held["then"] == "pause" for held in person["rules"]):
                entry = await self.insist("assign", "POST", path, {"annotator_id": person["annotator_id"]})
                if entry is not None and entry.status not in (200, 409):
                    self.town.notebook.wrongs.append(f"the lead let somebody go on and was answered {entry.status}")

    async def _rule_on(self, path: str, annotator_id: str, rule: str) -> None:
        """Rule on what somebody says to a rule that holds against them; one who rules on themselves is refused."""
        outcome = "upheld" if self.chance(0.5) else "declined"
        body = {"annotator_id": annotator_id, "rule": rule, "outcome": outcome, "reason": f"It is {outcome}."}
        answer = await self.insist("assign", "POST", f"{path}/rulings", body)
        if answer is not None and answer.status not in (200, 409):
            self.town.notebook.wrongs.append(f"the lead ruled on an appeal and was answered {answer.status}")

    async def _answer(self, project_id: str) -> None:
        path = f"/v1/projects/{project_id}/questions"
        answer = await self.insist("adjudicate", "GET", path, tries_max=3)
        for question in answer.json()["questions"] if answer is not None and answer.status == 200 else []:
            if question["status"] == "open":
                body = {"answer": "It is clear enough."}
                entry = await self.insist("adjudicate", "POST", f"{path}/{question['question_id']}/answer", body)
                if entry is not None and entry.status != 200:
                    self.town.notebook.wrongs.append(f"an answer was answered {entry.status}: {entry.body!r}")


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
            for unit in work:
                truth = await self.truth_of(unit["payload_url"])
                if truth is not None:
                    label = self._label(unit, truth)
                    verdicts.append({"unit_id": unit["unit_id"], "label": label})
            if verdicts:
                await self._judge(verdicts)
            await asyncio.sleep(self.generator.expovariate(1 / LOOK_SECONDS))

    def _label(self, unit: dict[str, Any], truth: Any) -> Any:
        """Return the auditor's label in the names of the version that is asked for, the same as before."""
        true = self.town.notebook.said(unit["project_id"], truth, version := unit["schema_version"])
        return self.answers.setdefault(f"{unit['unit_id']}/{version}", wishes.right_label(self.generator, true))

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
