"""Settings: read once from the environment, checked before anything connects, with the cure in the message.

A group of settings is a frozen dataclass whose fields are made by `setting` or `secret`; a service's own settings
extend `ServiceSettings` with its knobs, units in the names, and with the groups of secrets it uses.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from concord.chassis.settings_loading import (
    SECRET_CHARACTERS_MIN,
    Environment,
    Secret,
    SettingProblem,
    SettingsRefused,
    load,
    random_secret_cure,
    secret,
    setting,
)
from concord.contracts.ids import SLOTS
from concord.contracts.owners import PORT_MAX
from concord.contracts.topics import PLACES_LOCAL

__all__ = [
    "AUTHORITY",
    "CERTIFICATE",
    "Environment",
    "HttpSettings",
    "IdSettings",
    "IdentitySettings",
    "KafkaSettings",
    "MongodbSettings",
    "PatienceSettings",
    "PayloadKeySettings",
    "PayloadLinkSettings",
    "PlacesSettings",
    "SampleSettings",
    "Secret",
    "ServiceSettings",
    "SettingProblem",
    "SettingsRefused",
    "load",
    "secret",
    "setting",
]

AUTHORITY, CERTIFICATE = "authority", "certificate"
"""What a file of certificates is: whom we trust, or who we are."""
_STORE_FILES = {"tlscafile": AUTHORITY, "tlscertificatekeyfile": CERTIFICATE}
PARTS_MAX = 2
"""Of a secret that changes: the one by which what is new is made, and the other."""
_ADVERTISED = re.compile(r"http://(?:[A-Za-z0-9_.-]{1,253}|\[([0-9A-Fa-f:.]{2,45})\]):([0-9]{1,5})")


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """How the broker is reached."""

    bootstrap: str = setting("CONCORD_KAFKA_BOOTSTRAP", cure="set it to host:port[,host:port] of the brokers")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "CONCORD_KAFKA_SECURITY", cure="set it to the listener's protocol", default="PLAINTEXT"
    )
    sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = setting(
        "CONCORD_KAFKA_SASL_MECHANISM", cure="set it to the mechanism of the service's user", default="SCRAM-SHA-512"
    )
    username: str = setting("CONCORD_KAFKA_USERNAME", cure="set it to the service's user", default="")
    password: Secret = setting("CONCORD_KAFKA_PASSWORD", cure="set it to that user's password", default=Secret(""))
    ca_file: Path | None = setting(
        "CONCORD_KAFKA_CA_FILE", cure="set it to the PEM file of the broker's authority", default=None
    )

    @property
    def files(self) -> Mapping[str, Path]:
        """The files of certificates by which brokers are reached, by what they are."""
        return {AUTHORITY: self.ca_file} if self.ca_file is not None and self.security.endswith("SSL") else {}

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong across fields."""
        if self.security.startswith("SASL") and not self.username:
            yield SettingProblem("CONCORD_KAFKA_USERNAME", f"is needed with {self.security}", "set the service's user")
        if self.security.startswith("SASL") and not self.password:
            yield SettingProblem("CONCORD_KAFKA_PASSWORD", f"is needed with {self.security}", "set its password")


@dataclass(frozen=True, kw_only=True)
class MongodbSettings:
    """How the store is reached. The URI may carry a password, so it is kept as a secret."""

    uri: Secret = setting("CONCORD_MONGODB_URI", cure="set it to mongodb://host:port or mongodb+srv://…")
    driver: Literal["motor", "pymongo"] = setting(
        "CONCORD_MONGODB_DRIVER", cure="leave it unset for Motor", default="motor"
    )
    database_prefix: str = setting(
        "CONCORD_MONGODB_DATABASE_PREFIX", cure="set it to what the databases' names start with", default="concord_"
    )

    @property
    def has_tls(self) -> bool:
        """Whether the store is reached over TLS, certificates checked: `mongodb+srv` is unless it says otherwise."""
        options = self._options
        text = options.get("tls", options.get("ssl", "true" if self._url.scheme == "mongodb+srv" else "false"))
        unchecked = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
        return text == "true" and not any(options.get(name) == "true" for name in unchecked)

    @property
    def has_user(self) -> bool:
        """Whether the store is told who asks: by name and password, or by a certificate."""
        return "@" in self._url.netloc or self._options.get("authmechanism") == "mongodb-x509"

    @property
    def files(self) -> Mapping[str, Path]:
        """The files of certificates that the URI names, by what they are: whom we trust, and who we are."""
        named = {name.lower(): values[-1] for name, values in parse_qs(self._url.query).items()}
        return {what: Path(named[name]) for name, what in _STORE_FILES.items() if name in named}

    @property
    def _url(self) -> SplitResult:
        return urlsplit(self.uri.reveal())

    @property
    def _options(self) -> Mapping[str, str]:
        return {name.lower(): values[-1].lower() for name, values in parse_qs(self._url.query).items()}

    def database(self, service: str) -> str:
        """Return the name of the service's own database, which no other service opens."""
        return f"{self.database_prefix}{service}"


