"""A label comes in: it counts while its unit wants it, and is kept as late otherwise. Human work is never dropped."""

import msgspec

from services.assign.domain.lease import owned, running
from services.assign.domain.overlap import slots_open
from services.assign.domain.refusals import AnsweredOtherwise, LeaseOver
from services.assign.domain.unit import Assignment, AssignmentStatus, UnitState

HOPS_MAX = 16
"""How often a place on a desk is handed on before one is taken anew: who looks after it follows so many leases."""


def submit(
    state: UnitState | None,
    assignment_id: str,
    annotator_id: str,
    label_digest: str,
    active_ms: int,
    now_us: int,
    next_key: str = "",
    revise_for_us: int = 0,
) -> UnitState:
    """Return the unit with the label in; the same label again changes nothing.

    It counts (`submitted`) while the lease is the annotator's, however long ago it passed, and after it was ended
    as long as its slot is open; else (unit closed, sent or referred back, or full meanwhile) it is kept as `late`. So
    is every label of a model that the project counts never.

    No more active time is believed than has passed since the lease began. With a label that counts, the place on the
    annotator's desk goes to the next lease, where one is to follow: `next_key` is the key of its aggregate. For
    `revise_for_us` the label of a gold unit's copy may be revised; any other until its unit is resolved.

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
    if next_key and hands_on(state, assignment):
        assignment = msgspec.structs.replace(assignment, handed_to=next_key, handed_at_us=now_us)
    passed_ms = max(0, now_us - assignment.issued_at_us) // 1_000
    return state.with_assignment(
        msgspec.structs.replace(
            assignment,
            status=status,
            label_digest=label_digest,
            active_ms=min(active_ms, passed_ms),
            submitted_at_us=now_us,
            revise_until_us=now_us + revise_for_us if state.copy_for else 0,
        )
    )


def hands_on(state: UnitState, assignment: Assignment) -> bool:
    """Return whether the place on the annotator's desk can go from this lease to the next: while it has one."""
    return running(state, assignment.annotator_id) == assignment and assignment.hops < HOPS_MAX


def is_first(state: UnitState, assignment_id: str) -> bool:
    """Return whether an assignment's label is the one that counts which the unit got first, in whichever round."""
    counted = [assignment.id for assignment in state.assignments if assignment.status == "submitted"]
    return counted == [assignment_id] and not state.copy_for


def _counts(state: UnitState, assignment: Assignment) -> bool:
    if not state.wants_labels or not state.is_current(assignment) or assignment.beside:
        return False
    if any(other.annotator_id == assignment.annotator_id and other.status == "submitted" for other in state.current):
        return False  # they had the unit twice, and have labelled it: a second label of theirs is no second opinion
    return assignment.status == "leased" or slots_open(state) > 0
