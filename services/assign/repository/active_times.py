"""What was written down of how long units of a project take."""

from concord.chassis.journal.journal import Journal
from services.assign.domain.active_time import ActiveTimes, ActiveTimeState
from services.assign.repository.kinds import ACTIVE_TIME, active_time_key


async def inform(journal: Journal, times: ActiveTimes, project_id: str) -> None:
    """Tell a project's active times what was written down of them."""
    key = active_time_key(project_id)
    written = (await journal.states(ACTIVE_TIME, [key])).get(key) or ActiveTimeState(project_id, 0.0)
    times.inform(written.quantile_ms, written.median_ms)
