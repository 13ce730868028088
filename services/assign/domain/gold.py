"""The gold units of one project: hidden among the others at its rate, each shown to an annotator once."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

LOOKS_MAX = 64


class GoldPool:
    """Gold units that anyone eligible may be shown. Each annotator goes round from a place of their own.

    What annotators have seen is one bit a unit: a thousand annotators and a thousand units are a hundred kilobytes.
    Who was shown a unit before it was taken in here is not known at first: such a unit is `doubted`, and an annotator
    is shown it when they were asked about, a window of their round at once.
    """

    def __init__(self) -> None:
        self._units: list[str] = []
        self._index: dict[str, int] = {}
        self._bits: dict[str, int] = {}
        self._free_bits: list[int] = []
        self._seen: defaultdict[str, int] = defaultdict(int)
        self._asked: defaultdict[str, int] = defaultdict(int)
        self._doubted = 0
        self._next: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the units."""
        return iter(self._units)

    def add(self, unit_id: str) -> None:
        """Take the unit in."""
        if unit_id not in self._index:
            self._index[unit_id] = len(self._units)
            self._units.append(unit_id)

    def doubt(self, unit_id: str) -> None:
        """Note that others may have been shown the unit before: it was found, not told."""
        self._doubted |= self._bit(unit_id)

    def asked(self, annotator_id: str, unit_ids: Iterable[str]) -> None:
        """Note that it is known by now whether the annotator was shown these units."""
        for unit_id in unit_ids:
            self._asked[annotator_id] |= self._bit(unit_id)

    def known(self, annotator_id: str, unit_id: str) -> bool:
        """Return whether it is known if the annotator was shown the unit."""
        doubted = self._doubted & ~self._asked.get(annotator_id, 0)
        return not doubted & self._bits.get(unit_id, 0)

    def discard(self, unit_id: str) -> None:
        """Show the unit no more, and forget who has seen it."""
        bit = self._bits.pop(unit_id, 0)
        if bit:
            self._doubted &= ~bit
            for of in (self._seen, self._asked):
                for annotator_id in of:
                    of[annotator_id] &= ~bit
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
        bit = self._bit(unit_id)
        self._seen[annotator_id] |= bit
        self._asked[annotator_id] |= bit

    def _bit(self, unit_id: str) -> int:
        if unit_id not in self._bits:
            self._bits[unit_id] = 1 << (self._free_bits.pop() if self._free_bits else len(self._bits))
        return self._bits[unit_id]

    def unsaw(self, annotator_id: str, unit_id: str) -> None:
        """Note that the annotator was not shown the unit after all."""
        self._seen[annotator_id] &= ~self._bits.get(unit_id, 0)

    def seen(self, annotator_id: str, unit_id: str) -> bool:
        """Return whether the annotator was shown the unit."""
        return bool(self._seen.get(annotator_id, 0) & self._bits.get(unit_id, 0))

    def unseen(self, annotator_id: str, fit: Callable[[str], bool]) -> Iterator[str]:
        """Yield, as far as is known, the units that the annotator has not seen and is fit for."""
        return (unit for unit in self._units if not self.seen(annotator_id, unit) and fit(unit))

    def pick(self, annotator_id: str, fit: Callable[[str], bool], generator: random.Random) -> str | None:
        """Return a unit that this annotator surely has not seen and is fit for, among the next few in their round."""
        for steps, unit_id in enumerate(self._window(annotator_id, generator), 1):
            if self.known(annotator_id, unit_id) and not self.seen(annotator_id, unit_id) and fit(unit_id):
                self._next[annotator_id] += steps
                return unit_id
        if self._units:
            self._next[annotator_id] += LOOKS_MAX
        return None

    def to_ask(self, annotator_id: str, fit: Callable[[str], bool], generator: random.Random) -> list[str]:
        """Return what stands in a pick's way: units in doubt among the next few, unless a known one is first."""
        doubted: list[str] = []
        for unit_id in self._window(annotator_id, generator):
            if self.seen(annotator_id, unit_id) or not fit(unit_id):
                continue
            if not self.known(annotator_id, unit_id):
                doubted.append(unit_id)
            elif not doubted:
                return []
        return doubted

    def _window(self, annotator_id: str, generator: random.Random) -> Iterator[str]:
        """Yield the next few units in the annotator's round, which begins anywhere."""
        size = len(self._units)
        if size and annotator_id not in self._next:
            self._next[annotator_id] = generator.randrange(size)
        for step in range(min(LOOKS_MAX, size)):
            yield self._units[(self._next[annotator_id] + step) % size]
