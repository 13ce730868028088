"""A project, its units and its annotators in front of assign in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from google.protobuf.message import Message

from concord.chassis.clock import MICROSECONDS, Clock, SystemClock
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import ANNOTATIONS, PROJECTS, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
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
from services.assign.api import Desk as AssignDesk
from services.assign.bootstrap import wire
from services.assign.handlers import Handlers
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


class Desk:
    """Assign in a house, and who calls it."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.house = House(clock=clock or SystemClock())
        self.service: Service | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Service]:
        """Run a life of assign for the block."""
        service = wire(local_settings(AssignSettings), self.house.ports("assign"))
        async with running(service):
            self.service = service
            yield service

    def annotator(self, annotator_id: str) -> httpx.AsyncClient:
        """Return an annotator's client."""
        assert self.service is not None, "assign runs"
        return caller(self.service, self.house.token(annotator_id, Role.ANNOTATOR))

    def handlers(self) -> Handlers:
        """Return the use cases of the life that runs."""
        assert self.service is not None, "assign runs"
        desk: AssignDesk = self.service.application.state.service  # type: ignore[attr-defined]  # it is a FastAPI application
        return desk.handlers

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


def labels_told(house: House) -> list[AnnotationSubmitted]:
    """Return the labels that assign has told of, in order."""
    told = [cast("AnnotationEvent", event) for event in house.events(ANNOTATIONS)]
    return [event.annotation_submitted for event in told if event.HasField("annotation_submitted")]


async def claim(annotator: httpx.AsyncClient, units: int = 1, project_id: str = PROJECT) -> list[dict[str, Any]]:
    """Claim, and return the assignments."""
    reply = await annotator.post(f"/v1/projects/{project_id}/claims", json={"units": units})
    assert reply.status_code == 200, reply.text
    assignments: list[dict[str, Any]] = reply.json()["assignments"]
    return assignments


async def submit(annotator: httpx.AsyncClient, assignment_id: str, label: Any = "yes", **more: Any) -> httpx.Response:
    """Submit one label."""
    return await annotator.post(f"/v1/assignments/{assignment_id}/submission", json={"label": label} | more)
