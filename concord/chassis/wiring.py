"""What every bootstrap does alike: real ports from settings, and the parts in their common order."""

import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Broker
from concord.chassis.broker.traced import TracedBroker
from concord.chassis.certificate_watch import files_of, watching_certificates
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import BatchConsumer, Handler
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.identity import read_identity
from concord.chassis.identity_watch import watching
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import COLLECTIONS
from concord.chassis.places.keeper import PlaceKeeper, PlaceModels
from concord.chassis.places.owner import Owner
from concord.chassis.places.peers import HttpPeers
from concord.chassis.ports import Ports
from concord.chassis.runtime import BrokerPart, Dependencies, Hook, Part, StorePart, TelemetryPart
from concord.chassis.runtime.dependencies import PROBE_SECONDS
from concord.chassis.settings import PatienceSettings, ServiceSettings, SettingProblem, SettingsRefused
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.mongo import MongoStore
from concord.chassis.store.port import Collection, Store
from concord.chassis.store.traced import TracedStore
from concord.chassis.table import Table
from concord.chassis.telemetry import Telemetry
from concord.contracts.ids import place_of, slot_of
from concord.contracts.topics import PROJECTS, Topic

WRITER_BYTES = 6
KINDS_WITH_SLOTS = frozenset({"unit", "lot"})
"""Kinds of aggregates whose ids carry their project's slot."""
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - told from others, not listened on


def real_ports(service: str, settings: ServiceSettings, environment: Mapping[str, str]) -> Ports:
    """Return the ports of a process: its own database, Kafka, the system's clock. Call it on the event loop.

    Raises:
        SettingsRefused: the identity file cannot be used.
    """
    clock, kafka = SystemClock(), settings.kafka
    telemetry = Telemetry.from_environment(service, environment)
    tracing = telemetry.tracing
    mongodb = settings.mongodb
    store: Store = (
        MongoStore.connect(mongodb.uri.reveal(), mongodb.database(service), mongodb.driver, mongodb.files.values())
        if mongodb.uri
        else MemoryStore(MemoryDatabase(random.Random(0)))  # of a service that keeps nothing there
    )
    broker: Broker = KafkaBroker(
        kafka.bootstrap,
        service,
        security=kafka.security,
        sasl_mechanism=kafka.sasl_mechanism,
        username=kafka.username or None,
        password=kafka.password.reveal() or None,
        ca_file=kafka.ca_file,
    )
    if tracing.on:
        store, broker = TracedStore(store, tracing), TracedBroker(broker, tracing)
    identity = read_identity(settings.identity, clock)
    files = files_of(broker=kafka.files, store=mongodb.files)
    return Ports(
        store=store,
        broker=broker,
        clock=clock,
        identity=identity,
        telemetry=telemetry,
        writer=f"{service}-{secrets.token_hex(WRITER_BYTES)}",
        address=address_of(settings),
        peers=HttpPeers(),
        watches=[
            watching(settings.identity, identity, telemetry, clock),
            *([watching_certificates(files, telemetry, clock)] if files else []),
        ],
    )


def address_of(settings: ServiceSettings) -> str:
    """Return where the service's other processes reach this one: what is set, else where it listens.

    Raises:
        SettingsRefused: it listens on every address, or on any port, and does not say at which it is reached.
    """
    http, text = settings.http, settings.places.advertised_url
    if text:
        return text
    if http.host in EVERY_ADDRESS or not http.port:
        where = f"is needed with CONCORD_HTTP_HOST {http.host} and CONCORD_HTTP_PORT {http.port}"
        cure = "set it to http://host:port at which the service's other processes reach this one"
        raise SettingsRefused([SettingProblem("CONCORD_ADVERTISED_URL", where, cure)])
    return f"http://[{http.host}]:{http.port}" if ":" in http.host else f"http://{http.host}:{http.port}"


def journal_part(ports: Ports) -> JournalPart:
    """Return the service's journal over its ports."""
    return JournalPart(ports.store, ports.broker, ports.writer, ports.clock, ports.telemetry)


def consumer_part(
    service: str,
    ports: Ports,
    journal: JournalPart,
    handlers: Mapping[Topic, Handler],
    patience: PatienceSettings | None = None,
    owner: Owner | None = None,
) -> BatchConsumer:
    """Return the service's consumer, whose group is the service's name; with an owner it is dealt whole places.

    Its patience is the default if None.
    """

    async def needs() -> None:
        await ports.store.ping()
        await ports.broker.ping()

    consumer = BatchConsumer(
        service,
        ports.broker,
        handlers,
        journal.publisher.flushed,
        DeadLetters(service, ports.broker, ports.clock),
        ports.telemetry,
        ports.clock,
        needs,
        owner,
    )
    if patience is not None:
        consumer.watch.stuck_seconds = patience.stuck_seconds
        consumer.watch.unjoined_seconds = patience.unjoined_seconds
    return consumer


