"""What is known at a glance of one project: hints, rebuilt from the journal, dropped with the project.

Settled with a unit's newest state, as often as one likes: saying the same again changes nothing.
"""

from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping

from concord.quality.crowd import GoldAnswers
from services.adjudicate.domain.competence import CompetenceState
from services.adjudicate.domain.consensus import Weights
from services.adjudicate.domain.escalation import expected_loss
from services.adjudicate.domain.unit import UnitState

SETTLED_UNITS_MAX = 1_000
"""Newest settled units of a project that its prevalence is estimated from."""

LABEL_CHARACTERS_MAX = 1_000
"""A longer label names no class, and is not counted."""
COUNTED = frozenset({"consensus", "adjudicated", "escalated"})


class ProjectView:
    """One project's escalations, open units with labels, competence and prevalence."""

    def __init__(self) -> None:
        self.competence: dict[str, CompetenceState] = {}
        self._answers: dict[str, GoldAnswers] = {}
        self._weights: Weights | None = None
        self._escalations: list[tuple[float, str]] = []
        self._losses: dict[str, float] = {}
        self._begun: dict[str, None] = {}
        self._settled: OrderedDict[str, str] = OrderedDict()
        self._counts: Counter[str] = Counter()

    @property
    def escalations_open(self) -> int:
        """How many units wait for a ruling."""
        return len(self._escalations)

    @property
    def begun(self) -> list[str]:
        """The open units of which labels have come in."""
        return list(self._begun)

    def settle(self, unit: UnitState) -> None:
        """Take over a unit's newest state."""
        self._settle_escalation(unit)
        self._settle_prevalence(unit)
        if unit.begun:
            self._begun[unit.unit_id] = None
        else:
            self._begun.pop(unit.unit_id, None)

    def _settle_escalation(self, unit: UnitState) -> None:
        before = self._losses.pop(unit.unit_id, None)
        if before is not None:
            del self._escalations[bisect_left(self._escalations, (before, unit.unit_id))]
        if unit.status == "escalated" and unit.labelling_ended:
            # Most to be gained first: the list ascends, so the loss is negated.
            place = -expected_loss(unit)
            insort(self._escalations, (place, unit.unit_id))
            self._losses[unit.unit_id] = place

    def _settle_prevalence(self, unit: UnitState) -> None:
        """Count the unit as its label says, an escalated one as it leads: else rare classes would seem rarer."""
        before = self._settled.get(unit.unit_id)
        label = unit.label if unit.status in COUNTED and len(unit.label) <= LABEL_CHARACTERS_MAX else ""
        if before == (label or None):
            return
        if before is not None:
            del self._settled[unit.unit_id]
            self._uncount(before)
        if label:
            self._settled[unit.unit_id] = label
            self._counts[label] += 1
            if len(self._settled) > SETTLED_UNITS_MAX:
                self._uncount(self._settled.popitem(last=False)[1])

    def _uncount(self, label: str) -> None:
        self._counts[label] -= 1
        if not self._counts[label]:
            del self._counts[label]

    @property
    def settled(self) -> Mapping[str, int]:
        """How many of the newest settled units have which label, as canonical JSON text."""
        return self._counts

    def by_loss(self) -> Iterator[tuple[float, str]]:
        """Yield the escalated units with their place in the queue, most to be gained first."""
        yield from self._escalations

    def learned(self, competence: CompetenceState) -> None:
        """Take in what is known of an annotator."""
        self.competence[competence.annotator_id] = competence
        self._answers[competence.annotator_id] = competence.answers
        self._weights = None

    def weights(self, classes: int, assumed_accuracy: float) -> Weights:
        """Return what is known of the annotators; see `Weights` for what is assumed before anything is."""
        found = self._weights
        if found is None or (found.classes, found.assumed_accuracy) != (classes, assumed_accuracy):
            found = self._weights = Weights(dict(self._answers), classes, assumed_accuracy)
        return found
