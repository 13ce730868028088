"""What every bootstrap does alike: real ports from settings, and the parts in their common order."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import BatchConsumer, Handler
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.identity import read_identity
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import COLLECTIONS
from concord.chassis.ports import Ports
from concord.chassis.runtime import BrokerPart, Hook, Part, StorePart, TelemetryPart
from concord.chassis.settings import ServiceSettings
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Collection
from concord.chassis.table import Table
from concord.chassis.telemetry import Telemetry
from concord.contracts.topics import PROJECTS, Topic

WRITER_BYTES = 6


def real_ports(service: str, settings: ServiceSettings, environment: Mapping[str, str]) -> Ports:
    """Return the ports of a process: its own database, Kafka, the system's clock. Call it on the event loop.

    Raises:
        SettingsRefused: the identity file cannot be used.
    """
    clock, kafka = SystemClock(), settings.kafka
    return Ports(
        store=MongoStore.connect(
            settings.mongodb.uri.reveal(), settings.mongodb.database(service), settings.mongodb.driver
        ),
        broker=KafkaBroker(
            kafka.bootstrap,
            service,
            security=kafka.security,
            sasl_mechanism=kafka.sasl_mechanism,
            username=kafka.username or None,
            password=kafka.password.reveal() or None,
            ca_file=kafka.ca_file,
        ),
        clock=clock,
        identity=read_identity(settings.identity, clock),
        telemetry=Telemetry.from_environment(service, environment),
        writer=f"{service}-{secrets.token_hex(WRITER_BYTES)}",
    )


def journal_part(ports: Ports) -> JournalPart:
    """Return the service's journal over its ports."""
    return JournalPart(ports.store, ports.broker, ports.writer, ports.clock, ports.telemetry)


def consumer_part(service: str, ports: Ports, journal: JournalPart, handlers: Mapping[Topic, Handler]) -> BatchConsumer:
    """Return the service's consumer, whose group is the service's name."""

    async def needs() -> None:
        await ports.store.ping()
        await ports.broker.ping()

    return BatchConsumer(
        service,
        ports.broker,
        handlers,
        journal.publisher.flushed,
        DeadLetters(service, ports.broker, ports.clock),
        ports.telemetry,
        ports.clock,
        needs,
    )


def ordered(
    ports: Ports,
    journal: JournalPart,
    consumer: BatchConsumer,
    *,
    collections: Sequence[Collection] = (),
    tables: Sequence[Part] = (),
    rebuild: Callable[[], Awaitable[None]] | None = None,
    loops: Sequence[Part] = (),
) -> list[Part]:
    """Return a service's parts in the order of their start.

    Args:
        ports: the world.
        journal: swept before anything is decided.
        consumer: joins its group when everything it needs is there.
        collections: what the service keeps beside its journal.
        tables: compacted topics that it reads; the projects of a batch are waited for in theirs before it is served.
        rebuild: fills the read models from the journal: at the start, and whenever the group deals its partitions
            anew; said again it only adds what is new.
        loops: timers.
    """
    if rebuild is not None:
        consumer.regrouped = _refresh(journal, rebuild)
    consumer.serving.expects += [
        table.expect for table in tables if isinstance(table, Table) and table.topic is PROJECTS
    ]
    return [
        TelemetryPart(ports.telemetry),
        StorePart(ports.store, [*COLLECTIONS, *collections], ports.clock),
        BrokerPart(ports.broker, ports.clock),
        journal,
        *tables,
        Hook("read models", start=rebuild),
        consumer,
        *loops,
    ]


def _refresh(journal: JournalPart, rebuild: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return what takes in whatever other members of the group have done."""

    async def refresh() -> None:
        journal.journal.forget()
        await rebuild()

    return refresh
