"""The batch consumer: a batch of records -> one handler call a topic -> journal -> publish -> commit."""

from concord.chassis.consumer.batch import BatchConsumer, OffsetJump
from concord.chassis.consumer.delivery import Delivery, Handler, decoded
from concord.chassis.consumer.serving import Serving
from concord.chassis.consumer.watch import (
    CONSUMER_INSTRUMENTS,
    STUCK_SECONDS,
    UNJOINED_SECONDS,
    WATCH_SECONDS,
    Stuck,
    Watch,
)
from concord.chassis.errors import Poison

__all__ = [
    "CONSUMER_INSTRUMENTS",
    "STUCK_SECONDS",
    "UNJOINED_SECONDS",
    "WATCH_SECONDS",
    "BatchConsumer",
    "Delivery",
    "Handler",
    "OffsetJump",
    "Poison",
    "Serving",
    "Stuck",
    "Watch",
    "decoded",
]
