"""What is learnt of a project's annotators and classes from units that were resolved."""

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.labels.fields import Field
from concord.labels.form import Form
from concord.quality.resolved import Learnt, learnt_of
from services.adjudicate.domain.class_shares import Fresh, in_names, resolved_units, tally_of
from services.adjudicate.handlers.deciding import Deciding, classed_fields
from services.adjudicate.repository import Repository


class Learning:
    """When there are enough resolved units for a tally, what they tell is kept.

    Args:
        repository: where facts are found and tallies are kept.
        projects: their classes and policies.
        deciding: what was known of annotators before.
        clock: time.
    """

    def __init__(self, repository: Repository, projects: Table[Project], deciding: Deciding, clock: Clock) -> None:
        self.repository = repository
        self.projects = projects
        self.deciding = deciding
        self.clock = clock

    async def keep(self) -> None:
        """Keep what resolved units tell wherever there are enough of them, and drop what is too old.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        for project_id, due, spending in self.repository.tallies_due(self.clock.now_us()):
            project = self.projects.rows.get(project_id)
            mapped = project is not None and project.versions is not None
            units = [in_names(each, project.read_text) for each in due] if project is not None and mapped else due
            if project is None:
                tally = tally_of(units, (), spending)
            elif project.form is not None:
                learnt = await self._learnt_by_field(project, project.form, units)
                tally = tally_of(units, (), spending, learnt, classed_fields(project))
            else:
                learned = self._learnt(project, units)
                tally = tally_of(units, learned, spending, classed=classed_fields(project))
            await self.repository.keep_tally(project_id, tally)

    async def _learnt_by_field(self, project: Project, form: Form, units: list[Fresh]) -> dict[str, tuple[Learnt, ...]]:
        """Return what units tell of their annotators in each field that has classes; others run in between."""
        found = {}
        for field in form.fields:
            if field.classed is not None:
                found[field.name] = self._learnt(project, units, field)
                await self.clock.sleep(0)
        return found

    def _learnt(self, project: Project, units: list[Fresh], field: Field | None = None) -> tuple[Learnt, ...]:
        """Return what units tell of their annotators; nothing where labels have no classes, or are not weighed."""
        classed, weights = project.classed if field is None else field.classed, self.deciding.weights(project, field)
        if classed is None or weights is None:
            return ()
        resolved = resolved_units(classed, units, "" if field is None else field.name)
        return tuple(learnt_of(resolved, weights.crowd, self.deciding.seen(project, field)))