@dataclass(frozen=True, kw_only=True)
class NoMongodbSettings(MongodbSettings):
    """Those of a service that keeps nothing in the store: it needs no address of one."""

    uri: Secret = setting("CONCORD_MONGODB_URI", cure="leave it unset", default=Secret(""))


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Where the service listens; one port carries its API, health and telemetry. Port 0 takes any free one."""

    host: str = setting("CONCORD_HTTP_HOST", cure="set it to the address to listen on", default="127.0.0.1")
    port: int = setting("CONCORD_HTTP_PORT", cure="set it to a free port", default=8000, low=0, high=65_535)
    connections_max: int = setting(
        "CONCORD_HTTP_CONNECTIONS_MAX", cure="set it to how many the process may hold", default=2_000, low=1
    )


@dataclass(frozen=True, kw_only=True)
class PlacesSettings:
    """How many places the cluster has, and where the service's other processes reach this one."""

    count: int = setting(
        "CONCORD_PLACES",
        cure=f"set it to the partitions of the topics of events, a power of two up to {SLOTS}, chosen once a cluster",
        default=PLACES_LOCAL,
        low=1,
        high=SLOTS,
    )
    advertised_url: str = setting(
        "CONCORD_ADVERTISED_URL",
        cure="set it to http://host:port at which the service's other processes reach this one",
        default="",
    )
    owners_named: bool = setting(
        "CONCORD_OWNERS_NAMED",
        cure="set it to true where those who call may be told the advertised address of the process that served them",
        default=False,
    )

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong with the values."""
        if self.count & (self.count - 1):
            yield SettingProblem("CONCORD_PLACES", f"is {self.count}, no power of two", f"set it to 1, 2, 4 … {SLOTS}")
        if self.advertised_url and not _reachable(self.advertised_url):
            yield SettingProblem("CONCORD_ADVERTISED_URL", "is no http://host:port", "give scheme, host and port only")


def _reachable(advertised: str) -> bool:
    """Return whether an address is one that others could go to."""
    found = _ADVERTISED.fullmatch(advertised)
    if found is None or not 1 <= int(found[2]) <= PORT_MAX:
        return False
    try:
        return found[1] is None or bool(IPv6Address(found[1]))
    except ValueError:
        return False


def _parts(given: Secret) -> tuple[bytes, ...]:
    """Return the parts of a secret that may be two, with a comma between, while it changes."""
    return tuple(part.strip().encode() for part in given.reveal().split(","))


def _of_parts(name: str, parts: Sequence[bytes], cure: str) -> Iterator[SettingProblem]:
    """Yield what is wrong with the parts of a secret."""
    if len(parts) > PARTS_MAX or (len(parts) > 1 and min(map(len, parts)) < SECRET_CHARACTERS_MIN):
        problem = f"has {len(parts)} parts, and may have {PARTS_MAX} of {SECRET_CHARACTERS_MIN} characters or more"
        yield SettingProblem(name, problem, cure)


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """Where credentials are checked against: the identity file names keys, token issuer and roles."""

    file: Path = setting("CONCORD_IDENTITY_FILE", cure="set it to the identity file's path (docs/security.md)")
    pepper: Secret = secret(
        "CONCORD_API_KEY_PEPPER",
        cure=random_secret_cure("the pepper the API keys were hashed with (two, a comma between, while it changes)"),
        sample="sample-api-key-pepper-of-the-local-stack",
    )

    @property
    def peppers(self) -> tuple[bytes, ...]:
        """What API keys may have been hashed with; new ones are by the first."""
        return _parts(self.pepper)

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong with a pepper of several parts."""
        yield from _of_parts("CONCORD_API_KEY_PEPPER", self.peppers, "set it to NEW,OLD while it changes, else to one")


