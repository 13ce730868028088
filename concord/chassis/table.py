"""A compacted topic read as a table: the newest event of every key, kept in memory and kept up to date."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar, cast

from google.protobuf.message import Message

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import POLL_RECORDS_MAX, Broker, BrokerUnavailable, Incoming
from concord.chassis.clock import Clock
from concord.chassis.consumer import decoded
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.errors import Passing, logged
from concord.chassis.runtime.parts import reach
from concord.contracts.topics import Topic

POLL_SECONDS = 0.2
FOLLOW_SECONDS = 2.0
"""How long a table that has all there was waits at once for more; what comes, or a stop, ends the wait. Beginning one
anew costs more than what is waited for: a table hears of something a few times an hour."""
INTERRUPT_SECONDS = 0.1
WAIT_SECONDS_MAX = 5.0
"""How long a key that is not there is waited for: another service may have told of it before the table heard of it."""
ABSENT_SECONDS = 60.0
"""For how long a key that was waited for in vain is not waited for again."""
ABSENT_KEYS_MAX = 10_000
KEY_SHOWN, REASON_SHOWN = 120, 500
"""Characters of a key, and of the reason why its record made no row, in what is said of it."""

log = logging.getLogger(__name__)


class Revised(Protocol):
    """What is kept of a key: a row that tells which of two is newer."""

    @property
    def revision(self) -> int:
        """Return how often the key was defined when this was said."""
        ...


Row = TypeVar("Row", bound=Revised)

Listener = Callable[[Row | None, Row], None]
"""Hears of a key's row before, None where there was none, and of the row that took its place."""


class Unknown(LookupError):
    """The table has no such key, and none came while it was waited for, or what came made no row."""


class TableBehind(Passing):
    """What is not in the table may be in the topic still: nobody knows, until the table has caught up."""


class Table(Generic[Row]):
    """The newest row of every key of a compacted topic.

    A record that comes again, or late, never takes the place of a newer one. A record that makes no row is set aside
    as a dead letter and leaves the key's row as it was; it is met again at every start, as the letter of the same id,
    until the key is defined anew and the topic compacted.

    Listeners hear of every row that takes a place, of the first reading too, in the order of the topic's partitions
    and when the row is in place. They return at once; what takes longer is theirs to put into a loop of their own.

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
        self._listeners: list[Listener[Row]] = []
        self._unreadable: dict[str, str] = {}
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._waits = BackOff(self.name, clock)
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Read all that is there; return when nothing is left to read."""
        await reach(self.name, self._subscription.start, BrokerUnavailable, self.clock)
        await reach(self.name, self._read_all, BrokerUnavailable, self.clock)

    async def run(self) -> None:
        """Follow the topic until stopped."""
        while not self._stopping:
            self._idle.clear()
            try:
                await self._read(FOLLOW_SECONDS)
            except BrokerUnavailable as fault:
                await self._waits.wait(fault)
            else:
                self._waits.over()
            finally:
                self._idle.set()

    async def stop(self) -> None:
        """Stop following."""
        self._stopping = True
        while not self._idle.is_set():
            # Said again, for a poll that is about to wait has not heard it.
            self._subscription.interrupt()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), INTERRUPT_SECONDS)
        await self._subscription.stop()

    def listen(self, on_change: Listener[Row]) -> None:
        """Have `on_change(row_before, row_after)` called for every row from now on; say it before the start."""
        self._listeners.append(on_change)

    async def get(self, key: str) -> Row:
        """Return the key's row, waiting a little for one that is still on its way.

        Raises:
            Unknown: the topic has none, or none that makes a row.
            TableBehind: there may be one, and the table has not come so far.
            BrokerUnavailable: the same, and the broker does not answer.
        """
        if (row := self.rows.get(key)) is not None:
            return row
        await self.expect([key])
        if (row := self.rows.get(key)) is not None:
            return row
        reason = f": {self._unreadable[key]}" if key in self._unreadable else ""
        raise Unknown(f"{self.topic.name} has nothing under {self.topic.key} {key[:KEY_SHOWN]!r}{reason}")

    async def expect(self, keys: Sequence[str]) -> None:
        """Wait, once for all of them, until these keys have rows; at most WAIT_SECONDS_MAX.

        A key that none came for is not waited for again for ABSENT_SECONDS, and one whose record made no row is not
        waited for at all: `get` says at once that it is Unknown.

        Raises:
            TableBehind: see `get`.
            BrokerUnavailable: see `get`.
        """
        missing = {key for key in keys if not self._settled(key)}
        if not missing:
            return
        async with self._changed:
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._changed.wait_for(lambda: all(map(self._settled, missing))), WAIT_SECONDS_MAX
                )
        if missing := {key for key in missing if not self._settled(key)}:
            if behind := await self._subscription.lag():
                raise TableBehind(f"{self.name} is {behind} records behind")
            self._remember_absent(missing)

    def _settled(self, key: str) -> bool:
        """Return whether it is known what the key has: a row, none that could be made, or nothing as of late."""
        if key in self.rows or key in self._unreadable:
            return True
        since = self._absent.get(key)
        return since is not None and self.clock.monotonic() - since < ABSENT_SECONDS

    def _remember_absent(self, keys: Iterable[str]) -> None:
        for key in sorted(keys):
            self._absent[key] = self.clock.monotonic()
            self._absent.move_to_end(key)
        while len(self._absent) > ABSENT_KEYS_MAX:
            self._absent.popitem(last=False)

    async def _read_all(self) -> None:
        while await self._subscription.lag():
            await self._read()

    async def _read(self, seconds: float = POLL_SECONDS) -> None:
        records = await self._subscription.poll(POLL_RECORDS_MAX, seconds)
        if not records:
            return
        for record in records:
            try:
                key, row = record.key.decode(), self._row(cast("Message", decoded(record).event))
            except ValueError as fault:  # Undecodable is one, and so is what a row cannot be made of
                await self._set_aside(record, fault)
                continue
            self._take(key, row)
        async with self._changed:
            self._changed.notify_all()

    def _take(self, key: str, row: Row) -> None:
        """Put a row in its place, unless a newer one is there, and tell the listeners."""
        before = self.rows.get(key)
        if before is not None and row.revision < before.revision:
            return
        self.rows[key] = row
        self._unreadable.pop(key, None)
        self._absent.pop(key, None)
        if row == before:
            return
        for listener in self._listeners:
            try:
                listener(before, row)
            except Exception:
                # One row that a listener cannot take must not end the table, and with it the service, for all.
                log.exception("a listener of %s failed on %s", self.name, key[:KEY_SHOWN])

    async def _set_aside(self, record: Incoming, fault: ValueError) -> None:
        """Return when the record lies in dead letters: the records after it are in hand and must not be lost."""
        log.warning("dead letter: %s[%d]@%d: %s", record.topic, record.partition, record.offset, logged(fault))
        with suppress(UnicodeDecodeError):
            self._unreadable[record.key.decode()] = str(fault)[:REASON_SHOWN]
        if (letters := self._dead_letters) is not None:
            await reach("dead letters", lambda: letters.set_aside(record, fault, 1), BrokerUnavailable, self.clock)
