"""Open markers: which aggregates are not done with, so that a start reads these and nothing else.

A marker `<aggregate>/<seq>` is inserted before the record of that number which opens the aggregate, or opens it again,
and deleted after the one that closes it. Whatever crashes when, the markers are a superset of what is open. The number
keeps apart the times that an aggregate was open: who deletes the marker of one, however late, cannot take the next.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.journal.record import OPEN, Entry
from concord.chassis.store.port import Document, Store

CLOSED_MAX = 50_000
"""Markers that wait to be deleted; beyond it the oldest are left to the next start, which finds them closed."""
DELETE_MARKERS_MAX = 500


class OpenMarkers:
    """The markers of one service.

    Attributes:
        left_behind: how many wait for a start to find that they are closed.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.left_behind = 0
        self._closed: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    def closed(self, key: str, seqs: Sequence[int]) -> None:
        """Have the markers of these openings deleted: a record that is stored closed the aggregate after them."""
        for seq in seqs:
            if len(self._closed) == CLOSED_MAX:
                self._closed.popleft()
                self.left_behind += 1
            self._closed.append(marker_id(key, seq))
        self._settled.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Delete markers of what is closed until cancelled."""
        waits = BackOff("deleting open markers", self.clock)
        while True:
            await self._arrived.wait()
            if not self._closed:
                self._settled.set()
                self._arrived.clear()
                continue
            batch = [self._closed[place] for place in range(min(len(self._closed), DELETE_MARKERS_MAX))]
            if await waits.attempt(partial(self.store.delete, OPEN.name, batch)):
                done = set(batch)
                while self._closed and self._closed[0] in done:
                    self._closed.popleft()

    async def settled(self) -> None:
        """Return when no marker waits to be deleted."""
        await self._settled.wait()

    async def of(self, kind: str, slots: Sequence[int]) -> dict[str, list[int]]:
        """Return the aggregates of a kind that may be open in these slots, and at which numbers they were opened."""
        found: dict[str, list[int]] = {}
        for marker in await self.store.find(OPEN.name, "slot", slots):
            if marker["aggregate"].split("/", 2)[1] == kind:
                found.setdefault(marker["aggregate"], []).append(marker["seq"])
        return found


def marker_id(key: str, seq: int) -> str:
    """Return the key of the marker of one opening."""
    return f"{key}/{seq:06d}"


def markers_of(entries: Sequence[Entry[Any]]) -> list[Document]:
    """Return the markers that must be there before these entries are stored."""
    return [
        {"_id": marker_id(entry.key, entry.seq), "aggregate": entry.key, "seq": entry.seq, "slot": entry.slot}
        for entry in entries
        if entry.opened == entry.seq
    ]
