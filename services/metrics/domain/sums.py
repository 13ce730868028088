"""The sums of one project: whatever a unit, a lot or an annotation adds, it can be taken out again."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from concord.labels.versions import Versions
from concord.quality.tally import LabelTally
from services.metrics.domain.by_version import FIRST, add_to
from services.metrics.domain.fields import ClosedRows, FieldTallies, close_in_fields
from services.metrics.domain.lot import Lot, Lots, LotShare
from services.metrics.domain.pace import count, rounded
from services.metrics.domain.standing import AS_GIVEN, Names, Standing, names_of
from services.metrics.domain.survey import Survey
from services.metrics.domain.unit import Annotation, LabelRow, Share, Unit, label_row
from services.metrics.domain.worked import Day, Days, add_on, count_on


@dataclass(slots=True)
class Sums:
    """What a project's units, lots and annotators add up to.

    Attributes:
        tally: units by the labels they got.
        rows_over: whether closed units have so many different labels that they are not kept: the tally lacks them.
        fields: the same of each field, where labels have several.
        by_version: of the units, those whose labels were given under a later version of the label schema than the
            first, or under several (0).
        settlements: units by how they stand: escalated (waits for a ruling), consensus, adjudicated,
            unanswerable.
        labels: annotations that count towards agreement.
        settled_labels: those of settled units.
        turnaround_seconds: tally over units of accepted lots.
        standings: by annotator.
        gold: gold units by whose known label answers are judged, by id.
        gold_learnt: counts what was ever learnt of gold; it only grows, so a later finding outranks an earlier.
        gold_at_us: event time of the newest of it.
        newest_us: event time of the newest label that was counted.
        names: how labels are read; rows and answers stay as they were given.
        waiting_us: event times of labels that were counted and not measured yet; a bounded many.
    """

    tally: LabelTally = field(default_factory=LabelTally)
    rows_over: bool = False
    fields: FieldTallies = field(default_factory=FieldTallies)
    by_version: dict[int, LabelTally] = field(default_factory=dict)
    settlements: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    settled_labels: int = 0
    turnaround_seconds: Counter[int] = field(default_factory=Counter)
    lots: Lots = field(default_factory=Lots)
    standings: dict[str, Standing] = field(default_factory=dict)
    gold: dict[str, Unit] = field(default_factory=dict)
    gold_learnt: int = 0
    gold_at_us: int = 0
    newest_us: int = 0
    waiting_us: list[int] = field(default_factory=list, compare=False)
    names: Names = field(default=AS_GIVEN, compare=False)
    _read_version: int = field(default=1, compare=False)

    def read_by(self, versions: Versions | None) -> None:
        """Read labels by these versions of the label schema; the same ones again change nothing."""
        version = 1 if versions is None else versions.present
        if version == self._read_version:
            return
        self._read_version, self.names = version, names_of(versions)
        for standing in self.standings.values():
            standing.read_by(self.names)

    def read_tally(self) -> LabelTally:
        """Return the units by the labels they got, in the newest names."""
        return self.tally if self.names is AS_GIVEN else read_tally(self.tally, self.names.text)

    def read_fields(self) -> FieldTallies:
        """Return the same of each field."""
        if self.names is AS_GIVEN or self.rows_over:
            return self.fields
        tallies = FieldTallies(rows_over=self.fields.rows_over)
        for row, units in self.read_tally().rows.items():
            tallies.add(row, units)
        return tallies

    def replace(self, before: Share, after: Share, units: int = 1) -> None:
        """Let units that each added `before` add `after`."""
        if before.row != after.row:
            self._count(before.row, -units)
            self._count(after.row, units)
        if before.schema_version != 1 or after.schema_version != 1:
            add_to(self.by_version, before.schema_version, before.row, -units)
            add_to(self.by_version, after.schema_version, after.row, units)
        self.labels += units * (after.labels - before.labels)
        self.settled_labels += units * (after.settled_labels - before.settled_labels)
        if before.settlement != after.settlement:
            if before.settlement:
                self.settlements[before.settlement] -= units
            if after.settlement:
                self.settlements[after.settlement] += units
        if before.turnaround_seconds != after.turnaround_seconds:
            if before.turnaround_seconds >= 0:
                count(self.turnaround_seconds, before.turnaround_seconds, -units)
            if after.turnaround_seconds >= 0:
                count(self.turnaround_seconds, after.turnaround_seconds, units)

    def worked(self, annotations: Sequence[Annotation]) -> None:
        """Count annotations towards the pace of those who gave them."""
        by_annotator: defaultdict[str, list[int]] = defaultdict(list)
        for annotation in annotations:
            by_annotator[annotation.annotator_id].append(annotation.active_ms)
        for annotator_id, active_ms in by_annotator.items():
            self.standing(annotator_id).worked(active_ms)
        self.newest_us = max([self.newest_us, *[annotation.at_us for annotation in annotations]])

    def revised(self, before: Annotation, annotation: Annotation) -> None:
        """Count a revision towards its annotator's pace."""
        self.standing(annotation.annotator_id).revised(before.active_ms, annotation.active_ms)
        self.newest_us = max(self.newest_us, annotation.at_us)

    def _count(self, row: LabelRow, times: int) -> None:
        if row:  # most units had none before
            self.tally.add(row, times)
            self.fields.add(row, times)

    def standing(self, annotator_id: str) -> Standing:
        """Return the annotator's standing, new on first use."""
        found = self.standings.get(annotator_id)
        if found is None:
            found = self.standings[annotator_id] = Standing(names=self.names)
        return found

    @property
    def units_settled(self) -> int:
        """Return how many units have their label."""
        return self.settlements["consensus"] + self.settlements["adjudicated"]


