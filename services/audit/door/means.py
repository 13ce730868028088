"""What audit's routes share: who may ask, what they reach, and how a file is handed over."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Query, Request, Response

from concord.chassis.http import AnyId, Whole
from concord.chassis.identity import Caller, Role, require
from concord.chassis.places.gather import Gather
from concord.chassis.projects import visible
from services.audit.domain.issue import Issue, IssuesState
from services.audit.domain.lot import LotNotAccepted, LotState
from services.audit.handlers import Handlers
from services.audit.settings import AuditSettings
from services.audit.webhooks import Webhooks

JSON = "application/json"

Auditor = Annotated[Caller, require(Role.AUDITOR)]
ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Issued = Annotated[Whole, Query(description="Number of the project's certificate.")]
AnyIssue = Annotated[
    Whole | None, Query(description="Number of the project's certificate; left out, the one over all by now.")
]
Anyone = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR, Role.AUDITOR)]
"""Who may see where a lot stands: whoever checks it, too."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes reach: the use cases, the settings of payload links and the service's other processes."""

    handlers: Handlers
    webhooks: Webhooks
    settings: AuditSettings
    gather: Gather


def door_of(request: Request) -> Door:
    """Return what the routes reach."""
    return cast("Door", request.app.state.service)


async def accepted(door: Door, lot_id: str, caller: Caller) -> LotState:
    """Return an accepted lot that the caller may see.

    Raises:
        LotDoesNotExist, LotNotAccepted: there is none.
    """
    lot = await door.handlers.means.repository.lot(lot_id, caller.client_id)
    if lot.status != "accepted":
        raise LotNotAccepted(f"The lot is {lot.status}; nothing leaves that was not accepted.")
    return lot


async def issue_of(door: Door, project_id: AnyId, caller: Caller, number: int | None) -> tuple[IssuesState, Issue]:
    """Return one of a project's issues; without a number that over all lots accepted by now, made if need be.

    Raises:
        NotFound, IssueDoesNotExist, NothingToCertify, TooManyLots, Overtaken: there is none.
    """
    project = visible(door.handlers.means.projects, project_id, caller)
    if number is None:
        return await door.handlers.certificates.newest(project)
    state = await door.handlers.means.repository.issues(project_id)
    return state, state.numbered(number)


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """Return a file as it is handed over whole."""
    return Response(content, media_type=media_type, headers=as_file(name))


def as_file(name: str) -> dict[str, str]:
    """Return the headers under which a file is kept and never shown."""
    # The name is made of ids of ours, which hold nothing that a header could not.
    return {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
