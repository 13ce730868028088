"""What audit can be told."""

from dataclasses import dataclass

from concord.chassis.settings import PayloadLinkSettings, SampleSettings, Secret, ServiceSettings, secret, setting
from concord.chassis.settings_loading import random_secret_cure


@dataclass(frozen=True, kw_only=True)
class CertificateSettings:
    """What certificates are signed with: the Ed25519 key follows from this seed."""

    seed: Secret = secret(
        "CONCORD_CERTIFICATE_SEED",
        cure=random_secret_cure("one value, never changed while certificates must verify"),
        sample="sample-certificate-seed-of-the-local-stack",
    )


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
class AuditSettings(ServiceSettings):
    """Audit's settings: it draws samples, signs certificates and hands out payload links."""

    payload_links: PayloadLinkSettings
    samples: SampleSettings
    certificates: CertificateSettings
    exports: ExportSettings
