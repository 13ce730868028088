"""Leases: for how long an annotator holds a unit, and how a hold ends."""

from typing import Literal

import msgspec

from services.assign.domain.models import PERSON, Part
from services.assign.domain.overlap import left_by_models, offered_to, open_to_models
from services.assign.domain.refusals import AssignmentUnknown, LeaseExpired, LeaseOver, NotOffered, RenewalsUsedUp
from services.assign.domain.unit import Assignment, AssignmentStatus, UnitState

SkipCode = Literal["guideline_unclear", "payload_broken", "language", "knowledge", "harm", "other"]
"""Why somebody passes a unit over."""
NOT_THEIRS: frozenset[SkipCode] = frozenset({"guideline_unclear", "payload_broken"})
"""Of these the ones that lie with the guideline or with the unit, whoever is given it."""


def issue(
    state: UnitState,
    annotator_id: str,
    assignment_id: str,
    now_us: int,
    lease_until_us: int,
    guideline: int,
    hops: int = 0,
    schema: int = 1,
    part: Part = PERSON,
) -> UnitState:
    """Return the unit leased to the annotator.

    Raises:
        NotOffered: its overlap is full, or it is not, or no more, for this annotator.
    """
    if not offered_to(state, annotator_id) or state.assignment(assignment_id) is not None:
        raise NotOffered(f"Unit {state.unit_id} is not offered to you now.")
    if part.leaves_room and not state.copy_for and not open_to_models(left_by_models(state), part.humans_min):
        raise NotOffered(f"The places of unit {state.unit_id} that are left are people's.")
    return msgspec.structs.replace(state, stranded=state.stranded and part.beside).with_assignment(
        Assignment(
            id=assignment_id,
            annotator_id=annotator_id,
            status="leased",
            lease_until_us=lease_until_us,
            guideline_version=guideline,
            rework=state.rework,
            referral=state.referral,
            issued_at_us=now_us,
            turn=state.turn,
            hops=hops,
            schema_version=schema,
            model=part.model,
            beside=part.beside and not state.copy_for,
        )
    )


def owned(state: UnitState | None, assignment_id: str, annotator_id: str) -> Assignment:
    """Return the annotator's assignment.

    Raises:
        AssignmentUnknown: there is none, or it is somebody else's.
    """
    found = state.assignment(assignment_id) if state is not None else None
    if found is None or found.annotator_id != annotator_id:
        raise AssignmentUnknown(assignment_id)
    return found


def held(state: UnitState | None, assignment_id: str, annotator_id: str) -> Assignment:
    """Return the annotator's lease, on a unit that is not withdrawn; one that has passed and was not handed on counts.

    Raises:
        AssignmentUnknown, LeaseExpired, LeaseOver: see there.
    """
    owned(state, assignment_id, annotator_id)
    assert state is not None, "somebody owns an assignment of it"
    if state.status == "withdrawn":
        raise LeaseOver(f"The unit of {assignment_id} was withdrawn.")
    return _running(state, assignment_id, annotator_id)


def _running(state: UnitState, assignment_id: str, annotator_id: str) -> Assignment:
    assignment = owned(state, assignment_id, annotator_id)
    if assignment.status == "expired":
        raise LeaseExpired(f"The lease of {assignment_id} has ended and the unit was handed on.")
    if assignment.status != "leased":
        raise LeaseOver(f"Assignment {assignment_id} was {assignment.status} before.")
    return assignment


def renew(state: UnitState, assignment_id: str, annotator_id: str, lease_until_us: int, renewals_max: int) -> UnitState:
    """Return the unit with the lease prolonged; a lease that has passed and was not handed on counts as running.

    Raises:
        AssignmentUnknown, LeaseExpired, LeaseOver: see there.
        RenewalsUsedUp: it was renewed `renewals_max` times.
    """
    lease = _running(state, assignment_id, annotator_id)
    if lease.renewals >= renewals_max:
        raise RenewalsUsedUp(f"The lease of {assignment_id} was renewed {lease.renewals} times, as often as it may.")
    until_us = max(lease.lease_until_us, lease_until_us)
    return state.with_assignment(msgspec.structs.replace(lease, lease_until_us=until_us, renewals=lease.renewals + 1))


def give_up(state: UnitState, assignment_id: str, annotator_id: str, how: AssignmentStatus) -> UnitState:
    """Return the unit skipped or returned by its annotator; the same again changes nothing.

    Raises:
        AssignmentUnknown, LeaseExpired, LeaseOver: see there.
    """
    if owned(state, assignment_id, annotator_id).status == how:
        return state
    lease = _running(state, assignment_id, annotator_id)
    return state.with_assignment(msgspec.structs.replace(lease, status=how))


def expire(state: UnitState, assignment_id: str, now_us: int) -> UnitState | None:
    """Return the unit with the lease ended; None when it still runs or ended otherwise."""
    lease = state.assignment(assignment_id)
    if lease is None or lease.status != "leased" or now_us < lease.lease_until_us:
        return None
    return state.with_assignment(msgspec.structs.replace(lease, status="expired"))


class WallTime:
    """Tells whether the wall clock can be trusted to end leases.

    After a jump back nothing ends until it has caught up, since leases were measured by the later time.
    """

    def __init__(self) -> None:
        self._latest_us = 0

    def behind(self, now_us: int) -> bool:
        """Return whether the clock stands before a time that it has shown already."""
        self._latest_us = max(self._latest_us, now_us)
        return now_us < self._latest_us


def running(state: UnitState, annotator_id: str) -> Assignment | None:
    """Return the annotator's lease that runs on a unit that still wants their label."""
    if not state.wants_labels:
        return None
    for assignment in state.current:
        if assignment.annotator_id == annotator_id and assignment.status == "leased":
            return assignment
    return None


def handed_on(state: UnitState | None, annotator_id: str, since_us: int) -> tuple[str, int] | None:
    """Return where the place of a lease went, and when: with its label, to the next lease; None while it went nowhere.

    Args:
        state: the newest state of the unit for which the place was taken, or to which it came.
        annotator_id: whose place it is.
        since_us: when it was taken, or came.
    """
    for assignment in state.assignments if state is not None else ():
        if assignment.handed_to and assignment.annotator_id == annotator_id and assignment.issued_at_us >= since_us:
            return assignment.handed_to, assignment.handed_at_us
    return None


def over(state: UnitState | None, annotator_id: str, since_us: int, waited_us: int, now_us: int) -> bool:
    """Return whether a place that was taken on an annotator's desk for this unit is free again.

    It is when the lease that was issued for it has ended, or when none has been seen for so long that none will come.

    Args:
        state: the unit's newest state.
        annotator_id: whose desk it is.
        since_us: when the place was taken.
        waited_us: for how long a lease is waited for that is not seen.
        now_us: the time.
    """
    if state is not None and running(state, annotator_id) is not None:
        return False
    issued = state is not None and any(
        assignment.annotator_id == annotator_id and assignment.issued_at_us >= since_us
        for assignment in state.assignments
    )
    return issued or now_us - since_us > waited_us


def spent(state: UnitState | None, annotator_id: str, since_us: int) -> int | None:
    """Return the active time of the lease that was issued for a place, in milliseconds, where it counts under caps.

    It does when it ended with a label, or by itself; None for what was skipped, given back, or never came.
    """
    for assignment in state.assignments if state is not None else ():
        if assignment.annotator_id == annotator_id and assignment.issued_at_us >= since_us:
            return assignment.active_ms if assignment.status in ("submitted", "late", "expired") else None
    return None
