"""A collector for tests: takes OTLP over HTTP and keeps spans and metrics."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.patience import PATIENCE_SECONDS


class Span(NamedTuple):
    """What is kept of a span; ids are hexadecimal, `parent` is empty for a root, `links` are spans of any trace."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    start_ns: int
    links: tuple[str, ...] = ()


class Collector:
    """Listens on a free port of 127.0.0.1 while the block runs.

    Attributes:
        metrics: by service, the names of what came.
        exemplars: the traces that measured values were marked with.
        bodies: all that was sent, as it came.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, set[str]] = {}
        self.exemplars: set[str] = set()
        self.bodies: list[bytes] = []
        self.address = ""
        self.more = asyncio.Event()
        self._runner: web.AppRunner

    async def __aenter__(self) -> Self:
        """Listen."""
        application = web.Application()
        application.router.add_post("/v1/traces", self._take)
        application.router.add_post("/v1/metrics", self._take_metrics)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._runner.cleanup()

    def of_trace(self, trace: str) -> list[Span]:
        """Return a trace's spans, oldest first."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.start_ns)

    async def seen(self, what: str, found: Callable[[], bool]) -> None:
        """Return when `found()` is true, looked at whenever something came; fail when it never is."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not found():
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            rows = sorted({(span.service, span.name) for span in self.spans})
            raise AssertionError(f"{what} did not come: {rows}") from None

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        export_trace_service_request = ExportTraceServiceRequest.FromString(self.bodies[-1])
        for resource in export_trace_service_request.resource_spans:
            names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    links = tuple(link.span_id.hex() for link in span.links)
                    self.spans.append(Span(names["service.name"], span.name, *ids, span.start_time_unix_nano, links))
        self.more.set()
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    async def _take_metrics(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        for resource in ExportMetricsServiceRequest.FromString(self.bodies[-1]).resource_metrics:
            names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
            for metric in [metric for scope in resource.scope_metrics for metric in scope.metrics]:
                self.metrics.setdefault(names["service.name"], set()).add(metric.name)
                for point in metric.histogram.data_points:
                    self.exemplars |= {exemplar.trace_id.hex() for exemplar in point.exemplars}
        self.more.set()
        return web.Response(body=ExportMetricsServiceResponse().SerializeToString())
