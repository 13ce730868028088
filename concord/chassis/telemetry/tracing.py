"""OpenTelemetry: one tracer a service, its context carried in Kafka headers, one span a batch with bounded links."""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from concord.chassis.telemetry.unrecorded import TRACEPARENT_FORM, UNRECORDED, Draw, DrawnIds
from concord.contracts.codec import Headers

BATCH_LINKS_MAX = 32
TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
RECORDED_ENDS = frozenset(b"13579bdf")
"""What a `traceparent` ends with whose trace is recorded."""
TRACESTATE_BYTES_MAX = 512
"""What W3C Trace Context, section 3.3.1.5, wants to be passed on at least; a client's record may carry a megabyte."""
SHARE = 0.01
"""Of all traces, those that are recorded where no variable says another share."""
SAMPLER_VARIABLE = "OTEL_TRACES_SAMPLER"
ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROPAGATOR = TraceContextTextMapPropagator()


class Carried(Protocol):
    """What a batch span needs of a record."""

    @property
    def headers(self) -> Headers:
        """Return the record's headers."""
        ...


class _HeadersOut(Setter[list[tuple[str, bytes]]]):
    def set(self, carrier: list[tuple[str, bytes]], key: str, value: str) -> None:
        carrier.append((key, value.encode()))


class _HeadersIn(Getter[Sequence[tuple[str, bytes]]]):
    def get(self, carrier: Sequence[tuple[str, bytes]], key: str) -> list[str] | None:
        return [value.decode("latin-1") for name, value in carrier if name.lower() == key] or None

    def keys(self, carrier: Sequence[tuple[str, bytes]]) -> list[str]:
        return [name for name, _ in carrier]


_OUT, _IN = _HeadersOut(), _HeadersIn()


def trace_headers() -> Headers:
    """Return the current span's W3C trace context as record headers; empty outside any span."""
    if (unrecorded := UNRECORDED.get()) is not None:
        return ((TRACEPARENT, unrecorded),)
    if not trace.get_current_span().get_span_context().is_valid:
        return ()
    carrier: list[tuple[str, bytes]] = []
    _PROPAGATOR.inject(carrier, setter=_OUT)
    return tuple(carrier)


def trace_id_now() -> str:
    """Return the id of the trace that is current, whether it is recorded or not; empty outside any."""
    if (unrecorded := UNRECORDED.get()) is not None:
        return unrecorded[3:35].decode()
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def exemplar_now() -> dict[str, str] | None:
    """Return what an observation is marked with so that its trace is found; None where that is not recorded."""
    if UNRECORDED.get() is not None:
        return None
    span = trace.get_current_span()
    if not span.is_recording():
        return None
    context = span.get_span_context()
    return {"trace_id": format(context.trace_id, "032x"), "span_id": format(context.span_id, "016x")}


def context_of(headers: Sequence[tuple[str, bytes]]) -> Context:
    """Return the trace context that a record's or request's headers carry; an empty one when they carry none."""
    return _PROPAGATOR.extract(headers, context=Context(), getter=_IN)


def carried_trace(headers: Headers) -> Headers:
    """Return the trace context among a record's headers, fit to be passed on; empty without a well-formed one.

    Clients write what they like into headers, and what is passed on goes into every record that follows.
    """
    parent = state = None
    for name, value in headers:
        if name == TRACEPARENT and TRACEPARENT_FORM.fullmatch(value):
            parent = (name, value)
        elif name == TRACESTATE and 0 < len(value) <= TRACESTATE_BYTES_MAX and value.isascii():
            state = (name, value)
    if parent is None:
        return ()
    return (parent,) if state is None else (parent, state)


