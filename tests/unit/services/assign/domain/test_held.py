"""Leases that run: found by their end, and forgotten when they are over, however long they might have run."""

import gc

from services.assign.domain.held import ENDS_SPARE_MAX, HeldLeases
from services.assign.domain.unit import Assignment, AssignmentStatus, UnitState


def unit(number: int, status: AssignmentStatus, until_us: int) -> UnitState:
    lease = Assignment(id=f"a{number}", annotator_id="ann", status=status, lease_until_us=until_us)
    return UnitState(unit_id=f"u{number}", client_id="k", project_id="p", assignments=(lease,))


def test_leases_that_are_over_leave_nothing_though_they_could_have_run_for_hours() -> None:
    held = HeldLeases()
    for number in range(5 * ENDS_SPARE_MAX):
        held.settle(unit(number, "leased", 10**15 + number), "u")
        if number >= 10:
            held.settle(unit(number, "submitted", 10**15 + number), "u")
    entries = sum(
        isinstance(get_referent, list) and len(get_referent) for get_referent in gc.get_referents(held.__dict__)
    )
    assert entries <= ENDS_SPARE_MAX + 2 * len(held) + 1
    assert [hold.assignment_id for hold in held.due(10**15 + 4, 100)] == [f"a{number}" for number in range(5)]
    assert len(held) == 10


def test_a_lease_that_was_renewed_ends_at_its_new_end_also_after_others_were_forgotten() -> None:
    held = HeldLeases()
    held.settle(unit(0, "leased", 100), "u")
    held.settle(unit(0, "leased", 300), "u")
    for number in range(1, 3 * ENDS_SPARE_MAX):
        held.settle(unit(number, "leased", 200), "u")
        held.settle(unit(number, "submitted", 200), "u")
    assert held.due(299, 10) == []
    assert [hold.until_us for hold in held.due(300, 10)] == [300]
