"""Metrics' HTTP door for models that annotate, held against people."""

from collections import Counter
from collections.abc import Iterable

from fastapi import APIRouter, Request, Response

from concord.chassis.http import AnyId, documented, json_answer
from concord.chassis.projects import Project, visible
from concord.quality.intervals import wilson
from services.metrics.domain.models import model_beside, models_in
from services.metrics.domain.pace import percentile
from services.metrics.domain.standing import NOTHING, Standing, sameness
from services.metrics.domain.survey import Aspect, Survey
from services.metrics.measure import Measured
from services.metrics.reached import ClientOrOperator, reached_by
from services.metrics.schemas.models import Labelling, ModelBody, ModelInField, ModelsBesidePeople
from services.metrics.schemas.quality import Estimated, time_of
from services.metrics.surveying import schemas_of

MODELS_SHOWN_MAX = 100
NEVER = "never"


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    shown = documented(reply=ModelsBesidePeople, refusals=(404,))
    routes.get("/projects/{project_id}/quality/models", **shown)(show_models)
    return routes


async def show_models(request: Request, project_id: AnyId, caller: ClientOrOperator) -> Response:
    """Hold a project's models against its people: how right they are, how fast, and what they say class by class."""
    found = reached_by(request)
    project = visible(found.measure.projects, project_id, caller)
    measured = await found.measure.now(project)
    survey, at_us = await found.surveys.of(project)
    rows = found.measure.repository.rows_of(project_id)
    standings = rows.sums[project_id].standings if rows is not None and project_id in rows.sums else {}
    kinds = {annotator.annotator_id: annotator.kind for annotator in found.annotators.rows.values()}
    counted = {name for aspect in survey.aspects.values() for name in models_in(aspect)}
    models = sorted(name for name in {*standings, *counted} if kinds.get(name) == "model" or name in counted)
    people = [standing for name, standing in standings.items() if name not in models]
    policy = project.policy.models
    models_beside_people = ModelsBesidePeople(
        project_id,
        policy.counted or NEVER,
        policy.humans_min,
        _labelling(people, project),
        [
            ModelBody(
                model, _labelling([standings.get(model, NOTHING)], project), _fields(project, survey, measured, model)
            )
            for model in models[:MODELS_SHOWN_MAX]
        ],
        time_of(at_us),
    )
    return json_answer(models_beside_people)


def _fields(project: Project, survey: Survey, measured: Measured, name: str) -> list[ModelInField]:
    agreed = {field.field: field.percent_agreement for field in measured.report.fields}
    return [
        ModelInField.of(
            model_beside(field, schema, survey.aspects.get(field) or Aspect(), name),
            Estimated.of(agreed.get(field, measured.report.percent_agreement)),
        )
        for field, schema in schemas_of(project).items()
    ]


def _labelling(standings: Iterable[Standing], project: Project) -> Labelling:
    several, says, spent = list(standings), sameness(project.schema), Counter[int]()
    for standing in several:
        spent.update(standing.active_ms)
    right, units = sum(unit.gold_correct(says) for unit in several), sum(unit.gold_units for unit in several)
    annotations = sum(unit.annotations for unit in several)
    return Labelling(len(several), annotations, Estimated.of(wilson(right, units)), percentile(spent, 0.5))
