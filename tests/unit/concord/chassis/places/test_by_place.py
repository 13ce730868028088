"""Views of projects are there while their place is held, and at no other time."""

import pytest

from concord.chassis.errors import Kind, kind_of
from concord.chassis.places.by_place import ByPlace, NotHere
from concord.contracts.ids import slot_of_project

PLACES = 8
ONE, OTHER = "k7q2-rte", "k7q2-other"
PLACE = slot_of_project(ONE) % PLACES


def views() -> ByPlace[list[str]]:
    return ByPlace(PLACES, list)


def test_a_view_is_made_when_first_asked_for_and_kept() -> None:
    held = views()
    held.hold(PLACE)
    assert held.known(ONE) is None
    held.of(ONE).append("a")
    held.hold(PLACE)
    assert held.of(ONE) == held.known(ONE) == held.settled(ONE) == ["a"]
    assert list(held) == [(ONE, ["a"])]


def test_what_is_asked_of_a_place_that_is_not_held_is_refused_for_a_second_and_what_is_settled_is_passed_over() -> None:
    held = views()
    held.hold(PLACE)
    for _ in range(2):
        with pytest.raises(NotHere, match=OTHER) as refused:
            held.of(OTHER)
        assert (refused.value.status, refused.value.retry_after_seconds) == (503, 1)
        assert kind_of(refused.value) is Kind.PASSING
        assert held.settled(OTHER) is held.known(OTHER) is None
        held.of(ONE).append("a")
        held.drop(slot_of_project(OTHER) % PLACES)
    assert dict(held) == {ONE: ["a", "a"]}


def test_a_dropped_place_is_forgotten_and_empty_when_it_comes_back() -> None:
    held = views()
    held.hold(PLACE)
    held.of(ONE).append("a")
    held.drop(PLACE)
    assert list(held) == []
    assert held.settled(ONE) is None
    held.hold(PLACE)
    assert held.of(ONE) == []


def test_views_may_come_and_go_while_they_are_gone_through() -> None:
    held = views()
    for place in range(PLACES):
        held.hold(place)
    projects = {f"k7q2-project-{number}" for number in range(50)}
    for project_id in projects:
        held.of(project_id).append(project_id)
    seen = []
    for project_id, view in held:
        assert view == [project_id]
        seen.append(project_id)
        held.let_go(project_id)
    assert sorted(seen) == sorted(projects)
    held.let_go("k7q2-nobody")
    assert all(held.known(project_id) is None for project_id in projects)
