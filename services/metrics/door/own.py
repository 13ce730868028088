"""Metrics' HTTP door for annotators: their own quality, and nobody else's."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from concord.chassis.http import AnyId, documented, json_answer
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import Project, visible
from concord.quality.competence import accuracy
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.fatigue import Person
from services.metrics.domain.own import (
    STEP_MIN,
    Own,
    Stated,
    by_pace,
    confusion,
    days_in_a_row,
    right_in_a_row,
    stated,
)
from services.metrics.domain.pace import percentile
from services.metrics.domain.worked import DAY_US, EARLIER
from services.metrics.measure import Measure, breaks_of
from services.metrics.reached import reached_by
from services.metrics.schemas.own import OwnCell, OwnConfusion, OwnDay, OwnFatigue, OwnPace, OwnPeriod, OwnQuality
from services.metrics.schemas.quality import Estimated, time_of
from services.metrics.schemas.worked import day_of
from services.metrics.surveying import schemas_of

SECOND_MS = 1_000

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/projects/{project_id}/quality/mine", **documented(reply=OwnQuality, refusals=(404,)))(show_own)
    return routes


async def show_own(request: Request, project_id: AnyId, caller: Annotator) -> Response:
    """Show the caller how well and how fast they work in a project, and when: of hidden gold in steps of days.

    An answer on hidden gold is told with nine more at least, at the earliest when the day after it is over, so that no
    figure that changes tells which unit was gold.
    """
    reached = reached_by(request)
    measure, project = reached.measure, visible(reached.measure.projects, project_id, caller)
    own, others, at_us = await reached.owning.of(project, caller.subject)
    return json_answer(_body(measure, project, caller.subject, own, others, at_us))


def _body(
    measure: Measure, project: Project, annotator_id: str, own: Own, others_ms: int | None, at_us: int
) -> OwnQuality:
    now_us = measure.clock.now_us()
    statement = stated(own.gold, now_us)
    correct, units = sum(answer.right for answer in statement.answers), len(statement.answers)
    same, other = own.resolved
    return OwnQuality(
        project_id=project.project_id,
        annotator_id=annotator_id,
        stated_until=day_of(statement.periods[-1].until_day) if statement.periods else None,
        step=STEP_MIN,
        gold_units=units,
        gold_correct=correct,
        accuracy=_on_gold(correct, units),
        periods=[
            OwnPeriod(
                day_of(period.until_day),
                period.gold_units,
                period.gold_correct,
                _on_gold(period.gold_correct, period.gold_units),
            )
            for period in statement.periods
        ],
        confusion=_confusions(project, statement),
        paces=[
            OwnPace(
                part.ms_from // SECOND_MS,
                -(-part.ms_to // SECOND_MS),
                part.gold_units,
                _on_gold(part.gold_correct, part.gold_units),
            )
            for part in by_pace(statement.answers)
        ],
        right_in_a_row=right_in_a_row(statement.answers),
        resolved_same=same,
        resolved_other=other,
        labels=sum(day.labels for day in own.days.values()),
        active_ms_median=percentile(own.active_ms, 0.5),
        others_active_ms_median=others_ms,
        days=[
            OwnDay(None if day == EARLIER else day_of(day), found.labels, found.untold, found.active_ms)
            for day, found in sorted(own.days.items())
        ],
        days_in_a_row=days_in_a_row(own.days, now_us // DAY_US),
        fatigue=_fatigue(measure, project, annotator_id),
        computed_at=time_of(at_us),
    )


def _on_gold(correct: int, units: int) -> Estimated:
    return Estimated.on_gold(accuracy(correct, units), units)


def _confusions(project: Project, statement: Stated) -> list[OwnConfusion]:
    found = []
    for name, schema in schemas_of(project).items():
        if classes := classes_of(schema):
            pairs = confusion(statement.answers, classes, name)
            cells = [OwnCell(known, given, units) for (known, given), units in pairs.cells.items()]
            found.append(OwnConfusion(name, cells, pairs.others))
    return found


def _fatigue(measure: Measure, project: Project, annotator_id: str) -> OwnFatigue | None:
    """Return what is told of breaks: the chart of hidden gold is left out, for it moves with every answer on it."""
    breaks = breaks_of(project)
    person: Person | None = measure.people(project).get(annotator_id) if breaks.asked else None
    if person is None:
        return None
    due = person.due
    return OwnFatigue(person.found(breaks).slower, due.kind, due.reason, time_of(due.until_us) if due.kind else "")
