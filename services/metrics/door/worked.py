"""Metrics' HTTP door for active time: who worked how long on which day, for whoever pays by it."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from concord.chassis.errors import FieldError, Invalid
from concord.chassis.http import AnyId, Limit, cursor_of, documented, json_answer, not_ours, page_size, position_of
from concord.chassis.projects import visible
from services.metrics.reached import ClientOrOperator, reached_by
from services.metrics.schemas.quality import time_of
from services.metrics.schemas.worked import TimeWorked, WorkedDay, day_in, day_of

DAY_CHARACTERS_MAX = 10
FIRST = ("", -2)
"""Before every annotator and day."""

OfDay = Annotated[
    str, Query(max_length=DAY_CHARACTERS_MAX, description="A day, by UTC, as 2026-11-28; it is included.")
]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/time", **documented(reply=TimeWorked, refusals=(404,)))(show_time)
    return routes


async def show_time(
    request: Request,
    project_id: AnyId,
    caller: ClientOrOperator,
    since: OfDay = "",
    until: OfDay = "",
    limit: Limit = None,
    cursor: str = "",
) -> Response:
    """Show the active time of a project's annotators by day, exactly as it was told with their labels.

    A label given more than a minute after its unit's lot was accepted is in nothing that metrics tells, nor in this.
    """
    reached, size = reached_by(request), page_size(limit)
    project = visible(reached.measure.projects, project_id, caller)
    low, high = _day("since", since), _day("until", until)
    after = _place(cursor)
    found, at_us = await reached.surveys.worked(project)
    rows = (row for row in found.rows(low, high) if row[:2] > after)
    page = list(islice(rows, size + 1))
    more = cursor_of(*page[size - 1][:2]) if len(page) > size else ""
    begun = found.days_from()
    days = [WorkedDay.of(*row) for row in page[:size]]
    return json_answer(TimeWorked(project_id, days, None if begun is None else day_of(begun), more, time_of(at_us)))


def _day(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return day_in(text)
    except ValueError as fault:
        error = FieldError(name, f"{text!r} is no day", "write it as 2026-11-28")
        raise Invalid("A day that is asked for cannot be read.", [error]) from fault


def _place(cursor: str) -> tuple[str, int]:
    """Return the annotator and the day after which a page begins."""
    if not cursor:
        return FIRST
    match position_of(cursor):
        case (str(annotator_id), int(day)):
            return annotator_id, day
    raise not_ours()
