"""How long lots have waited for their verdict, or for their re-review: of the projects in which one waits longest."""

from collections.abc import Mapping

from concord.chassis.clock import MICROSECONDS
from concord.contracts.ids import client_of
from services.audit.handlers.means import Means

PROJECTS_SHOWN_MAX = 400
"""Projects that have a series of their own: those whose oldest lot is oldest."""
AGE = "concord_audit_project_lot_oldest_seconds"
HELD_AGE = "concord_audit_project_held_oldest_seconds"


class Ages:
    """Tells the age of each project's oldest lot that is not decided, and of the oldest hold.

    A turnaround is measured of what was accepted, so a lot that never is would be seen in no measure at all.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self._shown: dict[str, set[tuple[str, str]]] = {AGE: set(), HELD_AGE: set()}

    async def look(self) -> None:
        """Tell of what waits now, and of nothing any more that does not."""
        since: dict[str, int] = {}
        held: dict[str, int] = {}
        for lot in self.means.repository.open_lots(None):
            state = lot.state
            if state.sealed_at_us:  # a recheck waits by its nature until its units are drawn
                since[state.project_id] = min(state.sealed_at_us, since.get(state.project_id, state.sealed_at_us))
            if lot.is_held and state.held_at_us:
                held[state.project_id] = min(state.held_at_us, held.get(state.project_id, state.held_at_us))
        self._tell(AGE, since)
        self._tell(HELD_AGE, held)

    def _tell(self, name: str, since: Mapping[str, int]) -> None:
        """Tell how long ago that was of each project."""
        now_us, shown = self.means.clock.now_us(), set[tuple[str, str]]()
        for project_id in sorted(since, key=lambda of: (since[of], of))[:PROJECTS_SHOWN_MAX]:
            labels = (project_id, client_of(project_id))
            shown.add(labels)
            self.means.instruments.gauge(name, *labels).set(max(0, now_us - since[project_id]) / MICROSECONDS)
        for gone in self._shown[name] - shown:
            self.means.instruments.forget(name, *gone)
        self._shown[name] = shown