class Tracing:
    """A service's tracer; when tracing is off every call returns at once.

    Args:
        service: its name in the traces.
        exporter: where spans go; None for no tracing at all.
        at_once: export each span as it ends, for tests with an exporter in memory.
        sampler: which traces are recorded; None: as the SDK's own variables say, and all of them if they do not.
    """

    def __init__(
        self,
        service: str,
        exporter: SpanExporter | None,
        *,
        at_once: bool = False,
        sampler: Sampler | None = None,
    ) -> None:
        self.on = exporter is not None
        self._provider: TracerProvider | None = None
        self.tracer: Tracer = NoOpTracer()
        self._draw: Draw | None = None
        if exporter is not None:
            resource = Resource.create({"service.name": service})
            ids = DrawnIds()
            self._provider = TracerProvider(sampler, resource, shutdown_on_exit=False, id_generator=ids)
            self._draw = Draw.of(self._provider.sampler, ids)
            processor = SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter)
            self._provider.add_span_processor(processor)
            self.tracer = self._provider.get_tracer("concord")

    @contextlib.contextmanager
    def span(
        self, name: str, attributes: Mapping[str, str | int] | None = None, *, kind: SpanKind = SpanKind.INTERNAL
    ) -> Iterator[Span]:
        """Make a span current for the block; attributes hold ids and counts, never payloads."""
        if not self.on or UNRECORDED.get() is not None:
            yield trace.INVALID_SPAN
            return
        with self._current(name, kind=kind, attributes=attributes) as span:
            yield span

    def unrecorded(self, carried: bytes | None) -> bytes | None:
        """Return the `traceparent` to be passed on where the trace is not recorded; None when a span is to be begun.

        Args:
            carried: the one that came; None where a trace begins.
        """
        return None if self._draw is None else self._draw.unrecorded(carried)

    @contextlib.contextmanager
    def _current(
        self,
        name: str,
        *,
        kind: SpanKind,
        attributes: Mapping[str, str | int] | None,
        context: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """Make a span current; of what is raised in it the type alone is told, for a message may hold a payload."""
        with self.tracer.start_as_current_span(
            name,
            context=context,
            kind=kind,
            links=links,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            within = UNRECORDED.set(None)
            try:
                yield span
            except Exception as fault:
                failed(span, fault)
                raise
            finally:
                UNRECORDED.reset(within)

    def recorded(self, headers: Headers) -> str:
        """Return the `traceparent` among headers, to be kept, where its trace is recorded here; empty where it is not.

        Whatever a client has put into them: it is well-formed, and a client does not decide what is recorded.
        """
        if not self.on or not is_recorded(headers) or not self._recorded((headers,)):
            return ""
        (_, parent), *_ = carried_trace(headers)
        return parent.decode()

    @contextlib.contextmanager
    def batch_span(self, name: str, records: Sequence[Carried], kind: SpanKind = SpanKind.CONSUMER) -> Iterator[Span]:
        """Make one span current for a whole batch; see `continued`.

        Args:
            name: `process <topic>`, or `publish`.
            records: what is processed or published; their headers are read.
            kind: PRODUCER for what is published.
        """
        if not self.on:
            yield trace.INVALID_SPAN
            return
        attributes = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process" if kind is SpanKind.CONSUMER else "send",
            "messaging.batch.message_count": len(records),
        }
        with self.continued(name, [record.headers for record in records], attributes, kind=kind) as span:
            yield span

    @contextlib.contextmanager
    def continued(
        self,
        name: str,
        origins: Sequence[Headers],
        attributes: Mapping[str, str | int] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Iterator[Span]:
        """Make a span current for what several traces led to, in the first of them that is recorded.

        It is linked to the others; and in each of these there is a span like it, without what is within it, that is
        linked to it. So a recorded trace is whole however many it was served with. BATCH_LINKS_MAX are at most told.

        Where none is recorded no span is begun, but the one trace that there is goes on; where there is none, or are
        several, one begins that may be recorded by its own id.

        Args:
            name: what is done.
            origins: the headers that carry the traces.
            attributes: ids and counts, never payloads.
            kind: of the span.
        """
        if not self.on:
            yield trace.INVALID_SPAN
            return
        recorded = self._recorded(origins)
        if not recorded:
            alone = _alone(origins)
            if (unrecorded := self.unrecorded(alone)) is not None:
                within = UNRECORDED.set(unrecorded)
                try:
                    yield trace.INVALID_SPAN
                finally:
                    UNRECORDED.reset(within)
                return
            recorded = [Context() if alone is None else context_of(((TRACEPARENT, alone),))]
        first, *others = recorded
        links, began_ns = [_link(trace.get_current_span(other)) for other in others], time.time_ns()
        with self._current(name, kind=kind, attributes=attributes, context=first, links=links) as span:
            fault: Exception | None = None
            try:
                yield span
            except Exception as raised:
                fault = raised
                raise
            finally:
                self._twins(span, others, began_ns, fault)

    def _twins(self, span: Span, others: Sequence[Context], began_ns: int, fault: Exception | None) -> None:
        """Tell in other traces of a span that is about to end, each linked to it."""
        if not isinstance(span, ReadableSpan):
            return  # nothing of it is recorded
        for other in others:
            twin = self.tracer.start_span(
                span.name, other, span.kind, span.attributes, [_link(span)], began_ns, record_exception=False
            )
            if fault is not None:
                failed(twin, fault)
            twin.end()

    def _recorded(self, origins: Iterable[Headers]) -> list[Context]:
        """Return the contexts of the recorded traces that are carried, one each, at most as many as may be linked."""
        found: dict[bytes, Context] = {}
        for headers in filter(is_recorded, origins):
            carried = carried_trace(headers)
            if not carried or (parent := carried[0][1])[3:35] in found or parent[-1] not in RECORDED_ENDS:
                continue
            context = context_of(carried)
            if not trace.get_current_span(context).get_span_context().is_valid:
                continue
            if self._draw is None or self._draw.records(parent):
                found[parent[3:35]] = context
                if len(found) >= BATCH_LINKS_MAX:
                    break
        return list(found.values())

    def shutdown(self) -> None:
        """Export what is left and stop; blocks for as long as the exporter's own timeout."""
        if self._provider is not None:
            self._provider.shutdown()


def is_recorded(headers: Headers) -> bool:
    """Return whether a record's headers say that its trace is recorded: the lowest bit of its `traceparent`."""
    for name, value in headers:  # noqa: SIM110 - half the time of any(), for every record is looked at
        if name == TRACEPARENT and value and value[-1] in RECORDED_ENDS:
            return True
    return False


def trace_id_of(traceparent: str) -> str:
    """Return the id of a kept trace: 00-<32 hex of it>-<16 hex of a span's>-<flags>; empty of an empty one."""
    return traceparent[3:35]


def trace_of(traceparent: str) -> Headers:
    """Return a kept `traceparent` as record headers; none of an empty one."""
    return ((TRACEPARENT, traceparent.encode()),) if traceparent else ()


def failed(span: Span, fault: BaseException) -> None:
    """Tell at a span that something was raised in it: of which type, and not what it says."""
    if span.is_recording():
        span.add_event("exception", {"exception.type": type(fault).__qualname__})
        span.set_status(Status(StatusCode.ERROR))


def sampler_of(environment: Mapping[str, str]) -> Sampler | None:
    """Return which traces are recorded: SHARE of them by their id, unless the SDK's own variable says otherwise.

    By the id, every service decides alike, so what is recorded of a trace is all of it; and no caller has all of its
    own requests recorded by asking for it in a header.
    """
    return None if environment.get(SAMPLER_VARIABLE) else TraceIdRatioBased(SHARE)


def _alone(origins: Iterable[Headers]) -> bytes | None:
    """Return the `traceparent` of the one trace that is carried; None where there is none, or are several."""
    found: bytes | None = None
    for headers in origins:
        for name, value in headers:
            if name != TRACEPARENT or (found is not None and value[3:35] == found[3:35]):
                continue
            if not TRACEPARENT_FORM.fullmatch(value):
                continue
            if found is not None:
                return None
            found = value
    return found


def _link(span: Span) -> Link:
    return Link(span.get_span_context())


def exporter_of(environment: Mapping[str, str] | None = None) -> SpanExporter | None:
    """Return the OTLP exporter when the standard variables name a collector, else None."""
    variables = os.environ if environment is None else environment
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    return OTLPSpanExporter() if any(variables.get(name) for name in ENDPOINT_VARIABLES) else None
