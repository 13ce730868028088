"""Units by Kafka: each a CloudEvent on the intake topic. Needs aiokafka: `pip install 'concord[kafka]'`."""

import asyncio
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec

from concord.client.models import Json, Unit

try:
    import aiokafka
except ModuleNotFoundError as missing:
    raise ImportError("aiokafka is not installed; pip install 'concord[kafka]'") from missing

TOPIC = "concord.intake.v1"
TYPE = "concord.unit.v1"
IN_FLIGHT_MAX = 1_000
"""Units that are on their way and not acknowledged yet; who sends more waits."""


class Intake:
    """Publishes units; an asynchronous context manager. What cannot be taken is told by the operator's dead letters.

    A unit sent twice is admitted once, by its id.

    Args:
        bootstrap: the broker's address.
        options: of aiokafka's producer, such as security_protocol and sasl_mechanism.
    """

    def __init__(self, bootstrap: str, **options: Any) -> None:
        settings: dict[str, Any] = {"acks": "all", "enable_idempotence": True, "compression_type": None, **options}
        self._producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, **settings)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def send(self, project_id: str, unit: Unit | Mapping[str, Json]) -> None:
        """Publish a unit, and return once the broker has it on all its replicas."""
        key, value, headers = record_of(project_id, unit, datetime.now(UTC))
        await self._producer.send_and_wait(TOPIC, value, key, headers=headers)

    async def send_all(
        self, project_id: str, units: Iterable[Unit | Mapping[str, Json]] | AsyncIterable[Unit | Mapping[str, Json]]
    ) -> int:
        """Publish any number of units, and return how many once the broker has all of them.

        Raises:
            aiokafka.errors.KafkaError: one could not be published; the same units may be sent again.
        """
        waiting: set[asyncio.Future[Any]] = set()
        sent = 0
        async for unit in _each(units):
            key, value, headers = record_of(project_id, unit, datetime.now(UTC))
            waiting.add(await self._producer.send(TOPIC, value, key, headers=headers))
            sent += 1
            if len(waiting) >= IN_FLIGHT_MAX:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
        await asyncio.gather(*waiting)
        return sent


def record_of(
    project_id: str, unit: Unit | Mapping[str, Json], at: datetime
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Return key, value and headers of the record that a unit is: a CloudEvent in binary mode of the Kafka binding.

    Args:
        project_id: becomes the event's source.
        unit: its id becomes the event's and the record's key.
        at: the event's time.
    """
    data = msgspec.to_builtins(unit)
    unit_id = str(data.pop("id"))
    attributes = {
        "specversion": "1.0",
        "id": unit_id,
        "source": f"/projects/{project_id}",
        "type": TYPE,
        "time": at.isoformat(),
    }
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return unit_id.encode(), msgspec.json.encode(data), [("content-type", b"application/json"), *headers]


async def _each(
    units: Iterable[Unit | Mapping[str, Json]] | AsyncIterable[Unit | Mapping[str, Json]],
) -> AsyncIterable[Unit | Mapping[str, Json]]:
    if isinstance(units, AsyncIterable):
        async for unit in units:
            yield unit
    else:
        for unit in units:
            yield unit
