"""What is told of how well annotators do on gold, where something was learnt of them."""

from collections.abc import Collection
from dataclasses import replace

from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.labels.fields import Field
from services.metrics.announcements import competence_estimated
from services.metrics.domain.agreement import classes_of
from services.metrics.domain.missed import missed_by
from services.metrics.domain.standing import NOTHING, gold_answers, ranked, sameness
from services.metrics.domain.sums import Sums

ESTIMATES_MAX = 200
"""What is told of annotators between which nobody else gets to run: 60 us of CPU each."""


async def estimates_of(
    project: Project, news: Collection[str], sums: Sums, clock: Clock
) -> dict[tuple[str, str], Outgoing]:
    """Return, by annotator and field, the event of how well each does; the whole label's field is empty.

    Others get to run between ESTIMATES_MAX of them, so more may be learnt meanwhile; each event agrees in itself.

    Args:
        project: whose gold.
        news: of whom something was learnt.
        sums: the project's.
        clock: lets others run.
    """
    fields = () if project.form is None else project.form.fields
    found: dict[tuple[str, str], Outgoing] = {}
    for field in (Field("", project.schema), *fields):
        classes, says = classes_of(field.schema), sameness(field.schema)
        missed = missed_by(sums, news, says, 0 if field.name else project.policy.gold.retrain_units)
        for number, annotator_id in enumerate(sorted(news), 1):
            standing = sums.standings[annotator_id]
            competence, _ = standing.concluded(annotator_id, says, field.name)
            of_field = standing.fields.get(field.name, NOTHING) if field.name else standing
            found[annotator_id, field.name] = competence_estimated(
                project.project_id,
                len(classes),
                gold_answers(of_field, classes),
                replace(competence, revision=ranked(competence.revision, project.schema_version)),
                field.name,
                missed.get(annotator_id, ()),
            )
            if number % ESTIMATES_MAX == 0:
                await clock.sleep(0)
    return found
