"""Routes of candidates for known labels: resolved units that a lead may confirm as gold, or decline."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.http import AnyId, Limit, documented, fitting, json_answer, page_size, read_json
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
from services.adjudicate.domain.candidates import (
    Candidate,
    CandidateDoesNotExist,
    CandidateIsDecided,
    CandidateRefused,
)
from services.adjudicate.domain.escalation import REASON_CHARACTERS_MAX
from services.adjudicate.door.means import Door, door_of, label_in, timestamp

STATUSES: dict[type[Exception], int] = {CandidateDoesNotExist: 404, CandidateIsDecided: 409, CandidateRefused: 422}

Lead = Annotated[Caller, require(Role.ADJUDICATOR, Role.OPERATOR)]
Json = Any
"""A label as JSON."""


class GoldCandidate(msgspec.Struct, frozen=True):
    """A resolved unit that may become gold.

    Attributes:
        label: what it was settled as, in the newest names.
        method: `consensus`, or `adjudicated` where somebody ruled it.
        annotations: how many labels of it counted.
        confidence: how sure annotators' labels make of it; of a ruled unit, of what led before.
        reason: why it was ruled so.
        known_alike: how many known labels of its class annotators have answered.
    """

    unit_id: str
    payload_url: str
    label: Json
    method: Literal["consensus", "adjudicated"]
    annotations: int
    confidence: float
    reason: str
    resolved_at: str
    known_alike: int


class GoldCandidates(msgspec.Struct, frozen=True):
    """Candidates on which the caller may decide, the most useful first; no more than one page of them is listed.

    Those of classes with the fewest known labels come first. Units in which the caller had a part are left out.
    """

    project_id: str
    label_schema: dict[str, Json]
    guideline: str
    guideline_version: int
    candidates: list[GoldCandidate]


class CandidateDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a candidate: `confirmed` makes gold of its content, `declined` lists it no more."""

    outcome: Literal["confirmed", "declined"]
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)]


class DecidedCandidate(msgspec.Struct, frozen=True):
    """What became of it: `decided` now or `repeated`."""

    unit_id: str
    status: Literal["decided", "repeated"]
    outcome: Literal["confirmed", "declined"]


DECISION = msgspec.json.Decoder(CandidateDecision)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    listed = documented(reply=GoldCandidates, refusals=(404,))
    routes.get("/projects/{project_id}/gold/candidates", **listed)(list_candidates)
    decided = documented(body=CandidateDecision, reply=DecidedCandidate, refusals=(404, 409))
    routes.post("/gold/candidates/{unit_id}", **decided)(decide_candidate)
    return routes


async def list_candidates(request: Request, project_id: AnyId, caller: Lead, limit: Limit = None) -> Response:
    """List resolved units whose label may become a known one, of the project's newest 2,000, the most useful first."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    found = await door.handlers.candidates.most_useful(project, caller.subject, page_size(limit))
    of_label = project.offered().spec(), project.guideline_text, project.guideline_version
    return json_answer(GoldCandidates(project_id, *of_label, [*fitting([_shown(door, each) for each in found])]))


async def decide_candidate(request: Request, unit_id: AnyId, caller: Lead) -> Response:
    """Confirm that a resolved unit's label is right and is to measure annotators, or decline it."""
    if not caller.may_touch(unit_id):
        raise CandidateDoesNotExist("There is no such candidate.")
    body = await read_json(request, DECISION)
    candidates = door_of(request).handlers.candidates
    project = await candidates.project_of(unit_id)
    outcome = await candidates.decide(project, caller.subject, unit_id, body.outcome, body.reason)
    status: Literal["decided", "repeated"] = "repeated" if outcome.repeated else "decided"
    return json_answer(DecidedCandidate(unit_id, status, body.outcome))


def _shown(door: Door, candidate: Candidate) -> GoldCandidate:
    unit, ruled = candidate.unit, candidate.unit.status == "adjudicated"
    return GoldCandidate(
        unit.unit_id,
        door.link(unit.unit_id),
        label_in(candidate.label),
        "adjudicated" if ruled else "consensus",
        len(unit.counted()),
        unit.led_with if ruled else unit.confidence,
        unit.ruling_reason if ruled else "",
        timestamp(unit.decided_at_us),
        candidate.alike,
    )
