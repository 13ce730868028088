"""Exports over HTTP: every format that fits, the manifest that tells what they hold, and nothing unaccepted."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pyarrow import BufferReader
from pyarrow import parquet as pq
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from concord.chassis.payload_links import link_holds
from concord.contracts.codec import decode
from concord.contracts.topics import LOTS
from concord.contracts.topics import UNITS as UNITS_TOPIC
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitDuplicated, UnitEvent
from concord.exports import FORMATS
from concord.exports.snapshot import FileFacts, FileTally
from services.audit.domain import manifest as manifests
from services.audit.domain.signing import CertificateBroken
from services.audit.domain.verification import verify, verify_manifest
from services.audit.handlers import payloads
from services.audit.handlers.manifests import Manifests
from services.ingest.domain import project as policies
from tests.support.audit import LOT, RELABEL, UNITS, Audit, lot_id, sealed, unit_ids
from tests.support.service import until
from tests.support.upstream import PROJECT

EXPORT = f"/v1/projects/{PROJECT}/export"
MANIFEST = f"{EXPORT}/manifest"
OTHERS = unit_ids(20, first=100)

pytestmark = pytest.mark.usefixtures("lives")


@pytest.fixture
async def audit(lives: int) -> AsyncIterator[Audit]:
    del lives
    found = await sealed(RELABEL)
    yield found
    await found.stop()


async def accepted(audit: Audit) -> None:
    await audit.resolve()
    await audit.inspect({})


def ingest(audit: Audit, contents: dict[str, Any], failing: Callable[[str], bool] = lambda _: False) -> list[str]:
    """Stand in for ingest's door for payloads, at the address that audit knows; return the units it is asked for."""
    links, asked = audit.handlers.means.payloads, []

    async def payload(request: Request) -> Response:
        unit_id, query = request.path_params["unit_id"], request.query_params
        asked.append(unit_id)
        now_us = audit.house.clock.now_us()
        assert link_holds(links._secret, unit_id, int(query["expires"]), query["signature"], now_us)
        if failing(unit_id):
            return PlainTextResponse("not now", 503)
        if unit_id not in contents:
            return PlainTextResponse("gone", 410)
        content = contents[unit_id]
        if isinstance(content, str):
            return PlainTextResponse(content)
        return Response(json.dumps(content), media_type="application/json")

    audit.house.doors[links._url] = Starlette(routes=[Route("/v1/payloads/{unit_id}", payload)])
    return asked


async def manifest(audit: Audit, query: str) -> Any:
    answer = await audit.client(MANIFEST, query=query)
    assert answer.status == 200, answer.body
    return answer.json()


def facts(name: str, content: bytes) -> FileFacts:
    tally = FileTally(name, "")
    tally.add(content)
    return tally.facts(0)


@pytest.mark.parametrize("name", sorted(FORMATS))
async def test_an_export_whose_data_cannot_be_had_is_refused_and_not_told_to_have_left(audit: Audit, name: str) -> None:
    await accepted(audit)
    ingest(audit, {}, failing=lambda _: True)
    answer = await audit.client(f"/v1/lots/{LOT}/export", query=f"format={name}&data=true")
    if answer.status != 422:  # the format holds no such labels
        assert (answer.status, "Ingest answers 503" in answer.json()["detail"]) == (503, True)
        assert int(answer.headers["retry-after"]) > 0
    events = [decode(LOTS, record.value) for record in audit.house.records(LOTS)]
    assert not any(event.HasField("lot_exported") for event in events)


async def test_nothing_leaves_in_any_format_before_it_is_accepted(audit: Audit) -> None:
    await audit.resolve()
    for name in FORMATS:
        for path in (EXPORT, MANIFEST, f"/v1/lots/{LOT}/export"):
            assert (await audit.client(path, query=f"format={name}&data=true")).status == 409


async def test_the_formats_say_the_same(audit: Audit) -> None:
    await audit.resolve(UNITS[:10], "yes")
    await audit.resolve(UNITS[10:], "no")
    await audit.inspect(dict.fromkeys(UNITS[10:], "no"))
    lines = [json.loads(line) for line in (await audit.client(EXPORT)).body.splitlines()]
    expected = [(unit, "yes" if unit in UNITS[:10] else "no") for unit in UNITS]
    assert [(line["unit_id"], line["label"]) for line in lines] == expected
    cells = (await audit.client(EXPORT, query="format=csv")).body.decode()
    dict_reader = csv.DictReader(io.StringIO(cells, newline=""), strict=True)
    assert [(line["unit_id"], line["label"]) for line in dict_reader] == expected
    table = pq.read_table(BufferReader((await audit.client(EXPORT, query="format=parquet")).body)).to_pylist()
    assert table == lines
    tasks = (await audit.client(EXPORT, query="format=label-studio")).json()
    results = [(task["data"]["concord_unit_id"], task["annotations"][0]["result"][0]["value"]) for task in tasks]
    assert results == [(unit, {"choices": [label]}) for unit, label in expected]
    assert {event.format for event in await audit.events("lot_exported")} == {"jsonl", "csv", "parquet", "label-studio"}


