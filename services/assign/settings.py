"""What assign can be told."""

from dataclasses import dataclass

from concord.chassis.settings import IdSettings, PayloadLinkSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class AssignSettings(ServiceSettings):
    """Assign's settings: it names assignments, and hands out payload links."""

    ids: IdSettings
    payload_links: PayloadLinkSettings
