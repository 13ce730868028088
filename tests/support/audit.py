"""Audit over the memory ports, as tests drive it: events in, verdicts through its HTTP door."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from concord.chassis.identity import Role
from concord.chassis.places.owner import Standing
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id, slot_of_project
from concord.contracts.topics import LOTS, PROJECTS
from concord.contracts.v1.projects_pb2 import ProjectDefined, ProjectEvent
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Evidence, RuledUnanswerable
from concord.labels import encoded
from services.audit.bootstrap import wire
from services.audit.handlers import Handlers
from services.audit.repository import Repository
from services.audit.settings import AuditSettings
from services.audit.webhooks.sender import Sender
from services.ingest import announcements
from services.ingest.domain import project as policies
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.patience import PATIENCE_SECONDS
from tests.support.settled import LOOK_SECONDS, settled
from tests.support.upstream import PROJECT, Upstream


def unit_ids(count: int, project_id: str = PROJECT, first: int = 0) -> list[str]:
    """Return ids of units of a project, which lie in its place."""
    return [placed_id("u", project_id, f"{number:026}") for number in range(first, first + count)]


def lot_id(number: int = 1, project_id: str = PROJECT) -> str:
    """Return the id of a lot of a project."""
    return placed_id("l", project_id, f"{number:026}")


LIVES = [1]
"""How many processes a test begins with; fixtures set it."""
UNITS = unit_ids(20)
LOT = lot_id()
CHOICE = {"kind": "choice", "classes": ["no", "yes"]}
RELABEL = policies.Audit(aql=0.05, ltpd=0.3, on_reject="relabel")
INSPECT_ALL = policies.Audit(aql=0.05, ltpd=0.3, on_reject="inspect_all")


@dataclass
class Life:
    """One process of audit."""

    service: Service
    writer: str

    @property
    def handlers(self) -> Handlers:
        found: Handlers = self.service.application.state.service.handlers  # type: ignore[attr-defined]  # FastAPI's own state
        return found

    @property
    def repository(self) -> Repository:
        return self.handlers.means.repository

    def owns(self, project_id: str) -> bool:
        return self.repository.owner.whose(slot_of_project(project_id)).standing is Standing.MINE


@dataclass
class Audit:
    """A running audit and those before it; its lives are called in turn, whoever owns what is asked for."""

    house: House
    lives: list[Life]
    upstream: Upstream
    turns: Iterator[int] = field(default_factory=itertools.count)
    sender: Sender | None = None

    @property
    def owning(self) -> Life:
        """The life that serves the project."""
        return next((life for life in self.lives if life.owns(self.upstream.project_id)), self.lives[0])

    @property
    def service(self) -> Service:
        return self.owning.service

    @property
    def handlers(self) -> Handlers:
        return self.owning.handlers

    @property
    def repository(self) -> Repository:
        return self.owning.repository

    async def call(self, method: str, path: str, body: Any = None, subject: str = "auditor", **more: Any) -> Answer:
        token = self.house.token(subject, more.pop("role", Role.AUDITOR), client_id=more.pop("client_id", None))
        life = more.pop("at", None) or self.lives[next(self.turns) % len(self.lives)]
        return await call(life.service.application, method, path, token, body, **more)

    async def stop(self) -> None:
        """End every life in order."""
        while self.lives:
            await self.leave(self.lives[-1])

    async def leave(self, life: Life) -> None:
        """End a life as a rolling update does: its places are handed over before its door closes."""
        life.service.runtime.drain()
        await life.service.runtime.hand_over()
        self.house.doors.pop(f"http://{life.writer}", None)
        await life.service.runtime.stop()
        self.lives.remove(life)

    async def kill(self, *lives: Life) -> None:
        """End lives at once; then the group notices."""
        for life in lives:
            life.service.runtime.abandon()
            self.house.doors.pop(f"http://{life.writer}", None)
            self.lives.remove(life)
        await asyncio.sleep(LOOK_SECONDS)  # what is cancelled joins no group any more
        for life in lives:
            self.house.cluster.expire(life.writer)

    async def join(self) -> Life:
        """Begin one more life."""
        life = await begin(self.house, self.sender)
        self.lives.append(life)
        await self.settle()
        return life

    async def client(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, role=Role.CLIENT, client_id="k1", **more)

    async def settle(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(self._knows(life) for life in self.lives):  # noqa: ASYNC110 - has no event
                await asyncio.sleep(LOOK_SECONDS)
        for life in self.lives:
            await settled(self.house, "audit", life.service)

    def _knows(self, life: Life) -> bool:
        """Whether a life has been told of all others, and every place is served."""
        owner, others = life.repository.owner, {f"http://{entry.writer}" for entry in self.lives if entry is not life}
        return owner.whole() and set(owner.others()) == others

    async def resolve(
        self, units: Sequence[str] = UNITS, label: Any = "yes", rework: int = 0, by: Sequence[str] = ("w1", "w2")
    ) -> None:
        entry = encoded(label)
        evidence = [Evidence(annotation_id="a", annotator_id=who, label=entry, guideline_version=1) for who in by]
        for unit in units:
            reached = ConsensusReached(
                unit_id=unit, label=entry, confidence=0.97, method="posterior", rework=rework,
                evidence=evidence, guideline_version=1, overlap_initial=len(by), participants=by,
            )  # fmt: skip
            await self.upstream.resolution(unit, consensus_reached=reached)
        await self.settle()

    async def unanswerable(self, unit: str, by: Sequence[str] = ("w1", "w2"), rework: int = 0) -> None:
        """Have a unit ruled to have no right label."""
        evidence = [Evidence(annotation_id="a", annotator_id=who, label=b'"yes"', guideline_version=1) for who in by]
        ruling = RuledUnanswerable(
            unit_id=unit, adjudicator_id="senior", reason="x", rework=rework, evidence=evidence, guideline_version=1,
            overlap_initial=len(by), participants=[*by, "senior"],
        )  # fmt: skip
        await self.upstream.resolution(unit, ruled_unanswerable=ruling)
        await self.settle()

    async def disagree(self, units: Sequence[str], labels: Sequence[Any], overlap_initial: int) -> None:
        """Resolve units by the first of several labels, each of another annotator."""
        rows = [encoded(label) for label in labels]
        evidence = [
            Evidence(annotation_id=f"a{place}", annotator_id=f"w{place}", label=label, guideline_version=1)
            for place, label in enumerate(rows)
        ]
        for unit in units:
            reached = ConsensusReached(
                unit_id=unit, label=rows[0], confidence=0.97, method="posterior", evidence=evidence,
                guideline_version=1, overlap_initial=overlap_initial,
            )  # fmt: skip
            await self.upstream.resolution(unit, consensus_reached=reached)
        await self.settle()

    async def rows(self, lot_id: str) -> list[Any]:
        """Return the lines of a lot's export."""
        return [json.loads(line) for line in (await self.client(f"/v1/lots/{lot_id}/export")).body.splitlines()]

    async def work(self, subject: str = "auditor", **more: Any) -> list[str]:
        """Return the units that an auditor is listed."""
        answer = await self.call("GET", "/v1/inspections", subject=subject, **more)
        return [inspection["unit_id"] for inspection in answer.json()["inspections"]]

    def needed(self) -> int:
        """Return how many verdicts, all right, the only open lot still takes to be accepted."""
        (lot,) = self.repository.open_lots(None)
        assert lot.bounds is not None
        found = lot.bounds.clean_units_to_accept(0, 0)
        assert found is not None
        return found

    async def verdicts(
        self, units: Sequence[str], label: Any = "yes", subject: str = "auditor", **more: Any
    ) -> list[str]:
        """Send verdicts and return what became of each."""
        body = {"verdicts": [{"unit_id": unit, "label": label} for unit in units]}
        results = (await self.call("POST", "/v1/inspections", body, subject=subject, **more)).json()["results"]
        await self.settle()
        return [result["status"] for result in results]

    async def erase(self, *units: str) -> None:
        for unit in units:
            await self.upstream.erased(unit)
        await self.settle()

    async def define(
        self,
        policy: policies.Policy,
        schema: Any = CHOICE,
        revision: int = 1,
        life: str = "open",
        guideline: str = "x",
    ) -> None:
        defined = ProjectDefined(
            name="p", revision=revision, label_schema=encoded(schema), guideline_version=1, guideline_text=guideline,
            policy=announcements.policy(policy), life=life,
        )  # fmt: skip
        project_id = self.upstream.project_id
        await self.upstream.tell(PROJECTS, project_id, ProjectEvent(project_defined=defined))
        tables = [life.handlers.means.projects for life in self.lives]
        async with asyncio.timeout(PATIENCE_SECONDS):
            for table in tables:
                while (row := table.rows.get(project_id)) is None or row.revision < revision:  # noqa: ASYNC110 - has no event
                    await asyncio.sleep(LOOK_SECONDS)

    async def more(self, lot_id: str, units: Sequence[str]) -> None:
        """Seal a lot of new units."""
        for unit in units:
            await self.upstream.unit(unit)
        await self.upstream.lot(lot_id, units)
        await self.settle()

    async def events(self, kind: str) -> list[Any]:
        await self.settle()
        return [getattr(event, kind) for event in self.house.events(LOTS) if event.WhichOneof("event") == kind]

    async def restarted(self) -> "Audit":
        """Kill all lives and return the next."""
        await self.kill(*self.lives)
        found = await start(self.house, self.sender)
        found.upstream.causes = self.upstream.causes + 1_000
        await found.settle()
        return found

    async def inspect(self, truth: dict[str, str], default: Any = "yes") -> list[str]:
        """Inspect all that there is to inspect, some at a time; return the units in order."""
        seen: list[str] = []
        while work := (await self.call("GET", "/v1/inspections", query="limit=3")).json()["inspections"]:
            seen += [unit["unit_id"] for unit in work]
            verdicts = [{"unit_id": unit["unit_id"], "label": truth.get(unit["unit_id"], default)} for unit in work]
            results = (await self.call("POST", "/v1/inspections", {"verdicts": verdicts})).json()["results"]
            assert {result["status"] for result in results} <= {"taken", "late", "refused"}
            await self.settle()
        return seen

    async def told(self) -> list[str]:
        await self.settle()
        return [event.WhichOneof("event") for event in self.house.events(LOTS)]

    async def lot(self) -> Any:
        return (await self.client(f"/v1/lots/{LOT}")).json()


async def begin(house: House, sender: Sender | None = None) -> Life:
    """Begin one life."""
    ports = house.ports("audit")
    service = wire(AuditSettings.from_environment(ENVIRONMENT), ports, sender)
    house.doors[ports.address] = service.application
    await service.runtime.start()
    return Life(service, ports.writer)


async def start(house: House, sender: Sender | None = None) -> Audit:
    found = Audit(house, [await begin(house, sender) for _ in range(LIVES[0])], Upstream(house), sender=sender)
    await found.settle()
    return found


async def sealed(
    policy: policies.Audit, schema: Any = CHOICE, units: Sequence[str] = UNITS, house: House | None = None
) -> Audit:
    found = await start(house or House())
    await found.define(policies.Policy(audit=policy), schema)
    await found.more(LOT, units)
    return found
