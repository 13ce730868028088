"""The newest units of a project, read from the pages of its list."""

from collections.abc import AsyncIterator

from services.adjudicate.domain.unit import UnitState
from services.adjudicate.repository.kinds import LISTED
from services.adjudicate.repository.repository import PAGES_READ_AT_ONCE, Repository


async def newest_units(repository: Repository, project_id: str, units_max: int) -> AsyncIterator[UnitState]:
    """Yield a project's admitted units, at most so many looked at, of the newest pages first."""
    store = repository.journal.store
    found = await store.find(LISTED.name, "project", [project_id], only=("project",))
    page_ids, left = sorted((document["_id"] for document in found), reverse=True), units_max
    for start in range(0, len(page_ids), PAGES_READ_AT_ONCE):
        pages = await store.get(LISTED.name, page_ids[start : start + PAGES_READ_AT_ONCE])
        for page_id in sorted(pages, reverse=True):
            unit_ids = pages[page_id]["units"][:left]
            left -= len(unit_ids)
            for unit in (await repository.units(unit_ids)).values():
                # A unit that was told twice stands on two pages, and its state names the first.
                if page_id == f"{project_id}/{unit.page}":
                    yield unit
        if left <= 0:
            return
