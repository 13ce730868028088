"""What metrics can be told."""

from dataclasses import dataclass

from concord.chassis.settings import NoMongodbSettings, ServiceSettings, setting


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(ServiceSettings):
    """Metrics' settings.

    Attributes:
        keep_seconds: how often what was counted is kept, so that the next life has no more than that to read again;
            what is caught up with more rarely.
    """

    mongodb: NoMongodbSettings
    keep_seconds: float = setting(
        "CONCORD_METRICS_KEEP_SECONDS",
        cure="set it to how often the counted is kept",
        default=5.0,
        low=0.1,
        high=3_600,
    )
