"""Settling: read models follow what is stored, whoever still waits for it.

A read model that is brought up to date after an await misses what was stored when its caller had gone. So the journal
itself tells one listener a kind: of every record of this process once the store has it, and of every head that is
read, for another process, or this one in doubt, may have made it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from concord.chassis.journal.record import Kind, State

Settle = Callable[[str, State], None]
"""Brings the read models up to an aggregate's state: takes its key and state, waits for nothing, and changes nothing
when told the same again."""

log = logging.getLogger(__name__)


class Settling:
    """Tells the listeners, each aggregate's states in their order and none that is older than one told before.

    While an aggregate is on its way, in a commit or in a read, the newest sequence number that was told of it is
    kept; what comes in later and is older is left out. When nothing of it is under way nothing older can come. So
    what is held is bounded by what is under way.

    Attributes:
        failures: how often a listener raised; its read model may be wrong until the next start.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._listeners: dict[str, Callable[[str, Any], None]] = {}
        self._under_way: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._collected: list[dict[str, tuple[int, Any]]] = []

    @property
    def under_way(self) -> int:
        """Of how many aggregates something is under way."""
        return len(self._under_way)

    def listen(self, kind: Kind[State], settle: Settle[State]) -> None:
        """Have the one listener of a kind told."""
        assert kind.name not in self._listeners, f"{kind.name} has its listener: a state is settled in one place"
        self._listeners[kind.name] = settle

    def expect(self, keys: Iterable[str]) -> None:
        """Say that news of these aggregates is under way; each call is ended by one of `over`."""
        for key in keys:
            self._under_way[key] = self._under_way.get(key, 0) + 1

    def over(self, keys: Iterable[str]) -> None:
        """Say that what was expected has been told, or will not come."""
        for key in keys:
            left = self._under_way[key] - 1
            if left:
                self._under_way[key] = left
            else:
                del self._under_way[key]
                self._newest.pop(key, None)

    def tell(self, key: str, seq: int, state: Any) -> bool:
        """Tell the aggregate's listener what was not told while this came; return whether this is the newest known."""
        newest = self._newest.get(key, 0)
        if newest >= seq:
            return newest == seq
        if key in self._under_way:
            self._newest[key] = seq
        for news in self._collected:
            if news.get(key, (0, None))[0] < seq:
                news[key] = (seq, state)
        listener = self._listeners.get(key.split("/", 2)[1])
        if listener is not None:
            try:
                listener(key, state)
            except Exception:
                # The record is stored whatever a read model makes of it: nobody else's outcome hangs on this.
                self.failures += 1
                log.exception("a read model could not be brought up to %s", key)
        return True

    @contextmanager
    def collecting(self) -> Iterator[dict[str, tuple[int, Any]]]:
        """Give what is told from now on, by key with its sequence number: for who reads the journal meanwhile."""
        news: dict[str, tuple[int, Any]] = {}
        self._collected.append(news)
        try:
            yield news
        finally:
            self._collected[:] = [entry for entry in self._collected if entry is not news]