@dataclass(frozen=True, kw_only=True)
class PayloadLinkSettings:
    """What signed payload links are made of; shared by ingest, which honours them, and those who hand them out."""

    secret: Secret = secret(
        "CONCORD_PAYLOAD_LINK_SECRET",
        cure=random_secret_cure("one value for all services (two, a comma between, while it changes)"),
        sample="sample-payload-link-secret-of-the-local-stack",
    )
    ingest_url: str = setting(
        "CONCORD_INGEST_URL",
        cure="set it to where browsers reach ingest: https://ingest.example.org",
        default="http://127.0.0.1:8001",
    )
    seconds: int = setting(
        "CONCORD_PAYLOAD_LINK_SECONDS",
        cure="set it to how long a link may be followed",
        default=3_600,
        low=60,
        high=86_400,
    )

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What links may have been signed with; new ones are by the first."""
        return _parts(self.secret)

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what is wrong with a secret of several parts."""
        cure = "set it to OLD,NEW and then to NEW,OLD while it changes (docs/security.md), else to one"
        yield from _of_parts("CONCORD_PAYLOAD_LINK_SECRET", self.keys, cure)


@dataclass(frozen=True, kw_only=True)
class IdSettings:
    """The key of the ids that people see, so that nobody can test one for gold."""

    secret: Secret = secret(
        "CONCORD_ID_SECRET",
        cure=random_secret_cure("one value for all services"),
        sample="sample-id-secret-of-the-local-stack",
    )


@dataclass(frozen=True, kw_only=True)
class PayloadKeySettings:
    """Under which keys of the clients payloads are encrypted."""

    secret: Secret = secret(
        "CONCORD_PAYLOAD_KEY_SECRET",
        cure=random_secret_cure("one value for ingest, never changed: clients' keys are derived from it"),
        sample="sample-payload-key-secret-of-the-local-stack",
    )
    file: Path | None = setting(
        "CONCORD_PAYLOAD_KEYS_FILE",
        cure="set it to a JSON file of clients' own keys, or leave it unset: keys are then derived (docs/security.md)",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """The key of the order in which samples are drawn: repeatable for us, unforeseeable for others."""

    secret: Secret = secret(
        "CONCORD_SAMPLE_SECRET",
        cure=random_secret_cure("one value, never changed"),
        sample="sample-sample-secret-of-the-local-stack",
    )


@dataclass(frozen=True, kw_only=True)
class PatienceSettings:
    """How long a process waits before it takes a consumer for stuck, and how often it asks whether others answer.

    Attributes:
        stuck_seconds: records wait, everything answers and none has come: the process ends.
        unjoined_seconds: the broker answers and the group is still being dealt: the process ends.
        probe_seconds: how often store and broker are asked whether they answer.
    """

    stuck_seconds: float = setting(
        "CONCORD_STUCK_SECONDS",
        cure="set it to how long records may wait while none comes, more than the slowest batch takes",
        default=60.0,
        low=1,
        high=3_600,
    )
    unjoined_seconds: float = setting(
        "CONCORD_UNJOINED_SECONDS",
        cure="set it to more than a rebalance ever takes",
        default=300.0,
        low=1,
        high=3_600,
    )
    probe_seconds: float = setting(
        "CONCORD_PROBE_SECONDS",
        cure="set it to how often store and broker are asked whether they answer",
        default=5.0,
        low=0.1,
        high=60,
    )


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What every service needs. A service extends it with its own knobs and the groups of secrets it uses."""

    environment: Environment = setting(
        "CONCORD_ENVIRONMENT", cure="set it to local or production", default=Environment.PRODUCTION
    )
    kafka: KafkaSettings
    mongodb: MongodbSettings
    http: HttpSettings
    places: PlacesSettings
    identity: IdentitySettings
    patience: PatienceSettings
    transport: Literal["tls", "plain"] = setting(
        "CONCORD_TRANSPORT",
        cure="leave it unset for TLS, or set it to plain where something outside the process encrypts, as a mesh does",
        default="tls",
    )

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what would go over a network in the clear, or without a user, but on the local stack."""
        if self.environment is Environment.LOCAL or self.transport == "plain":
            return
        plain = "or CONCORD_TRANSPORT=plain where something outside the process encrypts"
        if not self.kafka.security.endswith("SSL"):
            yield SettingProblem(
                "CONCORD_KAFKA_SECURITY",
                f"is {self.kafka.security}, in the clear",
                f"set it to SASL_SSL or SSL, {plain}",
            )
        if not self.mongodb.uri:
            return
        if not self.mongodb.has_tls:
            yield SettingProblem("CONCORD_MONGODB_URI", "asks for no TLS", f"add tls=true, {plain}")
        if not self.mongodb.has_user:
            yield SettingProblem("CONCORD_MONGODB_URI", "names no user", f"put the service's own user in, {plain}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the settings that the environment holds.

        Raises:
            SettingsRefused: something is wrong or missing; all of it is named.
        """
        return load(cls, environment)
