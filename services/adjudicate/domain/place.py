"""What is known at a glance of the projects of one place: loaded when it is gained, dropped when it is lost."""

from collections.abc import Iterator

from services.adjudicate.domain.competence import CompetenceState, CrowdState
from services.adjudicate.domain.project_view import ProjectView
from services.adjudicate.domain.unit import UnitState


class Place:
    """The views of one place's projects.

    Attributes:
        views: by project id; made on first use.
    """

    def __init__(self) -> None:
        self.views: dict[str, ProjectView] = {}

    def view(self, project_id: str) -> ProjectView:
        """Return what is known of a project, nothing at first."""
        found = self.views.get(project_id)
        if found is None:
            found = self.views[project_id] = ProjectView()
        return found

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state; of a project that nothing is open of, a closed unit tells nothing new."""
        self.view(unit.project_id).settle(unit)

    def learned(self, competence: CompetenceState) -> None:
        """Take in what is known of an annotator."""
        self.view(competence.project_id).learned(competence)

    def measured(self, crowd: CrowdState) -> None:
        """Take in what gold says of a project as a whole."""
        self.view(crowd.project_id).measured(crowd)

    @property
    def escalations_open(self) -> int:
        """How many units wait for a ruling."""
        return sum(view.escalations_open for view in self.views.values())

    def open_units(self) -> Iterator[str]:
        """Yield the units that wait for labels or for a ruling, each once."""
        for view in self.views.values():
            yield from view.open_units()
