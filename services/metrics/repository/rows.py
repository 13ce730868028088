"""The rows of one place, a row a unit and a row a lot, and the sums that are derived from them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from heapq import heappop, heappush

from concord.contracts.topics import DAY_SECONDS, EVENTS_RETENTION_SECONDS
from services.metrics.domain.closed import Closed, Segment
from services.metrics.domain.fatigue import Person, Watch, Watched, nobody_is_watched
from services.metrics.domain.lot import Lot, LotShare, lot_share
from services.metrics.domain.open_units import OpenUnits
from services.metrics.domain.sums import ClosedSums, Sums, close_in
from services.metrics.domain.targets import TargetStanding
from services.metrics.domain.unit import GRACE_US, NOTHING, Annotation, Unit, is_done, judged_by, known_label, share

LATENCIES_MAX = 10_000
RECOUNTED_TOGETHER = 4_000
"""Touched units that wait for their recount while a place is behind: some 10 ms of it."""
CLOSED_TOGETHER = 500
"""Units that are closed before others get to run: some 5 ms of it."""
CLOSED_KEPT_US = (EVENTS_RETENTION_SECONDS + DAY_SECONDS) * 1_000_000
"""For so long in event time what is closed is known one by one: for longer than the topics keep what was told of it."""


class Rows:
    """The rows of one place and their sums, in memory.

    Every unit remembers what it adds to the sums of its project, and every lot too; so a row that changes takes the
    old out and puts the new in, and however often an event comes it is in the sums once. A unit whose lot was
    accepted is closed: what it adds stays, its row goes, and nothing told of it later is heard. So is a lot whose units
    are all closed.

    Attributes:
        open: the open units' rows.
        lots: the lots' rows by id.
        closed: the closed units and lots.
        closed_sums: what they add to each project.
        changed: projects whose sums changed since they were measured.
        estimated: annotators of a project whose gold answers changed since they were told.
        crowds: projects of which something was learnt of gold since it was told.
        people: the people of projects that ask them for breaks.
        timed: those of whom something is to be judged.
        told: what was told of each project's targets.
        whole_until_us: whatever the topics held of the place at this moment is counted; zero before that is so of any.
        version: counts what was changed of units.
        behind: nobody looks at the sums yet, for the place is not served: touched units may wait for their recount.
    """

    def __init__(self, watched: Watched | None = None) -> None:
        self.open = OpenUnits()
        self.closed = Closed()
        self.closed_sums: dict[str, ClosedSums] = {}
        self.lots: dict[str, Lot] = {}
        self.sums: dict[str, Sums] = {}
        self.changed: set[str] = set()
        self.estimated: defaultdict[str, set[str]] = defaultdict(set)
        self.crowds: set[str] = set()
        self.people: dict[str, dict[str, Person]] = {}
        self.timed: defaultdict[str, set[str]] = defaultdict(set)
        self.told: dict[str, dict[str, TargetStanding]] = {}
        self._watched = watched or nobody_is_watched
        self._people_dirty: set[str] = set()
        self.whole_until_us = self.version = 0
        self.behind = False
        self._touched: dict[str, Unit] = {}
        self._watches: dict[str, Watch | None] = {}
        self._walks = 0
        self._told_dirty: set[str] = set()
        self._dirty: set[str] = set()
        self._lots_dirty: set[str] = set()
        self._sums_dirty: set[str] = set()
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
        for project_id, sums in self.sums.items():
            sums.waiting_us.clear()
            self.changed.add(project_id)
        for project_id, people in self.people.items():
            self.timed[project_id].update(people)

    def take_dirty(self) -> tuple[set[str], set[str]]:
        """Return the ids of units and of lots that changed since this was last asked."""
        self.settle()  # a unit that was touched is noted as changed once, and is in what is kept now
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

    def take_people_dirty(self) -> set[str]:
        """Return the projects with people of whom something was learnt since this was last asked."""
        dirty, self._people_dirty = self._people_dirty, set()
        return dirty

    def judged(self, project_id: str) -> None:
        """Note that breaks of a project's people were judged."""
        self._people_dirty.add(project_id)

    def take_sums_dirty(self) -> set[str]:
        """Return the projects whose closed sums changed since this was last asked."""
        dirty, self._sums_dirty = self._sums_dirty, set()
        return dirty

    def done(self) -> None:
        """End a batch: recount the units that it touched; while the place is behind only once they are many.

        Of a unit several topics tell, and all that they do while it is not looked at can be counted at once.
        """
        self._watches.clear()
        if not self.behind or len(self._touched) >= RECOUNTED_TOGETHER:
            self.settle()

    def settle(self) -> None:
        """Bring the sums up to all that was told."""
        if self._touched:
            touched, self._touched = self._touched, {}
            self.version += 1
            self._recount(touched.values())

    def _recount(self, units: Iterable[Unit]) -> None:
        """Bring the sums up to units that may have changed, and were handed out to be; they may rest then."""
        for unit in units:
            now, before = share(unit), unit.counted
            if now is not before and now != before:
                self.sums_of(unit.project_id).replace(before, now)
                unit.counted = now
        self.open.rest()

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
        for begin in range(0, len(looked_at), CLOSED_TOGETHER):
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

    def _closed_sums(self, project_id: str) -> ClosedSums:
        self._sums_dirty.add(project_id)
        return self.closed_sums.setdefault(project_id, ClosedSums())

    def _close_units(self, unit_ids: Iterable[str], at_us: int) -> list[str]:
        """Close those units that are done; return the ids of the others."""
        self.settle()
        stay: list[str] = []
        done: defaultdict[str, dict[str, Unit]] = defaultdict(dict)
        for unit_id in unit_ids:
            unit = self.open.look(unit_id)
            if unit is None:
                if unit_id not in self.closed:
                    stay.append(unit_id)
            elif is_done(unit):
                done[unit.project_id][unit_id] = unit
            else:
                stay.append(unit_id)
        for project_id, units in done.items():
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
        sums = self.sums_of(unit.project_id)
        for annotation in unit.annotations.values():
            sums.standing(annotation.annotator_id).worked(annotation, None)
            sums.newest_us = max(sums.newest_us, annotation.at_us)
        if unit.gold:
            self.gold_known(unit_id, unit, "", 1 + unit.gold_revision + unit.erased, anew=True)

    def unworked(self, unit: Unit, annotation: Annotation) -> None:
        """Take out an annotation that was given after its unit was done with."""
        self.sums_of(unit.project_id).standing(annotation.annotator_id).worked_not(annotation)

    def worked(self, unit: Unit, annotation: Annotation, before: Annotation | None) -> None:
        """Count an annotation towards its annotator's pace, and towards competence where the unit is gold."""
        project_id = unit.project_id
        sums = self.sums_of(project_id)
        standing = sums.standings.get(annotation.annotator_id) or sums.standing(annotation.annotator_id)
        standing.worked(annotation, before)
        try:
            watch = self._watches[project_id]
        except KeyError:
            watch = self._watches[project_id] = self._watched(project_id)
        if watch is not None and before is None:
            self._timed(unit, annotation, watch)
        if unit.gold and not unit.erased:
            if known := judged_by(unit, annotation):
                if before is not None:
                    standing.answered(known, before.label, -1)
                standing.answered(known, annotation.label)
            # As many words as in any other order of what is told.
            words = annotation.revision + (-before.revision if before is not None else 1 + unit.gold_revision)
            standing.learnt(annotation.at_us, words)
            self.estimated[unit.project_id].add(annotation.annotator_id)
            self._gold_learnt(unit.project_id, annotation.at_us, words)
        sums.newest_us = max(sums.newest_us, annotation.at_us)
        if before is None and not self.behind and len(sums.waiting_us) < LATENCIES_MAX:
            sums.waiting_us.append(annotation.at_us)

    def tell_anew(self, project_id: str) -> None:
        """Have a project measured, and all who answered its gold told of, at the next turn."""
        if (sums := self.sums.get(project_id)) is not None:
            self.changed.add(project_id)
            self.crowds.add(project_id)
            self.estimated[project_id].update(name for name, standing in sums.standings.items() if standing.answers)

    def _timed(self, unit: Unit, annotation: Annotation, watch: Watch) -> None:
        people = self.people.setdefault(unit.project_id, {})
        person = people.get(annotation.annotator_id)
        if person is None:
            person = people[annotation.annotator_id] = Person()
        known = judged_by(unit, annotation)
        person.worked(annotation, not watch.says(known, annotation.label) if known else None)
        person.judged(watch.breaks)  # after each, so that it falls due with the same label whenever that is counted
        self.timed[unit.project_id].add(annotation.annotator_id)
        self._people_dirty.add(unit.project_id)

    def gold_known(
        self, unit_id: str, unit: Unit, before: str, words: int, *, since: int | None = None, anew: bool = False
    ) -> None:
        """Bring the sums up to a gold unit of which something was told: that it is gold, erased, in doubt, ruled on.

        Args:
            unit_id: its id.
            unit: as it is now.
            before: the label by which answers were judged until now; empty where they were not.
            words: how many such words these are; they are counted alike in whatever order they come.
            since: the version of the label schema from which on answers were judged by it; as now, if None.
            anew: whether its answers are counted for the first time, and with them each of their revisions.
        """
        sums, known = self.sums_of(unit.project_id), known_label(unit)
        if known:
            sums.gold[unit_id] = unit
        else:
            sums.gold.pop(unit_id, None)
        self._gold_learnt(unit.project_id, unit.admitted_at_us, words)
        for annotation in unit.annotations.values():
            standing = sums.standing(annotation.annotator_id)
            was = before if annotation.schema_version >= (unit.gold_since if since is None else since) else ""
            now = judged_by(unit, annotation)
            if was and was != now:
                standing.answered(was, annotation.label, -1)
            if now and was != now:
                standing.answered(now, annotation.label)
            of_it = words + (annotation.revision if anew else 0)
            standing.learnt(annotation.at_us, of_it)
            self.estimated[unit.project_id].add(annotation.annotator_id)
            self._gold_learnt(unit.project_id, annotation.at_us, of_it)

    def _gold_learnt(self, project_id: str, at_us: int, words: int = 1) -> None:
        sums = self.sums_of(project_id)
        sums.gold_learnt += words
        sums.gold_at_us = max(sums.gold_at_us, at_us)
        self.crowds.add(project_id)
