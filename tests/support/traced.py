"""A house in memory whose services trace, store and broker as well, and which keeps what they tell."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from concord.chassis.broker.traced import TracedBroker
from concord.chassis.ports import Ports
from concord.chassis.store.traced import TracedStore
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import Headers
from simulation.house import House

SAMPLER = TraceIdRatioBased(2.0**-60)
"""What begins by itself is recorded but once in 10^18 times: every span is of a trace that a test has made up."""
RECORDED_MAX = 15
"""The highest number of a trace that is recorded."""


def traceparent(number: int, flags: str = "01") -> str:
    """Return what a record or a request of a trace carries: those up to RECORDED_MAX are recorded."""
    return f"00-{number:032x}-{number:016x}-{flags}"


def trace(number: int, flags: str = "01") -> Headers:
    """Return the same as headers of a record."""
    return (("traceparent", traceparent(number, flags).encode()),)


def number_of(headers: Headers) -> int:
    """Return the number of the trace that headers carry."""
    return int(dict(headers)["traceparent"][3:35], 16)


class Kept(SpanExporter):
    """Keeps spans, of however many processes."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep."""
        self.spans += spans
        return SpanExportResult.SUCCESS

    def named(self, name: str) -> dict[int, ReadableSpan]:
        """Return the spans of a name by the number of their trace, the last of each."""
        return {span.context.trace_id: span for span in self.spans if span.name == name and span.context is not None}

    def linked(self, name: str) -> dict[int, set[int]]:
        """Return, for the spans of a name, the numbers of the traces that each is linked to."""
        return {number: {link.context.trace_id for link in span.links} for number, span in self.named(name).items()}


class TracedHouse(House):
    """See the module.

    Attributes:
        kept: all spans of its services.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.kept = Kept()

    def ports(self, service: str, *more: Any, **named: Any) -> Ports:
        """Return the ports of a new life, which traces by a telemetry of its own."""
        ports = super().ports(service, *more, **named)
        telemetry = Telemetry(service, self.kept, at_once=True, sampler=SAMPLER)
        store, broker = TracedStore(ports.store, telemetry.tracing), TracedBroker(ports.broker, telemetry.tracing)
        return dataclasses.replace(ports, store=store, broker=broker, telemetry=telemetry)
