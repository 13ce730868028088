"""The whole house in memory: what outlives the processes, and how a service is built on it and called.

Unit tests build one service of it, the simulation all five.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from concord.chassis.broker import memory as broker_memory
from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.broker.port import Incoming, TopicPartition
from concord.chassis.clock import MICROSECONDS, Clock, SystemClock
from concord.chassis.identity import Identity, IdentityFile, Role, SigningKey, identity_of, mint_token
from concord.chassis.places.peers import MemoryPeers
from concord.chassis.ports import Ports
from concord.chassis.store import memory as store_memory
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import decode
from concord.contracts.topics import Topic

ISSUER = "https://issuer.simulation"
AUDIENCE = "concord"
TOKEN_SECONDS = 30 * 86_400
PEPPER = b"pepper of the simulation, no secret"

ENVIRONMENT: Mapping[str, str] = {
    "CONCORD_ENVIRONMENT": "local",
    "CONCORD_KAFKA_BOOTSTRAP": "in memory",
    "CONCORD_MONGODB_URI": "in memory",
    "CONCORD_IDENTITY_FILE": "in memory",
}
"""What a service's settings are loaded from when its ports are in memory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class House:
    """What outlives the processes: a database a service, the cluster, the issuer's key, the clock.

    Attributes:
        seed: of everything that is left to chance.
        clock: time for all.
        doors: of the processes that live, by the address at which the service's others reach them.
    """

    seed: int = 0
    clock: Clock = field(default_factory=SystemClock)
    signing_key: SigningKey = field(default_factory=lambda: SigningKey.generate("simulation"))
    cluster: MemoryCluster = field(init=False)
    databases: dict[str, MemoryDatabase] = field(default_factory=dict)
    lives: int = 0
    doors: dict[str, ASGIApp] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Found the cluster."""
        self.cluster = MemoryCluster(self.clock, random.Random(f"{self.seed}/cluster"))

    def database(self, service: str) -> MemoryDatabase:
        """Return a service's database, empty at first."""
        if service not in self.databases:
            self.databases[service] = MemoryDatabase(random.Random(f"{self.seed}/{service}"))
        return self.databases[service]

    def ports(
        self,
        service: str,
        store_faults: store_memory.Faults | None = None,
        broker_faults: broker_memory.Faults | None = None,
        telemetry: Telemetry | None = None,
        clock: Clock | None = None,
    ) -> Ports:
        """Return the ports of a new life of a service; `clock` is its own, where it may go wrong."""
        self.lives += 1
        clock = clock or self.clock
        writer = f"{service}-{self.lives}"
        return Ports(
            store=MemoryStore(self.database(service), store_faults),
            broker=MemoryBroker(self.cluster, writer, broker_faults),
            clock=clock,
            identity=self.identity(clock),
            telemetry=telemetry or Telemetry(service),
            writer=writer,
            address=f"http://{writer}",
            peers=MemoryPeers(self.doors),
            random=random.Random(f"{self.seed}/{writer}/bytes").randbytes,
        )

    def identity(self, clock: Clock) -> Identity:
        """Return who is believed in the house: those who bear its own issuer's tokens."""
        return identity_of(IdentityFile(ISSUER, AUDIENCE, jwks=self.signing_key.jwks()), PEPPER, clock)

    def token(self, subject: str, *roles: Role, client_id: str | None = None, issued_seconds_ago: int = 0) -> str:
        """Return a bearer token; one issued long ago holds for services whose clock stands behind, too."""
        return mint_token(
            self.signing_key,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=subject,
            roles=roles,
            now_seconds=self.clock.now_us() // MICROSECONDS - issued_seconds_ago,
            lifetime_seconds=TOKEN_SECONDS,
            client_id=client_id,
        )

    def records(self, topic: Topic) -> list[Incoming]:
        """Return everything on a topic, partition by partition."""
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        return [record for place in places for record in self.cluster.log(place)]

    def events(self, topic: Topic) -> list[Any]:
        """Return everything on a topic, decoded."""
        return [decode(topic, record.value) for record in self.records(topic)]


async def call(
    application: ASGIApp,
    method: str,
    path: str,
    token: str = "",
    body: Any = None,
    headers: Sequence[tuple[str, str]] = (),
    query: str = "",
) -> Answer:
    """Call a service's HTTP door without a socket; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = dict([("content-type", "application/json"), *headers])
    if token:
        sent["authorization"] = f"Bearer {token}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    status, answered, parts = 0, {}, []
    requests: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        # A caller that has said all waits for the answer; who hangs up is cancelled from outside.
        return requests.pop() if requests else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            answered.update({name.decode(): value.decode() for name, value in message["headers"]})
        else:
            parts.append(message.get("body", b""))

    await application(scope, receive, send)
    return Answer(status, answered, b"".join(parts))
