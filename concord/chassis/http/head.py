"""HEAD is answered wherever GET is (RFC 9110, 9.1 and 9.3.2): by what GET would be answered, without its body."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.http.documented import NO_HEAD

HEAD, GET = "HEAD", "GET"


def answers_head(route: BaseRoute) -> bool:
    """Return whether a route answers HEAD: those of GET do, but for what streams and what a GET uses up."""
    extra = getattr(route, "openapi_extra", None) or {}
    return GET in (getattr(route, "methods", None) or ()) and NO_HEAD not in extra


class HeadMiddleware:
    """Has HEAD served as the GET of its address, and lets the head of the answer alone go out.

    Load balancers and link checkers ask so, and `curl -I`. What lies below knows of GET alone: routes, their guards
    and the OpenAPI document stay as they are.

    Args:
        app: what comes next.
        routes: the application's, in the router's order.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != HEAD:
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # The server counts on no body by the method in its own scope, which stays what it is.
        as_get = {**scope, "method": GET}
        asked = as_get if self._answered(as_get) else scope
        try:
            await self._app(asked, receive, without_body)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]

    def _answered(self, scope: Scope) -> bool:
        """Return whether the route that would serve this GET answers HEAD."""
        route = next((route for route in self._routes if route.matches(scope)[0] is Match.FULL), None)
        return route is not None and answers_head(route)
