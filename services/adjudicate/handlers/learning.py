"""What is learnt of a project's annotators and classes from units that were resolved."""

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.chassis.table import Table
from concord.quality.resolved import Learnt, learnt_of
from services.adjudicate.domain.class_shares import Fresh, resolved_units, tally_of
from services.adjudicate.handlers.deciding import Deciding
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
        for project_id, units, spending in self.repository.tallies_due(self.clock.now_us()):
            tally = tally_of(units, self._learnt(project_id, units), spending)
            await self.repository.keep_tally(project_id, tally)

    def _learnt(self, project_id: str, units: list[Fresh]) -> tuple[Learnt, ...]:
        """Return what units tell of their annotators; nothing where labels have no classes, or are not weighed."""
        project = self.projects.rows.get(project_id)
        weights = None if project is None else self.deciding.weights(project)
        if project is None or project.classed is None or weights is None:
            return ()
        return tuple(learnt_of(resolved_units(project.classed, units), weights.crowd, self.deciding.seen(project)))
