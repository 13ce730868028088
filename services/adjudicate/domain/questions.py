"""Questions on the guideline: what it does not say, who waits for it, and the version that answers it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from concord.labels import ClassedSchema, LabelSchema
from concord.labels.form import Form, answers_in
from services.adjudicate.domain.confusion import WHOLE, Key, Pair, ReadAnswer, key_of, read_key
from services.adjudicate.domain.escalation import REASON_CHARACTERS_MAX, Refused
from services.adjudicate.domain.unit import UnitState

QUESTIONS_MAX = 1_000
"""Of a project that were ever asked: all of them are held in memory."""
ASKED_MAX = 20
ANSWERS_MAX = 20
"""The newest of a question that are kept."""
FLAGS_MAX = 5
SKIPS_MAX = 20
"""The newest of a question that are kept, of those who passed a unit over."""
NOTICED_UNITS_MIN = 5
"""A pair of labels that fewer units were confused in is not brought up."""
NOTICED_MAX = 20
ID_DIGEST_BYTES = 6

Status = Literal["open", "noticed", "answered", "dismissed"]


class QuestionDoesNotExist(LookupError):
    """There is no such question in the project."""

    field = "question_id"
    cure = "take one from GET /v1/projects/{project_id}/questions"


class TooManyQuestions(ValueError):
    """A project has as many questions as it may."""

    field = "outcome"
    cure = "join one of those that are there by its question_id"


class AnswerRefused(Refused):
    """An answer cannot stand as it is."""


class Asked(msgspec.Struct, frozen=True):
    """That the guideline does not say how a unit is to be labelled, in an adjudicator's words.

    Attributes:
        flags: what its annotators said when they flagged it.
        guideline_version: in force then.
    """

    unit_id: str
    adjudicator_id: str
    reason: str
    at_us: int
    guideline_version: int
    flags: tuple[str, ...] = ()


class Skip(msgspec.Struct, frozen=True):
    """That somebody passed a unit over because the guideline does not say how it is to be labelled, in their words."""

    unit_id: str
    annotator_id: str
    reason: str
    at_us: int
    guideline_version: int


class Answer(msgspec.Struct, frozen=True):
    """An answer: the version that gives it, or 0 where the guideline stays as it is, and why."""

    guideline_version: int
    text: str
    answered_by: str
    at_us: int


class QuestionState(msgspec.Struct, frozen=True):
    """A question; one on two labels is the same however often it comes up again.

    Attributes:
        labels: that are taken for one another, canonical JSON; none where it is of one unit alone.
        field: of which field, where labels have several.
        waits: whether it is to be answered.
        asked: the newest of those who asked.
        asked_times: how often it was asked in all.
        answers: the newest, last.
        answered_times: how often it was answered in all.
        skips: the newest of those who passed a unit over for it, since it was answered last.
        skipped_times: how many these were in all.
    """

    project_id: str
    question_id: str
    labels: tuple[str, ...] = ()
    field: str = ""
    waits: bool = False
    asked: tuple[Asked, ...] = ()
    asked_times: int = 0
    answers: tuple[Answer, ...] = ()
    answered_times: int = 0
    skips: tuple[Skip, ...] = ()
    skipped_times: int = 0

    @property
    def answered_at_us(self) -> int:
        """When it was answered last; 0 for never."""
        return self.answers[-1].at_us if self.answers else 0

    @property
    def asked_under(self) -> int:
        """The newest version of the guideline under which it was asked; 0 for never."""
        return max((question.guideline_version for question in self.asked), default=0)

    @property
    def key(self) -> Key | None:
        """The pair of labels that it is about."""
        return key_of(self.field, *self.labels) if len(self.labels) == len(("one", "other")) else None


class Topic(NamedTuple):
    """What a question is about: two labels in a field, or, without labels, one unit."""

    question_id: str
    field: str = ""
    labels: tuple[str, ...] = ()


class Question(NamedTuple):
    """A question as a lead sees it.

    Attributes:
        state: as it was asked; of one that was only noticed what it is about.
        waiting: units that wait for its answer.
        pair: how often its labels were confused since it was answered last.
    """

    status: Status
    state: QuestionState
    waiting: int
    pair: Pair | None

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands among all: what is to be answered first, by what depends on it."""
        confused = self.state.skipped_times + (0 if self.pair is None else self.pair.units)
        group = ("open", "noticed").index(self.status) if self.status in ("open", "noticed") else 2
        weight = self.state.answered_at_us // 1_000_000 if group > 1 else 1_000 * self.waiting + confused
        return group, -weight, self.state.question_id


def topic_of_pair(key: Key) -> Topic:
    """Return the question on two labels.

    >>> topic_of_pair(("", ('"no"', '"yes"'))) == topic_of_pair(key_of("", '"yes"', '"no"'))
    True
    """
    field, labels = key
    return Topic(_named("pair", field, *labels), field, labels)


def now_called(state: QuestionState, read: ReadAnswer) -> QuestionState:
    """Return a question with its labels as they read now; one whose labels are no pair any more stays as it was asked.

    It keeps its id, whatever its classes are called since.
    """
    key = read_key(state.key, read) if state.key else None
    return state if key is None else msgspec.structs.replace(state, field=key[0], labels=key[1])


