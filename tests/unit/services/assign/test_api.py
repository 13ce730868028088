"""Assign through its door, over memory ports: who is offered what, and what becomes of what they send."""

import json
from collections import Counter

import pytest

from concord.chassis.http import unguarded_routes
from concord.chassis.identity import Role
from concord.contracts.names import quoted
from concord.contracts.topics import ANNOTATIONS, ANNOTATORS, ASSIGNMENTS
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, OverlapRequested
from tests.support.service import caller, until
from tests.unit.services.assign.desk import (
    AT_US,
    PROJECT,
    Desk,
    claim,
    labels_told,
    once,
    owns,
    project_event,
    resolution_event,
    submit,
    unit_event,
)


async def test_units_are_leased_labelled_and_told_once_up_to_their_overlap() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob", "cem")
        await desk.admit(*(unit_event(f"c1-ugh{n}", AT_US + n) for n in range(3)))
        for name in ("ann", "bob", "cem"):
            async with desk.annotator(name) as annotator:
                for assignment in await claim(annotator, 10):
                    reply = await submit(annotator, assignment["assignment_id"], active_ms=900)
                    assert reply.json() == {
                        "assignment_id": assignment["assignment_id"],
                        "status": "accepted",
                        "annotation_id": assignment["assignment_id"],
                    }
        await until(lambda: len(once(desk.house, ANNOTATIONS)) == 6)
    labels = labels_told(desk.house)
    assert Counter(label.unit_id for label in labels) == {"c1-ugh0": 2, "c1-ugh1": 2, "c1-ugh2": 2}
    assert len({(label.unit_id, label.annotator_id) for label in labels}) == 6
    assert {(label.label, label.guideline_version, label.late) for label in labels} == {(b'"yes"', 3, False)}
    assert all(0 <= label.active_ms <= 900 for label in labels), "no more is believed than has passed"
    assert len(once(desk.house, ASSIGNMENTS)) == 6


async def test_what_is_held_is_offered_again_also_by_the_next_life_of_the_service() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*(unit_event(f"c1-ugh{n}", AT_US + n) for n in range(5)))
        async with desk.annotator("ann") as annotator:
            first = await claim(annotator, 2)
            assert await claim(annotator, 2) == first
            assert (await claim(annotator, 3))[:2] == first
            mine = (await annotator.get("/v1/me")).json()
        assert [lease["assignment_id"] for lease in mine["leases"]][:2] == [
            assignment["assignment_id"] for assignment in first
        ]
    async with desk.open(), desk.annotator("ann") as annotator:
        again = await claim(annotator, 3)
        assert {unit["unit_id"] for unit in again} >= {unit["unit_id"] for unit in first}
        everything = await claim(annotator, 50)
        assert len(everything) == 5


async def test_a_label_is_taken_by_a_process_that_did_not_issue_the_lease() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as annotator:
            (assignment,) = await claim(annotator)
        async with desk.life() as two:
            assert owns(two, PROJECT), "its place is another's now"
            for life in (service, two):
                desk.service = life
                async with desk.annotator("ann") as annotator:
                    nobody = await submit(annotator, "c1-ugh1.nobody")
                    reply = await submit(annotator, assignment["assignment_id"])
                assert (nobody.status_code, reply.status_code) == (404, 200)


async def test_a_submission_said_again_is_repeated_and_another_label_is_refused() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "eve")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("eve") as eve:
            (assignment,) = await claim(ann)
            name = assignment["assignment_id"]
            assert (await submit(ann, name)).json()["status"] == "accepted"
            assert (await submit(ann, name)).json()["status"] == "repeated"
            other = await submit(ann, name, "no")
            assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")
            assert other.json()["errors"][0]["field"] == "label"
            assert (await submit(eve, name)).status_code == 404, "not hers, and no word that it exists"
            assert (await submit(eve, "c1-ugh1.nothing")).status_code == 404
    assert len(once(desk.house, ANNOTATIONS)) == 1


@pytest.mark.parametrize(
    ("label", "field"), [("maybe", "label"), (7, "label"), ({"yes": True}, "label"), (None, "label")]
)
async def test_a_label_outside_the_schema_is_refused_with_its_path(label: object, field: str) -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann:
            (assignment,) = await claim(ann)
            reply = await submit(ann, assignment["assignment_id"], label)
            assert reply.status_code == 422
            (error,) = reply.json()["errors"]
            assert error["field"] == field
            assert error["cure"]
            assert (await submit(ann, assignment["assignment_id"])).json()["status"] == "accepted"


