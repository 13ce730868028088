"""The workbench's composition root: settings and ports in, a wired process out."""

import asyncio
import secrets
from collections.abc import Mapping

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock, SystemClock
from concord.chassis.http import application
from concord.chassis.identity import Identity, IdentityFile, SigningKey, read_identity
from concord.chassis.runtime import Hook, Runtime, Service
from concord.chassis.settings import IdentitySettings, Secret
from concord.chassis.settings_loading import SettingProblem, SettingsRefused
from concord.chassis.telemetry import Telemetry
from concord.contracts.owners import Owners, networks
from workbench import api
from workbench.files import PageFiles
from workbench.forward import Forwarder
from workbench.issuer import IssuerDoor
from workbench.layer import SessionLayer
from workbench.renewal import Renewals
from workbench.session import Sessions
from workbench.settings import WorkbenchSettings
from workbench.sign_in import LocalIssuer, SignIn
from workbench.telemetry import INSTRUMENTS

NAME = "workbench"
BACK = "/sign-in/back"


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return the workbench over the real world.

    Raises:
        SettingsRefused: something is wrong or missing; all of it is named.
    """
    settings, clock = WorkbenchSettings.from_environment(environment), SystemClock()
    # People come with tokens: no API key is known here, so what keys are hashed with is not asked for.
    unknown = Secret(secrets.token_urlsafe(48))
    identity = read_identity(IdentitySettings(file=settings.identity_file, pepper=unknown), clock)
    return wire(settings, clock, identity, Telemetry.from_environment(NAME, environment))


def wire(settings: WorkbenchSettings, clock: Clock, identity: Identity, telemetry: Telemetry) -> Service:
    """Return the workbench, not yet started.

    Args:
        settings: its settings.
        clock: time.
        identity: whose tokens are believed.
        telemetry: its registry and tracer.
    """
    sessions = Sessions(settings.session_keys, over_https=settings.over_https)
    instruments = telemetry.instruments(INSTRUMENTS)
    owners = Owners(networks(settings.owners_within), clock.monotonic)
    forwarder = Forwarder(settings.services.by_name(), owners, instruments)
    local, issuer = _local(settings), _issuer(settings, clock)
    renewals = Renewals(identity, clock, issuer, local, instruments)
    sign_in = SignIn(sessions, identity, clock, forwarder, local, issuer, settings.url, renewals)
    runtime = Runtime(
        NAME,
        [
            Hook("telemetry", stop=lambda: asyncio.to_thread(telemetry.shutdown)),
            Hook("services", start=forwarder.start, stop=forwarder.stop),
        ],
        clock,
    )
    door = application(
        NAME,
        [api.router()],
        readiness=runtime,
        identity=identity,
        telemetry=telemetry,
        state=api.Door(PageFiles(), forwarder, sign_in),
    )
    layer = SessionLayer(door, sessions, settings.media_origins, over_https=settings.over_https)
    return Service(runtime, layer, settings.http)


def _local(settings: WorkbenchSettings) -> LocalIssuer | None:
    if settings.local.issuer_key is None:
        return None
    file = msgspec.json.decode(settings.identity_file.read_bytes(), type=IdentityFile)
    key_id = (file.jwks or {})["keys"][0]["kid"]
    key = SigningKey.from_pem(settings.local.issuer_key.read_bytes(), key_id)
    return LocalIssuer(key, file.issuer, file.audience, settings.local.client_id, settings.local.token_seconds)


def _issuer(settings: WorkbenchSettings, clock: Clock) -> IssuerDoor | None:
    if not settings.oidc.issuer:
        return None
    believed = msgspec.json.decode(settings.identity_file.read_bytes(), type=IdentityFile).issuer
    if believed != settings.oidc.issuer:
        problem = f"is {settings.oidc.issuer!r}, and the services believe tokens of {believed!r}"
        cure = "name one issuer in both, to the letter as its tokens do: with or without a slash at the end"
        raise SettingsRefused([SettingProblem("CONCORD_OIDC_ISSUER", problem, cure)])
    return IssuerDoor(settings.oidc, settings.url + BACK, lambda: clock.now_us() / MICROSECONDS)
