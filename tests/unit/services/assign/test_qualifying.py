"""Qualification through assign's door: gold alone until the bound reaches the bar, and what is told of it meanwhile."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from concord.chassis.identity import Role
from concord.contracts.topics import PROJECTS, QUALITY
from concord.contracts.v1.projects_pb2 import ProjectEvent
from concord.contracts.v1.quality_pb2 import CompetenceEstimated, QualityEvent
from tests.support.service import caller, metadata, publish, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    owns,
    project_event,
    repository_of,
    submit,
    unit_event,
)

GOLD = tuple(f"c1-ugg{n:02}" for n in range(40))


def asking(asked: str = "once", revision: int = 1, version: int = 3) -> ProjectEvent:
    event = project_event(initial=1)
    event.project_defined.revision, event.project_defined.guideline_version = revision, version
    gold = event.project_defined.policy.gold
    gold.qualify, gold.qualify_units_max, gold.pass_accuracy = asked, 30, 0.8
    return event


async def admit(desk: Desk) -> None:
    gold = [unit_event(name, AT_US, gold_label=b'"yes"') for name in GOLD]
    await desk.admit(*gold, *(unit_event(f"c1-ugw{n}", AT_US + n) for n in range(6)))


async def estimated(desk: Desk, revision: int, units: int, right: int, name: str = "ann") -> None:
    """Let metrics tell of somebody's answers on gold."""
    entry = CompetenceEstimated(annotator_id=name, revision=revision, gold_units=units, gold_correct=right)
    cause = f"estimate {name} {revision}"
    event = QualityEvent(metadata=metadata(cause, CLIENT, PROJECT, AT_US), competence_estimated=entry)
    await desk.say(QUALITY, event)


def operated(desk: Desk) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    assert desk.service is not None, "assign runs"
    return caller(desk.service, desk.house.token("op", Role.OPERATOR))


async def in_project(annotator: httpx.AsyncClient) -> dict[str, Any]:
    (project,) = (await annotator.get("/v1/me")).json()["projects"]
    body: dict[str, Any] = project
    return body


async def work(annotator: httpx.AsyncClient, units: int) -> set[str]:
    """Claim and label units; return which kind they were, by the letter in their names."""
    seen = set()
    for offer in await claim(annotator, units):
        seen.add(offer["unit_id"][5])
        assert (await submit(annotator, offer["assignment_id"])).json()["status"] == "accepted"
    return seen


async def test_only_gold_is_given_until_the_bound_reaches_the_bar_and_real_work_from_then_on() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann", "bob")
        await admit(desk)
        async with desk.annotator("ann") as ann:
            first = await in_project(ann)
            assert first["qualification"] == {"standing": "qualifying", "answered": 0, "about_more": 14}
            assert first["waiting"] == len(GOLD)
            assert await work(ann, 10) == {"g"}
            await estimated(desk, 1, 10, 10)
            assert (await in_project(ann))["qualification"] == {
                "standing": "qualifying",
                "answered": 10,
                "about_more": 4,
            }
            assert await work(ann, 4) == {"g"}
            await estimated(desk, 2, 14, 14)
            assert "qualification" not in await in_project(ann), "what they do on gold is hidden again"
            assert await work(ann, 6) == {"w"}
        async with desk.annotator("bob") as bob:
            assert await work(bob, 1) == {"g"}, "each qualifies for themselves"


async def test_what_was_reached_is_known_to_the_next_life() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann")
        await admit(desk)
        await estimated(desk, 1, 14, 14)
    async with desk.open(), desk.annotator("ann") as ann:
        assert await work(ann, 6) == {"w"}