async def test_a_manifest_tells_every_byte_before_it_is_fetched(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "PART_UNITS", 25)
    await accepted(audit)
    await audit.more(lot_id(2), OTHERS)
    await audit.resolve(OTHERS)
    await audit.inspect({})
    body: Any = None
    for name, one_file in (("jsonl", True), ("parquet", True), ("datasets", False)):
        document = (await audit.client(MANIFEST, query=f"format={name}")).body
        body = json.loads(document)
        assert [file["rows"] for file in body["files"]] == [20, 20]
        parts = [(await audit.client(EXPORT, query=f"format={name}&issue=1&part={n}")).body for n in (0, 1)]
        held = [facts(file["name"], part) for file, part in zip(body["files"], parts, strict=True)]
        key = (await audit.client("/v1/keys")).json()["public_key"]
        assert verify_manifest(document, held, [key]).statement["rows"] == 40
        with pytest.raises(CertificateBroken, match=r"bytes 0 to \d+ are not what was signed"):
            verify_manifest(document, [facts(body["files"][0]["name"], parts[0].replace(b"u", b"v", 1))])
        with pytest.raises(CertificateBroken, match="fewer than what was signed"):
            verify_manifest(document, [FileFacts("x/" + held[0].name, "", 0, 1, "", 1, ())])
        whole = await audit.client(EXPORT, query=f"format={name}")
        assert whole.status == (200 if one_file else 422), whole.body
    assert (await audit.client(EXPORT, query="part=2")).status == 404
    certificate = (await audit.client(f"/v1/projects/{PROJECT}/certificate")).json()
    lots = [(lot["lot_id"], lot["certificate_sha256"]) for lot in certificate["lots"]]
    assert [(lot["lot_id"], lot["certificate_sha256"]) for lot in body["lots"]] == lots


