"""The rights that `users.yaml` gives are enough for each service and for no more, on a broker that enforces them."""

import asyncio
import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import BrokerUnavailable, Outgoing, Subscription, TopicPartition
from concord.chassis.identity.identity_file import IdentityFile
from concord.chassis.identity.issue import SigningKey
from concord.contracts.topics import ANY_SERVICE, DEAD_LETTERS, TOPICS, Topic, replayed_by
from deploy.k8s.catalogue import CHANGELOGS, SERVICES
from deploy.k8s.render import ROOT, Manifest
from deploy.local import listeners
from deploy.local.kafka.installation import Installation
from deploy.local.ports import Ports, free_port
from deploy.local.processes import Processes, Program
from deploy.local.topics import create_topics
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

MECHANISM = "SCRAM-SHA-512"
PASSWORD = "a-password-of-this-test"
# Codes of the protocol: org.apache.kafka.common.acl.AclOperation and resource.ResourceType.
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Describe": 8}
RESOURCES = {"topic": 2, "group": 3}
LITERAL, ALLOW = 3, 3


class Enforcing:
    """Where a broker that enforces rights is reached: openly by whoever sets it up, and by users with a password."""

    def __init__(self, ports: Ports) -> None:
        self.open = f"127.0.0.1:{ports.kafka}"
        # The port of a service that does not run here.
        self.guarded_port = ports.ingest
        self.guarded = f"127.0.0.1:{ports.ingest}"

    def settings(self, plain: str, log_folder: Path) -> str:
        """Return a broker's settings with a second listener, users and an authorizer."""
        changed: dict[str, Callable[[str], str]] = {
            "listeners": lambda value: f"{value},SASL_PLAINTEXT://{self.guarded}",
            "advertised.listeners": lambda value: f"{value},SASL_PLAINTEXT://{self.guarded}",
            "listener.security.protocol.map": lambda value: f"{value},SASL_PLAINTEXT:SASL_PLAINTEXT",
            "log.dirs": lambda _: str(log_folder),
        }
        lines = []
        for line in plain.splitlines():
            name, _, value = line.partition("=")
            lines.append(f"{name}={changed[name](value)}" if name in changed else line)
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        lines += [
            f"sasl.enabled.mechanisms={MECHANISM}",
            f"listener.name.sasl_plaintext.{MECHANISM.lower()}.sasl.jaas.config={login}",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:ANONYMOUS",
        ]
        return "\n".join(lines)

    def as_user(self, service: str) -> KafkaBroker:
        """Return a connection as a service's user."""
        return KafkaBroker(
            self.guarded,
            service,
            security="SASL_PLAINTEXT",
            sasl_mechanism=MECHANISM,
            username=service,
            password=PASSWORD,
        )

    async def topics(self) -> set[str]:
        """Return the names of all topics that there are."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.open)
        await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()

    async def grant(self, users: list[Manifest]) -> None:
        """Give each user the rights of its manifest."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.open)
        await admin.start()
        try:
            for user in users:
                for acl in user["spec"]["authorization"]["acls"]:
                    for operation in acl["operations"]:
                        await self._grant(admin, user["metadata"]["name"], acl["resource"], OPERATIONS[operation])
        finally:
            await admin.close()

    async def _grant(self, admin: AIOKafkaAdminClient, user: str, resource: Manifest, operation: int) -> None:
        kind, name = RESOURCES[resource["type"]], resource["name"]
        request = CreateAclsRequest(kind, name, LITERAL, f"User:{user}", "*", operation, ALLOW)
        answer = await admin._send_request(request)
        assert [code for code, _ in answer.creation_responses] == [0]


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforcing]:
    folder, ports = tmp_path_factory.mktemp("kafka"), Ports.free()
    installation, broker = Installation(), Enforcing(ports)
    installation.ensure()
    settings = installation.prepare(folder / "plain", ports)
    settings.write_text(broker.settings(settings.read_text(), folder / "log"))
    *java, _main, _settings = installation.command(settings)
    users = [f"{MECHANISM}=[name={service},password={PASSWORD}]" for service in SERVICES]
    tool = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", str(settings)]
    subprocess.run([*java, *tool, *(word for user in users for word in ("--add-scram", user))], check=True)
    program = Program(
        name="kafka",
        argv=installation.command(settings),
        ports=(ports.kafka, ports.kafka_controller, broker.guarded_port),
        ready=partial(listeners.accepts, broker.guarded_port),
    )
    processes = Processes(folder / "processes")
    try:
        processes.start([program], layer=0)
        asyncio.run(_prepared(broker))
        yield broker
    finally:
        processes.stop()


async def _prepared(broker: Enforcing) -> None:
    await create_topics(broker.open)
    await broker.grant(list(yaml.safe_load_all((ROOT / "deploy/k8s/base/kafka/users.yaml").read_text())))