async def test_many_labels_in_one_call_have_a_result_each() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*(unit_event(f"c1-ugh{n}") for n in range(3)))
        async with desk.annotator("ann") as ann:
            names = [assignment["assignment_id"] for assignment in await claim(ann, 3)]
            sent = [
                (names[0], "yes"),
                (names[1], "perhaps"),
                ("c1-ugh9.zzz", "yes"),
                (names[0], "yes"),
                (names[0], "no"),
            ]
            body = {"submissions": [{"assignment_id": name, "label": label} for name, label in sent]}
            results = (await ann.post("/v1/submissions", json=body)).json()["results"]
    assert [result.get("status") or result["error"]["status"] for result in results] == [
        "accepted",
        422,
        404,
        "repeated",
        409,
    ]


async def test_a_unit_that_was_closed_or_is_asked_for_again_follows_adjudicate() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob", "cem", "dan")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            for annotator in (ann, bob):
                await submit(annotator, (await claim(annotator))[0]["assignment_id"])
        async with desk.annotator("cem") as cem, desk.annotator("dan") as dan:
            assert await claim(cem) == []
            more = OverlapRequested(unit_id="c1-ugh1", round=2, overlap_wanted=4)
            await desk.tell(resolution_event("r1", overlap_requested=more))
            (assignment,) = await claim(cem)
            await desk.tell(resolution_event("r2", consensus_reached=ConsensusReached(unit_id="c1-ugh1", round=3)))
            assert await claim(dan) == []
            late = await submit(cem, assignment["assignment_id"])
            assert late.json()["status"] == "late"
    labels = labels_told(desk.house)
    assert sorted(label.late for label in labels) == [False, False, True]


async def test_gold_is_shown_at_the_rate_once_each_and_cannot_be_told_apart() -> None:
    desk = Desk()
    await desk.publish_project(project_event(gold_rate=0.5, initial=3))
    async with desk.open():
        await desk.define("ann", "bob")
        gold = [unit_event(f"c1-ughg{n}", gold_label=b'"yes"') for n in range(4)]
        await desk.admit(*(unit_event(f"c1-ugho{n}") for n in range(20)), *gold)
        seen: dict[str, list[str]] = {}
        bodies = []
        for name in ("ann", "bob"):
            async with desk.annotator(name) as annotator:
                offers = await claim(annotator, 20)
                bodies += offers
                seen[name] = [offer["unit_id"] for offer in offers]
                for offer in offers:
                    assert (await submit(annotator, offer["assignment_id"])).status_code == 200
    for units in seen.values():
        assert len(set(units)) == len(units) == 20
        assert 1 <= sum(unit.startswith("c1-ughg") for unit in units) <= 4
    fields = {tuple(sorted(body)) for body in bodies}
    assert len(fields) == 1, "gold and ordinary units fill in the same fields"
    assert {len(body["assignment_id"]) - len(body["unit_id"]) for body in bodies} == {11}
    text = json.dumps(bodies)
    assert not any(secret in text for secret in ("gold", "Secret client", "client's own"))


async def test_named_units_go_to_their_names_in_turn_and_to_nobody_else() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann", "bob", "cem", "eve")
        await desk.admit(unit_event("c1-ugh1", named_annotators=["ann", "bob", "cem"]))
        async with (
            desk.annotator("ann") as ann,
            desk.annotator("bob") as bob,
            desk.annotator("cem") as cem,
            desk.annotator("eve") as eve,
        ):
            assert await claim(eve) == []
            assert await claim(cem) == []
            (of_bob,) = await claim(bob)
            (of_ann,) = await claim(ann)
            assert (await submit(ann, of_ann["assignment_id"])).status_code == 200
            skipped = await bob.post(f"/v1/assignments/{of_bob['assignment_id']}/skip", json={"reason": "cannot read"})
            assert skipped.json() == {"assignment_id": of_bob["assignment_id"], "status": "skipped"}
            assert await claim(bob) == []
            assert len(await claim(cem)) == 1
            assert await claim(eve) == []
    (skip,) = [event.unit_skipped for event in once(desk.house, ASSIGNMENTS) if event.HasField("unit_skipped")]
    assert (skip.annotator_id, skip.reason) == ("bob", "cannot read")


async def test_skills_and_unknown_annotators_and_projects() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.define("lex", skills=["law"])
        await desk.admit(unit_event("c1-ugh1", skills_required=["law"]))
        async with desk.annotator("ann") as ann, desk.annotator("lex") as lex, desk.annotator("who") as who:
            assert await claim(ann) == []
            assert len(await claim(lex)) == 1
            for reply in (
                await who.post(f"/v1/projects/{PROJECT}/claims", json={}),
                await ann.post("/v1/projects/c1-none/claims", json={}),
            ):
                assert reply.status_code == 404
                assert reply.json()["errors"][0]["cure"]
            too_many = await ann.post(f"/v1/projects/{PROJECT}/claims", json={"units": 51})
            assert (too_many.status_code, too_many.json()["errors"][0]["field"]) == (422, "units")
            guideline = (await ann.get(f"/v1/projects/{PROJECT}/guideline")).json()
            assert (guideline["guideline"], guideline["guideline_version"]) == ("Say yes or no.", 3)


