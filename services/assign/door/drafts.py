"""Routes of drafts: what somebody has of a label before they send it, for themselves alone."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, documented, json_answer, read_json
from concord.chassis.identity import Caller, Role, require
from services.assign.domain.drafts import REVISIONS_MAX, Draft
from services.assign.domain.refusals import AssignmentUnknown
from services.assign.door.desk import desk_of
from services.assign.schemas import ActiveMs, Flag, timestamp, told_ms

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]


class DraftBody(msgspec.Struct, forbid_unknown_fields=True):
    """A draft: any JSON, which only whoever saved it reads; `active_ms` is all that was spent on the unit so far."""

    draft: msgspec.Raw
    revision: Annotated[
        int, Meta(ge=0, le=REVISIONS_MAX, description="Of the draft that this one was made from; 0: there was none.")
    ] = 0
    flag: Flag = ""
    active_ms: ActiveMs = 0


class DraftSaved(msgspec.Struct):
    """The revision under which a draft is kept, by which the next is saved; 0: none is kept."""

    revision: int
    saved_at: str


class DraftShown(DraftSaved):
    """A draft as it was saved."""

    draft: msgspec.Raw
    flag: str
    active_ms: int


DRAFT = msgspec.json.Decoder(DraftBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    path = "/assignments/{assignment_id}/draft"
    routes.put(path, **documented(body=DraftBody, reply=DraftSaved, refusals=(404, 409, 410)))(save)
    routes.get(path, **documented(reply=DraftShown, refusals=(404, 409, 410)))(show)
    routes.delete(path, **documented(reply=DraftSaved, refusals=(404, 409, 410)))(forget)
    return routes


async def save(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Keep a draft of a label for as long as the unit is held; one that was saved since from elsewhere is not lost."""
    _assignment_of(assignment_id, caller)
    body = await read_json(request, DRAFT)
    draft = Draft(body.revision, body.draft, body.flag, told_ms(body.active_ms))
    kept = await desk_of(request).handlers.drafting.save(caller.subject, assignment_id, draft)
    return json_answer(DraftSaved(kept.revision, timestamp(kept.saved_at_us)))


async def show(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Show the newest draft of a label for a unit that the caller holds."""
    _assignment_of(assignment_id, caller)
    found = await desk_of(request).handlers.drafting.get(caller.subject, assignment_id)
    shown = DraftShown(found.revision, timestamp(found.saved_at_us), found.draft, found.flag, found.active_ms)
    return json_answer(shown)


async def forget(request: Request, assignment_id: AnyId, caller: Annotator) -> Response:
    """Delete the draft of a label for a unit that the caller holds."""
    _assignment_of(assignment_id, caller)
    await desk_of(request).handlers.drafting.forget(caller.subject, assignment_id)
    return json_answer(DraftSaved(0, ""))


def _assignment_of(assignment_id: str, caller: Caller) -> None:
    """Raise AssignmentUnknown for another client's unit when the caller is bound to one: it looks the same."""
    if not caller.may_touch(assignment_id):
        raise AssignmentUnknown(assignment_id)
