"""Active time by annotator and day, for whoever pays by it or checks a bill: exact, where a pace is to three digits.

A label counts on the day, by UTC, on which its annotator first gave it. All labels count that are kept: those on gold,
those that came late, those of units that were sent back or erased since.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from services.metrics.domain.unit import Annotation, Unit

DAY_US = 86_400_000_000
DAYS_MAX = 92
"""So many days of each annotator in a project are told one by one, the newest; what was before is one sum."""
EARLIER = -1
"""In place of a day: all days before those that are told one by one."""


class Day(msgspec.Struct, array_like=True, gc=False):
    """What an annotator did on one day.

    Attributes:
        labels: that they gave.
        untold: those of them with which no time was told.
        active_ms: of the others together, idle time left out.
    """

    labels: int = 0
    untold: int = 0
    active_ms: int = 0

    def add(self, labels: int, untold: int, active_ms: int) -> None:
        """Count so much more."""
        self.labels += labels
        self.untold += untold
        self.active_ms += active_ms


Days = dict[int, Day]
"""By day since 1970-01-01, UTC."""


def count_on(days: Days, annotations: Sequence[Annotation]) -> None:
    """Count an annotator's labels on their days; a day too many is counted as earlier, in whatever order they come.

    >>> days: Days = {}
    >>> for day in [*range(DAYS_MAX), DAYS_MAX, 0]:
    ...     count_on(days, [Annotation("ann", '"yes"', active_ms=10, at_us=day * DAY_US)])
    >>> len(days), days[EARLIER], min(day for day in days if day != EARLIER)
    (93, Day(labels=2, untold=0, active_ms=20), 1)
    """
    for day, given in _by_day(annotations).items():
        active_ms = [annotation.active_ms for annotation in given]
        add_on(days, day, Day(len(given), active_ms.count(0), sum(active_ms)))


def add_on(days: Days, day: int, done: Day) -> None:
    """Count what an annotator did on a day."""
    found = days.get(day)
    if found is not None:
        found.add(done.labels, done.untold, done.active_ms)
        return
    days[day] = Day(done.labels, done.untold, done.active_ms)
    bound(days)


def _by_day(annotations: Sequence[Annotation]) -> Mapping[int, Sequence[Annotation]]:
    on = [annotation.at_us // DAY_US for annotation in annotations]
    if min(on) == max(on):  # as most are that are counted together
        return {on[0]: annotations}
    found: defaultdict[int, list[Annotation]] = defaultdict(list)
    for day, annotation in zip(on, annotations, strict=True):
        found[day].append(annotation)
    return found


def bound(days: Days) -> None:
    """Count the oldest days as earlier until no more than DAYS_MAX are told one by one."""
    while len(days) - (EARLIER in days) > DAYS_MAX:
        oldest = days.pop(min(day for day in days if day != EARLIER))
        days.setdefault(EARLIER, Day()).add(oldest.labels, oldest.untold, oldest.active_ms)


class Worked:
    """The active time of a project's annotators: what closed units added, and then every open one."""

    def __init__(self, closed: Mapping[str, Mapping[int, Day]]) -> None:
        self.people: dict[str, Days] = {
            annotator_id: {day: Day(found.labels, found.untold, found.active_ms) for day, found in days.items()}
            for annotator_id, days in closed.items()
        }

    def add(self, unit: Unit) -> None:
        """Count a unit's labels."""
        for annotation in unit.annotations.values():
            count_on(self.people.setdefault(annotation.annotator_id, {}), [annotation])

    def days_from(self) -> int | None:
        """Return the day from which on everybody's are told one by one; None where all days are."""
        begun = [min(days.keys() - {EARLIER}) for days in self.people.values() if EARLIER in days]
        return max(begun, default=None)

    def rows(self, since: int | None = None, until: int | None = None) -> Iterator[tuple[str, int, Day]]:
        """Yield each annotator's days, by name and then by day, what is earlier first.

        Args:
            since: from this day on; what is earlier has no day, and is left out then.
            until: until this day, it included; likewise.
        """
        for annotator_id, days in sorted(self.people.items()):
            for day, found in sorted(days.items()):
                if (since is None or day >= since) and (until is None or EARLIER < day <= until):
                    yield annotator_id, day, found
