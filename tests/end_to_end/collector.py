"""A trace collector for tests: takes OTLP over HTTP and keeps the spans."""

import asyncio
from types import TracebackType
from typing import NamedTuple, Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Span(NamedTuple):
    """What is kept of a span; ids are hexadecimal, `parent` is empty for a root."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    start_ns: int


class Collector:
    """Listens on a free port of 127.0.0.1 while the block runs."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.address = ""
        self.more = asyncio.Event()
        self._runner: web.AppRunner

    async def __aenter__(self) -> Self:
        """Listen."""
        application = web.Application()
        application.router.add_post("/v1/traces", self._take)
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

    async def _take(self, request: web.Request) -> web.Response:
        said = ExportTraceServiceRequest.FromString(await request.read())
        for resource in said.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    self.spans.append(Span(names["service.name"], span.name, *ids, span.start_time_unix_nano))
        self.more.set()
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())
