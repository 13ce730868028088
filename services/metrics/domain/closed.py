"""Which units and lots are closed: eight bytes each, so that none is opened again by what is told late or twice.

They are remembered for longer than the topics keep what was told of them. Whatever is told after that of something that
is not known is of something that was closed and is forgotten.
"""

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

SEGMENT_IDS = 10_000
"""The newest segment is kept whole whenever something was closed."""
RECENT_MAX = 10_000


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Some closed ids, as they are kept.

    Attributes:
        newest_us: when the last of them was closed, in event time.
        digests: eight bytes each.
    """

    newest_us: int
    digests: bytes


@dataclass(slots=True)
class _Segment:
    newest_us: int = 0
    digests: "array[int]" = field(default_factory=lambda: array("Q"))


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
        self._newest = 0
        self._segments: dict[int, _Segment] = {}
        self._recent: set[int] = set()
        self._sorted = np.empty(0, dtype=np.uint64)

    def __len__(self) -> int:
        return sum(len(segment.digests) for segment in self._segments.values())

    def __contains__(self, any_id: str) -> bool:
        if not self._segments:
            return False
        digest = _digest(any_id)
        if digest in self._recent:
            return True
        place = int(np.searchsorted(self._sorted, np.uint64(digest)))
        return place < len(self._sorted) and int(self._sorted[place]) == digest

    def add(self, any_id: str, at_us: int) -> None:
        """Close what was not closed, at this event time."""
        segment = self._segments.setdefault(self._newest, _Segment())
        if len(segment.digests) >= SEGMENT_IDS:
            self._newest += 1
            segment = self._segments[self._newest] = _Segment()
        digest = _digest(any_id)
        segment.digests.append(digest)
        segment.newest_us = max(segment.newest_us, at_us)
        self.count += 1
        self._recent.add(digest)
        if len(self._recent) > RECENT_MAX:
            self._sort()

    def forget(self, before_us: int) -> None:
        """Let go of the segments that were full before this event time."""
        gone = [
            number
            for number, segment in self._segments.items()
            if len(segment.digests) >= SEGMENT_IDS and segment.newest_us < before_us
        ]
        for number in gone:
            self.forgotten_us = max(self.forgotten_us, self._segments.pop(number).newest_us)
        if gone:
            self._sort()

    def segments(self, since: int = 0) -> dict[int, Segment]:
        """Return the segments of this number and later ones, each with all that is in it."""
        return {
            number: Segment(segment.newest_us, segment.digests.tobytes())
            for number, segment in self._segments.items()
            if number >= since
        }

    def numbers(self) -> frozenset[int]:
        """Return the numbers of the segments that there are."""
        return frozenset(self._segments)

    def absorb(self, segments: Mapping[int, Segment]) -> None:
        """Take in segments.

        >>> closed, again = Closed(), Closed()
        >>> closed.add("k1-u1", 1)
        >>> again.absorb(closed.segments())
        >>> "k1-u1" in again
        True
        """
        for number, segment in segments.items():
            taken = self._segments[number] = _Segment(segment.newest_us)
            self._newest = max(self._newest, number)
            taken.digests.frombytes(segment.digests)
            self.count += len(taken.digests)
        self._sort()

    def _sort(self) -> None:
        parts = [np.frombuffer(segment.digests.tobytes(), dtype=np.uint64) for segment in self._segments.values()]
        self._sorted = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
        self._recent.clear()


def _digest(any_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(any_id.encode(), digest_size=8).digest())
