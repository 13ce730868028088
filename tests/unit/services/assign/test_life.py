"""A project that is paused or closed: nothing new is given out, the annotator is told why, and human work counts."""

import asyncio
from typing import Any

import pytest

from concord.contracts.topics import PROJECTS
from concord.contracts.v1.projects_pb2 import ProjectEvent
from concord.contracts.v1.resolutions_pb2 import OverlapRequested
from tests.support.service import publish, until
from tests.unit.services.assign.desk import (
    PROJECT,
    Desk,
    claim,
    handlers_of,
    owns,
    project_event,
    resolution_event,
    stranded_told,
    submit,
    unit_event,
    waiting_ids,
)

WHY = "The guideline is being rewritten."


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.LOOK_SECONDS", 0.02)


def turned(life: str, revision: int, **fields: Any) -> ProjectEvent:
    """Return the project, paused, resumed or closed."""
    event = project_event(**fields)
    event.metadata.event_id = f"{life} {revision}"
    event.project_defined.life = life
    event.project_defined.life_reason = "" if life == "open" else WHY
    event.project_defined.revision = revision
    return event


async def turn(desk: Desk, event: ProjectEvent) -> None:
    """Tell the project, and return when every life has heard of it."""
    await publish(desk.house, PROJECTS, (PROJECT, event))
    revision = event.project_defined.revision
    tables = [handlers_of(service).projects for service in desk.running]
    await until(lambda: all(table.known(PROJECT).revision == revision for table in tables))


async def test_a_paused_project_gives_nothing_new_says_why_and_takes_what_is_held_and_goes_on_when_resumed() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"), unit_event("c1-ugh2"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            await turn(desk, turned("paused", 2))
            assert [assignment["assignment_id"] for assignment in await claim(ann, 5)] == [mine["assignment_id"]]
            reply = (await bob.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1})).json()
            assert (reply["assignments"], reply["why"]["code"]) == ([], "paused")
            assert WHY in reply["reason"]
            body = (await submit(ann, mine["assignment_id"], next=1)).json()
            assert (body["status"], body["next"]["why"]["code"]) == ("accepted", "paused")
            await turn(desk, turned("open", 3))
            assert await claim(ann)
            assert await claim(bob, 2)


async def test_who_waits_for_work_of_a_paused_project_gets_it_when_it_is_resumed() -> None:
    desk = Desk()
    await desk.publish_project(turned("paused", 1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            waiting = ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1, "wait_seconds": 20}, timeout=30)
            task = asyncio.create_task(waiting)
            await until(lambda: sum(handlers_of(service).waiting.waiters for service in desk.running))
            await turn(desk, turned("open", 2))
            assert len((await task).json()["assignments"]) == 1


async def test_every_unit_that_waits_in_a_closed_project_is_told_once_and_waits_no_more() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann", "bob")
        units = [unit_event(f"c1-ugh{number}") for number in range(4)]
        gold = unit_event("c1-uggold", gold_label=b'"yes"')
        await desk.admit(*units, gold, unit_event("c1-ugnamed", named_annotators=["zoe"]))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            labelled, held = await claim(ann, 2)
            assert (await submit(ann, labelled["assignment_id"])).status_code == 200
            await turn(desk, turned("closed", 2))
            await until(lambda: len(stranded_told(desk.house)) == 4)
            body = {
                unit_stranded.unit_id: (unit_stranded.reason, unit_stranded.labels)
                for unit_stranded in stranded_told(desk.house)
            }
            wanted = dict.fromkeys(["c1-ugnamed", *(f"c1-ugh{number}" for number in range(4))], ("project_closed", 0))
            wanted[labelled["unit_id"]] = ("project_closed", 1)
            del wanted[held["unit_id"]]
            assert body == wanted, "gold is no work, and what is held is not over"
            reply = (await bob.post(f"/v1/projects/{PROJECT}/claims", json={"units": 5})).json()
            assert (reply["assignments"], reply["why"]["code"]) == ([], "closed")
            answer = await submit(ann, held["assignment_id"], label="no")
            assert answer.json()["status"] == "accepted", "what is held counts"
            await until(lambda: len(stranded_told(desk.house)) == 5)
            owner = next(service for service in desk.running if owns(service, PROJECT))
            await until(lambda: waiting_ids(owner) == [])
            assert len(stranded_told(desk.house)) == 5


async def test_a_unit_for_which_more_labels_are_asked_after_the_close_is_told_again_with_those_that_it_has() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            (mine,) = await claim(ann)
            await turn(desk, turned("closed", 2, initial=1))
            assert (await submit(ann, mine["assignment_id"])).json()["status"] == "accepted"
            asked = OverlapRequested(unit_id="c1-ugh1", overlap_wanted=2)
            await desk.tell(resolution_event("more", overlap_requested=asked))
            await until(
                lambda: (
                    [(unit_stranded.unit_id, unit_stranded.labels) for unit_stranded in stranded_told(desk.house)]
                    == [("c1-ugh1", 1)]
                )
            )


async def test_a_closed_project_that_is_loaded_by_another_life_is_ended_there() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open(1):
        await desk.define("ann")
        await desk.admit(*(unit_event(f"c1-ugh{number}") for number in range(3)))
    await publish(desk.house, PROJECTS, (PROJECT, turned("closed", 2)))
    async with desk.open(1) as service:
        await until(
            lambda: (
                {unit_stranded.unit_id for unit_stranded in stranded_told(desk.house)}
                == {f"c1-ugh{number}" for number in range(3)}
            )
        )
        await until(lambda: waiting_ids(service) == [])
