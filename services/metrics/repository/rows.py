"""The rows of one place, a row a unit and a row a lot, and the sums that are derived from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import islice

from concord.contracts.topics import DAY_SECONDS, EVENTS_RETENTION_SECONDS
from services.metrics.domain.closed import Closed, Segment
from services.metrics.domain.columns import Columns
from services.metrics.domain.fatigue import Watched
from services.metrics.domain.lot import Lot, LotShare, lot_share
from services.metrics.domain.sums import ClosedSums, close_in
from services.metrics.domain.targets import TargetStanding
from services.metrics.domain.unit import GRACE_US, NOTHING, Share, Unit, is_done, share
from services.metrics.repository.behind import Behind

TOUCHED_TOGETHER = 4_000
"""Units that are found again at once while a place is behind."""
RECOUNTED_TOGETHER = 1_000
"""Units that wait to be counted, and are before others get to run: some 10 ms of it."""
CLOSED_TOGETHER = 500
"""Units that are closed before others get to run: some 5 ms of it."""
CLOSED_KEPT_US = (EVENTS_RETENTION_SECONDS + DAY_SECONDS) * 1_000_000
"""For so long in event time what is closed is known one by one: for longer than the topics keep what was told of it."""


class Rows(Behind):
    """The rows of one place and their sums, in memory.

    Every unit remembers what it adds to the sums of its project, and every lot too; so a row that changes takes the
    old out and puts the new in, and however often an event comes it is in the sums once. A unit whose lot was
    accepted is closed: what it adds stays, its row goes, and nothing told of it later is heard. So is a lot whose units
    are all closed.

    Attributes:
        told: what was told of each project's targets.
    """

    def __init__(self, watched: Watched | None = None) -> None:
        super().__init__(watched)
        self.told: dict[str, dict[str, TargetStanding]] = {}
        self._touched: dict[str, Unit] = {}
        self._told_dirty: set[str] = set()

    @property
    def units_open(self) -> int:
        """Return how many units have a row."""
        return len(self.open)

    def unit(self, unit_id: str, project_id: str, at_us: int) -> Unit | None:
        """Return the unit's row, about to be changed and new on first use; None when the unit is closed.

        `at_us` is the event time of what is told of it.
        """
        # What is told of a unit stands together: it is looked for once between two recounts, and was open then.
        found = self._touched.get(unit_id)
        if found is not None:
            return found
        found = self.open.get(unit_id)
        if found is None and self.open.columns.find(unit_id) is not None:
            self._to_rows([unit_id])
            found = self.open.get(unit_id)
        if found is None:
            if at_us < self.closed.forgotten_us or unit_id in self.closed:
                return None
            found = Unit(project_id)
            self.open.put(unit_id, found)
        self._touched[unit_id] = found
        self._dirty.add(unit_id)
        return found

    @contextmanager
    def walked(self) -> Iterator[None]:
        """Close no unit while the block runs, so that each is either open or closed to who walks through all."""
        self._walks += 1
        try:
            yield
        finally:
            self._walks -= 1

    def lot(self, lot_id: str, project_id: str, at_us: int) -> Lot | None:
        """Return the lot's row, about to be changed and new on first use; None when the lot is closed."""
        found = self.lots.get(lot_id)
        if found is None:
            if at_us < self.closed.forgotten_us or lot_id in self.closed:
                return None
            found = self.lots[lot_id] = Lot(project_id)
        self._lots_dirty.add(lot_id)
        return found

    @property
    def is_dirty(self) -> bool:
        """Return whether anything changed since that was last asked."""
        return bool(self._dirty or self._lots_dirty or self._sums_dirty or self._told_dirty or self._people_dirty)

    def begin(self) -> None:
        """Begin to be served: how long labels took that were told before is nobody's freshness."""
        self.behind = False
        self.settle()
        self.open.columns = Columns()
        for project_id, sums in self.sums.items():
            sums.waiting_us.clear()
            self.changed.add(project_id)
        for project_id, people in self.people.items():
            self.timed[project_id].update(people)

    def take_dirty(self) -> tuple[set[str], set[str]]:
        """Return the ids of units and of lots that changed since this was last asked."""
        self._set_aside()  # a unit that was touched is noted as changed once, and is in what is kept now
        dirty = self._dirty, self._lots_dirty
        self._dirty, self._lots_dirty = set(), set()
        return dirty

    def tell(self, project_id: str, target: str, standing: TargetStanding) -> None:
        """Note what is told of a target."""
        self.told.setdefault(project_id, {})[target] = standing
        self._told_dirty.add(project_id)

    def take_told_dirty(self) -> set[str]:
        """Return the projects of whose targets something else was told since this was last asked."""
        dirty, self._told_dirty = self._told_dirty, set()
        return dirty

    def take_sums_dirty(self) -> set[str]:
        """Return the projects whose closed sums changed since this was last asked."""
        dirty, self._sums_dirty = self._sums_dirty, set()
        return dirty

    def done(self) -> None:
        """End a batch: bring the sums up to what it told.

        While the place is behind the units that it touched wait for that until they are closed, or the place begins to
        be served: several topics tell of each, and all that they do is counted at once.
        """
        self.paced()
        if not self.behind:
            self.settle()
        elif len(self._touched) >= TOUCHED_TOGETHER:
            self._set_aside()

    def settle(self) -> None:
        """Bring the sums up to all that was told."""
        for _ in self.settling():
            pass

    def settling(self) -> Iterator[None]:
        """Do so some units at a time, between which others may run."""
        if len(self._touched) > RECOUNTED_TOGETHER:
            self._set_aside()
        while self._touched or self._uncounted or self.open.columns:
            self._to_rows(self.open.columns.some(RECOUNTED_TOGETHER))
            touched, self._touched = self._touched, {}
            self._uncounted.difference_update(touched)
            some = list(islice(self._uncounted, RECOUNTED_TOGETHER))
            self._uncounted.difference_update(some)
            self.version += 1
            self._recount([*touched.values(), *filter(None, map(self.open.get, some))])
            self.open.rest()
            yield

    def _set_aside(self) -> None:
        """Let touched units rest that are counted later."""
        self._uncounted.update(self._touched)
        self._touched = {}
        self.version += 1
        self.open.rest()

    def _recount(self, units: Iterable[Unit]) -> None:
        """Bring the sums up to units that may have changed; what most of them add now, and did before, is the same."""
        changed: list[tuple[str, Share, Share]] = []
        for unit in units:
            now, before = share(unit), unit.counted
            if now is not before and now != before:
                changed.append((unit.project_id, before, now))
                unit.counted = now
        for (project_id, before, now), times in Counter(changed).items():
            self.sums_of(project_id).replace(before, now, times)

    def recount_lot(self, lot: Lot) -> None:
        """Bring the sums up to a lot that may have changed."""
        sums, now = self.sums_of(lot.project_id), lot_share(lot)
        sums.lots.replace(lot.counted, now)
        lot.counted = now

    def accepted(self, lot_id: str, lot: Lot) -> None:
        """Note that a lot's units may be closed once nothing more is told of them."""
        assert lot.acceptance is not None
        heappush(self._accepted, (lot.acceptance.at_us, lot_id))

    def may_close_at(self, until_us: int) -> bool:
        """Return whether there is a lot that may be closed once all is counted that was told until this moment.

        What was told of its units is in then: the last of it is GRACE_US old.
        """
        return bool(self._accepted) and self._accepted[0][0] + 2 * GRACE_US <= until_us

    def closing(self) -> Iterator[None]:
        """Close the settled units of such lots, and the lots: what they add goes from their rows to the closed sums.

        Some units at a time, and then others get to run; nothing is half closed then. What is left when the walk is
        given up, or somebody else begins one through all units, is closed another time.
        """
        left: list[tuple[int, str]] = []
        try:
            yield from self._closing_columns()
            while not self._walks and self.may_close_at(self.whole_until_us):
                yield from self._close_lot(left)
        finally:
            for again in left:
                heappush(self._accepted, again)
        self.closed.forget(self.whole_until_us - CLOSED_KEPT_US)

    def _close_lot(self, left: list[tuple[int, str]]) -> Iterator[None]:
        """Close what can be of the lot that was accepted first; it is added to what is left unless that is all."""
        at_us, lot_id = heappop(self._accepted)
        left.append((at_us, lot_id))
        lot = self.lots[lot_id]
        stay: list[str] = []
        looked_at = lot.unit_ids
        for begin in range(0, len(looked_at) or 1, CLOSED_TOGETHER):  # which are none where arrays closed them
            if self._walks:
                return
            end = begin + CLOSED_TOGETHER
            stay += self._close_units(looked_at[begin:end], at_us)
            lot.unit_ids = (*stay, *looked_at[end:])
            self._lots_dirty.add(lot_id)
            yield
        left.pop()
        if lot.unit_ids:
            # Sent back after it was accepted: looked at again when more is known.
            left.append((self.whole_until_us, lot_id))
            return
        self._closed_sums(lot.project_id).add_lot(lot)
        self.closed.add(lot_id, at_us)
        del self.lots[lot_id]

    def _close_units(self, unit_ids: Iterable[str], at_us: int) -> list[str]:
        """Close those units that are done; return the ids of the others."""
        if self.behind:
            self._set_aside()
        else:
            self.settle()
        stay: list[str] = []
        done: defaultdict[str, dict[str, Unit]] = defaultdict(dict)
        for unit_id in unit_ids:
            if self.open.columns.is_done(unit_id):
                self._to_rows([unit_id])
            unit = self.open.look(unit_id)
            if unit is None:
                if unit_id not in self.closed:
                    stay.append(unit_id)
            elif is_done(unit):
                done[unit.project_id][unit_id] = unit
            else:
                stay.append(unit_id)
        for project_id, units in done.items():
            self._recount([unit for unit_id, unit in units.items() if unit_id in self._uncounted])
            self._uncounted.difference_update(units)
            close_in(self.sums_of(project_id), self._closed_sums(project_id), list(units.values()))
            for unit_id in units:
                self.closed.add(unit_id, at_us)
                self.open.remove(unit_id)
            self._dirty.update(units)
        return stay

    def load_closed(self, forgotten_us: int, segments: Mapping[int, Segment], sums: Mapping[str, ClosedSums]) -> None:
        """Take up what an earlier life closed; before its units and lots."""
        self.closed = Closed(forgotten_us)
        self.closed.absorb(segments)
        self.closed_sums = dict(sums)
        for project_id, closed in self.closed_sums.items():
            closed.put_into(self.sums_of(project_id))

    def load_lots(self, lots: Mapping[str, Lot]) -> None:
        """Take up lots; one that was closed while they were kept is closed."""
        for lot_id, lot in lots.items():
            if lot_id in self.closed:
                continue
            self.lots[lot_id] = lot
            lot.counted = LotShare()
            self.recount_lot(lot)
            if lot.acceptance is not None and lot.unit_ids:
                self.accepted(lot_id, lot)

    def load_units(self, units: Mapping[str, Unit]) -> None:
        """Take up open units; one that was closed while they were kept is closed."""
        for unit_id, unit in units.items():
            if unit_id not in self.closed:
                self._count_anew(unit_id, unit)
                self.open.lay(unit_id, unit)

    def _count_anew(self, unit_id: str, unit: Unit) -> None:
        unit.counted = NOTHING
        self._recount([unit])
        self.sums_of(unit.project_id).worked(list(unit.annotations.values()))
        if unit.gold:
            self.gold_known(unit_id, unit, "", 1 + unit.gold_revision + unit.erased, anew=True)
