"""Who is left to label a unit, and what becomes of one that nobody is left for."""

import msgspec
import pytest

from services.assign.domain.lease import expire, give_up, issue
from services.assign.domain.overlap import offered_to, slots_open, turns
from services.assign.domain.stranding import LET_GO_MAX, TURNS_MAX, once_more, strand, unbar, why_nobody
from services.assign.domain.submission import submit
from services.assign.domain.unit import AssignmentStatus, UnitState, raise_overlap, send_back, with_overlap

TEAM = frozenset({"ann", "bob"})


def unit(overlap: int = 2, named: tuple[str, ...] = ()) -> UnitState:
    """Return a unit that wants so many labels."""
    return with_overlap(UnitState("c1-u1", "c1", "c1-p", admitted=True, named=named), overlap)


def had(state: UnitState, name: str, how: AssignmentStatus) -> UnitState:
    """Return the unit after somebody had it."""
    assignment_id = f"c1-u1.{name}{state.rework}.{state.turn}"
    state = issue(state, name, assignment_id, 0, 100, 1)
    if how == "leased":
        return state
    if how == "submitted":
        return submit(state, assignment_id, name, "d", 1, 50)
    if how == "expired":
        return expire(state, assignment_id, 100) or state
    return give_up(state, assignment_id, name, how)


@pytest.mark.parametrize("how", ["skipped", "returned", "expired"])
def test_a_unit_goes_back_to_who_let_it_go_once_nobody_else_is_left(how: AssignmentStatus) -> None:
    state = had(unit(), "ann", how)
    assert why_nobody(state, TEAM) == "", "bob has not had it"
    assert once_more(state, TEAM) is None
    state = had(state, "bob", "submitted")
    assert (why_nobody(state, TEAM), offered_to(state, "ann")) == ("everybody_had_it", False)
    again = once_more(state, TEAM)
    assert again is not None
    assert [offered_to(again, name) for name in ("ann", "bob")] == [True, False]
    assert strand(state, TEAM) is None, "ann may have it once more"


def test_a_unit_that_is_let_go_again_and_again_is_stranded_in_the_end() -> None:
    state = had(had(unit(), "bob", "submitted"), "ann", "skipped")
    for _ in range(TURNS_MAX):
        again = once_more(state, TEAM)
        assert again is not None
        state = had(again, "ann", "skipped")
    assert once_more(state, TEAM) is None
    entry = strand(state, TEAM)
    assert entry is not None
    assert strand(entry, TEAM) is None, "it is told once"
    assert why_nobody(entry, TEAM | {"new"}) == "", "somebody new may have it"
    assert issue(entry, "new", "c1-u1.new", 0, 100, 1).stranded is False


def test_a_team_smaller_than_the_overlap_leaves_a_unit_stranded() -> None:
    state = had(had(unit(overlap=3), "ann", "submitted"), "bob", "submitted")
    assert slots_open(state) == 1
    assert strand(state, TEAM) is not None
    assert strand(had(had(unit(), "ann", "submitted"), "bob", "leased"), TEAM) is None, "no slot is open"


def test_named_people_who_do_not_exist_or_have_had_it_are_told_of() -> None:
    assert why_nobody(unit(named=("C1 ", "no body")), TEAM) == "named_not_known"
    assert why_nobody(unit(named=("no body", "ann")), TEAM) == "", "it is ann's turn, too"
    assert why_nobody(unit(overlap=1, named=("no body", "ann")), TEAM) == "named_not_known", "and now it is not"
    state = had(unit(named=("ann",)), "ann", "submitted")
    assert why_nobody(state, TEAM) == "named_had_it"
    skipped = had(unit(overlap=1, named=("ann",)), "ann", "skipped")
    again = once_more(skipped, TEAM)
    assert again is not None
    assert offered_to(again, "ann")


def test_what_everybody_passes_over_does_not_go_to_all_and_no_state_grows_with_the_crowd() -> None:
    state = unit()
    crowd = frozenset(f"w{number}" for number in range(1_000))
    for number in range(LET_GO_MAX):
        state = had(state, f"w{number}", "skipped")
    assert why_nobody(state, crowd) == "given_up_too_often"
    assert once_more(state, crowd) is None
    assert strand(state, crowd) is not None


def test_a_second_turn_gives_nobody_two_labels_of_one_unit() -> None:
    state = had(had(unit(overlap=2), "ann", "expired"), "bob", "expired")
    again = once_more(state, TEAM)
    assert again is not None
    state = had(again, "ann", "submitted")
    first = submit(state, "c1-u1.ann0.0", "ann", "d", 1, 50)
    assert [assignment.status for assignment in first.assignments if assignment.annotator_id == "ann"] == [
        "late",
        "submitted",
    ]


def test_gold_and_what_wants_no_labels_waits_for_nobody() -> None:
    assert why_nobody(msgspec.structs.replace(unit(), gold=True), TEAM) == ""
    assert why_nobody(msgspec.structs.replace(unit(), status="closed"), frozenset()) == ""
    assert why_nobody(unit(), frozenset()) == "everybody_had_it", "nobody is defined"


def test_sent_back_or_asked_for_again_it_begins_anew() -> None:
    state = strand(had(had(unit(overlap=3), "ann", "submitted"), "bob", "submitted"), TEAM)
    assert state is not None
    back, more = send_back(state, 1), raise_overlap(state, 0, 4)
    assert back is not None
    assert more is not None
    assert (back.stranded, back.turn, why_nobody(back, TEAM)) == (False, 0, "")
    assert more.stranded is False


def barred(*names: str) -> UnitState:
    """Return a unit of a rejected lot for whose rejection these are at fault."""
    state = send_back(had(unit(overlap=1), "ann", "submitted"), 1, names)
    assert state is not None
    return state


def test_who_is_at_fault_is_not_offered_the_unit_anew_while_there_is_anybody_else() -> None:
    state = barred("ann")
    assert (offered_to(state, "ann"), offered_to(state, "bob")) == (False, True)
    assert why_nobody(state, TEAM) == ""
    assert unbar(state, TEAM) is None


def test_where_only_they_are_left_nobody_is_barred_any_more_and_it_is_not_stranded() -> None:
    alone = frozenset({"ann"})
    state = barred("ann")
    assert strand(state, alone) is None
    again = unbar(state, alone)
    assert again is not None
    assert offered_to(again, "ann")
    assert unbar(again, alone) is None
    assert unbar(state, frozenset()) is None, "they are not there either"
    assert strand(state, frozenset()) is not None


def test_a_bar_is_of_one_rework_whichever_is_heard_of_first() -> None:
    state = raise_overlap(unit(), 1, 3)
    assert state is not None
    state = send_back(state, 1, ("ann",))
    assert state is not None, "that it was sent back was known, and not for whom"
    assert not offered_to(state, "ann")
    assert send_back(state, 1, ("ann",)) is None
    later = send_back(state, 2, ("bob",))
    assert later is not None
    assert (offered_to(later, "ann"), offered_to(later, "bob")) == (True, False)
    assert send_back(later, 1, ("ann",)) is None


def test_of_a_named_unit_the_next_name_is_taken_for_who_is_barred() -> None:
    state = msgspec.structs.replace(barred("ann"), named=("ann", "bob"))
    assert turns(state) == ("bob",)
    assert why_nobody(msgspec.structs.replace(state, named=("ann",)), TEAM) == "named_had_it"
    assert unbar(msgspec.structs.replace(state, named=("ann",)), TEAM) is not None
