"""What a Kafka door is to metrics, and the one that keeps nothing: it reads the topics from their beginning."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.consumer import BatchConsumer, Delivery, Handler
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.ports import Ports
from concord.chassis.runtime import Part
from concord.contracts.topics import Topic
from services.metrics.announcements import SERVICE
from services.metrics.events import Count
from services.metrics.repository import Repository


@dataclass(frozen=True, slots=True)
class Door:
    """A wired door, not yet started.

    Attributes:
        parts: started in this order, after the broker and the tables.
        caught_up: tells whether everything that the topics hold was served.
        taken_up: tells whether everything that they held at the start was.
    """

    parts: Sequence[Part]
    caught_up: Callable[[], Awaitable[bool]]
    taken_up: Callable[[], Awaitable[bool]]


Doors = Callable[[Ports, Repository, Mapping[Topic, Count]], Door]
"""Makes a door that lets events in to their handlers, and may keep what the repository holds."""


def replaying(ports: Ports, repository: Repository, counts: Mapping[Topic, Count]) -> Door:
    """Return the door for tests and simulation: every life is a group of its own and counts everything anew."""
    del repository
    consumer = BatchConsumer(
        ports.writer,
        ports.broker,
        {topic: _counting(count) for topic, count in counts.items()},
        _nothing_to_flush,
        DeadLetters(SERVICE, ports.broker, ports.clock),
        ports.telemetry,
        ports.clock,
    )

    async def caught_up() -> bool:
        try:
            return await consumer.subscription.lag() == 0
        except BrokerUnavailable:
            return False

    return Door([consumer], caught_up, caught_up)


def _counting(count: Count) -> Handler:
    async def handle(deliveries: Sequence[Delivery]) -> None:
        count([delivery.event for delivery in deliveries])

    return handle


async def _nothing_to_flush() -> None:
    return
