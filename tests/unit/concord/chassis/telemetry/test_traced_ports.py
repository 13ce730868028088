"""Store calls and publishing are spans without keys or values; which traces are recorded follows from their ids."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.broker.traced import TracedBroker
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import Collection
from concord.chassis.store.traced import TracedStore
from concord.chassis.telemetry import Telemetry, sampler_of, trace_headers
from concord.chassis.telemetry.tracing import SHARE
from concord.contracts.codec import Headers
from concord.contracts.topics import UNITS
from simulation.house import House

SECRET = "a-payload"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Telemetry:
    return Telemetry("tested", spans, at_once=True)


async def test_each_call_of_a_store_is_a_span_under_what_is_current_and_tells_no_key_or_value(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    store = TracedStore(MemoryStore(House().database("tested")), telemetry.tracing)
    await store.prepare([Collection("things", ("of",))])
    with telemetry.tracing.span("request") as request:
        assert await store.insert("things", [{"_id": SECRET, "of": SECRET}]) == frozenset()
        assert await store.insert_in_order("things", [{"_id": SECRET, "of": SECRET}]) == 0
        assert set(await store.get("things", [SECRET])) == {SECRET}
        assert len(await store.find("things", "of", [SECRET, "b"])) == 1
        assert await store.delete("things", [SECRET]) == 1
    *row, _ = spans.get_finished_spans()
    assert [span.name for span in row] == [
        "insert things", "insert things", "get things", "find things", "delete things"
    ]  # fmt: skip
    assert {span.kind for span in row} == {SpanKind.CLIENT}
    assert {span.parent.span_id for span in row if span.parent} == {request.get_span_context().span_id}
    assert [dict(span.attributes or {})["db.operation.batch.size"] for span in row] == [1, 1, 1, 2, 1]
    assert SECRET not in "".join(span.to_json() for span in row)


async def test_what_is_published_is_a_span_of_a_batch_that_its_records_traces_lead_to(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    house = House()
    broker = TracedBroker(MemoryBroker(house.cluster, "tested"), telemetry.tracing)
    await broker.start()
    traces = []
    for _ in range(2):
        with telemetry.tracing.span("origin"):
            traces.append(trace_headers())
    records = [Outgoing(UNITS.name, SECRET.encode(), SECRET.encode(), trace, 0) for trace in traces]
    await broker.publish(records)
    await broker.publish(records[:1])
    await broker.ping()
    await broker.stop()
    assert len(house.records(UNITS)) == 3
    twin, many, span = spans.get_finished_spans()[2:]
    assert [twin.name, many.name, span.name] == ["publish"] * 3
    assert (many.kind, len(many.links)) == (SpanKind.PRODUCER, 1)
    first, second = (int(dict(trace)["traceparent"][3:35], 16) for trace in traces)
    assert [made.context.trace_id for made in (many, twin, span) if made.context] == [first, second, first]
    assert SECRET not in twin.to_json() + many.to_json() + span.to_json()


async def test_what_is_raised_in_a_span_is_told_by_its_type_alone(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    def fail() -> None:
        raise ValueError(SECRET)

    with pytest.raises(ValueError, match=SECRET), telemetry.tracing.span("s"):
        fail()
    with pytest.raises(ValueError, match=SECRET), telemetry.tracing.batch_span("b", []):
        fail()
    for span in spans.get_finished_spans():
        assert not span.status.is_ok
        assert [dict(event.attributes or {}) for event in span.events] == [{"exception.type": "ValueError"}]
        assert SECRET not in span.to_json()


@pytest.mark.parametrize("asked", [False, True], ids=["of its own", "of a caller that wants it recorded"])
def test_one_trace_of_a_hundred_is_recorded_whoever_asks_for_more_and_whole_in_every_service(asked: bool) -> None:
    exporters = [InMemorySpanExporter() for _ in range(2)]
    first, second = (
        Telemetry(name, exporter, at_once=True, sampler=sampler_of({}))
        for name, exporter in zip(("one", "two"), exporters, strict=True)
    )
    caller = Telemetry("caller", InMemorySpanExporter(), at_once=True)
    count = 3_000
    for _ in range(count):
        headers: Headers = ()
        if asked:
            with caller.tracing.span("theirs"):
                headers = trace_headers()
        with first.tracing.batch_span("process", [Carried(headers)]):
            headers = trace_headers()
        with second.tracing.batch_span("process", [Carried(headers)]):
            pass
    rows = [
        {
            get_finished_span.context.trace_id
            for get_finished_span in exporter.get_finished_spans()
            if get_finished_span.context
        }
        for exporter in exporters
    ]
    assert rows[0] == rows[1], "a trace is recorded whole or not at all"
    # Binomial: of 3,000 at one in a hundred, 5 to 60 but once in 100 million times.
    assert 5 <= len(rows[0]) <= 60
    assert SHARE == 0.01


class Carried:
    def __init__(self, headers: Headers) -> None:
        self.headers = headers


@pytest.mark.parametrize("name", ["always_on", "always_off", "traceidratio"])
def test_the_sdks_own_variable_says_otherwise(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
    exporter = InMemorySpanExporter()
    sampler = sampler_of({"OTEL_TRACES_SAMPLER": name})
    assert sampler is None
    with Telemetry("one", exporter, at_once=True, sampler=sampler).tracing.span("s"):
        pass
    assert len(exporter.get_finished_spans()) == (0 if name == "always_off" else 1)
