"""Caps: how much of a project one annotator is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assign.domain.caps import DAY_US, NO_CAPS, Caps, Count, Reached, Spent, counted, reached, room
from services.assign.domain.desk import DeskState, take

NOON = DAY_US // 2


@pytest.mark.parametrize(
    ("caps", "found"),
    [
        (NO_CAPS, None),
        (Caps(units_per_day=4), None),
        (Caps(units_per_day=3), Reached("units_per_day", DAY_US)),
        (Caps(ms_per_day=60_000), Reached("ms_per_day", DAY_US)),
        (Caps(ms_per_day=60_001), None),
        (Caps(units=9), None),
        (Caps(units=8), Reached("units", None)),
        (Caps(1, 1, 1), Reached("units", None)),
    ],
)
def test_the_cap_that_leaves_no_room_is_told_and_until_when(caps: Caps, found: Reached | None) -> None:
    count = Count(0, 2, 60_000, 7)
    assert reached(count, [5], caps, NOON) == found
    assert (room(count, [5], caps, NOON) == 0) == (found is not None)


def test_a_new_day_begins_with_nothing_and_what_is_held_from_before_is_not_of_it() -> None:
    count = counted(Count(0, 3, 60_000, 7), [Spent(DAY_US - 1, 500)], DAY_US + 1)
    assert count == Count(1, 0, 0, 8)
    assert room(count, [DAY_US - 1], Caps(units_per_day=1), DAY_US + 1) == 1


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(1, 8), st.sets(st.integers(0, 60)), st.booleans()), max_size=40),
)
def test_no_more_is_ever_given_in_a_day_than_the_cap_whatever_ends_in_between(
    cap: int, claims: list[tuple[int, set[int], bool]]
) -> None:
    desk, caps, now_us = DeskState("c1-p", "ann"), Caps(units_per_day=cap), NOON
    labelled, number = 0, 0
    for wanted, ending, labels in claims:
        over = frozenset(place for index, place in enumerate(desk.places) if index in ending)
        spent = [(place, Spent(place.at_us)) for place in over] if labels else []
        keys = [f"u{number + step}" for step in range(wanted)]
        number += wanted
        after = take(desk, keys, over, now_us, caps, spent)
        if after is not None:
            labelled += len(spent)
            desk = after
        now_us += 1
        assert labelled + len(desk.places) <= cap
