"""Erasure: a unit, or all units of a data subject, is withdrawn everywhere.

First a record says so, with `UnitErased`, by which every service closes it; then the unit's document is deleted with
what it said, and with the key under which that was encrypted. Once it is answered, both have happened; asked again, it
is done again; and whoever owns the place deletes it when it hears of the event, should we have died between the two.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.ingest.announcements import SERVICE, unit_erased
from services.ingest.domain.identity import Claim, UnitState
from services.ingest.domain.project import ProjectState
from services.ingest.handlers.telling import Telling
from services.ingest.repository import UNIT, Repository

ERASED_TOGETHER = 500


class Erased(NamedTuple):
    """What became of one unit that was to be erased.

    Attributes:
        status: erased, now or before; duplicate_of, whose content is another unit's, which is to be erased; unknown.
        unit: as it is known.
    """

    status: Literal["erased", "duplicate_of", "unknown"]
    unit: UnitState


class Erasure:
    """Withdraws units.

    Args:
        repository: where facts are found.
        telling: has told of units before it is told that they are erased.
    """

    def __init__(self, repository: Repository, telling: Telling) -> None:
        self.repository = repository
        self.telling = telling

    async def erase(self, project: ProjectState, source_ids: Sequence[str], reason: str) -> list[Erased]:
        """Erase units by their client's ids; return what became of each.

        Raises:
            StoreUnavailable: some may be erased; the same may be asked again.
        """
        by_id = {self.repository.unit_id(project.project_id, source_id): source_id for source_id in source_ids}
        waited = await self.repository.waiters.erase(sorted(by_id))
        found = {erasure.unit.unit_id: erasure for erasure in await self._erase(project, list(by_id), reason)}
        return [
            found.get(unit_id) or _never_in(UnitState(unit_id, project.project_id, source_id), waited)
            for unit_id, source_id in by_id.items()
        ]

    async def erase_subject(self, project: ProjectState, subject: str, reason: str) -> list[Erased]:
        """Erase all units of a data subject; return what became of each.

        Raises:
            StoreUnavailable: some may be erased; the same may be asked again.
        """
        await self.repository.waiters.erase_subject(self.repository.subject_mark(project.project_id, subject))
        unit_ids = await self.repository.units_of_subject(project.project_id, subject)
        erased: list[Erased] = []
        for start in range(0, len(unit_ids), ERASED_TOGETHER):
            erased += await self._erase(project, unit_ids[start : start + ERASED_TOGETHER], reason)
        return erased

    async def erase_gold_of(self, project: ProjectState, unit_ids: Sequence[str], reason: str) -> None:
        """Erase the gold units that were made of these, where there are any, and what they say.

        Said once the units are erased themselves: whoever makes gold of one meanwhile looks at it once more.
        """
        gold = [self.repository.gold_id(project.project_id, unit_id) for unit_id in unit_ids]
        known = await self.repository.shelf.claims(sorted(gold))
        await self._withdraw(project, known.values(), reason)

    async def withdraw_gold_of(self, project: ProjectState, unit_id: str, reason: str) -> None:
        """Erase the gold unit that was made of this one; where there is none, see to it that none is made any more.

        For a unit that does not stand is never chosen again, and a choice may be heard late: as a dead letter that is
        replayed.
        """
        gold_id = self.repository.gold_id(project.project_id, unit_id)
        if not await self.repository.shelf.claims([gold_id]):
            await self.repository.shelf.expect_erasures(project.project_id)
            await self._apply(_barring(project, UnitState(gold_id, project.project_id, "")))
        # Also where it was made a moment ago, by whoever had looked before it was barred.
        await self._withdraw(project, (await self.repository.shelf.kept([gold_id])).values(), reason)

    async def _erase(self, project: ProjectState, unit_ids: Sequence[str], reason: str) -> list[Erased]:
        known = await self.repository.shelf.claims(sorted(unit_ids))
        await self._withdraw(project, known.values(), reason)
        await self.erase_gold_of(project, list(known), reason)
        units = [claim.unit for claim in known.values()]
        return [Erased("duplicate_of" if unit.duplicate_of else "erased", unit) for unit in units]

    async def _withdraw(self, project: ProjectState, known: Iterable[Claim], reason: str) -> None:
        """Erase units that are in; what a duplicate says is kept as another's."""
        mine = [claim for claim in known if claim.unit.admitted_at_us]
        if not mine:
            return
        shelf, unit_ids = self.repository.shelf, [claim.unit.unit_id for claim in mine]
        await self.telling.tell(project, mine)
        await shelf.expect_erasures(project.project_id)
        await self._apply(*(_erasing(project, claim.unit, reason) for claim in mine))
        await shelf.destroy(unit_ids)
        await self.repository.open_units.settle(unit_ids)

    async def _apply(self, *causes: Cause[UnitState]) -> None:
        for outcome in await self.repository.journal.apply(UNIT, causes):
            if outcome.error is not None:
                raise outcome.error


def _never_in(unit: UnitState, waited: Collection[str]) -> Erased:
    """Return what became of a unit that is not in: what waited of it on its way is gone."""
    return Erased("erased" if unit.unit_id in waited else "unknown", unit)


def _barring(project: ProjectState, unit: UnitState) -> Cause[UnitState]:
    """Return what keeps a unit from ever coming in; nobody was told of it, and nobody is told of that."""

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        return Decision(msgspec.structs.replace(unit, erased_at_us=now_us)) if state is None else None

    return Cause(UNIT.key(project.client_id, unit.unit_id), f"never/{unit.unit_id}", decide)


def _erasing(project: ProjectState, unit: UnitState, reason: str) -> Cause[UnitState]:
    cause_id = f"erase/{unit.unit_id}"
    trace = trace_headers()

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        # One that is barred was told of if it came in all the same, and then its end is, too.
        if state is not None and state.admitted_at_us:
            return None
        after = msgspec.structs.replace(unit, erased_at_us=now_us)
        return Decision(after, [unit_erased(Announcer(SERVICE, cause_id, now_us, trace), after, reason)])

    return Cause(UNIT.key(project.client_id, unit.unit_id), cause_id, decide)
