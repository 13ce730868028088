"""The route dependency that lets a caller in by role; every route but health and telemetry has one.

A guard comes before everything else: until it has let somebody in, no byte of the body is read (a test walks the routes
of every service), and the request counts for its address alone. Then it counts for its caller.
"""

from collections.abc import Collection, Iterator
from typing import Any, Protocol

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Scope

from concord.chassis.errors import FieldError, Forbidden, Invalid
from concord.chassis.identity.caller import Caller, Role
from concord.chassis.identity.identity import Identity

PLACE_KEY = "concord.place"
"""Where a request's scope holds its place among the requests in flight."""
_CALLER_KEY = "concord.caller"
MODEL_CURE = "send the credential of a person, or of a program under a name of its own; models are told by the roster"
NAME_SHOWN_MAX = 100
"""Characters of a parameter's name that a refusal shows."""


class Place(Protocol):
    """A request's place, as its guard sees it."""

    def hold(self, caller: str) -> None:
        """Count the request for this caller; raises TooManyRequests or Unavailable when there is no place."""
        ...


class Guard:
    """Lets in whoever has one of the roles; the application's state holds the identity, and who is a model.

    A model annotates and is nothing besides, whatever its credential says.

    Args:
        roles: any one of them is enough.
        people: no model is let in, though the role is an annotator's.
    """

    def __init__(self, roles: tuple[Role, ...], *, people: bool = False) -> None:
        assert roles, "a guard that lets nobody in is a mistake; name the roles"
        self.roles = roles
        self.people = people or Role.ANNOTATOR not in roles

    async def __call__(self, request: Request) -> Caller:
        """Return the caller.

        Raises:
            Unauthenticated: no credential that holds.
            Forbidden: a caller without any of the roles, or a model where people alone are.
            TooManyRequests, Unavailable: too much is in flight.
            Invalid: the query holds a parameter that the route does not have, or one twice.
        """
        caller = await verified(request.app.state.identity, request.scope)
        if not caller.may(*self.roles):
            raise Forbidden(f"This needs the role {' or '.join(self.roles)}; the credential sent has none of them.")
        if self.people and request.app.state.is_model(caller.subject):
            error = FieldError("authorization", "is a model's", MODEL_CURE)
            raise Forbidden("Who asks is a model, and this is for people: a model annotates alone.", [error])
        refuse_unknown_parameters(request)
        return caller


def refuse_unknown_parameters(request: Request, own: Collection[str] = ()) -> None:
    """Refuse a query with a parameter that the route does not have, or that is there twice.

    Passed over, a slip of the pen says nothing; and of two projects that a query names, one process would go by the
    first and another by the last.

    Args:
        request: the request.
        own: parameters that its guard reads.

    Raises:
        Invalid: it has one; the error names it, and those that there are.
    """
    if not request.scope["query_string"]:
        return
    known = _parameters(request.scope["route"]).union(own)
    met = set[str]()
    for name, _ in request.query_params.multi_items():
        if name in met:
            error = FieldError(name, "is given more than once", "give it once; no parameter here takes several values")
            raise Invalid(f"The parameter {name} is given more than once.", [error])
        met.add(name)
        if name not in known:
            cure = f"leave it out; this route has {', '.join(sorted(known)) or 'none'}"
            error = FieldError(name[:NAME_SHOWN_MAX] or "query", "is no parameter here", cure)
            raise Invalid(f"There is no parameter {name[:NAME_SHOWN_MAX]!r}.", [error])


def _parameters(route: APIRoute) -> frozenset[str]:
    """Return the names of what a route reads from the query, whether FastAPI hands it over or it reads it itself."""
    return frozenset(_of_signature(route.dependant)) | {entry["name"] for entry in _documented(route)}


def _documented(route: APIRoute) -> list[dict[str, Any]]:
    return [parameter for parameter in (route.openapi_extra or {}).get("parameters", ()) if parameter["in"] == "query"]


def _of_signature(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _of_signature(inner)


async def verified(identity: Identity, scope: Scope) -> Caller:
    """Return who sent a request, and count it for them.

    Raises:
        Unauthenticated: no credential that holds.
        TooManyRequests, Unavailable: too much is in flight.
    """
    caller: Caller | None = scope.get(_CALLER_KEY)
    if caller is None:
        authorization = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), None
        )
        caller = await identity.caller(authorization)
        keep_place(scope, caller.key)
    return caller


def known_caller(identity: Identity, scope: Scope) -> Caller | None:
    """Return who sent a request if that is known without a wait or a costly look, and note it for the guard."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            caller = identity.known(value.decode("latin-1"))
            if caller is not None:
                scope[_CALLER_KEY] = caller
            return caller
    return None


def keep_place(scope: Scope, caller: str) -> None:
    """Count the request for whom its credential names: what every guard does as soon as it believes one.

    Raises:
        TooManyRequests, Unavailable: too much is in flight.
    """
    place: Place | None = scope.get(PLACE_KEY)
    if place is not None:
        place.hold(caller)


def guards_of(dependant: Dependant) -> Iterator[Guard]:
    """Yield the guards among a route's dependencies (`APIRoute.dependant`), however deep they are."""
    if isinstance(dependant.call, Guard):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards_of(inner)


def require(*roles: Role, people: bool = False) -> Any:
    """Return what guards a route and hands it its caller; see `Guard`.

    As in `async def claim(caller: Annotated[Caller, require(Role.ANNOTATOR)])`.
    """
    return Depends(Guard(roles, people=people))
