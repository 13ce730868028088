"""A trace goes on through record headers; a batch is one span with bounded links; off means nothing is done."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanKind

from concord.chassis.telemetry import BATCH_LINKS_MAX, Telemetry, context_of, exporter_of, trace_headers, trace_of
from concord.contracts.codec import Headers


@dataclass
class Record:
    headers: Headers


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Telemetry:
    return Telemetry("tested", spans, at_once=True)


def carried(telemetry: Telemetry) -> Headers:
    """Return the headers of a record of a trace of its own."""
    with telemetry.tracing.span("origin"):
        return trace_headers()


def trace_id(headers: Headers) -> int:
    return int(dict(headers)["traceparent"][3:35], 16)


def test_headers_carry_the_current_span_and_nothing_outside_one(telemetry: Telemetry) -> None:
    assert trace_headers() == ()
    with telemetry.tracing.span("s") as span:
        rows = trace_headers()
    context = trace.get_current_span(context_of(rows)).get_span_context()
    assert (context.trace_id, context.span_id) == (span.get_span_context().trace_id, span.get_span_context().span_id)


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"00-xyz", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"])
def test_a_broken_header_is_no_context(value: bytes) -> None:
    assert not trace.get_current_span(context_of((("traceparent", value),))).get_span_context().is_valid


def test_a_batch_of_one_trace_continues_it(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    headers = carried(telemetry)
    with telemetry.tracing.batch_span("process units", [Record(headers), Record(headers), Record(())]):
        assert trace_id(trace_headers()) == trace_id(headers)
    batch = spans.get_finished_spans()[-1]
    assert (batch.name, batch.kind, len(batch.links)) == ("process units", SpanKind.CONSUMER, 0)
    assert batch.attributes is not None
    assert batch.attributes["messaging.batch.message_count"] == 3


def test_a_batch_of_many_traces_is_a_span_in_each_of_them_with_bounded_links(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    records = [Record(carried(telemetry)) for _ in range(BATCH_LINKS_MAX + 8)]
    with telemetry.tracing.span("outer"), telemetry.tracing.batch_span("process units", records):
        inside = trace_id(trace_headers())
        with telemetry.tracing.span("within"):
            pass
    traces = [trace_id(record.headers) for record in records[:BATCH_LINKS_MAX]]
    assert inside == traces[0], "what is done within it is told once, in the first trace"
    made = {span.context.trace_id: span for span in spans.get_finished_spans() if span.name == "process units"}
    assert set(made) == set(traces)
    batch = made[inside]
    assert {link.context.trace_id for link in batch.links} == set(traces[1:])
    parents = {trace_id(record.headers): dict(record.headers)["traceparent"][36:52].decode() for record in records}
    for number, twin in made.items():
        assert twin.parent is not None
        assert format(twin.parent.span_id, "016x") == parents[number]
        if number != inside:
            assert [link.context.span_id for link in twin.links] == [batch.context.span_id]
            assert (twin.kind, twin.attributes) == (batch.kind, batch.attributes)
            assert batch.start_time is not None
            assert twin.start_time is not None
            assert twin.start_time <= batch.start_time


def test_a_recorded_trace_goes_on_in_a_batch_of_many_that_are_not(spans: InMemorySpanExporter) -> None:
    telemetry = Telemetry("tested", spans, at_once=True, sampler=TraceIdRatioBased(0.01))
    recorded, others = 1, range(2**64 - 50, 2**64 - 1)
    records = [Record((("traceparent", f"00-{number:032x}-{7:016x}-00".encode()),)) for number in others]
    # A client says of its own that they are to be recorded.
    records += [Record((("traceparent", f"00-{2**63:032x}-{7:016x}-01".encode()),))]
    records += [Record((("traceparent", f"00-{recorded:032x}-{7:016x}-01".encode()),))]
    with telemetry.tracing.batch_span("process units", records):
        assert trace_id(trace_headers()) == recorded
    (batch,) = spans.get_finished_spans()
    assert (batch.context.trace_id, len(batch.links)) == (recorded, 0)
    kept = [telemetry.tracing.recorded(record.headers) for record in records]
    assert kept == [""] * 50 + [f"00-{recorded:032x}-{7:016x}-01"]
    assert trace_of(kept[-1]) == records[-1].headers


def test_what_fails_in_a_batch_is_told_in_each_of_its_traces(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    records = [Record(carried(telemetry)) for _ in range(2)]
    with pytest.raises(LookupError), telemetry.tracing.batch_span("process units", records):
        raise LookupError("a payload")
    made = [span for span in spans.get_finished_spans() if span.name == "process units"]
    assert [span.status.is_ok for span in made] == [False, False]
    assert [[dict(event.attributes or {}) for event in span.events] for span in made] == [
        [{"exception.type": "LookupError"}]
    ] * 2


@pytest.mark.parametrize("value", [b"", b"1", b"00-xyz1", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"])
def test_headers_that_are_no_trace_break_no_batch(spans: InMemorySpanExporter, value: bytes) -> None:
    telemetry = Telemetry("tested", spans, at_once=True, sampler=TraceIdRatioBased(0.0))
    good = ("traceparent", f"00-{5:032x}-{7:016x}-01".encode())
    for headers in ((("traceparent", value),), (("traceparent", value), good), (good, ("traceparent", value))):
        with telemetry.tracing.batch_span("process units", [Record(headers)]):
            assert telemetry.tracing.recorded(headers) == ""
    assert spans.get_finished_spans() == ()


def test_a_batch_without_traces_is_a_span_all_the_same(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    with telemetry.tracing.batch_span("process units", [Record(())]):
        pass
    assert len(spans.get_finished_spans()) == 1


def test_when_tracing_is_off_nothing_is_carried() -> None:
    telemetry = Telemetry("tested")
    with telemetry.tracing.span("s"), telemetry.tracing.batch_span("b", [Record(())]):
        assert trace_headers() == ()
    telemetry.shutdown()


def test_spans_are_exported_only_where_the_standard_variables_name_a_collector() -> None:
    assert exporter_of({}) is None
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    exporter = exporter_of(endpoint)
    assert exporter is not None
    exporter.shutdown()
    assert exporter_of(endpoint | {"OTEL_SDK_DISABLED": "true"}) is None


async def test_a_request_is_a_server_span_under_its_callers_trace(
    telemetry: Telemetry, spans: InMemorySpanExporter, door: Callable[[Telemetry], FastAPI]
) -> None:
    with telemetry.tracing.span("client") as caller:
        headers = {name: value.decode() for name, value in trace_headers()}
    transport = httpx.ASGITransport(app=door(telemetry))
    async with httpx.AsyncClient(transport=transport, base_url="http://tested") as client:
        await client.get("/v1/units/u-1", headers=headers)
        await client.get("/v1/bug")
        await client.get("/live")
    under, failed = spans.get_finished_spans()[1:]
    assert under.context is not None
    assert under.context.trace_id == caller.get_span_context().trace_id
    assert (under.name, under.kind) == ("GET /v1/units/{unit_id}", SpanKind.SERVER)
    assert dict(under.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/units/{unit_id}",
        "http.response.status_code": 200,
    }
    assert (failed.parent, failed.status.is_ok) == (None, False)
    assert [(event.name, dict(event.attributes or {})) for event in failed.events] == [
        ("exception", {"exception.type": "RuntimeError"})
    ]
