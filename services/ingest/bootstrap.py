"""Ingest's composition root: settings and ports in, a wired service out."""

from collections.abc import Mapping

from concord.chassis.clock import Clock
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
from services.ingest.repository import PAYLOADS, Repository
from services.ingest.settings import IngestSettings
from services.ingest.telemetry import INSTRUMENTS

SEAL_SECONDS = 1.0


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
    handlers = Handlers(repository, journal.journal, ports.telemetry.instruments(INSTRUMENTS), ports.clock)
    consumer = consumer_part(SERVICE, ports, journal, events.handlers(Intake(handlers)))
    parts = ordered(
        ports,
        journal,
        consumer,
        collections=[PAYLOADS],
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
            await handlers.seal_aged()
        except StoreUnavailable:
            continue
