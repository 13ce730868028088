"""Counts by key and by time that stay small whatever comes, and are the same in whatever order it came.

Both only ever grow. Where they would grow over their bound, one rule makes room that looks at nothing but what is
there: of keys a random part is kept, halved as often as needs be; of moments the windows are made twice as wide. What
has come in the end decides how often, not in which order it came; so any two who counted the same hold the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

Cell = TypeVar("Cell")

HASHES_MAX = 50_000
HOUR_US = 3_600_000_000
WIDEST = 1 << 16
"""Hours: seven years, within which all of a project lies."""


class Sampled(msgspec.Struct, Generic[Cell], array_like=True):
    """Counts of cells by key, of at most so many keys and cells.

    A key is in as long as its hash lies in the lowest part: in 2^-level of all. A pair of people, or a slice, is thus
    counted whole or not at all, and those that are counted are a random part of all.

    Attributes:
        level: how often the part was halved.
        tables: by key, how often each cell.
        cells: how many there are in all of them.
    """

    keys_max: int
    cells_max: int
    level: int = 0
    tables: dict[str, dict[Cell, int]] = msgspec.field(default_factory=dict)
    cells: int = 0

    def add(self, key: str, cell: Cell, times: int = 1) -> None:
        """Count a cell of a key.

        >>> found = Sampled[str](keys_max=2, cells_max=10)
        >>> for name in "abcdefgh":
        ...     found.add(name, "yes")
        >>> len(found.tables) <= 2, found.level > 0
        (True, True)
        """
        if self.level and _hash(key) >> (64 - self.level):
            return
        table = self.tables.get(key)
        if table is None:
            table = self.tables[key] = {}
        if cell in table:
            table[cell] += times
            return
        table[cell] = times
        self.cells += 1
        while self.cells > self.cells_max or len(self.tables) > self.keys_max:
            self._halve()

    @property
    def share(self) -> float:
        """Return which part of all keys is counted."""
        return 0.5**self.level

    def merge(self, other: "Sampled[Cell]") -> None:
        """Add what another counted; both come to the part that the smaller of them has."""
        while self.level < other.level:
            self._halve()
        for key, table in other.tables.items():
            for cell, times in table.items():
                self.add(key, cell, times)

    def read(self, cell: Callable[[Cell], Cell], key: Callable[[str], str] = str) -> "Sampled[Cell]":
        """Return the counts with cells, and keys, read otherwise; those that come to the same are one.

        >>> found = Sampled[str](keys_max=2, cells_max=10)
        >>> for name in ("yes", "yeah"):
        ...     found.add("ann", name)
        >>> found.read(lambda name: "yes").tables
        {'ann': {'yes': 2}}
        """
        found = Sampled[Cell](self.keys_max, self.cells_max, self.level)
        # What was in stays in, whatever its key is called now: there are no more keys nor cells than before.
        for name, table in self.tables.items():
            _add_read(found.tables.setdefault(key(name), {}), table, cell)
        found.cells = sum(map(len, found.tables.values()))
        return found

    def _halve(self) -> None:
        self.level += 1
        for key in [key for key in self.tables if _hash(key) >> (64 - self.level)]:
            self.cells -= len(self.tables.pop(key))


class Timeline(msgspec.Struct, Generic[Cell], array_like=True):
    """Counts of cells by windows of event time, of at most so many windows and cells.

    Attributes:
        hours: how wide a window is: a power of two.
        windows: by number from the epoch on, how often each cell.
        cells: how many there are in all of them.
        over: there are too many cells also for the widest window, and nothing is kept any more.
    """

    windows_max: int
    cells_max: int
    hours: int = 1
    windows: dict[int, dict[Cell, int]] = msgspec.field(default_factory=dict)
    cells: int = 0
    over: bool = False

    def add(self, at_us: int, cell: Cell, times: int = 1) -> None:
        """Count a cell at a moment.

        >>> found = Timeline[str](windows_max=2, cells_max=10)
        >>> for hour in range(5):
        ...     found.add(hour * HOUR_US, "yes")
        >>> found.hours, found.windows
        (4, {0: {'yes': 4}, 1: {'yes': 1}})
        """
        if not self.over:
            self._add(at_us // (self.hours * HOUR_US), cell, times)

    def _add(self, window: int, cell: Cell, times: int) -> None:
        table = self.windows.get(window)
        if table is None:
            table = self.windows[window] = {}
        if cell in table:
            table[cell] += times
            return
        table[cell] = times
        self.cells += 1
        while self.cells > self.cells_max or len(self.windows) > self.windows_max:
            self._widen()

    def merge(self, other: "Timeline[Cell]") -> None:
        """Add what another counted; both come to the wider of their windows."""
        while self.hours < other.hours and not self.over:
            self._widen()
        if self.over or other.over:
            self._let_go()
            return
        for window, table in other.windows.items():
            for cell, times in table.items():
                self.add(window * other.hours * HOUR_US, cell, times)

    def spans(self) -> list[tuple[int, int, Mapping[Cell, int]]]:
        """Return the windows that hold anything, in order: when each begins and ends, and what is in it."""
        width = self.hours * HOUR_US
        return [(window * width, (window + 1) * width, self.windows[window]) for window in sorted(self.windows)]

    def read(self, cell: Callable[[Cell], Cell]) -> "Timeline[Cell]":
        """Return the counts with cells read otherwise; those that come to the same are one."""
        found = Timeline[Cell](self.windows_max, self.cells_max, self.hours, over=self.over)
        for window, table in self.windows.items():
            _add_read(found.windows.setdefault(window, {}), table, cell)
        found.cells = sum(map(len, found.windows.values()))
        return found

    def _widen(self) -> None:
        if self.hours >= WIDEST:
            self._let_go()
            return
        self.hours *= 2
        wider: dict[int, dict[Cell, int]] = {}
        for window, table in self.windows.items():
            known = wider.setdefault(window // 2, {})
            for cell, times in table.items():
                known[cell] = known.get(cell, 0) + times
        self.windows, self.cells = wider, sum(map(len, wider.values()))

    def _let_go(self) -> None:
        self.over = True
        self.windows, self.cells = {}, 0


def _add_read(found: dict[Cell, int], table: Mapping[Cell, int], cell: Callable[[Cell], Cell]) -> None:
    for key, times in table.items():
        read = cell(key)
        found[read] = found.get(read, 0) + times


@lru_cache(maxsize=HASHES_MAX)
def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
