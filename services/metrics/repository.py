"""Where metrics' facts are found: a row a unit, a row a lot, and the sums that are derived from rows."""

from collections import defaultdict
from collections.abc import Iterable

from services.metrics.domain.lot import Lot, LotSums, lot_share
from services.metrics.domain.sums import Sums
from services.metrics.domain.unit import Annotation, Unit, share

LATENCIES_MAX = 10_000


class Repository:
    """Rows and their sums, in memory.

    Every unit remembers what it adds to the sums of its project, and every lot too; so a row that changes takes the
    old out and puts the new in, and however often an event comes it is in the sums once.

    Attributes:
        changed: projects whose sums changed since they were measured.
        estimated: annotators of a project whose gold answers changed since they were told.
        waiting_us: event times of labels that were counted and not measured yet, by project; a bounded many.
    """

    def __init__(self) -> None:
        self.units: dict[str, Unit] = {}
        self.lots: dict[str, Lot] = {}
        self.sums: dict[str, Sums] = {}
        self.changed: set[str] = set()
        self.estimated: defaultdict[str, set[str]] = defaultdict(set)
        self.waiting_us: defaultdict[str, list[int]] = defaultdict(list)
        self._lot_shares: dict[str, LotSums] = {}

    def sums_of(self, project_id: str) -> Sums:
        """Return a project's sums, empty at first; it counts as changed."""
        self.changed.add(project_id)
        found = self.sums.get(project_id)
        if found is None:
            found = self.sums[project_id] = Sums()
        return found

    def unit(self, unit_id: str, project_id: str) -> Unit:
        """Return the unit's row, new on first use."""
        found = self.units.get(unit_id)
        if found is None:
            found = self.units[unit_id] = Unit(project_id)
        return found

    def lot(self, lot_id: str, project_id: str) -> Lot:
        """Return the lot's row, new on first use."""
        found = self.lots.get(lot_id)
        if found is None:
            found = self.lots[lot_id] = Lot(project_id)
        return found

    def recount(self, units: Iterable[Unit]) -> None:
        """Bring the sums up to units that may have changed."""
        for unit in units:
            now = share(unit)
            if now != unit.counted:
                self.sums_of(unit.project_id).replace(unit.counted, now)
                unit.counted = now

    def recount_lot(self, lot_id: str) -> None:
        """Bring the sums up to a lot that may have changed."""
        lot = self.lots[lot_id]
        sums, now = self.sums_of(lot.project_id), lot_share(lot)
        sums.lots = sums.lots.plus(self._lot_shares.get(lot_id, LotSums()), -1).plus(now)
        self._lot_shares[lot_id] = now

    def worked(self, unit: Unit, said: Annotation, before: Annotation | None) -> None:
        """Count an annotation towards its annotator's pace, and towards competence where the unit is gold."""
        standing = self.sums_of(unit.project_id).standing(said.annotator_id)
        standing.worked(said, before)
        if unit.gold and not unit.erased:
            if before is not None:
                standing.answered(unit.gold, before.label, -1)
            standing.answered(unit.gold, said.label)
            standing.learnt(said.at_us)
            self.estimated[unit.project_id].add(said.annotator_id)

    def gold_known(self, unit: Unit, times: int) -> None:
        """Count the answers that came before it was known that the unit is gold; or take them out when it is erased."""
        for said in unit.annotations.values():
            standing = self.sums_of(unit.project_id).standing(said.annotator_id)
            standing.answered(unit.gold, said.label, times)
            standing.learnt(said.at_us, 1 + said.revision if times > 0 else 1)
            self.estimated[unit.project_id].add(said.annotator_id)

    def counted_at(self, project_id: str, occurred_at_us: int) -> None:
        """Note the event time of a label, for its way into the metrics to be measured."""
        sums = self.sums_of(project_id)
        sums.newest_us = max(sums.newest_us, occurred_at_us)
        waiting = self.waiting_us[project_id]
        if len(waiting) < LATENCIES_MAX:
            waiting.append(occurred_at_us)
