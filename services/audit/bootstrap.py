"""Audit's composition root: settings and ports in, a wired service out."""

from collections.abc import Mapping

from concord.chassis.annotators import kind_table, models_in
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.http import application
from concord.chassis.letter_door import letters_router
from concord.chassis.letter_shelf import LetterShelf
from concord.chassis.places.forward import Placing
from concord.chassis.places.gather import Gather
from concord.chassis.places.keeper import Several
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.projects import project_table
from concord.chassis.runtime import Hook, Runtime, Service, repeating
from concord.chassis.wiring import Placed, consumer_part, journal_part, ordered, real_ports
from services.audit import api, events
from services.audit.announcements import SERVICE
from services.audit.domain.addresses import anywhere, is_public
from services.audit.domain.ledger import Ledger
from services.audit.domain.signing import Signer
from services.audit.handlers import Handlers, Means
from services.audit.handlers.payloads import Payloads
from services.audit.repository import COLLECTIONS, Repository
from services.audit.settings import AuditSettings
from services.audit.telemetry import INSTRUMENTS
from services.audit.webhooks import Book, HookMeans, Webhooks
from services.audit.webhooks.sender import HttpSender, Sender

TIDY_SECONDS = 1.0
LOOK_SECONDS = 15.0


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return audit over the real ports.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings = AuditSettings.from_environment(environment)
    return wire(settings, real_ports(SERVICE, settings, environment))


def wire(settings: AuditSettings, ports: Ports, sender: Sender | None = None) -> Service:
    """Return audit over the given ports, not yet started.

    Args:
        settings: what it was told.
        ports: the world.
        sender: the way out for webhooks; over the network if None.
    """
    journal = journal_part(ports)
    letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    projects = project_table(ports.broker, ports.clock, letters)
    annotators = kind_table(ports.broker, ports.clock, letters)
    owner = Owner(settings.places.count, ports.address)
    repository = Repository(journal.journal, ports.store, owner)
    means = Means(
        repository,
        journal.journal,
        projects,
        Signer(settings.certificates.seed.key()),
        settings.samples.secret.key(),
        settings.ids.secret.key(),
        Ledger(settings.samples.secret.key()),
        _payloads(settings, ports),
        ports.telemetry.instruments(INSTRUMENTS),
        ports.telemetry.tracing,
        ports.clock,
    )
    handlers = Handlers.of(means)
    webhooks = _webhooks(settings, ports, means, sender)
    served = events.handlers(handlers, webhooks)
    consumer = consumer_part(SERVICE, ports, journal, served, settings.patience, owner)
    parts = ordered(
        ports,
        journal,
        consumer,
        collections=COLLECTIONS,
        tables=[projects, annotators],
        places=Placed(owner, Several((webhooks.book, repository))),
        patience=settings.patience,
        loops=[
            handlers.turns,
            handlers.manifests,
            webhooks.sending,
            repeating("ages of lots", handlers.ages.look, ports.clock, ports.telemetry, lambda: LOOK_SECONDS),
            repeating("pages of rows", journal.journal.rows.tidy, ports.clock, ports.telemetry, lambda: TIDY_SECONDS),
        ],
    )
    shelf = LetterShelf(SERVICE, ports.broker, ports.clock)
    runtime = Runtime(SERVICE, [*parts, Hook("dead letters", stop=shelf.stop)], ports.clock)
    door = application(
        SERVICE,
        [api.router(), letters_router(shelf)],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        domain=api.STATUSES,
        placing=Placing(owner, ports.peers, naming=settings.places.owners_named),
        state=api.Door(handlers, webhooks, settings, Gather(owner, ports.peers)),
        is_model=models_in(annotators),
    )
    return Service(runtime, door, settings.http)


def _webhooks(settings: AuditSettings, ports: Ports, means: Means, sender: Sender | None) -> Webhooks:
    inside = settings.webhooks.inside
    return Webhooks.of(
        HookMeans(
            Book(means.journal, means.repository.owner),
            means.journal,
            sender or HttpSender(anywhere if inside else is_public),
            settings.webhooks.secret.key(),
            inside,
            means.instruments,
            means.tracing,
            ports.clock,
            ports.random,
        )
    )


def _payloads(settings: AuditSettings, ports: Ports) -> Payloads:
    links = settings.payload_links
    return Payloads(ports.peers, settings.exports.ingest_url or links.ingest_url, links.keys[0], ports.clock)
