"""Lots: how admitted units are cut into what is accepted or rejected together."""

from collections import deque
from itertools import islice

import msgspec


class LotState(msgspec.Struct, frozen=True):
    """A sealed lot. Lots of a project are numbered from 1 without gaps: the insert of a number is the lock."""

    lot_id: str
    project_id: str
    number: int
    unit_ids: tuple[str, ...]


class OpenLot:
    """The units of one project that are in no lot yet, oldest first."""

    def __init__(self) -> None:
        self.next_number = 1
        self._waiting: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, unit_id: str, admitted_at_us: int) -> None:
        """Put a unit at the end."""
        self._waiting.append((admitted_at_us, unit_id))

    def due(self, size: int, seal_after_us: int, now_us: int) -> tuple[str, ...]:
        """Return the units of the lot that is to be cut now; empty when none is.

        Args:
            size: units of a full lot.
            seal_after_us: age of the oldest unit at which a lot is cut although it is not full; 0: cut what is there.
            now_us: the time.
        """
        if len(self._waiting) < size and not (self._waiting and self._waiting[0][0] + seal_after_us <= now_us):
            return ()
        return tuple(unit_id for _, unit_id in islice(self._waiting, size))

    def cut(self, lot: LotState) -> None:
        """Take out the units of a lot that was sealed, by us or by another process."""
        members = set(lot.unit_ids)
        # Our own lots are the oldest units; another's may lie anywhere.
        while self._waiting and self._waiting[0][1] in members:
            members.discard(self._waiting.popleft()[1])
        if members:
            self._waiting = deque(entry for entry in self._waiting if entry[1] not in members)
        self.next_number = max(self.next_number, lot.number + 1)
