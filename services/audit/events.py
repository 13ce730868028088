"""Audit's Kafka door: topic -> handler. What webhooks tell of a topic is made after what the handlers hear of it."""

from collections.abc import Mapping, Sequence

from concord.chassis.consumer import Delivery, Handler
from concord.contracts.topics import LOTS, QUALITY, RESOLUTIONS, UNITS, Topic
from services.audit.handlers import Handlers
from services.audit.webhooks import Webhooks


def handlers(served: Handlers, webhooks: Webhooks) -> Mapping[Topic, Handler]:
    """Return who serves which topic."""
    tell = webhooks.telling.handler
    return {
        UNITS: _both(served.hearing.units, tell(UNITS)),
        RESOLUTIONS: served.hearing.resolutions,
        LOTS: tell(LOTS),
        QUALITY: _both(served.rechecks.quality, tell(QUALITY)),
    }


def _both(first: Handler, second: Handler) -> Handler:
    """Return what has both serve a batch; each takes what it has taken before once more without effect."""

    async def serve(deliveries: Sequence[Delivery]) -> None:
        await first(deliveries)
        await second(deliveries)

    return serve
