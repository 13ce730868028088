"""What is known at a glance of one project: hints, loaded from what is open of it, dropped with its place.

Settled with a unit's newest state, as often as one likes: saying the same again changes nothing.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from operator import itemgetter
from typing import NamedTuple

from concord.quality.crowd import GoldAnswers
from services.adjudicate.domain.class_shares import ClassShares, Tally
from services.adjudicate.domain.competence import CompetenceState, CrowdState
from services.adjudicate.domain.confusion import Key, ReadAnswer, as_told, pairs
from services.adjudicate.domain.consensus import Weights
from services.adjudicate.domain.escalation import expected_loss
from services.adjudicate.domain.gold import WAITING, GoldState
from services.adjudicate.domain.questions import Question, QuestionState, listed, now_called
from services.adjudicate.domain.repeats import as_listed
from services.adjudicate.domain.unit import UnitState


class Closable(NamedTuple):
    """What closing escalations from a confidence on would come to.

    Attributes:
        above: the confidence.
        units: how many would be settled.
        losses: the chances that their labels are wrong, added up.
        least_sure: the unit among them of the least confidence; empty where there is none.
    """

    above: float
    units: int
    losses: float
    least_sure: str


class ProjectView:
    """One project's escalations, open units with labels, competence and class shares; nothing by unit that is closed.

    Attributes:
        shares: the labels of its newest settled units.
        gold: gold units in doubt, or appealed, on which nobody has ruled, by id.
        questions: on its guideline, by id, all that were ever asked.
        unheard: units of which something was told before their admission was heard.
    """

    def __init__(self) -> None:
        self.shares = ClassShares()
        self.gold: dict[str, GoldState] = {}
        self._fields: defaultdict[str, FieldView] = defaultdict(FieldView)
        self._escalations: list[tuple[float, str]] = []
        self._losses: dict[str, float] = {}
        self._since_us: dict[str, int] = {}
        self._open: dict[str, int | None] = {}
        """By open unit the policy by which it was last decided on; None where no labels of it have come in."""
        self._flagged: set[str] = set()
        self._repeats: set[str] = set()
        self.questions: dict[str, QuestionState] = {}
        self.unheard: set[str] = set()
        self._waiting: dict[str, str] = {}

    @property
    def escalations_open(self) -> int:
        """How many units wait for a ruling, not counting those that wait for a second one."""
        return len(self._escalations) - len(self._repeats)

    @property
    def oldest_us(self) -> int:
        """When the unit was escalated that has waited longest for a ruling; 0 where none waits."""
        return min(self._since_us.values(), default=0)

    @property
    def repeats_waiting(self) -> int:
        """How many units wait for a second ruling."""
        return len(self._repeats)

    @property
    def begun(self) -> list[str]:
        """The open units of which labels have come in."""
        return [unit_id for unit_id, revision in self._open.items() if revision is not None]

    def begun_before(self, revision: int) -> list[str]:
        """Return those of them that were last decided on by another policy than that of this revision."""
        return [unit_id for unit_id, known in self._open.items() if known is not None and known != revision]

    def open_units(self) -> Iterator[str]:
        """Yield the units that wait for labels or for a ruling."""
        yield from self._open

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state."""
        self._settle_escalation(unit)
        self.shares.settle(unit)
        if unit.begun:
            self._open[unit.unit_id] = unit.policy_revision
        elif unit.is_open:
            self._open[unit.unit_id] = None
        else:
            self._open.pop(unit.unit_id, None)
        if unit.unheard:
            self.unheard.add(unit.unit_id)
        else:
            self.unheard.discard(unit.unit_id)

    def _settle_escalation(self, unit: UnitState) -> None:
        before = self._losses.pop(unit.unit_id, None)
        self._since_us.pop(unit.unit_id, None)
        self._flagged.discard(unit.unit_id)
        if before is not None:
            del self._escalations[bisect_left(self._escalations, (before, unit.unit_id))]
        self._settle_waiting(unit)
        self._repeats.discard(unit.unit_id)
        if unit.repeat == "waits":
            self._repeats.add(unit.unit_id)
        unit = as_listed(unit)
        if unit.status == "escalated" and unit.labelling_ended and not unit.question_id:
            # Most to be gained first: the list ascends, so the loss is negated.
            place = -expected_loss(unit.confidence, leads=bool(unit.label))
            insort(self._escalations, (place, unit.unit_id))
            self._losses[unit.unit_id] = place
            if unit.repeat != "waits":
                self._since_us[unit.unit_id] = unit.decided_at_us
            # Without a leading label it cannot be closed, either, were the bar at nought; nor what was ruled before.
            if unit.escalated_for == "flagged" or not unit.label or unit.repeat:
                self._flagged.add(unit.unit_id)

    def _settle_waiting(self, unit: UnitState) -> None:
        self._waiting.pop(unit.unit_id, None)
        if unit.question_id:
            self._waiting[unit.unit_id] = unit.question_id

    def asked(self, question: QuestionState) -> None:
        """Take over a question's newest state."""
        self.questions[question.question_id] = question

    def answered(self) -> list[tuple[str, QuestionState]]:
        """Return the units that wait for a question which does not wait for an answer any more, each with it."""
        return [
            (unit_id, question)
            for unit_id, question_id in self._waiting.items()
            if (question := self.questions.get(question_id)) is not None and not question.waits
        ]

    def all_questions(self, fields: Collection[str], read: ReadAnswer = as_told) -> list[Question]:
        """Return its questions in order, with the pairs of labels that are often confused in these fields.

        All of them in the names that classes have now, by `read`.
        """
        questions = [now_called(question, read) for question in self.questions.values()]
        answered_at_us: dict[Key | None, int] = {}
        for question in questions:
            answered_at_us[question.key] = max(question.answered_at_us, answered_at_us.get(question.key, 0))
        answered_at_us.pop(None, None)
        since = (
            confused
            for at_us, confused in self.shares.confused(fields, read)
            if at_us > answered_at_us.get(confused.key, 0)
        )
        return listed(questions, Counter(self._waiting.values()), pairs(since))

    def doubted(self, gold: GoldState) -> None:
        """Take over a gold unit's newest state."""
        if gold.standing in WAITING:
            self.gold[gold.unit_id] = gold
        else:
            self.gold.pop(gold.unit_id, None)

    def settled(self, field: str = "") -> Mapping[str, int]:
        """Return how many of the newest settled units have which label, or answer to a field, as canonical JSON."""
        return self.shares.counts(field)

    def by_loss(self, after: tuple[float, str] | None = None) -> Iterator[tuple[float, str]]:
        """Yield the escalated units with their place in the queue, most to be gained first, those after a place."""
        first = 0 if after is None else bisect_right(self._escalations, after)
        yield from islice(self._escalations, first, None)

    def closable(self, above: float) -> list[tuple[float, str]]:
        """Return the units that may be closed on their leading label, the surest first, each after its chance to err.

        They are at least so sure, nobody flagged them, and none waits for a second ruling; see `escalation.closable`.
        """
        first = bisect_left(self._escalations, (-expected_loss(above, leads=True), ""))
        some = self._escalations[first:]
        left = self._flagged | self._repeats
        return [(-place, unit_id) for place, unit_id in reversed(some) if unit_id not in left]

    def closable_at(self, bars: Sequence[float]) -> list[Closable]:
        """Return what closing from each of some confidences on would come to; the bars from the lowest on."""
        found = self.closable(bars[0])
        sums = [0.0, *accumulate(loss for loss, _ in found)]
        closable = []
        for bar in bars:
            # As `closable` compares them: by the chance to err, the same number to the last bit.
            count = bisect_right(found, expected_loss(bar, leads=True), key=itemgetter(0))
            closable.append(Closable(bar, count, sums[count], found[count - 1][1] if count else ""))
        return closable

    def field(self, name: str = "") -> "FieldView":
        """Return what is known of the annotators in a field of labels that have several, nothing at first.

        Without a name: in the label, where that is one.
        """
        return self._fields[name]

    def learned(self, competence: CompetenceState) -> None:
        """Take in what is known of an annotator."""
        self.field(competence.field).learned(competence)

    def measured(self, crowd: CrowdState) -> None:
        """Take in what gold says of all together."""
        self.field(crowd.field).measured(crowd)

    def tallied(self, tally: Tally) -> list[Tally]:
        """Take in what some settled units tell, and return the tallies that are too old by now."""
        dropped = self.shares.tallied(tally)
        for name in {"", *self._fields, *tally.fields}:
            self.field(name).tallied(self.shares.learnt(name))
        return dropped


