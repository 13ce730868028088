"""Ingest's composition root: settings and ports in, a wired service out."""

from collections.abc import Mapping

from concord.chassis.annotators import annotator_table, models_in
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import DeploymentFault
from concord.chassis.http import application
from concord.chassis.letter_door import letters_router
from concord.chassis.letter_shelf import LetterShelf
from concord.chassis.payload_links import SignedLink
from concord.chassis.places.forward import Placing
from concord.chassis.places.owner import Owner
from concord.chassis.ports import Ports
from concord.chassis.runtime import Hook, Runtime, Service, repeating
from concord.chassis.sealing import LocalKeys, Sealer, keys_in
from concord.chassis.table import Table
from concord.chassis.wiring import Placed, consumer_part, journal_part, ordered, real_ports
from concord.contracts.topics import PROJECTS
from concord.privacy import Beside, NotInstalled, presidio
from services.ingest import api, events
from services.ingest.announcements import SERVICE, project_from
from services.ingest.door.batches import Spools
from services.ingest.handlers import Handlers
from services.ingest.intake import Forgetting, Intake
from services.ingest.repository import (
    ANSWERS,
    ARRIVALS,
    CLAIMS,
    IMPORTS,
    OPEN_UNITS,
    PLACES,
    SEATS,
    SUBJECTS,
    UNITS,
    WAITING,
    Repository,
)
from services.ingest.settings import IngestSettings, PrivacySettings
from services.ingest.telemetry import INSTRUMENTS

SEAL_SECONDS = 1.0
ARRIVALS_SECONDS = 30.0
ANSWERS_SECONDS = 3_600.0
WAITING_SECONDS = 2.0
"""How soon what waits comes in when units are settled."""
SHOWN_SECONDS = 30.0
FORGET_SECONDS = 60.0
"""How soon what was sent through the intake is deleted there, once it is admitted."""
COLLECTIONS = (UNITS, CLAIMS, PLACES, ARRIVALS, IMPORTS, ANSWERS, SEATS, SUBJECTS, OPEN_UNITS, WAITING)


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return ingest over the real ports.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings = IngestSettings.from_environment(environment)
    return wire(settings, real_ports(SERVICE, settings, environment))


def wire(settings: IngestSettings, ports: Ports) -> Service:
    """Return ingest over the given ports, not yet started."""
    journal = journal_part(ports)
    owner = Owner(settings.places.count, ports.address)
    keys = settings.payload_keys
    listed = None if keys.file is None else keys_in(keys.file)
    sealer = Sealer(LocalKeys(keys.secret.key(), listed), ports.random)
    repository = Repository(journal.journal, ports.store, settings.ids.secret.key(), settings.places.count, sealer)
    letters = DeadLetters(SERVICE, ports.broker, ports.clock)
    annotators = annotator_table(ports.broker, ports.clock, letters)
    projects = Table(ports.broker, PROJECTS, project_from, ports.clock, letters)
    projects.listen(lambda _, project: repository.settle_project(project))
    beside = _beside(settings.privacy)
    handlers = Handlers.of(repository, owner, annotators, ports.telemetry.instruments(INSTRUMENTS), ports.clock, beside)
    intake, forgetting = Intake(handlers, letters), Forgetting(ports.broker, owner)
    doors = events.handlers(intake, handlers.lots, handlers.admissions.room, handlers.gold)
    consumer = consumer_part(SERVICE, ports, journal, doors, settings.patience, owner)
    parts = ordered(
        ports,
        journal,
        consumer,
        collections=COLLECTIONS,
        tables=[annotators, projects],
        places=Placed(owner, repository),
        patience=settings.patience,
        loops=[
            repeating("intake", forgetting.forget, ports.clock, ports.telemetry, lambda: FORGET_SECONDS),
            repeating("waiting", intake.take_waiting, ports.clock, ports.telemetry, lambda: WAITING_SECONDS),
            repeating("open units", intake.look_after, ports.clock, ports.telemetry, lambda: SHOWN_SECONDS),
            repeating("lots", handlers.lots.seal_aged, ports.clock, ports.telemetry, lambda: SEAL_SECONDS),
            repeating(
                "answers", handlers.imports.forget_answers, ports.clock, ports.telemetry, lambda: ANSWERS_SECONDS
            ),
            repeating(
                "arrivals",
                handlers.admissions.finish_left_behind,
                ports.clock,
                ports.telemetry,
                lambda: ARRIVALS_SECONDS,
            ),
        ],
    )
    shelf = LetterShelf(SERVICE, ports.broker, ports.clock)
    runtime = Runtime(SERVICE, [*parts, Hook("dead letters", stop=shelf.stop)], ports.clock)
    door = application(
        SERVICE,
        [*api.routers(SignedLink(settings.payload_links.keys, ports.clock)), letters_router(shelf)],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        domain=api.STATUSES,
        placing=Placing(owner, ports.peers, anywhere=api.ANYWHERE, naming=settings.places.owners_named),
        state=api.Door(handlers, Spools(), lambda: owner.leaving),
        is_model=models_in(annotators),
    )
    return Service(runtime, door, settings.http)


def _beside(settings: PrivacySettings) -> Beside | None:
    """Return what finds personal data beside our own rules, where a deployment asks for it.

    Raises:
        DeploymentFault: it is not installed.
    """
    if not settings.presidio:
        return None
    try:
        return presidio(settings.presidio, settings.presidio_model)
    except NotInstalled as missing:
        raise DeploymentFault(f"CONCORD_PRIVACY_PRESIDIO is {settings.presidio!r}, and {missing}") from missing
