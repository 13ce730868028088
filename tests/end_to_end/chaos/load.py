"""A town of small projects: each has a client, annotators, an adjudicator and an auditor, who ask until answered."""

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Any

import aiohttp
import msgspec

from concord.chassis.identity.caller import Role
from deploy.local.stack import Stack
from tests.end_to_end.chaos.notebook import WAITING, Ask, Notebook
from tests.support.known import SERVED, where_known

LABELS = ("a", "b", "c")
WEIGHTS = (8, 1, 1)
"""How often each is said: most units are settled by two labels, some by three, and a few by an adjudicator."""
PEOPLE = 4
UNITS_AT_FIRST, UNITS_A_REQUEST, UNITS_A_CLAIM = 20, 2, 2
LOT_UNITS = 10
WAITING_PEOPLE = 1
"""Of a project, beside the others: whoever asks for work and waits until there is some."""
WAIT_SECONDS, PAUSE_SECONDS_WAITING = 6, 0.3
"""How long they wait for a unit, of which one comes every second or so, and how long each takes them."""
PAUSE_SECONDS = 0.7
PAUSE_SECONDS_REVIEW = 1.5
PAUSE_SECONDS_CLIENT = 2.0
"""Units come about as fast as they are labelled, so that lots are finished on the way."""
REFUSALS_KEPT = 6
"""Of each request that differ from the one before, for whoever wants to know why it waited."""
RETRY_SECONDS = 0.25
"""Sooner than `Retry-After` says, so that it is seen when a project goes on."""
REQUEST_SECONDS_MAX = 20.0
END_SECONDS_MAX = 240.0
LATER = (503, 429)
LEASE_SECONDS = 300
"""Longer than the outages of one order after the other take: nobody's ends while they ask in vain."""
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": list(LABELS)},
    "guideline": "Say a, b or c.",
    "policy": {
        "overlap": {"initial": 2, "max": 3},
        "consensus": {"method": "majority"},
        "lease": {"seconds": LEASE_SECONDS},
        "lot": {"size": LOT_UNITS, "seal_after_seconds": 600},
        "audit": {"plan": "sequential", "aql": 0.05, "ltpd": 0.2, "on_reject": "inspect_all"},
    },
}


class Unanswered(Exception):
    """Somebody asked until the end and was not answered."""


@dataclass
class Project:
    """One project and what is known of it."""

    slug: str
    project_id: str
    annotators: dict[str, str]
    units_sent: int = 0


