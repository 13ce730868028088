"""What ingest can be told."""

from dataclasses import dataclass

from concord.chassis.settings import IdSettings, PayloadKeySettings, PayloadLinkSettings, ServiceSettings, setting


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """What finds personal data beside our own rules.

    Attributes:
        presidio: the language whose recognisers of Presidio's are used; empty: none are.
        presidio_model: a package of spaCy's that finds names in running text; empty: none does.
    """

    presidio: str = setting(
        "CONCORD_PRIVACY_PRESIDIO",
        cure="set it to the language of the texts, such as en, or leave it unset: Presidio is then not asked",
        default="",
    )
    presidio_model: str = setting(
        "CONCORD_PRIVACY_PRESIDIO_MODEL",
        cure="set it to an installed package of spaCy's, such as en_core_web_sm, or leave it unset",
        default="",
    )


@dataclass(frozen=True, kw_only=True)
class IngestSettings(ServiceSettings):
    """Ingest's settings: it makes the ids, and honours the payload links that others hand out."""

    ids: IdSettings
    payload_links: PayloadLinkSettings
    payload_keys: PayloadKeySettings
    privacy: PrivacySettings
