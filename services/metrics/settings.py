"""What metrics can be told."""

from dataclasses import dataclass

from concord.chassis.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(ServiceSettings):
    """Metrics' settings."""
