"""The sums of one project: whatever a unit, a lot or an annotation adds, it can be taken out again."""

from collections import Counter
from dataclasses import dataclass, field

from concord.quality.tally import LabelTally
from services.metrics.domain.lot import LotSums
from services.metrics.domain.pace import count
from services.metrics.domain.standing import Standing
from services.metrics.domain.unit import Share


@dataclass(slots=True)
class Sums:
    """What a project's units, lots and annotators add up to.

    Attributes:
        tally: units by the labels they got.
        settlements: units by how they stand: escalated (waits for a ruling), consensus, adjudicated.
        labels: annotations that count towards agreement.
        settled_labels: those of settled units.
        turnaround_seconds: tally over units of accepted lots.
        standings: by annotator.
        newest_us: event time of the newest event that was counted.
    """

    tally: LabelTally = field(default_factory=LabelTally)
    settlements: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    settled_labels: int = 0
    turnaround_seconds: Counter[int] = field(default_factory=Counter)
    lots: LotSums = field(default_factory=LotSums)
    standings: dict[str, Standing] = field(default_factory=dict)
    newest_us: int = 0

    def replace(self, before: Share, after: Share) -> None:
        """Let a unit that added `before` add `after`."""
        if before.row != after.row:
            self.tally.add(before.row, -1)
            self.tally.add(after.row)
        self.labels += after.labels - before.labels
        self.settled_labels += after.settled_labels - before.settled_labels
        if before.settlement != after.settlement:
            if before.settlement:
                self.settlements[before.settlement] -= 1
            if after.settlement:
                self.settlements[after.settlement] += 1
        if before.turnaround_seconds != after.turnaround_seconds:
            if before.turnaround_seconds >= 0:
                count(self.turnaround_seconds, before.turnaround_seconds, -1)
            if after.turnaround_seconds >= 0:
                count(self.turnaround_seconds, after.turnaround_seconds)

    def standing(self, annotator_id: str) -> Standing:
        """Return the annotator's standing, new on first use."""
        found = self.standings.get(annotator_id)
        if found is None:
            found = self.standings[annotator_id] = Standing()
        return found

    @property
    def units_settled(self) -> int:
        """Return how many units have their label."""
        return self.settlements["consensus"] + self.settlements["adjudicated"]
