"""Planted bugs: mistakes that a good engineer could make, each of which the checkers must catch.

Were one of them not caught, that no seed breaks anything would mean little.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from concord.chassis.broker.port import Incoming, TopicPartition
from concord.chassis.consumer import BatchConsumer
from concord.chassis.journal.group_commit import GroupCommit
from concord.chassis.journal.record import JOURNAL, Entry, Head
from concord.chassis.journal.sweeper import Sweeper
from concord.chassis.store.port import Document
from services.assign.api import Desk
from services.assign.handlers import Leased
from services.assign.schemas import AssignmentOffer
from services.audit import api as audit_api
from simulation.trace import TracedStore


@contextmanager
def ack_before_effect() -> Iterator[None]:
    """Say that a record is stored while it only waits to be."""
    honest = GroupCommit.append

    async def hasty(self: GroupCommit, entries: Sequence[Entry[Any]]) -> list[bool]:
        storing = asyncio.create_task(honest(self, entries))
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

    async def hasty(self: GroupCommit, entries: Sequence[Entry[Any]], stale_at: float) -> tuple[frozenset[int], bool]:
        await self.publisher.publish([event for entry in entries for event in entry.events])
        return await honest(self, entries, stale_at)

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
def gold_in_a_reply() -> Iterator[None]:
    """Let an annotator see which unit is gold."""
    honest = Desk.offer

    def telling(self: Desk, lease: Leased) -> AssignmentOffer:
        offer = honest(self, lease)
        return msgspec.structs.replace(offer, media_type="text/gold") if lease.unit.gold else offer

    with patch.object(Desk, "offer", telling):
        yield


@contextmanager
def leases_hold_no_slot() -> Iterator[None]:
    """Give a unit to as many as ask before the first label is in."""
    with patch("services.assign.domain.overlap.HOLDING", frozenset({"submitted"})):
        yield


@contextmanager
def export_of_anything() -> Iterator[None]:
    """Hand over a lot whether or not it was accepted."""

    async def generous(door: audit_api.Door, lot_id: str, caller: Any) -> Any:
        return await door.handlers.means.repository.lot(lot_id, caller.client_id)

    with patch.object(audit_api, "_accepted", generous):
        yield


PLANTED: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        ack_before_effect,
        commit_before_effect,
        no_inbox,
        read_modify_write,
        publish_before_insert,
        no_sweeper,
        gold_in_a_reply,
        leases_hold_no_slot,
        export_of_anything,
    )
}


def planted(name: str) -> AbstractContextManager[None]:
    """Return the bug of that name, alive within the block."""
    return PLANTED[name]()
