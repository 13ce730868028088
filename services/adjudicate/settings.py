"""What adjudicate can be told."""

from dataclasses import dataclass

from concord.chassis.settings import PayloadLinkSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class AdjudicateSettings(ServiceSettings):
    """Adjudicate's settings: it hands out payload links."""

    payload_links: PayloadLinkSettings
