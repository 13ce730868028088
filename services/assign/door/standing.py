"""Routes of an annotator's own: where they stand, and the next unit of whichever project's turn it is."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import documented, json_answer, read_wish
from concord.chassis.identity import Caller, Role, require
from concord.chassis.places.gather import merged
from concord.contracts.ids import slot_of_project
from services.assign.domain.refusals import AwaitsLead, NotAtWork, NotQualified, OnBreak
from services.assign.domain.roster import at_work
from services.assign.domain.turns import Candidate
from services.assign.door.desk import Desk, desk_of, nothing
from services.assign.handlers import InProject as Found
from services.assign.schemas import (
    CLAIM_UNITS_MAX,
    STANDING,
    ClaimBody,
    Claimed,
    HeldCredential,
    HeldLease,
    InProject,
    Qualifying,
    Standing,
    microseconds_of,
    timestamp,
)

ME = "/v1/me"
PROJECTS_SHOWN_MAX = 100
PROJECTS_TRIED_MAX = 3
"""Projects that a claim goes to: what was seen to wait a moment ago may be gone."""
_OK = 200
_NEVER = "9999"

Annotator = Annotated[Caller, require(Role.ANNOTATOR)]


class AnyClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    """How many units an annotator wants to hold of the project whose turn it is."""

    units: Annotated[int, Meta(ge=1, le=CLAIM_UNITS_MAX)] = 1


class ClaimedOfAny(Claimed, kw_only=True, omit_defaults=True):
    """What an annotator holds now of one project, and of which; or why nothing: `GET /v1/me` tells it of each."""

    project_id: str = ""


ANY_CLAIM = msgspec.json.Decoder(AnyClaimBody)
CLAIMED = msgspec.json.Decoder(Claimed)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    routes.get("/me", **documented(reply=Standing, refusals=(404,)))(show_me)
    routes.post(
        "/claims", **documented(body=AnyClaimBody, body_required=False, reply=ClaimedOfAny, refusals=(404, 409))
    )(claim_any)
    return routes


async def show_me(request: Request, caller: Annotator) -> Response:
    """Show the caller who they are here, what they hold, what ends first first, and what waits for them where."""
    return json_answer(
        await _standing(request, caller, [STANDING.decode(standing) for standing in await _others(request)])
    )


async def _others(request: Request) -> Sequence[bytes]:
    return await desk_of(request).gather.pages(request, ME.encode())


async def claim_any(request: Request, caller: Annotator) -> Response:
    """Lease units of whichever project's turn it is: where the caller holds some already, else what is most urgent.

    Of projects with the highest priority, one that is due within an hour goes first, and else each has its turn. Going
    on in a project is a submission with `next`.
    """
    wish = await read_wish(request, ANY_CLAIM)
    desk = desk_of(request)
    standing = await _standing(request, caller, [STANDING.decode(encoded) for encoded in await _others(request)])
    held = list(dict.fromkeys(lease.project_id for lease in standing.leases))
    candidates = [
        Candidate(project.project_id, project.priority, _due_us(project))
        for project in standing.projects
        if project.waiting
    ]
    in_order = desk.turns.in_order(candidates, desk.clock.now_us())
    for project_id in list(dict.fromkeys([*held, *(candidate.project_id for candidate in in_order)]))[
        :PROJECTS_TRIED_MAX
    ]:
        claimed = await _claimed(request, caller, project_id, wish.units)
        if claimed is not None and claimed.assignments:
            desk.turns.gave(project_id, len(claimed.assignments))
            return json_answer(ClaimedOfAny(claimed.assignments, project_id=project_id))
    reason = "Nothing waits for you in any of your projects now; GET /v1/me tells why, project by project."
    if (
        standing.projects
        and len(whys := {project.reason for project in standing.projects if project.why is not None}) == 1
    ):
        reason = whys.pop()
    return json_answer(ClaimedOfAny([], reason))


async def _claimed(request: Request, caller: Caller, project_id: str, units: int) -> Claimed | None:
    """Return what the owner of a project gives; None where it refuses: the caller may be on a break there."""
    desk = desk_of(request)

    async def serve() -> bytes:
        leases = await desk.handlers.claims.claim(caller.subject, project_id, units)
        return msgspec.json.encode(await desk.claimed(leases, caller.subject, project_id))

    target = f"/v1/projects/{project_id}/claims".encode()
    try:
        status, body = await desk.gather.at(
            request, slot_of_project(project_id), target, msgspec.json.encode(ClaimBody(units)), serve
        )
    except (OnBreak, AwaitsLead, NotAtWork, NotQualified):
        return None
    return CLAIMED.decode(body) if status == _OK else None


async def _standing(request: Request, caller: Caller, others: Sequence[Standing]) -> Standing:
    """Return where the caller stands in the places of this process, put together with what the others say."""
    desk = desk_of(request)
    handlers, now_us = desk.handlers, desk.clock.now_us()
    annotator = await handlers.annotators.get(caller.subject)
    leases = [
        HeldLease(
            leased.assignment.id,
            leased.unit.unit_id,
            leased.unit.project_id,
            timestamp(leased.assignment.lease_until_us),
        )
        for leased in await handlers.claims.held(caller.subject)
        if caller.may_touch(leased.unit.project_id)
    ]
    leases += [lease for other in others for lease in other.leases]
    leases.sort(key=lambda held_lease: (held_lease.lease_until, held_lease.project_id))
    found = await handlers.standings.of(annotator, caller.may_touch)
    mine = sorted((_shown(desk, project) for project in found), key=_place)
    pages = [mine, *(other.projects for other in others)]
    projects = merged(pages, _place, PROJECTS_SHOWN_MAX)
    more = any(other.more_projects for other in others) or sum(map(len, pages)) > len(projects)
    paused = annotator.state == "paused" and at_work(annotator, now_us) == "paused"
    return Standing(
        annotator_id=annotator.annotator_id,
        kind=annotator.kind,
        state=at_work(annotator, now_us),
        state_reason=annotator.reason,
        state_until=timestamp(annotator.until_us) if paused and annotator.until_us is not None else "",
        skills=list(annotator.skills),
        credentials=[
            HeldCredential(
                credential.domain,
                credential.holds(now_us),
                "" if credential.expires_at_us is None else timestamp(credential.expires_at_us),
            )
            for credential in annotator.credentials
        ],
        languages=list(annotator.languages),
        leases=leases,
        projects=projects,
        more_projects=more,
    )


def _shown(desk: Desk, found: Found) -> InProject:
    reason, why = nothing(found.why) if found.why is not None else ("", None)
    return InProject(
        project_id=found.project.project_id,
        name=desk.heading(found.project),
        waiting=found.outlook.units,
        priority=found.outlook.priority,
        due_at=timestamp(found.due_us) if found.due_us is not None else "",
        reason=reason,
        why=why,
        qualification=None if found.progress is None else Qualifying(*msgspec.structs.astuple(found.progress)),
        notice=" ".join(found.notices),
    )


def _place(project: InProject) -> tuple[bool, int, str, str]:
    """Return where a project stands in the list: where something waits first, then what is wanted first."""
    return not project.waiting, -project.priority, project.due_at or _NEVER, project.project_id


def _due_us(project: InProject) -> int | None:
    return microseconds_of(project.due_at) if project.due_at else None
