"""Whose connections a server holds, so that nobody has all of them."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar


class Held(Protocol):
    """A connection that can be let go."""

    transport: Any


H = TypeVar("H", bound=Held)


class Holders(Generic[H]):
    """The connections of one kind, by whose they are, the oldest first.

    Args:
        most: how many there are room for; None for any number.
        may_go: whether one may be ended now.
    """

    def __init__(self, most: int | None, may_go: Callable[[H], bool]) -> None:
        self._most = most
        self._may_go = may_go
        self._count = 0
        self._by_holder: dict[str, dict[H, None]] = {}

    def add(self, holder: str, connection: H) -> None:
        """Take one in; where there are too many, the oldest that may go of whoever has most is ended."""
        self._by_holder.setdefault(holder, {})[connection] = None
        self._count += 1
        if self._most is None or self._count <= self._most:
            return
        (busiest, theirs) = max(self._by_holder.items(), key=lambda entry: len(entry[1]))
        if (oldest := next(filter(self._may_go, theirs), None)) is not None:
            self.discard(busiest, oldest)
            oldest.transport.abort()

    def discard(self, holder: str, connection: H) -> None:
        """Count one no more, if it was counted."""
        theirs = self._by_holder.get(holder, {})
        if connection not in theirs:
            return
        del theirs[connection]
        self._count -= 1
        if not theirs:
            del self._by_holder[holder]
