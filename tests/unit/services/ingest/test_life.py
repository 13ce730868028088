"""A project's life: paused, resumed, closed, each told and seen at every door; and who changed what of it, and when."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.identity import Role
from concord.contracts.topics import DEAD_LETTERS, INTAKE, PROJECTS
from services.ingest.domain.changes import VALUE_BYTES_MAX
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.support.service import caller, until

UNIT = [{"id": "a", "content": "text a"}]
WHY = {"reason": "The guideline is being rewritten."}


async def turned(ingest: Ingest, how: str, body: Any = None, **more: Any) -> Any:
    answer = await ingest.call("POST", f"/v1/projects/k1-p/{how}", {} if body is None else body, **more)
    assert answer.status == 200, answer.body
    return answer.json()


async def changes(ingest: Ingest, query: str = "") -> Any:
    answer = await ingest.call("GET", "/v1/projects/k1-p/changes", query=query)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_paused_project_refuses_units_with_reason_and_cure_and_takes_the_same_once_it_is_resumed(
    project: Ingest,
) -> None:
    body = await turned(project, "pause", WHY)
    assert (body["life"], body["life_reason"], body["revision"]) == ("paused", WHY["reason"], 2)
    for life, count in (("paused", 1), ("open", 0)):
        listed = (await project.call("GET", "/v1/projects", query=f"life={life}")).json()["projects"]
        assert [entry["project_id"] for entry in listed] == ["k1-p"] * count
    refused = await project.call("POST", "/v1/projects/k1-p/units", UNIT)
    assert refused.status == 409
    problem = refused.json()
    assert problem["detail"] == f"The project is paused: {WHY['reason']}"
    (error,) = problem["errors"]
    assert (error["field"], error["problem"]) == ("project_id", "is paused")
    assert "resume" in error["cure"]
    assert told(project.house, "unit_admitted") == []
    body = await turned(project, "resume")
    assert (body["life"], body["life_reason"], body["revision"]) == ("open", "", 3)
    assert (await project.admit(UNIT))["admitted"] == 1


async def test_no_import_is_begun_or_sent_in_a_paused_project_and_one_that_is_there_goes_on_once_it_is_resumed(
    project: Ingest,
) -> None:
    path, wish = "/v1/projects/k1-p/imports", {"name": "f", "format": "units"}
    begun = (await project.call("POST", path, wish)).json()
    await turned(project, "pause", WHY)
    assert (await project.call("POST", path, wish)).json() == begun
    sent = f"/v1/imports/{begun['import_id']}"
    for method, address, body in (
        ("POST", path, {"name": "g"}),
        ("POST", path, wish | {"format": "csv"}),
        ("PATCH", sent, b""),
        ("PATCH", sent, json.dumps(UNIT[0]).encode()),
    ):
        refused = await project.call(method, address, body)
        assert (refused.status, refused.json()["errors"][0]["problem"]) == (409, "is paused"), refused.body
    assert (await project.call("GET", sent)).json() == begun
    await turned(project, "resume")
    assert (await project.call("POST", path, {"name": "g"})).status == 201
    assert (await project.call("PATCH", sent, json.dumps(UNIT[0]).encode())).json()["admitted"] == 1
    await turned(project, "close")
    assert (await project.call("POST", path, {"name": "h"})).status == 409


async def test_a_pause_is_told_with_the_whole_project_once_however_often_it_is_said(project: Ingest) -> None:
    await turned(project, "pause", WHY)
    assert (await turned(project, "pause", WHY))["revision"] == 2
    assert (await turned(project, "resume"))["revision"] == 3
    assert (await turned(project, "resume"))["revision"] == 3
    await project.published()
    events = [event.project_defined for event in project.house.events(PROJECTS)]
    assert [(event.life, event.life_reason) for event in events] == [
        ("open", ""),
        ("paused", WHY["reason"]),
        ("open", ""),
    ]
    assert all(event.label_schema == events[0].label_schema for event in events), "the newest record tells all"


async def test_another_process_knows_of_a_pause_and_refuses_too(project: Ingest) -> None:
    other = await start(project.house)
    try:
        await turned(project, "pause", WHY)
        await until(lambda: other.handlers.projects.repository.projects["k1-p"].life == "paused")
        assert (await other.call("POST", "/v1/projects/k1-p/units", UNIT)).status == 409
    finally:
        await other.service.runtime.stop()


async def test_closing_is_for_good_and_a_closed_project_is_not_defined_anew(project: Ingest) -> None:
    await turned(project, "close", {"reason": "Delivered."})
    assert (await turned(project, "close", {"reason": "Another."}))["life_reason"] == "Delivered.", "the first stands"
    for how in ("resume", "pause"):
        answer = await project.call("POST", f"/v1/projects/k1-p/{how}", {})
        assert (answer.status, answer.json()["errors"][0]["problem"]) == (409, "is closed")
    anew = await project.call("PUT", "/v1/projects/p", {**DEFINITION, "guideline": "Other."})
    assert anew.status == 409
    assert "new project" in anew.json()["errors"][0]["cure"]
    assert (await project.call("PUT", "/v1/projects/p", DEFINITION)).status == 200, "it says what was said before"


async def test_the_last_lot_of_a_closed_project_waits_for_nobody(project: Ingest) -> None:
    await project.admit(UNIT)
    assert told(project.house, "lot_sealed") == [], "a lot of three is not full"
    await turned(project, "close")
    await until(lambda: len(told(project.house, "lot_sealed")) == 1)


async def test_what_was_taken_of_a_body_before_the_pause_is_told_with_the_line_to_send_on_from(project: Ingest) -> None:
    lines = [json.dumps({"id": str(number), "content": f"text {number}"}).encode() + b"\n" for number in range(1_200)]
    paused = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"".join(lines[:600])
        # The first five hundred are taken before more is asked for.
        await until(lambda: told(project.house, "unit_admitted"))
        await turned(project, "pause", WHY)
        paused.set()
        yield b"".join(lines[600:])

    ndjson = {"content-type": "application/x-ndjson"}
    async with caller(project.service, project.token) as client:
        answer = await client.post("/v1/projects/k1-p/units", content=body(), headers=ndjson)
    assert paused.is_set()
    report = answer.json()
    assert (answer.status_code, report["admitted"], report["refused_count"]) == (202, 500, 0)
    assert report["stopped"]["line"] == 501
    assert "paused" in report["stopped"]["problem"]
    await turned(project, "resume")
    more = b"".join(lines[500:])
    rest = await project.call("POST", "/v1/projects/k1-p/units", more, headers=list(ndjson.items()))
    assert rest.json()["admitted"] == 700


async def test_a_unit_on_the_intake_topic_of_a_paused_project_is_a_dead_letter_that_says_so(project: Ingest) -> None:
    await turned(project, "pause", WHY)
    event = {
        "specversion": "1.0",
        "id": "a",
        "source": "/projects/k1-p",
        "type": "concord.unit.v1",
        "data": {"content": "text a"},
    }
    broker = MemoryBroker(project.house.cluster, "client")
    await broker.publish([Outgoing(INTAKE.name, b"a", json.dumps(event).encode())])
    await until(lambda: project.house.events(DEAD_LETTERS))
    (letter,) = project.house.events(DEAD_LETTERS)
    assert "The project is paused" in letter.reason
    assert "resume the project" in letter.reason


async def test_an_erasure_is_done_in_a_closed_project_too(project: Ingest) -> None:
    await project.admit(UNIT)
    await turned(project, "close")
    answer = await project.call("POST", "/v1/projects/k1-p/erasures", {"ids": ["a"], "reason": "Asked for."})
    assert answer.json()["erased"] == 1


async def test_who_changed_what_and_when_is_told_from_the_first_definition_on(project: Ingest) -> None:
    await project.define({**DEFINITION, "guideline": "Say yes.", "policy": {"lot": {"size": 4}}})
    operator = project.house.token("op-1", Role.OPERATOR)
    await turned(project, "pause", WHY, token=operator)
    found = await changes(project)
    assert found["next"] is None
    first = [change for change in found["changes"] if change["revision"] == 1]
    assert {entry["field"]: entry["after"] for entry in first} == {
        "label_schema": DEFINITION["label_schema"],
        "name": "p",
        "policy.lot.size": 3,
        "guideline_version": 1,
        "schema_version": 1,
    }
    assert all(entry["before"] is None for entry in first)
    second = {
        change["field"]: (change["before"], change["after"]) for change in found["changes"] if change["revision"] == 2
    }
    assert second == {"guideline": ("", "Say yes."), "policy.lot.size": (3, 4), "guideline_version": (1, 2)}
    third = {
        change["field"]: (change["before"], change["after"]) for change in found["changes"] if change["revision"] == 3
    }
    assert third == {"life": ("open", "paused"), "life_reason": ("", WHY["reason"])}
    assert {(change["revision"], change["by"], change["role"]) for change in found["changes"]} == {
        (1, "key", "client"),
        (2, "key", "client"),
        (3, "op-1", "operator"),
    }
    times = [change["at"] for change in found["changes"]]
    assert times == sorted(times)
    assert all(time.endswith("Z") for time in times)


async def test_changes_come_by_pages_and_each_revision_is_in_one(project: Ingest) -> None:
    for size in range(4, 29):
        await project.define({**DEFINITION, "policy": {"lot": {"size": size}}})
    seen: list[Any] = []
    query, pages = "limit=7", 0
    while True:
        page = await changes(project, query)
        seen += page["changes"]
        pages += 1
        assert len({change["revision"] for change in page["changes"]}) <= 7
        if page["next"] is None:
            break
        query = f"limit=7&after={page['next']}"
    assert pages == 4
    sizes = [(entry["before"], entry["after"]) for entry in seen if entry["field"] == "policy.lot.size"]
    assert sizes == [(None, 3), *((size - 1, size) for size in range(4, 29))]
    assert (await changes(project, "after=1000"))["changes"] == []


async def test_a_value_beyond_the_bound_is_told_by_its_size_and_digest(project: Ingest) -> None:
    await project.define({**DEFINITION, "guideline": "x" * VALUE_BYTES_MAX})
    found = [change for change in (await changes(project, "after=1"))["changes"] if change["field"] == "guideline"]
    assert [(entry["before"], entry["after"]["bytes"]) for entry in found] == [("", VALUE_BYTES_MAX + 2)]


async def test_the_changes_of_another_clients_project_are_not_found(project: Ingest) -> None:
    other = project.house.token("key", Role.CLIENT, client_id="k2")
    for method, path in (("GET", "changes"), ("POST", "pause"), ("POST", "close"), ("POST", "resume")):
        answer = await project.call(method, f"/v1/projects/k1-p/{path}", None if method == "GET" else {}, token=other)
        assert answer.status == 404
    assert (await project.call("GET", "/v1/projects/k1-p")).json()["life"] == "open"
