"""A label comes in: it counts while its unit wants it, and is kept as late otherwise. Human work is never dropped."""

import msgspec

from services.assign.domain.lease import owned
from services.assign.domain.overlap import slots_open
from services.assign.domain.refusals import AnsweredOtherwise, LeaseOver
from services.assign.domain.unit import Assignment, AssignmentStatus, UnitState


def submit(
    state: UnitState | None, assignment_id: str, annotator_id: str, label_digest: str, active_ms: int, now_us: int
) -> UnitState:
    """Return the unit with the label in; the same label again changes nothing.

    It counts (`submitted`) while the lease is the annotator's, however long ago it passed, and after it was ended
    as long as its slot is open; else (unit closed, sent back or full meanwhile) it is kept as `late`.

    No more active time is believed than has passed since the lease began.

    Raises:
        AssignmentUnknown: see there.
        LeaseOver: the annotator skipped or returned the unit before.
        AnsweredOtherwise: another label was submitted before.
    """
    assignment = owned(state, assignment_id, annotator_id)
    assert state is not None, "somebody owns an assignment of it"
    if assignment.status in ("submitted", "late"):
        if assignment.label_digest != label_digest:
            raise AnsweredOtherwise(f"Another label was submitted for {assignment_id} before.")
        return state
    if assignment.status in ("skipped", "returned"):
        raise LeaseOver(f"Assignment {assignment_id} was {assignment.status} before.")
    status: AssignmentStatus = "submitted" if _counts(state, assignment) else "late"
    passed_ms = max(0, now_us - assignment.issued_at_us) // 1_000
    return state.with_assignment(
        msgspec.structs.replace(
            assignment, status=status, label_digest=label_digest, active_ms=min(active_ms, passed_ms)
        )
    )


def _counts(state: UnitState, assignment: Assignment) -> bool:
    if not state.wants_labels or assignment.rework != state.rework:
        return False
    if any(one.annotator_id == assignment.annotator_id and one.status == "submitted" for one in state.current):
        return False  # they had the unit twice, and have labelled it: a second label of theirs is no second opinion
    return assignment.status == "leased" or slots_open(state) > 0
