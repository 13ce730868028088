"""Active time by annotator and day."""

import msgspec
from msgspec import Struct

from concord.client.asking import got, path_of, query_of
from concord.client.steps import Flow

PAGE = 500


class WorkedDay(Struct, frozen=True):
    """What an annotator did on one day.

    Attributes:
        day: by UTC, as 2026-11-28; None: all their days before the newest 92 of them.
        labels: that they first gave on it.
        labels_untold: those of them with which no time was told.
        active_ms: of the others together, idle time left out.
    """

    annotator_id: str
    day: str | None
    labels: int
    labels_untold: int
    active_ms: int


class TimeWorked(Struct, frozen=True):
    """Active time by annotator and day; before `days_from`, if that is a day, some have no day of their own."""

    project_id: str
    days: list[WorkedDay]
    days_from: str | None
    next: str
    computed_at: str


def time_worked(project_id: str, *, since: str = "", until: str = "") -> Flow[TimeWorked]:
    """Return the active time of a project's annotators by day (UTC, as 2026-11-28), of all days or some."""
    path = path_of("/v1/projects/{id}/time", id=project_id)
    found = yield from got(TimeWorked, "metrics", path, query_of(since=since, until=until, limit=PAGE))
    after = found.next
    while after:
        page = yield from got(TimeWorked, "metrics", path, query_of(since=since, until=until, limit=PAGE, cursor=after))
        found.days.extend(page.days)
        after = page.next
    return msgspec.structs.replace(found, next="")
