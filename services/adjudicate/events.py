"""Adjudicate's Kafka door: topic -> handler."""

from collections.abc import Mapping, Sequence

from concord.chassis.consumer import Delivery, Handler
from concord.contracts.topics import ANNOTATIONS, LOTS, QUALITY, UNITS, Topic
from services.adjudicate.handlers import Handlers


def handlers(served: Handlers) -> Mapping[Topic, Handler]:
    """Return who serves which topic. Competence first: what is known is known before it is used."""

    async def quality(deliveries: Sequence[Delivery]) -> None:
        await served.competences.quality(deliveries)
        await served.gold.quality(deliveries)

    async def annotations(deliveries: Sequence[Delivery]) -> None:
        await served.annotations.annotations(deliveries)
        await served.retraining.annotations(deliveries)

    return {
        QUALITY: quality,
        UNITS: served.units.units,
        LOTS: served.units.lots,
        ANNOTATIONS: annotations,
    }
