"""Audit's Kafka door: topic -> handler."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import RESOLUTIONS, UNITS, Topic
from services.audit.handlers import Handlers


def handlers(served: Handlers) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    return {UNITS: served.hearing.units, RESOLUTIONS: served.hearing.resolutions}
