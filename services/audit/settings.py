"""What audit can be told."""

from collections.abc import Iterator
from dataclasses import dataclass

from concord.chassis.settings import (
    Environment,
    IdSettings,
    PayloadLinkSettings,
    SampleSettings,
    Secret,
    ServiceSettings,
    SettingProblem,
    secret,
    setting,
)
from concord.chassis.settings_loading import random_secret_cure
from services.audit.domain.signing import CertificateBroken, key_bytes


@dataclass(frozen=True, kw_only=True)
class CertificateSettings:
    """What certificates are signed with: the Ed25519 key follows from this seed."""

    seed: Secret = secret(
        "CONCORD_CERTIFICATE_SEED",
        cure=random_secret_cure(
            "one value; when it is changed, the old public key goes to CONCORD_CERTIFICATE_KEYS_RETIRED"
        ),
        sample="sample-certificate-seed-of-the-local-stack",
    )
    retired: tuple[str, ...] = setting(
        "CONCORD_CERTIFICATE_KEYS_RETIRED",
        cure="set it to the public keys, base64, with commas between, that certificates were signed with before",
        default=(),
    )

    def problems(self) -> Iterator[SettingProblem]:
        """Yield the retired keys that are none."""
        for key in self.retired:
            try:
                key_bytes(key)
            except CertificateBroken as fault:
                cure = "give each as `GET /v1/keys` showed it while it was in use"
                yield SettingProblem("CONCORD_CERTIFICATE_KEYS_RETIRED", f"has a key that is none: {fault}", cure)


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Where exports that go with the data find it.

    Attributes:
        ingest_url: of ingest, from here, over http; empty: that of payload links.
    """

    ingest_url: str = setting(
        "CONCORD_INGEST_INSIDE_URL",
        cure="set it to where this service reaches ingest: http://ingest:8000",
        default="",
    )


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """What webhooks are signed with, and where they may lead.

    Attributes:
        inside: whether they may lead to http, to any port and to addresses of the local network.
    """

    secret: Secret = secret(
        "CONCORD_WEBHOOK_SECRET",
        cure=random_secret_cure("one value, never changed: every webhook's own secret follows from it"),
        sample="sample-webhook-secret-of-the-local-stack",
    )
    inside: bool = setting(
        "CONCORD_WEBHOOKS_INSIDE",
        cure="leave it unset; only the local stack may send webhooks into the network that it stands in",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class AuditSettings(ServiceSettings):
    """Audit's settings: it draws samples, signs certificates, links payloads, sends webhooks and scores models."""

    payload_links: PayloadLinkSettings
    ids: IdSettings
    samples: SampleSettings
    certificates: CertificateSettings
    exports: ExportSettings
    webhooks: WebhookSettings

    def problems(self) -> Iterator[SettingProblem]:
        """Yield what only the local stack may have."""
        yield from super().problems()
        if self.webhooks.inside and self.environment is not Environment.LOCAL:
            cure = "leave it unset, or clients could have us call what only we can reach"
            yield SettingProblem("CONCORD_WEBHOOKS_INSIDE", "is set outside the local stack", cure)
