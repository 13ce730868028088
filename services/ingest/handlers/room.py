"""Room: a project may bound how many of its units are open, and what is sent beyond that waits.

A unit's mark is in the store before its record is, and goes when it is settled or withdrawn; so what is counted is
what is open, whichever processes took it in, and what they were doing when they died. It is counted once more after
the marks are in: of two processes that saw the last places free, the one that counts last sees both and steps back. So
a bound is never passed, and now and then the last places are given a moment later.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.consumer import Delivery
from concord.contracts.v1.resolutions_pb2 import ResolutionEvent
from services.ingest.domain.identity import Arrival, UnitState, waits_for_lot
from services.ingest.domain.project import ProjectState
from services.ingest.domain.sampling import wanted
from services.ingest.handlers.checking import Candidate
from services.ingest.repository import Repository
from services.ingest.repository.open_units import key_of

UNCOUNTED_UNITS = 50_000
"""So far from a bound units are let in on a count of a second ago: what others take in meanwhile is less."""
COUNT_SECONDS = 1.0
PROJECTS_REMEMBERED_MAX = 1_000
SETTLED: tuple[Literal["consensus_reached", "adjudicated"], ...] = ("consensus_reached", "adjudicated")


class Counted(NamedTuple):
    """What was counted of a project, and when; units that this process let in since are added."""

    units: int
    at: float


class Room:
    """How many more units projects take.

    Args:
        repository: where units are counted.
        clock: tells how old a count is.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock
        self._counted: dict[str, Counted] = {}

    async def heard(self, deliveries: Sequence[Delivery]) -> None:
        """Count units that are settled no more: by consensus, or by a ruling."""
        settled = []
        for delivery in deliveries:
            event = delivery.event
            assert isinstance(event, ResolutionEvent), "the resolutions topic carries its own message"
            settled += [getattr(event, kind).unit_id for kind in SETTLED if event.HasField(kind)]
        await self.repository.open_units.settle(settled)

    async def left(self, project: ProjectState) -> int | None:
        """Return how many units a project takes now; None where it has no bound."""
        bound = project.definition.policy.max_open_units
        if not bound:
            return None
        return max(0, bound - await self.repository.open_units.count(project.project_id))

    async def offered(
        self, project: ProjectState, candidates: Sequence[Candidate]
    ) -> tuple[list[Candidate], int | None]:
        """Return what there is room for, marked, and the position of the first for which there is none.

        What needs no room is let through: what is known already, what measures people, what no sample draws.
        """
        policy = project.definition.policy
        if not policy.max_open_units:
            return list(candidates), None
        needing = [
            candidate
            for candidate in candidates
            if waits_for_lot(candidate.unit) and wanted(candidate.unit, policy.sampling)
        ]
        known = await self.repository.shelf.units(sorted({candidate.unit.unit_id for candidate in needing}))
        fresh = {candidate.unit.unit_id for candidate in needing} - known.keys()
        if not fresh:
            return list(candidates), None
        free = policy.max_open_units - await self._open(project, len(fresh))
        mark, marked = self.repository.open_units.next_mark(), set[str]()
        let_in: list[Candidate] = []
        for candidate in candidates:
            unit_id = candidate.unit.unit_id
            if unit_id in fresh and waits_for_lot(candidate.unit):
                if unit_id not in marked and len(marked) >= free:
                    return let_in, candidate.position
                marked.add(unit_id)
                let_in.append(_counted_as(candidate, mark))
            else:
                let_in.append(candidate)
        return let_in, None

    async def entered(
        self, project: ProjectState, candidates: Sequence[Candidate]
    ) -> tuple[list[Candidate], int | None]:
        """Mark units as open; return those that may come in, and the position of the first that may not after all.

        Called once it is noted that they arrive, so that no mark is left by a process that dies.
        """
        marked = [candidate for candidate in candidates if candidate.unit.counted_as]
        if not marked:
            return list(candidates), None
        await self.repository.open_units.enter(candidate.unit for candidate in marked)
        keys = list(dict.fromkeys(key_of(candidate.unit) for candidate in marked))
        bound = project.definition.policy.max_open_units
        over = await self._open(project, 0) - bound
        if over <= 0:
            return list(candidates), None
        back = set(keys[-over:])
        await self.repository.open_units.withdraw(back)
        self._counted.pop(project.project_id, None)
        first = next(candidate.position for candidate in marked if key_of(candidate.unit) in back)
        return [candidate for candidate in candidates if candidate.position < first], first

    async def _open(self, project: ProjectState, coming: int) -> int:
        """Return how many units are open; far from the bound, how many were a moment ago and came in here since."""
        now, project_id = self.clock.monotonic(), project.project_id
        known = self._counted.get(project_id)
        bound = project.definition.policy.max_open_units
        if known is None or now - known.at > COUNT_SECONDS or known.units > bound - UNCOUNTED_UNITS:
            if len(self._counted) >= PROJECTS_REMEMBERED_MAX:
                self._counted.clear()
            known = Counted(await self.repository.open_units.count(project_id), now)
        self._counted[project_id] = known._replace(units=known.units + coming)
        return known.units

    async def told(self, candidates: Sequence[Candidate], admitted: Sequence[UnitState]) -> None:
        """Delete the marks of units that were let in and did not come in under them, for whatever reason."""
        marks = {key_of(candidate.unit) for candidate in candidates if candidate.unit.counted_as}
        await self.repository.open_units.withdraw(marks - {key_of(unit) for unit in admitted})

    async def finished(self, arrival: Arrival) -> None:
        """Delete the marks that were left behind, but those by which units did come in."""
        if arrival.marks:
            known = await self.repository.shelf.units(sorted(set(arrival.unit_ids)))
            there = {key_of(unit) for unit in known.values() if waits_for_lot(unit)}
            await self.repository.open_units.withdraw(set(arrival.marks) - there)


def _counted_as(candidate: Candidate, mark: str) -> Candidate:
    unit = msgspec.structs.replace(candidate.claim.unit, counted_as=mark)
    return msgspec.structs.replace(candidate, claim=msgspec.structs.replace(candidate.claim, unit=unit))
