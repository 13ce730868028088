"""The local stack as the bench sees it: what each part has spent, how far each service has read."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.services.bare_io import FLOOR_PARTITIONS, FLOOR_TOPIC
from bench.services.meter import cpu_seconds, peak_mb
from concord.contracts.topics import TOPICS
from deploy.local.stack import Stack

PARTS_BELOW = ("mongodb", "kafka")
POLL_SECONDS = 0.3
STEADY_POLLS = 3
"""How often in a row a group must have been found at the end: what it does may make others speak again."""
CATCH_UP_SECONDS_MAX = 1_800.0
STOP_SECONDS_MAX = 15.0


class Behind(Exception):
    """A service did not read what there is within CATCH_UP_SECONDS_MAX, or died on it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the meters show at one moment.

    Attributes:
        at_us: when, microseconds since the epoch.
        monotonic: the same, for durations.
        cpu: seconds by part.
        read: by service, how many records of each topic it has committed.
    """

    at_us: int
    monotonic: float
    cpu: Mapping[str, float]
    read: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What a service spent until it was ready, on what its journal and topics then held.

    Attributes:
        service: which.
        cpu_seconds: of its process.
        wall_seconds: until it was ready.
        peak_mb: what it took of memory at most.
        stop_seconds: what stopping it took before, asked to in order.
    """

    service: str
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    stop_seconds: float


class Site:
    """A running stack, metered; a context.

    Args:
        stack: started.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._admin: AIOKafkaAdminClient
        self._ends: AIOKafkaConsumer

    async def __aenter__(self) -> Self:
        """Connect to the broker, and make the topic of the bare loops."""
        kafka = self.stack.kafka_bootstrap
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        self._ends = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        await self._admin.start()
        await self._ends.start()
        await self._admin.create_topics([NewTopic(FLOOR_TOPIC, FLOOR_PARTITIONS, 1)])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._ends.stop()
        await self._admin.close()

    async def reading(self) -> Reading:
        """Read all meters."""
        parts = (*self.stack.services, *PARTS_BELOW)
        cpu = {part: cpu_seconds(self.stack.pid(part)) for part in parts}
        return Reading(time.time_ns() // 1_000, time.monotonic(), cpu, await self._read(self.stack.services))

    async def caught_up(self, services: Sequence[str]) -> None:
        """Return when these services have committed everything that is on their topics, and nothing more comes.

        Raises:
            Behind: see there.
        """
        deadline = time.monotonic() + CATCH_UP_SECONDS_MAX
        steady = 0
        while steady < STEADY_POLLS:
            if (ended := self.stack.ended()) is not None:
                raise Behind(f"{ended} ended:\n{self.stack.tail(ended)}")
            if time.monotonic() > deadline:
                raise Behind(f"{', '.join(services)}: not at the end after {CATCH_UP_SECONDS_MAX:.0f} s")
            ends = await self._end_by_topic()
            read = await self._read(services)
            done = all(read[service].get(topic, 0) == end for service in services for topic, end in _of(service, ends))
            steady = steady + 1 if done else 0
            await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def paused(self, services: Collection[str]) -> AsyncIterator[None]:
        """Let these services stand still meanwhile, so that what they cause does not mix with what is measured."""
        for service in services:
            os.kill(self.stack.pid(service), signal.SIGSTOP)
        try:
            yield
        finally:
            for service in services:
                os.kill(self.stack.pid(service), signal.SIGCONT)

    async def cold_start(self, service: str) -> ColdStart:
        """Stop a service in order, start it, and return what that took."""
        asked = time.monotonic()
        await self.stop(service)
        stopped = time.monotonic() - asked
        wall = await self.recovery(service)
        pid = self.stack.pid(service)
        return ColdStart(service, cpu_seconds(pid), wall, peak_mb(pid), stopped)

    async def recovery(self, service: str) -> float:
        """Kill a service where it runs, start it, and return how many seconds passed until it was ready."""
        began = time.monotonic()
        await asyncio.to_thread(self.stack.restart, service)
        return time.monotonic() - began

    async def stop(self, service: str) -> None:
        """Stop a service in order."""
        await asyncio.to_thread(self._stop, service)

    def _stop(self, service: str) -> None:
        os.kill(self.stack.pid(service), signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while service in self.stack.running and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    async def _end_by_topic(self) -> dict[str, int]:
        places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        ends = await self._ends.end_offsets(places)
        by_topic: dict[str, int] = {}
        for place, end in ends.items():
            by_topic[place.topic] = by_topic.get(place.topic, 0) + end
        return by_topic

    async def _read(self, services: Sequence[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for service in services:
            committed = await self._admin.list_consumer_group_offsets(service)  # a service's name is its group's
            by_topic = found[service] = {}
            for place, offset in committed.items():
                by_topic[place.topic] = by_topic.get(place.topic, 0) + offset.offset
        return found


def _of(service: str, ends: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the topics that a service's group reads, with their ends; tables are read without a group."""
    return [(topic.name, ends[topic.name]) for topic in TOPICS if service in topic.readers and not topic.compacted]
