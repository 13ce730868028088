"""Labels of many units in one field, gathered to be counted together: what they share is looked up once.

Units of a lot have few people, fewer labels, a slice or two and an hour; one by one each pair of each unit would be
looked up in each table.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from services.metrics.domain.bounded import HOUR_US
from services.metrics.domain.unit import LabelRow, label_row

Voice = tuple[str, str]
"""An annotator, and the label that they gave."""


class Voices:
    """Who gave which labels to units, each annotator once to each."""

    def __init__(self) -> None:
        self._by_slice: defaultdict[str, list[Voice]] = defaultdict(list)
        self._pairs: list[tuple[Voice, Voice]] = []
        self._units: list[tuple[LabelRow, str, int, int]] = []

    def add(self, voices: Sequence[Voice], at_us: int, slice_name: str, guideline: int = 0) -> None:
        """Add a unit's labels.

        Args:
            voices: who gave which, each annotator once.
            at_us: when it got the first.
            slice_name: of which part of the data it is.
            guideline: the version under which all of its labels were given; 0: under several, or that was not told.
        """
        self._by_slice[slice_name] += voices
        self._pairs += combinations(sorted(voices), 2)
        self._units.append((label_row([label for _, label in voices]), slice_name, at_us // HOUR_US, guideline))

    def people(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield each annotator, slice and label, and how often they gave it there."""
        for slice_name, voices in self._by_slice.items():
            for (annotator, label), times in Counter(voices).items():
                yield annotator, slice_name, label, times

    def pairs(self) -> Iterator[tuple[Voice, Voice, int]]:
        """Yield each two voices on one unit, by name, and how often they met."""
        for (voice, other), times in Counter(self._pairs).items():
            yield voice, other, times

    def units(self) -> Iterator[tuple[LabelRow, str, int, int, int]]:
        """Yield labels of a unit, its slice, its hour since the epoch, its guideline, and how many units have these."""
        for (row, slice_name, hour, guideline), times in Counter(self._units).items():
            yield row, slice_name, hour, guideline, times
