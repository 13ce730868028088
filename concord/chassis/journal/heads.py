"""The heads that are kept in memory, bounded by what they weigh and not by how many they are."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from concord.chassis.journal.record import Head

HEADS_BYTES_MAX = 40_000_000
"""Of the heads in memory, by `Head.size`: some 11,000 units with three labels each. A head let go costs one read."""


class Heads:
    """The heads met last, by key. A stale one loses at the insert, so none must be right; what is let go is read again.

    Attributes:
        size: what they weigh together, bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._heads: OrderedDict[str, Head[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[str]:
        return iter(self._heads)

    def get(self, key: str) -> Head[Any] | None:
        """Return the head, if it is in memory, and keep it as the one met last."""
        head = self._heads.get(key)
        if head is not None:
            self._heads.move_to_end(key)
        return head

    def keep(self, key: str, head: Head[Any]) -> None:
        """Take a head in for the one there is, and let those go that were not met for longest."""
        self.drop(key)
        self._heads[key] = head
        self.size += head.size
        while self.size > HEADS_BYTES_MAX and len(self._heads) > 1:
            _, gone = self._heads.popitem(last=False)
            self.size -= gone.size

    def drop(self, key: str) -> None:
        """Let one go."""
        gone = self._heads.pop(key, None)
        if gone is not None:
            self.size -= gone.size

    def clear(self) -> None:
        """Let all go."""
        self._heads.clear()
        self.size = 0
