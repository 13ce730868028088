"""Rulings: an adjudicator's binding word on an escalated unit, or that there can be none yet, or that it goes back."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.labels import Json, LabelFault, encoded, label_of
from concord.review import has_part
from services.adjudicate.announcements import SERVICE, guideline_asked, referred_back, ruled_unanswerable, ruling
from services.adjudicate.domain.escalation import (
    EscalationDoesNotExist,
    RulingRefused,
    ruled,
    unanswerable,
    waiting,
)
from services.adjudicate.domain.referral import To, referred, wanted
from services.adjudicate.domain.repeats import Word as Again
from services.adjudicate.domain.repeats import as_listed, may_repeat
from services.adjudicate.domain.unit import RESOLVED, UnitState
from services.adjudicate.handlers.deciding import Batch, Deciding
from services.adjudicate.handlers.objects import Objects
from services.adjudicate.handlers.questions import Questions
from services.adjudicate.handlers.repeats import Repeats
from services.adjudicate.repository import Repository, unit_key

OutcomeOfRuling = Literal["label", "unanswerable", "guideline_unclear", "refer_back"]

CLOSED = "closed"

Change = Callable[[UnitState | None, int], UnitState]
Word = Callable[[Announcer, UnitState], Outgoing]


class RulingWish(NamedTuple):
    """What an adjudicator says of a unit.

    Attributes:
        label: as it was sent; of the outcome `label` alone.
        question_id: which question an unclear unit joins; empty for the one that its labels ask.
        to: whom a unit goes to that is sent back; of the outcome `refer_back` alone.
    """

    outcome: OutcomeOfRuling
    reason: str
    label: Json = None
    question_id: str = ""
    to: To = "same"


class _Way(NamedTuple):
    """How a unit goes on: what tells this from other rulings, the new state, its event, and what is counted."""

    name: str
    change: Change
    word: Word
    verdict: str


class Rulings:
    """What adjudicators say.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
        questions: what they ask about the guideline.
        repeats: which of them are given once more.
        objects: what is drawn on units.
    """

    def __init__(
        self, repository: Repository, deciding: Deciding, questions: Questions, repeats: Repeats, objects: Objects
    ) -> None:
        self.objects = objects
        self.repository = repository
        self.deciding = deciding
        self.questions = questions
        self.repeats = repeats

    async def rule(self, adjudicator_id: str, unit_id: str, answer: RulingWish) -> Outcome[UnitState]:
        """Settle an escalated unit by an adjudicator's word, have it wait for an answer, or send it back to annotators.

        Raises:
            EscalationDoesNotExist, NotEscalated, RulingRefused, TooManyQuestions: it cannot be ruled so.
            Backlogged: the broker takes no events.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None or has_part(unit.annotators, adjudicator_id):
            raise EscalationDoesNotExist("There is no such escalation.")
        project = await self.deciding.project(unit.project_id)
        self.repository.refuse_backlog()
        if may_repeat(unit, adjudicator_id) or (unit.repeated_by == adjudicator_id and unit.repeat):
            return await self._again(unit, project, adjudicator_id, answer)
        if answer.outcome == "guideline_unclear":
            way = await self._unclear(unit, project, adjudicator_id, answer)
        elif answer.outcome == "refer_back":
            way = _back(unit, project, adjudicator_id, answer)
        else:
            way = await self._settling(unit, project, adjudicator_id, answer)
        # The same may be said of a unit again that was sent back to annotators since.
        since = f"/{len(unit.referrals)}" if unit.referrals and answer.outcome != "refer_back" else ""
        cause_id = f"ruling/{unit_id}/{unit.rework}{since}/{adjudicator_id}/{way.name}"
        trace = trace_headers()

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
            after = msgspec.structs.replace(way.change(state, now_us), decided_at_us=now_us)
            if after.status in RESOLVED:
                after = self.repeats.drawn(project, after)
            return Decision(after, [way.word(Announcer(SERVICE, cause_id, now_us, trace), after)])

        batch = Batch()
        batch.verdicts[cause_id] = way.verdict
        (outcome,) = await self.deciding.apply([Cause(unit_key(unit_id), cause_id, decide)], batch)
        return outcome

    async def _again(
        self, unit: UnitState, project: Project, adjudicator_id: str, answer: RulingWish
    ) -> Outcome[UnitState]:
        """Take a ruling that somebody gave before, as if it were the first; the other one stands."""
        label, waits_for = _canonical(unit, project, answer) if answer.outcome == "label" else "", ""
        if unit.repeat == "waits":
            # What the first one would be refused for.
            if answer.outcome == "refer_back":
                referred(
                    as_listed(unit), adjudicator_id, answer.reason, answer.to, 0, gives_work=project.life != CLOSED
                )
            else:
                ruled(as_listed(unit), adjudicator_id, label, answer.reason)
        if answer.outcome == "guideline_unclear":
            topic = self.questions.topic_of(unit, project, answer.question_id)
            waits_for = topic.question_id
            if unit.repeat == "waits":
                await self.questions.ask(unit, project, adjudicator_id, answer.reason, topic)
        given = await self.repeats.give(unit, project, adjudicator_id, Again(answer.outcome, answer.reason, label))
        return Outcome(msgspec.structs.replace(given.state, question_id=waits_for), given.repeated)

    async def _settling(self, unit: UnitState, project: Project, adjudicator_id: str, answer: RulingWish) -> _Way:
        version = project.guideline_version
        if answer.outcome == "unanswerable":
            return _Way(
                answer.outcome,
                lambda state, _: unanswerable(state, adjudicator_id, answer.reason),
                lambda announcer, after: ruled_unanswerable(announcer, after, version),
                answer.outcome,
            )
        canonical = _canonical(unit, project, answer)
        regions = await self.objects.traced(unit, project, canonical)
        return _Way(
            canonical,
            lambda state, _: ruled(state, adjudicator_id, canonical, answer.reason, project.schema_version, regions),
            lambda announcer, after: ruling(announcer, after, version),
            "ruled",
        )

    async def _unclear(self, unit: UnitState, project: Project, adjudicator_id: str, answer: RulingWish) -> _Way:
        """Have the question asked that a unit will wait for; a unit that cannot wait asks none."""
        topic = self.questions.topic_of(unit, project, answer.question_id)
        again = unit.question_id == topic.question_id and unit.adjudicator_id == adjudicator_id
        if not again:
            waiting(unit, adjudicator_id, answer.reason, topic.question_id)
            await self.questions.ask(unit, project, adjudicator_id, answer.reason, topic)
        # Once it was answered, the same may be said of the same unit anew.
        name = f"unclear/{topic.question_id}/{self.questions.answered_times(project.project_id, topic.question_id)}"
        return _Way(
            name,
            lambda state, _: waiting(state, adjudicator_id, answer.reason, topic.question_id),
            lambda announcer, after: guideline_asked(announcer, after, project.guideline_version),
            "unclear",
        )


