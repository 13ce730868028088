"""What a process says about itself: Prometheus instruments, OpenTelemetry traces and log lines."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from prometheus_client import CollectorRegistry, Info, ProcessCollector

from concord.chassis.telemetry import metrics_out
from concord.chassis.telemetry.by_project import OF_PROJECT, PROJECTS_SHOWN_MAX, ByProject
from concord.chassis.telemetry.instruments import SECONDS_BUCKETS, Instrument, Instruments, exposition
from concord.chassis.telemetry.logs import log_to
from concord.chassis.telemetry.metrics_out import MetricsOut
from concord.chassis.telemetry.tracing import (
    BATCH_LINKS_MAX,
    Tracing,
    carried_trace,
    context_of,
    exporter_of,
    failed,
    sampler_of,
    trace_headers,
    trace_id_of,
    trace_of,
)

__all__ = [
    "BATCH_LINKS_MAX",
    "OF_PROJECT",
    "PROJECTS_SHOWN_MAX",
    "SECONDS_BUCKETS",
    "ByProject",
    "Instrument",
    "Instruments",
    "Telemetry",
    "Tracing",
    "carried_trace",
    "context_of",
    "exporter_of",
    "exposition",
    "failed",
    "log_to",
    "sampler_of",
    "trace_headers",
    "trace_id_of",
    "trace_of",
]


class Telemetry:
    """One service's registry and tracer; a bootstrap makes its own, so that one process can hold five.

    Args:
        service: its name.
        exporter: where spans go; None for no tracing.
        at_once: export each span as it ends, for tests.
        sampler: see `Tracing`.
        metrics_exporter: where metrics go, too; None: nowhere, Prometheus alone comes for them.
        metrics_seconds: how often.
    """

    def __init__(
        self,
        service: str,
        exporter: SpanExporter | None = None,
        *,
        at_once: bool = False,
        sampler: Sampler | None = None,
        metrics_exporter: MetricExporter | None = None,
        metrics_seconds: float = metrics_out.INTERVAL_SECONDS,
    ) -> None:
        self.service = service
        self.registry = CollectorRegistry(auto_describe=True)
        self.tracing = Tracing(service, exporter, at_once=at_once, sampler=sampler)
        self._tables: dict[tuple[Instrument, ...], Instruments] = {}
        self._out = (
            None if metrics_exporter is None else MetricsOut(service, self.registry, metrics_exporter, metrics_seconds)
        )

    @property
    def exports(self) -> bool:
        """Whether anything is sent to a collector."""
        return self.tracing.on or self._out is not None

    @classmethod
    def from_environment(cls, service: str, environment: Mapping[str, str]) -> "Telemetry":
        """Return the telemetry of a process: log lines to standard error, spans and metrics to the collector it names.

        Raises:
            ExporterUnknown: metrics are to go where nothing goes.
        """
        log_to(None, service)
        telemetry = cls(
            service,
            exporter_of(environment),
            sampler=sampler_of(environment),
            metrics_exporter=metrics_out.exporter_of(environment),
            metrics_seconds=metrics_out.interval_of(environment),
        )
        telemetry.show_process()
        return telemetry

    def show_process(self) -> None:
        """Show what the process itself uses: CPU, memory, files, when it began, and which build it is.

        Only where the service is a process: several in one would each show the same.
        """
        ProcessCollector(registry=self.registry)
        build = Info("concord_build", "Which build of Concord runs.", registry=self.registry)
        build.info({"version": version("concord"), "python": platform.python_version()})

    def instruments(self, table: Sequence[Instrument]) -> Instruments:
        """Return the table's instruments, registered here; two parts with one table share them."""
        key = tuple(table)
        if key not in self._tables:
            self._tables[key] = Instruments(self.registry, table)
        return self._tables[key]

    def shutdown(self) -> None:
        """Export what is left; blocks for as long as the exporter's own timeout."""
        self.tracing.shutdown()
        if self._out is not None:
            self._out.shutdown()
