"""Where an annotator stands in each project: what waits for them, or why nothing does."""

from collections.abc import Callable

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.projects import Project
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.outlook import NOTHING, Outlook
from services.assign.domain.place import Place
from services.assign.domain.qualification import Progress
from services.assign.domain.reasons import Why, not_given, why_nothing
from services.assign.domain.roster import at_work
from services.assign.handlers.claims import Claims, seeker_of
from services.assign.handlers.deciding import Projects
from services.assign.handlers.qualifying import Qualifying
from services.assign.repository import Repository

PROJECTS_LOOKED_AT_MAX = 2_000
"""Of one process: those in which something waits come first."""


class InProject(msgspec.Struct, frozen=True):
    """Where somebody stands in one project.

    Attributes:
        outlook: what waits for them.
        due_us: by when the first of it is wanted, microseconds since the epoch, UTC; None: no time was said.
        why: why there is nothing; None where there is something.
        progress: how far they are in qualifying; None: they need not, or have.
        notices: what of their pace or skips is too much.
    """

    project: Project
    outlook: Outlook
    due_us: int | None
    why: Why | None
    progress: Progress | None
    notices: tuple[str, ...] = ()


class Standings:
    """Where annotators stand.

    Args:
        repository: where facts are found.
        projects: as ingest defined them.
        qualifying: who is given hidden gold alone.
        claims: who has reached a cap.
        clock: time.
    """

    def __init__(
        self, repository: Repository, projects: Projects, qualifying: Qualifying, claims: Claims, clock: Clock
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.qualifying = qualifying
        self.claims = claims
        self.clock = clock

    async def of(self, annotator: AnnotatorState, visible: Callable[[str], bool]) -> list[InProject]:
        """Return where an annotator stands in the projects of this process's places, as far as they may see them."""
        owner, places = self.repository.owner, self.repository.places
        served = {number: places[number] for number in owner.open() if number in places}
        found = [
            (served[number], project)
            for number, project in self.projects.by_place(owner.places)
            if number in served and visible(project.project_id)
        ]
        found.sort(key=lambda pair: not pair[0].queue.skills_wanted(pair[1].project_id))
        return [await self._in(place, annotator, project) for place, project in found[:PROJECTS_LOOKED_AT_MAX]]

    async def _in(self, place: Place, annotator: AnnotatorState, project: Project) -> InProject:
        project_id, now_us = project.project_id, self.clock.now_us()
        view = place.views.get(project_id)
        pause = view.breaks.running(annotator.annotator_id, now_us) if view is not None else None
        capped = await self.claims.capped(annotator.annotator_id, project)
        progress = self.qualifying.progress(project, annotator.annotator_id)
        failed = progress is not None and progress.standing == "failed"
        against = self.claims.conduct.in_force(project, annotator.annotator_id)
        stopped = self.claims.conduct.stopped(project, annotator.annotator_id)
        away = pause is not None or stopped is not None or at_work(annotator, now_us) in ("paused", "retired")
        unread = await self.claims.acknowledging.lacks(annotator.annotator_id, project)
        outlook = NOTHING
        if project.gives_work and not (away or failed or unread or capped is not None):
            outlook = place.queue.outlook(project_id, seeker_of(annotator, project, now_us, progress))
        why = None
        if not project.gives_work:
            why = not_given(project.life, project.life_reason)
        elif unread:
            why = Why("not_acknowledged", version=project.guideline_version)
        elif not outlook.units:
            wanted = place.queue.skills_wanted(project_id)
            left = await self.claims.gold_left(annotator.annotator_id, project_id)
            why = why_nothing(annotator, wanted, now_us, pause, progress, capped, left, stopped)
        within_us = project.policy.deadline_seconds * MICROSECONDS
        due_us = outlook.since_us + within_us if within_us and outlook.since_us else None
        notices = tuple(held.reason for held in against)
        return InProject(project, outlook, due_us, why, progress, notices)
