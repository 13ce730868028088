"""Ingest over the memory ports, through its own HTTP door."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import MICROSECONDS
from concord.chassis.http import unguarded_routes
from concord.chassis.identity import Role
from concord.chassis.payload_links import payload_link
from concord.contracts.topics import DEAD_LETTERS, INTAKE, PROJECTS, UNITS
from services.ingest.settings import IngestSettings
from simulation.house import ENVIRONMENT, House
from tests.support.ingest import DEFINITION, Ingest, start
from tests.support.settled import settled


def units(count: int, start_at: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"s{n}", "content": f"text {n}"} for n in range(start_at, start_at + count)]


async def test_every_route_is_guarded(ingest: Ingest) -> None:
    assert unguarded_routes(ingest.service.application) == []  # type: ignore[arg-type]  # it is known here as any ASGI application


async def test_a_definition_is_completed_published_and_versioned(ingest: Ingest) -> None:
    first = (await ingest.call("PUT", "/v1/projects/p", DEFINITION)).json()
    assert first["policy"]["overlap"] == {"initial": 2, "max": 5}
    again = await ingest.call("PUT", "/v1/projects/p", DEFINITION)
    assert (again.status, again.json()["revision"]) == (200, 1)
    third = (await ingest.call("PUT", "/v1/projects/p", {**DEFINITION, "guideline": "Say yes."})).json()
    assert (third["revision"], third["guideline_version"]) == (2, 2)
    await ingest.published()
    assert [event.project_defined.revision for event in ingest.house.events(PROJECTS)] == [1, 2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label_schema": {"kind": "choice", "classes": []}}, "label_schema.classes"),
        ({**DEFINITION, "policy": {"overlap": {"initial": 6}}}, "policy.overlap.max"),
        ({**DEFINITION, "policy": {"audit": {"aql": 0.2, "ltpd": 0.1}}}, "policy.audit.ltpd"),
        ({**DEFINITION, "policy": {"overlaps": {}}}, "policy.overlaps"),
        ({}, "label_schema"),
    ],
)
async def test_a_wrong_definition_names_field_and_cure(ingest: Ingest, body: Any, field: str) -> None:
    answer = await ingest.call("PUT", "/v1/projects/p", body)
    assert answer.status == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    (error, *_) = answer.json()["errors"]
    assert error["field"] == field
    assert error["cure"]


async def test_a_unit_is_admitted_once_however_often_it_is_sent(project: Ingest) -> None:
    first = await project.admit(units(2))
    again = await project.admit([*units(2), *units(1, 7)])
    assert (first["admitted"], again["admitted"], again["repeated"]) == (2, 1, 2)
    admitted = [event for event in project.house.events(UNITS) if event.HasField("unit_admitted")]
    assert len(admitted) == 3


async def test_lines_are_streamed_and_each_bad_one_is_named(project: Ingest) -> None:
    lines = [json.dumps(unit) for unit in units(3)]
    lines[1] = '{"id": "s1", "content": "x", "colour": 1}'
    lines += ["", "{", json.dumps({"id": "", "content": "x"}), json.dumps({"id": "g", "content": "g", "gold": "maybe"})]
    answer = await project.call(
        "POST", "/v1/projects/k1-p/units", "\n".join(lines).encode(), headers=[("content-type", "application/x-ndjson")]
    )
    report = answer.json()
    assert report["admitted"] == 2
    assert [(entry["line"], entry["field"]) for entry in report["refused"]] == [
        (2, "colour"), (5, "body"), (6, "id"), (7, "gold"),
    ]  # fmt: skip


async def test_lots_are_cut_by_size_and_the_rest_on_request_and_gold_is_in_none(project: Ingest) -> None:
    await project.admit([*units(4), {"id": "g", "content": "gold", "gold": "yes"}])
    lots = [event.lot_sealed for event in project.house.events(UNITS) if event.HasField("lot_sealed")]
    assert [len(lot.unit_ids) for lot in lots] == [3]
    assert (await project.call("POST", "/v1/projects/k1-p/seal")).json() == {"lots": 1}
    await project.published()
    lots = [event.lot_sealed for event in project.house.events(UNITS) if event.HasField("lot_sealed")]
    assert sorted(len(lot.unit_ids) for lot in lots) == [1, 3]
    gold = [event.unit_admitted for event in project.house.events(UNITS) if event.unit_admitted.HasField("gold_label")]
    assert [entry.gold_label for entry in gold] == [b'"yes"']


async def test_where_no_lot_was_cut_it_is_said_why(project: Ingest) -> None:
    async def seal() -> dict[str, object]:
        answer: dict[str, object] = (await project.call("POST", "/v1/projects/k1-p/seal")).json()
        return answer

    nothing = {"lots": 0, "reason": "No unit was admitted that is to be in a lot; gold units are in none."}
    assert await seal() == nothing
    await project.admit([{"id": "g", "content": "gold", "gold": "yes"}])
    assert await seal() == nothing
    await project.admit(units(2))
    assert await seal() == {"lots": 1}
    assert await seal() == {
        "lots": 0,
        "reason": "Every unit of this project is in its one lot already; gold units are in none.",
    }
    await project.admit(units(9))
    assert (await seal())["lots"] == 1
    assert "one of its 4 lots" in str((await seal())["reason"])


async def test_a_new_life_goes_on_where_the_last_one_was_killed() -> None:
    house = House()
    before = await start(house)
    await before.call("PUT", "/v1/projects/p", DEFINITION)
    await before.admit(units(2))
    await before.kill()
    after = await start(house)
    report = await after.admit(units(3))
    assert (report["admitted"], report["repeated"]) == (1, 2)
    lots = [event.lot_sealed for event in house.events(UNITS) if event.HasField("lot_sealed")]
    assert [len(set(lot.unit_ids)) for lot in lots] == [3]
    await after.service.runtime.stop()


async def test_a_payload_is_shown_to_whoever_holds_its_link_and_to_nobody_else(project: Ingest) -> None:
    (unit,) = (await project.admit({"id": "a", "content": "What is shown"}))["units"]
    settings = IngestSettings.from_environment(ENVIRONMENT)
    until = project.house.clock.now_us() + 60 * MICROSECONDS
    link = payload_link(settings.payload_links.secret.key(), "", unit["unit_id"], until)
    path, _, query = link.partition("?")
    shown = await project.call("GET", path, query=query, token="")
    assert (shown.status, shown.body) == (200, b"What is shown")
    assert (await project.call("GET", path, query=query.replace("expires=1", "expires=2"), token="")).status == 401
    assert (await project.call("GET", path, token="")).status == 401


async def test_another_clients_project_is_not_found(project: Ingest) -> None:
    stranger = project.house.token("key2", Role.CLIENT, client_id="k2")
    for method, path, body in (
        ("GET", "/v1/projects/k1-p", None),
        ("POST", "/v1/projects/k1-p/units", units(1)),
        ("POST", "/v1/projects/k1-p/seal", None),
        ("GET", "/v1/projects/k1-none", None),
    ):
        assert (await project.call(method, path, body, token=stranger)).status == 404
    assert (await project.call("GET", "/v1/projects", token=stranger)).json()["projects"] == []
    annotator = project.house.token("w1", Role.ANNOTATOR)
    assert (await project.call("GET", "/v1/projects/k1-p", token=annotator)).status == 403


async def test_a_cloud_event_is_a_unit_and_a_bad_one_a_dead_letter_with_its_reason(project: Ingest) -> None:
    structured = {
        "specversion": "1.0", "id": "e1", "source": "/projects/k1-p", "type": "concord.unit.v1",
        "data": {"content": "from the topic"},
    }  # fmt: skip
    binary = tuple((f"ce_{name}", str(structured[name]).encode()) for name in ("specversion", "source", "type"))
    structured_type = (("content-type", b"application/cloudevents+json"),)
    unknown = {**structured, "id": "e3", "source": "/projects/k1-none"}
    client = MemoryBroker(project.house.cluster, "client")
    await client.publish(
        [
            Outgoing(INTAKE.name, b"e1", json.dumps(structured).encode(), structured_type),
            Outgoing(INTAKE.name, b"e2", b'{"content": "binary"}', (*binary, ("ce_id", b"e2"))),
            Outgoing(INTAKE.name, b"e3", json.dumps(unknown).encode(), structured_type),
            Outgoing(INTAKE.name, b"e4", b"\xff\xfe"),
        ]
    )
    await settled(project.house, "ingest", project.service)
    admitted = [
        event.unit_admitted.source_id for event in project.house.events(UNITS) if event.HasField("unit_admitted")
    ]
    assert sorted(admitted) == ["e1", "e2"]
    letters = project.house.events(DEAD_LETTERS)
    assert sorted(letter.key for letter in letters) == [b"e3", b"e4"]
    assert any("k1-none" in letter.reason for letter in letters)


async def test_named_annotators_obey_the_grammar_of_names_and_are_composed(project: Ingest) -> None:
    report = await project.admit(
        [
            {"id": "1", "content": "one", "annotators": ["auth0|5f", "Zoe\u0308 K.", "x" * 128]},
            {"id": "2", "content": "two", "annotators": ["ann", "C1 "]},
            {"id": "3", "content": "three", "annotators": ["x" * 129]},
            {"id": "4", "content": "four", "annotators": ["Zo\u00eb", "Zoe\u0308"]},
        ]
    )
    assert [(entry["line"], entry["field"]) for entry in report["refused"]] == [
        (2, "annotators[1]"),
        (3, "annotators[0]"),
        (4, "annotators"),
    ]
    (event,) = project.house.events(UNITS)
    assert list(event.unit_admitted.named_annotators) == ["auth0|5f", "Zo\u00eb K.", "x" * 128]


async def lines(project: Ingest, text: bytes) -> Any:
    answer = await project.call(
        "POST", "/v1/projects/k1-p/units", text, headers=[("content-type", "application/jsonl")]
    )
    assert answer.status == 202, answer.body
    return answer.json()


def good_lines(count: int) -> bytes:
    return b"".join(json.dumps(unit).encode() + b"\n" for unit in units(count))


async def test_a_line_that_is_too_long_refuses_itself_and_keeps_no_other_out(project: Ingest) -> None:
    text = good_lines(600) + b'{"id": "long", "content": "' + b"x" * 1_100_000 + b'"}\n'
    report = await lines(project, text + b'{"id": "last", "content": "last"}\n')
    assert (report["admitted"], report["refused_count"], report["stopped"]) == (601, 1, None)
    (refused,) = report["refused"]
    assert (refused["line"], refused["field"]) == (601, "body")
    assert "1000000 bytes" in refused["problem"]


async def test_odd_bytes_in_a_line_refuse_that_line_and_a_byte_order_mark_none(project: Ingest) -> None:
    odd = [b'{"id": "\xff", "content": "x"}', b'{"id": "h", "content": "\\ud83d"}', b"[" * 900, b"\x00", b"nul"]
    report = await lines(project, b"\xef\xbb\xbf" + good_lines(2) + b"\n".join(odd) + b'\n{"id": "x", "content": "x"}')
    assert report["admitted"] == 3
    assert [entry["line"] for entry in report["refused"]] == [3, 4, 5, 6, 7]
    assert all(error["field"] and error["problem"] and error["cure"] for error in report["refused"])


async def test_a_body_that_breaks_off_is_told_with_what_was_admitted_before(
    project: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = good_lines(700)
    monkeypatch.setattr("services.ingest.door.batches.IMPORT_BYTES_MAX", len(text) - 1)
    chunks = [text[start : start + 5_000] for start in range(0, len(text), 5_000)]

    async def sent() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    headers = {"authorization": f"Bearer {project.token}", "content-type": "application/x-ndjson"}
    transport = httpx.ASGITransport(project.service.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
        answer = await client.post("/v1/projects/k1-p/units", content=sent(), headers=headers)
    report = answer.json()
    assert (answer.status_code, report["refused_count"]) == (202, 0)
    assert 500 <= report["admitted"] == report["stopped"]["line"] - 1 < 700
    assert "bytes" in report["stopped"]["problem"]
    again = await lines(project, text[: len(text) - 1])
    assert (again["repeated"], again["admitted"]) == (report["admitted"], 700 - report["admitted"])


@pytest.mark.parametrize("content", [{"uri": "https://example.org/note.txt"}, {"uri": "https://example.org/u", "t": 1}])
async def test_a_text_that_is_no_string_is_shown_as_it_was_sent(project: Ingest, content: Any) -> None:
    (unit,) = (await project.admit([{"id": "1", "content": content, "media_type": "text/plain"}]))["units"]
    now_us = project.house.clock.now_us()
    secret = IngestSettings.from_environment(ENVIRONMENT).payload_links.secret.key()
    link = payload_link(secret, "http://x", unit["unit_id"], now_us + MICROSECONDS)
    path, _, query = link.removeprefix("http://x").partition("?")
    shown = await project.call("GET", path, token="", query=query)
    assert (shown.status, shown.headers["content-type"], shown.json()) == (200, "application/json", content)


async def test_lots_that_were_sealed_a_while_ago_are_not_kept_in_memory(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"lot": {"size": 300}}})
    journal, weights = ingest.handlers.lots.repository.journal, []
    for turn in range(3):
        await ingest.admit([{"id": f"{turn}-{n}", "content": f"text {turn} {n}"} for n in range(3_000)])
        await ingest.call("POST", "/v1/projects/k1-p/seal")
        await ingest.published()
        weights.append(journal.heads_bytes)
    assert await ingest.handlers.lots.count(ingest.handlers.lots.repository.projects["k1-p"]) == 30
    assert max(weights) < 1.5 * weights[0], weights
