"""A unit's state machine, move by move."""

from collections.abc import Callable

import msgspec
import pytest

from services.assign.domain.lease import WallTime, expire, give_up, issue, renew
from services.assign.domain.overlap import offered_to, slots_open, turns
from services.assign.domain.refusals import (
    AnsweredOtherwise,
    AssignmentUnknown,
    LeaseExpired,
    LeaseOver,
    NotOffered,
    RenewalsUsedUp,
)
from services.assign.domain.submission import submit
from services.assign.domain.unit import UnitState, close, copy_for, raise_overlap, send_back, with_overlap, withdraw


def admitted(**fields: object) -> UnitState:
    """Return a unit that wants two labels."""
    state = with_overlap(UnitState("c1-u1", "c1", "c1-p", admitted=True), 2)
    return msgspec.structs.replace(state, **fields)


def leased(state: UnitState, *names: str) -> UnitState:
    """Return the unit leased to these, until 100."""
    for name in names:
        state = issue(state, name, f"c1-u1.{name}{state.rework}", 0, 100, 1)
    return state


def test_a_unit_is_leased_to_as_many_as_it_wants_and_to_each_once() -> None:
    state = leased(admitted(), "ann")
    with pytest.raises(NotOffered):
        leased(state, "ann")
    state = leased(state, "bob")
    assert slots_open(state) == 0
    with pytest.raises(NotOffered):
        leased(state, "cem")


def test_a_slot_is_open_again_when_its_lease_ends_and_not_for_who_had_it() -> None:
    state = leased(admitted(), "ann", "bob")
    assert expire(state, "c1-u1.ann0", 99) is None
    ended = expire(state, "c1-u1.ann0", 100)
    assert ended is not None
    assert (slots_open(ended), offered_to(ended, "ann"), offered_to(ended, "cem")) == (1, False, True)
    assert expire(ended, "c1-u1.ann0", 200) is None


@pytest.mark.parametrize("how", ["skipped", "returned"])
def test_giving_up_twice_changes_nothing_and_a_label_after_it_is_refused(how: str) -> None:
    state = give_up(leased(admitted(), "ann"), "c1-u1.ann0", "ann", how)  # type: ignore[arg-type]  # parametrised
    assert give_up(state, "c1-u1.ann0", "ann", how) is state  # type: ignore[arg-type]  # parametrised
    with pytest.raises(LeaseOver):
        submit(state, "c1-u1.ann0", "ann", "d", 1, 50)


def test_nobody_touches_an_assignment_of_somebody_else() -> None:
    state = leased(admitted(), "ann")
    moves: list[Callable[[], object]] = [
        lambda: submit(state, "c1-u1.ann0", "bob", "d", 1, 50),
        lambda: give_up(state, "c1-u1.ann0", "bob", "skipped"),
        lambda: renew(state, "c1-u1.ann0", "bob", 500, 3),
        lambda: submit(None, "c1-u1.ann0", "ann", "d", 1, 50),
    ]
    for move in moves:
        with pytest.raises(AssignmentUnknown):
            move()


def test_a_label_counts_only_while_the_unit_wants_it() -> None:
    state = leased(admitted(), "ann", "bob")
    closed = close(state, 0)
    again = send_back(state, 1)
    gone = withdraw(state)
    for after in (closed, again, gone):
        assert after is not None
        assert submit(after, "c1-u1.ann0", "ann", "d", 1, 50).assignments[0].status == "late"
    in_time = submit(state, "c1-u1.ann0", "ann", "d", 1, 50)
    assert in_time.assignments[0].status == "submitted"
    assert submit(in_time, "c1-u1.ann0", "ann", "d", 1, 50) is in_time
    with pytest.raises(AnsweredOtherwise):
        submit(in_time, "c1-u1.ann0", "ann", "e", 1, 50)


def test_no_more_active_time_is_believed_than_has_passed_since_the_lease_began() -> None:
    state = issue(admitted(), "ann", "c1-u1.ann0", 1_000_000, 9_000_000, 1)
    day_ms = 86_400_000
    assert submit(state, "c1-u1.ann0", "ann", "d", day_ms, 5_000_000).assignments[0].active_ms == 4_000
    assert submit(state, "c1-u1.ann0", "ann", "d", 3_000, 5_000_000).assignments[0].active_ms == 3_000
    assert submit(state, "c1-u1.ann0", "ann", "d", day_ms, 0).assignments[0].active_ms == 0, "a clock that jumped back"


def test_a_label_after_expiry_takes_the_slot_back_unless_somebody_has_it() -> None:
    ended = expire(leased(admitted(), "ann", "bob"), "c1-u1.ann0", 100)
    assert ended is not None
    assert submit(ended, "c1-u1.ann0", "ann", "d", 1, 50).assignments[0].status == "submitted"
    assert submit(leased(ended, "cem"), "c1-u1.ann0", "ann", "d", 1, 50).assignments[0].status == "late"
    with pytest.raises(LeaseExpired):
        renew(ended, "c1-u1.ann0", "ann", 500, 3)
    with pytest.raises(LeaseExpired):
        give_up(ended, "c1-u1.ann0", "ann", "skipped")


def test_renewals_prolong_and_never_shorten_and_are_counted() -> None:
    state = leased(admitted(), "ann")
    assert renew(state, "c1-u1.ann0", "ann", 50, 1).assignments[0].lease_until_us == 100
    once = renew(state, "c1-u1.ann0", "ann", 500, 1)
    assert once.assignments[0].lease_until_us == 500
    with pytest.raises(RenewalsUsedUp):
        renew(once, "c1-u1.ann0", "ann", 900, 1)


def test_after_rework_everybody_may_see_it_again_and_the_initial_overlap_is_wanted() -> None:
    raised = raise_overlap(leased(admitted(), "ann", "bob"), 0, 4)
    assert raised is not None
    assert slots_open(raised) == 2
    again = send_back(raised, 1)
    assert again is not None
    assert (slots_open(again), offered_to(again, "ann")) == (2, True)
    assert send_back(again, 1) is None
    assert raise_overlap(again, 0, 5) is None, "what is told of an earlier time is over"


def test_turns_pass_over_who_gave_up_and_grow_with_the_overlap() -> None:
    state = admitted(named=("ann", "bob", "cem", "dan"))
    assert turns(state) == ("ann", "bob")
    state = leased(state, "ann")
    assert turns(state) == ("bob",)
    gone = give_up(state, "c1-u1.ann0", "ann", "returned")
    assert turns(gone) == ("bob", "cem")
    more = raise_overlap(gone, 0, 3)
    assert more is not None
    assert turns(more) == ("bob", "cem", "dan")
    assert offered_to(more, "eve") is False


def test_a_gold_unit_waits_for_all_its_names_and_its_copy_for_one_once() -> None:
    gold = with_overlap(UnitState("c1-u1", "c1", "c1-p", admitted=True, gold=True, named=("ann", "bob", "cem")), 2)
    assert turns(gold) == ("ann", "bob", "cem")
    copy = leased(copy_for(gold, "bob"), "bob")
    assert (turns(copy), offered_to(copy, "ann")) == ((), False)


def test_a_clock_that_jumped_back_is_behind_until_it_has_caught_up() -> None:
    wall = WallTime()
    assert [wall.behind(now) for now in (10, 20, 15, 19, 20, 21)] == [False, False, True, True, False, False]