def _back(unit: UnitState, project: Project, adjudicator_id: str, answer: RulingWish) -> _Way:
    """Return how a unit goes back to annotators; whoever sends the same again sends it back no second time."""
    last = unit.referrals[-1] if unit.referrals and unit.status == "open" else None
    again = last is not None and (last.adjudicator_id, last.comment) == (adjudicator_id, answer.reason)
    number = len(unit.referrals) + (not again)
    overlap, works = project.policy.overlap, project.life != CLOSED

    def change(state: UnitState | None, now_us: int) -> UnitState:
        after = referred(state, adjudicator_id, answer.reason, answer.to, now_us, gives_work=works)
        asked = wanted(after, overlap.initial, overlap.max)
        return msgspec.structs.replace(after, overlap_asked=asked, policy_revision=project.revision)

    def word(announcer: Announcer, after: UnitState) -> Outgoing:
        return referred_back(announcer, after, project.guideline_version)

    return _Way(f"referred/{number}/{answer.to}", change, word, "referred")


def _canonical(unit: UnitState, project: Project, answer: RulingWish) -> str:
    """Return a ruling's label as it is kept.

    Raises:
        RulingRefused: it does not fit the schema, or the unit.
    """
    try:
        return encoded(label_of(project.offered(), answer.label, unit.text_characters)).decode()
    except LabelFault as fault:
        raise RulingRefused(f"label{fault.path.removeprefix('$')}", fault.problem, fault.cure) from fault
