"""Of a hundred traces 99 are not recorded: they are passed on and logged, and nothing else of them is made."""

import io
import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, TraceIdRatioBased

from concord.chassis.telemetry import Telemetry, log_to, trace_headers
from concord.chassis.telemetry.unrecorded import UNRECORDED, Draw, DrawnIds
from concord.contracts.codec import Headers

NEVER, ALWAYS = TraceIdRatioBased(0.0), TraceIdRatioBased(1.0)


@dataclass
class Record:
    headers: Headers


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def quiet(spans: InMemorySpanExporter) -> Iterator[Telemetry]:
    """Telemetry of which nothing is recorded."""
    telemetry = Telemetry("tested", spans, at_once=True, sampler=NEVER)
    yield telemetry
    telemetry.shutdown()


def traceparent(trace_id: int, span: int = 1, flags: str = "01") -> bytes:
    return f"00-{trace_id:032x}-{span:016x}-{flags}".encode()


def test_a_trace_is_drawn_as_the_sampler_of_any_other_service_decides() -> None:
    sampler, generator = TraceIdRatioBased(0.3), random.Random(1)
    draw = Draw.of(sampler, DrawnIds())
    assert draw is not None
    for _ in range(1_000):
        trace_id = generator.getrandbits(128)
        recorded = sampler.should_sample(None, trace_id, "s").decision is Decision.RECORD_AND_SAMPLE
        assert (draw.unrecorded(traceparent(trace_id)) is None) == recorded


def test_an_id_that_is_drawn_to_be_recorded_is_that_of_the_span(spans: InMemorySpanExporter) -> None:
    telemetry = Telemetry("tested", spans, at_once=True, sampler=TraceIdRatioBased(0.5))
    records = [Record((("traceparent", traceparent(2**64 - number)),)) for number in (1, 2)]
    for _ in range(200):
        with telemetry.tracing.batch_span("process", records):
            (_, encoded), *_ = trace_headers()
            assert bool(int(encoded[-2:], 16) & 1) == (UNRECORDED.get() is None)
    assert 60 <= len(spans.get_finished_spans()) <= 140, "as many as are drawn, not a part of them again"


def test_a_sampler_that_looks_at_more_than_the_id_is_asked_each_time(spans: InMemorySpanExporter) -> None:
    telemetry = Telemetry("tested", spans, at_once=True, sampler=ALWAYS_ON)
    assert telemetry.tracing.unrecorded(None) is None
    with telemetry.tracing.batch_span("process", []):
        pass
    assert len(spans.get_finished_spans()) == 1


@pytest.mark.parametrize("sent", [None, traceparent(0xABC), b"nonsense", traceparent(0)])
async def test_a_request_that_is_not_recorded_passes_its_trace_on_and_asks_the_sdk_for_nothing(
    quiet: Telemetry,
    spans: InMemorySpanExporter,
    door: Callable[[Telemetry], FastAPI],
    sent: bytes | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines, app = io.StringIO(), door(quiet)
    log_to(lines, "tested")
    rows: list[Headers] = []

    @app.get("/v1/tell")
    async def tell() -> None:
        rows.append(trace_headers())
        with quiet.tracing.span("within"):
            rows.append(trace_headers())
        logging.getLogger("concord").info("hello")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("no span is to be begun")

    monkeypatch.setattr(quiet.tracing.tracer, "start_span", never)
    headers = {} if sent is None else {"traceparent": sent.decode()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tested") as client:
        assert (await client.get("/v1/tell", headers=headers)).status_code == 200
    (name, value), (_, within) = (headers[0] for headers in rows)
    known = sent == traceparent(0xABC)
    assert (name, value[-3:], value == within) == ("traceparent", b"-00", True)
    assert (value[3:35] == traceparent(0xABC)[3:35]) == known
    assert int(value[3:35], 16) != 0
    assert value[36:52] != traceparent(0xABC)[36:52], "it is a span of its own"
    entries = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["message"] == "hello"]
    assert [line["trace_id"] for line in entries] == [value[3:35].decode()]
    assert spans.get_finished_spans() == ()
    assert UNRECORDED.get() is None, "what comes after has nothing of it"


def test_a_batch_that_is_not_recorded_goes_on_under_the_one_trace_it_is_of(quiet: Telemetry) -> None:
    row, other = ((("traceparent", traceparent(number)),) for number in (7, 8))
    with quiet.tracing.batch_span("process", [Record(row), Record(()), Record(row)]):
        assert trace_headers()[0][1][3:35] == row[0][1][3:35]
    with quiet.tracing.batch_span("process", [Record(row), Record(other)]):
        assert trace_headers()[0][1][3:35] not in {row[0][1][3:35], other[0][1][3:35]}
    assert trace_headers() == ()


def test_what_is_recorded_within_what_is_not_is_a_span_of_its_own(
    spans: InMemorySpanExporter, quiet: Telemetry
) -> None:
    telemetry = Telemetry("tested", spans, at_once=True, sampler=ALWAYS)
    headers = (("traceparent", traceparent(9)),)
    with quiet.tracing.batch_span("process", []), telemetry.tracing.batch_span("publish", [Record(headers)]):
        assert trace_headers()[0][1][3:35] == headers[0][1][3:35]
        assert int(trace_headers()[0][1][-2:], 16) & 1
    assert [span.name for span in spans.get_finished_spans()] == ["publish"]
