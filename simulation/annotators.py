"""Annotators with a confusion matrix that nobody knows: they claim, label, skip, let leases end, die and come back."""

import asyncio
from typing import Any

from concord.chassis.identity import Role
from simulation import drafting, wishes
from simulation.house import Answer
from simulation.notebook import Ended, Revised, Submitted
from simulation.town import Person, Town

THINK_SECONDS = 2.0
IDLE_SECONDS = 8.0
AWAY_SECONDS = 45.0
CLAIM_UNITS_MAX = 4
REVISES = 0.4
REVISED_AMONG = 6
"""Somebody who revises looks at so many of their last labels."""
APPEALS = 0.3
ANY_PROJECT = 0.3
RUSH_CLAIMS = 4
RUSH_UNITS = 6
SKIPPED = 0.7
"""By whoever skips most."""
HASTY_MS_MAX = 200
SKIP_CODES = ("payload_broken", "guideline_unclear", "other")


class Annotator(Person):
    """One annotator.

    Args:
        town: where they live.
        name: their id.
        steady: they always label, and rightly: the relief that comes when the town is calm.
        roles: what else they are.
    """

    def __init__(self, town: Town, name: str, *roles: Role, steady: bool = False) -> None:
        super().__init__(town, name, Role.ANNOTATOR, *roles)
        self.steady = steady
        self.right = 1.0 if steady else self.generator.uniform(0.55, 0.95)
        self.odd = 0.0 if steady else 0.06
        self.answers: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        """By assignment, a label that says something else than the answer, where it has classes."""
        self.words: dict[str, list[Any]] = {}
        """By assignment, every label that was ever sent for it."""

    async def live(self) -> None:
        """Work until the town closes."""
        while not self.town.closed:
            worked = await self._work() if self.chance(ANY_PROJECT) else False
            for project_id in sorted(self.town.notebook.projects):
                worked = await self._work(project_id) or worked
            if not worked:
                await asyncio.sleep(self.generator.expovariate(1 / IDLE_SECONDS))

    async def _work(self, project_id: str = "") -> bool:
        """Claim units of a project, or of whichever has its turn, and label them; return whether there were any."""
        wish = {"units": self.generator.randint(1, CLAIM_UNITS_MAX)}
        if project_id and self.chance(self.odd):
            await self._rush(project_id)
        if not project_id and (standing := await self.insist("assign", "GET", "/v1/me", tries_max=1)) is not None:
            self._read(standing.body)
        path = f"/v1/projects/{project_id}/claims" if project_id else "/v1/claims"
        answer = await self.insist("assign", "POST", path, wish, tries_max=3)
        if answer is None or answer.status != 200:
            return await self._refused(project_id, answer)
        self._read(answer.body)
        offers = answer.json()["assignments"]
        project_id = project_id or answer.json().get("project_id", "")
        if not offers:
            return False
        ready: list[dict[str, Any]] = []
        for offer in offers:
            self.town.notebook.offered[offer["assignment_id"]] = self.name
            await asyncio.sleep(self.generator.expovariate(1 / THINK_SECONDS))
            if await self._passes_over(offer["assignment_id"]):
                continue
            await drafting.perhaps(self, offer)
            truth = await self.truth_of(offer["payload_url"])
            if truth is not None:
                ready.append(self._answer(project_id, offer, truth))
        if self.chance(self.odd / 2):
            await asyncio.sleep(self.generator.expovariate(1 / AWAY_SECONDS))
            return True
        await self._submit(ready)
        if self.town.revises and self.chance(REVISES):
            await self._revise()
        return bool(offers)

    async def _refused(self, project_id: str, answer: Answer | None) -> bool:
        """Appeal where one may have been stopped by a rule; there is no work."""
        is_stopped = self.town.appeals and answer is not None and answer.status == 409 and project_id
        if is_stopped and self.name in (self.town.hasty, self.town.skipper) and self.chance(APPEALS):
            await self._appeal(project_id)
        return False

    async def _appeal(self, project_id: str) -> None:
        """Answer to what is held against oneself; said again, also in other words, it is no second answer."""
        path = f"/v1/projects/{project_id}/conduct"
        mine = await self.insist("assign", "GET", f"{path}/mine", tries_max=2)
        for held in mine.json()["rules"] if mine is not None and mine.status == 200 else []:
            body = {"rule": held["rule"], "reason": self.generator.choice(("I had read them.", "They were blank."))}
            answer = await self.insist("assign", "POST", f"{path}/appeals", body, tries_max=2)
            if answer is not None and answer.status not in (200, 409):
                self.town.notebook.wrongs.append(f"{self.name} appealed and was answered {answer.status}")

    async def _rush(self, project_id: str) -> None:
        """Claim several times at once, as somebody who presses a button again and again."""
        path, wish = f"/v1/projects/{project_id}/claims", {"units": RUSH_UNITS}
        claims = [self.insist("assign", "POST", path, wish, tries_max=1) for _ in range(RUSH_CLAIMS)]
        for answer in await asyncio.gather(*claims):
            if answer is not None and answer.status == 200:
                self._read(answer.body)
                for offer in answer.json()["assignments"]:
                    self.town.notebook.offered[offer["assignment_id"]] = self.name

    async def _passes_over(self, assignment_id: str) -> bool:
        """Skip, return, let the lease end, or renew it, now and then; return whether the unit is off the table."""
        if self.name == self.town.skipper and self.chance(SKIPPED):
            await self._end(assignment_id, "skip", "skipped", {"reason": "Not for me.", "code": "knowledge"})
            return True
        if self.chance(self.odd):
            await self._end(assignment_id, "skip", "skipped", {"reason": "I cannot tell.", **self._code()})
            return True
        if self.chance(self.odd):
            await self._end(assignment_id, "return", "returned", None)
            return True
        if self.chance(self.odd):
            await self.insist("assign", "POST", f"/v1/assignments/{assignment_id}/renew", tries_max=2)
        if self.chance(self.odd):
            await asyncio.sleep(self.generator.expovariate(1 / AWAY_SECONDS))
        return self.chance(self.odd)

    def _code(self) -> dict[str, str]:
        """Return what kind of reason somebody has who skips, in towns where that is said."""
        return {"code": self.generator.choice(SKIP_CODES)} if self.town.models else {}

    async def _end(self, assignment_id: str, verb: str, status: str, body: Any) -> None:
        answer = await self.insist("assign", "POST", f"/v1/assignments/{assignment_id}/{verb}", body)
        if answer is not None and answer.status == 200:
            self._read(answer.body)
            self.town.notebook.ended.append(Ended(assignment_id, self.name, status))

    def _answer(self, project_id: str, offer: dict[str, Any], truth: Any) -> dict[str, Any]:
        """Return the annotator's label in the offer's names, the same as before where they labelled it before."""
        assignment_id, schema = offer["assignment_id"], offer["label_schema"]
        truth = self.town.notebook.said(project_id, truth, offer["schema_version"])
        if assignment_id not in self.answers:
            draw, right = self.generator, self.chance(self.right)
            answer = wishes.right_label(draw, truth) if right else wishes.wrong_label(draw, truth, schema)
            self.answers[assignment_id] = answer
            if schema["kind"] == "choice":
                self.others[assignment_id] = next(name for name in reversed(schema["classes"]) if name != answer)
        body: dict[str, Any] = {"assignment_id": assignment_id, "label": self.answers[assignment_id]}
        if self.chance(0.5):
            body["active_ms"] = self.generator.randint(300, 9_000)
        if self.name == self.town.hasty:
            body["active_ms"] = self.generator.randint(1, HASTY_MS_MAX)
        if self.chance(self.odd):
            body["flag"] = "blurred"
        return body

    async def _submit(self, ready: list[dict[str, Any]]) -> None:
        if not ready:
            return
        if self.chance(self.odd):
            await self._submit_wrongly(ready[0])
        if self.chance(0.3):
            await self._one_by_one(ready)
            return
        answer = await self.insist("assign", "POST", "/v1/submissions", {"submissions": ready})
        if answer is None:
            return
        self._read(answer.body)
        if answer.status != 200:
            self.town.notebook.wrongs.append(f"{self.name} submitted and was answered {answer.status}")
            return
        for result in answer.json()["results"]:
            error = result.get("error")
            self._note(result, 200 if error is None else error["status"])
        if self.chance(self.odd):
            await self._change_their_mind(ready[0])

    async def _one_by_one(self, ready: list[dict[str, Any]]) -> None:
        """Send a call a label, and ask for what is next with most."""
        for assignment in ready:
            wish = {name: value for name, value in assignment.items() if name != "assignment_id"}
            if self.chance(0.7):
                wish["next"] = self.generator.randint(1, 3)
            path = f"/v1/assignments/{assignment['assignment_id']}/submission"
            answer = await self.insist("assign", "POST", path, wish)
            if answer is None:
                continue
            self._read(answer.body)
            document = answer.json() if answer.status == 200 else {}
            self._note(document, answer.status)
            for offer in document.get("next", {}).get("assignments", []):
                self.town.notebook.offered[offer["assignment_id"]] = self.name

    def _note(self, result: dict[str, Any], status: int) -> None:
        if status == 200:
            assignment_id = result["assignment_id"]
            submitted = Submitted(assignment_id, self.name, self.answers[assignment_id], result["status"])
            self.town.notebook.submitted.append(submitted)
        elif status not in (404, 409):
            self.town.notebook.wrongs.append(f"{self.name} submitted a label and was answered {status}")

    async def _submit_wrongly(self, assignment: dict[str, Any]) -> None:
        """Send a label outside the schema."""
        path = f"/v1/assignments/{assignment['assignment_id']}/submission"
        answer = await self.insist("assign", "POST", path, {"label": "perhaps"})
        if answer is not None and answer.status != 422:
            self.town.notebook.wrongs.append(f"a label outside the schema was answered {answer.status}")

    async def _change_their_mind(self, assignment: dict[str, Any]) -> None:
        """Send another label for what was submitted; the first stands."""
        other = self.others.get(assignment["assignment_id"]) or wishes.another_label(assignment["label"])
        taken = {submitted.assignment_id for submitted in self.town.notebook.submitted}
        path = f"/v1/assignments/{assignment['assignment_id']}/submission"
        answer = await self.insist("assign", "POST", path, {"label": other})
        if answer is not None and answer.status != 409 and assignment["assignment_id"] in taken:
            self.town.notebook.wrongs.append(
                f"another label for {assignment['assignment_id']}, which was submitted, was answered {answer.status}"
            )

    async def _revise(self) -> None:
        """Say something else of one of the last units, or the same after all; whatever became of it meanwhile."""
        taken = [each for each in self.town.notebook.submitted if each.annotator_id == self.name]
        if not taken:
            return
        annotation_id = self.generator.choice(taken[-REVISED_AMONG:]).assignment_id
        shown = await self.insist("assign", "GET", f"/v1/annotations/{annotation_id}", tries_max=3)
        if shown is None or shown.status != 200:
            return
        self._read(shown.body)
        number, label = shown.json()["revision"] + 1, shown.json()["label"]
        words = self.words.setdefault(annotation_id, [self.answers[annotation_id]])
        if label not in words:
            self.town.notebook.wrongs.append(f"{self.name} gave {words} for {annotation_id}, and is shown {label!r}")
        others = self.others.get(annotation_id), self.answers[annotation_id]
        other = next((each for each in others if each is not None and each != label), None)
        other = wishes.another_label(label) if other is None else other
        words.append(other)
        path = f"/v1/annotations/{annotation_id}/revisions/{number}"
        answer = await self.insist("assign", "PUT", path, {"label": other})
        if answer is None:
            return
        self._read(answer.body)
        if answer.status == 200:
            self.town.notebook.revised.append(Revised(annotation_id, self.name, number, other))
        elif answer.status not in (404, 409):
            self.town.notebook.wrongs.append(f"{self.name} revised {annotation_id} and was answered {answer.status}")

    def _read(self, reply: bytes) -> None:
        self.town.notebook.replies.append((self.name, reply))
