"""The HTTP door of a service: its routes behind identity, limits and telemetry, with every refusal as problem+json."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Scope

from concord.chassis.http.head import HeadMiddleware
from concord.chassis.http.hot_route import HotRoutes
from concord.chassis.http.limits import Limits, LimitsMiddleware
from concord.chassis.http.observed import ObservedMiddleware
from concord.chassis.http.openapi import describe
from concord.chassis.http.problems import DomainStatuses, install, problem
from concord.chassis.identity import Identity, guards_of
from concord.chassis.telemetry import Telemetry, exposition

LIVE, READY, METRICS = "/live", "/ready", "/metrics"
OPEN_PATHS = frozenset({LIVE, READY, METRICS})
RETRY_SECONDS = 2


class Readiness(Protocol):
    """What the door asks of the runtime."""

    @property
    def serving(self) -> bool:
        """Return whether requests are served at all."""
        ...

    def reasons(self) -> list[str]:
        """Return why requests should not come here now; empty when ready."""
        ...

    def lacking(self) -> list[str]:
        """Return what does not answer though requests may come; empty when everything does."""
        ...


class Layer(Protocol):
    """A layer of a door between what bounds requests and the routes."""

    def waits(self, scope: Scope) -> bool:
        """Return whether a request waits in it until the service can serve, and is not refused before."""
        ...

    def install(self, app: FastAPI, telemetry: Telemetry, serving: Callable[[], bool]) -> None:
        """Put it into an application that has all its routes, and serves them when `serving` says so."""
        ...


class _Door(FastAPI):
    """FastAPI without the layers whose work ours do: what nobody foresaw is caught, and bodies are bounded, once."""

    def setup(self) -> None:
        """Answer the OpenAPI document as it was written down once: it is the build's, and takes milliseconds."""

        @cache
        def written() -> bytes:
            return msgspec.json.encode(self.openapi())

        async def document(_: Request) -> Response:
            return Response(written(), media_type="application/json")

        assert self.openapi_url is not None
        self.add_route(self.openapi_url, document, include_in_schema=False)

    def build_middleware_stack(self) -> ASGIApp:
        """Return our layers, then the hot routes, then the router within what FastAPI's own routes stand on."""
        app: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        app = HotRoutes(app, self.router.routes, self.exception_handlers)
        for layer, positional, named in reversed(self.user_middleware):
            app = layer(app, *positional, **named)
        return app


def application(
    name: str,
    routers: Sequence[APIRouter],
    *,
    readiness: Readiness,
    identity: Identity,
    telemetry: Telemetry,
    domain: DomainStatuses | None = None,
    limits: Limits | None = None,
    placing: Layer | None = None,
    state: Any = None,
    is_model: Callable[[str], bool] = lambda _: False,
) -> FastAPI:
    """Return the application of one service.

    Args:
        name: the service.
        routers: its routes, each guarded by `require`.
        readiness: its runtime.
        identity: who is believed.
        telemetry: its registry and tracer.
        domain: status of each exception of its domain.
        limits: bounds, the defaults if None.
        placing: hands requests on to the process that owns their place; None where a service runs once.
        state: what its routes reach as `request.app.state.service`: its handlers.
        is_model: whether somebody of this name is a model, for the routes that are people's alone.
    """
    app = _Door(
        title=f"Concord {name}",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Requests are spanned and timed by ObservedMiddleware; the framework's own would do both again.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.identity = identity
    app.state.service = state
    app.state.is_model = is_model
    install(app, domain or {})
    routes: list[BaseRoute] = []
    for router in (*routers, _health(readiness, telemetry)):
        # Taken over as they are, prefixes and dependencies already in them: an included router is one more look-up
        # a request, and its routes could not be walked.
        for route in router.routes:
            assert isinstance(route, APIRoute), "routers hold routes, not other routers"
            assert route.body_field is None, f"{route.path} reads its body by `read_json`, after its guard; not before"
        routes.extend(router.routes)
    # Routes are tried in order, so the service's own come before health and the OpenAPI document.
    app.router.routes[:0] = routes
    describe(app)

    def serving() -> bool:
        return readiness.serving

    if placing is not None:
        placing.install(app, telemetry, serving)
    # The last one added is the outermost.
    app.add_middleware(
        LimitsMiddleware,
        limits=limits or Limits(),
        identity=identity,
        serving=serving,
        open_paths=OPEN_PATHS,
        waits=placing.waits if placing is not None else lambda _: False,
    )
    app.add_middleware(HeadMiddleware, routes=app.router.routes)
    app.add_middleware(ObservedMiddleware, telemetry=telemetry, open_paths=OPEN_PATHS)
    return app


def _health(readiness: Readiness, telemetry: Telemetry) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    show_ready(readiness, telemetry)

    @router.get(LIVE)
    async def live() -> dict[str, str]:
        """Return at once: the event loop turns."""
        return {"status": "live"}

    @router.get(READY)
    async def ready() -> Response:
        """Return 200 when requests should come here, 503 with the reasons when not; either names what does not answer.

        A store or broker that is away does not make the only process of a service unready: it would hide the reason
        from whoever asks, and bring no other process that could do better.
        """
        reasons, lacking = readiness.reasons(), readiness.lacking()
        if not reasons:
            state = {"status": "ready", "lacking": lacking} if lacking else {"status": "ready"}
            return Response(msgspec.json.encode(state), media_type="application/json")
        headers = {"retry-after": str(RETRY_SECONDS)}
        detail = "; ".join([*reasons, *lacking]) + "."
        return problem(503, detail, instance=READY, headers=headers)

    @router.get(METRICS)
    async def metrics(request: Request) -> Response:
        """Return what Prometheus scrapes."""
        body, headers = exposition(telemetry.registry, request.headers.get("accept", ""))
        return Response(body, headers=dict(headers))

    return router


def show_ready(readiness: Readiness, telemetry: Telemetry) -> None:
    """Show whether the process is ready."""
    telemetry.registry.register(_Ready(readiness))


class _Ready(Collector):
    """Whether the process is ready, as Prometheus sees it: read when it asks."""

    def __init__(self, readiness: Readiness) -> None:
        self.readiness = readiness

    def collect(self) -> Iterator[Metric]:
        """Yield the series."""
        yield GaugeMetricFamily(
            "concord_ready", "Whether requests should come here: 1 or 0.", float(not self.readiness.reasons())
        )


def unguarded_routes(app: FastAPI) -> list[str]:
    """Return the routes without a guard, health and telemetry left out: a test wants none."""
    known = (*OPEN_PATHS, app.openapi_url)
    return [
        f"{','.join(sorted(getattr(route, 'methods', None) or ('?',)))} {getattr(route, 'path', route)}"
        for route in app.routes
        if getattr(route, "path", None) not in known and not _guarded(route)
    ]


def _guarded(route: BaseRoute) -> bool:
    return isinstance(route, APIRoute) and any(True for _ in guards_of(route.dependant))
