"""Metrics' Kafka door: topic -> handler; both feeds, of Faust and in memory, serve this table."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, LOTS, RESOLUTIONS, UNITS, Topic
from services.metrics.handlers import Handlers

Count = Callable[[Iterable[Any]], None]
"""Counts events of one topic, in their order; it returns at once, and raises Poison for what can never be counted."""


def handlers(served: Handlers) -> Mapping[Topic, Count]:
    """Return who counts which topic."""
    return {
        UNITS: served.units,
        ASSIGNMENTS: served.assignments,
        ANNOTATIONS: served.annotations,
        RESOLUTIONS: served.resolutions,
        LOTS: served.lots,
    }
