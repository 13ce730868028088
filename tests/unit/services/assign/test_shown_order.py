"""The order in which annotators are shown sides and items: their own, the same again, and told with the label."""

from collections import Counter
from typing import Any

from concord.contracts.v1.projects_pb2 import ProjectEvent
from tests.unit.services.assign.desk import AT_US, Desk, claim, labels_told, project_event, submit, unit_event

PREFERENCE = b'{"kind":"preference","strengths":1,"ties":true}'
FORM = (
    b'{"fields":[{"name":"better","schema":{"kind":"preference"}},{"name":"ranked","schema":{"items":["x","y","z"],'
    b'"kind":"ranking"}},{"name":"toxic","schema":{"classes":["no","yes"],"kind":"choice"}}],"kind":"form"}'
)


def asking(schema: bytes) -> ProjectEvent:
    event = project_event(initial=2)
    event.project_defined.label_schema = schema
    return event


async def office(desk: Desk, units: int = 40) -> None:
    await desk.define("ann", "bob")
    await desk.admit(*(unit_event(f"c1-ugh{n:02}", AT_US + n) for n in range(units)))


def orders(offers: list[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    return {offer["unit_id"]: offer["order"] for offer in offers}


async def test_each_sees_an_order_of_their_own_which_is_the_same_again_also_from_another_process() -> None:
    desk = Desk()
    await desk.publish_project(asking(PREFERENCE))
    async with desk.open():
        await office(desk)
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            first, others = orders(await claim(ann, 40)), orders(await claim(bob, 40))
    async with desk.open(), desk.annotator("ann") as ann:
        assert orders(await claim(ann, 40)) == first
    shown = Counter(tuple(order[""]) for order in first.values())
    assert shown.keys() == {("a", "b"), ("b", "a")}
    assert 5 < sum(first[unit_id] != others[unit_id] for unit_id in first) < 35


async def test_a_form_has_an_order_a_field_and_the_label_is_stored_as_it_was_given_with_what_stood_first() -> None:
    desk = Desk()
    await desk.publish_project(asking(FORM))
    async with desk.open():
        await office(desk, 3)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            assert offer["order"].keys() == {"better", "ranked"}
            assert sorted(offer["order"]["ranked"]) == ["x", "y", "z"]
            answers = {"better": {"prefer": "a", "strength": 1}, "ranked": ["z", "x", "y"], "toxic": "no"}
            assert (await submit(ann, offer["assignment_id"], {"answers": answers})).status_code == 200
    (label,) = labels_told(desk.house)
    assert b'"ranked":["z","x","y"]' in label.label
    assert dict(label.shown_first) == {name: order[0] for name, order in offer["order"].items()}


async def test_what_has_no_order_says_none() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await office(desk, 2)
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
            assert offer["order"] == {}
            await submit(ann, offer["assignment_id"])
    assert dict(labels_told(desk.house)[0].shown_first) == {}
