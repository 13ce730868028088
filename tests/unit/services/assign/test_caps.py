"""Caps through assign's door: nobody is given more of a project than it allows, however they ask."""

import asyncio

import httpx

from concord.contracts.v1.projects_pb2 import CapsPolicy, ProjectEvent
from services.assign.schemas import microseconds_of
from tests.support.service import until
from tests.unit.services.assign.desk import AT_US, PROJECT, Desk, claim, project_event, submit, unit_event
from tests.unit.services.assign.test_lease_ends import ShiftedClock

DAY_SECONDS = 86_400


def at_noon() -> ShiftedClock:
    """Return a clock by which no day ends while a test runs."""
    clock = ShiftedClock()
    clock.shift_seconds = DAY_SECONDS / 2 - clock.now_us() / 1e6 % DAY_SECONDS
    return clock


def capped(**caps: float) -> ProjectEvent:
    event = project_event(initial=1, lease_seconds=7 * DAY_SECONDS)
    event.project_defined.policy.caps.CopyFrom(CapsPolicy(**caps))  # type: ignore[arg-type]  # numbers, by their names
    return event


async def office(desk: Desk, units: int = 30) -> None:
    await desk.define("ann", "bob")
    await desk.admit(*(unit_event(f"c1-ugh{n:02}", AT_US + n) for n in range(units)))


async def why(annotator: httpx.AsyncClient) -> tuple[str, str]:
    reply = (await annotator.post(f"/v1/projects/{PROJECT}/claims", json={})).json()
    assert reply["assignments"] == []
    (project,) = (await annotator.get("/v1/me")).json()["projects"]
    assert (project["waiting"], project["why"]) == (0, reply["why"])
    return reply["why"]["code"], reply["why"].get("until", "")


async def test_no_more_units_are_given_in_a_day_than_may_also_to_who_goes_on_and_the_next_day_some_more() -> None:
    clock = at_noon()
    desk = Desk(clock)
    await desk.publish_project(capped(units_per_day=5))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            first = await claim(ann, 50)
            assert len(first) == 5
            body = (await submit(ann, first[0]["assignment_id"], next=5)).json()
            assert len(body["next"]["assignments"]) == 4, "a label does not make room"
            reply = await ann.post(f"/v1/assignments/{first[1]['assignment_id']}/return")
            assert reply.status_code == 200
            assert len(await claim(ann, 50)) == 4, "what was given back does"
            for offer in await claim(ann, 50):
                assert (await submit(ann, offer["assignment_id"])).json()["status"] == "accepted"
            code, until_when = await why(ann)
            assert code == "cap_reached"
            assert microseconds_of(until_when) % (DAY_SECONDS * 1_000_000) == 0
            assert len(await claim(bob, 3)) == 3, "each has their own"
            clock.shift_seconds += (microseconds_of(until_when) - clock.now_us()) / 1e6 + 1
    async with desk.open(), desk.annotator("ann") as ann:
        assert len(await claim(ann, 50)) == 5


async def test_calls_at_once_get_no_more_than_one_call_would() -> None:
    desk = Desk()
    await desk.publish_project(capped(units=7))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            claims = await asyncio.gather(*(claim(ann, 4) for _ in range(8)))
            assert len({assignment["assignment_id"] for some in claims for assignment in some}) <= 7
            mine = await claim(ann, 50)
            assert len(mine) == 7
            for offer in mine:
                await submit(ann, offer["assignment_id"], next=1)
            assert await why(ann) == ("cap_reached", "")


async def test_who_has_worked_as_many_hours_as_they_may_is_given_nothing_more_that_day() -> None:
    clock = at_noon()
    desk = Desk(clock)
    await desk.publish_project(capped(hours_per_day=0.5))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            for minutes in (20, 15):
                (offer,) = await claim(ann)
                clock.shift_seconds += 60 * minutes
                reply = await submit(ann, offer["assignment_id"], active_ms=60_000 * minutes)
                assert reply.json()["status"] == "accepted"
            assert (await why(ann))[0] == "cap_reached"


async def test_a_lease_that_ran_out_counts_and_a_skip_does_not() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    event = capped(units=2)
    event.project_defined.policy.lease.seconds = 60
    await desk.publish_project(event)
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            await ann.post(f"/v1/assignments/{offer['assignment_id']}/skip", json={"reason": "I cannot tell."})
            (lost,) = await claim(ann)
            clock.shift_seconds += 61
            held = desk.handlers().claims.repository
            await until(lambda: not held.leases_running)
            assert len(await claim(ann, 5)) == 1, lost
