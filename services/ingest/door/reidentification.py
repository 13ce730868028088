"""The route of re-identification: who is behind what was replaced in a unit, for the role `privacy` alone."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from concord.chassis.errors import FieldError, Invalid, NotFound
from concord.chassis.http import AnyId, documented, json_answer, read_json
from concord.chassis.identity import Caller, Role, require
from concord.privacy import Candidate
from services.ingest.domain.reidentification import (
    CANDIDATES_MAX,
    REASON_CHARACTERS_MAX,
    VALUE_CHARACTERS_MAX,
    Answer,
    NotTraceable,
    Question,
    TooOftenAsked,
)
from services.ingest.door.projects import handlers_of

STATUSES: dict[type[Exception], int] = {NotTraceable: 409, TooOftenAsked: 409}
PATH = "/units/{unit_id}/reidentification"

Officer = Annotated[Caller, require(Role.PRIVACY)]


class CandidateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value, and of which kind of personal data it is."""

    kind: Annotated[str, Meta(max_length=40)]
    value: Annotated[str, Meta(max_length=VALUE_CHARACTERS_MAX)]


class QuestionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked about a unit: candidates or originals, and why.

    Attributes:
        reason: is told with the event and kept in the unit's ledger for ever; it names nobody.
        candidates: values to be held against the unit's pseudonyms.
        originals: whether what had been replaced is asked for.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    candidates: Annotated[list[CandidateBody], Meta(max_length=CANDIDATES_MAX)] = []
    originals: bool = False


class ComparedBody(msgspec.Struct, frozen=True):
    """What a candidate's comparison came to; the value is not said again.

    Attributes:
        matches: whether it is behind a pseudonym of the unit.
        pseudonym: which; empty where it is behind none.
        times: how often that stands in the unit.
        of: how many different pseudonyms of this kind do. 0: a candidate that does not match may be there all the same,
            under a mask, for masks are alike.
        in_clear: how often the value itself stands in the unit, for nothing replaced it; not looked for in addresses
            (`uri`) of what lies elsewhere.
    """

    kind: str
    matches: bool
    pseudonym: str
    times: int
    of: int
    in_clear: int


class OriginalBody(msgspec.Struct, frozen=True):
    """What had been replaced, as it stood there."""

    kind: str
    value: str


class AnswerBody(msgspec.Struct, frozen=True):
    """What a question about a unit came to: candidates in their order, originals in that of the content.

    Attributes:
        replaces: kinds of personal data that the unit's project replaces now (`policy.privacy.treatments`). Of any
            other kind, and of a unit from before, `matches: false` says nothing: what was not replaced stands in the
            clear. See `in_clear`, and the unit's content in the export with data.
    """

    unit_id: str
    compared: list[ComparedBody]
    originals: list[OriginalBody]
    replaces: list[str]

    @classmethod
    def of(cls, unit_id: str, answer: Answer) -> "AnswerBody":
        """Return an answer as whoever asked sees it."""
        held = [ComparedBody(kind, bool(found), found, *counts) for kind, found, *counts in answer.compared]
        return cls(unit_id, held, [OriginalBody(*original) for original in answer.originals], list(answer.replaces))


QUESTION = msgspec.json.Decoder(QuestionBody)
EXAMPLE = {
    "reason": "A request for access, case 2026-117.",
    "candidates": [{"kind": "email", "value": "ada@example.org"}],
}


def add_routes(routes: APIRouter) -> None:
    """Add this route to ingest's table."""
    asked = documented(body=QuestionBody, reply=AnswerBody, example=EXAMPLE, refusals=(404, 409, 410))
    routes.post(PATH, **asked)(reidentify)


async def reidentify(request: Request, unit_id: AnyId, caller: Officer) -> Response:
    """Say who is behind a unit's data: whether candidates are, or what had been replaced. It leaves an event."""
    entry = await read_json(request, QUESTION)
    if bool(entry.candidates) == entry.originals:
        cure = "send candidates, or originals: true"
        raise Invalid("Ask for one of the two.", [FieldError("candidates", "and originals are one or the other", cure)])
    if not entry.reason.strip():
        raise Invalid("A question has a reason.", [FieldError("reason", "is blank", "say why it is asked")])
    if not caller.may_touch(unit_id):
        raise NotFound("There is no such unit.")
    candidates = tuple(Candidate(candidate.kind, candidate.value) for candidate in entry.candidates)
    question = Question(caller.subject, entry.reason.strip(), candidates)
    answer = await handlers_of(request).reidentification.ask(unit_id, question)
    response = json_answer(AnswerBody.of(unit_id, answer))
    response.headers["cache-control"] = "private, no-store"
    return response
