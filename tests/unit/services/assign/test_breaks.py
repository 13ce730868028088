"""Breaks: nothing new is offered to whoever is asked for one, they are told why, and what they hold may be finished."""

from concord.chassis.clock import MICROSECONDS
from concord.contracts.topics import QUALITY
from concord.contracts.v1.quality_pb2 import BreakRequired, QualityEvent, StandingChanged
from tests.support.service import metadata, publish, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    project_event,
    submit,
    unit_event,
)
from tests.unit.services.assign.test_lease_ends import ShiftedClock

REASON = "Your last 9 units took longer than is usual for you."


def asked(cause: str, until_us: int, *, rotation: bool = False) -> QualityEvent:
    event = QualityEvent(metadata=metadata(cause, CLIENT, PROJECT, AT_US))
    if rotation:
        event.standing_changed.CopyFrom(
            StandingChanged(annotator_id="ann", standing="paused", reason=REASON, until_us=until_us)
        )
    else:
        event.break_required.CopyFrom(BreakRequired(annotator_id="ann", reason=REASON, until_us=until_us))
    return event


async def heard(desk: Desk, until_us: int) -> None:
    """Return when assign knows that ann is on a break until then."""
    claims = desk.handlers().claims
    await until(
        lambda: (
            (found := claims.repository.view(PROJECT).breaks.running("ann", 0)) is not None
            and found.until_us == until_us
        )
    )


async def test_who_is_on_a_break_is_offered_nothing_new_and_told_why_and_until_when() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"), unit_event("c1-ugh3"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            until_us = clock.now_us() + 30 * MICROSECONDS
            await publish(desk.house, QUALITY, ("ann", asked("tired", until_us)))
            await heard(desk, until_us)
            assert [assignment["assignment_id"] for assignment in await claim(ann)] == [mine["assignment_id"]], (
                "it may be finished"
            )
            body = (await submit(ann, mine["assignment_id"], next=1)).json()
            assert (body["status"], body["next"]["assignments"]) == ("accepted", []), "and brings nothing new"
            assert body["next"]["why"]["code"] == "on_break"
            assert body["next"]["reason"].endswith(REASON)
            refused = await ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1})
            problem = refused.json()
            assert (refused.status_code, problem["errors"][0]["field"]) == (409, "project_id")
            assert problem["detail"].startswith("You are on a break until 20")
            assert problem["detail"].endswith(REASON)
            assert await claim(bob), "others go on"
            clock.shift_seconds = 31
            assert await claim(ann)


async def test_other_work_is_asked_for_in_one_project_and_what_is_told_late_shortens_nothing() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    await desk.publish_project(project_event("c1-other", initial=2))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2", project_id="c1-other"))
        async with desk.annotator("ann") as ann:
            until_us = desk.house.clock.now_us() + 1_800 * MICROSECONDS
            longer, shorter = asked("longer", until_us, rotation=True), asked("shorter", until_us - MICROSECONDS)
            await publish(desk.house, QUALITY, ("ann", longer), ("ann", shorter), ("ann", longer))
            await heard(desk, until_us)
            assert (await ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1})).status_code == 409
            answer = await ann.post("/v1/projects/c1-other/claims", json={"units": 1})
            assert answer.status_code == 200