async def test_no_client_has_all_manifests_made_before_those_of_others(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.handlers.manifests.WAITING_PER_CLIENT_MAX", 1)
    going, made = asyncio.Event(), Manifests._made

    async def slowly(self: Manifests, making: Any) -> bytes:
        await going.wait()
        return await made(self, making)

    monkeypatch.setattr(Manifests, "_made", slowly)
    await accepted(audit)
    first = asyncio.create_task(audit.client(MANIFEST, query="format=csv"))
    again = asyncio.create_task(audit.client(MANIFEST, query="format=csv"))
    await until(lambda: audit.handlers.manifests._under_way)
    refused = await audit.client(MANIFEST, query="format=jsonl")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["detail"] == "1 manifests of yours are asked for."
    going.set()
    assert [(await answer).status for answer in (first, again)] == [200, 200]
    assert (await audit.client(MANIFEST, query="format=jsonl")).status == 200


async def test_an_erasure_makes_another_manifest_and_the_parts_stay_the_same_lots(audit: Audit) -> None:
    await accepted(audit)
    before = await manifest(audit, "format=csv&issue=1") if (await audit.client(f"{EXPORT}")).status == 200 else {}
    await audit.erase(UNITS[3])
    after = await manifest(audit, "format=csv&issue=1")
    assert (before["rows"], after["rows"], after["erased"]) == (20, 19, 1)
    content = (await audit.client(EXPORT, query="format=csv&issue=1&part=0")).body
    assert facts("", content).sha256 == after["files"][0]["sha256"] != before["files"][0]["sha256"]
    certificate = (await audit.client(f"/v1/projects/{PROJECT}/certificate", query="issue=1")).body
    export = (await audit.client(EXPORT, query="issue=1")).body
    gone = (await audit.client(f"/v1/projects/{PROJECT}/withdrawals", query="issue=1")).body
    assert verify(certificate, [export], withdrawals=gone).withdrawn == 1


async def test_every_annotators_rows_are_under_codes_that_hold_for_the_project(audit: Audit) -> None:
    await accepted(audit)
    lines = [json.loads(line) for line in (await audit.client(EXPORT, query="rows=annotations")).body.splitlines()]
    assert len(lines) == 2 * len(UNITS)
    codes = {line["annotator"] for line in lines}
    assert len(codes) == 2
    assert codes.isdisjoint({"w1", "w2"})
    assert {line["label"] for line in lines} == {line["resolved_label"] for line in lines} == {"yes"}


async def test_data_goes_with_the_labels_and_what_is_erased_meanwhile_is_left_out(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "PAUSE_SECONDS_FIRST", 0.001)
    for unit in UNITS:
        admitted = UnitAdmitted(unit_id=unit, source_id=f"source of {unit}", media_type="text/plain")
        await audit.upstream.tell(UNITS_TOPIC, unit, UnitEvent(unit_admitted=admitted))
    await accepted(audit)
    tried: list[str] = []

    def failing(unit_id: str) -> bool:
        tried.append(unit_id)
        return tried.count(unit_id) == 1

    contents = {unit: f"text of {unit}\u2028" for unit in UNITS[1:]}
    ingest(audit, contents, failing)
    lines = [json.loads(line) for line in (await audit.client(EXPORT, query="data=true")).body.splitlines()]
    assert {line["unit_id"]: line["data"] for line in lines} == contents
    assert {line["media_type"] for line in lines} == {"text/plain"}


async def test_ingest_that_stays_away_is_told_before_anything_is_sent(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "PAUSE_SECONDS_FIRST", 0.001)
    await accepted(audit)
    ingest(audit, {}, lambda _: True)
    answer = await audit.client(MANIFEST, query="format=csv&data=true")
    assert (answer.status, "Ingest" in answer.json()["detail"]) == (503, True)


async def test_units_that_another_stands_for_are_told_with_its_label(audit: Audit) -> None:
    for source in ("second name", "third name"):
        duplicate = UnitDuplicated(unit_id=f"{UNITS[0]}-{source[:1]}", source_id=source, duplicate_of=UNITS[0])
        await audit.upstream.tell(UNITS_TOPIC, UNITS[0], UnitEvent(unit_duplicated=duplicate), times=2)
    await accepted(audit)
    plain = (await audit.client(EXPORT)).body.splitlines()
    assert len(plain) == len(UNITS)
    lines = [json.loads(line) for line in (await audit.client(EXPORT, query="duplicates=true")).body.splitlines()]
    assert [(line["source_id"], line["duplicate_of"]) for line in lines[:4]] == [
        (f"source of {UNITS[0]}", ""),
        ("second name", UNITS[0]),
        ("third name", UNITS[0]),
        (f"source of {UNITS[1]}", ""),
    ]
    assert {line["label"] for line in lines} == {"yes"}
    assert (await manifest(audit, "duplicates=true"))["rows"] == len(UNITS) + 2


async def test_what_a_format_cannot_say_is_refused_before_anything_is_sent(audit: Audit) -> None:
    await accepted(audit)
    for path in (EXPORT, MANIFEST):
        for query, text in (("format=xml", "no format"), ("format=conll&data=true", "no choice labels")):
            answer = await audit.client(path, query=query)
            assert (answer.status, text in answer.json()["detail"]) == (422, True), answer.body
    assert (await audit.client(EXPORT, query="rows=people")).status == 422


async def test_a_unit_that_a_format_cannot_say_is_named_before_anything_is_sent() -> None:
    spans = {"kind": "spans", "classes": ["p"]}
    audit = await sealed(RELABEL, spans)
    label = {"spans": [{"start": 0, "end": 4, "class": "p"}, {"start": 2, "end": 5, "class": "p"}]}
    await audit.resolve(label=label)
    await audit.inspect({}, default=label)
    ingest(audit, dict.fromkeys(UNITS, "Anna Lena"))
    for path in (EXPORT, f"/v1/lots/{LOT}/export", MANIFEST):
        answer = await audit.client(path, query="format=conll&data=true")
        problem = answer.json()["errors"][0]
        assert (answer.status, problem["field"]) == (422, f"source of {UNITS[0]}"), answer.body
    tasks = (await audit.client(EXPORT, query="format=label-studio&data=true")).json()
    assert [entry["value"]["text"] for entry in tasks[0]["annotations"][0]["result"]] == ["Anna", "na "]
    await audit.stop()


async def test_a_percentage_is_inspected_to_its_end_whatever_is_found() -> None:
    half = policies.Audit(plan="fraction", fraction=1.0, aql=0.5, ltpd=0.9, on_reject="relabel")
    audit = await sealed(half, units=UNITS[:2])
    await audit.resolve(UNITS[:2])
    assert await audit.verdicts((await audit.work())[:1]) == ["taken"]
    assert (await audit.lot())["status"] == "auditing", "one of two was inspected, and the contract says both"
    assert await audit.verdicts(await audit.work()) == ["taken"]
    lot = await audit.lot()
    assert (lot["status"], lot["inspected"], lot["label_error_rate"]["high"]) == ("accepted", 2, 0.0)
    (entry,) = await audit.events("lot_accepted")
    assert not entry.HasField("plan"), "no plan stopped it, so nothing rests on where one would have"
    await audit.stop()
