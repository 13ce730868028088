"""How long lots have waited for their verdict, or for their re-review, and which stand still: by project."""

from collections import Counter
from collections.abc import Mapping

from concord.chassis.clock import MICROSECONDS
from concord.chassis.telemetry import ByProject
from services.audit.handlers.means import Means

AGE = "concord_audit_project_lot_oldest_seconds"
HELD_AGE = "concord_audit_project_held_oldest_seconds"
STANDING = "concord_audit_project_lots_standing"


class Ages:
    """Tells the age of each project's oldest lot that is not decided, and of the oldest hold; how many stand still.

    A turnaround is measured of what was accepted, so a lot that never is would be seen in no measure at all.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self._gauges = {name: ByProject(means.instruments, name) for name in (AGE, HELD_AGE, STANDING)}

    async def look(self) -> None:
        """Tell of what waits now, and of nothing any more that does not."""
        since: dict[str, int] = {}
        held: dict[str, int] = {}
        standing = Counter[str]()
        for lot in self.means.repository.open_lots(None):
            state = lot.state
            if state.sealed_at_us:  # a recheck waits by its nature until its units are drawn
                since[state.project_id] = min(state.sealed_at_us, since.get(state.project_id, state.sealed_at_us))
            if lot.is_held and state.held_at_us:
                held[state.project_id] = min(state.held_at_us, held.get(state.project_id, state.held_at_us))
            if lot.problem:
                standing[state.project_id] += 1
        self._tell(AGE, since)
        self._tell(HELD_AGE, held)
        self._gauges[STANDING].tell(standing)

    def _tell(self, name: str, since: Mapping[str, int]) -> None:
        """Tell how long ago that was of each project."""
        now_us = self.means.clock.now_us()
        ages = {project_id: max(0, now_us - at_us) / MICROSECONDS for project_id, at_us in since.items()}
        self._gauges[name].tell(ages)