def _writes(service: str) -> list[Topic]:
    """Return what a service says, and what it sends again of the dead letters."""
    return [topic for topic in TOPICS if topic.writer in (service, ANY_SERVICE) or replayed_by(topic) == service]


def _reads(service: str) -> list[Topic]:
    return [topic for topic in TOPICS if service in topic.readers]


@contextlib.asynccontextmanager
async def _joined(broker: KafkaBroker, topics: list[Topic], group: str | None) -> AsyncIterator[Subscription]:
    subscription = broker.subscribe([topic.name for topic in topics], group)
    try:
        await subscription.start()
        yield subscription
    finally:
        await subscription.stop()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_publishes_to_its_topics_and_consumes_its_own_as_its_group(
    enforcing: Enforcing, service: str
) -> None:
    broker = enforcing.as_user(service)
    try:
        await broker.start()
        await broker.publish([Outgoing(topic.name, b"key", b"value", ()) for topic in _writes(service)])
        tables = [topic for topic in _reads(service) if topic.compacted]
        async with _joined(broker, _reads(service), service) as member:
            places = member.assigned()
            assert {place.topic for place in places} == {topic.name for topic in _reads(service)}
            await member.poll(100, 0.2)
            assert await member.commit({})
        async with _joined(broker, [*tables, DEAD_LETTERS], None) as reader:
            await reader.lag()
    finally:
        await broker.stop()


async def test_a_record_that_was_read_can_be_committed(enforcing: Enforcing) -> None:
    writer, reader = enforcing.as_user("assign"), enforcing.as_user("adjudicate")
    (topic,) = [topic for topic in _writes("assign") if "annotations" in topic.name]
    try:
        await writer.publish([Outgoing(topic.name, b"key", b"value", ())])
        async with _joined(reader, [topic], "adjudicate") as member:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (records := await member.poll(100, 0.5)):
                    pass
            ends = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
            assert await member.commit(ends)
    finally:
        await writer.stop()
        await reader.stop()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_cannot_write_what_another_writes(enforcing: Enforcing, service: str) -> None:
    broker = enforcing.as_user(service)
    others = next(topic for topic in TOPICS if topic.writer not in (service, ANY_SERVICE))
    try:
        with pytest.raises(BrokerUnavailable, match="Authorization"):
            await broker.publish([Outgoing(others.name, b"key", b"value", ())])
    finally:
        await broker.stop()


@pytest.mark.parametrize(("names", "group"), [(("units",), "assign"), (("annotations",), "audit")])
async def test_a_service_cannot_join_anothers_group_or_read_what_is_not_for_it(
    enforcing: Enforcing, names: tuple[str, ...], group: str
) -> None:
    broker = enforcing.as_user("audit")
    topics = [topic for topic in TOPICS if topic.name.split(".")[1] in names]
    try:
        with pytest.raises(BrokerUnavailable, match="Authorization"):
            async with _joined(broker, topics, group) as member:
                await member.poll(1, 0.2)
    finally:
        await broker.stop()


async def test_a_stranger_is_let_in_nowhere(enforcing: Enforcing) -> None:
    broker = enforcing.as_user("nobody")
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1"):
        await broker.start()
    await broker.stop()


def test_metrics_comes_up_with_the_rights_of_its_user(enforcing: Enforcing, tmp_path: Path) -> None:
    # The one service that speaks to Kafka by another library too, and that creates a topic: its changelog.
    port = free_port()
    environment = {
        **os.environ,
        "CONCORD_ENVIRONMENT": "local",
        "CONCORD_KAFKA_BOOTSTRAP": enforcing.guarded,
        "CONCORD_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "CONCORD_KAFKA_SASL_MECHANISM": MECHANISM,
        "CONCORD_KAFKA_USERNAME": "metrics",
        "CONCORD_KAFKA_PASSWORD": PASSWORD,
        "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:9",
        "CONCORD_HTTP_PORT": str(port),
        "CONCORD_IDENTITY_FILE": str(_identity(tmp_path)),
    }
    program = Program(
        name="metrics",
        argv=(sys.executable, "-m", "services.metrics"),
        environment=environment,
        ports=(port,),
        ready=lambda: _is_ready(port),
        ready_seconds_max=PATIENCE_SECONDS,
    )
    processes = Processes(tmp_path / "processes")
    try:
        processes.start([program], layer=0)
        made = asyncio.run(enforcing.topics()) - {topic.name for topic in TOPICS}
        assert {name for name in made if not name.startswith("__")} == set(CHANGELOGS["metrics"])
    finally:
        processes.stop()


def _identity(folder: Path) -> Path:
    keys = SigningKey.generate("test").jwks()
    path = folder / "identity.json"
    path.write_bytes(msgspec.json.encode(IdentityFile(issuer="https://issuer.test", audience="concord", jwks=keys)))
    return path


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
