"""Labels that their annotators revise: once a number, until the unit is resolved, and gold like work."""

import asyncio
from typing import Any, cast

import httpx
import pytest

from concord.contracts.ids import placed_id
from concord.contracts.topics import ANNOTATIONS
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised
from concord.contracts.v1.resolutions_pb2 import Adjudicated, ConsensusReached, Escalated, RevisionTooLate
from services.assign.domain import revision
from tests.unit.services.assign.desk import (
    PROJECT,
    Desk,
    claim,
    labels_told,
    once,
    project_event,
    resolution_event,
    submit,
    unit_event,
)

UNIT = placed_id("u", PROJECT, "1")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def revisions_told(desk: Desk) -> list[AnnotationRevised]:
    events = [cast("AnnotationEvent", event) for event in once(desk.house, ANNOTATIONS)]
    return [event.annotation_revised for event in events if event.HasField("annotation_revised")]


async def revise(
    annotator: httpx.AsyncClient, annotation_id: str, number: int, label: Any = "no", **more: Any
) -> httpx.Response:
    path = f"/v1/annotations/{annotation_id}/revisions/{number}"
    return await annotator.put(path, json={"label": label} | more)


async def labelled(annotator: httpx.AsyncClient, label: str = "yes") -> str:
    (assignment,) = await claim(annotator)
    assert (await submit(annotator, assignment["assignment_id"], label)).status_code == 200
    return str(assignment["assignment_id"])


async def listed(annotator: httpx.AsyncClient) -> list[str]:
    reply = await annotator.get(f"/v1/projects/{PROJECT}/annotations")
    assert reply.status_code == 200, reply.text
    return [label["annotation_id"] for label in reply.json()["annotations"]]


