"""Who works now, and what waits: of this process's projects together, and of those of which there is most."""

from typing import NamedTuple

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.telemetry import PROJECTS_SHOWN_MAX, Instruments
from services.assign.domain.project_view import ProjectView
from services.assign.handlers.deciding import Projects
from services.assign.repository import Repository

IDLE_SECONDS = 600.0
"""Who asked for work so lately and holds none is there, and idle; who has not is taken to have gone."""
LABELLING, IDLE = "labelling", "idle"
WAITING, OLDEST = "concord_assign_project_waiting_units", "concord_assign_project_oldest_seconds"
PEOPLE = "concord_assign_project_annotators"


class Shift(NamedTuple):
    """Who holds a lease, and who asked for one lately and holds none."""

    labelling: frozenset[str]
    idle: frozenset[str]


def shift(view: ProjectView, since_us: int) -> Shift:
    """Return who works in a project, and who has asked for work in it since then."""
    labelling = view.held.annotators()
    return Shift(labelling, view.asked(since_us) - labelling)


class Floor:
    """How much is going on.

    Args:
        repository: where it is seen.
        projects: whose they are.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: tells ages.
    """

    def __init__(self, repository: Repository, projects: Projects, instruments: Instruments, clock: Clock) -> None:
        self.repository = repository
        self.projects = projects
        self.instruments = instruments
        self.clock = clock
        self._shown: set[tuple[str, str]] = set()

    async def look(self) -> None:
        """Tell of people, each once in whatever many projects, and of what waits in each project."""
        since_us = int((self.clock.monotonic() - IDLE_SECONDS) * MICROSECONDS)
        shifts: dict[str, Shift] = {}
        waiting: dict[str, tuple[int, int]] = {}
        for place in self.repository.served():
            shifts |= {project_id: shift(view, since_us) for project_id, view in place.views.items()}
            waiting |= place.queue.backlogs()
            # Others get to run: there are thousands of units to a place.
            await self.clock.sleep(0)
        labelling = frozenset[str]().union(*(found.labelling for found in shifts.values()))
        idle = frozenset[str]().union(*(found.idle for found in shifts.values())) - labelling
        for state, people in ((LABELLING, labelling), (IDLE, idle)):
            self.instruments.gauge("concord_assign_annotators", state).set(len(people))
        nobody = Shift(frozenset(), frozenset())
        found = {
            project_id: (waiting.get(project_id, (0, 0)), shifts.get(project_id, nobody))
            for project_id in {*waiting, *shifts}
        }
        busy = {of: there for of, there in found.items() if there[0][0] or any(there[1])}
        most = sorted(busy, key=lambda of: (-busy[of][0][0] - sum(map(len, busy[of][1])), of))[:PROJECTS_SHOWN_MAX]
        self._show({project_id: busy[project_id] for project_id in most})

    def _show(self, found: dict[str, tuple[tuple[int, int], Shift]]) -> None:
        """Show what there is of these projects, and no other any more."""
        now_us, shown = self.clock.now_us(), set[tuple[str, str]]()
        for project_id, ((units, since_us), people) in found.items():
            project = self.projects.find(project_id)
            if project is None:
                continue
            labels = (project_id, project.client_id)
            shown.add(labels)
            seconds = max(0, now_us - since_us) / MICROSECONDS if since_us else 0
            self.instruments.gauge(WAITING, *labels).set(units)
            self.instruments.gauge(OLDEST, *labels).set(seconds)
            for state, who in ((LABELLING, people.labelling), (IDLE, people.idle)):
                self.instruments.gauge(PEOPLE, *labels, state).set(len(who))
        for gone in self._shown - shown:
            # Its own alone: others tell of the same project in series of theirs.
            for name in (WAITING, OLDEST):
                self.instruments.forget(name, *gone)
            for state in (LABELLING, IDLE):
                self.instruments.forget(PEOPLE, *gone, state)
        self._shown = shown