class FieldView:
    """What is known of a project's annotators in one field, or in labels that have one.

    Attributes:
        competence: by annotator.
        crowd: what gold says of all together; None before it says anything.
    """

    def __init__(self) -> None:
        self.competence: dict[str, CompetenceState] = {}
        self.crowd: CrowdState | None = None
        self._answers: dict[str, GoldAnswers] = {}
        self._learnt: Mapping[str, GoldAnswers] = {}
        self._weights: Weights | None = None
        self._weighed_by: tuple[int, float, bool] = (0, 0.0, False)

    def learned(self, competence: CompetenceState) -> None:
        """Take in what is known of an annotator."""
        self.competence[competence.annotator_id] = competence
        self._answers[competence.annotator_id] = competence.answers
        self._weights = None

    def measured(self, crowd: CrowdState) -> None:
        """Take in what gold says of all together."""
        self.crowd = crowd
        self._weights = None

    def tallied(self, learnt: Mapping[str, GoldAnswers]) -> None:
        """Take in what resolved units tell of annotators."""
        self._learnt = learnt
        self._weights = None

    def weights(self, classes: int, assumed_accuracy: float, *, by_resolved: bool) -> Weights:
        """Return what is known of the annotators.

        Args:
            classes: how many there are.
            assumed_accuracy: see `Weights`.
            by_resolved: whether what resolved units tell counts beside gold.
        """
        asked = classes, assumed_accuracy, by_resolved
        found = self._weights
        if found is None or self._weighed_by != asked:
            crowd = self.crowd or CrowdState("", 0)
            learnt = self._learnt if by_resolved else {}
            found = Weights(
                dict(self._answers), classes, assumed_accuracy, crowd.dependence, dict(crowd.gold_units), learnt
            )
            self._weights, self._weighed_by = found, asked
        return found