async def test_a_revision_is_taken_once_a_number_and_told_whole(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            annotation = await labelled(ann)
            first = await revise(ann, annotation, 1, flag="blurred")
            assert (first.status_code, first.json()["status"]) == (200, "accepted")
            assert (await revise(ann, annotation, 1, flag="blurred")).json()["status"] == "repeated"
            other = await revise(ann, annotation, 1, "yes")
            assert (other.status_code, other.json()["errors"][0]["field"]) == (409, "revision")
            assert (await revise(ann, annotation, 3)).status_code == 409, "out of turn"
            assert (await revise(ann, annotation, 2, "yes")).status_code == 200
            assert (await revise(ann, annotation, 1, flag="blurred")).status_code == 409, "a later one stands"
            assert (await submit(ann, annotation)).json()["status"] == "repeated", "as it was submitted first"
            assert (await revise(ann, annotation, 3, "perhaps")).status_code == 422
            shown = (await ann.get(f"/v1/annotations/{annotation}")).json()
            assert (shown["label"], shown["revision"], shown["revisable"]) == ("yes", 2, True)
            assert shown["payload_url"]
            assert await listed(ann) == [annotation]
    (submitted,) = labels_told(desk.house)
    told = revisions_told(desk)
    assert [(row.revision, row.label, row.flag) for row in told] == [(1, b'"no"', "blurred"), (2, b'"yes"', "")]
    assert all(row.submitted_at_us and row.active_ms == submitted.active_ms for row in told)
    assert {(row.annotation_id, row.annotator_id, row.guideline_version) for row in told} == {(annotation, "ann", 3)}


async def test_only_who_gave_it_sees_or_revises_a_label(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            annotation = await labelled(ann)
            assert (await revise(bob, annotation, 1)).status_code == 404
            assert (await bob.get(f"/v1/annotations/{annotation}")).status_code == 404
            assert await listed(bob) == []
            (assignment,) = await claim(bob)
            assert (await revise(bob, assignment["assignment_id"], 1)).status_code == 409, "no label yet"


async def test_it_is_too_late_once_the_unit_is_resolved_and_not_while_it_is_escalated(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            annotation = await labelled(ann)
            await desk.tell(resolution_event("one", escalated=Escalated(unit_id=UNIT)))
            assert (await revise(ann, annotation, 1)).status_code == 200
            await desk.tell(resolution_event("two", adjudicated=Adjudicated(unit_id=UNIT)))
            late = await revise(ann, annotation, 2, "yes")
            assert late.status_code == 409
            assert "too late" in late.json()["detail"]
            assert (await revise(ann, annotation, 1)).json()["status"] == "repeated", "the reply was lost"
            assert await listed(ann) == []
            shown = (await ann.get(f"/v1/annotations/{annotation}")).json()
            assert (shown["label"], shown["revisable"], shown.get("payload_url")) == ("no", False, None)
    assert len(revisions_told(desk)) == 1


async def test_what_adjudicate_found_too_late_is_shown_to_whoever_said_it(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            annotation = await labelled(ann)
            assert (await revise(ann, annotation, 1)).status_code == 200
            overtaken = RevisionTooLate(unit_id=UNIT, annotation_id=annotation, revision=1)
            await desk.tell(
                resolution_event("one", consensus_reached=ConsensusReached(unit_id=UNIT)),
                resolution_event("two", revision_too_late=overtaken),
            )
            assert (await ann.get(f"/v1/annotations/{annotation}")).json()["too_late_from"] == 1


async def test_a_label_is_revised_ten_times_at_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "REVISIONS_MAX", 2)
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            annotation = await labelled(ann)
            statuses = [(await revise(ann, annotation, number)).status_code for number in (1, 2, 3)]
    assert statuses == [200, 200, 409]


async def test_gold_is_revised_like_work_and_looks_settled_in_its_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = placed_id("u", PROJECT, "2")
    await desk.publish_project(project_event(gold_rate=1.0))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event(gold, gold_label=b'"yes"'), unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            both = {row["unit_id"]: row["assignment_id"] for row in await claim(ann, 2)}
            for annotation in both.values():
                assert (await submit(ann, annotation)).status_code == 200
            replies = [await revise(ann, both[unit_id], 1) for unit_id in (UNIT, gold)]
            work, known = ((reply.status_code, {**reply.json(), "annotation_id": ""}) for reply in replies)
            assert work == known == (200, {"annotation_id": "", "revision": 1, "status": "accepted"})
            assert set(await listed(ann)) == set(both.values())
            monkeypatch.setattr(revision, "is_revisable", lambda state, assignment, now_us: _later(state, assignment))
            late = await revise(ann, both[gold], 2, "yes")
            await desk.tell(resolution_event("one", consensus_reached=ConsensusReached(unit_id=UNIT)))
            of_work = await revise(ann, both[UNIT], 2, "yes")
    assert (late.status_code, of_work.status_code) == (409, 409)
    assert late.text.replace(both[gold], "it") == of_work.text.replace(both[UNIT], "it")
    assert [row.revision for row in revisions_told(desk)] == [1, 1]


honest = revision.is_revisable


def _later(state: Any, assignment: Any) -> bool:
    return honest(state, assignment, assignment.revise_until_us)


async def test_pages_of_own_labels_are_the_newest_first(desk: Desk) -> None:
    await desk.publish_project(project_event(initial=1))
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*(unit_event(placed_id("u", PROJECT, str(number))) for number in range(3)))
        async with desk.annotator("ann") as ann:
            annotations = [await labelled(ann) for _ in range(3)]
            first = (await ann.get(f"/v1/projects/{PROJECT}/annotations", params={"limit": 2})).json()
            rest = (
                await ann.get(f"/v1/projects/{PROJECT}/annotations", params={"limit": 2, "cursor": first["next"]})
            ).json()
    shown = [label["annotation_id"] for page in (first, rest) for label in page["annotations"]]
    assert (shown, rest["next"]) == (annotations[::-1], "")


async def test_of_the_same_revision_sent_twice_at_once_through_two_processes_is_one_taken(desk: Desk) -> None:
    await desk.publish_project()
    async with desk.open(lives=2):
        await desk.define("ann")
        await desk.admit(unit_event(UNIT))
        async with desk.annotator("ann") as ann:
            annotation = await labelled(ann)
            replies = await asyncio.gather(*(revise(ann, annotation, 1) for _ in range(4)))
    assert sorted(reply.json()["status"] for reply in replies) == ["accepted", "repeated", "repeated", "repeated"]
    assert len(revisions_told(desk)) == 1
