"""Models that annotate: they take no place of a unit's overlap, or leave people as many as the project asks for."""

from typing import Any, cast

import pytest

from concord.chassis.identity import Role
from concord.contracts.topics import ANNOTATIONS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent
from concord.contracts.v1.projects_pb2 import ModelPolicy, ProjectEvent
from tests.support.service import caller, until
from tests.unit.services.assign.desk import Desk, claim, project_event, stranded_told, submit, unit_event

Told = dict[str, tuple[bool, bool]]


def project(initial: int, counted: str = "", humans_min: int = 0) -> ProjectEvent:
    event = project_event(initial=initial)
    event.project_defined.policy.models.CopyFrom(ModelPolicy(counted=counted, humans_min=humans_min))
    return event


async def define_model(desk: Desk, name: str) -> None:
    assert desk.service is not None
    async with caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:
        reply = await operator.put(f"/v1/annotators/{name}", json={"kind": "model"})
        assert reply.status_code < 300, reply.text


def labels(desk: Desk) -> Told:
    """Return of each annotator whether a model gave the label, and whether it is kept and not counted."""
    events = (cast("AnnotationEvent", event).annotation_submitted for event in desk.house.events(ANNOTATIONS))
    return {event.annotator_id: (event.by_model, event.late) for event in events if event.unit_id}


async def had(desk: Desk, name: str) -> list[Any]:
    """Claim for somebody and label all of it; return how each label was taken."""
    async with desk.annotator(name) as who:
        return [
            (await submit(who, assignment["assignment_id"])).json()["status"]
            for assignment in await claim(who, units=10)
        ]


async def test_a_model_that_counts_never_takes_nobodys_place() -> None:
    desk = Desk()
    await desk.publish_project(project(2))
    async with desk.open():
        await define_model(desk, "m1")
        for name in ("ann", "bob"):
            await desk.define(name)
        await desk.admit(unit_event("c1-ugh1"))
        assert await had(desk, "m1") == ["late"], "it is kept, and not counted"
        assert await had(desk, "m1") == [], "once a unit"
        assert await had(desk, "ann") == ["accepted"]
        assert await had(desk, "bob") == ["accepted"]
        assert labels(desk) == {"m1": (True, True), "ann": (False, False), "bob": (False, False)}


async def test_models_leave_people_as_many_places_as_the_project_says() -> None:
    desk = Desk()
    await desk.publish_project(project(2, "in_overlap", 1))
    async with desk.open():
        for name in ("m1", "m2"):
            await define_model(desk, name)
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        assert await had(desk, "m1") == ["accepted"]
        assert await had(desk, "m2") == [], "the place that is left is a person's"
        await desk.admit(unit_event("c1-ugh2"))
        assert await had(desk, "m2") == ["accepted"], "what stands in its way hides nothing else from it"
        assert await had(desk, "ann") == ["accepted", "accepted"]
        assert labels(desk) == {"m1": (True, False), "m2": (True, False), "ann": (False, False)}


async def test_where_all_that_are_asked_for_first_are_people_a_model_gets_nothing_fresh() -> None:
    desk = Desk()
    await desk.publish_project(project(2, "in_overlap", 2))
    async with desk.open():
        await define_model(desk, "m1")
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        assert await had(desk, "m1") == []
        assert await had(desk, "ann") == ["accepted"]
        assert await had(desk, "m1") == [], "the other place is a person's, too"


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.bootstrap.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.assign.handlers.stranded.ONCE_MORE_SECONDS", 0.05)
    monkeypatch.setattr("services.assign.handlers.stranded.STRANDED_SECONDS", 0.1)


@pytest.mark.usefixtures("short_waits")
async def test_a_unit_that_only_a_model_could_label_is_told_to_be_stranded() -> None:
    desk = Desk()
    await desk.publish_project(project(2))
    async with desk.open():
        await define_model(desk, "m1")
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        assert await had(desk, "ann") == ["accepted"]
        await until(lambda: bool(stranded_told(desk.house)))
        assert [unit_stranded.labels for unit_stranded in stranded_told(desk.house)] == [1]
