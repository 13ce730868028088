"""Label schemas that change while people are at work: a unit is labelled in the names under which it was given out."""

from concord.chassis.projects import project_from
from concord.contracts.topics import PROJECTS
from concord.contracts.v1.projects_pb2 import ProjectEvent, SchemaStep
from tests.support.service import publish, until
from tests.unit.services.assign.desk import (
    PROJECT,
    Desk,
    claim,
    handlers_of,
    labels_told,
    project_event,
    submit,
    unit_event,
)


def renamed() -> ProjectEvent:
    """Return the project after "yes" was renamed, "no" retired, and a class was added."""
    event = project_event(initial=2)
    event.metadata.event_id = "schema 2"
    defined = event.project_defined
    defined.revision, defined.schema_version = 2, 2
    defined.label_schema = b'{"classes":["no","surely","unsure"],"kind":"choice"}'
    steps: tuple[tuple[str, str, list[str]], ...] = (
        ("rename", "yes", ["surely"]),
        ("retire", "no", []),
        ("add", "unsure", []),
    )
    defined.schema_steps.extend(SchemaStep(version=2, what=what, name=name, into=into) for what, name, into in steps)
    return event


async def test_what_is_held_is_labelled_under_its_own_version_and_what_is_given_out_then_under_the_newest() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob", "cem")
        await desk.admit(*(unit_event(f"c1-ugh{number}") for number in range(4)))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob, desk.annotator("cem") as cem:
            (held,), (other,) = await claim(ann), await claim(bob)
            assert (held["schema_version"], held["label_schema"]["classes"]) == (1, ["no", "yes"])
            await publish(desk.house, PROJECTS, (PROJECT, renamed()))
            await until(
                lambda: all(
                    handlers_of(service).projects.known(PROJECT).schema_version == 2 for service in desk.running
                )
            )
            assert await claim(ann) == [held]
            (early,) = (await submit(ann, held["assignment_id"], "surely")).json()["errors"]
            assert "version 1 of its label schema" in early["problem"]
            assert "2 is the newest" in early["problem"]
            assert "'no', 'yes', as version 1 says" in early["cure"]
            body = (await submit(ann, held["assignment_id"], "yes", next=1)).json()
            assert body["status"] == "accepted", "in the names that ann was shown"
            assert (await submit(ann, held["assignment_id"], "yes")).json()["status"] == "repeated"
            (then,) = body["next"]["assignments"]
            assert (then["schema_version"], then["label_schema"]["classes"]) == (2, ["surely", "unsure"])
            assert (await submit(bob, other["assignment_id"], "no")).json()["status"] == "accepted", "retired since"
            for gone in ("yes", "no"):
                refused = await submit(ann, then["assignment_id"], gone)
                assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "label")
                assert "'surely', 'unsure'" in refused.json()["errors"][0]["cure"]
            assert (await submit(ann, then["assignment_id"], "surely")).json()["status"] == "accepted"
            (fresh,) = await claim(cem)
            assert fresh["schema_version"] == 2
        await until(lambda: len(labels_told(desk.house)) == 3)
    rows = [
        (submitted.annotator_id, submitted.label, submitted.schema_version) for submitted in labels_told(desk.house)
    ]
    assert sorted(rows) == [("ann", b'"surely"', 2), ("ann", b'"yes"', 1), ("bob", b'"no"', 1)]


async def test_a_label_under_a_version_that_is_still_on_its_way_is_asked_for_again_and_never_judged_by_another() -> (
    None
):
    desk = Desk()
    await desk.publish_project(renamed())
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            (held,) = await claim(ann)
            tables = [handlers_of(service).projects._table for service in desk.running]
            newest = tables[0].rows[PROJECT]
            for table in tables:
                table.rows[PROJECT] = project_from(project_event(initial=2))
            behind = await submit(ann, held["assignment_id"], "surely")
            assert (behind.status_code, behind.headers["retry-after"]) == (503, "2")
            for table in tables:
                table.rows[PROJECT] = newest
            assert (await submit(ann, held["assignment_id"], "surely")).json()["status"] == "accepted"
