"""Which units and lots are closed: eight bytes each, so that none is opened again by what is told late or twice.

They are remembered for longer than the topics keep what was told of them. Whatever is told after that of something that
is not known is of something that was closed and is forgotten.
"""

import hashlib
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

SEGMENT_IDS = 10_000
"""The newest segment is kept whole whenever something was closed."""
RECENT_MAX = 1_000
"""So many lie apart, a hundred bytes each, until they are sorted in: some milliseconds where there are a million."""


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Some closed ids, as they are kept.

    Attributes:
        newest_us: when the last of them was closed, in event time.
        digests: eight bytes each.
    """

    newest_us: int
    digests: bytes


class Closed:
    """A set of ids that keeps 64 bits of each one's digest, and lets go of the oldest.

    Two of a million ids share their 64 bits with a probability of 3e-8; the second would then not be counted.

    >>> closed = Closed()
    >>> closed.add("k1-u1", 1)
    >>> "k1-u1" in closed, "k1-u2" in closed, len(closed)
    (True, False, 1)

    Attributes:
        forgotten_us: the event time up to which what was closed is forgotten; zero before any is.
    """

    def __init__(self, forgotten_us: int = 0) -> None:
        self.forgotten_us = forgotten_us
        self.count = 0
        self._newest = self._in_newest = 0
        self._newest_us: dict[int, int] = {}
        self._recent: set[int] = set()
        # Sorted, and of which segment each is: one array to look in, and no second copy of them.
        self._digests: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._numbers: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)

    def __len__(self) -> int:
        return len(self._digests) + len(self._recent)

    def __contains__(self, any_id: str) -> bool:
        if not self._newest_us:
            return False
        digest = _digest(any_id)
        if digest in self._recent:
            return True
        place = int(np.searchsorted(self._digests, np.uint64(digest)))
        return place < len(self._digests) and int(self._digests[place]) == digest

    def add(self, any_id: str, at_us: int) -> None:
        """Close what was not closed, at this event time."""
        if self._in_newest >= SEGMENT_IDS:
            self._sort_in()
            self._newest, self._in_newest = self._newest + 1, 0
        self._newest_us[self._newest] = max(self._newest_us.get(self._newest, 0), at_us)
        self._recent.add(_digest(any_id))
        self._in_newest += 1
        self.count += 1
        if len(self._recent) > RECENT_MAX:
            self._sort_in()

    def forget(self, before_us: int) -> None:
        """Let go of the segments that were full before this event time."""
        gone = [
            number
            for number, newest_us in self._newest_us.items()
            if newest_us < before_us and (number < self._newest or self._in_newest >= SEGMENT_IDS)
        ]
        if not gone:
            return
        self._sort_in()
        for number in gone:
            self.forgotten_us = max(self.forgotten_us, self._newest_us.pop(number))
        if self._newest in gone:
            self._in_newest = 0
        stays = ~np.isin(self._numbers, gone)
        self._digests, self._numbers = self._digests[stays], self._numbers[stays]

    def segments(self, since: int = 0) -> dict[int, Segment]:
        """Return the segments of this number and later ones, each with all that is in it."""
        self._sort_in()
        return {
            number: Segment(newest_us, self._digests[self._numbers == number].tobytes())
            for number, newest_us in self._newest_us.items()
            if number >= since
        }

    def numbers(self) -> frozenset[int]:
        """Return the numbers of the segments that there are."""
        return frozenset(self._newest_us)

    def absorb(self, segments: Mapping[int, Segment]) -> None:
        """Take in segments.

        >>> closed, again = Closed(), Closed()
        >>> closed.add("k1-u1", 1)
        >>> again.absorb(closed.segments())
        >>> "k1-u1" in again
        True
        """
        if not segments:
            return
        self._sort_in()
        taken = {number: np.frombuffer(segment.digests, dtype=np.uint64) for number, segment in segments.items()}
        digests = np.concatenate([self._digests, *taken.values()])
        numbers = np.concatenate(
            [self._numbers, *(np.full(len(ids), number, dtype=np.uint32) for number, ids in taken.items())]
        )
        order = np.argsort(digests, kind="stable")
        self._digests, self._numbers = digests[order], numbers[order]
        self._newest_us |= {number: segment.newest_us for number, segment in segments.items()}
        self._newest = max(self._newest_us)
        self._in_newest = int(np.count_nonzero(self._numbers == self._newest))
        self.count = len(self._digests)

    def _sort_in(self) -> None:
        """Put those that came since in among the others; they are all of the newest segment."""
        recent = np.sort(np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent)))
        places = np.searchsorted(self._digests, recent)
        self._digests = np.insert(self._digests, places, recent)
        self._numbers = np.insert(self._numbers, places, np.uint32(self._newest))
        self._recent.clear()


def _digest(any_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(any_id.encode(), digest_size=8).digest())
