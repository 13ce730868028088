"""Where somebody stands in each of their projects, and the next unit of any of them."""

from collections import Counter
from typing import Any

import httpx

from concord.chassis.identity import Role
from concord.contracts.ids import placed_id
from concord.labels import encoded
from tests.support.service import caller
from tests.unit.services.assign.desk import AT_US, PROJECT, Desk, claim, project_event, submit, unit_event

PROJECTS = ("c1-rte", "c1-b", "c1-two")
"""Three projects in three places."""


async def office(*deadlines: int) -> Desk:
    desk = Desk()
    for number, project_id in enumerate(PROJECTS):
        event = project_event(project_id, initial=1)
        event.project_defined.guideline_text = f"# Job {number}\nSay yes or no."
        if deadlines:
            event.project_defined.policy.deadline_seconds = deadlines[number]
        await desk.publish_project(event)
    return desk


async def let_in(desk: Desk, project_id: str, count: int, **fields: Any) -> None:
    first = fields.pop("first", 0)
    names = [placed_id("u", project_id, f"{number:03}") for number in range(first, first + count)]
    await desk.admit(*(unit_event(text, AT_US + n, project_id, **fields) for n, text in enumerate(names)))


async def next_of_any(annotator: httpx.AsyncClient, units: int = 1) -> dict[str, Any]:
    reply = await annotator.post("/v1/claims", json={"units": units})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_each_project_tells_what_waits_or_why_nothing_does() -> None:
    desk = await office()
    async with desk.open():
        async with caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:  # type: ignore[arg-type]  # assign runs
            credentials = [{"domain": "law", "expires_at": "2001-01-01T00:00:00Z"}, {"domain": "tax"}]
            await operator.put("/v1/annotators/ann", json={"skills": ["de"], "credentials": credentials})
        await let_in(desk, PROJECTS[0], 3, skills_required=["de", "tax"], priority=4)
        await let_in(desk, PROJECTS[1], 2, skills_required=["law"])
        async with desk.annotator("ann") as ann:
            me = (await ann.get("/v1/me")).json()
            project, two, three = me["projects"]
            assert (project["project_id"], project["name"], project["waiting"], project["priority"]) == (
                PROJECTS[0],
                "Job 0",
                3,
                4,
            )
            assert "why" not in project
            by_id = {two["project_id"]: two, three["project_id"]: three}
            lapsed, idle = by_id[PROJECTS[1]], by_id[PROJECTS[2]]
            assert (lapsed["waiting"], lapsed["why"]["code"], lapsed["why"]["skills"]) == (
                0,
                "credential_lapsed",
                ["law"],
            )
            assert lapsed["why"]["ended_at"] == "2001-01-01T00:00:00.000Z"
            assert "2001-01-01" in lapsed["reason"]
            assert idle["why"]["code"] == "nothing_waits"
            assert me["credentials"] == [
                {"domain": "law", "holds": False, "expires_at": "2001-01-01T00:00:00.000Z"},
                {"domain": "tax", "holds": True},
            ]
            assert me["more_projects"] is False
            assert "Secret" not in str(me)
            for offer in await claim(ann, 3, PROJECTS[0]):
                await submit(ann, offer["assignment_id"])
            me = (await ann.get("/v1/me")).json()
            first = next(entry for entry in me["projects"] if entry["project_id"] == PROJECTS[0])
            assert (first["waiting"], first["why"]["code"]) == (0, "nothing_waits")


async def test_who_has_had_all_that_others_still_want_is_told_so() -> None:
    desk = Desk()
    await desk.publish_project(project_event(PROJECTS[0], initial=2))
    async with desk.open():
        await desk.define("ann")
        await let_in(desk, PROJECTS[0], 2)
        async with desk.annotator("ann") as ann:
            for offer in await claim(ann, 2, PROJECTS[0]):
                await submit(ann, offer["assignment_id"])
            (project,) = (await ann.get("/v1/me")).json()["projects"]
            assert (project["waiting"], project["why"]["code"]) == (0, "had_all")


async def test_a_project_that_is_paused_says_so_and_nothing_of_it_is_given_with_any() -> None:
    desk = Desk()
    event = project_event(PROJECTS[0])
    event.project_defined.life, event.project_defined.life_reason = "paused", "The data is wrong."
    await desk.publish_project(event)
    async with desk.open():
        await desk.define("ann")
        await let_in(desk, PROJECTS[0], 2)
        async with desk.annotator("ann") as ann:
            (project,) = (await ann.get("/v1/me")).json()["projects"]
            assert (project["waiting"], project["why"]["code"]) == (0, "paused")
            assert "The data is wrong." in (await next_of_any(ann))["reason"]


