"""What waits for a ruling, and where units stand."""

from collections.abc import AsyncIterator, Sequence

from services.adjudicate.domain.escalation import may_rule
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.repository import Repository

LOOKED_AT_MAX = 2_000
"""Escalations that are looked at to find those that somebody has no part in."""


class Queue:
    """What people may look at.

    Args:
        repository: where facts are found.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

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
            found += [units[one] for one in page if one in units and may_rule(units[one], adjudicator_id)]
            if len(found) >= units_max:
                break
        return found[:units_max]

    async def of_project(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's units in pages, in the order of their admission; gold units are left out."""
        async for page in self.repository.units_of(project_id):
            yield [unit for unit in page if unit.status != "gold"]
