"""What waits for a ruling, and where units stand."""

from collections.abc import AsyncIterator, Sequence

from concord.chassis.projects import Project
from concord.chassis.table import Table
from services.adjudicate.domain.escalation import may_rule
from services.adjudicate.domain.repeats import as_listed, may_repeat
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.repository import Repository

Place = tuple[float, str]
"""Where a unit stands in the queue: what is to be gained by a ruling, most first, and its id."""
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
        self,
        adjudicator_id: str,
        units_max: int,
        *,
        project_id: str | None,
        client_id: str | None,
        after: Place | None = None,
    ) -> tuple[list[UnitState], Place | None]:
        """Return units that this adjudicator may rule, most to be gained first: whichever project they are of.

        Beside them the place after which there may be more; None: there are none. So many may be looked at that are not
        this adjudicator's that few are found, or none.

        Args:
            adjudicator_id: who asks.
            units_max: how many at most.
            project_id: of which project; None for every one.
            client_id: of which client; None for every one.
            after: those after this place.
        """
        places = self.repository.escalated(LOOKED_AT_MAX, project_id, client_id, after)
        last = places[-1] if len(places) == LOOKED_AT_MAX else None
        found: list[UnitState] = []
        for start in range(0, len(places), units_max):
            page = places[start : start + units_max]
            units = await self.repository.units([unit_id for _, unit_id in page])
            for place in page:
                unit = units.get(place[1])
                if unit is None or self._paused(unit.project_id):
                    continue
                if not (may_rule(unit, adjudicator_id) or may_repeat(unit, adjudicator_id)):
                    continue
                found.append(as_listed(unit))
                if len(found) == units_max:
                    return found, place if place != places[-1] else last
        return found, last

    def _paused(self, project_id: str) -> bool:
        project = self.projects.rows.get(project_id)
        return project is not None and project.paused

    async def of_project(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's units in pages, in the order of their admission; gold units are left out."""
        async for page in self.repository.units_of(project_id):
            yield [unit for unit in page if unit.status != "gold"]
