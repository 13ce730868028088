"""Adjudicate's aggregates, keys and read models; every query lives here."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.contracts.ids import client_of
from concord.contracts.names import quoted
from services.adjudicate.domain.competence import CompetenceState
from services.adjudicate.domain.consensus import Weights
from services.adjudicate.domain.escalation import expected_loss
from services.adjudicate.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
COMPETENCE = Kind("competence", CompetenceState)
PAGE_UNITS = 500


class Repository:
    """Where adjudicate's facts are found.

    Read models: the escalations of each project by expected loss, its units, and what is known of its annotators;
    all rebuilt from the journal.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._escalations: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._losses: dict[str, float] = {}
        self._units: dict[str, dict[str, None]] = defaultdict(dict)
        self._competence: dict[str, dict[str, CompetenceState]] = defaultdict(dict)
        self._weights: dict[str, Weights] = {}

    async def rebuild(self) -> None:
        """Fill the read models."""
        async for _, unit in self.journal.rebuild(UNIT):
            self.seen(unit)
        async for _, competence in self.journal.rebuild(COMPETENCE):
            self.learned(competence)

    def seen(self, unit: UnitState) -> None:
        """Bring the read models up to a unit's state."""
        self._units[unit.project_id][unit.unit_id] = None
        queue = self._escalations[unit.project_id]
        before = self._losses.pop(unit.unit_id, None)
        if before is not None:
            del queue[bisect_left(queue, (before, unit.unit_id))]
        if unit.status == "escalated":
            # Most to be gained first: the list ascends, so the loss is negated.
            place = -expected_loss(unit)
            insort(queue, (place, unit.unit_id))
            self._losses[unit.unit_id] = place

    def learned(self, competence: CompetenceState) -> None:
        """Take in what is known of an annotator."""
        self._competence[competence.project_id][competence.annotator_id] = competence
        self._weights.pop(competence.project_id, None)

    @property
    def escalations_open(self) -> int:
        """Return how many units wait for a ruling."""
        return len(self._losses)

    def weights(self, project_id: str, classes: int, assumed_accuracy: float) -> Weights:
        """Return what is known of a project's annotators; see `Weights` for what is assumed before that."""
        found = self._weights.get(project_id)
        if found is None or found.assumed_accuracy != assumed_accuracy:
            counts = {
                annotator_id: competence.counts()
                for annotator_id, competence in self._competence[project_id].items()
                if competence.classes == classes
            }
            found = self._weights[project_id] = Weights(counts, classes, assumed_accuracy)
        return found

    def competence(self, project_id: str) -> list[CompetenceState]:
        """Return what is known of a project's annotators, by annotator id."""
        known = self._competence[project_id]
        return [known[annotator_id] for annotator_id in sorted(known)]

    def escalated(self, project_id: str | None) -> Iterator[str]:
        """Yield the escalated units of a project, or of all, most to be gained first within each project."""
        for one in [project_id] if project_id is not None else sorted(self._escalations):
            yield from [unit_id for _, unit_id in self._escalations[one]]

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the units that exist, by id."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def units_of(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's units in pages, in the order in which they were first heard of."""
        unit_ids = list(self._units[project_id])
        for start in range(0, len(unit_ids), PAGE_UNITS):
            page = unit_ids[start : start + PAGE_UNITS]
            states = await self.units(page)
            yield [states[unit_id] for unit_id in page]


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def competence_key(client_id: str, project_id: str, annotator_id: str) -> str:
    """Return the aggregate key of what is known of an annotator in a project."""
    return COMPETENCE.key(client_id, f"{project_id}/{quoted(annotator_id)}")