async def test_who_failed_is_told_so_and_given_nothing_until_the_operator_lets_them_try_again() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open(), operated(desk) as operator:
        await desk.define("ann")
        await admit(desk)
        path = f"/v1/projects/{PROJECT}/qualifications"
        async with desk.annotator("ann") as ann:
            early = await operator.post(path, json={"annotator_id": "ann"})
            assert (early.status_code, early.json()["errors"][0]["field"]) == (409, "annotator_id")
            await estimated(desk, 1, 30, 12)
            refused = await ann.post(f"/v1/projects/{PROJECT}/claims", json={})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "project_id")
            body = await in_project(ann)
            assert (body["waiting"], body["why"]["code"]) == (0, "not_qualified")
            (row,) = (await operator.get(path)).json()["qualifications"]
            assert (row["standing"], row["answered"], row["right"]) == ("failed", 30, 12)
            again = await operator.post(path, json={"annotator_id": "ann"})
            assert (again.status_code, again.json()["standing"], again.json()["attempt"]) == (200, "qualifying", 2)
            assert again.json()["gold_left"] == len(GOLD)
            assert await work(ann, 2) == {"g"}
            (row,) = (await operator.get(path)).json()["qualifications"]
            assert row["gold_left"] == len(GOLD) - 2, "what is left to qualify by is told before it runs short"


async def test_who_has_met_all_gold_is_told_that_none_is_left_and_their_lead_how_many_they_are() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open(), operated(desk) as operator:
        await desk.define("ann", "bob")
        await desk.admit(unit_event(GOLD[0], AT_US, gold_label=b'"yes"'), unit_event("c1-ugw1", AT_US))
        stock = f"/v1/projects/{PROJECT}/gold/stock"
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            assert await work(ann, 1) == {"g"}
            assert (await operator.get(stock)).json()["annotators_without"] == 0
            for who in (ann, ann):
                reply = (await who.post(f"/v1/projects/{PROJECT}/claims", json={})).json()
                assert (reply["assignments"], reply["why"]["code"]) == ([], "no_gold_left")
            body = await in_project(ann)
            assert (body["waiting"], body["why"]["code"]) == (0, "no_gold_left")
            assert (await operator.get(stock)).json()["annotators_without"] == 1
            assert await work(bob, 1) == {"g"}, "it is left for others"
            await desk.admit(unit_event(GOLD[1], AT_US, gold_label=b'"yes"'))
            assert await work(ann, 1) == {"g"}
            assert (await operator.get(stock)).json()["annotators_without"] == 0


async def test_a_new_version_of_the_guideline_asks_everybody_again_where_the_project_says_so() -> None:
    desk = Desk()
    await desk.publish_project(asking("each_version"))
    async with desk.open():
        await desk.define("ann")
        await admit(desk)
        await estimated(desk, 1, 14, 14)
        async with desk.annotator("ann") as ann:
            assert await work(ann, 2) == {"w"}
            event = asking("each_version", revision=2, version=4)
            await publish(desk.house, PROJECTS, (PROJECT, event))
            owner = next(service for service in desk.running if owns(service, PROJECT))
            projects = desk.handlers().projects
            await until(lambda: projects.known(PROJECT).guideline_version == 4)
            assert repository_of(owner).view(PROJECT).qualifications["ann"].version == 3
            assert await work(ann, 2) == {"g"}


async def test_qualifications_are_listed_by_pages() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open(), operated(desk) as operator:
        for name in ("cem", "ann", "bob"):
            await estimated(desk, 1, 2, 1, name)
        names, cursor = [], ""
        while True:
            reply = await operator.get(f"/v1/projects/{PROJECT}/qualifications?limit=2&cursor={cursor}")
            names += [qualification["annotator_id"] for qualification in reply.json()["qualifications"]]
            if not (cursor := reply.json()["next"]):
                break
        assert names == ["ann", "bob", "cem"]
        assert (await operator.get("/v1/projects/c1-none/qualifications")).status_code == 404


async def test_a_project_that_does_not_ask_is_as_it_was() -> None:
    desk = Desk()
    await desk.publish_project(asking("no"))
    async with desk.open():
        await desk.define("ann")
        await admit(desk)
        await estimated(desk, 1, 30, 0)
        async with desk.annotator("ann") as ann:
            assert "qualification" not in await in_project(ann)
            assert await work(ann, 6) == {"w"}