def topic_of(schema: LabelSchema, unit: UnitState, read: Callable[[str], str] = str) -> Topic:
    """Return the question that an unclear unit asks.

    That is on the two labels that most of its annotators gave, where labels have classes; of several fields on the
    first with classes in which they do not agree. Else it is on the unit alone.
    """
    for field, answers in _answers(
        schema, [read(annotation.label) for annotation in unit.counted() if annotation.label]
    ):
        most = [answer for answer, _ in sorted(Counter(answers).items(), key=lambda pair: (-pair[1], pair[0]))]
        if len(most) > 1:
            return topic_of_pair(key_of(field, most[0], most[1]))
    return Topic(_named("unit", unit.unit_id))


def _answers(schema: LabelSchema, labels: list[str]) -> list[tuple[str, list[str]]]:
    if isinstance(schema, ClassedSchema):
        return [(WHOLE, labels)]
    if not isinstance(schema, Form):
        return []
    answers = [answers_in(label) or {} for label in labels]
    fields = [field.name for field in schema.fields if field.classed is not None]
    return [(name, [answers[name] for answers in answers if name in answers]) for name in fields]


def _named(*parts: str) -> str:
    return f"q{hashlib.blake2b(chr(0).join(parts).encode(), digest_size=ID_DIGEST_BYTES).hexdigest()}"


def asked(state: QuestionState | None, project_id: str, topic: Topic, question: Asked) -> QuestionState:
    """Return the question once somebody asks it, for the first time or again."""
    before = state or QuestionState(project_id, topic.question_id, topic.labels, topic.field)
    return msgspec.structs.replace(
        before, waits=True, asked=(*before.asked, question)[-ASKED_MAX:], asked_times=before.asked_times + 1
    )


def skipped(state: QuestionState | None, project_id: str, topic: Topic, skip: Skip) -> QuestionState | None:
    """Return the question once somebody passed a unit over for it; None when its answer is newer, or that is known."""
    before = state or QuestionState(project_id, topic.question_id, topic.labels, topic.field)
    newest = before.answers[-1].guideline_version if before.answers else 0
    known = any(
        (earlier.unit_id, earlier.annotator_id) == (skip.unit_id, skip.annotator_id) for earlier in before.skips
    )
    if known or skip.guideline_version < newest:
        return None
    return msgspec.structs.replace(
        before, skips=(*before.skips, skip)[-SKIPS_MAX:], skipped_times=before.skipped_times + 1
    )


def answered(
    state: QuestionState | None, project_id: str, topic: Topic, answer: Answer, guideline_version: int
) -> QuestionState:
    """Return the question with its answer.

    Args:
        state: the question; None for one that was only noticed.
        project_id: its project.
        topic: what it is about.
        answer: the answer.
        guideline_version: the newest that there is.

    Raises:
        AnswerRefused: the version that it names cannot be the answer, or it says nothing.
    """
    before = state or QuestionState(project_id, topic.question_id, topic.labels, topic.field)
    if not answer.text.strip() or len(answer.text) > REASON_CHARACTERS_MAX:
        cure = f"say what the answer is, or why there is none, in 1 to {REASON_CHARACTERS_MAX} characters"
        raise AnswerRefused("answer", "is empty or too long", cure)
    if answer.guideline_version > guideline_version:
        problem = f"is {answer.guideline_version}, and the guideline's newest version is {guideline_version}"
        raise AnswerRefused("guideline_version", problem, "define the project with the new guideline first")
    if 0 < answer.guideline_version <= before.asked_under:
        problem = f"is {answer.guideline_version}, and the question was asked under version {before.asked_under}"
        raise AnswerRefused("guideline_version", problem, "name a newer one; leave it out to dismiss the question")
    return msgspec.structs.replace(
        before,
        waits=False,
        answers=(*before.answers, answer)[-ANSWERS_MAX:],
        answered_times=before.answered_times + 1,
        skips=(),
        skipped_times=0,
    )


def listed(known: Sequence[QuestionState], waiting: dict[str, int], confusions: dict[Key, Pair]) -> list[Question]:
    """Return all questions in order: those that wait, pairs of labels that are often confused, and those answered.

    Args:
        known: that were ever asked or answered.
        waiting: units that wait, by question.
        confusions: how often labels were confused since they were last asked about, by pair.
    """
    left, found = dict(confusions), []
    for state in known:
        pair = left.pop(state.key, None) if state.key else None
        if state.waits:
            status: Status = "open"
        elif state.skipped_times or (pair is not None and pair.units >= NOTICED_UNITS_MIN):
            status = "noticed"
        else:
            status = "answered" if state.answers[-1].guideline_version else "dismissed"
        found.append(Question(status, state, waiting.get(state.question_id, 0), pair))
    often = sorted(
        (open_topic for open_topic in left.values() if open_topic.units >= NOTICED_UNITS_MIN),
        key=lambda open_topic: (-open_topic.units, open_topic[:2]),
    )
    for pair in often[:NOTICED_MAX]:
        topic = topic_of_pair((pair.field, pair.labels))
        found.append(Question("noticed", QuestionState("", topic.question_id, pair.labels, pair.field), 0, pair))
    return sorted(found, key=lambda question: question.place)
