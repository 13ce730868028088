"""Ingest over the memory ports, called through its own HTTP door, and what it has told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from concord.chassis.broker import memory as broker_memory
from concord.chassis.identity import Role
from concord.chassis.journal.part import JournalPart
from concord.chassis.runtime import Service
from concord.chassis.store import memory as store_memory
from concord.contracts.topics import UNITS
from services.ingest.bootstrap import wire
from services.ingest.domain.identity import Claim, UnitState
from services.ingest.handlers import Handlers
from services.ingest.settings import IngestSettings
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.service import until
from tests.support.settled import settled

DEFINITION = {"label_schema": {"kind": "choice", "classes": ["no", "yes"]}, "policy": {"lot": {"size": 3}}}

STILL_SECONDS = 0.02


@dataclass
class Ingest:
    """A running ingest and its client."""

    house: House
    service: Service
    token: str
    writer: str

    @property
    def handlers(self) -> Handlers:
        """Return its use cases."""
        found: Handlers = self.service.application.state.service.handlers  # type: ignore[attr-defined]  # known as any ASGI application
        return found

    async def kill(self) -> None:
        """End this life at once, and let the broker notice it when its loops are still."""
        self.service.runtime.abandon()
        await asyncio.sleep(STILL_SECONDS)
        self.house.doors.pop(f"http://{self.writer}", None)
        self.house.cluster.expire(self.writer)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Call its HTTP door as the client k1, unless another token is given."""
        token = more.pop("token", self.token)
        return await call(self.service.application, method, path, token, body, **more)

    async def define(self, definition: Any = None) -> Any:
        """Define the project k1-p; return what was answered."""
        answer = await self.call("PUT", "/v1/projects/p", DEFINITION if definition is None else definition)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    async def admit(self, units: Any, project: str = "k1-p") -> Any:
        """Send units; return the report when what was admitted is published, and heard of by who cuts lots."""
        listed = [units] if isinstance(units, dict) else units
        answer = await self.call("POST", f"/v1/projects/{project}/units", listed)
        assert answer.status == 202, answer.body
        await self.published()
        await settled(self.house, "ingest", self.service)
        return answer.json()

    async def find(self, *ids: str, project: str = "k1-p") -> list[Any]:
        """Return where units stand, by the client's ids."""
        answer = await self.call("POST", f"/v1/projects/{project}/units/find", {"ids": ids})
        assert answer.status == 200, answer.body
        found: list[Any] = answer.json()["units"]
        return found

    async def published(self) -> None:
        """Return when all that was decided is published."""
        (journal,) = (part for part in self.service.runtime.parts if isinstance(part, JournalPart))
        await journal.publisher.flushed()


async def start(
    house: House,
    store_faults: store_memory.Faults | None = None,
    broker_faults: broker_memory.Faults | None = None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Ingest:
    """Begin a new life of ingest in a house; several may live at once."""
    ports = house.ports("ingest", store_faults, broker_faults)
    service = wire(IngestSettings.from_environment(environment), ports)
    house.doors[ports.address] = service.application
    await service.runtime.start()
    await until(lambda: service.runtime.reasons() == [])
    return Ingest(house, service, house.token("key", Role.CLIENT, client_id="k1"), ports.writer)


def kept_units(house: House) -> list[UnitState]:
    """Return the units that the store has a content of."""
    documents = house.database("ingest").dump("units")
    return [msgspec.json.decode(document["told"], type=Claim).unit for document in documents if "content" in document]


def told(house: House, kind: str) -> list[Any]:
    """Return the events of one kind on the units topic, each once."""
    events = [event for event in house.events(UNITS) if event.HasField(kind)]
    return [getattr(event, kind) for event in {event.metadata.event_id: event for event in events}.values()]
