"""Projects that were defined anew: their open units are decided on by the policy of today."""

import logging

from concord.chassis.errors import Passing
from concord.chassis.projects import Project
from concord.chassis.table import Table
from services.adjudicate.handlers.units import Units

log = logging.getLogger(__name__)


class Redefinitions:
    """Which projects are to be looked at again.

    At a start that is every one: what a life before this one did not come to is done then.

    Args:
        units: decides on them.
        projects: as ingest defined them.
    """

    def __init__(self, units: Units, projects: Table[Project]) -> None:
        self.units = units
        self.projects = projects
        self._heard: dict[str, None] = {}
        self._decided: dict[str, int] = {}
        projects.listen(self._hear)

    def _hear(self, before: Project | None, after: Project) -> None:
        """Note that a project was defined anew; the table's listener."""
        del before
        self._heard[after.project_id] = None

    def decided(self, project_id: str) -> int:
        """Return by which definition of a project its open units were decided on last; 0 for none yet."""
        return self._decided.get(project_id, 0)

    async def decide(self) -> None:
        """Decide on the open units of every project that was defined anew since the last time.

        Raises:
            Passing: not now; say it again.
        """
        for project_id in list(self._heard):
            project = self.projects.rows[project_id]
            try:
                await self.units.redefined(project)
            except Passing:
                raise
            except Exception:
                # One unit that cannot be decided on keeps no other project waiting; its next label tries again.
                log.exception("open units of %s could not be decided on by its new policy", project_id)
            self._decided[project_id] = project.revision
            if self.projects.rows[project_id].revision == project.revision:
                del self._heard[project_id]