async def test_a_guideline_that_is_to_be_acknowledged_first_is_why_nothing_is_given() -> None:
    desk = Desk()
    event = project_event(PROJECTS[0])
    event.project_defined.policy.guideline.acknowledge = True
    await desk.publish_project(event)
    async with desk.open():
        await desk.define("ann")
        await let_in(desk, PROJECTS[0], 2)
        async with desk.annotator("ann") as ann:
            (project,) = (await ann.get("/v1/me")).json()["projects"]
            assert (project["waiting"], project["why"]["code"]) == (0, "not_acknowledged")
            assert (await next_of_any(ann))["assignments"] == []
            version = project["why"]["guideline_version"]
            reply = await ann.post(f"/v1/projects/{PROJECTS[0]}/guidelines/{version}/acknowledgement")
            assert reply.status_code == 200, reply.text
            assert len((await next_of_any(ann))["assignments"]) == 1


async def test_units_of_any_project_come_from_each_in_its_turn_whichever_process_has_it() -> None:
    desk = await office()
    async with desk.open():
        await desk.define("ann")
        for project_id in PROJECTS:
            await let_in(desk, project_id, 6)
        given: Counter[str] = Counter()
        async with desk.annotator("ann") as ann:
            for _ in range(9):
                project = await next_of_any(ann)
                (offer,) = project["assignments"]
                given[project["project_id"]] += 1
                assert offer["unit_id"][:3] == project["project_id"][:3]
                assert (await submit(ann, offer["assignment_id"])).json()["status"] == "accepted"
        assert given == dict.fromkeys(PROJECTS, 3)


async def test_of_a_project_with_a_large_label_schema_as_many_units_are_given_as_fit_into_an_answer() -> None:
    """Each is shown with the schema: fifty of them were ten megabytes, more than one process takes of another."""
    desk = Desk()
    event = project_event()
    classes = [f"{number:03}{'x' * 190}" for number in range(1_000)]
    event.project_defined.label_schema = encoded({"classes": [*classes], "kind": "choice"})
    await desk.publish_project(event)
    async with desk.open(lives=2):
        await desk.define("ann")
        await let_in(desk, PROJECT, 20)
        async with desk.annotator("ann") as ann:
            given = (await next_of_any(ann, 50))["assignments"]
            assert 1 < len(given) < 20
            assert await claim(ann, 50) == given
            onward = (await submit(ann, given[0]["assignment_id"], classes[0], next=50)).json()["next"]["assignments"]
            assert onward[:-1] == given[1:]
            assert len(onward) == len(given), "and the next one"


async def test_what_is_held_of_any_project_is_offered_again_first() -> None:
    desk = await office()
    async with desk.open():
        await desk.define("ann")
        await let_in(desk, PROJECTS[1], 3)
        async with desk.annotator("ann") as ann:
            first = await next_of_any(ann, 2)
            await let_in(desk, PROJECTS[0], 3, priority=9)
            again = await next_of_any(ann, 2)
        assert again == first


async def test_what_has_a_higher_priority_or_is_due_comes_first_and_nothing_says_why() -> None:
    desk = await office(0, 1, 0)
    async with desk.open():
        await desk.define("ann")
        async with desk.annotator("ann") as ann:
            assert (await next_of_any(ann))["reason"].startswith("Nothing waits for you")
            await let_in(desk, PROJECTS[0], 2)
            await let_in(desk, PROJECTS[1], 1)
            await let_in(desk, PROJECTS[2], 1, priority=1)
            (due,) = [
                project
                for project in (await ann.get("/v1/me")).json()["projects"]
                if project["project_id"] == PROJECTS[1]
            ]
            assert due["due_at"] == "2023-11-14T22:13:21.000Z"
            order = []
            for _ in range(4):
                project = await next_of_any(ann)
                order.append(project["project_id"])
                await submit(ann, project["assignments"][0]["assignment_id"])
            assert order == [PROJECTS[2], PROJECTS[1], PROJECTS[0], PROJECTS[0]]
            assert (await next_of_any(ann))["assignments"] == []


async def test_a_caller_of_one_client_is_given_and_told_of_nobody_elses() -> None:
    desk = await office()
    async with desk.open():
        await desk.define("ann")
        await let_in(desk, PROJECTS[0], 1)
        token = desk.house.token("ann", Role.ANNOTATOR, client_id="c2")
        async with caller(desk.service, token) as ann:  # type: ignore[arg-type]  # assign runs
            assert (await ann.get("/v1/me")).json()["projects"] == []
            assert (await next_of_any(ann))["assignments"] == []