class Town:
    """The load.

    Args:
        stack: up.
        session: makes the requests.
        projects: how many.
        seed: draws what people say.

    Attributes:
        notebook: what came of it.
    """

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, projects: int, seed: int) -> None:
        self.stack = stack
        self.session = session
        self.notebook = Notebook()
        self.projects: list[Project] = []
        self._count = projects
        self._drawn = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._over_at = math.inf
        self._tokens = {role: stack.issuer.token(role, f"{role}-of-the-town") for role in Role if role != Role.CLIENT}
        self._client = stack.issuer.client_key

    async def prepare(self) -> None:
        """Define projects and people, send first units, and return when every service serves every project."""
        for number in range(self._count):
            slug = f"town-{number}"
            project = await self.ask("ingest", "", "PUT", f"/v1/projects/{slug}", self._client, DEFINITION)
            names = [f"{slug}-person-{entry}" for entry in range(PEOPLE + WAITING_PEOPLE)]
            tokens = {name: self.stack.issuer.token(Role.ANNOTATOR, name) for name in names}
            for name in names:
                path, operator = f"/v1/annotators/{name}", self._tokens[Role.OPERATOR]
                await self.ask("assign", "", "PUT", path, operator, {"kind": "human"})
            self.projects.append(Project(slug, project["project_id"], tokens))
        await asyncio.gather(*(self._admit(project, UNITS_AT_FIRST) for project in self.projects))
        await asyncio.gather(*(self._known(project) for project in self.projects))
        self.notebook.asks.clear()

    async def _known(self, project: Project) -> None:
        """Return when every service has heard of the project: until then it is not there."""
        for url in where_known(self.stack.addresses, project.project_id):
            while await self.serves(url) != 200:  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(RETRY_SECONDS)

    async def serves(self, url: str, headers: Mapping[str, str] | None = None) -> int:
        """Return the status of an operator's request; 0 when there was no answer."""
        body = {"authorization": f"Bearer {self._tokens[Role.OPERATOR]}", **(headers or {})}
        try:
            async with self.session.get(url, headers=body) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def run(self) -> None:
        """Work until `end`, then answer for what was begun.

        Raises:
            Unanswered: something was not answered END_SECONDS_MAX after the end, in a group.
        """
        async with asyncio.TaskGroup() as tasks:
            for project in self.projects:
                tasks.create_task(self._again(partial(self._admit, project, UNITS_A_REQUEST), PAUSE_SECONDS_CLIENT))
                tasks.create_task(self._again(partial(self._review, project), PAUSE_SECONDS_REVIEW))
                names = list(project.annotators)
                for name in names[:PEOPLE]:
                    tasks.create_task(self._again(partial(self._annotate, project, name), PAUSE_SECONDS * PEOPLE))
                for name in names[PEOPLE:]:
                    tasks.create_task(self._again(partial(self._wait_for_one, project, name), PAUSE_SECONDS_WAITING))

    def end(self) -> None:
        """Begin nothing new."""
        self._over.set()
        self._over_at = self._loop.time()

    async def _again(self, does: Callable[[], Awaitable[None]], seconds: float) -> None:
        await asyncio.sleep(self._drawn.random() * seconds)
        while not self._over.is_set():
            await does()
            await asyncio.sleep(seconds)

    async def _admit(self, project: Project, count: int) -> None:
        names = [f"unit-{number}" for number in range(project.units_sent, project.units_sent + count)]
        project.units_sent += count
        units = [{"id": name, "content": f"{project.slug}, text of {name}"} for name in names]
        path = f"/v1/projects/{project.project_id}/units"
        body = await self.ask("ingest", project.project_id, "POST", path, self._client, units)
        if body["admitted"] + body["repeated"] != count:
            self.notebook.wrong.append(f"{count} units were sent and answered by {body}")
        for unit in body["units"]:
            self.notebook.units[unit["unit_id"]] = f"{project.slug}/{unit['source_id']}"

    async def _annotate(self, project: Project, name: str) -> None:
        token = project.annotators[name]
        path = f"/v1/projects/{project.project_id}/claims"
        claimed = await self.ask("assign", project.project_id, "POST", path, token, {"units": UNITS_A_CLAIM})
        await self._label(project, name, claimed["assignments"])

    async def _wait_for_one(self, project: Project, name: str) -> None:
        """Ask for a unit and wait until there is one; label it."""
        offered = (await self._waited(project, name))["assignments"]
        self.notebook.given_to_waiting += len(offered)
        self.notebook.waited_for_nothing += not offered
        await self._label(project, name, offered)

    async def _label(self, project: Project, name: str, offered: Sequence[Any]) -> None:
        token = project.annotators[name]
        for offer in offered:
            label = self._drawn.choices(LABELS, WEIGHTS)[0]
            self.notebook.given[offer["unit_id"]][name] = label
            path = f"/v1/assignments/{offer['assignment_id']}/submission"
            body = {"label": label, "active_ms": 900}
            annotation = await self.ask("assign", project.project_id, "POST", path, token, body)
            self.notebook.labels[annotation["annotation_id"]] = (offer["unit_id"], name)

    async def _review(self, project: Project) -> None:
        """Rule what is escalated, inspect what is drawn, and look at the quality."""
        which = f"project_id={project.project_id}&limit=20"
        await self._rule(project, self._tokens[Role.ADJUDICATOR], which)
        await self._inspect(project, self._tokens[Role.AUDITOR], which)
        path = SERVED["metrics"](project.project_id)
        await self.ask("metrics", project.project_id, "GET", path, self._client)

    async def _rule(self, project: Project, token: str, which: str) -> None:
        body = await self.ask("adjudicate", project.project_id, "GET", f"/v1/escalations?{which}", token)
        for escalation in body["escalations"]:
            answer = {"label": LABELS[0], "reason": "as the town says"}
            path = f"/v1/escalations/{escalation['unit_id']}/ruling"
            await self.ask("adjudicate", project.project_id, "POST", path, token, answer)
            self.notebook.rulings[escalation["unit_id"]] = LABELS[0]

    async def _inspect(self, project: Project, token: str, which: str) -> None:
        body = await self.ask("audit", project.project_id, "GET", f"/v1/inspections?{which}", token)
        rows = [
            {"unit_id": inspection["unit_id"], "label": self._settled(inspection["unit_id"])}
            for inspection in body["inspections"]
        ]
        if not rows:
            return
        body = await self.ask("audit", project.project_id, "POST", "/v1/inspections", token, {"verdicts": rows})
        for result in body["results"]:
            if result["status"] in ("taken", "repeated"):
                self.notebook.verdicts.add(result["unit_id"])
            elif result["status"] != "late":
                self.notebook.wrong.append(f"a verdict was answered by {result}")

    def _settled(self, unit_id: str) -> str:
        """Return what the town takes for a unit's label: what was ruled, or most said."""
        if unit_id in self.notebook.rulings:
            return self.notebook.rulings[unit_id]
        return Counter(self.notebook.given[unit_id].values()).most_common(1)[0][0]

    async def ask(self, service: str, project_id: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Ask until it is answered, and note how long that took; return the answer's JSON.

        Raises:
            Unanswered: it was not, until long after the end.
        """
        began, refused = self._loop.time(), list[tuple[float, str]]()

        def note(answered: float) -> None:
            new = (row for before, row in pairwise([(began, ""), *refused]) if row[1] != before[1])
            rows = tuple(f"{at - began:.1f} s: {what}" for at, what in islice(new, REFUSALS_KEPT))
            self.notebook.asks[service, project_id].append(Ask(began, answered, f"{method} {path}", rows))

        while (answer := await self._try(service, method, path, token, body, refused)) is None:
            if self._gives_up():
                note(math.inf)
                raise Unanswered(f"{method} {service}{path}")
            await asyncio.sleep(RETRY_SECONDS)
        note(self._loop.time())
        return answer

    def _gives_up(self) -> bool:
        return self._loop.time() > self._over_at + END_SECONDS_MAX

    async def _waited(self, project: Project, name: str) -> Any:
        """Ask for a unit, and wait for WAIT_SECONDS in all at whoever lets them; return the answer's JSON.

        Raises:
            Unanswered: nobody let them, until long after the end.
        """
        path, token = f"/v1/projects/{project.project_id}/claims", project.annotators[name]
        who, due = "assign" + WAITING, self._loop.time() + WAIT_SECONDS
        turned_away = math.inf
        while True:
            began = self._loop.time()
            body = {"units": 1, "wait_seconds": max(0, round(due - began))}
            answer = await self._try("assign", "POST", path, token, body, [], who)
            now = self._loop.time()
            if answer is not None:
                self.notebook.waited(who, project.project_id, f"POST {path}", min(turned_away, began), began, due, now)
                return answer
            turned_away = min(turned_away, now)
            if self._gives_up():
                self.notebook.waited(who, project.project_id, f"POST {path}", turned_away, math.inf, due, math.inf)
                raise Unanswered(f"POST assign{path}")
            await asyncio.sleep(RETRY_SECONDS)

    async def _try(
        self,
        service: str,
        method: str,
        path: str,
        token: str,
        body: Any,
        refused: list[tuple[float, str]],
        who: str = "",
    ) -> Any:
        """Ask once; return the answer's JSON, or None and add to `refused` what came instead.

        `who`: under what name the notebook counts what came instead; the service's if empty.
        """
        who = who or service
        data = None if body is None else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            url = self.stack.addresses[service] + path
            async with self.session.request(method, url, data=data, headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as fault:
            self.notebook.broken[who] += 1
            refused.append((self._loop.time(), repr(fault)))
            return None
        if answer.status < 300:
            return json.loads(content)
        refused.append((self._loop.time(), f"{answer.status} {content[:200]!r}"))
        if answer.status in LATER and "retry-after" in answer.headers:
            self.notebook.later[who] += 1
        else:
            self.notebook.wrong.append(f"{method} {service}{path}: {answer.status} {content[:300]!r}")
        return None
