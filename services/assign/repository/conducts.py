"""What people did lately: an aggregate an annotator and project, in pages; what holds against whom is in memory."""

import functools
from collections.abc import Mapping

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Kind, Outcome
from concord.contracts.ids import client_of, place_of, slot_of_project
from concord.contracts.names import quoted
from services.assign.domain import rules
from services.assign.domain.place import Place
from services.assign.domain.rules import ConductState, next_page
from services.assign.repository.pages import newest_page

CONDUCT = Kind("conduct", ConductState, is_open=rules.is_open, slot=lambda conduct: slot_of_project(conduct.project_id))


class Conducts:
    """What people did lately in the projects that have rules for it.

    Args:
        journal: the truth.
        count: how many places the cluster has.
        places: those that are loaded here, or are being loaded, by number.
    """

    def __init__(self, journal: Journal, count: int, places: Mapping[int, Place]) -> None:
        self._journal = journal
        self._count = count
        self._places = places
        journal.listen(CONDUCT, self.settle)

    def settle(self, key: str, state: ConductState) -> None:
        """Bring a project's view up to what holds against somebody, where its place is here; the journal's listener."""
        del key
        place = self._places.get(place_of(slot_of_project(state.project_id), self._count))
        if place is None:
            return
        view = place.view(state.project_id)
        if state.page < view.conduct_pages.get(state.annotator_id, 0):
            return
        view.conduct_pages[state.annotator_id] = state.page
        if state.held:
            view.conducts[state.annotator_id] = state
        else:
            view.conducts.pop(state.annotator_id, None)

    def held(self, place: int) -> set[str]:
        """Return the keys of what holds against people in the projects of a place, as far as it is known here."""
        return {
            conduct_key(project_id, annotator_id, state.page)
            for project_id, view in self._places[place].views.items()
            for annotator_id, state in view.conducts.items()
        }

    async def newest(self, known_page: int | None, project_id: str, annotator_id: str) -> ConductState:
        """Return the newest page of what somebody did; it may be closed, or not made yet."""
        page = known_page
        if page is None:
            page = await newest_page(self._journal.store, functools.partial(conduct_key, project_id, annotator_id))
        key = conduct_key(project_id, annotator_id, page)
        found = (await self._journal.states(CONDUCT, [key])).get(key)
        while found is not None and found.closed:
            following = next_page(found)
            key = conduct_key(project_id, annotator_id, following.page)
            state = (await self._journal.states(CONDUCT, [key])).get(key)
            if state is None:
                break
            found = state
        return found or ConductState(project_id, annotator_id, page)

    async def decide(self, cause: Cause[ConductState]) -> Outcome[ConductState]:
        """Answer a cause that changes a page; it follows from what was taken already, and no backlog refuses it."""
        return await self._journal.decide(CONDUCT, cause, owed=True)


def conduct_key(project_id: str, annotator_id: str, page: int) -> str:
    """Return the aggregate key of a page of what somebody did in a project."""
    return CONDUCT.key(client_of(project_id), f"{project_id}/{quoted(annotator_id)}/{page}")
