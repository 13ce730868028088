"""A broker or store that runs already and is used in place of one of our own."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Elsewhere:
    """What is not started because it runs already.

    Attributes:
        kafka_bootstrap: ``host:port`` of a broker, or None for a local one.
        mongodb_uri: Where the store is, or None for a local one.
    """

    kafka_bootstrap: str | None = None
    mongodb_uri: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Elsewhere":
        """Return what CONCORD_KAFKA_BOOTSTRAP and CONCORD_MONGODB_URI name; empty counts as not set."""
        return cls(environment.get("CONCORD_KAFKA_BOOTSTRAP") or None, environment.get("CONCORD_MONGODB_URI") or None)
