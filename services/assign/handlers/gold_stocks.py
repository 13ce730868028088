"""How much gold of each project may still be shown, told before it runs out."""

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.projects import Project
from concord.chassis.telemetry import ByProject, Instruments
from services.assign.domain.gold_stock import DAY_US, GoldBounds, GoldStock, stock
from services.assign.handlers.deciding import Projects
from services.assign.repository import Repository

ASKED_SECONDS = 86_400.0
"""Who asked for work so lately, and was given no gold, is waited for."""


def gold_bounds(project: Project, now_us: int) -> GoldBounds:
    """Return which of a project's gold may be shown."""
    gold = project.policy.gold
    return GoldBounds(
        gold.exposures_max,
        now_us - gold.stale_days * DAY_US if gold.stale_days else 0,
        project.guideline_version if gold.stale_with_guideline else 0,
    )


class GoldStocks:
    """How much gold is left.

    Args:
        repository: where facts are found.
        projects: what they let be shown.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(self, repository: Repository, projects: Projects, instruments: Instruments, clock: Clock) -> None:
        self.repository = repository
        self.projects = projects
        self.instruments = instruments
        self._out_by_project = ByProject(instruments, "concord_assign_project_out_of_gold_units")
        self._without_by_project = ByProject(instruments, "concord_assign_project_annotators_without_gold")
        self.clock = clock

    def of(self, project: Project) -> GoldStock:
        """Return how much gold of a project may still be shown.

        Raises:
            Unavailable: its place is another process's by now.
        """
        now_us = self.clock.now_us()
        shown = self.repository.place(project.project_id).queue.gold_shown(project.project_id)
        since_us = int((self.clock.monotonic() - ASKED_SECONDS) * MICROSECONDS)
        without = self.repository.view(project.project_id).without_gold(since_us)
        return stock(shown, gold_bounds(project, now_us), now_us)._replace(annotators_without=without)

    async def look(self) -> None:
        """Count the projects of this process that have none left of their gold, and who is given nothing for that.

        A project that never had any is counted where it asks for it: where annotators qualify by it.
        """
        out, without = dict[str, int](), dict[str, int]()
        for place in self.repository.served():
            # Who never had any is known by those who asked.
            asked = [project_id for project_id, view in place.views.items() if view.without_gold_us]
            for project_id in dict.fromkeys((*place.queue.with_gold(), *asked)):
                project = self.projects.find(project_id)
                if project is None or not project.gives_work:
                    continue
                left = self.of(project)
                qualifies = project.policy.gold.qualify not in ("", "no")
                wanted = bool(project.policy.gold.rate or qualifies)
                # Where all is labelled nobody need be measured: a project that is done, and open, stands for ever.
                queued = place.queue.projects.get(project_id)
                units = queued.backlog().units if queued is not None else 0
                if wanted and not left.usable and (units or left.annotators_without):
                    out[project_id] = units
                if left.annotators_without:
                    without[project_id] = left.annotators_without
        self.instruments.gauge("concord_assign_projects_out_of_gold").set(len(out))
        self.instruments.gauge("concord_assign_annotators_without_gold").set(sum(without.values()))
        self._out_by_project.tell(out)
        self._without_by_project.tell(without)
