"""The doors of ingest as a client meets them: files, gzip, lists, and requests that are sent again."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest
from fastapi import Request
from pyarrow import parquet as pq
from starlette.types import Message

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import TooManyRequests, Unavailable
from concord.chassis.payload_links import payload_link
from services.ingest.door.batches import SPOOLS_MAX, SPOOLS_PER_CLIENT_MAX, Body, Spools
from services.ingest.settings import IngestSettings
from simulation.house import ENVIRONMENT
from tests.support.ingest import DEFINITION, Ingest, start, told
from tests.unit.services.ingest.sending import PATH, ndjson, sent, sent_as


async def test_every_format_gives_the_same_units(project: Ingest) -> None:
    csv = b"id,content\r\n0,text 0\r\n1,text 1\r\n"
    file = io.BytesIO()
    pq.write_table(pa.table({"id": ["0", "1"], "content": ["text 0", "text 1"]}), file)
    tasks = json.dumps([{"id": number, "data": {"text": f"text {number}"}} for number in range(2)]).encode()
    assert (await sent(project, ndjson(2), "application/x-ndjson"))["admitted"] == 2
    for body, kind, query in (
        (csv, "text/csv; charset=utf-8", ""),
        (file.getvalue(), "application/vnd.apache.parquet", ""),
        (tasks, "application/json", "format=label-studio"),
        (b'{"source":"text 0","id":"0"}\n{"source":"text 1","id":"1"}', "application/jsonl", "format=sagemaker&id=id"),
        (gzip.compress(csv), "text/csv", ""),
    ):
        more = {"content_encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        report = await sent(project, body, kind, query, **more)
        assert (report["repeated"], report["refused"]) == (2, []), kind


async def test_a_ragged_line_of_a_csv_is_refused_by_its_number_and_nothing_else_is_lost(project: Ingest) -> None:
    lines = ["id;content", *(f"{n};text {n}" for n in range(2, 7_501))]
    lines[7_430] = "7431;text;ragged"
    report = await sent(project, "\r\n".join(lines).encode("utf-8-sig"), "text/csv")
    assert [(entry["line"], entry["field"]) for entry in report["refused"]] == [(7_431, "line")]
    assert report["admitted"] == 7_498


@pytest.mark.parametrize(
    ("body", "kind", "query", "status", "field"),
    [
        (b"name\nx\n", "text/csv", "", 422, "id"),
        (b"x", "text/csv; charset=utf-16", "", 415, None),
        (b"x", "text/csv; charset=klingon", "", 415, None),
        (b"x", "text/html", "", 415, None),
        (b"x", "application/zip", "", 422, "body"),
        (b"x", "application/vnd.apache.parquet", "", 422, "body"),
        (b"{}", "application/json", "format=label-studio", 400, "body"),
        (b"{}", "application/json", "format=parquet", 422, "content-type"),
        (b"{}", "application/json", "format=xml", 422, "format"),
        (b"[]", "application/json", "colour=red", 422, "colour"),
        (b"[" * 100_000, "application/json", "", 400, "body"),
        (b"[" * 100_000, "application/json", "format=label-studio", 400, "body"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_its_cure(
    project: Ingest, body: bytes, kind: str, query: str, status: int, field: str | None
) -> None:
    answer = await project.call("POST", PATH, body, headers=sent_as(kind), query=query)
    assert answer.status == status, answer.body
    if field is not None:
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert error["cure"]


async def test_json_nested_deeply_and_units_of_two_megabytes_are_refused_in_their_lines(project: Ingest) -> None:
    deep = b'{"id":"deep","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    large = b'{"id":"large","content":"%b"}' % (b"x" * 2_000_000)
    body = b"\n".join([b'{"id":"a","content":"a"}', deep, large, b'{"id":"b","content":"b"}'])
    report = await sent(project, body, "application/x-ndjson")
    assert [entry["line"] for entry in report["refused"]] == [2, 3]
    assert report["admitted"] == 2


@pytest.mark.parametrize("uri", [
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:a9fe:a9fe]/x", "http://2852039166/",
    "http://0xa9.254.43518/",
    "http://127.0.0.1/a.png", "http://localhost/a.png", "https://10.0.0.1/", "http://[::1]/",
    "http://metadata.google.internal/",
    "file:///etc/passwd", "javascript:alert(1)", "https://user:secret@example.org/a.png",
    "a.png", "https:///a.png", "http://a b/",
])  # fmt: skip
async def test_an_address_within_a_network_is_refused(project: Ingest, uri: str) -> None:
    report = await project.admit({"id": "a", "content": {"uri": uri}, "media_type": "image/png"})
    (refused,) = report["refused"]
    assert refused["field"] == "content.uri"
    assert refused["cure"]


@pytest.mark.parametrize(
    "uri", ["https://example.org/a.png", "s3://bucket/a.png", "http://93.184.216.34/a", "https://bücher.example/ä"]
)
async def test_an_address_that_all_can_reach_is_taken(project: Ingest, uri: str) -> None:
    report = await project.admit({"id": "a", "content": {"uri": uri}, "media_type": "image/png"})
    assert report["admitted"] == 1, report


async def test_no_client_keeps_others_from_sending_files_that_are_read_whole() -> None:
    """Such a file may take an hour to come."""
    end = asyncio.Event()

    async def slowly() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"PAR1", "more_body": True}
        await end.wait()
        yield {"type": "http.request", "body": b"PAR1", "more_body": False}

    spools = Spools()

    async def keep(client_id: str) -> int:
        scope = {"type": "http", "method": "POST", "headers": []}
        async with spools.kept(Body(Request(scope, slowly().__anext__), client_id)) as path:
            return path.stat().st_size

    slow = [asyncio.create_task(keep("k1")) for _ in range(SPOOLS_PER_CLIENT_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await keep("k1")
    slow += [asyncio.create_task(keep(f"k{number}")) for number in range(2, 2 + SPOOLS_MAX - len(slow))]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await keep("k9")
    end.set()
    assert await asyncio.gather(*slow, keep("k1")) == [8] * (SPOOLS_MAX + 1)


async def test_a_gzip_bomb_is_refused_while_what_came_before_is_told(project: Ingest) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(ndjson(600) + b"\n")
    bomb += b"".join(packer.compress(b"0" * 1_000_000) for _ in range(300)) + packer.flush()
    assert len(bomb) < 400_000
    report = await sent(project, bomb, "application/x-ndjson", content_encoding="gzip")
    assert (report["admitted"], report["refused_count"]) == (600, 0)
    assert "200 times" in report["stopped"]["problem"]
    alone = await project.call(
        "POST",
        PATH,
        zlib.compress(b"0" * 50_000_000, wbits=31),
        headers=sent_as("application/x-ndjson", content_encoding="gzip"),
    )
    assert alone.status == 413


@pytest.mark.parametrize(
    ("body", "status"), [(b"no gzip", 400), (gzip.compress(ndjson(5), mtime=0)[:-9], 202), (b"", 400)]
)
async def test_gzip_that_is_damaged_is_told(project: Ingest, body: bytes, status: int) -> None:
    headers = sent_as("application/x-ndjson", content_encoding="gzip")
    answer = await project.call("POST", PATH, body, headers=headers)
    assert answer.status == status
    document = answer.json()
    assert "gzip" in (document["errors"][0]["problem"] if status == 400 else document["stopped"]["problem"])


async def test_members_of_gzip_that_follow_one_another_are_one_body(project: Ingest) -> None:
    body = gzip.compress(ndjson(3) + b"\n") + gzip.compress(b'{"id":"z","content":"z"}')
    assert (await sent(project, body, "application/x-ndjson", content_encoding="gzip"))["admitted"] == 4


async def test_a_request_that_is_sent_again_under_its_key_is_answered_as_it_was(project: Ingest) -> None:
    first = await project.call("POST", PATH, ndjson(3), headers=sent_as("application/x-ndjson", idempotency_key="k1"))
    again = await project.call("POST", PATH, ndjson(3), headers=sent_as("application/x-ndjson", idempotency_key="k1"))
    assert again.body == first.body
    assert (first.json()["admitted"], again.headers["idempotent-replayed"]) == (3, "true")
    other = await project.call("POST", PATH, ndjson(4), headers=sent_as("application/x-ndjson", idempotency_key="k1"))
    assert (other.status, other.json()["errors"][0]["field"]) == (422, "idempotency-key")
    plain = await project.call("POST", PATH, ndjson(3), headers=sent_as("application/x-ndjson", idempotency_key="k2"))
    assert plain.json()["repeated"] == 3


async def test_an_answer_is_kept_for_a_day(project: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = sent_as("application/x-ndjson", idempotency_key="k1")
    await project.call("POST", PATH, ndjson(3), headers=headers)
    monkeypatch.setattr("services.ingest.handlers.imports.ANSWER_SECONDS", 0)
    await project.handlers.imports.forget_answers()
    assert (await project.call("POST", PATH, ndjson(4), headers=headers)).json()["repeated"] == 3


async def test_a_suggestion_is_shown_with_the_payload_except_to_a_random_arm(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"suggestions": {"hidden_rate": 0.5}}})
    guess = {"label": "yes", "model": "m1", "confidence": 0.75}
    units = [{"id": f"{n}", "content": f"text {n}", "suggestion": guess} for n in range(200)]
    report = await ingest.admit(units)
    hidden = {entry.unit_id: entry.suggestion_hidden for entry in told(ingest.house, "unit_admitted")}
    assert 70 < sum(hidden.values()) < 130
    settings = IngestSettings.from_environment(ENVIRONMENT)
    until_us = ingest.house.clock.now_us() + 60 * MICROSECONDS
    for unit in report["units"][:20]:
        link = payload_link(settings.payload_links.secret.key(), "", unit["unit_id"], until_us)
        path, _, query = link.partition("?")
        body = (await ingest.call("GET", f"{path}/suggestion", query=query, token="")).json()
        assert body["label"] == (None if hidden[unit["unit_id"]] else "yes")
    (entry,) = [row for row in told(ingest.house, "unit_admitted") if row.source_id == "7"]
    assert (entry.suggested_label, entry.suggestion_model, entry.uncertainty) == (b'"yes"', "m1", 0.25)
    again = await ingest.admit({**units[0], "suggestion": {"label": "no"}})
    assert [row["field"] for row in again["refused"]] == ["suggestion"]
    wrong = await ingest.admit({**units[0], "id": "w", "content": "w", "suggestion": {"label": "perhaps"}})
    assert wrong["refused"][0]["field"].startswith("suggestion.label")


async def test_strata_have_quotas_and_the_uncertain_go_first(ingest: Ingest) -> None:
    sampling = {"quotas": {"law": 3}, "uncertainty_min": 0.2, "uncertain_first": True}
    await ingest.define({**DEFINITION, "policy": {"sampling": sampling}})
    law = [{"id": f"l{n}", "content": f"law {n}", "stratum": "law"} for n in range(6)]
    others = [{"id": f"o{n}", "content": f"other {n}", "uncertainty": n / 10} for n in range(6)]
    gold = [
        {"id": f"g{n}", "content": f"gold {n}", "stratum": "law", "uncertainty": 0.0, "gold": "yes"} for n in range(3)
    ]
    report = await ingest.admit([*law, *others, *gold])
    assert (report["admitted"], report["left_out"]) == (3 + 4 + 3, 3 + 2), "gold is never sampled away"
    assert (await ingest.admit(law))["left_out"] == 3, "who has a seat keeps it"
    priorities = {entry.source_id: entry.priority for entry in told(ingest.house, "unit_admitted")}
    assert [priorities[f"o{n}"] for n in range(2, 6)] == [200, 300, 400, 500]


async def test_two_processes_together_fill_a_quota_and_no_more(ingest: Ingest) -> None:
    other = await start(ingest.house)
    await ingest.define({**DEFINITION, "policy": {"sampling": {"quotas": {"law": 25}}}})
    units = [{"id": f"l{n}", "content": f"law {n}", "stratum": "law"} for n in range(60)]
    reports = await asyncio.gather(ingest.admit(units[:30]), other.admit(units[30:]))
    assert sum(report["admitted"] for report in reports) == 25
    await other.kill()


async def test_a_row_of_an_export_is_told_what_it_is(project: Ingest) -> None:
    row = {"unit_id": "k1-u", "source_id": "7", "label": "yes", "method": "posterior", "confidence": 1.0,
           "annotations": 2, "guideline_version": 1, "lot_id": "k1-l"}  # fmt: skip
    (refused,) = (await project.admit([row]))["refused"]
    assert "export" in refused["problem"]
    assert "'id': '7'" in refused["cure"]


async def test_projects_are_listed_a_page_at_a_time(ingest: Ingest) -> None:
    for number in range(5):
        await ingest.call("PUT", f"/v1/projects/p{number}", DEFINITION)
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page: Any = (await ingest.call("GET", "/v1/projects", query=f"limit=2&after={after}")).json()
        assert len(page["projects"]) <= 2
        found += [project["project_id"] for project in page["projects"]]
        after = page["next"]
    assert found == [f"k1-p{number}" for number in range(5)]
    for query in ("page=2", "limit=2&Limit=3", "=x"):
        answer = await ingest.call("GET", "/v1/projects", query=query)
        assert (answer.status, answer.json()["errors"][0]["cure"]) == (
            422,
            "leave it out; this route has after, life, limit",
        )


@pytest.mark.parametrize(
    ("unit", "field"),
    [
        ({"id": "", "content": "x"}, "id"),
        ({"id": "a", "content": "x", "gold": "perhaps"}, "gold"),
        ({"id": "a", "content": "x", "colour": 1}, "colour"),
        ({"id": "known", "content": "other"}, "content"),
    ],
)
async def test_a_unit_that_is_sent_alone_and_refused_is_a_refusal_and_one_of_a_list_a_line_of_the_report(
    project: Ingest, unit: dict[str, Any], field: str
) -> None:
    await project.admit({"id": "known", "content": "x"})
    path = PATH
    alone = await project.call("POST", path, unit)
    assert (alone.status, alone.json()["errors"][0]["field"]) == (422, field)
    assert {"problem", "cure"} <= alone.json()["errors"][0].keys()
    listed = await project.call("POST", path, [unit])
    assert (listed.status, listed.json()["refused_count"]) == (202, 1)
    assert listed.json()["problem"].startswith("Nothing of this request was taken")
    mixed = (await project.call("POST", path, [unit, {"id": "good", "content": "good"}])).json()
    assert (mixed["problem"], mixed["admitted"], mixed["refused_count"]) == ("", 1, 1)
    assert [(entry["line"], entry["field"]) for entry in listed.json()["refused"]] == [(1, field)]
