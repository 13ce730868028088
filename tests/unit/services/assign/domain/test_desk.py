"""Places on an annotator's desk."""

from services.assign.domain.desk import (
    LEASES_MAX,
    PAGE_RECORDS_MAX,
    PLACE_SECONDS,
    DeskState,
    close,
    next_page,
    take,
)
from services.assign.domain.lease import expire, issue, over
from services.assign.domain.unit import UnitState, with_overlap

EMPTY = DeskState("c1-p", "ann")
WAITED_US = PLACE_SECONDS * 1_000_000


def keys(first: int, count: int) -> list[str]:
    return [f"c1/unit/c1-u{number}" for number in range(first, first + count)]


def test_no_more_places_are_taken_than_there_are_and_ended_ones_are_free_again() -> None:
    full = take(EMPTY, keys(0, LEASES_MAX + 10), frozenset(), 1)
    assert full is not None
    assert [place.key for place in full.places] == keys(0, LEASES_MAX)
    assert take(full, keys(100, 1), frozenset(), 2) is None
    again = take(full, keys(100, 5), frozenset(full.places[:2]), 2)
    assert again is not None
    assert [place.key for place in again.places] == keys(2, LEASES_MAX - 2) + keys(100, 2)


def test_a_place_that_is_taken_is_not_taken_twice() -> None:
    desk = take(EMPTY, keys(0, 1), frozenset(), 1)
    assert desk is not None
    assert take(desk, keys(0, 1), frozenset(), 2) is None


def test_what_was_known_of_an_earlier_place_does_not_free_the_one_that_was_taken_for_the_same_unit_since() -> None:
    desk = take(EMPTY, keys(0, 1), frozenset(), 1)
    assert desk is not None
    ended = frozenset(desk.places)
    other_claim = take(desk, keys(0, 1), ended, 2)
    assert other_claim is not None
    late = take(other_claim, keys(1, 1), ended, 3)
    assert late is not None
    assert [(place.key, place.at_us) for place in late.places] == [(keys(0, 1)[0], 2), (keys(1, 1)[0], 3)]


def test_a_full_page_is_closed_once_and_the_next_one_holds_what_it_held() -> None:
    page = EMPTY
    for number in range(PAGE_RECORDS_MAX):
        assert close(page) is None
        page = take(page, keys(number, 1), frozenset(page.places), number) or page
    shut = close(page)
    assert shut is not None
    assert close(shut) is None
    following = next_page(shut)
    assert (following.page, following.places, following.closed, following.records) == (1, page.places, False, 0)


def test_a_place_is_free_when_its_lease_has_ended_or_none_was_seen_for_long() -> None:
    unit = with_overlap(UnitState("c1-u1", "c1", "c1-p", admitted=True), 2)
    leased = issue(unit, "ann", "c1-u1.ann", 10, 100, 1)
    ended = expire(leased, "c1-u1.ann", 100)
    assert over(leased, "ann", 9, WAITED_US, 10**15) is False, "it runs, however long"
    assert over(ended, "ann", 9, WAITED_US, 200) is True
    assert over(ended, "ann", 11, WAITED_US, 200) is False, "that was an earlier lease: this one's may be on its way"
    assert over(unit, "ann", 9, WAITED_US, 10 + WAITED_US) is True
    assert over(None, "ann", 9, WAITED_US, 10) is False
