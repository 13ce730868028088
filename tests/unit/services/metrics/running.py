"""Metrics at work in a test, in one life or several."""

from dataclasses import dataclass
from typing import Any

from concord.chassis.broker.memory import NoFaults
from concord.chassis.broker.port import TopicPartition
from concord.chassis.identity import Role
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.runtime import Service
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import TOPICS
from services.metrics import bootstrap
from services.metrics.feed import Replay
from services.metrics.measure import Measure
from services.metrics.reading import Reading
from services.metrics.settings import MetricsSettings
from simulation.house import ENVIRONMENT, Answer, House, call
from tests.support.service import until
from tests.support.upstream import PROJECT, Upstream

SETTLE_SECONDS = 0.3
LABELS = [("yes", "yes"), ("no", "no"), ("yes", "no"), ("no", "no"), ("yes", "yes"), ("no", "yes")]


@dataclass
class Metrics:
    """Metrics at work, in one life or several.

    Attributes:
        service: the life whose door is asked.
        others: those that it may have to ask in turn.
    """

    house: House
    service: Service
    upstream: Upstream
    others: list[Service]

    async def settle(self) -> None:
        """Return when all that was told is counted, and a few measurements later: what follows is told by then."""
        await until(self._counted)
        await self.house.clock.sleep(SETTLE_SECONDS)

    def _counted(self) -> bool:
        lives = [reading_of(service) for service in (self.service, *self.others)]
        places = [
            TopicPartition(topic.name, place)
            for topic in TOPICS
            if topic.name in lives[0].topics
            for place in range(topic.partitions)
        ]
        return all(
            any(life.positions(at.partition).get(at.topic, 0) >= len(self.house.cluster.log(at)) for life in lives)
            for at in places
        )

    async def stop(self) -> None:
        """Stop every life."""
        for service in (self.service, *self.others):
            await service.runtime.stop()

    async def call(self, path: str, role: Role = Role.OPERATOR, client_id: str | None = None) -> Answer:
        token = self.house.token("somebody", role, client_id=client_id)
        path, _, query = path.partition("?")
        return await call(self.service.application, "GET", path, token, query=query)

    async def quality(self) -> Any:
        await self.settle()
        return (await self.call(f"/v1/projects/{PROJECT}/quality")).json()

    async def annotators(self) -> Any:
        await self.settle()
        rows = (await self.call(f"/v1/projects/{PROJECT}/annotators")).json()["annotators"]
        return {row["annotator_id"]: row for row in rows}

    async def label(self, times: int = 1) -> None:
        """Have ann and bob label some units."""
        for number, labels in enumerate(LABELS):
            unit_id = f"k1-u{number}"
            await self.upstream.unit(unit_id, times=times)
            for place, (annotator, label) in enumerate(zip(("ann", "bob"), labels, strict=True), start=1):
                await self.upstream.annotation(unit_id, place, annotator, label, active_ms=1_000 * place, times=times)


async def begun(house: House, faults: NoFaults | None = None) -> Service:
    ports = house.ports("metrics", broker_faults=faults)
    service = bootstrap.wire(MetricsSettings.from_environment(ENVIRONMENT), ports)
    house.doors[ports.address] = service.application
    await service.runtime.start()
    return service


async def start(house: House, faults: NoFaults | None = None, lives: int = 1) -> Metrics:
    """Begin so many lives; the first is asked, and the project is another's where there is one."""
    services = [await begun(house, faults) for _ in range(lives)]
    await until(lambda: all(service.runtime.ready for service in services))
    await until(lambda: any(map(owns, services)))
    services.sort(key=owns)
    return Metrics(house, services[0], Upstream(house), services[1:])


def reading_of(service: Service) -> Reading:
    """Return what a life counts by."""
    (replay,) = (part for part in service.runtime.parts if isinstance(part, Replay))
    return replay.reading


def measure_of(service: Service) -> Measure:
    """Return what a life measures by."""
    found: Measure = service.application.state.service.measure  # type: ignore[attr-defined] # it is FastAPI's
    return found


def owner_of(service: Service) -> Owner:
    """Return a life's table of places."""
    return measure_of(service).owner


def owns(service: Service, project_id: str = PROJECT) -> bool:
    """Return whether a life serves a project."""
    return owner_of(service).whose(slot_of_project(project_id)).standing is Standing.MINE
