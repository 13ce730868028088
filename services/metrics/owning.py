"""What annotators are told of themselves: all units of a project walked through once for everybody who asks."""

import asyncio
from collections import OrderedDict, defaultdict
from dataclasses import dataclass

from concord.chassis.places.by_place import NotHere
from concord.chassis.projects import Project
from services.metrics.domain.own import Own, Owns
from services.metrics.domain.standing import names_of, sameness
from services.metrics.measure import Measure
from services.metrics.repository import Rows
from services.metrics.surveying import PAUSE, WALKED_MAX

PROJECTS_KEPT_MAX = 50
"""Projects of which it is kept what everybody is told, those that were last asked of."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk: through which rows, of which version of them, at which moment, and before when none is begun again."""

    rows: Rows
    version: int
    at_us: int
    again: float
    owns: Owns


class Owning:
    """What annotators are told of themselves.

    Args:
        measure: the rows, and the clock.
    """

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.clock = measure.clock
        self._known: OrderedDict[str, Walked] = OrderedDict()
        self._walking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def drop(self, place: int, rows: Rows) -> None:
        """Know no more of a place that is lost."""
        del place
        for project_id in [project_id for project_id, known in self._known.items() if known.rows is rows]:
            del self._known[project_id]

    async def of(self, project: Project, annotator_id: str) -> tuple[Own, int | None, int]:
        """Return what is known of an annotator in a project, the others' median active time, and of which moment it is.

        Of a stranger nothing is known, and they are told nothing of the others.

        Raises:
            NotHere: its place is another process's, or is being counted.
        """
        project_id = project.project_id
        rows = self.measure.repository.rows_of(project_id)
        if rows is None:
            raise NotHere(project_id)
        async with self._walking[project_id]:
            known = self._known.get(project_id)
            if known is None or known.rows is not rows or not self._still(known):
                known = self._known[project_id] = await self._walk(project, rows)
            self._known.move_to_end(project_id)
        while len(self._known) > PROJECTS_KEPT_MAX:
            dropped, _ = self._known.popitem(last=False)
            if not self._walking[dropped].locked():
                del self._walking[dropped]
        owns = known.owns
        return owns.people.get(annotator_id) or Own({}), owns.of_others(annotator_id), known.at_us

    def _still(self, known: Walked) -> bool:
        return known.version == known.rows.version or self.clock.monotonic() < known.again

    async def _walk(self, project: Project, rows: Rows) -> Walked:
        begun, at_us, version = self.clock.monotonic(), self.clock.now_us(), rows.version
        closed = rows.closed_sums.get(project.project_id)
        owns = Owns({} if closed is None else closed.paces, names_of(project.versions), sameness(project.schema))
        with rows.walked():
            for walked, (_, unit) in enumerate(rows.open.walk(), start=1):
                if unit.project_id == project.project_id:
                    owns.add(unit)
                if walked % WALKED_MAX == 0:
                    await self.clock.sleep(0)
        now = self.clock.monotonic()
        return Walked(rows, version, at_us, now + PAUSE * (now - begun), owns)
