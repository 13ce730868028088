"""Where `concord recount` finds a project's events: in the topics, or in the journals that they were published from."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from concord.chassis.broker.port import Broker
from concord.chassis.journal.record import JOURNAL, events_of
from concord.chassis.store.port import Store
from concord.contracts.codec import Undecodable, decode
from concord.contracts.ids import client_of
from services.metrics.domain.event_time import bounded
from services.metrics.recount import READ, Recount

READ_AT_ONCE, WAIT_SECONDS = 2_000, 0.5
TOPICS = {topic.name: topic for topic in READ}
WRITERS: Sequence[str] = sorted({topic.writer for topic in READ})


class Source(Protocol):
    """Where events are read."""

    async def read(self, counting: Recount) -> None:
        """Take all that there is, or all that is new."""
        ...

    async def stop(self) -> None:
        """Let go of it."""
        ...


class Topics:
    """The topics, read by nobody's group."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._reader = broker.subscribe(list(TOPICS), None)
        self._started = False

    async def read(self, counting: Recount) -> None:
        """Take what is new; what cannot be read is a dead letter, for metrics too."""
        if not self._started:
            self._started = True
            await self._reader.start()
        while (records := await self._reader.poll(READ_AT_ONCE, WAIT_SECONDS)) or await self._reader.lag():
            for record in records:
                with suppress(Undecodable):
                    event: Any = decode(TOPICS[record.topic], record.value)
                    event.metadata.occurred_at_us = bounded(event.metadata.occurred_at_us, record.timestamp_us)
                    counting.take(event)

    async def stop(self) -> None:
        """Leave."""
        await self._reader.stop()
        await self._broker.stop()


class Journals:
    """The journals of the services that write the topics: their truth, whatever the topics still hold.

    Args:
        stores: opens a service's own database; on the event loop that reads it.
        project_id: whose records are decoded.
    """

    def __init__(self, stores: Callable[[str], Store], project_id: str) -> None:
        self._stores: Mapping[str, Store] = {service: stores(service) for service in WRITERS}
        self._client = f"{client_of(project_id)}/"

    async def read(self, counting: Recount) -> None:
        """Take all that there is, once more: what was taken before changes nothing."""
        for service, store in self._stores.items():
            async for page in store.stream(JOURNAL.name, only=("aggregate", "events")):
                for document in page:
                    if document["aggregate"].startswith(self._client):
                        self._take(service, document, counting)

    @staticmethod
    def _take(service: str, document: Mapping[str, object], counting: Recount) -> None:
        for event in events_of(dict(document)):
            topic = TOPICS.get(event.topic)
            if topic is not None and topic.writer == service:
                with suppress(Undecodable):
                    counting.take(decode(topic, event.value))

    async def stop(self) -> None:
        """Let go of the connections."""
        for store in self._stores.values():
            await store.close()
