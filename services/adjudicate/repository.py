"""Adjudicate's aggregates, keys and read models; every query lives here."""

import asyncio
import hashlib
import heapq
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Kind, Outcome
from concord.chassis.store.port import Collection
from concord.contracts.ids import client_of
from concord.contracts.names import quoted
from services.adjudicate.domain.competence import CompetenceState
from services.adjudicate.domain.project_view import ProjectView
from services.adjudicate.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
COMPETENCE = Kind("competence", CompetenceState)
LISTED = Collection("listed_units", indexed=("project",))
"""Pages of a project's units, each the admissions of one batch; a unit belongs to the page that its state names."""

SETTLED_AT_ONCE = 1_000
"""Aggregates that a rebuild takes in before it lets others run."""
PAGES_READ_AT_ONCE = 20
PAGE_DIGEST_BYTES = 6


class Repository:
    """Where adjudicate's facts are found.

    Read models: one `ProjectView` a project, rebuilt from the journal and dropped with the project.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._views: dict[str, ProjectView] = {}
        journal.listen(UNIT, self._settle)
        journal.listen(COMPETENCE, self._learned)

    def view(self, project_id: str) -> ProjectView:
        """Return what is known at a glance of a project."""
        return self._views.setdefault(project_id, ProjectView())

    def drop(self, project_ids: Iterable[str]) -> None:
        """Let go of the read models of projects that are served elsewhere."""
        for project_id in project_ids:
            self._views.pop(project_id, None)

    async def rebuild(self) -> None:
        """Fill the read models, letting others run in between."""
        count = 0
        async for key, unit in self.journal.rebuild(UNIT):
            self._settle(key, unit)
            count = await _yielding(count)
        async for key, competence in self.journal.rebuild(COMPETENCE):
            self._learned(key, competence)
            count = await _yielding(count)

    def refuse_backlog(self) -> None:
        """Raise Backlogged when more events wait for the broker than may: no more is taken from people then."""
        if self.journal.publisher.full:
            raise Backlogged(f"{self.journal.publisher.backlog_events} events wait for the broker; try again soon.")

    async def apply(self, causes: Sequence[Cause[UnitState]]) -> list[Outcome[UnitState]]:
        """Answer causes about units in one read and one insert."""
        return await self.journal.apply(UNIT, causes)

    async def learn(self, causes: Sequence[Cause[CompetenceState]]) -> None:
        """Answer causes about annotators; the first error is raised."""
        for outcome in await self.journal.apply(COMPETENCE, causes):
            if outcome.error is not None:
                raise outcome.error

    def _settle(self, key: str, unit: UnitState) -> None:
        """Bring the read models up to a unit's newest state; the journal's listener."""
        del key
        self.view(unit.project_id).settle(unit)

    def _learned(self, key: str, competence: CompetenceState) -> None:
        """Bring the read models up to what is known of an annotator; the journal's listener."""
        del key
        self.view(competence.project_id).learned(competence)

    @property
    def escalations_open(self) -> int:
        """Return how many units wait for a ruling."""
        return sum(view.escalations_open for view in self._views.values())

    def competence(self, project_id: str) -> list[CompetenceState]:
        """Return what is known of a project's annotators, by annotator id."""
        known = self.view(project_id).competence
        return [known[annotator_id] for annotator_id in sorted(known)]

    def escalated(self, units_max: int, project_id: str | None = None, client_id: str | None = None) -> list[str]:
        """Return units that wait for a ruling, most to be gained first: of a project, or of a client's, or of all."""
        if project_id is not None:
            views = [self.view(project_id)] if project_id in self._views else []
        else:
            views = [view for one, view in self._views.items() if client_id in (None, client_of(one))]
        return [unit_id for _, unit_id in islice(heapq.merge(*(view.by_loss() for view in views)), units_max)]

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the units that exist, by id."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def list_admitted(self, at_us: int, project_id: str, unit_ids: Sequence[str]) -> str:
        """Note on a page of the project's list that these were admitted, and return the page's name.

        Said before their admission is decided: a page may list what was never admitted, and nothing is missing from
        all. The same units make the same page.
        """
        digest = hashlib.blake2b("\0".join(unit_ids).encode(), digest_size=PAGE_DIGEST_BYTES).hexdigest()
        page = f"{at_us:020d}-{digest}"
        document = {"_id": f"{project_id}/{page}", "project": project_id, "units": list(unit_ids)}
        await self.journal.store.insert(LISTED.name, [document])
        return page

    async def units_of(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's admitted units in pages, in the order of their admission."""
        found = await self.journal.store.find(LISTED.name, "project", [project_id], only=("project",))
        page_ids = sorted(one["_id"] for one in found)
        for start in range(0, len(page_ids), PAGES_READ_AT_ONCE):
            pages = await self.journal.store.get(LISTED.name, page_ids[start : start + PAGES_READ_AT_ONCE])
            for page_id in sorted(pages):
                states = await self.units(pages[page_id]["units"])
                name = page_id.removeprefix(f"{project_id}/")
                # A unit that was told twice stands on two pages, and its state names the first.
                yield [state for state in states.values() if state.page == name]


async def _yielding(count: int) -> int:
    if count and count % SETTLED_AT_ONCE == 0:
        await asyncio.sleep(0)
    return count + 1


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def competence_key(client_id: str, project_id: str, annotator_id: str) -> str:
    """Return the aggregate key of what is known of an annotator in a project."""
    return COMPETENCE.key(client_id, f"{project_id}/{quoted(annotator_id)}")
