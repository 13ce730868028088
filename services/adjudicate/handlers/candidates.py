"""Candidates for known labels: found among what was resolved last, shown to a lead, and confirmed or declined."""

from collections import Counter
from collections.abc import Callable

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.labels import LabelFault, decoded, label_of
from services.adjudicate.announcements import SERVICE, gold_chosen
from services.adjudicate.domain import candidates
from services.adjudicate.domain.candidates import Bar, Candidate, CandidateDoesNotExist
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Deciding
from services.adjudicate.repository import Repository, newest_units, unit_key

LOOKED_AT_MAX = 2_000
"""The newest units of a project, so many of which are looked at for candidates."""


class Candidates:
    """Resolved units whose label may become a known one.

    Args:
        repository: where facts are found.
        deciding: finds projects.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding

    async def most_useful(self, project: Project, reviewer_id: str, units_max: int) -> list[Candidate]:
        """Return candidates on which somebody may decide, the most useful first, of the project's newest units.

        Raises:
            NotHere: the project's place is not this process's any more.
        """
        known = self._known(project)
        fit, found = _fitness(project), list[tuple[UnitState, str]]()
        async for unit in newest_units(self.repository, project.project_id, LOOKED_AT_MAX):
            if fit(unit) and candidates.may_decide(unit, reviewer_id):
                found.append((unit, project.read_text(unit.label)))
        return candidates.most_useful(found, known, _class_of(project), units_max)

    async def decide(
        self, project: Project, reviewer_id: str, unit_id: str, outcome: candidates.Outcome, reason: str
    ) -> Outcome[UnitState]:
        """Say whether a candidate becomes gold; said again, it changes nothing.

        Raises:
            CandidateDoesNotExist, CandidateIsDecided, CandidateRefused: it cannot be said so.
            Backlogged: the broker takes no events.
        """
        cause_id = f"candidate/{unit_id}/{reviewer_id}/{outcome}"
        trace, fit = trace_headers(), _fitness(project)

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            if state is not None and state.project_id != project.project_id:
                raise CandidateDoesNotExist("There is no such candidate.")
            after = candidates.decided(state, fit, reviewer_id, outcome, reason)
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            chosen = outcome == "confirmed"
            return Decision(after, [gold_chosen(announcer, after, project.read_text(after.label))] if chosen else [])

        self.repository.refuse_backlog()
        (found,) = await self.repository.apply([Cause(unit_key(unit_id), cause_id, decide)])
        if found.error is not None:
            raise found.error
        return found

    async def project_of(self, unit_id: str) -> Project:
        """Return the project of a unit.

        Raises:
            CandidateDoesNotExist: there is no such unit.
        """
        unit = (await self.repository.units([unit_id])).get(unit_id)
        if unit is None:
            raise CandidateDoesNotExist("There is no such candidate.")
        return await self.deciding.project(unit.project_id)

    def _known(self, project: Project) -> Counter[int]:
        """Return how many known labels there are that were answered, by the place of their class."""
        crowd = self.repository.view(project.project_id).field().crowd
        return Counter(dict(crowd.gold_units) if crowd is not None else {})


def _fitness(project: Project) -> Callable[[UnitState], bool]:
    """Return what tells whether a unit is a candidate by a project's policy and schema of today."""
    gold = project.policy.gold
    bar = Bar(gold.candidate_labels_min, gold.candidate_confidence_min)
    offered = project.offered()

    def same(first: str, other: str) -> bool:
        read = [project.read(decoded(text.encode())) for text in (first, other)]
        return None not in read and project.schema.says_same(read[0], read[1])

    def fit(unit: UnitState) -> bool:
        if project.life == "closed":
            return False  # for good: nobody would ever be shown it
        if not candidates.may_become_gold(unit, bar, same):
            return False
        try:
            # Of a class that is offered no more nobody could give the label.
            label_of(offered, decoded(project.read_text(unit.label).encode()), unit.text_characters)
        except LabelFault:
            return False
        return project.says(unit.label)

    return fit


def _class_of(project: Project) -> Callable[[str], int]:
    if project.classed is None:
        return lambda _: 0
    classed = project.classed
    return lambda label: classed.index(decoded(label.encode()))
