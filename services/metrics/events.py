"""Metrics' Kafka door: topic -> handler; both doors, Faust's and the one in memory, serve this table."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, LOTS, RESOLUTIONS, UNITS, Topic
from services.metrics.handlers import Handlers


def handlers(served: Handlers) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {
        UNITS: served.units,
        ASSIGNMENTS: served.assignments,
        ANNOTATIONS: served.annotations,
        RESOLUTIONS: served.resolutions,
        LOTS: served.lots,
    }
