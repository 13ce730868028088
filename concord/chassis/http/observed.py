"""The outermost layer: times and spans a request, catches what nobody foresaw, and keeps answers out of caches."""

from time import perf_counter

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.http.problems import unexpected
from concord.chassis.telemetry import Instrument, Instruments, Telemetry, context_of, failed
from concord.chassis.telemetry.tracing import TRACEPARENT, exemplar_now
from concord.chassis.telemetry.unrecorded import UNRECORDED

REQUEST_SECONDS = "concord_http_request_seconds"
IN_FLIGHT = "concord_http_requests_in_flight"
INSTRUMENTS = (
    Instrument(
        REQUEST_SECONDS,
        "histogram",
        "Time from the request's head to the answer's end.",
        ("service", "route", "status"),
    ),
    Instrument(IN_FLIGHT, "gauge", "Requests being served now.", ("service",)),
)
NO_ROUTE = "none"
_TRACEPARENT = TRACEPARENT.encode()
# What a caller is told is for that caller alone, and is what its content type says.
_SAFE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class ObservedMiddleware:
    """Times and spans requests, and turns an unexpected fault into a 500 that tells nothing but an id.

    Args:
        app: what comes next.
        telemetry: the service's.
        open_paths: health and telemetry, which are neither timed nor spanned.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, open_paths: frozenset[str]) -> None:
        self._app, self._tracing, self._open_paths = app, telemetry.tracing, open_paths
        self._service = telemetry.service
        self._instruments: Instruments = telemetry.instruments(INSTRUMENTS)
        self._in_flight = self._instruments.gauge(IN_FLIGHT, self._service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        if self._tracing.on:
            await self._spanned(scope, receive, send)
        else:
            await self._timed(scope, receive, send)

    async def _spanned(self, scope: Scope, receive: Receive, send: Send) -> None:
        carried = next((value for name, value in scope["headers"] if name == _TRACEPARENT), None)
        unrecorded = self._tracing.unrecorded(carried)
        if unrecorded is not None:
            within = UNRECORDED.set(unrecorded)
            try:
                await self._timed(scope, receive, send)
            finally:
                UNRECORDED.reset(within)
            return
        with self._tracing.tracer.start_as_current_span(
            scope["method"],
            context=context_of(((TRACEPARENT, carried),)) if carried else None,
            kind=SpanKind.SERVER,
            record_exception=False,
        ) as span:
            status = await self._timed(scope, receive, send)
            if span.is_recording():
                route = _route(scope)
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes(
                    {
                        "http.request.method": scope["method"],
                        "http.route": route,
                        "http.response.status_code": status,
                    }
                )
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

    async def _timed(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Serve and time; return the status that was sent."""
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _SAFE if pair[0] not in sent)]
            await send(message)

        started = perf_counter()
        self._in_flight.inc()
        try:
            await self._app(scope, receive, noting)
        except Exception as fault:
            answer = unexpected(fault, _route(scope))
            if status:
                # Half an answer is out and no other can be sent: the connection is broken, so that it shows.
                raise
            status = answer.status_code
            failed(trace.get_current_span(), fault)
            await answer(scope, receive, send)
        finally:
            self._in_flight.dec()
            child = self._instruments.histogram(REQUEST_SECONDS, self._service, _route(scope), str(status))
            child.observe(perf_counter() - started, exemplar_now() if self._tracing.on else None)
        return status


def _route(scope: Scope) -> str:
    """Return the route's template, never the address itself: addresses grow with the data."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else NO_ROUTE
