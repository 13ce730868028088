"""Units of a project that is closed: nobody is given them any more."""

import msgspec

from services.assign.domain.overlap import slots_open
from services.assign.domain.unit import UnitState

REASON = "project_closed"


def closed(state: UnitState) -> UnitState | None:
    """Return a unit that is given to nobody any more; None while somebody holds it, or where it waits for nobody.

    What somebody holds may be finished, and counts; the unit is looked at again then.

    >>> closed(UnitState("k-u1", "k", "k-p", admitted=True, overlap_wanted=2)).status
    'closed'
    """
    if state.copy_for or not state.wants_labels or not (state.gold or slots_open(state)):
        return None
    if any(assignment.status == "leased" for assignment in state.current):
        return None
    return msgspec.structs.replace(state, status="closed")
