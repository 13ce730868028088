"""Which units are open, of projects that bound how many may be.

A mark each, inserted before the unit and deleted when it is settled. How many there are is counted in the store,
whoever put them there.
"""

from collections.abc import Iterable, Sequence

from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Store
from services.ingest.domain.identity import UnitState

OPEN_UNITS = Collection("open_units", indexed=("project_id", "unit_id"))
"""Marks of open units, by unit and mark: who admits a unit leaves one, and the unit's record says whose it is."""


class OpenUnits:
    """Where open units are counted.

    Args:
        store: holds the marks.
        writer: names this process, and no other ever.
    """

    def __init__(self, store: Store, writer: str) -> None:
        self.store = store
        self.writer = writer
        self._counted = 0

    def next_mark(self) -> str:
        """Return a mark that was never given."""
        self._counted += 1
        return f"{self.writer}/{self._counted}"

    async def count(self, project_id: str) -> int:
        """Return how many units of a project are open, those among them that are just coming in."""
        return await self.store.count(OPEN_UNITS.name, "project_id", project_id)

    async def enter(self, units: Iterable[UnitState]) -> None:
        """Mark units as open; each says its own mark."""
        keys = {key_of(unit): unit for unit in units}
        documents = [{"_id": key, "project_id": unit.project_id, "unit_id": unit.unit_id} for key, unit in keys.items()]
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            await self.store.insert(OPEN_UNITS.name, documents[start : start + INSERT_DOCUMENTS_MAX])

    async def withdraw(self, keys: Iterable[str]) -> None:
        """Delete marks of units that did not come in under them."""
        if wanted := sorted(set(keys)):
            await self.store.delete(OPEN_UNITS.name, wanted)

    async def settle(self, unit_ids: Sequence[str]) -> None:
        """Delete the marks of units that are settled or withdrawn; without effect for those that have none."""
        if not unit_ids:
            return
        found = await self.store.find(OPEN_UNITS.name, "unit_id", sorted(set(unit_ids)), only=())
        await self.withdraw(document["_id"] for document in found)


def key_of(unit: UnitState) -> str:
    """Return where the mark lies that a unit is counted by."""
    return f"{unit.unit_id}/{unit.counted_as}"
