"""Which units are closed: eight bytes a unit, so that none is ever opened again by what is told late or twice."""

import hashlib
from array import array
from collections.abc import Iterable

import numpy as np

SEGMENT_UNITS = 50_000
RECENT_MAX = 10_000


class ClosedUnits:
    """A set of unit ids that forgets the ids and keeps 64 bits of each one's digest.

    Two of a million units share their 64 bits with a probability of 3e-8; the second would then not be counted.

    >>> closed = ClosedUnits()
    >>> closed.add("k1-u1")
    >>> "k1-u1" in closed, "k1-u2" in closed, len(closed)
    (True, False, 1)
    """

    def __init__(self) -> None:
        self._in_order = array("Q")
        self._recent: set[int] = set()
        self._sorted = np.empty(0, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._in_order)

    def __contains__(self, unit_id: str) -> bool:
        if not self._in_order:
            return False
        digest = _digest(unit_id)
        if digest in self._recent:
            return True
        place = int(np.searchsorted(self._sorted, np.uint64(digest)))
        return place < len(self._sorted) and int(self._sorted[place]) == digest

    def add(self, unit_id: str) -> None:
        """Close a unit that was not closed."""
        digest = _digest(unit_id)
        self._in_order.append(digest)
        self._recent.add(digest)
        if len(self._recent) > RECENT_MAX:
            self._sort()

    def segments(self, known: int = 0) -> dict[int, bytes]:
        """Return the segments that hold units after the first `known`, by number, each with all that is in it."""
        first = known // SEGMENT_UNITS
        starts = range(first * SEGMENT_UNITS, len(self._in_order), SEGMENT_UNITS)
        return {start // SEGMENT_UNITS: self._in_order[start : start + SEGMENT_UNITS].tobytes() for start in starts}

    def absorb(self, segments: Iterable[bytes]) -> None:
        """Take in segments, in their order.

        >>> closed, again = ClosedUnits(), ClosedUnits()
        >>> closed.add("k1-u1")
        >>> again.absorb(closed.segments().values())
        >>> "k1-u1" in again
        True
        """
        for segment in segments:
            self._in_order.frombytes(segment)
        self._sort()

    def _sort(self) -> None:
        self._sorted = np.sort(np.frombuffer(self._in_order.tobytes(), dtype=np.uint64))
        self._recent.clear()


def _digest(unit_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(unit_id.encode(), digest_size=8).digest())
