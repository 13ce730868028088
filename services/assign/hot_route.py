"""Routes on which thousands of calls a second come in."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from concord.chassis.identity import Guard


class HotRoute(APIRoute):
    """A route whose function takes the request, the path's parameters as text and its caller, and returns a Response.

    FastAPI resolves dependencies and validates parameters anew with each call, which here would cost more than what
    the call is about; so the guard and the function are called directly. The guard stays the route's dependency,
    and the OpenAPI document stays as it is.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request: the guard, then the function."""
        (guard,) = [inner.call for inner in self.dependant.dependencies if isinstance(inner.call, Guard)]
        serve: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await serve(request=request, caller=await guard(request), **request.path_params)

        return handle
