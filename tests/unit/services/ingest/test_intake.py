"""CloudEvents as clients really send them."""

import base64
import json
from typing import Any

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.contracts.topics import DEAD_LETTERS, INTAKE, UNITS
from tests.support.ingest import Ingest, told
from tests.support.settled import settled

SOURCE = "/projects/k1-p"
STRUCTURED = (("content-type", b"application/cloudevents+json"),)


def structured(name: str, **attributes: Any) -> bytes:
    event = {"specversion": "1.0", "id": name, "source": SOURCE, "type": "concord.unit.v1", "data": {"content": name}}
    return json.dumps(event | attributes).encode()


def binary(name: str, *more: tuple[str, Any], source: str = SOURCE) -> Any:
    attributes = {"specversion": "1.0", "id": name, "source": source, "type": "concord.unit.v1"}
    return (*((f"ce_{key}", value.encode()) for key, value in attributes.items()), *more)


DATA = base64.b64encode(b'{"content": "in base 64"}').decode()
MIXED = b"Application/CloudEvents+JSON; charset=UTF-8"
BATCH = b"application/cloudevents-batch+json"
DEEP = structured("s", data={"content": "c"}).replace(b'"c"', b"[" * 5_000)
DEEPER = b'{"content":' + b"[" * 700 + b'"ada@example.org"' + b"]" * 700 + b"}"
TAKEN = {
    "media type in another case": (
        structured("1"),
        (("Content-Type", MIXED),),
    ),
    "an extension without a value": (b'{"content":"2"}', binary("2", ("ce_comment", b""))),
    "a content type without a value": (b'{"content":"3"}', binary("3", ("content-type", b""))),
    "an extension in Latin-1": (b'{"content":"4"}', binary("4", ("ce_author", b"Zo\xeb"))),
    "header names in another case": (b'{"content":"5"}', tuple((k.upper(), v) for k, v in binary("5"))),
    "attributes that nobody reads": (structured("6", time="2026-01-01T00:00:00Z", myext=[1], subject=None), STRUCTURED),
    "structured without headers": (structured("7"), ()),
    "a byte order mark": (b"\xef\xbb\xbf" + structured("8"), STRUCTURED),
    "a byte order mark before data": (b'\xef\xbb\xbf{"content":"9"}', binary("9")),
    "data in base 64": (structured("10", data=None, data_base64=DATA), STRUCTURED),
    "an absolute source": (structured("11", source="https://client.example/projects/k1-p"), STRUCTURED),
    "a source as a name": (b'{"content":"12"}', binary("12", source="//client.example/projects/k1-p")),
}
SET_ASIDE = {
    "a batch": (b"[" + structured("b") + b"]", (("content-type", BATCH),), "one event a record"),
    "no value": (b"", STRUCTURED, "no CloudEvent"),
    "no value and no headers": (b"", (), "no CloudEvent"),
    "an id without a value": (b'{"content":"x"}', (*binary("x"), ("ce_id", b"")), "id"),
    "a source of another shape": (structured("s", source="/projects"), STRUCTURED, "send '/projects/<project_id>'"),
    "a source that is no address": (structured("s", source="http://[/projects/k1-p"), STRUCTURED, "source"),
    "data that is no base 64": (structured("s", data=None, data_base64="%"), STRUCTURED, "data"),
    "data twice over": (structured("s", data={"content": "x", "id": "y" * 10_000, "colour": 1}), STRUCTURED, "data"),
    "an endless type": (structured("s", type="x" * 900_000), STRUCTURED, "type"),
    "nested too deeply": (DEEP, STRUCTURED, "nested more than 32 levels"),
    "nested deeper than by other doors": (DEEPER, binary("s"), "nested more than 32 levels"),
    "the same in base 64": (
        structured("s", data=None, data_base64=base64.b64encode(DEEPER).decode()),
        STRUCTURED,
        "nested more than 32 levels",
    ),
    "bytes that are no UTF-8": (structured("s").replace(b'"s"', b'"\xff"'), STRUCTURED, ""),
}  # fmt: skip


async def publish(ingest: Ingest, *records: tuple[Any, Any]) -> None:
    broker = MemoryBroker(ingest.house.cluster, "client")
    await broker.publish([Outgoing(INTAKE.name, b"k", value, headers) for value, headers in records])
    await settled(ingest.house, "ingest", ingest.service)


@pytest.mark.parametrize("name", TAKEN)
async def test_what_is_taken_is_a_unit(project: Ingest, name: str) -> None:
    await publish(project, TAKEN[name])
    assert project.house.events(DEAD_LETTERS) == []
    assert len(told(project.house, "unit_admitted")) == 1


@pytest.mark.parametrize("name", SET_ASIDE)
async def test_what_cannot_be_taken_is_set_aside_with_a_reason_that_can_be_read(project: Ingest, name: str) -> None:
    value, headers, reason = SET_ASIDE[name]
    await publish(project, (value, headers), (structured("after"), STRUCTURED))
    (letter,) = project.house.events(DEAD_LETTERS)
    assert letter.error == "Poison"
    assert reason in letter.reason
    assert len(letter.reason) < 1_000
    assert [entry.source_id for entry in told(project.house, "unit_admitted")] == ["after"]


async def test_every_unit_of_a_batch_goes_on_under_its_own_records_trace(project: Ingest) -> None:
    traces = {f"u{n}": f"00-{n:032x}-{n:016x}-01".encode() for n in range(1, 6)}
    records = [(structured(name), (*STRUCTURED, ("traceparent", trace))) for name, trace in traces.items()]
    await publish(project, *records)
    carried = {
        event.unit_admitted.source_id: dict(record.headers).get("traceparent", b"")[3:35]
        for record, event in zip(project.house.records(UNITS), project.house.events(UNITS), strict=True)
        if event.HasField("unit_admitted")
    }
    assert carried == {name: trace[3:35] for name, trace in traces.items()}


async def test_a_thousand_events_are_a_thousand_units_also_when_they_are_sent_again_and_bad_ones_hold_up_none(
    project: Ingest,
) -> None:
    good = [(structured(f"u{number}"), STRUCTURED) for number in range(1_000)]
    bad = [(structured(f"b{number}", type="of another kind"), STRUCTURED) for number in range(10)]
    records = list(good)
    for place, row in enumerate(bad):
        records.insert(101 * place, row)
    for time in (1, 2):
        await publish(project, *records)
        units = [entry.source_id for entry in told(project.house, "unit_admitted")]
        assert len(units) == len(set(units)) == 1_000
        letters = project.house.events(DEAD_LETTERS)
        assert len(letters) == time * len(bad)
        assert all("send 'concord.unit.v1'" in letter.reason for letter in letters)
    found = await project.find(*(f"u{number}" for number in range(500)))
    assert {entry["status"] for entry in found} == {"admitted"}
