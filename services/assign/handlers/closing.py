"""Projects that are closed: their units wait for nobody any more, and that is told of each."""

import contextlib
import functools

from concord.chassis.errors import Unavailable
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import closing, unit
from services.assign.domain.queue import ReadyQueue
from services.assign.domain.unit import UnitState
from services.assign.handlers.deciding import Projects, Requests, raise_errors
from services.assign.repository import Repository

CLOSED_AT_ONCE = 200
CLOSED_A_LOOK = 2_000
"""Units of a project that are closed in one go; a million take minutes, in which others are served."""


class Closing:
    """Ends the wait of units whose project is closed.

    Adjudicate hears of each that nobody is left for it: what has labels is settled on them, or ruled.

    Args:
        repository: where facts are found.
        projects: which are closed.
        requests: names requests.
    """

    def __init__(self, repository: Repository, projects: Projects, requests: Requests) -> None:
        self.repository = repository
        self.projects = projects
        self.requests = requests

    async def look(self) -> None:
        """Close what waits in the closed projects of our places.

        Raises:
            Passing: the store does not answer; what is left is closed the next time.
        """
        for project in self.projects.closed():
            if not self.repository.serves(project.project_id):
                continue
            with contextlib.suppress(Unavailable):  # its place has just become another process's
                await self._close(project, self.repository.place(project.project_id).queue)

    async def _close(self, project: Project, queue: ReadyQueue) -> None:
        waiting: list[tuple[str, UnitState | None]] = [
            (open_id, None) for open_id in queue.waiting_in(project.project_id)
        ]
        for page in queue.pages_in(project.project_id):
            if len(waiting) >= CLOSED_A_LOOK:
                break
            await self.repository.fresh.bring(page)
            waiting += [(open_id, queue.admitted(open_id, project.project_id)) for open_id in page.rows or ()]
        for start in range(0, min(len(waiting), CLOSED_A_LOOK), CLOSED_AT_ONCE):
            causes = []
            for unit_id, row in waiting[start : start + CLOSED_AT_ONCE]:
                cause_id = f"{self.requests.next()}/{unit_id}"
                decide = functools.partial(_closed, cause_id, row)
                causes.append(Cause(self.repository.key(unit_id), cause_id, decide, creates=row is not None))
            raise_errors(await self.repository.apply(causes))


def _closed(cause_id: str, row: UnitState | None, state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
    known = unit.begun(state, row)
    after = None if known is None else closing.closed(known)
    if after is None:
        return None
    announce = announcer(cause_id, now_us, ())
    # Gold is no work that anybody waits for, and no event says what is gold.
    return Decision(after, [] if after.gold else [announcements.stranded(announce, after, closing.REASON)])
