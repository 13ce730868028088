"""Routes on which thousands of calls a second come in: nothing between what bounds them and their function."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from inspect import signature
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from concord.chassis.identity import Guard


class HotRoute(APIRoute):
    """A route whose function takes the request, the path's parameters as text and, if it names one, its caller.

    It returns a Response. FastAPI resolves dependencies and validates parameters anew with each call, opens stacks for
    what is to be closed and wraps the answer twice to look for exception handlers; all of it would cost more than what
    the call is about. So the guard and the function are called directly, by `HotRoutes`. The guard stays the route's
    dependency, and the OpenAPI document stays as it is.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request: the guard, then the function."""
        (guard,) = [inner.call for inner in self.dependant.dependencies if isinstance(inner.call, Guard)]
        serve: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await serve(request=request, caller=await guard(request), **request.path_params)

        async def handle_anybody(request: Request) -> Response:
            await guard(request)
            return await serve(request=request, **request.path_params)

        return handle if "caller" in signature(serve).parameters else handle_anybody


class HotRoutes:
    """Serves requests for hot routes, and leaves all others to the router.

    Args:
        app: the router, in its own layers.
        routes: the application's, in the router's order.
        handlers: by kind of exception, what is answered.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], handlers: Mapping[Any, Any]) -> None:
        self._app = app
        self._handlers = handlers
        hot = [route for route in routes if isinstance(route, HotRoute)]
        self._routes = [
            (method, route.path_regex, route, route.get_route_handler())
            for route in hot
            for method in sorted(route.methods or ())
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            for taken, pattern, route, handle in self._routes:
                if method == taken and (match := pattern.match(path)) is not None:
                    scope["route"], scope["path_params"] = route, match.groupdict()
                    response = await self._answer(Request(scope, receive, send), handle)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _answer(self, request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
        """Return the route's answer; of what it raises, what its handler says, by the nearest kind that has one."""
        try:
            return await handle(request)
        except Exception as fault:
            handler = next((self._handlers[kind] for kind in type(fault).__mro__ if kind in self._handlers), None)
            if handler is None:
                raise
            response: Response = await handler(request, fault)
            return response
