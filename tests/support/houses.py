"""Services in memory: ports that share one broker and one issuer, a database each, and doors called in process."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from google.protobuf.message import Message

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Outgoing, TopicPartition
from concord.chassis.clock import Clock, SystemClock
from concord.chassis.identity import Role
from concord.chassis.identity.identity_file import IdentityFile, identity_of
from concord.chassis.identity.issue import SigningKey, mint_token
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.chassis.settings import ServiceSettings
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import decode, encode, schema_headers
from concord.contracts.ids import event_id
from concord.contracts.topics import Topic
from concord.contracts.v1.metadata_pb2 import Metadata

ISSUER = "https://issuer.test"
AUDIENCE = "concord"
LOCAL_ENVIRONMENT = {
    "CONCORD_ENVIRONMENT": "local",
    "CONCORD_KAFKA_BOOTSTRAP": "127.0.0.1:9",
    "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:9",
    "CONCORD_IDENTITY_FILE": "identity.json",
}
"""Settings of a service whose ports are handed in: none of these addresses is ever called."""
WAIT_SECONDS_MAX = 10.0

Settings = TypeVar("Settings", bound=ServiceSettings)


def local_settings(kind: type[Settings], **more: str) -> Settings:
    """Return a service's settings as on a local stack, with more environment variables."""
    return kind.from_environment(LOCAL_ENVIRONMENT | more)


class House:
    """What outlives the services: one cluster, one database a service, one issuer.

    Args:
        clock: everybody's time; the system's if None.
        seed: of what the memory ports leave to chance.
    """

    def __init__(self, clock: Clock | None = None, seed: int = 1) -> None:
        self.clock = clock or SystemClock()
        self.cluster = MemoryCluster(self.clock, random.Random(seed))
        self.databases: defaultdict[str, MemoryDatabase] = defaultdict(lambda: MemoryDatabase(random.Random(seed)))
        self.key = SigningKey.generate("test")
        self.identity = identity_of(
            IdentityFile(issuer=ISSUER, audience=AUDIENCE, jwks=self.key.jwks()), b"pepper", self.clock
        )
        self._lives = 0

    def ports(self, service: str) -> Ports:
        """Return the ports of a new life of a service; its database and the cluster are those of the life before."""
        self._lives += 1
        return Ports(
            store=MemoryStore(self.databases[service]),
            broker=MemoryBroker(self.cluster, f"{service}-{self._lives}"),
            clock=self.clock,
            identity=self.identity,
            telemetry=Telemetry(service),
            writer=f"{service}-{self._lives}",
        )

    def token(self, subject: str, *roles: Role, client_id: str | None = None) -> str:
        """Return a token that all services of the house believe for an hour."""
        now_seconds = self.clock.now_us() // 1_000_000
        return mint_token(
            self.key,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=subject,
            roles=roles,
            now_seconds=now_seconds,
            lifetime_seconds=3_600,
            client_id=client_id,
        )

    async def publish(self, topic: Topic, *records: tuple[str, Message]) -> None:
        """Publish events, each with its key, as their writer would."""
        broker = MemoryBroker(self.cluster, "test")
        await broker.publish(
            [Outgoing(topic.name, key.encode(), encode(event), schema_headers()) for key, event in records]
        )

    def said(self, topic: Topic) -> list[Any]:
        """Return the events on a topic, partition by partition."""
        places = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
        return [decode(topic, record.value) for place in places for record in self.cluster.log(place)]


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
    """Start the service for the block, and stop it in order."""
    try:
        await service.runtime.start()
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


async def until(holds: Callable[[], object], seconds_max: float = WAIT_SECONDS_MAX) -> None:
    """Return when `holds()` is true; raise TimeoutError when it never is."""
    async with asyncio.timeout(seconds_max):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event to set
            await asyncio.sleep(0.005)
