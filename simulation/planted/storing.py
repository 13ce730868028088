"""Planted where records are stored, said and consumed."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from concord.chassis.broker.port import Incoming, TopicPartition
from concord.chassis.consumer import BatchConsumer
from concord.chassis.consumer.serving import Serving
from concord.chassis.journal.group_commit import APPEND_SECONDS_MAX, GroupCommit
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import JOURNAL, Entry, Head
from concord.chassis.journal.rows import ROWS, RowPages
from concord.chassis.journal.sweeper import Sweeper
from concord.chassis.store.port import Document
from simulation.trace import TracedStore


@contextmanager
def ack_before_effect() -> Iterator[None]:
    """Say that a record is stored while it only waits to be."""
    honest = GroupCommit.append

    async def hasty(self: GroupCommit, entries: Sequence[Entry[Any]], *, linked: bool = False) -> list[bool]:
        storing = asyncio.create_task(honest(self, entries, linked=linked))
        storing.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(0)
        return [True] * len(entries)

    with patch.object(GroupCommit, "append", hasty):
        yield


@contextmanager
def commit_before_effect() -> Iterator[None]:
    """Commit a batch's offsets before it is served."""
    honest = BatchConsumer._serve

    async def hasty(self: BatchConsumer, topic: str, batch: Sequence[Incoming]) -> None:
        await self._commit({TopicPartition(topic, record.partition): record.offset + 1 for record in batch})
        await honest(self, topic, batch)

    with patch.object(BatchConsumer, "_serve", hasty):
        yield


@contextmanager
def no_inbox() -> Iterator[None]:
    """Forget which causes an aggregate has answered."""

    def forgetful(seq: int, state: Any, causes: frozenset[str], *more: Any) -> Head[Any]:
        del causes
        return Head(seq, state, frozenset(), *more)

    with patch("concord.chassis.journal.journal.Head", forgetful):
        yield


@contextmanager
def read_modify_write() -> Iterator[None]:
    """Write the next state over whatever is there, instead of inserting it under a number that must be free."""
    honest = TracedStore.insert

    async def overwrite(self: TracedStore, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name:
            await self.delete(collection, [document["_id"] for document in documents])
        return await honest(self, collection, documents)

    with patch.object(TracedStore, "insert", overwrite):
        yield


@contextmanager
def publish_before_insert() -> Iterator[None]:
    """Say events before the record that holds them is stored, if it ever is."""
    honest = GroupCommit._commit

    async def hasty(
        self: GroupCommit, entries: Sequence[Entry[Any]], follows: frozenset[int], stale_at: float
    ) -> tuple[frozenset[int], bool]:
        await self.publisher.publish([event for entry in entries for event in entry.events])
        return await honest(self, entries, follows, stale_at)

    with patch.object(GroupCommit, "_commit", hasty):
        yield


@contextmanager
def no_sweeper() -> Iterator[None]:
    """Leave unsaid what a dead process did not live to say."""

    async def idle(self: Sweeper, whatever: object = None, **more: object) -> None:
        del self, whatever, more

    with patch.object(Sweeper, "sweep", idle), patch.object(Sweeper, "before_deciding_on", idle):
        yield


@contextmanager
def nothing_before_deciding() -> Iterator[None]:
    """Decide on what another process stored, without having it said first."""

    async def idle(self: Sweeper, records: Iterable[Document]) -> None:
        del self, records

    with patch.object(Sweeper, "before_deciding_on", idle):
        yield


@contextmanager
def doubtful_is_ours() -> Iterator[None]:
    """After doubt, take whatever lies under our numbers for ours."""

    async def settle(self: GroupCommit, documents: Sequence[Document], follows: frozenset[int]) -> frozenset[int]:
        del follows
        await self.store.insert(JOURNAL.name, documents)
        return frozenset()

    with patch.object(GroupCommit, "_settle", settle):
        yield


@contextmanager
def offsets_before_said() -> Iterator[None]:
    """Commit offsets of records whose events are not published yet."""
    honest = BatchConsumer.__init__

    def hasty(self: BatchConsumer, *arguments: Any, **more: Any) -> None:
        honest(self, *arguments, **more)
        self.flushed = lambda: asyncio.sleep(0)

    with patch.object(BatchConsumer, "__init__", hasty):
        yield


@contextmanager
def mark_before_said() -> Iterator[None]:
    """Mark commits as said when they are handed to the publisher."""
    honest = Publisher.offer

    def hasty(self: Publisher, number: int, events: Sequence[Any]) -> None:
        honest(self, number, events)
        self.published_number = max(self.published_number, number)

    with patch.object(Publisher, "offer", hasty):
        yield


@contextmanager
def late_is_not_settled() -> Iterator[None]:
    """Tell read models nothing of a record that was stored after its caller had given up."""
    taken: dict[tuple[str, int], float] = {}
    take, know = Journal.taken, Journal.known

    def noted(self: Journal, entries: Sequence[Entry[Any]]) -> None:
        take(self, entries)
        taken.update({(entry.key, entry.seq): asyncio.get_running_loop().time() for entry in entries})

    def known(self: Journal, entry: Entry[Any], stored: bool) -> None:
        waited = asyncio.get_running_loop().time() - taken.get((entry.key, entry.seq), 0.0)
        if stored and waited > APPEND_SECONDS_MAX:
            self.settling.over([entry.key])
        else:
            know(self, entry, stored)

    with patch.object(Journal, "taken", noted), patch.object(Journal, "known", known):
        yield


@contextmanager
def a_page_goes_with_its_first_row() -> Iterator[None]:
    """Delete a page of rows as soon as one of them has a record."""
    honest = RowPages.begun

    def hasty(self: RowPages, key: str) -> None:
        honest(self, key)
        for page in self._pages.values():
            if key in page.gone:
                page.count = len(page.gone)
        honest(self, key)

    async def delete(self: RowPages) -> None:
        for number in list(self._complete):
            await self._store.delete(ROWS.name, [self._pages[number].document_id])
            self._forget(number)

    with patch.object(RowPages, "begun", hasty), patch.object(RowPages, "_delete", delete):
        yield


@contextmanager
def no_back_pressure() -> Iterator[None]:
    """Take more and more while the broker takes nothing."""
    with (
        patch.object(Publisher, "refuse_backlog", lambda *_: None),
        patch.object(Publisher, "full", property(lambda *_: False)),
    ):
        yield


@contextmanager
def no_size_budget() -> Iterator[None]:
    """Store what no broker would ever take."""
    with ExitStack() as stack:
        stack.enter_context(patch("concord.chassis.journal.turn.check_decision", lambda *_: 0))
        yield


@contextmanager
def unavailable_is_poison() -> Iterator[None]:
    """Set records aside because the store was away."""

    class Never(Exception):
        pass

    with patch("concord.chassis.consumer.serving.Passing", Never):
        yield


@contextmanager
def poison_holds_a_partition() -> Iterator[None]:
    """Wait for ever for what can never be served, and all that lies behind it with it."""

    async def wait(self: Serving, record: Incoming, fault: Exception, attempts: int) -> None:
        del record, fault, attempts
        while True:
            self.progressed()
            await asyncio.sleep(1.0)

    with patch.object(Serving, "_set_aside", wait):
        yield
