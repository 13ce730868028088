"""A compacted topic read as a table: the newest event of every key, kept in memory and kept up to date."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

from google.protobuf.message import Message

from concord.chassis.broker.port import POLL_RECORDS_MAX, Broker, BrokerUnavailable, Incoming
from concord.chassis.clock import Clock
from concord.chassis.consumer import decoded
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.runtime.parts import reach
from concord.contracts.topics import Topic

POLL_SECONDS = 0.2
RETRY_SECONDS = 0.5
WAIT_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


class Revised(Protocol):
    """What is kept of a key: a row that tells which of two is newer."""

    @property
    def revision(self) -> int:
        """Return how often the key was defined when this was said."""
        ...


Row = TypeVar("Row", bound=Revised)


class Unknown(LookupError):
    """The table has no such key, and none came while it was waited for."""


class Table(Generic[Row]):
    """The newest row of every key of a compacted topic.

    A record that comes again, or late, never takes the place of a newer one. A record that makes no row is set aside
    as a dead letter and leaves the key's row as it was; it is met again at every start, as the letter of the same id,
    until the key is defined anew and the topic compacted.

    Args:
        broker: where.
        topic: a compacted topic.
        row: makes a row of the topic's envelope, or raises ValueError; its `revision` tells old from new.
        clock: for the wait.
        dead_letters: where poison goes; without them it is passed over with a line in the log.
    """

    def __init__(
        self,
        broker: Broker,
        topic: Topic,
        row: Callable[[Message], Row],
        clock: Clock,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        self.name = f"table {topic.name}"
        self.topic = topic
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self._row = row
        self._dead_letters = dead_letters
        self._subscription = broker.subscribe([topic.name], group=None)
        self._changed = asyncio.Condition()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Read all that is there; return when nothing is left to read."""
        await reach("the broker", self._subscription.start, BrokerUnavailable, self.clock)
        await reach("the broker", self._read_all, BrokerUnavailable, self.clock)

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

    async def _read_all(self) -> None:
        while await self._subscription.lag():
            await self._read()

    async def _read(self) -> None:
        records = await self._subscription.poll(POLL_RECORDS_MAX, POLL_SECONDS)
        if not records:
            return
        for record in records:
            try:
                key, row = record.key.decode(), self._row(cast("Message", decoded(record).event))
            except ValueError as fault:  # Undecodable is one, and so is what a row cannot be made of
                await self._set_aside(record, fault)
                continue
            before = self.rows.get(key)
            if before is None or row.revision >= before.revision:
                self.rows[key] = row
        async with self._changed:
            self._changed.notify_all()

    async def _set_aside(self, record: Incoming, fault: ValueError) -> None:
        """Return when the record lies in dead letters: the records after it are in hand and must not be lost."""
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, fault)
        if (letters := self._dead_letters) is not None:
            await reach("dead letters", lambda: letters.set_aside(record, fault, 1), BrokerUnavailable, self.clock)
