"""How long lots have waited for their verdict: of those projects of this process in which one has waited longest."""

from concord.chassis.clock import MICROSECONDS
from concord.contracts.ids import client_of
from services.audit.handlers.means import Means

PROJECTS_SHOWN_MAX = 400
"""Projects that have a series of their own: those whose oldest lot is oldest."""
AGE = "concord_audit_project_lot_oldest_seconds"


class Ages:
    """Tells the age of each project's oldest lot that is not decided.

    A turnaround is measured of what was accepted, so a lot that never is would be seen in no measure at all.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self._shown: set[tuple[str, str]] = set()

    async def look(self) -> None:
        """Tell of what waits now, and of nothing any more that does not."""
        since: dict[str, int] = {}
        for lot in self.means.repository.open_lots(None):
            state = lot.state
            if state.sealed_at_us:  # a recheck waits by its nature until its units are drawn
                since[state.project_id] = min(state.sealed_at_us, since.get(state.project_id, state.sealed_at_us))
        now_us, shown = self.means.clock.now_us(), set[tuple[str, str]]()
        for project_id in sorted(since, key=lambda of: (since[of], of))[:PROJECTS_SHOWN_MAX]:
            labels = (project_id, client_of(project_id))
            shown.add(labels)
            self.means.instruments.gauge(AGE, *labels).set(max(0, now_us - since[project_id]) / MICROSECONDS)
        for gone in self._shown - shown:
            self.means.instruments.forget_all(*gone)
        self._shown = shown
