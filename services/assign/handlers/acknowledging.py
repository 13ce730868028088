"""Guidelines that are to be read before work: who has acknowledged which version."""

from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain.acknowledgement import AcknowledgementState
from services.assign.domain.refusals import GuidelineSuperseded
from services.assign.handlers.annotators import Annotators
from services.assign.handlers.deciding import Projects
from services.assign.repository import Acknowledgements, Repository
from services.assign.repository.acknowledgements import acknowledgement_key


class Acknowledging:
    """Takes acknowledgements in, and knows who has given theirs.

    Args:
        repository: where facts are found.
        projects: their guidelines.
        annotators: who may acknowledge.
    """

    def __init__(self, repository: Repository, projects: Projects, annotators: Annotators) -> None:
        self.repository = repository
        self.projects = projects
        self.annotators = annotators
        self.stored = Acknowledgements(repository.journal)

    async def acknowledge(self, annotator_id: str, project_id: str, version: int) -> AcknowledgementState:
        """Note that an annotator has read the version that is in force; said again, it is as it was.

        Raises:
            AnnotatorUnknown, ProjectUnknown: see there.
            GuidelineSuperseded: another version is in force.
            Backlogged: the broker takes no events.
        """
        await self.annotators.get(annotator_id)
        project = self.projects.known(project_id)
        if version != project.guideline_version:
            raise GuidelineSuperseded(version, project.guideline_version)
        key, trace = acknowledgement_key(project_id, annotator_id, version), trace_headers()
        wanted = AcknowledgementState(project_id, annotator_id, version, 0)

        def decide(state: AcknowledgementState | None, now_us: int) -> Decision[AcknowledgementState] | None:
            if state is not None:
                return None
            after = AcknowledgementState(project_id, annotator_id, version, now_us)
            outgoing = announcements.acknowledged(announcer(key, now_us, trace), project.client_id, after)
            return Decision(after, [outgoing])

        self.repository.refuse_backlog()
        found = await self.stored.keep(wanted, Cause(key, key, decide))
        self._note(project, annotator_id)
        self.repository.ring(project_id)
        return found

    async def lacks(self, annotator_id: str, project: Project) -> bool:
        """Return whether an annotator must acknowledge the version in force before they are given units."""
        if not project.policy.guideline.acknowledge:
            return False
        if self.repository.view(project.project_id).acknowledged.get(annotator_id) == project.guideline_version:
            return False
        if await self.stored.find(project.project_id, annotator_id, project.guideline_version) is None:
            return True
        self._note(project, annotator_id)
        return False

    def _note(self, project: Project, annotator_id: str) -> None:
        self.repository.view(project.project_id).acknowledged[annotator_id] = project.guideline_version

    async def of(self, project_id: str, version: int, after: str, count_max: int) -> list[AcknowledgementState]:
        """Return who has acknowledged a version, by name: the first ones after a name.

        Raises:
            ProjectUnknown: see there.
        """
        self.projects.known(project_id)
        return await self.stored.of(project_id, version, after, count_max)
