"""What a client hears of what it sent: every line, every id, what could not be read, and what nobody can label."""

import json
from typing import Any

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.clock import MICROSECONDS
from concord.chassis.journal.announce import Announcer
from concord.chassis.payload_links import payload_link
from concord.contracts.topics import ANNOTATORS
from concord.contracts.v1.annotators_pb2 import AnnotatorDefined, AnnotatorEvent
from services.ingest.door import report as report_module
from services.ingest.settings import IngestSettings
from simulation.house import ENVIRONMENT, House
from tests.support.ingest import DEFINITION, Ingest, start, told

PATH = "/v1/projects/k1-p/units"
NDJSON = [("content-type", "application/x-ndjson")]


def lines(*units: Any) -> bytes:
    return b"\n".join(json.dumps(unit).encode() for unit in units)


async def sent(ingest: Ingest, body: bytes) -> Any:
    answer = await ingest.call("POST", PATH, body, headers=NDJSON)
    assert answer.status == 202, answer.body
    return answer.json()


@pytest.mark.parametrize("wrong", [{"id": 7, "content": "x"}, 5, None, [], {"id": "x"}])
async def test_one_unit_of_an_array_that_cannot_be_read_is_refused_alone(project: Ingest, wrong: Any) -> None:
    report = await project.admit([{"id": "a", "content": "a"}, wrong, {"id": "c", "content": "c"}])
    assert report["admitted"] == 2
    assert [entry["line"] for entry in report["refused"]] == [2]


async def test_a_byte_order_mark_is_no_part_of_the_first_line(project: Ingest) -> None:
    report = await sent(project, b"\xef\xbb\xbf" + lines({"id": "a", "content": "a"}, {"id": "b", "content": "b"}))
    assert (report["admitted"], report["refused"]) == (2, [])


async def test_every_id_of_an_import_is_answered_however_many_there_are(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "LISTED_MAX", 10)
    units = [{"id": f"{n}", "content": f"text {n % 25}"} for n in range(30)]
    report = await sent(project, lines(*units))
    assert len(report["units"]) == 10
    assert (report["admitted"], report["duplicate_of"]) == (25, 5)
    found = await project.find(*(unit["id"] for unit in units))
    assert [entry["source_id"] for entry in found] == [unit["id"] for unit in units]
    assert [entry["status"] for entry in found] == ["admitted"] * 25 + ["duplicate_of"] * 5
    assert found[27]["duplicate_of"] == {"source_id": "2", "unit_id": found[2]["unit_id"]}


async def test_who_asks_for_too_many_ids_or_anothers_project_is_refused(project: Ingest) -> None:
    assert (await project.call("POST", f"{PATH}/find", {"ids": ["x"] * 501})).status == 422
    assert (await project.call("POST", "/v1/projects/k2-p/units/find", {"ids": ["x"]})).status == 404


@pytest.mark.parametrize(
    ("content", "media_type", "shown"),
    [
        ("What is shown", "", b"What is shown"),
        ("<b>bold</b>", "text/HTML; charset=utf-8", b"<b>bold</b>"),
        ({"uri": "https://example.org/note.txt"}, "text/plain", b'{"uri":"https://example.org/note.txt"}'),
        ({"uri": "https://example.org/a.png", "width": 3}, "image/png", None),
        ([1, "two"], "", b'[1,"two"]'),
        ("a text", "application/json", b'"a text"'),
    ],
)
async def test_what_is_admitted_can_be_shown(
    project: Ingest, content: Any, media_type: str, shown: bytes | None
) -> None:
    (unit,) = (await project.admit({"id": "a", "content": content, "media_type": media_type}))["units"]
    settings = IngestSettings.from_environment(ENVIRONMENT)
    until_us = project.house.clock.now_us() + 60 * MICROSECONDS
    path, _, query = payload_link(settings.payload_links.secret.key(), "", unit["unit_id"], until_us).partition("?")
    answer = await project.call("GET", path, query=query, token="")
    assert answer.status == 200
    assert answer.body == shown or answer.json() == content


