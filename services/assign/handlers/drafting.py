"""Drafts of labels, kept for who holds the unit."""

import msgspec

from concord.chassis.clock import Clock
from services.assign.domain import lease
from services.assign.domain.drafts import DRAFT_BYTES_MAX, Draft
from services.assign.domain.refusals import AssignmentUnknown, DraftTooLong, NoDraft
from services.assign.domain.unit import Assignment, UnitState
from services.assign.repository import Repository

MILLISECOND_US = 1_000


class Drafting:
    """What people have of labels that they have not sent.

    Args:
        repository: where facts are found.
        clock: time.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock

    async def save(self, annotator_id: str, assignment_id: str, draft: Draft) -> Draft:
        """Keep a draft that was built on revision `draft.revision`; return it as it is kept.

        No more active time is believed than has passed since the lease began.

        Raises:
            AssignmentUnknown, LeaseExpired, LeaseOver: the annotator does not hold the unit.
            DraftTooLong: it takes more than DRAFT_BYTES_MAX bytes.
            DraftSuperseded: another was saved since.
        """
        if (size := len(bytes(draft.draft))) > DRAFT_BYTES_MAX:
            raise DraftTooLong(size, DRAFT_BYTES_MAX)
        key, state, assignment = await self._held(annotator_id, assignment_id)
        now_us = self.clock.now_us()
        passed_ms = max(0, now_us - assignment.issued_at_us) // MILLISECOND_US
        kept = msgspec.structs.replace(draft, active_ms=min(draft.active_ms, passed_ms), saved_at_us=now_us)
        revision = await self.repository.drafts.save(assignment_id, state, key, kept)
        return msgspec.structs.replace(kept, revision=revision)

    async def get(self, annotator_id: str, assignment_id: str) -> Draft:
        """Return the newest draft.

        Raises:
            AssignmentUnknown, LeaseExpired, LeaseOver: the annotator does not hold the unit.
            NoDraft: there is none.
        """
        await self._held(annotator_id, assignment_id)
        found = await self.repository.drafts.find(assignment_id)
        if found is None:
            raise NoDraft(assignment_id)
        return found

    async def forget(self, annotator_id: str, assignment_id: str) -> None:
        """Delete the draft; where there is none, nothing is done.

        Raises:
            AssignmentUnknown, LeaseExpired, LeaseOver: the annotator does not hold the unit.
        """
        await self._held(annotator_id, assignment_id)
        await self.repository.drafts.forget([assignment_id])

    async def erase(self, unit_ids: list[str]) -> None:
        """Delete whatever was drafted of units that are erased."""
        await self.repository.drafts.erase(unit_ids)

    async def end(self) -> None:
        """Delete what outlived its lease."""
        await self.repository.drafts.end(self.repository.places)

    async def look(self) -> None:
        """Learn of drafts that were kept in our places by whoever had them, after these were loaded.

        One whose process stood still between looking whose the unit is and keeping the draft; nobody else ends those.
        """
        for place in sorted(self.repository.owner.open()):
            await self.repository.drafts.load(place)

    async def _held(self, annotator_id: str, assignment_id: str) -> tuple[str, UnitState, Assignment]:
        key = (await self.repository.keys_of([assignment_id]))[assignment_id]
        state = (await self.repository.units([key])).get(key) if key is not None else None
        assignment = lease.held(state, assignment_id, annotator_id)
        if key is None or state is None:
            raise AssignmentUnknown(assignment_id)
        return key, state, assignment
