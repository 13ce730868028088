"""The table of places as one process knows it."""

import pytest

from concord.chassis.broker.port import Deal
from concord.chassis.places.owner import Owned, Owner, Standing

ME, OTHER = "http://10.0.0.1:8000", "http://10.0.0.2:8000"


def deal(mine: set[int], kept: set[int] | None = None, theirs: set[int] | None = None) -> Deal:
    table = {ME: frozenset(mine), OTHER: frozenset(range(8)) - mine if theirs is None else frozenset(theirs)}
    return Deal(frozenset(mine), frozenset(kept or ()), table)


def standings(owner: Owner) -> str:
    """Return how each place stands, by the first letter."""
    return "".join(owner.whose(place).standing.value[0] for place in range(owner.places))


def test_nobody_owns_anything_before_the_group_is_dealt() -> None:
    owner = Owner(8, ME)
    assert standings(owner) == "uuuuuuuu"
    assert not owner.whole()
    assert (owner.given(), owner.open(), owner.others()) == ({}, frozenset(), ())


def test_what_is_gained_is_loading_until_it_is_opened_and_the_rest_is_theirs() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0, 1}))
    assert standings(owner) == "lltttttt"
    assert owner.whose(8 + 2) == Owned(Standing.THEIRS, OTHER), "a slot's place is its remainder"
    owner.opened(1)
    assert standings(owner) == "lmtttttt"
    assert owner.open() == {1}
    owner.opened(0)
    assert owner.whole()


def test_what_is_kept_is_served_on_and_what_is_lost_is_not_from_that_moment() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0, 1, 2}))
    for place in (0, 1, 2):
        owner.opened(place)
    before = owner.given()
    owner.dealt(deal({0, 1, 5}, kept={0, 1}))
    assert standings(owner) == "mmtttltt"
    assert {place: owner.given()[place] == before.get(place) for place in owner.given()} == {0: True, 1: True, 5: False}


def test_what_others_may_have_had_meanwhile_is_loaded_anew() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0}))
    owner.opened(0)
    since = owner.given()[0]
    owner.dealt(deal({0}))
    assert owner.whose(0).standing is Standing.LOADING
    assert owner.given()[0] != since


def test_a_place_of_a_member_without_an_address_has_no_owner_that_can_be_reached() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0, 1}, theirs={2, 3}))
    for place in (0, 1):
        owner.opened(place)
    assert standings(owner) == "mmttuuuu"
    assert not owner.whole()


def test_who_leaves_serves_nothing_whatever_is_dealt_then() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0, 1}))
    owner.opened(0)
    owner.leave()
    assert standings(owner)[:2] == "ll"
    assert not owner.open()
    owner.dealt(deal({0, 1}, kept={0, 1}))
    assert standings(owner)[:2] == "ll"


def test_who_leaves_may_answer_on_and_has_no_place_in_which_anything_is_done() -> None:
    owner = Owner(8, ME)
    owner.dealt(deal({0, 1}))
    owner.opened(0)
    owner.leave(answering=True)
    assert standings(owner)[:2] == "ml", "what was never here cannot be answered"
    assert not owner.open()
    owner.dealt(deal({1}, kept={1}, theirs={0}))
    assert standings(owner)[:2] == "tl"
    owner.leave()
    assert not owner.open()


def test_who_waits_for_something_of_a_place_hears_that_it_is_served_here_no_more() -> None:
    owner, heard = Owner(8, ME), list[str]()
    owner.closes.append(lambda: heard.append(standings(owner)))
    owner.dealt(deal({0, 1}))
    owner.opened(0)
    owner.dealt(deal({0, 1, 2}, kept={0, 1}))
    owner.dealt(deal({0, 2}, kept={0, 2}, theirs={1}))
    assert heard == [], "what is gone was not served yet"
    owner.dealt(deal({2}, kept={2}, theirs={0, 1}))
    owner.opened(2)
    owner.leave()
    owner.leave()
    assert [name[:3] for name in heard] == ["ttl", "ttl"]


def test_requests_in_hand_are_counted_also_when_they_fail() -> None:
    owner = Owner(8, ME)
    with owner.in_hand(3), owner.in_hand(11):
        assert owner.requests_in_hand() == 2
    with pytest.raises(ZeroDivisionError), owner.in_hand(3):
        raise ZeroDivisionError
    assert owner.requests_in_hand() == 0


def test_another_number_of_places_than_a_power_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Owner(12, ME)
