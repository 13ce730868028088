"""Adjudicate's Kafka door: topic -> handler."""

from collections.abc import Mapping

from concord.chassis.consumer import Handler
from concord.contracts.topics import ANNOTATIONS, LOTS, QUALITY, UNITS, Topic
from services.adjudicate.handlers import Handlers


def handlers(served: Handlers) -> Mapping[Topic, Handler]:
    """Return who serves which topic. Competence first: what is known is known before it is used."""
    return {
        QUALITY: served.competences.quality,
        UNITS: served.units.units,
        LOTS: served.units.lots,
        ANNOTATIONS: served.annotations.annotations,
    }
