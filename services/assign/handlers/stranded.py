"""Units that nobody is left to label: found, offered once more, and told."""

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import ByProject, Instruments
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import stranding
from services.assign.domain.overlap import left_by_models, open_to_models
from services.assign.domain.project_view import Lacking, ProjectView
from services.assign.domain.unit import UnitState
from services.assign.handlers.deciding import Projects, Requests, raise_errors
from services.assign.repository import Repository

ONCE_MORE_SECONDS = 3.0
"""For so long nobody must be found for a unit before it goes once more to those who let it go."""
STRANDED_SECONDS = 300.0
"""And for so long before that is told: somebody may be on their way to be defined."""
ASKING_SECONDS = 600.0
"""Who asked for work so lately works in the project: a vendor has many people who never do."""
IDLE_SECONDS = 86_400.0
"""For so long nobody new must ask for work before a unit that all who ask have had is told to be stranded, too; and
none of those to whom one was referred back."""
LOOKED_AT_ONCE = 1_000
DECIDED_AT_ONCE = 200
SKILLS_LISTED_MAX = 256


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits in a project for somebody who is not there.

    Attributes:
        units: units for which nobody is found, by id, with whether that was told; those of a page.
        count: how many wait in all, those of `skills` among them.
        skills: sets of skills that nobody has, with how many units wait for them that nobody has had.
    """

    units: list[tuple[str, bool]]
    count: int
    skills: list[tuple[tuple[str, ...], int]]


class Stranded:
    """Who is left to label what.

    Args:
        repository: where facts are found.
        projects: what models are to them.
        requests: names requests.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self, repository: Repository, projects: Projects, requests: Requests, instruments: Instruments, clock: Clock
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.requests = requests
        self.instruments = instruments
        self._by_project = ByProject(instruments, "concord_assign_project_units_nobody_can_label")
        self.clock = clock

    async def look(self) -> None:
        """Look at every unit that lacks labels, and decide on those for which nobody was found for long enough."""
        waiting: dict[str, int] = {}
        for project_id, view in self.repository.views:
            since_us = int(self.clock.monotonic() * MICROSECONDS)
            asking = view.asking(since_us - round(ASKING_SECONDS * MICROSECONDS))
            once_more, still_waiting, barred = await self._due(project_id, view, asking, since_us)
            await self._decide(view, barred, functools.partial(self._unbar, asking))
            await self._decide(view, once_more, functools.partial(self._once_more, asking))
            await self._decide(view, still_waiting, functools.partial(self._told, asking))
            if count := self.of(project_id).count:
                waiting[project_id] = count
        self.instruments.gauge("concord_assign_units_nobody_can_label").set(sum(waiting.values()))
        self._by_project.tell(waiting)

    async def _due(
        self, project_id: str, view: ProjectView, asking: frozenset[str], since_us: int
    ) -> tuple[list[str], list[str], list[str]]:
        """Return the units for which nobody was found for long enough to go round once more, and to be told.

        And those for which nobody was found but who is barred: either nobody is defined, or nobody else asks for work.
        """
        once_more, waiting, barred = [], [], []
        for count, (unit_id, lacking) in enumerate(list(view.lacking.items()), 1):
            if count % LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if view.lacking.get(unit_id) is not lacking:
                continue
            fit = self._fit_for(project_id, lacking.skills, lacking.left)
            waited_us, enough_seconds = self._waited(view, unit_id, lacking, fit, asking, since_us)
            enough_us = (ONCE_MORE_SECONDS if enough_seconds == STRANDED_SECONDS else enough_seconds) * MICROSECONDS
            if lacking.barred and waited_us >= enough_us:
                barred.append(unit_id)
            if waited_us >= enough_seconds * MICROSECONDS and unit_id not in view.stranded:
                waiting.append(unit_id)
            elif waited_us >= ONCE_MORE_SECONDS * MICROSECONDS and lacking.let_go:
                once_more.append(unit_id)
        return once_more, waiting, barred

    def _waited(
        self,
        view: ProjectView,
        unit_id: str,
        lacking: Lacking,
        fit: frozenset[str],
        asking: frozenset[str],
        since_us: int,
    ) -> tuple[int, float]:
        """Return for how long nobody was found for a unit, and for how long it must be before that is told."""
        if lacking.perhaps_nobody(fit):
            return since_us - view.nobody_since_us.setdefault(unit_id, since_us), STRANDED_SECONDS
        view.nobody_since_us.pop(unit_id, None)
        here = fit & asking
        if (lacking.referred or (here and lacking.turns is None)) and lacking.perhaps_nobody(here):
            return since_us - view.idle_since_us.setdefault(unit_id, since_us), IDLE_SECONDS
        view.idle_since_us.pop(unit_id, None)
        return 0, STRANDED_SECONDS

    async def _decide(
        self,
        view: ProjectView,
        unit_ids: list[str],
        decided: Callable[[str, UnitState, int], Decision[UnitState] | None],
    ) -> None:
        for start in range(0, len(unit_ids), DECIDED_AT_ONCE):
            causes = []
            for unit_id in unit_ids[start : start + DECIDED_AT_ONCE]:
                lacking = view.lacking.get(unit_id)
                if lacking is not None:
                    cause_id = f"{self.requests.next()}/{unit_id}"
                    causes.append(Cause(lacking.key, cause_id, functools.partial(_decide, cause_id, decided)))
            raise_errors(await self.repository.apply(causes))

    def _fit(self, state: UnitState, asking: frozenset[str]) -> frozenset[str]:
        """Return among whom somebody is looked for: all who are fit, or those who ask where the others never do."""
        fit = self._fit_for(state.project_id, state.skills, left_by_models(state))
        here = fit & asking
        among = here if state.named_first is not None or (here and not state.named) else fit
        return fit if stranding.why_nobody(state, fit) else among

    def _fit_for(self, project_id: str, skills: Sequence[str], left: int) -> frozenset[str]:
        """Return who could give a label that counts: models only as the project says, and while it leaves them room."""
        pool, project = self.repository.pool, self.projects.find(project_id)
        fit = pool.fit_for(skills, self.clock.now_us())
        if not pool.models or project is None:
            return fit
        models = project.policy.models
        if models.counted == "in_overlap" and open_to_models(left, models.humans_min):
            return fit
        return fit - pool.models

    def _once_more(
        self, asking: frozenset[str], cause_id: str, state: UnitState, now_us: int
    ) -> Decision[UnitState] | None:
        del cause_id, now_us
        after = stranding.once_more(state, self._fit(state, asking))
        return None if after is None else Decision(after)

    def _unbar(
        self, asking: frozenset[str], cause_id: str, state: UnitState, now_us: int
    ) -> Decision[UnitState] | None:
        del cause_id, now_us
        after = stranding.unbar(state, self._fit(state, asking))
        return None if after is None else Decision(after)

    def _told(self, asking: frozenset[str], cause_id: str, state: UnitState, now_us: int) -> Decision[UnitState] | None:
        fit = self._fit(state, asking)
        after = stranding.strand(state, fit)
        if after is None:
            return None
        reason = stranding.why_nobody(state, fit)
        return Decision(after, [announcements.stranded(announcer(cause_id, now_us, ()), after, reason)])

    def of(self, project_id: str, after: str = "", units_max: int = 0) -> Waits:
        """Return what waits in a project for somebody who is not there, as of the last look.

        Args:
            project_id: of which project.
            after: units of ids after this one.
            units_max: how many of them.
        """
        view, project = self.repository.view(project_id), self.projects.find(project_id)
        wanted = project.policy.overlap.initial if project is not None else 0
        nobody = {*view.stranded, *view.nobody_since_us}
        page = nsmallest(units_max, (unit_id for unit_id in nobody if unit_id > after)) if units_max else []
        units = [(unit_id, unit_id in view.stranded) for unit_id in page]
        lanes = self.repository.place(project_id).queue.fresh_of(project_id)
        skills = [(lane, count) for lane, count in lanes if count and not self._fit_for(project_id, lane, wanted)]
        count = len(nobody) + sum(untouched for _, untouched in skills)
        return Waits(units, count, skills[:SKILLS_LISTED_MAX])


def _decide(
    cause_id: str,
    decided: Callable[[str, UnitState, int], Decision[UnitState] | None],
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState] | None:
    return None if state is None else decided(cause_id, state, now_us)
