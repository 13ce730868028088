"""Audit over the memory ports, as tests drive it: events in, verdicts through its HTTP door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import LOTS
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, Evidence
from services.audit.bootstrap import wire
from services.audit.handlers import Handlers
from services.audit.repository import Repository
from services.audit.settings import AuditSettings
from services.ingest.domain import project as policies
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.settled import settled
from tests.support.upstream import Upstream

UNITS = [f"k1-u{n}" for n in range(20)]


@dataclass
class Audit:
    """A running audit and those before it."""

    house: House
    service: Service
    upstream: Upstream

    @property
    def handlers(self) -> Handlers:
        found: Handlers = self.service.application.state.service.handlers  # type: ignore[attr-defined]  # FastAPI's own state
        return found

    @property
    def repository(self) -> Repository:
        return self.handlers.means.repository

    async def call(self, method: str, path: str, body: Any = None, subject: str = "auditor", **more: Any) -> Answer:
        token = self.house.token(subject, more.pop("role", Role.AUDITOR), client_id=more.pop("client_id", None))
        return await call(self.service.application, method, path, token, body, **more)

    async def client(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, role=Role.CLIENT, client_id="k1", **more)

    async def settle(self) -> None:
        await settled(self.house, "audit", self.service)

    async def resolve(self, units: Sequence[str] = UNITS, label: str = "yes", rework: int = 0) -> None:
        evidence = [
            Evidence(annotation_id="a", annotator_id=who, label=f'"{label}"'.encode(), guideline_version=1)
            for who in ("w1", "w2")
        ]
        for unit in units:
            reached = ConsensusReached(
                unit_id=unit, label=f'"{label}"'.encode(), confidence=0.97, method="posterior", rework=rework,
                evidence=evidence, guideline_version=1,
            )  # fmt: skip
            await self.upstream.resolution(unit, consensus_reached=reached)
        await self.settle()

    async def inspect(self, truth: dict[str, str], default: str = "yes") -> list[str]:
        """Inspect all that there is to inspect, some at a time; return the units in order."""
        seen: list[str] = []
        while work := (await self.call("GET", "/v1/inspections", query="limit=3")).json()["inspections"]:
            seen += [one["unit_id"] for one in work]
            verdicts = [{"unit_id": one["unit_id"], "label": truth.get(one["unit_id"], default)} for one in work]
            results = (await self.call("POST", "/v1/inspections", {"verdicts": verdicts})).json()["results"]
            assert {one["status"] for one in results} <= {"taken", "late", "refused"}
            await self.settle()
        return seen

    async def told(self) -> list[str]:
        await self.settle()
        return [event.WhichOneof("event") for event in self.house.events(LOTS)]

    async def lot(self) -> Any:
        return (await self.client("/v1/lots/k1-l1")).json()


async def start(house: House) -> Audit:
    service = wire(AuditSettings.from_environment(ENVIRONMENT), house.ports("audit"))
    await service.runtime.start()
    return Audit(house, service, Upstream(house))


async def sealed(policy: policies.Audit) -> Audit:
    found = await start(House())
    await found.upstream.project(policies.Policy(audit=policy))
    for unit in UNITS:
        await found.upstream.unit(unit)
    await found.upstream.lot("k1-l1", UNITS)
    await found.settle()
    return found
