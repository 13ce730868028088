"""Acknowledgements in the store: a record each, which decides, and a line of a list by project and version."""

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause
from concord.chassis.store.port import Collection
from concord.contracts.ids import client_of
from concord.contracts.names import quoted
from services.assign.domain.acknowledgement import AcknowledgementState
from services.assign.repository.kinds import ACKNOWLEDGEMENT

ACKNOWLEDGED = Collection("acknowledged", indexed=("guideline",))
"""Who may have acknowledged a version: whether they have is told by their record."""


class Acknowledgements:
    """Who has acknowledged what.

    Args:
        journal: the truth.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def find(self, project_id: str, annotator_id: str, version: int) -> AcknowledgementState | None:
        """Return an annotator's acknowledgement of a version, if there is one."""
        key = acknowledgement_key(project_id, annotator_id, version)
        return (await self.journal.states(ACKNOWLEDGEMENT, [key])).get(key)

    async def keep(self, wanted: AcknowledgementState, cause: Cause[AcknowledgementState]) -> AcknowledgementState:
        """Answer the cause of an acknowledgement, and list it before: so none is left out of the list."""
        guideline = f"{wanted.project_id}/{wanted.version}"
        line = {"_id": cause.key, "guideline": guideline, "annotator_id": wanted.annotator_id}
        await self.journal.store.insert(ACKNOWLEDGED.name, [line])
        outcome = await self.journal.decide(ACKNOWLEDGEMENT, cause)
        assert outcome.state is not None, "an acknowledgement leaves a state"
        return outcome.state

    async def of(self, project_id: str, version: int, after: str, count_max: int) -> list[AcknowledgementState]:
        """Return who has acknowledged a version, by name: the first ones after a name."""
        guideline = f"{project_id}/{version}"
        lines = await self.journal.store.find(ACKNOWLEDGED.name, "guideline", [guideline], only=("annotator_id",))
        listed = sorted((line["annotator_id"], line["_id"]) for line in lines if line["annotator_id"] > after)
        found: list[AcknowledgementState] = []
        while listed and len(found) < count_max:
            keys, listed = [key for _, key in listed[:count_max]], listed[count_max:]
            states = await self.journal.states(ACKNOWLEDGEMENT, keys)
            found += [states[key] for key in keys if key in states]
        return found[:count_max]


def acknowledgement_key(project_id: str, annotator_id: str, version: int) -> str:
    """Return the key of an acknowledgement's aggregate."""
    return ACKNOWLEDGEMENT.key(client_of(project_id), f"{project_id}/{version}/{quoted(annotator_id)}")
