"""What the workbench can be told."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from concord.chassis.settings import HttpSettings
from concord.chassis.settings_loading import (
    SAMPLE_MARK,
    SECRET_CHARACTERS_MIN,
    SECRET_SYMBOLS_MIN,
    Environment,
    Secret,
    SettingProblem,
    load,
    random_secret_cure,
    secret,
    setting,
)
from concord.contracts.owners import networks

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
SECRETS_MAX = 2
"""The one that seals, and the one before it or after it."""
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_MEDIA_ORIGIN = re.compile(r"https?://(\*|(\*\.)?[a-z0-9.-]+)(:([0-9]{1,5}|\*))?")


@dataclass(frozen=True, kw_only=True)
class ServiceAddresses:
    """Where this process reaches the services."""

    ingest: str = setting("CONCORD_WORKBENCH_INGEST", cure="set it to http://host:port of ingest")
    assign: str = setting("CONCORD_WORKBENCH_ASSIGN", cure="set it to http://host:port of assign")
    adjudicate: str = setting("CONCORD_WORKBENCH_ADJUDICATE", cure="set it to http://host:port of adjudicate")
    audit: str = setting("CONCORD_WORKBENCH_AUDIT", cure="set it to http://host:port of audit")
    metrics: str = setting("CONCORD_WORKBENCH_METRICS", cure="set it to http://host:port of metrics")

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong with the values."""
        for name, url in self.by_name().items():
            if not _ORIGIN.fullmatch(url):
                cure = "give scheme, host and port only"
                yield SettingProblem(f"CONCORD_WORKBENCH_{name.upper()}", f"is {url!r}, no http://host:port", cure)

    def by_name(self) -> Mapping[str, str]:
        """Return service -> base URL."""
        return {name: getattr(self, name) for name in SERVICES}


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """The issuer at which people sign in: OpenID Connect, authorization code with PKCE."""

    issuer: str = setting(
        "CONCORD_OIDC_ISSUER", cure="set it to the issuer's https address, as its tokens name it", default=""
    )
    client_id: str = setting("CONCORD_OIDC_CLIENT_ID", cure="set it to the workbench's id there", default="")
    client_secret: Secret = setting(
        "CONCORD_OIDC_CLIENT_SECRET", cure="set it to the workbench's secret there, if it has one", default=Secret("")
    )
    scope: str = setting(
        "CONCORD_OIDC_SCOPE", cure="set it to what is asked for, blanks between", default="openid profile"
    )

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong with the values."""
        if self.issuer and not self.client_id:
            yield SettingProblem("CONCORD_OIDC_CLIENT_ID", "is not set", "set it to the workbench's id at the issuer")


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """What the sign-in page with one button a role rests on; of the local stack alone."""

    issuer_key: Path | None = setting(
        "CONCORD_WORKBENCH_ISSUER_KEY", cure="leave it unset but on the local stack", default=None
    )
    client_id: str = setting(
        "CONCORD_WORKBENCH_LOCAL_CLIENT", cure="set it to the client of the local stack", default="local"
    )
    token_seconds: int = setting(
        "CONCORD_WORKBENCH_LOCAL_SECONDS",
        cure="set it to how long a token of its buttons holds before it is renewed, in seconds",
        default=3_600,
        low=10,
        high=86_400,
    )


@dataclass(frozen=True, kw_only=True)
class WorkbenchSettings:
    """The workbench's settings.

    Attributes:
        url: where browsers reach it; cookies are bound to https when it is.
        owners_within: networks in which answers may name the process that owns a project's place
            (`concord.contracts.owners`); people's tokens are sent there.
        media_origins: whose pictures, sounds and films the pages may show, beside those that a unit carries in itself.
        identity_file: names the issuer whose tokens are believed (docs/security.md).
        session_secret: seals the cookie that holds a person's token; see `session_keys`.
    """

    environment: Environment = setting(
        "CONCORD_ENVIRONMENT", cure="set it to local or production", default=Environment.PRODUCTION
    )
    url: str = setting(
        "CONCORD_WORKBENCH_URL", cure="set it to where browsers reach it: https://work.example.org", default=""
    )
    media_origins: tuple[str, ...] = setting(
        "CONCORD_WORKBENCH_MEDIA_ORIGINS",
        cure="set it to https://host of those who keep pictures and sounds, commas between",
        default=(),
    )
    owners_within: tuple[str, ...] = setting(
        "CONCORD_WORKBENCH_OWNERS_WITHIN",
        cure="set it to the network of the services' own processes, as 10.42.0.0/16, commas between; nobody else's",
        default=(),
    )
    identity_file: Path = setting("CONCORD_IDENTITY_FILE", cure="set it to the identity file's path (docs/security.md)")
    session_secret: Secret = secret(
        "CONCORD_WORKBENCH_SECRET",
        cure=random_secret_cure(
            "one value for all processes of the workbench (two, a comma between, while it changes)"
        ),
        sample="sample-workbench-secret-of-the-local-stack",
    )
    http: HttpSettings
    services: ServiceAddresses
    oidc: OidcSettings
    local: LocalSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the settings that the environment holds.

        Raises:
            SettingsRefused: something is wrong or missing; all of it is named.
        """
        return load(cls, environment)

    @property
    def over_https(self) -> bool:
        """Whether browsers reach it over https alone."""
        return urlsplit(self.url).scheme == "https"

    @property
    def session_keys(self) -> tuple[bytes, ...]:
        """The secrets that sessions are opened by; the first one seals them."""
        return tuple(part.strip().encode() for part in self.session_secret.reveal().split(","))

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong across the groups."""
        for origin in self.media_origins:
            if not _MEDIA_ORIGIN.fullmatch(origin):
                yield SettingProblem("CONCORD_WORKBENCH_MEDIA_ORIGINS", f"has {origin!r}", "give https://host alone")
        try:
            networks(self.owners_within)
        except ValueError as fault:
            cure = "give networks as 10.42.0.0/16, commas between"
            yield SettingProblem("CONCORD_WORKBENCH_OWNERS_WITHIN", f"is none: {fault}", cure)
        if self.url and not _ORIGIN.fullmatch(self.url):
            yield SettingProblem("CONCORD_WORKBENCH_URL", f"is {self.url!r}", "give scheme, host and port only")
        if self.environment is Environment.LOCAL:
            return
        if len(self.session_keys) > SECRETS_MAX or not all(map(_is_secret, self.session_keys)):
            problem = "has several parts, and not each is a secret"
            cure = f"give one or {SECRETS_MAX}, a comma between, each of {SECRET_CHARACTERS_MIN} characters or more"
            yield SettingProblem("CONCORD_WORKBENCH_SECRET", problem, cure)
        if self.local.issuer_key is not None:
            cure = "leave it unset: whoever opens the page would be whoever they like"
            yield SettingProblem("CONCORD_WORKBENCH_ISSUER_KEY", "is set outside the local stack", cure)
        if not self.over_https:
            yield SettingProblem("CONCORD_WORKBENCH_URL", "is no https address", "set it to where browsers reach it")
        if not self.oidc.issuer.startswith("https://"):
            yield SettingProblem("CONCORD_OIDC_ISSUER", "is no https address", "set it to the issuer's")


def _is_secret(part: bytes) -> bool:
    """Return whether one of several secrets is as good as a single one must be."""
    is_sample = part.lower().startswith(SAMPLE_MARK.encode())
    return len(part) >= SECRET_CHARACTERS_MIN and len(set(part)) >= SECRET_SYMBOLS_MIN and not is_sample
