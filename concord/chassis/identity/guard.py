"""The route dependency that lets a caller in by role; every route but health and telemetry has one."""

from collections.abc import Iterator
from typing import Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from concord.chassis.errors import Forbidden
from concord.chassis.identity.caller import Caller, Role
from concord.chassis.identity.identity import Identity


class Guard:
    """Lets in whoever has one of the roles; the application's state holds the identity.

    Args:
        roles: any one of them is enough.
    """

    def __init__(self, roles: tuple[Role, ...]) -> None:
        assert roles, "a guard that lets nobody in is a mistake; name the roles"
        self.roles = roles

    async def __call__(self, request: Request) -> Caller:
        """Return the caller.

        Raises:
            Unauthenticated: no credential that holds.
            Forbidden: a caller without any of the roles.
        """
        identity: Identity = request.app.state.identity
        caller = await identity.caller(request.headers.get("authorization"))
        if not caller.may(*self.roles):
            raise Forbidden(f"This needs the role {' or '.join(self.roles)}; the credential sent has none of them.")
        return caller


def guards_of(dependant: Dependant) -> Iterator[Guard]:
    """Yield the guards among a route's dependencies (`APIRoute.dependant`), however deep they are."""
    if isinstance(dependant.call, Guard):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards_of(inner)


def require(*roles: Role) -> Any:
    """Return what guards a route and hands it its caller.

    As in `async def claim(caller: Annotated[Caller, require(Role.ANNOTATOR)])`.
    """
    return Depends(Guard(roles))
