"""Questions on guidelines: asked by adjudicators, answered by a lead, and then gone on with."""

from collections.abc import Sequence

from concord.chassis.clock import Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from services.adjudicate.announcements import SERVICE, guideline_answered
from services.adjudicate.domain.escalation import RulingRefused, answered
from services.adjudicate.domain.questions import (
    FLAGS_MAX,
    QUESTIONS_MAX,
    Answer,
    Asked,
    Question,
    QuestionDoesNotExist,
    QuestionState,
    Skip,
    TooManyQuestions,
    Topic,
    asked,
    now_called,
    skipped,
    topic_of,
)
from services.adjudicate.domain.questions import answered as with_answer
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Batch, Deciding, classed_fields
from services.adjudicate.repository import Repository, question_key, unit_key

RELEASED_AT_ONCE = 200
"""Units that go on together once their question is answered; others are served in between."""
LOOKS, LOOK_SECONDS = 20, 0.1
"""A guideline that was published this moment is waited for: its definition comes by another way."""


class Questions:
    """What a project's guideline does not say.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
        clock: time.
    """

    def __init__(self, repository: Repository, deciding: Deciding, clock: Clock) -> None:
        self.repository = repository
        self.deciding = deciding
        self.clock = clock

    def of_project(self, project: Project) -> list[Question]:
        """Return all questions of a project in order, first those that wait for an answer.

        Raises:
            NotHere: its place is not this process's any more.
        """
        return self.repository.view(project.project_id).all_questions(classed_fields(project), project.read_answer)

    def topic_of(self, unit: UnitState, project: Project, question_id: str) -> Topic:
        """Return what an unclear unit asks: the question that is named, or the one that its labels ask.

        Raises:
            RulingRefused: there is no question of that name.
            TooManyQuestions: it would be one too many.
        """
        known = self.repository.view(project.project_id).questions
        if question_id:
            found = next(
                (question.state for question in self.of_project(project) if question.state.question_id == question_id),
                None,
            )
            if found is None:
                cure = "take one from GET /v1/projects/{project_id}/questions, or leave it out"
                raise RulingRefused("question_id", "is no question of the project", cure)
            return Topic(question_id, found.field, found.labels)
        topic = topic_of(project.schema, unit, project.read_text)
        if topic.labels:
            # Asked before its classes were called so, it is the same question.
            called = (now_called(question, project.read_answer) for question in known.values())
            same = (question for question in called if (question.field, question.labels) == (topic.field, topic.labels))
            topic = next((topic._replace(question_id=question.question_id) for question in same), topic)
        if topic.question_id not in known and len(known) >= QUESTIONS_MAX:
            raise TooManyQuestions(f"The project has {QUESTIONS_MAX} questions, and no more are kept.")
        return topic

    def answered_times(self, project_id: str, question_id: str) -> int:
        """Return how often a question was answered."""
        found = self.repository.view(project_id).questions.get(question_id)
        return 0 if found is None else found.answered_times

    async def ask(self, unit: UnitState, project: Project, adjudicator_id: str, reason: str, topic: Topic) -> None:
        """Have a question wait for an answer, for one more unit."""
        flags = tuple(annotation.flag for annotation in unit.counted() if annotation.flag)[:FLAGS_MAX]
        times = self.answered_times(project.project_id, topic.question_id)
        cause_id = f"ask/{topic.question_id}/{times}/{unit.unit_id}/{unit.rework}/{adjudicator_id}"

        def decide(state: QuestionState | None, now_us: int) -> Decision[QuestionState]:
            question = Asked(unit.unit_id, adjudicator_id, reason, now_us, project.guideline_version, flags)
            return Decision(asked(state, project.project_id, topic, question))

        await self.repository.ask(Cause(question_key(project, topic.question_id), cause_id, decide))

    async def skip(self, unit: UnitState, project: Project, skip: Skip) -> None:
        """Note that somebody passed a unit over for what the guideline does not say; a lead sees it, nobody waits.

        Of a project that has as many questions as are kept nothing is noted.
        """
        try:
            topic = self.topic_of(unit, project, "")
        except TooManyQuestions:
            return
        cause_id = f"skip/{topic.question_id}/{skip.unit_id}/{unit.rework}/{skip.annotator_id}"

        def decide(state: QuestionState | None, now_us: int) -> Decision[QuestionState] | None:
            del now_us
            after = skipped(state, project.project_id, topic, skip)
            return None if after is None else Decision(after)

        await self.repository.ask(Cause(question_key(project, topic.question_id), cause_id, decide))

    async def answer(
        self, project: Project, question_id: str, guideline_version: int, text: str, answered_by: str
    ) -> Outcome[QuestionState]:
        """Answer a question; the units that wait for it go on from then.

        Args:
            project: whose.
            question_id: which.
            guideline_version: the version that answers it; 0: the guideline stays as it is.
            text: the answer in short, or why there is none.
            answered_by: who says so.

        Raises:
            QuestionDoesNotExist: there is none.
            AnswerRefused: the answer cannot stand so.
            Backlogged: the broker takes no events.
        """
        found = next(
            (question for question in self.of_project(project) if question.state.question_id == question_id), None
        )
        if found is None:
            raise QuestionDoesNotExist(f"There is no question {question_id}.")
        self.repository.refuse_backlog()
        project = await self._published(project, guideline_version)
        topic = Topic(question_id, found.state.field, found.state.labels)
        cause_id = f"answer/{question_id}/{found.state.asked_times}/{guideline_version}/{text}"

        def decide(state: QuestionState | None, now_us: int) -> Decision[QuestionState]:
            answer = Answer(guideline_version, text, answered_by, now_us)
            after = with_answer(state, project.project_id, topic, answer, project.guideline_version)
            announcer = Announcer(SERVICE, f"{project.project_id}/{cause_id}", now_us)
            return Decision(after, [guideline_answered(announcer, after, project, found.waiting)])

        return await self.repository.ask(Cause(question_key(project, question_id), cause_id, decide))

    async def _published(self, project: Project, guideline_version: int) -> Project:
        """Return the project once a version of its guideline is heard of, or as it is where that takes too long."""
        for _ in range(LOOKS):
            if project.guideline_version >= guideline_version:
                break
            await self.clock.sleep(LOOK_SECONDS)
            project = await self.deciding.project(project.project_id)
        return project

    async def go_on(self) -> None:
        """Have the units go on whose questions are answered, wherever there are any.

        Raises:
            Passing: not now; say it again.
        """
        for waiting in self.repository.answered():
            for start in range(0, len(waiting), RELEASED_AT_ONCE):
                await self._go_on(waiting[start : start + RELEASED_AT_ONCE])

    async def _go_on(self, waiting: Sequence[tuple[str, QuestionState]]) -> None:
        causes = [_going_on(unit_id, question) for unit_id, question in waiting]
        await self.deciding.apply(causes, Batch())


def _going_on(unit_id: str, question: QuestionState) -> Cause[UnitState]:
    # Asked of the same unit once more, it is answered once more.
    cause_id = f"answered/{question.question_id}/{question.answered_times}/{unit_id}"

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        del now_us
        after = answered(state, question.question_id)
        return None if after is None else Decision(after)

    return Cause(unit_key(unit_id), cause_id, decide)
