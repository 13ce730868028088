"""Routes on which thousands of calls a second come in."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from concord.chassis.identity import Guard


class HotRoute(APIRoute):
    """A route whose function takes the request, the path's parameters as text and its caller, and returns a Response.

    FastAPI resolves dependencies and validates parameters anew with each call, opens a stack for dependencies that
    are to be closed, and looks for exception handlers a second time; all of it would cost more than what the call is
    about. So the guard and the function are called directly, and what they raise is left to the application's
    handlers. The guard stays the route's dependency, and the OpenAPI document stays as it is.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        handle = self.get_route_handler()

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = serve

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request: the guard, then the function."""
        (guard,) = [inner.call for inner in self.dependant.dependencies if isinstance(inner.call, Guard)]
        serve: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await serve(request=request, caller=await guard(request), **request.path_params)

        return handle
