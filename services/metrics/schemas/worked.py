"""Bodies of active time by annotator and day."""

from datetime import UTC, date, datetime

import msgspec

from services.metrics.domain.worked import DAY_US, EARLIER, Day

DAY_SECONDS = DAY_US // 1_000_000


def day_of(day: int) -> str:
    """Return a day since 1970-01-01 as it is written.

    >>> day_of(20_785)
    '2026-11-28'
    """
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).date().isoformat()


def day_in(text: str) -> int:
    """Return the day that is written, since 1970-01-01.

    Raises:
        ValueError: it is none.

    >>> day_in("2026-11-28")
    20785
    """
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


class WorkedDay(msgspec.Struct, frozen=True):
    """What an annotator did on one day.

    Attributes:
        day: by UTC; null: all their days before the newest 92 of them.
        labels: that they first gave on it, on gold and late ones among them.
        labels_untold: those of them with which no time was told.
        active_ms: of the others together, idle time left out.
    """

    annotator_id: str
    day: str | None
    labels: int
    labels_untold: int
    active_ms: int

    @classmethod
    def of(cls, annotator_id: str, day: int, found: Day) -> "WorkedDay":
        """Return the body."""
        written = None if day == EARLIER else day_of(day)
        return cls(annotator_id, written, found.labels, found.untold, found.active_ms)


class TimeWorked(msgspec.Struct, frozen=True):
    """Active time by annotator and day, a page of it; `next` is what to send as `cursor`, empty at the end.

    Attributes:
        days: by annotator, then by day.
        days_from: before this day some have no day of their own any more; null: every day is told.
        computed_at: RFC 3339.
    """

    project_id: str
    days: list[WorkedDay]
    days_from: str | None
    next: str
    computed_at: str
