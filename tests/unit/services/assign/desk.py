"""A project, its units and its annotators in front of assign in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx
from google.protobuf.message import Message

from concord.chassis.clock import MICROSECONDS, Clock, SystemClock
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.chassis.store import memory as store_memory
from concord.contracts.ids import place_of, slot_of_project
from concord.contracts.topics import ANNOTATIONS, PLACES_LOCAL, PROJECTS, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted, UnitStranded
from concord.contracts.v1.projects_pb2 import (
    GoldPolicy,
    LeasePolicy,
    OverlapPolicy,
    Policy,
    ProjectDefined,
    ProjectEvent,
)
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from services.assign.bootstrap import wire
from services.assign.door.desk import Desk as AssignDesk
from services.assign.handlers import Handlers
from services.assign.repository import Repository
from services.assign.settings import AssignSettings
from simulation.house import House
from tests.support.service import caller, local_settings, metadata, publish, running, until

CLIENT = "c1"
PROJECT = "c1-rte"
AT_US = 1_700_000_000 * MICROSECONDS


def project_event(
    project_id: str = PROJECT, initial: int = 2, gold_rate: float = 0.0, lease_seconds: int = 0, renewals_max: int = 3
) -> ProjectEvent:
    """Return a project for yes or no."""
    policy = Policy(
        overlap=OverlapPolicy(initial=initial, max=5),
        gold=GoldPolicy(rate=gold_rate),
        lease=LeasePolicy(seconds=lease_seconds, renewals_max=renewals_max),
    )
    defined = ProjectDefined(
        name="Secret client's job",
        revision=1,
        label_schema=b'{"classes":["no","yes"],"kind":"choice"}',
        guideline_version=3,
        guideline_text="Say yes or no.",
        policy=policy,
    )
    return ProjectEvent(metadata=metadata(f"define {project_id}", CLIENT, project_id, AT_US), project_defined=defined)


def unit_event(unit_id: str, at_us: int = AT_US, project_id: str = PROJECT, **fields: Any) -> UnitEvent:
    """Return a unit's admission."""
    admitted = UnitAdmitted(
        unit_id=unit_id, source_id=f"client's own {unit_id}", media_type="application/json", **fields
    )
    return UnitEvent(metadata=metadata(f"admit {unit_id}", CLIENT, project_id, at_us), unit_admitted=admitted)


def resolution_event(cause: str, **event: Any) -> ResolutionEvent:
    """Return what adjudicate says of a unit."""
    return ResolutionEvent(metadata=metadata(cause, CLIENT, PROJECT, AT_US), **event)


def handlers_of(service: Service) -> Handlers:
    """Return a life's use cases."""
    desk: AssignDesk = service.application.state.service  # type: ignore[attr-defined]  # it is a FastAPI application
    return desk.handlers


def repository_of(service: Service) -> Repository:
    """Return where a life finds its facts."""
    return handlers_of(service).claims.repository


def waiting_ids(service: Service) -> list[str]:
    """Return the units that wait in a life for the project's annotators: begun ones first, then those in pages."""
    queue = repository_of(service).place(PROJECT).queue
    return [*queue.waiting(), *(unit_id for page in queue.fresh.pages() for unit_id in page.rows or ())]


def writer_of(service: Service) -> str:
    """Return the name by which the broker knows a life."""
    return repository_of(service).owner.address.removeprefix("http://")


def owns(service: Service, project_id: str) -> bool:
    """Return whether a life serves a project."""
    return place_of(slot_of_project(project_id), PLACES_LOCAL) in repository_of(service).owner.open()


