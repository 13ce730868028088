"""The gold units of one project: hidden among the others at its rate, each shown to an annotator once."""

import random
from collections import defaultdict
from collections.abc import Callable

LOOKS_MAX = 64


class GoldPool:
    """Gold units that anyone eligible may be shown. Each annotator goes round from a place of their own.

    What annotators have seen is one bit a unit: a thousand annotators and a thousand units are a hundred kilobytes.
    """

    def __init__(self) -> None:
        self._units: list[str] = []
        self._index: dict[str, int] = {}
        self._bits: dict[str, int] = {}
        self._free_bits: list[int] = []
        self._seen: defaultdict[str, int] = defaultdict(int)
        self._next: dict[str, int] = {}

    def add(self, unit_id: str) -> None:
        """Take the unit in."""
        if unit_id not in self._index:
            self._index[unit_id] = len(self._units)
            self._units.append(unit_id)

    def discard(self, unit_id: str) -> None:
        """Show the unit no more, and forget who has seen it."""
        bit = self._bits.pop(unit_id, 0)
        if bit:
            for annotator_id in self._seen:
                self._seen[annotator_id] &= ~bit
            self._free_bits.append(bit.bit_length() - 1)
        index = self._index.pop(unit_id, None)
        if index is None:
            return
        last = self._units.pop()
        if last != unit_id:
            self._units[index] = last
            self._index[last] = index

    def saw(self, annotator_id: str, unit_id: str) -> None:
        """Note that the annotator was shown the unit."""
        if unit_id not in self._bits:
            self._bits[unit_id] = 1 << (self._free_bits.pop() if self._free_bits else len(self._bits))
        self._seen[annotator_id] |= self._bits[unit_id]

    def unsaw(self, annotator_id: str, unit_id: str) -> None:
        """Note that the annotator was not shown the unit after all."""
        self._seen[annotator_id] &= ~self._bits.get(unit_id, 0)

    def seen(self, annotator_id: str, unit_id: str) -> bool:
        """Return whether the annotator was shown the unit."""
        return bool(self._seen.get(annotator_id, 0) & self._bits.get(unit_id, 0))

    def pick(self, annotator_id: str, fit: Callable[[str], bool], generator: random.Random) -> str | None:
        """Return a unit that this annotator has not seen and is fit for, among the next few in their round."""
        size = len(self._units)
        if size == 0:
            return None
        start = self._next.get(annotator_id)
        if start is None:
            start = generator.randrange(size)
        for step in range(min(LOOKS_MAX, size)):
            unit_id = self._units[(start + step) % size]
            if not self.seen(annotator_id, unit_id) and fit(unit_id):
                self._next[annotator_id] = start + step + 1
                return unit_id
        self._next[annotator_id] = start + LOOKS_MAX
        return None
