"""Quotas: a stratum has so many seats, and a unit takes one by an insert of its own, whichever process it comes to."""

from collections import defaultdict
from collections.abc import Sequence

from services.ingest.domain.identity import UnitState
from services.ingest.domain.project import Sampling
from services.ingest.domain.sampling import quota_of
from services.ingest.repository import Repository

STRATA_REMEMBERED_MAX = 10_000


class Seats:
    """The seats of all strata. How many are taken is remembered as a hint; the inserts decide.

    Args:
        repository: where seats are taken.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._taken: dict[tuple[str, str], int] = {}

    async def without(self, units: Sequence[UnitState], sampling: Sampling) -> set[str]:
        """Take a seat for each unit of a stratum with a quota; return those that found none.

        A unit whose process died between its seat and its record takes another when it is sent again: a quota is
        what is taken at most.
        """
        strata: dict[tuple[str, str], list[UnitState]] = defaultdict(list)
        for unit in units:
            strata[unit.project_id, unit.stratum].append(unit)
        left: set[str] = set()
        for stratum, some in strata.items():
            quota = quota_of(some[0], sampling) or 0
            waiting = [*dict.fromkeys(unit.unit_id for unit in some)]
            while waiting and (number := self._taken.get(stratum, 0)) < quota:
                wanted = waiting[: quota - number]
                lost = await self.repository.take_seats(*stratum, number, wanted)
                if len(self._taken) >= STRATA_REMEMBERED_MAX:
                    self._taken.clear()
                self._taken[stratum] = max(self._taken.get(stratum, 0), number + len(wanted))
                waiting = lost + waiting[len(wanted) :]
            left.update(waiting)
        return left
