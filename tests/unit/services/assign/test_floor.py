"""Who works and what waits is shown, by project and each person once, and no longer than it is so."""

from typing import Any

import pytest

from concord.chassis.clock import MICROSECONDS
from services.assign.domain.project_view import ProjectView
from services.assign.handlers import floor
from services.assign.handlers.floor import Shift, shift
from tests.unit.services.assign.desk import CLIENT, PROJECT, Desk, claim, project_event, submit, unit_event
from tests.unit.services.assign.test_lease_ends import ShiftedClock

OF = (PROJECT, CLIENT)


def shown(desk: Desk, name: str, *labels: str) -> Any:
    return desk.handlers().floor.instruments.gauge(name, *labels)._value.get()


def first_labels(desk: Desk) -> list[float]:
    histogram = desk.handlers().floor.instruments.histogram("concord_assign_first_label_seconds")
    counted = {sample.name: sample.value for sample in histogram._child_samples()}
    return [counted["_count"], counted["_sum"]]


async def test_people_count_once_as_labelling_or_idle_and_the_oldest_unit_tells_its_age() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1))
    admitted_us = clock.now_us() - 90 * MICROSECONDS
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(*(unit_event(f"c1-ugh{n}", admitted_us + n) for n in range(2)))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            await desk.handlers().floor.look()
            assert [shown(desk, "concord_assign_annotators", state) for state in ("labelling", "idle")] == [1, 0]
            assert shown(desk, "concord_assign_project_waiting_units", *OF) == 1
            assert shown(desk, "concord_assign_project_oldest_seconds", *OF) >= 90
            (theirs,) = await claim(bob)
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
            assert await claim(ann) == []
            await desk.handlers().floor.look()
            found = [
                shown(desk, "concord_assign_project_annotators", *OF, state) for state in (floor.LABELLING, floor.IDLE)
            ]
            assert found == [1, 1]
            assert shown(desk, "concord_assign_project_waiting_units", *OF) == 0
            assert shown(desk, "concord_assign_project_oldest_seconds", *OF) == 0
            assert (await submit(bob, theirs["assignment_id"])).json()["status"] == "accepted"
            count, seconds = first_labels(desk)
            assert count == 2
            assert seconds >= 2 * 90


async def test_a_second_label_of_a_unit_is_no_first_one() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"))
        for name in ("ann", "bob"):
            async with desk.annotator(name) as annotator:
                (mine,) = await claim(annotator)
                assert (await submit(annotator, mine["assignment_id"])).json()["status"] == "accepted"
        assert first_labels(desk)[0] == 1


async def test_beyond_the_bound_the_busiest_are_shown_and_what_is_over_is_shown_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(floor, "PROJECTS_SHOWN_MAX", 0)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        handlers = desk.handlers()

        def series() -> bool:
            kept = handlers.floor.instruments._children
            return any(key[1:3] == OF for key in kept if key[0] in (floor.WAITING, floor.OLDEST, floor.PEOPLE))

        await handlers.floor.look()
        assert not series()
        monkeypatch.setattr(floor, "PROJECTS_SHOWN_MAX", 1)
        await handlers.floor.look()
        assert series()
        of_another = handlers.floor.instruments.gauge("concord_assign_project_out_of_gold_units", *OF)
        async with desk.annotator("ann") as ann:
            (mine,) = await claim(ann)
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
        handlers.floor.repository.view(PROJECT).asked_us.clear()
        await handlers.floor.look()
        assert not series()
        kept = handlers.floor.instruments.gauge("concord_assign_project_out_of_gold_units", *OF)
        assert kept is of_another, "what others tell of the project is theirs"


def test_who_has_not_asked_since_is_neither() -> None:
    view = ProjectView()
    view.asked_us = {"ann": 5, "bob": 9}
    view.without_gold_us = {"cem": 9, "bob": 1}
    assert shift(view, 6) == Shift(frozenset(), frozenset({"bob", "cem"}))