def read_tally(tally: LabelTally, text: Callable[[str], str]) -> LabelTally:
    """Return a tally with its labels read; rows that come to the same are one.

    >>> read_tally(LabelTally({(('"no"', 1), ('"yes"', 1)): 2, (('"no"', 2),): 1}), lambda label: '"no"').rows
    {(('"no"', 2),): 3}
    """
    found = LabelTally()
    for row, units in tally.rows.items():
        labels = [text(str(label)) for label, times in row for _ in range(times)]
        found.add(label_row(labels), units)
    return found


CLOSED_ROWS_BYTES_MAX = 8_000_000
"""Of the distinct rows of a project's closed units. Labels of a class repeat; texts and numbers seldom do."""
ROW_BYTES = 64
"""What a row costs beside its labels."""


class Pace(msgspec.Struct, array_like=True):
    """How much an annotator did on closed units, and on which days."""

    annotations: int = 0
    active_ms: dict[int, int] = msgspec.field(default_factory=dict)
    days: Days = msgspec.field(default_factory=dict)

    def add(self, active_ms: Mapping[int, int], days: Mapping[int, Day]) -> None:
        """Add labels: how many took how long, to three digits, and the days on which they were given."""
        self.annotations += sum(active_ms.values())
        for place, times in active_ms.items():
            if place:
                self.active_ms[place] = self.active_ms.get(place, 0) + times
        for day, found in days.items():
            add_on(self.days, day, found)


ClosedLabels = Mapping[tuple[LabelRow, int], int]
"""How many units have which labels, all given under which version of the label schema (0: under several)."""


