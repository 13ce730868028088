"""Metrics go out by OTLP, as Prometheus has them: a receiver in this process is sent real instruments."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from concord.chassis.http.observed import REQUEST_SECONDS
from concord.chassis.telemetry import Instrument, Telemetry, exposition
from concord.chassis.telemetry.metrics_out import ExporterUnknown, exporter_of, interval_of
from tests.support.patience import PATIENCE_SECONDS

TABLE = (
    Instrument("concord_test_things", "counter", "Things.", ("kind",)),
    Instrument("concord_test_age_seconds", "gauge", "How old."),
    Instrument("concord_test_wait_seconds", "histogram", "How long.", ("kind",), (0.1, 1.0)),
)


class Receiver(BaseHTTPRequestHandler):
    """Takes what comes by OTLP over http, as a collector does."""

    came: ClassVar[list[tuple[str, ExportMetricsServiceRequest]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((self.path, ExportMetricsServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ExportMetricsServiceRequest]]]:
    """Return what a collector was sent; the SDK's own variable names it."""
    Receiver.came.clear()
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield Receiver.came
        server.shutdown()
        thread.join()


def metrics_in(request: ExportMetricsServiceRequest) -> dict[str, Any]:
    (of_resource,) = request.resource_metrics
    names = {attribute.key: attribute.value.string_value for attribute in of_resource.resource.attributes}
    assert names["service.name"] == "tested"
    (of_scope,) = of_resource.scope_metrics
    return {metric.name: metric for metric in of_scope.metrics}


def attributes_of(point: Any) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in point.attributes}


def test_a_collector_is_sent_what_prometheus_scrapes(collector: list[Any]) -> None:
    exporter = exporter_of({"OTEL_METRICS_EXPORTER": "prometheus,otlp"})
    telemetry = Telemetry("tested", metrics_exporter=exporter, metrics_seconds=3_600)
    own = telemetry.instruments(TABLE)
    own.counter("concord_test_things", "a").inc(3)
    own.counter("concord_test_things", "b").inc()
    own.gauge("concord_test_age_seconds").set(7.5)
    for seconds in (0.05, 0.5, 0.6, 20.0):
        own.histogram("concord_test_wait_seconds", "a").observe(seconds)
    telemetry.shutdown()
    ((path, request),) = collector
    assert path == "/v1/metrics"
    found = metrics_in(request)
    things = found["concord_test_things"].sum
    assert (
        things.is_monotonic,
        {attributes_of(data_point)["kind"]: data_point.as_double for data_point in things.data_points},
    ) == (
        True,
        {"a": 3, "b": 1},
    )
    (age,) = found["concord_test_age_seconds"].gauge.data_points
    assert (age.as_double, found["concord_test_age_seconds"].unit) == (7.5, "s")
    (wait,) = found["concord_test_wait_seconds"].histogram.data_points
    assert (list(wait.explicit_bounds), list(wait.bucket_counts), wait.count) == ([0.1, 1.0], [1, 2, 1], 4)
    assert (wait.sum, attributes_of(wait)) == (pytest.approx(21.15), {"kind": "a"})
    assert 0 < wait.start_time_unix_nano < wait.time_unix_nano
    scraped = exposition(telemetry.registry)[0].decode()
    assert 'concord_test_things_total{kind="a"} 3.0' in scraped


def test_it_is_sent_every_so_often_and_goes_on_when_a_collector_was_away(collector: list[Any]) -> None:
    exporter = exporter_of({"OTEL_METRICS_EXPORTER": "otlp"})
    assert exporter is not None
    honest, asked = exporter.export, threading.Event()

    def failing(*more: Any, **named: Any) -> Any:
        if not asked.is_set():
            asked.set()
            raise ConnectionError("away")
        return honest(*more, **named)

    exporter.export = failing  # type: ignore[method-assign] # the real one, away once
    telemetry = Telemetry("tested", metrics_exporter=exporter, metrics_seconds=0.05)
    telemetry.instruments(TABLE).gauge("concord_test_age_seconds").set(1)
    assert asked.wait(PATIENCE_SECONDS)
    telemetry.shutdown()
    telemetry.shutdown()
    assert collector


@pytest.mark.parametrize(
    "environment", [{}, {"OTEL_METRICS_EXPORTER": "prometheus"}, {"OTEL_METRICS_EXPORTER": "none"}]
)
def test_by_default_prometheus_alone_comes_for_them_and_no_thread_is_there(environment: dict[str, str]) -> None:
    before = threading.active_count()
    assert exporter_of(environment) is None
    telemetry = Telemetry("tested", metrics_exporter=exporter_of(environment))
    assert (telemetry.exports, threading.active_count()) == (False, before)
    assert exporter_of({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}) is None


def test_an_exporter_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ExporterUnknown, match="'console': set it to prometheus, otlp or none"):
        exporter_of({"OTEL_METRICS_EXPORTER": "console"})
    assert interval_of({"OTEL_METRIC_EXPORT_INTERVAL": "nonsense"}) == 60.0


@pytest.mark.parametrize("share", [0.0, 1.0])
async def test_a_request_of_a_recorded_trace_marks_its_observation_with_it(
    collector: list[Any], door: Callable[[Telemetry], FastAPI], share: float
) -> None:
    spans = InMemorySpanExporter()
    telemetry = Telemetry(
        "tested",
        spans,
        at_once=True,
        sampler=TraceIdRatioBased(share),
        metrics_exporter=exporter_of({"OTEL_METRICS_EXPORTER": "otlp"}),
        metrics_seconds=3_600,
    )
    transport = httpx.ASGITransport(app=door(telemetry))
    async with httpx.AsyncClient(transport=transport, base_url="http://tested") as client:
        await client.get("/v1/units/u-1")
        plain = (await client.get("/metrics")).text
        wanted = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        answer = await client.get("/metrics", headers=wanted)
    telemetry.shutdown()
    assert "trace_id" not in plain
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    (point,) = metrics_in(collector[-1][1])[REQUEST_SECONDS].histogram.data_points
    if not share:
        assert ("trace_id" in answer.text, list(point.exemplars)) == (False, [])
        return
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert f'trace_id="{span.context.trace_id:032x}"' in answer.text
    (exemplar,) = point.exemplars
    assert int.from_bytes(exemplar.trace_id) == span.context.trace_id
    assert int.from_bytes(exemplar.span_id) == span.context.span_id
