"""A broker to which what is published is a span: one a batch, within or linked to the traces of its records."""

from collections.abc import Mapping, Sequence

from opentelemetry.trace import SpanKind

from concord.chassis.broker.port import Broker, Outgoing, Seat, Subscription, TopicPartition
from concord.chassis.telemetry import Tracing
from concord.chassis.telemetry.tracing import is_recorded


class TracedBroker:
    """Another broker, to which each batch with records of recorded traces is a span; see `batch_span`.

    Args:
        broker: does it.
        tracing: makes the spans.
    """

    def __init__(self, broker: Broker, tracing: Tracing) -> None:
        self.broker = broker
        self._tracing = tracing

    async def start(self) -> None:
        """Connect the producer."""
        await self.broker.start()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish records; see the port."""
        recorded = [record for record in records if is_recorded(record.headers)]
        if not recorded:
            await self.broker.publish(records)
            return
        with self._tracing.batch_span("publish", recorded, SpanKind.PRODUCER):
            await self.broker.publish(records)

    async def ping(self) -> None:
        """Return when the broker answers."""
        await self.broker.ping()

    async def committed(self, group: str, topic: str) -> Mapping[TopicPartition, int]:
        """Return how far a group is done with a topic."""
        return await self.broker.committed(group, topic)

    async def delete_before(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the records below these offsets deleted."""
        await self.broker.delete_before(offsets)

    def subscribe(self, topics: Sequence[str], group: str | None, seat: Seat | None = None) -> Subscription:
        """Return a subscription, not yet started."""
        return self.broker.subscribe(topics, group, seat)

    async def stop(self) -> None:
        """Flush and disconnect."""
        await self.broker.stop()
