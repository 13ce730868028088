"""Guidelines that are to be acknowledged: who has not read the version in force is given nothing new, and told so."""

from typing import Any, cast

from concord.chassis.identity import Role
from concord.contracts.topics import ASSIGNMENTS, PROJECTS
from concord.contracts.v1.assignments_pb2 import AssignmentEvent
from concord.contracts.v1.projects_pb2 import GuidelineExample, ProjectEvent
from tests.support.service import caller, publish, until
from tests.unit.services.assign.desk import PROJECT, Desk, claim, handlers_of, once, project_event, submit, unit_event

PATH = f"/v1/projects/{PROJECT}/guidelines"


def asking(version: int = 3, revision: int = 1) -> ProjectEvent:
    """Return a project whose guideline is to be acknowledged."""
    event = project_event(initial=2)
    event.metadata.event_id = f"version {version}"
    event.project_defined.revision = revision
    event.project_defined.guideline_version = version
    event.project_defined.policy.guideline.acknowledge = True
    return event


async def listed(desk: Desk, version: int, query: str = "") -> Any:
    assert desk.service is not None
    async with caller(desk.service, desk.house.token("key", Role.CLIENT, client_id="c1")) as client:
        answer = await client.get(f"{PATH}/{version}/acknowledgements{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def told(desk: Desk) -> list[tuple[str, int]]:
    events = [cast("AssignmentEvent", event) for event in once(desk.house, ASSIGNMENTS)]
    guideline_acknowledgeds = [
        event.guideline_acknowledged for event in events if event.HasField("guideline_acknowledged")
    ]
    return [
        (guideline_acknowledged.annotator_id, guideline_acknowledged.guideline_version)
        for guideline_acknowledged in guideline_acknowledgeds
    ]


async def test_units_are_given_out_once_the_version_in_force_is_acknowledged_and_until_then_the_reason_is_told() -> (
    None
):
    desk = Desk()
    await desk.publish_project(asking())
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(*(unit_event(f"c1-ugh{number}") for number in range(4)))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            reply = (await ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 1})).json()
            assert reply["assignments"] == []
            assert (reply["why"]["code"], reply["why"]["guideline_version"]) == ("not_acknowledged", 3)
            assert "Read version 3" in reply["reason"]
            first = (await ann.post(f"{PATH}/3/acknowledgement")).json()
            assert (first["annotator_id"], first["guideline_version"]) == ("ann", 3)
            assert (await ann.post(f"{PATH}/3/acknowledgement")).json() == first, "said again, it is as it was"
            (mine,) = await claim(ann)
            assert await claim(bob) == [], "everybody reads for themselves"
            await publish(desk.house, PROJECTS, (PROJECT, asking(version=4, revision=2)))
            await until(
                lambda: all(
                    handlers_of(service).projects.known(PROJECT).guideline_version == 4 for service in desk.running
                )
            )
            assert [assignment["assignment_id"] for assignment in await claim(ann)] == [mine["assignment_id"]], (
                "it may be finished"
            )
            answer = (await submit(ann, mine["assignment_id"], next=1)).json()
            assert (answer["status"], answer["next"]["why"]["code"]) == ("accepted", "not_acknowledged")
            old = await ann.post(f"{PATH}/3/acknowledgement")
            assert (old.status_code, old.json()["errors"][0]["field"]) == (409, "version")
            assert "version 4" in old.json()["errors"][0]["cure"]
            assert (await ann.post(f"{PATH}/4/acknowledgement")).status_code == 200
            (offer,) = await claim(ann)
            assert offer["guideline_version"] == 4
            await until(lambda: told(desk) == [("ann", 3), ("ann", 4)])
            assert [
                acknowledgement["annotator_id"] for acknowledgement in (await listed(desk, 3))["acknowledgements"]
            ] == ["ann"]


async def test_who_has_acknowledged_is_known_to_the_next_life_and_listed_by_pages() -> None:
    desk = Desk()
    await desk.publish_project(asking())
    names = ["ann", "bob", "region:zoe k", "carl"]
    async with desk.open(1):
        await desk.define(*names)
        await desk.admit(unit_event("c1-ugh1"))
        for name in names[:3]:
            async with desk.annotator(name) as reader:
                assert (await reader.post(f"{PATH}/3/acknowledgement")).status_code == 200
    async with desk.open(1):
        async with desk.annotator("ann") as ann, desk.annotator("carl") as carl:
            assert await claim(ann)
            assert await claim(carl) == []
        page = await listed(desk, 3, "?limit=2")
        assert [acknowledgement["annotator_id"] for acknowledgement in page["acknowledgements"]] == ["ann", "bob"]
        rest = await listed(desk, 3, f"?limit=2&after={page['next']}")
        assert [acknowledgement["annotator_id"] for acknowledgement in rest["acknowledgements"]] == ["region:zoe k"]
        assert rest.get("next") is None
        assert (await listed(desk, 4))["acknowledgements"] == []


async def test_a_project_that_does_not_ask_takes_acknowledgements_and_waits_for_none() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            assert await claim(ann)
            assert (await ann.post(f"{PATH}/3/acknowledgement")).status_code == 200
            assert (await ann.post("/v1/projects/c1-none/guidelines/1/acknowledgement")).status_code == 404


async def test_annotators_are_shown_the_examples_of_the_version_in_force() -> None:
    desk = Desk()
    event = asking()
    event.project_defined.guideline_examples.append(GuidelineExample(class_name="yes", text="It rains.", note="So."))
    await desk.publish_project(event)
    async with desk.open():
        await desk.define("ann")
        async with desk.annotator("ann") as ann:
            shown = (await ann.get(f"/v1/projects/{PROJECT}/guideline")).json()
            assert shown["examples"] == [{"class": "yes", "text": "It rains.", "note": "So."}]
