"""How much gold of each project may still be shown, told before it runs out."""

from concord.chassis.clock import Clock
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments
from services.assign.domain.gold_stock import DAY_US, GoldBounds, GoldStock, stock
from services.assign.handlers.deciding import Projects
from services.assign.repository import Repository


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
        self.clock = clock

    def of(self, project: Project) -> GoldStock:
        """Return how much gold of a project may still be shown.

        Raises:
            Unavailable: its place is another process's by now.
        """
        now_us = self.clock.now_us()
        shown = self.repository.place(project.project_id).queue.gold_shown(project.project_id)
        return stock(shown, gold_bounds(project, now_us), now_us)

    async def look(self) -> None:
        """Count the projects of this process that have gold, and none of it that may still be shown."""
        out = 0
        for place in self.repository.served():
            for project_id in place.queue.with_gold():
                project = self.projects.find(project_id)
                if project is not None and project.gives_work and project.policy.gold.rate:
                    out += not self.of(project).usable
        self.instruments.gauge("concord_assign_projects_out_of_gold").set(out)