async def test_annotators_are_defined_by_the_operator_and_told_once_a_change() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open() as service:
        async with caller(service, desk.house.token("op", Role.OPERATOR)) as operator:
            body = {"skills": ["law"], "credentials": [{"domain": "medicine", "expires_at": "2030-01-01T00:00:00Z"}]}
            statuses = [(await operator.put("/v1/annotators/ann", json=body)).status_code for _ in range(2)]
            again = await operator.put("/v1/annotators/ann", json=body | {"skills": []})
            shown = (await operator.get("/v1/annotators/ann")).json()
            assert (await operator.put("/v1/annotators/ann", json={"rank": 1})).status_code == 422
        assert statuses == [201, 200]
        assert (again.json()["revision"], shown["revision"], shown["skills"]) == (2, 2, [])
        async with desk.annotator("ann") as ann:
            assert (await ann.put("/v1/annotators/ann", json=body)).status_code == 403
        assert unguarded_routes(service.application) == []  # type: ignore[arg-type]  # it is a FastAPI application
    assert [event.annotator_defined.revision for event in once(desk.house, ANNOTATORS)] == [1, 2]


async def test_return_and_renewal() -> None:
    desk = Desk()
    await desk.publish_project(project_event(renewals_max=1, initial=1))
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(unit_event("c1-ugh1"))
        async with desk.annotator("ann") as ann, desk.annotator("bob") as bob:
            (mine,) = await claim(ann)
            at = f"/v1/assignments/{mine['assignment_id']}"
            renewed = await ann.post(f"{at}/renew")
            assert renewed.json()["lease_until"] >= mine["lease_until"]
            assert (await ann.post(f"{at}/renew")).status_code == 409
            assert (await bob.post(f"{at}/return")).status_code == 404
            assert (await ann.post(f"{at}/return")).json()["status"] == "returned"
            assert (await ann.post(f"{at}/return")).json()["status"] == "returned"
            assert (await submit(ann, mine["assignment_id"])).status_code == 409
            assert await claim(ann) == []
            (theirs,) = await claim(bob)
            assert theirs["unit_id"] == mine["unit_id"]


async def test_the_document_tells_every_body_and_lists_all_that_an_annotator_is_sent() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(), desk.annotator("ann") as ann:
        document = (await ann.get("/openapi.json")).json()
    paths = document["paths"]
    for path in (
        "/v1/submissions",
        "/v1/assignments/{assignment_id}/submission",
        "/v1/assignments/{assignment_id}/skip",
    ):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["additionalProperties"] is False
    claims = paths["/v1/projects/{project_id}/claims"]["post"]
    assert claims["requestBody"]["content"]["application/json"]["schema"]["properties"]["units"]["maximum"] == 50
    assert [parameter["name"] for parameter in claims["parameters"]] == ["project_id"]
    reply = claims["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(reply["properties"]["assignments"]["items"]["properties"]) == {
        "assignment_id",
        "comment",
        "earlier",
        "unit_id",
        "payload_url",
        "media_type",
        "lease_until",
        "guideline_version",
        "label_schema",
        "schema_version",
        "draft_revision",
        "order",
    }


@pytest.mark.parametrize(
    "name", ["auth0|5f7c8ec7", "eu-west-1:7a1b", "_xQ9", "a" * 128, "Zoë K.", "night#1/a", "c1/unit/x"]
)
async def test_whoever_can_sign_in_can_be_defined_and_works_under_that_name(name: str) -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.admit(unit_event("c1-ugh1"))
        async with caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:  # type: ignore[arg-type]  # assign runs
            assert (await operator.put(f"/v1/annotators/{quoted(name)}", json={})).status_code == 201
            assert (await operator.get(f"/v1/annotators/{quoted(name)}")).json()["annotator_id"] == name
        async with desk.annotator(name) as annotator:
            assert len(await claim(annotator)) == 1
    async with desk.open(), desk.annotator(name) as annotator:
        assert (await annotator.get("/v1/me")).json()["annotator_id"] == name


@pytest.mark.parametrize("name", ["x" * 129, " ann", "an\u202en", "an\tn"])
async def test_what_no_credential_can_name_cannot_be_defined(name: str) -> None:
    desk = Desk()
    async with desk.open(), caller(desk.service, desk.house.token("op", Role.OPERATOR)) as operator:  # type: ignore[arg-type]  # assign runs
        for reply in (
            await operator.put(f"/v1/annotators/{quoted(name)}", json={}),
            await operator.get(f"/v1/annotators/{quoted(name)}"),
        ):
            (error,) = reply.json()["errors"]
            assert (reply.status_code, error["field"]) == (422, "annotator_id")
            assert error["cure"]
