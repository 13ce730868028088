"""Places in lots: which lot a unit is in, by an insert of its own."""

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from concord.chassis.store.port import Collection, Document, Store
from services.ingest.domain.identity import UnitState
from services.ingest.domain.lot import LotState
from services.ingest.repository.first_come import first_of

PLACES = Collection("lot_places")
"""Which lot a unit is in, by unit and number."""


class LotPlaces:
    """The places of all units.

    Args:
        store: where they lie.
        lots: returns a project's sealed lots of some numbers, by number.
    """

    def __init__(self, store: Store, lots: Callable[[str, Sequence[int]], Awaitable[Mapping[int, LotState]]]) -> None:
        self.store = store
        self._lots = lots

    async def claim(self, project_id: str, number: int, unit_ids: Sequence[str]) -> list[str]:
        """Claim a place in a project's n-th lot for each unit; return those that are in an earlier lot.

        A unit's first claim counts, and where that lot was sealed without the unit, its next one: a unit is in one
        lot, whichever processes cut lots at the same time, and whatever they have heard of one another.

        Args:
            project_id: whose.
            number: of the lot that is about to be sealed; all lower ones are.
            unit_ids: who is to be in it.
        """
        waiting, elsewhere, turn = list(unit_ids), [], 1
        while waiting:
            documents = [{"_id": f"{unit_id}/{turn}", "number": number} for unit_id in waiting]
            taken = await first_of(self.store, PLACES, documents)
            within, waiting = await self._within(project_id, waiting, turn, taken, number)
            elsewhere += within
            turn += 1
        return elsewhere

    async def sealed(self, units: Iterable[UnitState]) -> dict[str, list[str]]:
        """Return those of some units that are in a lot, whichever process sealed it, by project."""
        by_project: defaultdict[str, list[str]] = defaultdict(list)
        for unit in units:
            by_project[unit.project_id].append(unit.unit_id)
        found: dict[str, list[str]] = {}
        for project_id, unit_ids in by_project.items():
            found[project_id], waiting, turn = [], unit_ids, 1
            while waiting:
                places = await self.store.get(PLACES.name, [f"{unit_id}/{turn}" for unit_id in waiting])
                within, waiting = await self._within(project_id, waiting, turn, places)
                found[project_id] += within
                turn += 1
        return found

    async def _within(
        self,
        project_id: str,
        unit_ids: Sequence[str],
        turn: int,
        places: Mapping[str, Document],
        before: float = math.inf,
    ) -> tuple[list[str], list[str]]:
        """Return which of some units are in a lot by their n-th places, and whose place is in one that is void.

        Of lots, those with a number lower than `before` are looked at.
        """
        numbers = {one: places[f"{one}/{turn}"]["number"] for one in unit_ids if f"{one}/{turn}" in places}
        lots = await self._lots(project_id, sorted({number for number in numbers.values() if number < before}))
        sealed = {number: frozenset(lot.unit_ids) for number, lot in lots.items()}
        placed = [(one, sealed[number]) for one, number in numbers.items() if number in sealed]
        return [one for one, units in placed if one in units], [one for one, units in placed if one not in units]