class ClosedSums(msgspec.Struct, array_like=True):
    """What the closed units and lots of a project add: as `Sums`, in a form that is kept, and only ever added to.

    Attributes:
        rows_bytes: of the distinct rows; beyond CLOSED_ROWS_BYTES_MAX none are kept, and agreement is not measured
            any more.
        lots: how many closed lots add what.
        fields: the rows of each field, where labels have several.
        survey: what else units add up to; see `domain.survey`.
        versions: the rows of those units whose labels were given under a later version of the label schema than the
            first, or under several (0); their bytes are among `rows_bytes`.
    """

    rows: dict[LabelRow, int] = msgspec.field(default_factory=dict)
    settlements: dict[str, int] = msgspec.field(default_factory=dict)
    labels: int = 0
    settled_labels: int = 0
    turnaround_seconds: dict[int, int] = msgspec.field(default_factory=dict)
    paces: dict[str, Pace] = msgspec.field(default_factory=dict)
    newest_us: int = 0
    rows_bytes: int = 0
    lots: dict[LotShare, int] = msgspec.field(default_factory=dict)
    fields: dict[str, ClosedRows] = msgspec.field(default_factory=dict)
    survey: Survey = msgspec.field(default_factory=Survey)
    versions: dict[int, dict[LabelRow, int]] = msgspec.field(default_factory=dict)

    @property
    def rows_over(self) -> bool:
        """Return whether the rows were more than are kept."""
        return self.rows_bytes > CLOSED_ROWS_BYTES_MAX

    def add(self, units: Sequence[Unit], read: Callable[[str], str] = str) -> ClosedLabels:
        """Add units that are closed, the more of them at once the cheaper each.

        Args:
            units: the units, each of them counted in `Sums` as it is.
            read: returns a label as it reads by now, as canonical JSON.

        Returns:
            how often which rows were not added, for there are too many.
        """
        shares = [unit.counted for unit in units]
        for settlement, times in Counter([share.settlement for share in shares]).items():
            if settlement:
                self.settlements[settlement] = self.settlements.get(settlement, 0) + times
        self.labels += sum([share.labels for share in shares])
        self.settled_labels += sum([share.settled_labels for share in shares])
        for seconds, times in Counter([share.turnaround_seconds for share in shares]).items():
            if seconds >= 0:
                place = rounded(seconds)
                self.turnaround_seconds[place] = self.turnaround_seconds.get(place, 0) + times
        self.survey.add(units, read)
        self._add_paces(units)
        return self.add_rows(Counter([(share.row, share.schema_version) for share in shares if share.row]))

    def _add_paces(self, units: Iterable[Unit]) -> None:
        by_annotator: defaultdict[str, list[Annotation]] = defaultdict(list)
        for unit in units:
            for annotation in unit.annotations.values():
                by_annotator[annotation.annotator_id].append(annotation)
        for annotator_id, annotations in by_annotator.items():
            pace = self.pace(annotator_id)
            pace.annotations += len(annotations)
            count_on(pace.days, annotations)
            self.newest_us = max([self.newest_us, *[annotation.at_us for annotation in annotations]])
            for active_ms, times in Counter([annotation.active_ms for annotation in annotations]).items():
                if active_ms:
                    place = rounded(active_ms)
                    pace.active_ms[place] = pace.active_ms.get(place, 0) + times

    def add_shares(self, shares: Mapping[Share, int], turnaround_seconds: Mapping[int, int]) -> None:
        """Add how many units add what, but for their rows and how long they took; and how many took how long."""
        for share, units in shares.items():
            self.labels += units * share.labels
            self.settled_labels += units * share.settled_labels
            if share.settlement:
                self.settlements[share.settlement] = self.settlements.get(share.settlement, 0) + units
        for seconds, units in turnaround_seconds.items():
            place = rounded(seconds)
            self.turnaround_seconds[place] = self.turnaround_seconds.get(place, 0) + units

    def pace(self, annotator_id: str) -> Pace:
        """Return an annotator's, none at first."""
        found = self.paces.get(annotator_id)
        if found is None:
            found = self.paces[annotator_id] = Pace()
        return found

    def add_lot(self, lot: Lot) -> None:
        """Add a lot that is closed."""
        self.lots[lot.counted] = self.lots.get(lot.counted, 0) + 1

    def add_rows(self, rows: ClosedLabels) -> ClosedLabels:
        """Add rows; return those that were not added."""
        return {
            (row, version): times
            for (row, version), times in rows.items()
            if self.rows_over or not self._add_row(row, version, times)
        }

    def _add_row(self, row: LabelRow, version: int, times: int) -> bool:
        """Add units' row, and again under its version; or neither, where that is more than is kept."""
        places = [self.rows] if version == FIRST else [self.rows, self.versions.setdefault(version, {})]
        missing = sum(row not in rows for rows in places)  # in most cases none, where labels have classes
        if missing:
            self.rows_bytes += missing * sum(ROW_BYTES + len(str(label)) for label, _ in row)
            if self.rows_over:
                return False
        for rows in places:
            rows[row] = rows.get(row, 0) + times
        return True

    def put_into(self, sums: Sums) -> None:
        """Begin a project's sums with what is closed."""
        for row, units in self.rows.items():
            sums.tally.add(row, units)
        for version, rows in self.versions.items():
            for row, units in rows.items():
                add_to(sums.by_version, version, row, units)
        sums.rows_over = self.rows_over
        for name, closed in self.fields.items():
            for row, units in closed.rows.items():
                sums.fields.add_to(name, row, units)
            if closed.rows_over:
                sums.fields.rows_over.add(name)
        for share, lots in self.lots.items():
            sums.lots.add(share, lots)
        sums.settlements.update(self.settlements)
        sums.labels += self.labels
        sums.settled_labels += self.settled_labels
        sums.turnaround_seconds.update(self.turnaround_seconds)
        sums.newest_us = max(sums.newest_us, self.newest_us)
        for annotator_id, pace in self.paces.items():
            standing = sums.standing(annotator_id)
            standing.annotations += pace.annotations
            standing.active_ms.update(pace.active_ms)


def close_in(sums: Sums, closed: ClosedSums, units: Sequence[Unit]) -> None:
    """Let units that are closed stay in a project's sums, as long as closed rows are kept.

    Args:
        sums: of the project; the units are in them.
        closed: what its closed units add.
        units: the units.
    """
    were_over = closed.rows_over
    over = closed.add(units, sums.names.text)
    if closed.rows_over:
        _let_rows_go(sums, closed, over, were_over=were_over)
    for row, times in Counter([unit.counted.row for unit in units]).items():
        close_in_fields(sums.fields, closed.fields, row, times)


def close_rows(sums: Sums, closed: ClosedSums, rows: ClosedLabels) -> None:
    """Let rows that were counted stay in a project's sums as those of closed units; of labels that have no fields."""
    were_over = closed.rows_over
    over = closed.add_rows(rows)
    if closed.rows_over:
        _let_rows_go(sums, closed, over, were_over=were_over)


def _let_rows_go(sums: Sums, closed: ClosedSums, over: ClosedLabels, *, were_over: bool) -> None:
    """Keep the rows of open units alone: those of closed ones have become too many, and these are over that."""
    if not were_over:
        for row, units in closed.rows.items():
            sums.tally.add(row, -units)
        for version, rows in closed.versions.items():
            for row, units in rows.items():
                add_to(sums.by_version, version, row, -units)
        closed.rows.clear()
        closed.versions.clear()
        sums.rows_over = True
    for (row, version), units in over.items():
        sums.tally.add(row, -units)
        add_to(sums.by_version, version, row, -units)
