"""Projects that were defined anew: their open units are decided on by the policy of today."""

import logging
from collections.abc import Callable

from concord.chassis.errors import Passing
from concord.chassis.projects import Project
from concord.chassis.table import Table
from services.adjudicate.handlers.units import Units
from services.adjudicate.repository import Repository

log = logging.getLogger(__name__)


class Redefinitions:
    """Which projects are to be looked at again.

    When a place is gained that is every one of it with open units: what its owner before did not come to is done then.

    Args:
        units: decides on them.
        projects: as ingest defined them.
        repository: knows which are whose.
        open_places: the places that this process serves.
    """

    def __init__(
        self,
        units: Units,
        projects: Table[Project],
        repository: Repository,
        open_places: Callable[[], frozenset[int]],
    ) -> None:
        self.units = units
        self.projects = projects
        self.repository = repository
        self.open_places = open_places
        self._heard: dict[str, None] = {}
        self._decided: dict[str, int] = {}
        projects.listen(self._hear)

    def _hear(self, before: Project | None, after: Project) -> None:
        """Note that a project was defined anew; the table's listener."""
        del before
        self._heard[after.project_id] = None

    async def load(self, place: int) -> None:
        """Load a place, and look at its projects again.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        await self.repository.load(place)
        self._heard.update(dict.fromkeys(self.repository.begun(place)))

    async def drop(self, place: int) -> None:
        """Forget everything of a place."""
        await self.repository.drop(place)
        for project_id in [decided_id for decided_id in self._decided if self.repository.place_of(decided_id) == place]:
            del self._decided[project_id]

    def decided(self, project_id: str) -> int:
        """Return by which definition of a project its open units were decided on last; 0 for none yet."""
        return self._decided.get(project_id, 0)

    async def decide(self) -> None:
        """Decide on the open units of every project of ours that was defined anew since the last time.

        Raises:
            Passing: not now; say it again.
        """
        for project_id in list(self._heard):
            place, project = self.repository.place_of(project_id), self.projects.rows.get(project_id)
            if place not in self.open_places() or project is None:
                # Whoever has it hears of it, too; and if it becomes ours, loading it brings it up again.
                if not self.repository.holds(place):
                    del self._heard[project_id]
                continue
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
