"""Units that nobody is left to label, over assign's own doors."""

from collections.abc import Callable
from typing import Any

import pytest

from concord.chassis.identity import Role
from tests.support.series import by_project
from tests.support.service import caller, until
from tests.unit.services.assign.desk import (
    CLIENT,
    PROJECT,
    Desk,
    claim,
    project_event,
    stranded_told,
    submit,
    unit_event,
)

PATH = f"/v1/projects/{PROJECT}/stranded"
NAMED = "concord_assign_project_units_nobody_can_label"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 0.05)
    monkeypatch.setattr("services.assign.handlers.stranded.STRANDED_SECONDS", 0.3)


def stranded(desk: Desk) -> list[str]:
    """Return the units that were told to be stranded."""
    return [unit_stranded.unit_id for unit_stranded in stranded_told(desk.house)]


async def listed(desk: Desk, role: Role = Role.OPERATOR, client_id: str | None = None) -> dict[str, Any]:
    """Return what assign shows of units that wait for nobody."""
    assert desk.service is not None
    async with caller(desk.service, desk.house.token("op", role, client_id=client_id)) as asking:
        reply = await asking.get(PATH)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found


def given_back(desk: Desk) -> Callable[[], bool]:
    view = desk.handlers().claims.repository.view(PROJECT)
    return lambda: not view.lacking["c1-ugh1"].seen


async def test_what_a_lone_annotator_skipped_comes_back_to_them_and_to_no_other_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 60.0)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            (first,) = await claim(ann)
            await ann.post(f"/v1/assignments/{first['assignment_id']}/skip", json={"reason": "illegible"})
            assert await claim(ann) == []
            monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 0.05)
            await until(given_back(desk))
            (again,) = await claim(ann)
            assert again["assignment_id"] != first["assignment_id"]
            assert (await submit(ann, again["assignment_id"])).json()["status"] == "accepted"


async def test_it_comes_back_also_where_others_are_defined_who_never_work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 60.0)
    monkeypatch.setattr("services.assign.handlers.stranded.STRANDED_SECONDS", 60.0)
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann", "bob", "works elsewhere")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (first,) = await claim(ann)
            await ann.post(f"/v1/assignments/{first['assignment_id']}/return")
            assert await claim(ann) == []
            await submit(bob, (await claim(bob))[0]["assignment_id"])
            monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 0.05)
            view = desk.handlers().claims.repository.view(PROJECT)
            await until(lambda: "ann" not in view.lacking["c1-ugh1"].seen)
            (again,) = await claim(ann)
            assert again["unit_id"] == "c1-ugh1"
    assert stranded(desk) == [], "the third may come yet"


async def test_a_team_too_small_for_the_overlap_is_told_once_and_listed_until_somebody_comes() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=2))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            await submit(ann, (await claim(ann))[0]["assignment_id"])
        await until(lambda: stranded(desk))
        assert (await listed(desk))["units"] == [{"unit_id": "c1-ugh1", "told": True}]
        assert (await listed(desk, Role.CLIENT, CLIENT))["units"] == [{"unit_id": "c1-ugh1", "told": True}]
        await desk.define("bob")
        async with desk.annotator("bob") as bob:
            await submit(bob, (await claim(bob))[0]["assignment_id"])
        assert (await listed(desk))["units"] == []
    assert stranded(desk) == ["c1-ugh1"]


async def test_skills_that_nobody_has_and_names_that_nobody_bears_are_listed() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", skills=["law"])
        await desk.admit(
            unit_event("c1-ugh1", skills_required=["Law"]), unit_event("c1-ugh2", named_annotators=["C1 ", "no body"])
        )
        await until(lambda: stranded(desk))
        found = await listed(desk)
    assert found["count"] == 2, "the unit that wants a skill which nobody has is one of them"
    assert found["next"] == ""
    assert found["skills"] == [{"skills": ["Law"], "units": 1}]
    assert [unit["unit_id"] for unit in found["units"]] == ["c1-ugh2"]
    assert stranded(desk) == ["c1-ugh2"]


async def test_skills_that_nobody_has_are_counted_also_where_nobody_ever_asked_for_work() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        gauge = desk.handlers().stranded.instruments.gauge("concord_assign_units_nobody_can_label")
        await desk.admit(unit_event("c1-ugh1", skills_required=["law"]))
        await until(lambda: gauge._value.get() == 1)
        assert by_project(desk.handlers().stranded.instruments, NAMED) == {PROJECT: 1}
        await desk.define("ann", skills=["law"])
        await until(lambda: gauge._value.get() == 0)
        assert by_project(desk.handlers().stranded.instruments, NAMED) == {}


async def test_stranded_units_are_listed_by_pages() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.admit(*(unit_event(f"c1-ugh{number}", named_annotators=["nobody"]) for number in (3, 1, 2)))
        await until(lambda: len(stranded(desk)) == 3)
        assert desk.service is not None, "assign runs"
        async with caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:
            first = (await operator.get(f"{PATH}?limit=2")).json()
            rest = (await operator.get(f"{PATH}?limit=2&cursor={first['next']}")).json()
            made_up = await operator.get(f"{PATH}?cursor=W10")
    assert [[unit["unit_id"] for unit in page["units"]] for page in (first, rest)] == [
        ["c1-ugh1", "c1-ugh2"],
        ["c1-ugh3"],
    ]
    assert (first["count"], rest["count"], rest["next"]) == (3, 3, "")
    assert (made_up.status_code, made_up.json()["errors"][0]["field"]) == (422, "cursor")


async def test_another_clients_stranded_units_are_not_found() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open() as service, caller(service, desk.house.token("k", Role.CLIENT, client_id="c2")) as other:
        assert (await other.get(PATH)).status_code == 404
