"""Metrics that go out to a collector by OTLP, where a variable says so: the instruments that Prometheus scrapes.

An instrument is declared once and counts once. What goes out is a snapshot of the registry in OpenTelemetry's own data
model, so a process that sends nothing pays nothing, and one that does pays for a snapshot a minute.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

EXPORTER_VARIABLE, INTERVAL_VARIABLE = "OTEL_METRICS_EXPORTER", "OTEL_METRIC_EXPORT_INTERVAL"
PROMETHEUS, OTLP = "prometheus", "otlp"
INTERVAL_SECONDS = 60.0
UNITS = {"_seconds": "s", "_bytes": "By"}
CUMULATIVE = AggregationTemporality.CUMULATIVE

log = logging.getLogger(__name__)


class ExporterUnknown(ValueError):
    """The variable names an exporter that there is none of; the sentence says which there are."""


class Span(NamedTuple):
    """From when on something is counted, and as of when: nanoseconds since the epoch."""

    start_ns: int
    end_ns: int


class MetricsOut:
    """Sends a registry's instruments to a collector, every so often and once more at the end.

    Args:
        service: its name there.
        registry: whose instruments.
        exporter: sends them.
        interval_seconds: between two.
    """

    def __init__(
        self, service: str, registry: CollectorRegistry, exporter: MetricExporter, interval_seconds: float
    ) -> None:
        self._resource = Resource.create({"service.name": service})
        self._registry, self._exporter = registry, exporter
        self._interval_seconds = interval_seconds
        self._began_ns = time.time_ns()
        self._ended = threading.Event()
        # A daemon: a collector that hangs does not keep the process.
        self._thread = threading.Thread(target=self._run, name="metrics out", daemon=True)
        self._thread.start()

    def send(self) -> None:
        """Send what there is now; a collector that is away misses one snapshot, and nothing that is counted."""
        span = Span(self._began_ns, time.time_ns())
        try:
            metrics = list(metrics_of(self._registry, span))
            scope = ScopeMetrics(InstrumentationScope("concord"), metrics, "")
            self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))
        except Exception as fault:  # it must not end the thread, whatever a library raises
            log.warning("metrics could not be sent to the collector: %s", type(fault).__name__)

    def shutdown(self) -> None:
        """Send what is left and stop; blocks for as long as the exporter's own timeout."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        self.send()
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            self.send()


def exporter_of(environment: Mapping[str, str]) -> MetricExporter | None:
    """Return what sends metrics, where OTEL_METRICS_EXPORTER names `otlp`; Prometheus may scrape in any case.

    Where to is what the SDK's own variables say.

    Raises:
        ExporterUnknown: it names another.
    """
    wanted = [name.strip().lower() for name in environment.get(EXPORTER_VARIABLE, PROMETHEUS).split(",")]
    if unknown := sorted({*wanted} - {PROMETHEUS, OTLP, "none", ""}):
        raise ExporterUnknown(f"{EXPORTER_VARIABLE} is {unknown[0]!r}: set it to {PROMETHEUS}, {OTLP} or none")
    if OTLP not in wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    return OTLPMetricExporter()


def interval_of(environment: Mapping[str, str]) -> float:
    """Return how many seconds lie between two snapshots; the SDK's variable has milliseconds.

    >>> interval_of({}), interval_of({"OTEL_METRIC_EXPORT_INTERVAL": "5000"})
    (60.0, 5.0)
    """
    text = environment.get(INTERVAL_VARIABLE, "")
    return max(0.1, int(text) / 1_000) if text.isdecimal() else INTERVAL_SECONDS


def metrics_of(registry: CollectorRegistry, span: Span) -> Iterator[Metric]:
    """Yield every instrument as OpenTelemetry has it, under the name that Prometheus has, without suffix."""
    for family in registry.collect():
        points = _data(family, span)
        if points is not None:
            unit = next((unit for ending, unit in UNITS.items() if family.name.endswith(ending)), "")
            yield Metric(family.name, family.documentation, unit, points)


def _data(family: Family, span: Span) -> Sum | Gauge | Histogram | None:
    if family.type == "counter":
        totals = [sample for sample in family.samples if sample.name.endswith("_total")]
        return Sum(_numbers(totals, span), CUMULATIVE, is_monotonic=True)
    if family.type == "histogram":
        return Histogram(list(_histograms(family, span)), CUMULATIVE)
    if family.type in ("gauge", "info", "unknown"):
        return Gauge(_numbers(family.samples, span))
    return None


def _numbers(samples: Iterable[Sample], span: Span) -> list[NumberDataPoint]:
    return [NumberDataPoint(dict(sample.labels), span.start_ns, span.end_ns, sample.value) for sample in samples]


def _histograms(family: Family, span: Span) -> Iterator[HistogramDataPoint]:
    children: dict[tuple[tuple[str, str], ...], dict[str, list[Sample]]] = {}
    for sample in family.samples:
        key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        kind = sample.name.removeprefix(family.name)
        children.setdefault(key, {}).setdefault(kind, []).append(sample)
    for key, by_kind in children.items():
        buckets = by_kind["_bucket"]  # cumulative, in the order of their bounds, the last of which is infinite
        up_to = [int(bucket.value) for bucket in buckets]
        counts = [up_to[0], *(other - number for number, other in pairwise(up_to))]
        bounds = [float(bucket.labels["le"]) for bucket in buckets[:-1]]
        (total,) = by_kind["_sum"]
        yield HistogramDataPoint(
            attributes=dict(key),
            start_time_unix_nano=span.start_ns,
            time_unix_nano=span.end_ns,
            count=up_to[-1],
            sum=total.value,
            bucket_counts=counts,
            explicit_bounds=bounds,
            min=None,  # type: ignore[arg-type] # optional in the protocol, and not known here
            max=None,  # type: ignore[arg-type] # the same
            exemplars=list(_exemplars(buckets, span)),
        )


def _exemplars(buckets: Sequence[Sample], span: Span) -> Iterator[Exemplar]:
    for bucket in buckets:
        if (seen := bucket.exemplar) is not None:
            at_ns = span.end_ns if seen.timestamp is None else int(float(seen.timestamp) * 1e9)
            trace_id, span_id = (int(seen.labels[name], 16) for name in ("trace_id", "span_id"))
            yield Exemplar({}, seen.value, at_ns, span_id, trace_id)
