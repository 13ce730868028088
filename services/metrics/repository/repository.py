"""The places of this process."""

from concord.contracts.ids import place_of, slot_of_project
from services.metrics.domain.fatigue import Watched, nobody_is_watched
from services.metrics.repository.rows import Rows


class Repository:
    """The rows of the places that this process has.

    Attributes:
        places: by place, there from its taking up to its drop.
        lingering: those of places that are another's since a moment ago: they answer until that one can, and no more.
        watched: tells how a project's people are watched for fatigue, where they are.
    """

    def __init__(self, places: int, watched: Watched | None = None) -> None:
        self.places: dict[int, Rows] = {}
        self.lingering: dict[int, Rows] = {}
        self.watched = watched or nobody_is_watched
        self._count = places

    def rows_of(self, project_id: str) -> Rows | None:
        """Return the rows of the project's place; None when the place is not held and does not linger."""
        place = place_of(slot_of_project(project_id), self._count)
        return self.places.get(place) or self.lingering.get(place)

    def holds(self, project_id: str, rows: Rows) -> bool:
        """Return whether these are the rows of the project's place, and the place is held."""
        return self.places.get(place_of(slot_of_project(project_id), self._count)) is rows

    @property
    def units_open(self) -> int:
        """Return how many units have a row."""
        return sum(rows.units_open for rows in self.places.values())