@dataclass(frozen=True, slots=True)
class Placed:
    """What a service keeps in memory by place.

    Attributes:
        owner: the process's table of places, which its consumer was made with.
        models: loads and drops the read models of a place.
    """

    owner: Owner
    models: PlaceModels


def ordered(
    ports: Ports,
    journal: JournalPart,
    consumer: BatchConsumer,
    *,
    collections: Sequence[Collection] = (),
    tables: Sequence[Part] = (),
    rebuild: Callable[[], Awaitable[None]] | None = None,
    places: Placed | None = None,
    loops: Sequence[Part] = (),
    patience: PatienceSettings | None = None,
) -> list[Part]:
    """Return a service's parts in the order of their start.

    Args:
        ports: the world.
        journal: swept before anything is decided.
        consumer: joins its group when everything it needs is there.
        collections: what the service keeps beside its journal.
        tables: compacted topics that it reads; the projects of a batch are waited for in theirs before it is served.
        rebuild: fills the read models from the journal: at the start, and whenever the group deals its partitions
            anew; said again it only adds what is new. For services that run once.
        places: loads and drops the read models place by place instead. For services that run many times.
        loops: timers.
        patience: how often store and broker are asked whether they answer; the default if None.
    """
    assert rebuild is None or places is None, "read models are rebuilt whole, or place by place"
    if rebuild is not None:
        consumer.regrouped = _refresh(journal, rebuild)
    consumer.serving.expects += [
        table.expect for table in tables if isinstance(table, Table) and table.topic is PROJECTS
    ]
    kept: Part = Hook("read models", start=rebuild) if places is None else _keeper(journal, consumer, places, ports)
    peers = [Hook("peers", stop=ports.peers.close)] if places is not None else []
    return [
        TelemetryPart(ports.telemetry),
        dependencies(ports, patience, "store", "broker"),
        StorePart(ports.store, [*COLLECTIONS, *collections], ports.clock),
        BrokerPart(ports.broker, ports.clock),
        *peers,
        journal,
        *tables,
        kept,
        consumer,
        *loops,
        *ports.watches,
    ]


def _keeper(journal: JournalPart, consumer: BatchConsumer, places: Placed, ports: Ports) -> PlaceKeeper:
    owner = places.owner

    async def forget(gained: Iterable[int]) -> None:
        await journal.journal.forget_where(partial(_doubtful, frozenset(gained), owner.places))

    journal.journal.markers.keeps = lambda slot: place_of(slot, owner.places) in owner.given()
    models = _Models(places.models, journal, owner)
    keeper = PlaceKeeper(owner, consumer, models, forget, ports.clock)
    consumer.watch.loading = lambda: keeper.loading
    return keeper


class _Models(NamedTuple):
    """A service's read models, with what the journal keeps of a place beside them."""

    models: PlaceModels
    journal: JournalPart
    owner: Owner

    async def load(self, place: int) -> None:
        """Take a place in."""
        await self.models.load(place)

    async def drop(self, place: int) -> None:
        """Forget everything of a place."""
        self.journal.journal.markers.forget(lambda slot: place_of(slot, self.owner.places) == place)
        await self.models.drop(place)


def _doubtful(gained: frozenset[int], places: int, key: str) -> bool:
    """Return whether others may have decided on an aggregate: all but those that surely lie in places we kept."""
    _, kind, any_id = key.split("/", 2)
    slot = slot_of(any_id) if kind in KINDS_WITH_SLOTS else None
    return slot is None or place_of(slot, places) in gained


def dependencies(ports: Ports, patience: PatienceSettings | None, *names: Literal["store", "broker"]) -> Dependencies:
    """Return the part that asks these dependencies whether they answer."""
    pings = {"store": ports.store.ping, "broker": ports.broker.ping}
    probe_seconds = PROBE_SECONDS if patience is None else patience.probe_seconds
    return Dependencies({name: pings[name] for name in names}, ports.telemetry, ports.clock, probe_seconds)


def _refresh(journal: JournalPart, rebuild: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return what takes in whatever other members of the group have done."""

    async def refresh() -> None:
        journal.journal.forget()
        await rebuild()

    return refresh
