"""A door whose every place is another process's, as a process: what handing a request on costs, and nothing else.

``python -m bench.services.forwarder PORT ADDRESS IDENTITY``: it listens on the port and hands all on to the address.
The identity file, as JSON, says whose tokens are believed. The door is the services' own, with its layers; its one
route is never served here.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec
import uvicorn
from fastapi import APIRouter

from concord.chassis.broker.port import Deal
from concord.chassis.clock import SystemClock
from concord.chassis.http import application
from concord.chassis.identity import Caller, IdentityFile, Role, identity_of, require
from concord.chassis.places.forward import Placing
from concord.chassis.places.owner import Owner
from concord.chassis.places.peers import HttpPeers
from concord.chassis.runtime.connection import BoundedConnection
from concord.chassis.telemetry import Telemetry
from concord.contracts.topics import PLACES_LOCAL

PATH = "/v1/assignments/{assignment_id}/submission"
PEPPER = b"pepper of a door that serves nobody"


class _Serving:
    """A runtime that is always up."""

    serving = True

    def lacking(self) -> list[str]:
        """Return what does not answer: nothing is asked here."""
        return []

    def reasons(self) -> list[str]:
        """Return nothing that is amiss."""
        return []


def main(arguments: Sequence[str]) -> int:
    """Serve at a port of 127.0.0.1 until ended."""
    port, address = int(arguments[0]), arguments[1]
    identity = identity_of(msgspec.json.decode(arguments[2], type=IdentityFile), PEPPER, SystemClock())
    owner = Owner(PLACES_LOCAL, f"http://127.0.0.1:{port}")
    owner.dealt(Deal(frozenset(), frozenset(), {address: frozenset(range(PLACES_LOCAL))}))
    router = APIRouter()

    @router.post(PATH)
    async def never(assignment_id: str, caller: Annotated[Caller, require(Role.ANNOTATOR)]) -> None:
        """Not be reached: its place is another's."""
        raise AssertionError(f"{caller.subject} reached {assignment_id} here")

    door = application(
        "forwarder",
        [router],
        readiness=_Serving(),
        identity=identity,
        telemetry=Telemetry("forwarder"),
        placing=Placing(owner, HttpPeers()),
    )
    uvicorn.run(
        door,
        port=port,
        loop="uvloop",
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
