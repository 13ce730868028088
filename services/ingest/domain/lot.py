"""Lots: how admitted units are cut into what is accepted or rejected together."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import msgspec


class LotState(msgspec.Struct, frozen=True):
    """A sealed lot. Lots of a project are numbered from 1 without gaps: the insert of a number is the lock."""

    lot_id: str
    project_id: str
    number: int
    unit_ids: tuple[str, ...]


class OpenLot:
    """The units of one project that are in no lot yet, by the version of the guideline that they were admitted under.

    A lot has units of one version; those of a version come in their order.

    Attributes:
        next_number: of the lot that is cut next, or a lower one; 0: it was not asked for yet.
    """

    def __init__(self) -> None:
        self.next_number = 0
        self._waiting: dict[int, dict[str, tuple[int, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._waiting.values())

    def add(self, unit_id: str, admitted_at_us: int, guideline_version: int = 0, arrival: str = "") -> None:
        """Put a unit at the end of its version; one that waits keeps its place."""
        self._waiting.setdefault(guideline_version, {}).setdefault(unit_id, (admitted_at_us, arrival))

    def due(self, size: int, seal_after_us: int, now_us: int) -> dict[str, str]:
        """Return the units of the lot that is to be cut now, each with its arrival; empty when none is.

        Where units of a newer version wait, the older version's lot waits for nobody: no more of it come.

        Args:
            size: units of a full lot.
            seal_after_us: age of the oldest unit at which a lot is cut although it is not full; 0: cut what is there.
            now_us: the time.
        """
        newest = max(self._waiting, default=0)
        for version in sorted(self._waiting):
            waiting = self._waiting[version]
            oldest_us, _ = next(iter(waiting.values()))
            if len(waiting) >= size or version < newest or oldest_us + seal_after_us <= now_us:
                return {unit_id: arrival for unit_id, (_, arrival) in islice(waiting.items(), size)}
        return {}

    def drop(self, unit_ids: Iterable[str]) -> list[str]:
        """Take out units that are in a lot already; return those that waited."""
        left, dropped = list(unit_ids), list[str]()
        for version, waiting in list(self._waiting.items()):
            found = [unit_id for unit_id in left if waiting.pop(unit_id, None) is not None]
            if not waiting:
                del self._waiting[version]
            if found:
                dropped += found
                there = set(found)
                left = [unit_id for unit_id in left if unit_id not in there]
        return dropped

    def cut(self, lot: LotState) -> list[str]:
        """Take out the units of a lot that was sealed, by us or by another process; return those that waited."""
        if self.next_number:
            self.next_number = max(self.next_number, lot.number + 1)
        return self.drop(lot.unit_ids)
