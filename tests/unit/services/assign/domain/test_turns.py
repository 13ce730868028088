"""Which of somebody's projects comes next."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.turns import SOON_US, Candidate, Turns

PROJECTS = ("a", "b", "c")


def test_priority_goes_first_then_what_is_due_within_an_hour_then_each_in_its_turn() -> None:
    turns = Turns()
    candidates = [
        Candidate("later", due_us=SOON_US + 11),
        Candidate("fair"),
        Candidate("soon", due_us=SOON_US + 10),
        Candidate("overdue", due_us=1),
        Candidate("low", priority=-1, due_us=1),
        Candidate("high", priority=5),
    ]
    turns.gave("later", 2)
    assert [candidate.project_id for candidate in turns.in_order(candidates, 10)] == [
        "high",
        "overdue",
        "soon",
        "fair",
        "later",
        "low",
    ]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60))
def test_projects_that_always_have_work_are_never_further_apart_than_what_was_given_at_once(units: list[int]) -> None:
    turns, given_out = Turns(), Counter(dict.fromkeys(PROJECTS, 0))
    for count in units:
        first = turns.in_order([Candidate(project) for project in PROJECTS], 0)[0].project_id
        turns.gave(first, count)
        given_out[first] += count
        assert max(given_out.values()) - min(given_out.values()) <= 5


@given(st.integers(1, 50))
def test_a_project_that_comes_again_after_a_while_has_no_arrears_made_up(while_away: int) -> None:
    turns = Turns()
    both = [Candidate("a"), Candidate("b")]
    for _ in range(while_away):
        turns.gave("a", 1)
    firsts = []
    for _ in range(4):
        firsts.append(turns.in_order(both, 0)[0].project_id)
        turns.gave(firsts[-1], 1)
    assert 1 <= firsts.count("a") <= 3
