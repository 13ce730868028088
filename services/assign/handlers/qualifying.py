"""Qualification: what is told of answers on gold decides who may do a project's work."""

from collections.abc import Sequence
from typing import cast

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.contracts.v1.quality_pb2 import MissedGold
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import qualification
from services.assign.domain.qualification import Asked, Bar, Progress, QualificationState
from services.assign.domain.refusals import NotFailed
from services.assign.handlers.deciding import Projects, Requests
from services.assign.repository import Repository, qualification_key


def bar_of(project: Project) -> Bar:
    """Return what a project asks of its annotators; nothing, where it was defined before it could say."""
    gold = project.policy.gold
    asked = cast("Asked", gold.qualify or "no")
    return Bar(
        asked,
        gold.pass_accuracy,
        gold.qualify_units_max,
        project.guideline_version,
        gold.retrain_units,
        gold.attempts_max,
    )


class Qualifying:
    """Who may do real work.

    Args:
        repository: where facts are found.
        projects: what they ask for.
        requests: names requests.
    """

    def __init__(self, repository: Repository, projects: Projects, requests: Requests) -> None:
        self.repository = repository
        self.projects = projects
        self.requests = requests

    def progress(self, project: Project, annotator_id: str) -> Progress | None:
        """Return how far somebody is in a project; None for who may do its work.

        Raises:
            Unavailable: its place is another process's by now.
        """
        if project.policy.gold.qualify in ("", "no"):
            return None
        known = self.repository.view(project.project_id).qualifications
        return qualification.progress(known.get(annotator_id), bar_of(project))

    def since_us(self, project: Project, annotator_id: str) -> int:
        """Return since when somebody may do a project's work, microseconds; 0: from the first day, or not known.

        Raises:
            Unavailable: see `progress`.
        """
        if project.policy.gold.qualify in ("", "no"):
            return 0
        state = self.repository.view(project.project_id).qualifications.get(annotator_id)
        return state.since_us if state is not None else 0

    async def hear(self, evidence: Sequence[tuple[str, QualificationState, Sequence[MissedGold]]]) -> None:
        """Take over what metrics tells of answers on gold, each with the id of its event, and what was missed."""
        causes = [
            _hearing(event_id, entry, missed, bar_of(project))
            for event_id, entry, missed in evidence
            if (project := self.projects.find(entry.project_id)) is not None and bar_of(project).asked != "no"
        ]
        for outcome in await self.repository.qualifications.apply(causes) if causes else ():
            if outcome.error is not None:
                raise outcome.error

    async def retrained(self, retrainings: Sequence[tuple[str, str, str, int]]) -> None:
        """Let people try again who have looked at what they missed: event, project, annotator, attempt."""
        causes = [
            _retraining(event_id, project_id, annotator_id, attempt, bar_of(project))
            for event_id, project_id, annotator_id, attempt in retrainings
            if (project := self.projects.find(project_id)) is not None
        ]
        for outcome in await self.repository.qualifications.apply(causes) if causes else ():
            if outcome.error is not None:
                raise outcome.error

    async def again(self, project_id: str, annotator_id: str) -> QualificationState:
        """Let somebody who failed try once more; return how they stand.

        Raises:
            ProjectUnknown: see there.
            NotFailed: they did not fail, or nobody is asked to qualify.
        """
        bar = bar_of(self.projects.known(project_id))

        def decide(state: QualificationState | None, now_us: int) -> Decision[QualificationState]:
            after = qualification.again(state, bar)
            if after is None:
                raise NotFailed(f"{annotator_id[:120]} has not failed to qualify in this project.")
            return Decision(qualification.dated(state, after, now_us))

        cause = Cause(qualification_key(project_id, annotator_id), self.requests.next(), decide)
        (outcome,) = await self.repository.qualifications.apply([cause])
        if outcome.error is not None:
            raise outcome.error
        assert outcome.state is not None, "another attempt leaves a state"
        return outcome.state


def _hearing(
    event_id: str, entry: QualificationState, missed: Sequence[MissedGold], bar: Bar
) -> Cause[QualificationState]:
    def decide(state: QualificationState | None, now_us: int) -> Decision[QualificationState] | None:
        after = qualification.hear(state, entry, bar)
        if after is None:
            return None
        after = qualification.dated(state, after, now_us)
        if not qualification.may_look(after, bar) or (state is not None and state.standing == "failed"):
            return Decision(after)
        announce, last = announcer(event_id, now_us, ()), not qualification.may_retrain(after, bar)
        # The right labels pass through here, and are kept nowhere: no answer of assign's could tell them.
        return Decision(after, [announcements.retraining_begun(announce, after, missed, last=last)])

    return Cause(qualification_key(entry.project_id, entry.annotator_id), event_id, decide)


def _retraining(event_id: str, project_id: str, annotator_id: str, attempt: int, bar: Bar) -> Cause[QualificationState]:
    def decide(state: QualificationState | None, now_us: int) -> Decision[QualificationState] | None:
        after = qualification.retrained(state, attempt, bar)
        return None if after is None else Decision(qualification.dated(state, after, now_us))

    return Cause(qualification_key(project_id, annotator_id), event_id, decide)
