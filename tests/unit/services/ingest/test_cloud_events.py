"""CloudEvents over HTTP, in every mode that their binding has."""

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.support.ingest import Ingest, told
from tests.unit.services.ingest.sending import sent_as

EVENTS = "/v1/projects/k1-p/events"


def event(name: str, data: Any, source: str = "/projects/k1-p", kind: str = "concord.unit.v1") -> CloudEvent:
    return CloudEvent(
        {"id": name, "source": source, "type": kind, "specversion": "1.0", "datacontenttype": "application/json"}, data
    )


async def posted(ingest: Ingest, message: Any) -> Any:
    headers = [(name.lower(), value) for name, value in message.headers.items()]
    return await ingest.call("POST", EVENTS, bytes(message.body), headers=headers)


async def test_events_of_the_cloudevents_sdk_are_units_in_every_mode(project: Ingest) -> None:
    for number, written in enumerate((to_binary, to_structured)):
        answer = await posted(project, written(event(f"e{number}", {"content": f"text {number}"}), JSONFormat()))
        assert (answer.status, answer.json()["admitted"]) == (202, 1), answer.body
    batch = [json.loads(JSONFormat().write(event(f"b{n}", {"content": f"batch {n}", "priority": n}))) for n in range(3)]
    batch.append({**batch[0], "id": "other", "type": "another"})
    batch.append(5)
    headers = sent_as("application/cloudevents-batch+json")
    report = (await project.call("POST", EVENTS, json.dumps(batch).encode(), headers=headers)).json()
    assert report["admitted"] == 3
    assert [(entry["line"], entry["field"]) for entry in report["refused"]] == [
        (4, "type"),
        (5, "no CloudEvent with JSON data"),
    ]
    assert {entry.source_id for entry in told(project.house, "unit_admitted")} >= {"e0", "e1"}


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (event("e", {"content": "x"}, source="/projects/k1-other"), "source"),
        (event("e", {"content": "x"}, source="https://example.org/"), "source"),
        (event("e", {"content": "x"}, kind="com.example"), "type"),
        (event("e", {"contents": "x"}), "data"),
        (event("e", ["x"]), "no CloudEvent with JSON data"),
    ],
)
async def test_an_event_that_is_no_unit_of_the_project_is_refused(project: Ingest, one: CloudEvent, field: str) -> None:
    for written in (to_binary, to_structured):
        answer = await posted(project, written(one, JSONFormat()))
        assert answer.status == 422, answer.body
        assert answer.json()["errors"][0]["field"] == field


async def test_an_event_that_is_sent_alone_and_refused_is_a_refusal_and_one_of_a_batch_a_line(project: Ingest) -> None:
    event = {
        "specversion": "1.0", "id": "e", "source": "/projects/k1-p", "type": "concord.unit.v1",
        "data": {"content": "x", "gold": "perhaps"},
    }  # fmt: skip
    path, kind = EVENTS, "application/cloudevents"
    alone = await project.call("POST", path, json.dumps(event).encode(), headers=[("content-type", f"{kind}+json")])
    assert (alone.status, alone.json()["errors"][0]["field"]) == (422, "gold")
    batch = json.dumps([event]).encode()
    listed = await project.call("POST", path, batch, headers=[("content-type", f"{kind}-batch+json")])
    assert (listed.status, listed.json()["refused_count"]) == (202, 1)
