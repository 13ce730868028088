"""Ingest's composition root: settings and ports in, a wired service out."""

import logging
from collections.abc import Mapping

from concord.chassis.annotators import annotator_table
from concord.chassis.clock import Clock
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import Unavailable
from concord.chassis.http import application
from concord.chassis.payload_links import SignedLink
from concord.chassis.ports import Ports
from concord.chassis.runtime import Loop, Runtime, Service
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.wiring import consumer_part, journal_part, ordered, real_ports
from services.ingest import api, events
from services.ingest.announcements import SERVICE
from services.ingest.handlers import Handlers
from services.ingest.intake import Intake
from services.ingest.repository import CLAIMS, PAYLOADS, PLACES, Repository
from services.ingest.settings import IngestSettings
from services.ingest.telemetry import INSTRUMENTS

SEAL_SECONDS = 1.0

log = logging.getLogger(__name__)


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
    repository = Repository(journal.journal, ports.store, settings.ids.secret.key())
    annotators = annotator_table(ports.broker, ports.clock, DeadLetters(SERVICE, ports.broker, ports.clock))
    handlers = Handlers.of(repository, annotators, ports.telemetry.instruments(INSTRUMENTS), ports.clock)
    consumer = consumer_part(SERVICE, ports, journal, events.handlers(Intake(handlers)))
    parts = ordered(
        ports,
        journal,
        consumer,
        collections=[PAYLOADS, CLAIMS, PLACES],
        tables=[annotators],
        rebuild=repository.rebuild,
        loops=[Loop("lots", lambda: _seal_for_ever(handlers, ports.clock))],
    )
    runtime = Runtime(SERVICE, parts)
    door = application(
        SERVICE,
        [api.router(SignedLink(settings.payload_links.secret.key(), ports.clock))],
        readiness=runtime,
        identity=ports.identity,
        telemetry=ports.telemetry,
        domain=api.STATUSES,
        state=handlers,
    )
    return Service(runtime, door, settings.http)


async def _seal_for_ever(handlers: Handlers, clock: Clock) -> None:
    while True:
        await clock.sleep(SEAL_SECONDS)
        try:
            await handlers.lots.seal_aged()
        except (StoreUnavailable, Unavailable) as fault:
            log.warning("lots wait: %s", fault)