class Desk:
    """Assign in a house, and who calls it.

    Attributes:
        lives: how many of assign run at once, unless a test says.
        service: the life that is called: where there are several, one that does not have the project's place.
    """

    lives = 1

    def __init__(self, clock: Clock | None = None) -> None:
        self.house = House(clock=clock or SystemClock())
        self.service: Service | None = None
        self.running: list[Service] = []

    @asynccontextmanager
    async def open(self, lives: int | None = None) -> AsyncIterator[Service]:
        """Run so many lives of assign for the block, every place served by one of them."""
        async with AsyncExitStack() as stack:
            for _ in range(lives or self.lives):
                await stack.enter_async_context(self.life())
            self.service = next((service for service in self.running if not owns(service, PROJECT)), self.running[0])
            yield self.service

    @asynccontextmanager
    async def life(self, store_faults: store_memory.Faults | None = None) -> AsyncIterator[Service]:
        """Run one more life for the block; it and the others have their shares."""
        ports = self.house.ports("assign", store_faults)
        service = wire(local_settings(AssignSettings), ports)
        async with running(service):
            self.house.doors[ports.address] = service.application
            self.running.append(service)
            try:
                await until(self.shared)
                yield service
            finally:
                self._gone(service)

    def _gone(self, service: Service) -> None:
        if service in self.running:
            self.running.remove(service)
            del self.house.doors[repository_of(service).owner.address]

    async def dies(self, service: Service) -> None:
        """End a life in the middle of everything; a moment later the broker notices."""
        self._gone(service)
        service.runtime.abandon()
        await asyncio.sleep(0.1)
        self.house.cluster.expire(writer_of(service))

    def shared(self) -> bool:
        """Return whether every place is served by one life."""
        served = [place for service in self.running for place in repository_of(service).owner.open()]
        return sorted(served) == list(range(PLACES_LOCAL))

    def annotator(self, annotator_id: str) -> httpx.AsyncClient:
        """Return an annotator's client."""
        assert self.service is not None, "assign runs"
        return caller(self.service, self.house.token(annotator_id, Role.ANNOTATOR))

    def handlers(self) -> Handlers:
        """Return the use cases of the life that has the project's place."""
        return handlers_of(next(service for service in self.running if owns(service, PROJECT)))

    async def define(self, *annotator_ids: str, skills: Sequence[str] = ()) -> None:
        """Let the operator define annotators."""
        assert self.service is not None, "assign runs"
        async with caller(self.service, self.house.token("op", Role.OPERATOR)) as operator:
            for annotator_id in annotator_ids:
                reply = await operator.put(f"/v1/annotators/{annotator_id}", json={"skills": list(skills)})
                assert reply.status_code in (200, 201), reply.text

    async def admit(self, *events: UnitEvent) -> None:
        """Publish admissions and wait until assign has taken them in."""
        before = self.consumed()
        await publish(self.house, UNITS, *((event.unit_admitted.unit_id, event) for event in events))
        await until(lambda: self.consumed() >= before + len(events))

    async def tell(self, *events: ResolutionEvent) -> None:
        """Publish resolutions and wait until assign has taken them in."""
        before = self.consumed()
        await publish(self.house, RESOLUTIONS, *(("k", event) for event in events))
        await until(lambda: self.consumed() >= before + len(events))

    async def say(self, topic: Topic, event: Message) -> None:
        """Publish any event and wait until assign has taken it in."""
        before = self.consumed()
        await publish(self.house, topic, ("k", event))
        await until(lambda: self.consumed() >= before + 1)

    async def publish_project(self, event: ProjectEvent | None = None) -> None:
        """Publish a project before assign starts."""
        event = event or project_event()
        await publish(self.house, PROJECTS, (event.metadata.project_id, event))

    def consumed(self) -> int:
        """Return how many records the group has committed."""
        return sum(self.house.cluster.group("assign").committed.values())


def once(house: House, topic: Topic) -> list[Any]:
    """Return the events of a topic, each once: a life says again what it cannot know to have been said."""
    return list({event.metadata.event_id: event for event in reversed(house.events(topic))}.values())[::-1]


def stranded_told(house: House) -> list[UnitStranded]:
    """Return the units that assign has told to be stranded, in order."""
    events = [cast("AnnotationEvent", event) for event in once(house, ANNOTATIONS)]
    return [event.unit_stranded for event in events if event.HasField("unit_stranded")]


def labels_told(house: House) -> list[AnnotationSubmitted]:
    """Return the labels that assign has told of, in order."""
    events = [cast("AnnotationEvent", event) for event in once(house, ANNOTATIONS)]
    return [event.annotation_submitted for event in events if event.HasField("annotation_submitted")]


async def claim(annotator: httpx.AsyncClient, units: int = 1, project_id: str = PROJECT) -> list[dict[str, Any]]:
    """Claim, and return the assignments."""
    reply = await annotator.post(f"/v1/projects/{project_id}/claims", json={"units": units})
    assert reply.status_code == 200, reply.text
    assignments: list[dict[str, Any]] = reply.json()["assignments"]
    return assignments


async def submit(annotator: httpx.AsyncClient, assignment_id: str, label: Any = "yes", **more: Any) -> httpx.Response:
    """Submit one label."""
    return await annotator.post(f"/v1/assignments/{assignment_id}/submission", json={"label": label} | more)
