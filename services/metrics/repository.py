"""Where metrics' facts are found: a row a unit, a row a lot, and the sums that are derived from rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from services.metrics.domain.closed import ClosedUnits
from services.metrics.domain.lot import Lot, LotShare, lot_share
from services.metrics.domain.sums import ClosedSums, Sums
from services.metrics.domain.unit import GRACE_US, NOTHING, Annotation, Unit, is_done, share

LATENCIES_MAX = 10_000
BUCKETS = 256
"""Into so many parts the open units are dealt, so that what has changed can be kept without all the rest."""


class Repository:
    """Rows and their sums, in memory.

    Every unit remembers what it adds to the sums of its project, and every lot too; so a row that changes takes the
    old out and puts the new in, and however often an event comes it is in the sums once. A unit whose lot was
    accepted is closed: what it adds stays, its row goes, and nothing told of it later is heard.

    Attributes:
        buckets: the open units' rows, dealt by their ids.
        lots: the lots' rows, dealt by theirs.
        closed: the closed units.
        closed_sums: what closed units add to each project.
        changed: projects whose sums changed since they were measured.
        estimated: annotators of a project whose gold answers changed since they were told.
        crowds: projects of which something was learnt of gold since it was told.
    """

    def __init__(self) -> None:
        self.buckets: list[dict[str, Unit]] = [{} for _ in range(BUCKETS)]
        self.closed = ClosedUnits()
        self.closed_sums: dict[str, ClosedSums] = {}
        self.lots: list[dict[str, Lot]] = [{} for _ in range(BUCKETS)]
        self.sums: dict[str, Sums] = {}
        self.changed: set[str] = set()
        self.estimated: defaultdict[str, set[str]] = defaultdict(set)
        self.crowds: set[str] = set()
        self._dirty: set[int] = set()
        self._lots_dirty: set[int] = set()
        self._accepted: list[tuple[int, str]] = []

    def sums_of(self, project_id: str) -> Sums:
        """Return a project's sums, empty at first; it counts as changed."""
        self.changed.add(project_id)
        found = self.sums.get(project_id)
        if found is None:
            found = self.sums[project_id] = Sums()
        return found

    @property
    def units_open(self) -> int:
        """Return how many units have a row."""
        return sum(map(len, self.buckets))

    def unit(self, unit_id: str, project_id: str) -> Unit | None:
        """Return the unit's row, about to be changed and new on first use; None when the unit is closed."""
        bucket = hash(unit_id) % BUCKETS
        found = self.buckets[bucket].get(unit_id)
        if found is None:
            if unit_id in self.closed:
                return None
            found = self.buckets[bucket][unit_id] = Unit(project_id)
        self._dirty.add(bucket)
        return found

    def take_dirty(self) -> tuple[set[int], set[int]]:
        """Return the buckets of units and of lots that changed since this was last asked."""
        dirty = self._dirty, self._lots_dirty
        self._dirty, self._lots_dirty = set(), set()
        return dirty

    def lot(self, lot_id: str, project_id: str) -> Lot:
        """Return the lot's row, about to be changed and new on first use."""
        bucket = hash(lot_id) % BUCKETS
        self._lots_dirty.add(bucket)
        found = self.lots[bucket].get(lot_id)
        if found is None:
            found = self.lots[bucket][lot_id] = Lot(project_id)
        return found

    def recount(self, units: Iterable[Unit]) -> None:
        """Bring the sums up to units that may have changed."""
        for unit in units:
            now = share(unit)
            if now != unit.counted:
                self.sums_of(unit.project_id).replace(unit.counted, now)
                unit.counted = now

    def recount_lot(self, lot: Lot) -> None:
        """Bring the sums up to a lot that may have changed."""
        sums, now = self.sums_of(lot.project_id), lot_share(lot)
        sums.lots.replace(lot.counted, now)
        lot.counted = now

    def accepted(self, lot_id: str, lot: Lot) -> None:
        """Note that a lot's units may be closed once nothing more is told of them."""
        assert lot.acceptance is not None
        heappush(self._accepted, (lot.acceptance.at_us, lot_id))

    def may_close(self, now_us: int) -> bool:
        """Return whether there is a lot whose acceptance is long enough ago for its units to be closed."""
        return bool(self._accepted) and self._accepted[0][0] + 2 * GRACE_US <= now_us

    def close(self, now_us: int) -> None:
        """Close the settled units of such lots; only when the topics are counted to their end.

        What was told of these units is in then, and what they add goes from their rows to the closed sums.
        """
        while self.may_close(now_us):
            _, lot_id = heappop(self._accepted)
            lot = self.lots[hash(lot_id) % BUCKETS][lot_id]
            lot.unit_ids = tuple([unit_id for unit_id in lot.unit_ids if not self._closed_now(unit_id)])
            self._lots_dirty.add(hash(lot_id) % BUCKETS)

    def _closed_now(self, unit_id: str) -> bool:
        """Close the unit if it is done; return whether it is closed."""
        bucket = hash(unit_id) % BUCKETS
        unit = self.buckets[bucket].get(unit_id)
        if unit is None:
            return unit_id in self.closed
        if not is_done(unit):
            return False
        self.closed_sums.setdefault(unit.project_id, ClosedSums()).add(unit)
        self.closed.add(unit_id)
        del self.buckets[bucket][unit_id]
        self._dirty.add(bucket)
        return True

    def load_closed(self, segments: Iterable[bytes], closed_sums: Mapping[str, ClosedSums]) -> None:
        """Take up what an earlier life closed; before its units."""
        self.closed.absorb(segments)
        self.closed_sums = dict(closed_sums)
        for project_id, closed in self.closed_sums.items():
            closed.put_into(self.sums_of(project_id))

    def load_lots(self, lots: Mapping[str, Lot]) -> None:
        """Take up lots."""
        for lot_id, lot in lots.items():
            self.lots[hash(lot_id) % BUCKETS][lot_id] = lot
            lot.counted = LotShare()
            self.recount_lot(lot)
            if lot.acceptance is not None and lot.unit_ids:
                self.accepted(lot_id, lot)

    def load_units(self, units: Mapping[str, Unit]) -> None:
        """Take up open units; one that was closed while they were kept is closed."""
        for unit_id, unit in units.items():
            if unit_id not in self.closed:
                self.buckets[hash(unit_id) % BUCKETS][unit_id] = unit
                self._count_anew(unit_id, unit)

    def _count_anew(self, unit_id: str, unit: Unit) -> None:
        unit.counted = NOTHING
        self.recount([unit])
        sums = self.sums_of(unit.project_id)
        for said in unit.annotations.values():
            sums.standing(said.annotator_id).worked(said, None)
            sums.newest_us = max(sums.newest_us, said.at_us)
        if unit.gold:
            self.gold_known(unit_id, unit, 1)
            if unit.erased:
                self.gold_known(unit_id, unit, -1)

    def unworked(self, unit: Unit, said: Annotation) -> None:
        """Take out an annotation that was given after its unit was done with."""
        self.sums_of(unit.project_id).standing(said.annotator_id).worked_not(said)

    def worked(self, unit: Unit, said: Annotation, before: Annotation | None) -> None:
        """Count an annotation towards its annotator's pace, and towards competence where the unit is gold."""
        sums = self.sums_of(unit.project_id)
        standing = sums.standing(said.annotator_id)
        standing.worked(said, before)
        if unit.gold and not unit.erased:
            if before is not None:
                standing.answered(unit.gold, before.label, -1)
            standing.answered(unit.gold, said.label)
            standing.learnt(said.at_us)
            self.estimated[unit.project_id].add(said.annotator_id)
            self._gold_learnt(unit.project_id, said.at_us)
        sums.newest_us = max(sums.newest_us, said.at_us)
        if len(sums.waiting_us) < LATENCIES_MAX:
            sums.waiting_us.append(said.at_us)

    def gold_known(self, unit_id: str, unit: Unit, times: int) -> None:
        """Count the unit and the answers that came before it was known that it is gold; or take them out, erased."""
        gold = self.sums_of(unit.project_id).gold
        if times > 0:
            gold[unit_id] = unit
        else:
            gold.pop(unit_id, None)
        self._gold_learnt(unit.project_id, unit.admitted_at_us)
        for said in unit.annotations.values():
            standing = self.sums_of(unit.project_id).standing(said.annotator_id)
            standing.answered(unit.gold, said.label, times)
            words = 1 + said.revision if times > 0 else 1
            standing.learnt(said.at_us, words)
            self.estimated[unit.project_id].add(said.annotator_id)
            self._gold_learnt(unit.project_id, said.at_us, words)

    def _gold_learnt(self, project_id: str, at_us: int, words: int = 1) -> None:
        sums = self.sums_of(project_id)
        sums.gold_learnt += words
        sums.gold_at_us = max(sums.gold_at_us, at_us)
        self.crowds.add(project_id)
