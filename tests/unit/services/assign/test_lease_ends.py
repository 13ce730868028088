"""Leases that end: handed on, taken late, and frozen while the wall clock stands behind itself."""

import pytest

from concord.chassis.clock import MICROSECONDS, SystemClock
from concord.chassis.store.port import StoreUnavailable
from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS
from tests.support.service import until
from tests.unit.services.assign.desk import Desk, claim, once, project_event, submit, unit_event


class ShiftedClock(SystemClock):
    """The system's clock, whose wall time a test moves."""

    def __init__(self) -> None:
        self.shift_seconds = 0.0

    def now_us(self) -> int:
        return super().now_us() + round(self.shift_seconds * MICROSECONDS)


def expired(desk: Desk) -> list[str]:
    """Return whose leases were told to have ended."""
    events = once(desk.house, ASSIGNMENTS)
    return [event.assignment_expired.annotator_id for event in events if event.HasField("assignment_expired")]


async def test_a_lease_that_passes_is_handed_on_and_its_label_is_late_once_the_slot_is_gone() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            assert await claim(bob) == []
            clock.shift_seconds = 119
            assert await claim(ann) == [mine], "its link too, so that a browser that has fetched the payload has it"
            clock.shift_seconds = 121
            await until(lambda: expired(desk) == ["ann"])
            renewal = await ann.post(f"/v1/assignments/{mine['assignment_id']}/renew")
            assert (renewal.status_code, renewal.json()["errors"][0]["field"]) == (410, "assignment_id")
            assert await claim(ann) == [], "who had it is not offered it again"
            (theirs,) = await claim(bob)
            assert theirs["unit_id"] == mine["unit_id"]
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "late"
            assert (await submit(bob, theirs["assignment_id"])).json()["status"] == "accepted"
    body = {
        event.annotation_submitted.annotator_id: event.annotation_submitted for event in once(desk.house, ANNOTATIONS)
    }
    assert (body["ann"].late, body["bob"].late) == (True, False)


async def test_a_label_after_the_lease_counts_while_nobody_else_has_the_slot() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=10))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            clock.shift_seconds = 11
            await until(lambda: expired(desk) == ["ann"])
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
            assert await claim(bob) == []


async def test_nothing_ends_while_the_wall_clock_stands_behind_itself() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=10))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann:
            clock.shift_seconds = 1_000
            handlers = desk.handlers()
            assert await handlers.leases.expire() == 0
            await claim(ann)
            clock.shift_seconds = 0
            assert await handlers.leases.expire() == 0
            clock.shift_seconds = 1_009
            assert await handlers.leases.expire() == 0
            clock.shift_seconds = 1_011
            await until(lambda: expired(desk) == ["ann"])


async def test_after_a_restart_leases_get_a_grace_and_then_end() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=10))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            (mine,) = await claim(ann)
    clock.shift_seconds = 1_000
    async with desk.open():
        assert await desk.handlers().leases.expire() == 0, "nobody could renew or submit while the service was away"
        async with desk.annotator("ann") as ann:
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
    assert expired(desk) == []


async def test_a_lost_lease_ends_after_the_grace() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=10))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            await claim(ann)
    async with desk.open():
        clock.shift_seconds = 31
        await until(lambda: expired(desk) == ["ann"])


async def test_a_lease_that_holds_on_after_its_end_is_told_until_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1, lease_seconds=10))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            await claim(ann)
            leases = desk.handlers().leases
            overdue = leases.instruments.gauge("concord_assign_lease_overdue_seconds")

            async def away(causes: object) -> list[object]:
                raise StoreUnavailable("away")

            with monkeypatch.context() as broken:
                broken.setattr(leases.repository, "apply", away)
                clock.shift_seconds = 500
                with pytest.raises(StoreUnavailable):
                    await leases.expire()
                assert overdue._value.get() > 400
            await until(lambda: expired(desk) == ["ann"])
            await leases.expire()
            assert overdue._value.get() == 0
