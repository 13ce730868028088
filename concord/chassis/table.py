"""A compacted topic read as a table: the newest event of every key, kept in memory and kept up to date."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from google.protobuf.message import Message

from concord.chassis.broker.port import POLL_RECORDS_MAX, Broker, BrokerUnavailable
from concord.chassis.clock import Clock
from concord.chassis.consumer import decoded
from concord.contracts.codec import Undecodable
from concord.contracts.topics import Topic

POLL_SECONDS = 0.2
RETRY_SECONDS = 0.5
WAIT_SECONDS_MAX = 5.0

Row = TypeVar("Row")


class Unknown(LookupError):
    """The table has no such key, and none came while it was waited for."""


class Table(Generic[Row]):
    """The newest row of every key of a compacted topic.

    Args:
        broker: where.
        topic: a compacted topic.
        row: makes a row of the topic's envelope; its `revision` tells old from new.
        clock: for the wait.
    """

    def __init__(self, broker: Broker, topic: Topic, row: Callable[[Message], Row], clock: Clock) -> None:
        self.name = f"table {topic.name}"
        self.topic = topic
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self._row = row
        self._subscription = broker.subscribe([topic.name], group=None)
        self._changed = asyncio.Condition()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Read all that is there; return when nothing is left to read."""
        await self._subscription.start()
        while await self._subscription.lag():
            await self._read()

    async def run(self) -> None:
        """Follow the topic until stopped."""
        while not self._stopping:
            self._idle.clear()
            try:
                await self._read()
            except BrokerUnavailable:
                await self.clock.sleep(RETRY_SECONDS)
            finally:
                self._idle.set()

    async def stop(self) -> None:
        """Stop following."""
        self._stopping = True
        await self._idle.wait()
        await self._subscription.stop()

    async def get(self, key: str) -> Row:
        """Return the key's row, waiting a little for one that is still on its way.

        Raises:
            Unknown: none came within WAIT_SECONDS_MAX.
        """
        if (row := self.rows.get(key)) is not None:
            return row
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: key in self.rows), WAIT_SECONDS_MAX)
            except TimeoutError:
                raise Unknown(f"{self.topic.name} has nothing under {self.topic.key} {key!r}") from None
        return self.rows[key]

    async def _read(self) -> None:
        records = await self._subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        if not records:
            return
        async with self._changed:
            for record in records:
                try:
                    event = cast("Message", decoded(record).event)
                except Undecodable:
                    continue  # the group's own consumers of this topic set poison aside; a table just has no such row
                self.rows[record.key.decode()] = self._row(event)
            self._changed.notify_all()
