"""What guidelines do not say, and what needs no ruling: for those who lead a project."""

from typing import Any

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.steps import Flow

PAGE = 500


class QuestionExample(Struct, frozen=True):
    """A unit that a question is about, and why an adjudicator asked, if one did."""

    unit_id: str
    payload_url: str
    reason: str = ""
    flags: list[str] = []
    guideline_version: int = 0


class GivenAnswer(Struct, frozen=True):
    """An answer; without a version the guideline stayed as it was."""

    guideline_version: int | None
    answer: str
    answered_at: str


class GuidelineQuestion(Struct, frozen=True):
    """A question on a guideline: open, noticed (nobody asked; two labels are often confused), answered or dismissed."""

    question_id: str
    status: str
    labels: list[Json]
    field: str
    units_waiting: int
    units_confused: int
    units_flagged: int
    asked: int
    examples: list[QuestionExample]
    answers: list[GivenAnswer]
    skipped: int = 0


class GuidelineQuestions(Struct, frozen=True):
    """A page of a project's questions."""

    questions: list[GuidelineQuestion]
    next: str


class AnsweredQuestion(Struct, frozen=True):
    """What became of an answer: answered, dismissed or repeated."""

    question_id: str
    status: str


class ClosedEscalations(Struct, frozen=True):
    """What was closed, or would be; `left` are sure enough, too, and wait for another call."""

    project_id: str
    dry_run: bool
    units: int
    left: int
    expected_errors: float | None
    unit_ids: list[str]


class ClosingBar(Struct, frozen=True):
    """What closing escalations from a confidence on would come to; without one, `least_sure_unit_id` is empty."""

    above: float
    units: int
    expected_errors: float | None
    least_sure_unit_id: str


class ClosingBars(Struct, frozen=True):
    """What closing escalations would come to, by the bar, of so many that wait for a ruling."""

    project_id: str
    waiting: int
    bars: list[ClosingBar]


class GivenRuling(Struct, frozen=True):
    """A ruling: its label, none where the outcome has none, and why."""

    outcome: str
    label: Json
    reason: str


class RulingDifference(Struct, frozen=True):
    """A unit of which two adjudicators do not say the same; the first ruling stands."""

    unit_id: str
    payload_url: str
    first: GivenRuling
    second: GivenRuling
    at: str


class RulingAgreement(Struct, frozen=True):
    """How far adjudicators agree, by rulings that a second one gave blind, with the 95 % interval."""

    project_id: str
    rate: float
    waiting: int
    made: int
    same: int
    agreement: float | None
    low: float | None
    high: float | None
    differences: list[RulingDifference]


def ruling_agreement(project_id: str) -> Flow[RulingAgreement]:
    """Return how far a project's adjudicators agree, and where they do not."""
    return got(RulingAgreement, "adjudicate", path_of("/v1/projects/{id}/rulings/agreement", id=project_id))


def questions(project_id: str) -> Flow[list[GuidelineQuestion]]:
    """Return what a project's guideline does not say: first what units wait for, then labels that are confused."""
    found: list[GuidelineQuestion] = []
    path, cursor = path_of("/v1/projects/{id}/questions", id=project_id), ""
    while True:
        page = yield from got(GuidelineQuestions, "adjudicate", path, query_of(limit=PAGE, cursor=cursor))
        found += page.questions
        cursor = page.next
        if not cursor:
            return found


def answer_question(
    project_id: str, question_id: str, answer: str, *, guideline_version: int | None = None
) -> Flow[AnsweredQuestion]:
    """Answer a question; the units that wait for it go on to be ruled.

    Args:
        project_id: whose guideline it is about.
        question_id: which.
        answer: in short, or why the guideline stays as it is.
        guideline_version: the version that gives it, published before; None: the guideline stays as it is.
    """
    body: dict[str, Any] = {"answer": answer}
    if guideline_version is not None:
        body["guideline_version"] = guideline_version
    path = path_of("/v1/projects/{id}/questions/{question_id}/answer", id=project_id, question_id=question_id)
    return sent(AnsweredQuestion, "adjudicate", "POST", path, body)


def closing_bars(project_id: str) -> Flow[ClosingBars]:
    """Return how many escalations closing would settle, and how many errors are to be expected, bar by bar."""
    return got(ClosingBars, "adjudicate", path_of("/v1/projects/{id}/escalations/bars", id=project_id))


def close_escalations(project_id: str, above: float, reason: str, *, dry_run: bool = False) -> Flow[ClosedEscalations]:
    """Settle escalations that are sure enough on their leading labels, at most 2,000 a call.

    Args:
        project_id: whose.
        above: the confidence from which on they are.
        reason: why they need no ruling; it is kept, and told with each.
        dry_run: only tell what it would come to.
    """
    body = {"above": above, "reason": reason, "dry_run": dry_run}
    path = path_of("/v1/projects/{id}/escalations/close", id=project_id)
    return sent(ClosedEscalations, "adjudicate", "POST", path, body)
