"""A running adjudicate over the memory ports, and the one who tells it of units."""

from dataclasses import dataclass
from typing import Any, cast

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import RESOLUTIONS
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from services.adjudicate.bootstrap import wire
from services.adjudicate.handlers import Handlers
from services.adjudicate.settings import AdjudicateSettings
from services.ingest.domain.project import Consensus, Gold, Overlap, Policy
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.service import until
from tests.support.settled import settled
from tests.support.upstream import Upstream


@dataclass
class Adjudicate:
    """A running adjudicate and those before it."""

    house: House
    service: Service
    upstream: Upstream

    async def settle(self) -> None:
        await settled(self.house, "adjudicate", self.service)

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
        return await call(self.service.application, method, path, token, body, **more)

    def handlers(self) -> Handlers:
        """Return the use cases of the life that runs."""
        return cast("Handlers", self.service.application.state.service.handlers)  # type: ignore[attr-defined]  # it is a FastAPI application

    async def redefined(self, policy: Policy, revision: int) -> None:
        """Define the project anew, and wait until adjudicate has decided by it."""
        await self.upstream.project(policy, revision=revision)
        handlers = self.handlers()
        await until(lambda: handlers.redefinitions.decided(self.upstream.project_id) == revision)
        await self.settle()


async def start(house: House) -> Adjudicate:
    """Start a life of adjudicate in the house."""
    service = wire(AdjudicateSettings.from_environment(ENVIRONMENT), house.ports("adjudicate"))
    await service.runtime.start()
    return Adjudicate(house, service, Upstream(house))


def voting(initial: int, most: int, share: float = 0.6) -> Policy:
    """Return the policy of a project that settles by majority, without gold."""
    return Policy(
        overlap=Overlap(initial=initial, max=most),
        consensus=Consensus(method="majority", confidence=share),
        gold=Gold(rate=0.0),
    )
