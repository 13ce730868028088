"""What waits for a ruling, and where units stand."""

from collections.abc import AsyncIterator, Sequence

from concord.chassis.projects import Project
from concord.chassis.table import Table
from services.adjudicate.domain.escalation import may_rule
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.repository import Repository

LOOKED_AT_MAX = 2_000
"""Escalations that are looked at to find those that somebody has no part in."""


class Queue:
    """What people may look at.

    Args:
        repository: where facts are found.
        projects: nothing is shown of those that are paused.
    """

    def __init__(self, repository: Repository, projects: Table[Project]) -> None:
        self.repository = repository
        self.projects = projects

    async def for_adjudicator(
        self, adjudicator_id: str, units_max: int, *, project_id: str | None, client_id: str | None
    ) -> list[UnitState]:
        """Return units that this adjudicator may rule, most to be gained first: whichever project they are of.

        Args:
            adjudicator_id: who asks.
            units_max: how many at most.
            project_id: of which project; None for every one.
            client_id: of which client; None for every one.
        """
        unit_ids = self.repository.escalated(LOOKED_AT_MAX, project_id, client_id)
        found: list[UnitState] = []
        for start in range(0, len(unit_ids), units_max):
            page = unit_ids[start : start + units_max]
            units = await self.repository.units(page)
            found += [
                unit
                for one in page
                if (unit := units.get(one)) is not None
                and not self._paused(unit.project_id)
                and may_rule(unit, adjudicator_id)
            ]
            if len(found) >= units_max:
                break
        return found[:units_max]

    def _paused(self, project_id: str) -> bool:
        project = self.projects.rows.get(project_id)
        return project is not None and project.paused

    async def of_project(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's units in pages, in the order of their admission; gold units are left out."""
        async for page in self.repository.units_of(project_id):
            yield [unit for unit in page if unit.status != "gold"]
