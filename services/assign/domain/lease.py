"""Leases: for how long an annotator holds a unit, and how a hold ends."""

from collections import deque

import msgspec

from services.assign.domain.overlap import offered_to
from services.assign.domain.refusals import AssignmentUnknown, LeaseExpired, LeaseOver, NotOffered, RenewalsUsedUp
from services.assign.domain.unit import Assignment, AssignmentStatus, UnitState

LEASE_SECONDS_MIN = 120
ACTIVE_TIME_MULTIPLE = 3
ACTIVE_TIME_QUANTILE = 0.95
ACTIVE_TIMES_MAX = 512
"""Submissions of a project that its lease is measured by: the newest."""
ACTIVE_TIMES_MIN = 20
"""Fewer say nothing about a 95th percentile."""
MEASURE_AGAIN_TIMES = 32


class ActiveTimes:
    """The newest active times of one project and their 95th percentile, measured anew every so often."""

    def __init__(self) -> None:
        self._times_ms: deque[int] = deque(maxlen=ACTIVE_TIMES_MAX)
        self._unmeasured = 0
        self._quantile_ms = 0

    def add(self, active_ms: int) -> None:
        """Take in one submission's active time; 0 (not told) is left out."""
        if active_ms <= 0:
            return
        self._times_ms.append(active_ms)
        self._unmeasured += 1
        if len(self._times_ms) >= ACTIVE_TIMES_MIN and (
            self._unmeasured >= MEASURE_AGAIN_TIMES or not self._quantile_ms
        ):
            ordered = sorted(self._times_ms)
            self._quantile_ms = ordered[int(ACTIVE_TIME_QUANTILE * (len(ordered) - 1))]
            self._unmeasured = 0

    def lease_seconds(self, policy_seconds: int) -> int:
        """Return for how long a unit is leased: what the project says, else 3 times the 95th percentile.

        Args:
            policy_seconds: the project's own; 0 when it leaves it to the active time.
        """
        if policy_seconds:
            return policy_seconds
        return max(LEASE_SECONDS_MIN, -(-ACTIVE_TIME_MULTIPLE * self._quantile_ms // 1_000))


def issue(state: UnitState, annotator_id: str, assignment_id: str, lease_until_us: int, guideline: int) -> UnitState:
    """Return the unit leased to the annotator.

    Raises:
        NotOffered: its overlap is full, or it is not, or no more, for this annotator.
    """
    if not offered_to(state, annotator_id) or state.assignment(assignment_id) is not None:
        raise NotOffered(f"Unit {state.unit_id} is not offered to you now.")
    return state.with_assignment(
        Assignment(
            id=assignment_id,
            annotator_id=annotator_id,
            status="leased",
            lease_until_us=lease_until_us,
            guideline_version=guideline,
            rework=state.rework,
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
