"""What no door of ingest takes, and what it must, on a real broker and a real store: nothing else is lost by it."""

import asyncio
import io
import json
import tracemalloc
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from concord.chassis.broker.port import Outgoing
from concord.chassis.identity import Role
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.contracts.topics import INTAKE, UNITS
from services.ingest.bootstrap import wire
from services.ingest.intake import STRUCTURED, TYPE
from services.ingest.settings import IngestSettings
from tests.support.real import NEEDS_REAL_PARTS, RealPlace, eventually, real_place
from tests.support.service import caller, local_settings

pytestmark = NEEDS_REAL_PARTS

SETTINGS = local_settings(IngestSettings)
DEFINITION = {"label_schema": {"kind": "choice", "classes": ["no", "yes"]}}
BOMB_BYTES = 300_000_000
HEAP_BYTES_MAX = 30_000_000
"""What all bodies together may take of the heap at their worst: a tenth of what the bomb alone unpacks to."""


class Odd(NamedTuple):
    """A body, how it is said what it is, and what it is answered: the field, and how many of its units are taken.

    Whatever is packed breaks off.
    """

    body: bytes
    kind: str
    status: int
    field: str = ""
    admitted: int = 0
    line: int = 0
    repeated: int = 0
    encoding: str = "identity"


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b'{"id":"in front of the bomb","content":"text"}\n')
    return packed + b"".join(packer.compress(b"0" * 1_000_000) for _ in range(BOMB_BYTES // 1_000_000)) + packer.flush()


def table(**columns: list[str]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def ragged() -> bytes:
    """Return a table of 500 units, each sent many times over: what counts is how far down it is odd."""
    lines = ["id,content", *(f"row {line % 500},text of row {line % 500}" for line in range(2, 7_501))]
    lines[7_430] = "odd row,text,ragged"
    return "\n".join(lines).encode()


def lines(*units: bytes) -> bytes:
    name = units[0][7:11]
    return b"\n".join([b'{"id":"before %b","content":"before %b"}' % (name, name), *units])


NDJSON, CSV, PARQUET = "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"
DEEP = b'{"id":"deep","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LARGE = b'{"id":"large","content":"%b"}' % (b"x" * 2_000_000)
LINK_LOCAL = b'{"id":"local","content":{"uri":"http://169.254.169.254/latest/meta-data/"},"media_type":"image/png"}'
SPREADSHEET = '"id";"content"\r\n"sheet 1";"a text; with\r\na line of its own"\r\n"sheet 2";"ein ""Wort"", größer"\r\n'

BODIES = {
    "a ragged line": Odd(ragged(), CSV, 202, "line", 500, 7_431, 6_998),
    "a byte order mark, semicolons, CRLF and quoted newlines": Odd(SPREADSHEET.encode("utf-8-sig"), CSV, 202, "", 2),
    "a column that is missing": Odd(table(id=["1"], body=["a"]), PARQUET, 422, "content"),
    "a gzip bomb": Odd(bomb(), NDJSON, 202, "", 1, encoding="gzip"),
    "a gzip bomb and nothing else": Odd(zlib.compress(b"0" * 50_000_000, wbits=31), NDJSON, 413, encoding="gzip"),
    "nested deeply": Odd(DEEP, "application/json", 400, "body"),
    "nested deeply in a line": Odd(lines(DEEP), NDJSON, 202, "body", 1, 2),
    "a unit of two megabytes": Odd(lines(LARGE), NDJSON, 202, "body", 1, 2),
    "an unknown charset": Odd(b"id,content\nx,y\n", "text/csv; charset=klingon", 415),
    "a link-local address": Odd(lines(LINK_LOCAL), NDJSON, 202, "content.uri", 1, 2),
}
POLICIES: dict[str, Any] = {
    "policy.overlap": {"overlap": 0},
    "policy.colour": {"colour": "red"},
    "policy.consensus.method": {"consensus": {"method": "coin"}},
    "policy.lot.size": {"lot": {"size": 0}},
}


def ingest(ports: Ports) -> Service:
    return wire(SETTINGS, ports)


@pytest.fixture
async def place() -> AsyncIterator[RealPlace]:
    async with real_place("ingest") as place:
        yield place


def client(place: RealPlace, service: Service) -> httpx.AsyncClient:
    return caller(service, place.house.token("key", Role.CLIENT, client_id=place.client_id))


async def told(place: RealPlace) -> list[Any]:
    """Return what was told of admitted units; what was told again in the same words is the same event."""
    events = {event.metadata.event_id: event for event in await place.said(UNITS)}.values()
    return [event.unit_admitted for event in events if event.HasField("unit_admitted")]


async def send(door: httpx.AsyncClient, place: RealPlace, odd: Odd) -> httpx.Response:
    headers = {"content-type": odd.kind, "content-encoding": odd.encoding}
    if odd.encoding == "identity":
        del headers["content-encoding"]
    return await door.post(f"/v1/projects/{place.project_id}/units", content=odd.body, headers=headers)


def hold(name: str, odd: Odd, answer: httpx.Response) -> None:
    """Hold an answer to what is wrong with a body, and how it can be mended."""
    body = answer.json()
    assert answer.status_code == odd.status, (name, body)
    if odd.status != 202:
        assert body["detail"], name
        fields = [(error["field"], bool(error["cure"])) for error in body.get("errors", ())]
        assert fields == ([(odd.field, True)] if odd.field else fields), (name, body)
        return
    assert (body["admitted"], body["repeated"]) == (odd.admitted, odd.repeated), (name, body)
    refused = [(error["line"], error["field"], bool(error["cure"])) for error in body["refused"]]
    assert refused == ([(odd.line, odd.field, True)] if odd.field else []), (name, body)
    assert bool(body.get("stopped")) == (odd.encoding == "gzip"), (name, body)


async def test_whatever_comes_wrong_is_refused_by_its_line_with_its_cure_and_nothing_else_is_lost(
    place: RealPlace,
) -> None:
    async with place.life(ingest) as service, client(place, service) as door:
        for field, policy in POLICIES.items():
            answer = await door.put("/v1/projects/p", json={**DEFINITION, "policy": policy})
            (error,) = answer.json()["errors"]
            assert (answer.status_code, error["field"], bool(error["cure"])) == (422, field, True)
        assert (await door.put("/v1/projects/p", json=DEFINITION)).status_code == 201
        tracemalloc.start()
        try:
            answers = await asyncio.gather(*(send(door, place, odd) for odd in BODIES.values()))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for (name, odd), answer in zip(BODIES.items(), answers, strict=True):
            hold(name, odd, answer)
        assert peak < HEAP_BYTES_MAX

        async def all_told() -> bool:
            return len(await told(place)) >= sum(odd.admitted for odd in BODIES.values())

        await eventually("what was not refused", all_told)
    names = Counter(unit.source_id for unit in await told(place))
    assert len(names) == sum(odd.admitted for odd in BODIES.values())
    assert {"row 0", "row 499", "sheet 2", "in front of the bomb"} <= names.keys()
    assert not {"odd row", "deep", "large", "local"} & names.keys()
    assert await place.letters() == []


def cloud_event(place: RealPlace, name: str, **data: Any) -> Outgoing:
    """Return a structured CloudEvent of a unit; all have one key, so that they share a partition."""
    source = f"/projects/{place.project_id}"
    event = {"specversion": "1.0", "id": name, "source": source, "type": TYPE, "data": {"content": name, **data}}
    headers = (("content-type", STRUCTURED.encode()),)
    return Outgoing(INTAKE.name, f"{place.client_id}-subject".encode(), json.dumps(event).encode(), headers)


async def test_the_intake_topic_takes_a_unit_again_whatever_became_of_its_class(place: RealPlace) -> None:
    known = ("no", "yes", "unsure", "odd")
    first = [cloud_event(place, f"first {name}", gold=name) for name in known]
    first.append(cloud_event(place, "work", suggestion={"label": "yes", "model": "m"}))
    change = {"rename": {"yes": "surely"}, "merge": {"unsure": "no"}, "split": {"odd": ["even", "odder"]}}
    changed = {"kind": "choice", "classes": ["no", "surely", "even", "odder"]}
    new = [cloud_event(place, f"new {name}", gold=name) for name in known]

    async def labels(count: int) -> dict[str, bytes]:
        async def are_told() -> bool:
            return len({unit.source_id for unit in await told(place)}) >= count

        await eventually(f"{count} units", are_told)
        return {unit.source_id: unit.gold_label for unit in await told(place)}

    async with place.life(ingest) as service, client(place, service) as door:
        before = {**DEFINITION, "label_schema": {"kind": "choice", "classes": list(known)}}
        assert (await door.put("/v1/projects/p", json=before)).status_code == 201
        await place.broker.publish(first)
        assert set(await labels(5)) == {"work", *(f"first {name}" for name in known)}
        answer = await door.put("/v1/projects/p", json={**DEFINITION, "label_schema": changed, "schema_change": change})
        assert answer.status_code == 200, answer.text
        # Again what came; then what is new, and behind it one whose class still is: it has passed all of them.
        await place.broker.publish([*first, *new, cloud_event(place, "last", gold="surely")])
        found = await labels(9)
    assert found["first yes"] == b'"yes"'
    assert (found["new yes"], found["new unsure"], found["last"]) == (b'"surely"', b'"no"', b'"surely"')
    assert Counter(unit.source_id for unit in await told(place)) == dict.fromkeys(found, 1)
    (letter,) = await place.letters()
    assert letter.value == new[3].value, "nothing stands for a class that was split, and a repeat is no dead letter"
    assert "gold" in letter.reason
