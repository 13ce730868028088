"""A label in and the next unit out, in one call: stored together, told once, the same again on a retry."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from concord.chassis.journal.journal import Linked
from concord.contracts.topics import ASSIGNMENTS
from services.assign.domain import submission, unit
from services.assign.domain.queue import Pick
from services.assign.domain.unit import UnitState
from services.assign.handlers import UnitChange
from services.assign.repository import Repository
from tests.unit.services.assign.desk import (
    CLIENT,
    PROJECT,
    Desk,
    claim,
    handlers_of,
    labels_told,
    once,
    project_event,
    repository_of,
    submit,
    unit_event,
)


async def go_on(annotator: httpx.AsyncClient, assignment_id: str, label: Any = "yes", units: int = 1) -> Any:
    reply = await submit(annotator, assignment_id, label, next=units)
    assert reply.status_code == 200, reply.text
    return reply.json()


def issued(desk: Desk) -> list[str]:
    """Return the assignments that were told, in their order."""
    return [event.assignment_issued.assignment_id for event in once(desk.house, ASSIGNMENTS)]


def records(desk: Desk, kind: str) -> int:
    """Return how many records of a kind of aggregate there are."""
    return sum(f"/{kind}/" in key for key in desk.house.database("assign").shelf("journal").documents)


async def opened(desk: Desk, units: int, **fields: Any) -> None:
    await desk.define("ann", "bob")
    await desk.admit(*(unit_event(f"c1-ugh{number}", **fields) for number in range(units)))


async def test_a_label_is_taken_and_the_next_unit_given_and_a_retry_is_told_the_same() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await opened(desk, 3)
        async with desk.annotator("ann") as ann:
            (first,) = await claim(ann)
            annotation = await go_on(ann, first["assignment_id"])
            assert (annotation["status"], annotation["annotation_id"]) == ("accepted", first["assignment_id"])
            (second,) = annotation["next"]["assignments"]
            assert second["unit_id"] != first["unit_id"]
            again = await go_on(ann, first["assignment_id"])
            assert again["status"] == "repeated"
            assert [assignment["assignment_id"] for assignment in again["next"]["assignments"]] == [
                second["assignment_id"]
            ]
            desks = records(desk, "desk")
            (third,) = (await go_on(ann, second["assignment_id"]))["next"]["assignments"]
            assert records(desk, "desk") == desks, "its place on the desk went on with it"
            last = await go_on(ann, third["assignment_id"])
            assert last["status"] == "accepted"
            assert last["next"]["assignments"] == []
            assert last["next"]["reason"]
    assert len(labels_told(desk.house)) == len(issued(desk)) == 3


async def test_many_retries_at_once_give_one_unit() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await opened(desk, 9)
        async with desk.annotator("ann") as ann:
            (first,) = await claim(ann)
            rows = await asyncio.gather(*(go_on(ann, first["assignment_id"]) for _ in range(6)))
            assert sorted(row["status"] for row in rows) == ["accepted", *["repeated"] * 5]
            given = {assignment["assignment_id"] for answer in rows for assignment in answer["next"]["assignments"]}
            assert len(given) == 1
    assert len(issued(desk)) == 2


async def test_many_who_go_on_at_once_to_the_same_units_take_nothing_from_each_other() -> None:
    desk = Desk()
    names = [f"ann{number}" for number in range(9)]
    await desk.publish_project(project_event(initial=3))
    async with desk.open() as service:
        await opened(desk, 12)
        await desk.define(*names)
        async with AsyncExitStack() as stack:
            people = [await stack.enter_async_context(desk.annotator(name)) for name in names]
            held = [(await claim(person))[0]["assignment_id"] for person in people]
            commits = repository_of(service).journal.commits
            before = commits.records_lost
            for _ in range(3):
                rows = await asyncio.gather(*map(go_on, people, held))
                held = [row["next"]["assignments"][0]["assignment_id"] for row in rows]
            assert commits.records_lost == before
    assert len(set(issued(desk))) == len(issued(desk)) == 4 * len(names)


async def test_a_refused_label_gives_nothing_and_another_label_neither() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await opened(desk, 4)
        async with desk.annotator("ann") as ann:
            (first,) = await claim(ann)
            refused = await submit(ann, first["assignment_id"], "perhaps", next=1)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "label")
            (second,) = (await go_on(ann, first["assignment_id"], "yes"))["next"]["assignments"]
            assert (await submit(ann, first["assignment_id"], "no", next=1)).status_code == 409
            assert (await submit(ann, second["assignment_id"], "no", next=51)).status_code == 422
    assert len(issued(desk)) == 2


async def test_as_many_as_are_asked_for_are_held_and_what_is_held_comes_first() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await opened(desk, 9)
        async with desk.annotator("ann") as ann:
            offers = await claim(ann, 2)
            held = [offer["assignment_id"] for offer in offers]
            for _ in range(3):
                body = await go_on(ann, held[0], units=2)
                after = [assignment["assignment_id"] for assignment in body["next"]["assignments"]]
                assert len(after) == 2
                assert after[0] == held[1], "the one that could be fetched ahead is next"
                held = after
            body = await go_on(ann, held[0], units=4)
            assert len(body["next"]["assignments"]) == 4


async def test_no_more_is_held_than_fits_however_the_places_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.domain.desk.LEASES_MAX", 3)
    monkeypatch.setattr("services.assign.handlers.desks.LEASES_MAX", 3)
    monkeypatch.setattr(submission, "HOPS_MAX", 4)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await opened(desk, 40)
        async with desk.annotator("ann") as ann:
            held = [offer["assignment_id"] for offer in await claim(ann, 3)]
            for _ in range(6):
                await asyncio.gather(
                    *(go_on(ann, entry, units=3) for entry in held), *(claim(ann, 50) for _ in range(3))
                )
                held = [offer["assignment_id"] for offer in await claim(ann, 50)]
                assert 0 < len(held) <= 3
                assert sum(repository_of(life).leases_running for life in desk.running) <= 3


async def test_who_is_too_late_for_the_unit_that_was_to_follow_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open(1) as service:
        await opened(desk, 6)
        repository, honest = repository_of(service), Repository.apply_linked
        lost: list[str] = []

        async def too_late(self: Repository, pair: Linked[UnitState], pick: Pick) -> Any:
            close = partial(unit.close, rework=0)
            await handlers_of(service).units.hear([UnitChange("settled", pick.unit_id, CLIENT, PROJECT, close)])
            lost.append(pick.unit_id)
            return await honest(self, pair, pick)

        async with desk.annotator("ann") as ann:
            (first,) = await claim(ann)
            monkeypatch.setattr(Repository, "apply_linked", too_late)
            body = await go_on(ann, first["assignment_id"])
            (second,) = body["next"]["assignments"]
            assert body["status"] == "accepted"
            assert lost
            assert second["unit_id"] not in (*lost, first["unit_id"])
            assert repository.leases_running == 1
    assert len(issued(desk)) == 2
