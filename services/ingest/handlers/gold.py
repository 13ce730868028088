"""Chosen gold: a person chose a resolved unit's label to be a known one, and a gold unit is made of its content.

It is a unit of its own, under an id that nobody can tell from any other, taken in by the way of all gold. What is told
of it is what was told of the resolved unit; only who had a part in that one is not to be shown it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from concord.chassis.consumer import Delivery
from concord.chassis.errors import Poison
from concord.contracts.ids import client_of
from concord.contracts.v1.resolutions_pb2 import GoldChosen, ResolutionEvent
from services.ingest.domain.admission import canonical_content
from services.ingest.domain.identity import Claim, UnitState
from services.ingest.domain.project import ProjectDoesNotExist, ProjectState
from services.ingest.handlers.admission import Admissions
from services.ingest.handlers.checking import Candidate
from services.ingest.handlers.erasure import Erasure
from services.ingest.repository import Repository

SOURCE_ERASED = "the unit that it was made of was erased"


class ChosenGold:
    """Gold that is made of resolved units.

    Args:
        repository: where facts are found.
        admissions: takes units in.
        erasure: withdraws them.
    """

    def __init__(self, repository: Repository, admissions: Admissions, erasure: Erasure) -> None:
        self.repository = repository
        self.admissions = admissions
        self.erasure = erasure

    async def heard(self, deliveries: Sequence[Delivery]) -> None:
        """Make gold of what was chosen, and withdraw what does not stand; told again, it changes nothing."""
        for delivery in deliveries:
            event = delivery.event
            assert isinstance(event, ResolutionEvent), "the resolutions topic carries its own message"
            if event.HasField("gold_chosen"):
                await self._chosen(await self._project(event, event.gold_chosen.unit_id), event.gold_chosen, delivery)
            elif event.HasField("gold_dropped"):
                gold_dropped = event.gold_dropped
                project = await self._project(event, gold_dropped.unit_id)
                await self.erasure.withdraw_gold_of(project, gold_dropped.unit_id, gold_dropped.reason)

    async def _project(self, event: ResolutionEvent, unit_id: str) -> ProjectState:
        if client_of(unit_id) != event.metadata.client_id:
            raise Poison(f"unit {unit_id[:120]!r} is no unit of client {event.metadata.client_id!r}")
        try:
            return await self.repository.project(event.metadata.project_id, event.metadata.client_id)
        except ProjectDoesNotExist as fault:
            raise Poison(str(fault)) from fault

    async def _chosen(self, project: ProjectState, chosen: GoldChosen, delivery: Delivery) -> None:
        if project.life == "closed":
            return  # for good: nobody would ever be shown it
        found = await self._stored(chosen.unit_id)
        if found is None or found[0].project_id != project.project_id:
            return  # it was erased meanwhile
        source, content = found
        claim = Claim(
            self._unit(source, chosen.label),
            chosen.label,
            len(content) if isinstance(content, str) else None,
            await self.repository.shelf.suggestion(chosen.unit_id),
            chosen.unit_id,
            tuple(chosen.not_for),
        )
        await self.admissions.take_gold(project, Candidate(0, claim, canonical_content(content), delivery.trace))
        # Whoever erased it meanwhile may have looked for its gold before there was any.
        if await self._stored(chosen.unit_id) is None:
            await self.erasure.erase_gold_of(project, [chosen.unit_id], SOURCE_ERASED)

    async def _stored(self, unit_id: str) -> tuple[UnitState, Any] | None:
        """Return a unit, as the store has it now, with its content; None where there is none, or it was erased."""
        return await self.repository.shelf.payload(unit_id)

    def _unit(self, source: UnitState, label: bytes) -> UnitState:
        """Return the gold unit: as the resolved one was sent, but for whom it names, who have had that one."""
        return msgspec.structs.replace(
            source,
            unit_id=self.repository.gold_id(source.project_id, source.unit_id),
            gold_mark=self.repository.gold_mark(source.project_id, label),
            admitted_at_us=0,
            annotators=(),
            guideline_version=0,
            counted_as="",
        )
