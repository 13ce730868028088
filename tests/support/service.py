"""One service at work in a test: its settings, its life, who calls its door, and what others tell it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from google.protobuf.message import Message

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.runtime import Service
from concord.chassis.settings import ServiceSettings
from concord.contracts.codec import encode, schema_headers
from concord.contracts.ids import event_id, slot_of_project
from concord.contracts.topics import Topic
from concord.contracts.v1.metadata_pb2 import Metadata
from simulation.house import ENVIRONMENT, House
from tests.support.patience import PATIENCE_SECONDS

Settings = TypeVar("Settings", bound=ServiceSettings)


def local_settings(kind: type[Settings], **more: str) -> Settings:
    """Return the settings of a service whose ports are handed in, with more environment variables."""
    return kind.from_environment({**ENVIRONMENT, **more})


async def publish(house: House, topic: Topic, *records: tuple[str, Message]) -> None:
    """Publish events in a house, each with its key and in its project's place, as their writer would."""
    broker = MemoryBroker(house.cluster, "test")
    await broker.publish(
        [
            Outgoing(topic.name, key.encode(), encode(event), schema_headers(), _slot(topic, event))
            for key, event in records
        ]
    )


def _slot(topic: Topic, event: Message) -> int | None:
    entry: Metadata = event.metadata  # type: ignore[attr-defined] # every catalogued message has one; a test holds it
    return slot_of_project(entry.project_id) if topic.placed else None


def metadata(cause: str, client_id: str, project_id: str, at_us: int) -> Metadata:
    """Return an event's metadata as if it followed from `cause`."""
    return Metadata(
        event_id=event_id(cause, "test", "event"),
        client_id=client_id,
        project_id=project_id,
        occurred_at_us=at_us,
        causation_id=cause,
    )


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Start the service for the block, its places loaded, and stop it in order."""
    try:
        await service.runtime.start()
        await until(lambda: service.runtime.ready)
        yield service
    finally:
        await service.runtime.stop()


def caller(service: Service, token: str) -> httpx.AsyncClient:
    """Return a client of the service's door that sends this token; no socket is opened."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(service.application),
        base_url="http://service.test",
        headers={"authorization": f"Bearer {token}"},
    )


async def until(holds: Callable[[], object], seconds_max: float = PATIENCE_SECONDS) -> None:
    """Return when `holds()` is true; raise TimeoutError when it never is."""
    async with asyncio.timeout(seconds_max):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event to set
            await asyncio.sleep(0.005)
