"""Who is qualified in which project: an aggregate an annotator and project, kept in memory by place."""

from collections.abc import Mapping, Sequence

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Kind, Outcome
from concord.contracts.ids import client_of, place_of, slot_of_project
from concord.contracts.names import quoted
from services.assign.domain.place import Place
from services.assign.domain.qualification import QualificationState

QUALIFICATION = Kind(
    "qualification",
    QualificationState,
    is_open=lambda _: True,
    slot=lambda qualification: slot_of_project(qualification.project_id),
)
"""As long as there is a project somebody may come to label it, so it is never done with."""


class Qualifications:
    """How annotators stand in the projects of the places that this process has.

    Args:
        journal: the truth.
        count: how many places the cluster has.
        places: those that are loaded here, or are being loaded, by number.
    """

    def __init__(self, journal: Journal, count: int, places: Mapping[int, Place]) -> None:
        self._journal = journal
        self._count = count
        self._places = places
        journal.listen(QUALIFICATION, self.settle)

    def settle(self, key: str, state: QualificationState) -> None:
        """Bring a project's view up to how somebody stands there, where its place is here; the journal's listener."""
        del key
        place = self._places.get(place_of(slot_of_project(state.project_id), self._count))
        if place is not None:
            known = place.view(state.project_id).qualifications
            before = known.get(state.annotator_id)
            if before is None or (before.attempt, before.revision) <= (state.attempt, state.revision):
                known[state.annotator_id] = state

    async def apply(self, causes: Sequence[Cause[QualificationState]]) -> list[Outcome[QualificationState]]:
        """Answer causes in one read and one insert."""
        return await self._journal.apply(QUALIFICATION, causes)


def qualification_key(project_id: str, annotator_id: str) -> str:
    """Return the aggregate key of how somebody stands in a project."""
    return QUALIFICATION.key(client_of(project_id), f"{project_id}/{quoted(annotator_id)}")