@pytest.mark.parametrize(
    ("content", "media_type", "field"),
    [
        ({"t": 1}, "text/plain", "content"),
        (["a"], "text/html", "content"),
        (5, "text/plain", "content"),
        ("iVBORw0", "image/png", "content"),
        ({"uri": ""}, "image/png", "content"),
        ({"uri": "x" * 2_001}, "image/png", "content"),
        ("x", "text/" + "a" * 999_000, "media_type"),
        ("x", "text/", "media_type"),
        ("x", "text/plain\r\nx: y", "media_type"),
        ("x", "model/gltf", "media_type"),
    ],
)
async def test_content_that_is_not_what_its_media_type_says_is_refused(
    project: Ingest, content: Any, media_type: str, field: str
) -> None:
    report = await project.admit({"id": "a", "content": content, "media_type": media_type})
    (refused,) = report["refused"]
    assert refused["field"] == field
    assert len(json.dumps(refused)) < 1_000


async def test_the_length_of_a_text_is_told_in_code_points(project: Ingest) -> None:
    await project.admit([{"id": "t", "content": "né \U0001f469\u200d\U0001f692"}, {"id": "o", "content": {"uri": "u"}}])
    lengths = {
        entry.source_id: entry.content_length if entry.HasField("content_length") else None
        for entry in told(project.house, "unit_admitted")
    }
    assert lengths == {"t": 6, "o": None}


async def people(house: House, **skills: list[str]) -> None:
    """Define annotators, as assign tells of them."""
    broker = MemoryBroker(house.cluster, "assign")
    for name, had in skills.items():
        announcer = Announcer("assign", name, house.clock.now_us())
        event = AnnotatorEvent(annotator_defined=AnnotatorDefined(annotator_id=name, revision=1, skills=had))
        await broker.publish([announcer.event(ANNOTATORS, name, "vendor", "", event)])


@pytest.mark.parametrize(
    ("wants", "field", "says"),
    [
        ({"annotators": ["c1", "no body"]}, "annotators", "'no body'"),
        ({"annotators": ["c1"]}, "annotators", "2 labels are wanted"),
        ({"skills": ["Law"]}, "skills", "somebody has 'law'"),
        ({"skills": ["medicine"]}, "skills", "leaves 1 who can"),
        ({"annotators": ["c1", "c2"], "skills": ["medicine"]}, "annotators", "leaves 1 who can"),
    ],
)
async def test_a_unit_that_nobody_can_label_is_taken_with_a_caution(wants: Any, field: str, says: str) -> None:
    house = House()
    await people(house, c1=["law", "medicine"], c2=["law"])
    ingest = await start(house)
    await ingest.define()
    report = await ingest.admit([{"id": "a", "content": "x", **wants}, {"id": "b", "content": "y"}])
    assert (report["admitted"], report["caution_count"]) == (2, 1)
    (caution,) = report["cautions"]
    assert (caution["line"], caution["field"]) == (1, field)
    assert says in caution["problem"]
    assert caution["cure"]
    well = {"annotators": ["c1", "c2"], "skills": ["law"]}
    assert (await ingest.admit({"id": "c", "content": "z", **well}))["cautions"] == []
    gold = {"annotators": ["c1"], "gold": "yes"}
    assert (await ingest.admit({"id": "d", "content": "g", **gold}))["cautions"] == [], "one is enough to be measured"
    await ingest.kill()


async def test_no_string_of_a_definition_is_larger_than_can_be_told(ingest: Ingest) -> None:
    for field, value in (("name", "x" * 900_000), ("guideline", "é" * 200_001)):
        body = json.dumps({**DEFINITION, field: value}, ensure_ascii=False).encode()
        answer = await ingest.call("PUT", "/v1/projects/p", body)
        assert answer.status == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert len(answer.body) < 2_000
