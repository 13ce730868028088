"""Routes of questions on guidelines: what a lead is asked, and what is answered."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from msgspec import Meta

from concord.chassis.http import (
    AnyId,
    Limit,
    cursor_of,
    documented,
    json_answer,
    not_ours,
    page_size,
    position_of,
    read_json,
)
from concord.chassis.identity import Caller, Role, require
from concord.chassis.projects import visible
from services.adjudicate.domain.escalation import REASON_CHARACTERS_MAX
from services.adjudicate.domain.questions import Question, Status
from services.adjudicate.door.means import Door, door_of, label_in, timestamp

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]
Json = Any
EXAMPLES_MAX = 5
GUIDELINE_VERSION_MAX = 1_000_000


class QuestionExample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit that a question is about.

    Attributes:
        payload_url: what it holds; the link ends after a while.
        reason: why an adjudicator asked, or why an annotator passed it over; absent of units that were settled
            otherwise than somebody labelled them.
        flags: what annotators said when they flagged it.
        guideline_version: under which it was asked.
    """

    unit_id: str
    payload_url: str
    reason: str = ""
    flags: list[str] = []
    guideline_version: int = 0


class GivenAnswer(msgspec.Struct, frozen=True):
    """An answer that was given: the version that gives it; null where the guideline stayed as it was, and why."""

    guideline_version: int | None
    answer: str
    answered_at: str


class GuidelineQuestion(msgspec.Struct, frozen=True):
    """A question on a project's guideline.

    Attributes:
        status: `open` (adjudicators asked, and units wait), `noticed` (nobody asked; two labels are often taken for one
            another, or annotators passed units over for it), `answered` or `dismissed` (the guideline stays as it is).
        labels: the two labels that it is about; none where it is about one unit alone.
        field: of which field they are, where labels have several; else empty.
        units_waiting: that go on once it is answered.
        units_confused: of the newest settled units those in which an annotator said one label and the other was right,
            since it was answered last.
        units_flagged: of these, those that an annotator flagged.
        asked: how often adjudicators asked.
        skipped: how often annotators passed a unit over since it was answered last, for the guideline does not say how
            it is to be labelled.
        examples: the newest units of those who asked, and of those that were confused.
        answers: that were given before, the newest last.
    """

    question_id: str
    status: Status
    labels: list[Json]
    field: str
    units_waiting: int
    units_confused: int
    units_flagged: int
    asked: int
    examples: list[QuestionExample]
    answers: list[GivenAnswer]
    skipped: int


class GuidelineQuestions(msgspec.Struct, frozen=True):
    """Some questions of a project, those to be answered first; `next` is the cursor of the rest, empty at the end."""

    questions: list[GuidelineQuestion]
    next: str


class AnswerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question.

    Attributes:
        answer: in short, or why the guideline stays as it is.
        guideline_version: the version that gives it, published before; left out where the guideline stays as it is.
    """

    answer: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
    guideline_version: Annotated[int, Meta(ge=1, le=GUIDELINE_VERSION_MAX)] | None = None


class AnsweredQuestion(msgspec.Struct, frozen=True):
    """What became of an answer: `answered` or `dismissed` now, or `repeated`."""

    question_id: str
    status: str


ANSWER = msgspec.json.Decoder(AnswerBody)


def router() -> APIRouter:
    """Return the route table."""
    routes = APIRouter(prefix="/v1")
    listed = documented(reply=GuidelineQuestions, refusals=(404,))
    routes.get("/projects/{project_id}/questions", **listed)(list_questions)
    answered = documented(body=AnswerBody, reply=AnsweredQuestion, refusals=(404,))
    routes.post("/projects/{project_id}/questions/{question_id}/answer", **answered)(answer_question)
    return routes


async def list_questions(
    request: Request,
    project_id: AnyId,
    caller: ClientOrOperator,
    limit: Limit = None,
    cursor: str = "",
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
) -> Response:
    """List what the guideline does not say: first what units wait for, then labels that are often confused."""
    door, wanted = door_of(request), page_size(limit)
    project = visible(door.handlers.projects, project_id, caller)
    found = [question for question in door.handlers.questions.of_project(project) if status in (None, question.status)]
    if cursor:
        after = _place_in(cursor)
        found = [question for question in found if question.place > after]
    shown = found[:wanted]
    rest = cursor_of(*shown[-1].place) if len(found) > wanted else ""
    return json_answer(GuidelineQuestions([_shown(door, question) for question in shown], rest))


async def answer_question(
    request: Request, project_id: AnyId, question_id: AnyId, caller: ClientOrOperator
) -> Response:
    """Answer a question by a version of the guideline, or dismiss it; the units that wait go on to be ruled."""
    door = door_of(request)
    project = visible(door.handlers.projects, project_id, caller)
    answer = await read_json(request, ANSWER)
    version = answer.guideline_version or 0
    outcome = await door.handlers.questions.answer(project, question_id, version, answer.answer, caller.subject)
    status = "repeated" if outcome.repeated else "answered" if version else "dismissed"
    return json_answer(AnsweredQuestion(question_id, status))


def _place_in(cursor: str) -> tuple[int, int, str]:
    position = position_of(cursor)
    if [type(part) for part in position] != [int, int, str]:
        raise not_ours()
    return int(position[0]), int(position[1]), str(position[2])


def _shown(door: Door, question: Question) -> GuidelineQuestion:
    state, pair = question.state, question.pair
    asked = [
        QuestionExample(
            earlier.unit_id, door.link(earlier.unit_id), earlier.reason, list(earlier.flags), earlier.guideline_version
        )
        for earlier in reversed(state.asked)
    ]
    known = {example.unit_id for example in asked}
    for skip in reversed(state.skips):
        if skip.unit_id not in known:
            known.add(skip.unit_id)
            asked.append(
                QuestionExample(skip.unit_id, door.link(skip.unit_id), skip.reason, [], skip.guideline_version)
            )
    confused = [
        QuestionExample(example, door.link(example))
        for example in (pair.examples if pair else ())
        if example not in known
    ]
    return GuidelineQuestion(
        question_id=state.question_id,
        status=question.status,
        labels=[label_in(label) for label in state.labels],
        field=state.field,
        units_waiting=question.waiting,
        units_confused=pair.units if pair else 0,
        units_flagged=pair.flagged if pair else 0,
        asked=state.asked_times,
        examples=[*asked, *confused][:EXAMPLES_MAX],
        answers=[
            GivenAnswer(answer.guideline_version or None, answer.text, timestamp(answer.at_us))
            for answer in state.answers
        ],
        skipped=state.skipped_times,
    )
