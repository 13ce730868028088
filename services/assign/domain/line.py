"""A line of waiting units: in order of arrival, left from anywhere, read from anywhere; each in constant time."""

from collections.abc import Iterator
from itertools import chain, islice

SLACK = 64
"""Empty places that a line may have beside as many as there are units in it."""


class Line:
    """Units in the order in which they came to wait.

    A place is a number that only grows; a reader that went as far as a place can go on from there. Places are dealt
    anew now and then, and a reader's old place is then at the beginning again.
    """

    def __init__(self) -> None:
        self._units: list[str | None] = []
        self._places: dict[str, int] = {}
        self._first = 0
        self._head = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, unit_id: str) -> bool:
        return unit_id in self._places

    def add(self, unit_id: str) -> None:
        """Let the unit wait at the end; one that waits keeps its place."""
        if unit_id not in self._places:
            self._places[unit_id] = self._first + len(self._units)
            self._units.append(unit_id)

    def discard(self, unit_id: str) -> None:
        """Let the unit wait no longer."""
        place = self._places.pop(unit_id, None)
        if place is None:
            return
        self._units[place - self._first] = None
        if len(self._units) > 2 * len(self._places) + SLACK:
            self._deal_places()

    def _deal_places(self) -> None:
        self._first += len(self._units)
        self._units = [unit_id for unit_id in self._units if unit_id is not None]
        self._places = {unit_id: self._first + index for index, unit_id in enumerate(self._units) if unit_id}
        self._head = 0

    def first(self, looks_max: int) -> Iterator[str]:
        """Yield the units that have waited longest, from at most `looks_max` places."""
        while self._head < len(self._units) and self._units[self._head] is None:
            self._head += 1
        for index in range(self._head, min(self._head + looks_max, len(self._units))):
            if (unit_id := self._units[index]) is not None:
                yield unit_id

    def round_from(self, place: int, looks_max: int) -> Iterator[tuple[int, str]]:
        """Yield units with the place after each, from `place` on and round once, looking at `looks_max` places."""
        size = len(self._units)
        start = min(max(place - self._first, 0), size)
        for index in islice(chain(range(start, size), range(start)), looks_max):
            if (unit_id := self._units[index]) is not None:
                yield self._first + index + 1, unit_id
