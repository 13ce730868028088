"""In which page a row stands: 18 to 36 bytes a row, and no object each."""

from array import array
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

SIZE_MIN = 1_024
_HASH_BITS = 2**64 - 1
Hashes = npt.NDArray[np.uint64]


class RowIndex:
    """Rows' pages, by the hash of a row's name, in a table of open addressing that is at most two thirds full.

    A hint: two of a million rows are taken for one another once in some ten million times, so whoever finds a page
    looks whether the row is in it. What was put in stays until the table grows, whatever became of its page.

    Args:
        alive: whether a page, by its number, is still there; rows of others are left out when the table grows.
    """

    def __init__(self, alive: Callable[[int], bool]) -> None:
        self._alive = alive
        self._make(SIZE_MIN)

    def _make(self, size: int) -> None:
        self._used = 0
        self._mask = size - 1
        self._hashes = np.zeros(size, np.uint64)
        self._numbers = np.zeros(size, np.int32)
        # A read of one element by a view is a fifth of what it is by the array.
        self._hash_at = self._hashes.data
        self._number_at = self._numbers.data

    @property
    def size_bytes(self) -> int:
        """What the table takes in memory."""
        return self._hashes.nbytes + self._numbers.nbytes

    def find(self, name: str) -> int | None:
        """Return the number of the page that the row was put in last; None when it was put in none."""
        slot = self._slot(_hash(name))
        return None if slot is None else self._number_at[slot]

    def _slot(self, wanted: int) -> int | None:
        hashes, mask = self._hash_at, self._mask
        slot = wanted & mask
        while found := hashes[slot]:
            if found == wanted:
                return slot
            slot = (slot + 1) & mask
        return None

    def move(self, name: str, number: int) -> None:
        """Note that a row that is in the table stands in another page."""
        slot = self._slot(_hash(name))
        assert slot is not None, "only what is there is moved"
        self._number_at[slot] = number

    def put(self, names: Sequence[str], number: int) -> None:
        """Note that these rows, none of which is in the table and no two the same, stand in a page."""
        if 3 * (self._used + len(names)) > 2 * (self._mask + 1):
            self._grow(len(names))
        hashes = np.frombuffer(array("Q", map(_hash, names)), np.uint64)
        self._put(hashes, np.full(len(hashes), number, np.int32))

    def _grow(self, wanted: int) -> None:
        taken = self._hashes != 0
        hashes, numbers = self._hashes[taken], self._numbers[taken]
        there = np.array([number for number in np.unique(numbers).tolist() if self._alive(number)], np.int32)
        kept = np.isin(numbers, there)
        hashes, numbers = hashes[kept], numbers[kept]
        size = SIZE_MIN
        while size < 2 * (len(hashes) + wanted):
            size *= 2
        self._make(size)
        self._put(hashes, numbers)

    def _put(self, hashes: Hashes, numbers: npt.NDArray[np.int32]) -> None:
        self._used += len(hashes)
        slots = (hashes & np.uint64(self._mask)).astype(np.int64)
        while len(hashes):
            free = self._hashes[slots] == 0
            # Of several that want one slot the last is written; who then reads another hash there goes on.
            self._hashes[slots[free]] = hashes[free]
            won = free & (self._hashes[slots] == hashes)
            self._numbers[slots[won]] = numbers[won]
            hashes, numbers = hashes[~won], numbers[~won]
            slots = (slots[~won] + 1) & self._mask


def _hash(name: str) -> int:
    """Return the hash of a row's name, keyed anew in each process by Python itself; 0 stands for an empty slot."""
    return hash(name) & _HASH_BITS or 1
