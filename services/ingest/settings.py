"""What ingest can be told."""

from dataclasses import dataclass

from concord.chassis.settings import IdSettings, PayloadKeySettings, PayloadLinkSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class IngestSettings(ServiceSettings):
    """Ingest's settings: it makes the ids, and honours the payload links that others hand out."""

    ids: IdSettings
    payload_links: PayloadLinkSettings
    payload_keys: PayloadKeySettings
