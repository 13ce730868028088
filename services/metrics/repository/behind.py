"""The rows of a place that is behind: what is told plainly of its units lies in columns, and is closed by arrays."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from services.metrics.domain.closed import Closed
from services.metrics.domain.columns import Columns
from services.metrics.domain.fatigue import Watched
from services.metrics.domain.gathered import close_gathered, gathered
from services.metrics.domain.lot import Lot
from services.metrics.domain.open_units import OpenUnits
from services.metrics.domain.standing import AS_GIVEN
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.unit import GRACE_US, Annotation
from services.metrics.repository.people import People

CLOSED_AS_ARRAYS = 2_000
"""Units that are closed by arrays before others get to run: some 10 ms of it."""


class Behind(People):
    """The units and lots of a place, of which those are in columns that wait to be counted where they are closed.

    Attributes:
        open: the open units' rows, and their columns.
        lots: the lots' rows by id.
        closed: the closed units and lots.
        closed_sums: what they add to each project.
        whole_until_us: whatever the topics held of the place at this moment is counted; zero before that is so of any.
        version: counts what was changed of units.
    """

    def __init__(self, watched: Watched | None = None) -> None:
        super().__init__(watched)
        self.open = OpenUnits()
        self.closed = Closed()
        self.closed_sums: dict[str, ClosedSums] = {}
        self.lots: dict[str, Lot] = {}
        self.whole_until_us = self.version = 0
        self._uncounted: set[str] = set()
        self._walks = 0
        self._dirty: set[str] = set()
        self._lots_dirty: set[str] = set()
        self._sums_dirty: set[str] = set()
        self._accepted: list[tuple[int, str]] = []

    def plain(self) -> Columns | None:
        """Return where plain things are noted that are told of units; None where all have rows: the place is served.

        It holds for a batch.
        """
        columns = self.open.columns
        if not self.behind or not columns.has_room:
            return None
        columns.noted, projects = self._dirty.add, columns.projects.items()
        columns.aside = frozenset(number for project_id, number in projects if self.watch(project_id) is not None)
        return columns

    def put_plain(self, unit_id: str, project_id: str, at_us: int) -> int | None:
        """Return the number that a unit gets in the columns of which nothing was told; None where something was."""
        if unit_id in self.open or self.watch(project_id) is not None:
            return None
        if at_us < self.closed.forgotten_us or unit_id in self.closed:
            return None
        self._dirty.add(unit_id)
        return self.open.columns.put(unit_id, project_id)

    def accept_plain(self, unit_id: str, at_us: int) -> bool:
        """Hear that the lot of a unit was accepted; return whether it is in the columns and stays there."""
        columns = self.open.columns
        number = columns.find(unit_id)
        if number is None or not columns.accept(number, at_us):
            return False
        self._dirty.add(unit_id)
        return True

    def _to_rows(self, unit_ids: Iterable[str]) -> None:
        """Let units have rows that are in the columns; they wait to be counted."""
        given: defaultdict[str, list[Annotation]] = defaultdict(list)
        for unit_id in unit_ids:
            unit = self.open.columns.take(unit_id)
            self.open.put(unit_id, unit)
            self._uncounted.add(unit_id)
            given[unit.project_id] += unit.annotations.values()
        for project_id, annotations in given.items():
            if annotations:
                self.sums_of(project_id).worked(annotations)

    def _closing_columns(self) -> Iterator[None]:
        """Close what can be of such lots by arrays; the others of their units are closed after that, and the lots."""
        columns = self.open.columns
        lots_of: defaultdict[str, list[str]] = defaultdict(list)
        for at_us, lot_id in self._accepted if columns else ():
            if at_us + 2 * GRACE_US <= self.whole_until_us:
                lots_of[self.lots[lot_id].project_id].append(lot_id)
        for project_id, lot_ids in lots_of.items():
            waiting: dict[str, str] = {}
            for lot_id in lot_ids:
                waiting |= dict.fromkeys(
                    [unit_id for unit_id in self.lots[lot_id].unit_ids if unit_id in columns], lot_id
                )
                while len(waiting) >= CLOSED_AS_ARRAYS or (waiting and lot_id == lot_ids[-1]):
                    if self._walks:
                        return
                    some = list(islice(waiting, CLOSED_AS_ARRAYS))
                    self._close_columns(project_id, {unit_id: waiting.pop(unit_id) for unit_id in some})
                    yield

    def _close_columns(self, project_id: str, lot_of: Mapping[str, str]) -> None:
        """Close those of these units that can be by arrays.

        Args:
            project_id: of their lots.
            lot_of: the lot of each, by its id.
        """
        sums, columns = self.sums_of(project_id), self.open.columns
        here = [unit_id for unit_id in lot_of if unit_id in columns]  # others run between
        if sums.names is not AS_GIVEN:
            return
        self.version += 1
        found = gathered(columns, here, project_id)
        close_gathered(sums, self._closed_sums(project_id), found)
        for unit_id in found.unit_ids:
            acceptance = self.lots[lot_of[unit_id]].acceptance
            assert acceptance is not None
            self.closed.add(unit_id, acceptance.at_us)
            columns.remove(unit_id)
        gone = set(found.unit_ids)
        self._dirty |= gone
        for lot_id in {lot_of[unit_id] for unit_id in found.unit_ids}:
            lot = self.lots[lot_id]
            lot.unit_ids = tuple([unit_id for unit_id in lot.unit_ids if unit_id not in gone])
            self._lots_dirty.add(lot_id)

    def _closed_sums(self, project_id: str) -> ClosedSums:
        self._sums_dirty.add(project_id)
        return self.closed_sums.setdefault(project_id, ClosedSums())
