"""A running adjudicate over the memory ports, and the one who tells it of units."""

from dataclasses import dataclass
from typing import Any, cast

from concord.chassis.identity import Role
from concord.chassis.places.keeper import PlaceKeeper
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.runtime import Service
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import PLACES_LOCAL, RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from services.adjudicate.bootstrap import wire
from services.adjudicate.handlers import Handlers
from services.adjudicate.settings import AdjudicateSettings
from services.ingest.domain.project import Consensus, Gold, Overlap, Policy
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.service import until
from tests.support.settled import settled
from tests.support.upstream import Upstream

DEAD_SECONDS = 0.01
"""After which none of a dead process's tasks turns any more."""


@dataclass
class Adjudicate:
    """A running adjudicate and those before it.

    Attributes:
        services: its processes; requests go to each in turn, and events to the owner of their place.
    """

    house: House
    services: list[Service]
    upstream: Upstream
    calls: int = 0

    @property
    def service(self) -> Service:
        """One of its processes."""
        return self.services[0]

    async def settle(self) -> None:
        for service in self.services:
            await settled(self.house, "adjudicate", service)

    async def stop(self) -> None:
        """End every process in order."""
        for service in list(self.services):
            await self.leave(service)

    async def leave(self, service: Service) -> None:
        """End one process in order."""
        self.services.remove(service)
        service.runtime.drain()
        await service.runtime.hand_over()
        self.house.doors.pop(address(service))
        await service.runtime.stop()

    async def kill(self, service: Service, noticed: bool = True) -> None:
        """Let one process die with all that is in hand; noticed: its session is over, too."""
        self.services.remove(service)
        self.house.doors.pop(address(service))
        service.runtime.abandon()
        await self.house.clock.sleep(DEAD_SECONDS)
        if noticed:
            self.house.cluster.expire(address(service).removeprefix("http://"))

    async def join(self, lives: int = 1) -> None:
        """Begin more processes; return when all places are dealt and loaded."""
        for _ in range(lives):
            service = wire(AdjudicateSettings.from_environment(ENVIRONMENT), self.house.ports("adjudicate"))
            self.services.append(service)
            self.house.doors[address(service)] = service.application
            await service.runtime.start()
        await self.whole()

    async def whole(self) -> None:
        """Return when every place is served by one of these processes, and each serves its share."""
        await until(lambda: all(service.runtime.ready for service in self.services))
        await until(self._is_whole)

    def _is_whole(self) -> bool:
        served = sorted(place for service in self.services for place in owner(service).open())
        return served == list(range(PLACES_LOCAL)) and all(owner(service).whole() for service in self.services)

    async def decisions(self) -> list[tuple[str, str]]:
        """Return (unit, kind of event) of all that was told, in order within a unit."""
        await self.settle()
        kinds = [(event.WhichOneof("event"), event) for event in self.events()]
        return [(getattr(event, str(kind)).unit_id, str(kind)) for kind, event in kinds]

    def events(self) -> list[ResolutionEvent]:
        """Return what was told so far."""
        return [cast("ResolutionEvent", event) for event in self.house.events(RESOLUTIONS)]

    async def escalate(self, unit: str, first: str = "yes", second: str = "yes") -> None:
        """Let two flag a unit, and assign say that it is given to nobody any more."""
        await self.upstream.unit(unit)
        await self.upstream.annotation(unit, 1, "good", first, flag="a")
        await self.upstream.annotation(unit, 2, "fine", second, flag="b")
        await self.upstream.labelling_ended(unit)
        await self.settle()

    async def call(self, method: str, path: str, body: Any = None, subject: str = "senior", **more: Any) -> Answer:
        token = self.house.token(subject, more.pop("role", Role.ADJUDICATOR), client_id=more.pop("client_id", None))
        self.calls += 1
        service = self.services[self.calls % len(self.services)]
        return await call(service.application, method, path, token, body, **more)

    def handlers(self, project_id: str | None = None) -> Handlers:
        """Return the use cases of the process that owns the project."""
        slot = slot_of_project(project_id or self.upstream.project_id)
        (found,) = (service for service in self.services if owner(service).whose(slot).standing is Standing.MINE)
        return handlers_of(found)

    async def redefined(self, policy: Policy, revision: int, **more: Any) -> None:
        """Define the project anew, and wait until adjudicate has decided by it; `more`: as `Teller.project` has it."""
        await self.upstream.project(policy, revision=revision, **more)
        handlers = self.handlers()
        await until(lambda: handlers.redefinitions.decided(self.upstream.project_id) == revision)
        await self.settle()


def handlers_of(service: Service) -> Handlers:
    """Return the use cases of a process."""
    return cast("Handlers", service.application.state.service.handlers)  # type: ignore[attr-defined]  # it is a FastAPI application


def owner(service: Service) -> Owner:
    """Return the table of places of a process."""
    (keeper,) = (part for part in service.runtime.parts if isinstance(part, PlaceKeeper))
    return keeper.owner


def address(service: Service) -> str:
    """Return where the others reach a process."""
    return owner(service).address


async def start(house: House, lives: int = 1) -> Adjudicate:
    """Start so many processes of adjudicate in the house."""
    found = Adjudicate(house, [], Upstream(house))
    await found.join(lives)
    return found


async def begun_anew(before: Adjudicate, lives: int = 1) -> Adjudicate:
    """Kill every process, and start others over what they left."""
    for service in list(before.services):
        await before.kill(service)
    return await start(before.house, lives)


def voting(initial: int, most: int, share: float = 0.6) -> Policy:
    """Return the policy of a project that settles by majority, without gold."""
    return Policy(
        overlap=Overlap(initial=initial, max=most),
        consensus=Consensus(method="majority", confidence=share),
        gold=Gold(rate=0.0),
    )
