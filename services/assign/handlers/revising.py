"""Labels that their annotators revise, and those that they still may."""

import functools

import msgspec

from concord.chassis.clock import Clock
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.labels.digest import label_digest
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import revision
from services.assign.domain.refusals import AnnotationUnknown, NotAtWork, Refusal, StandsAsGiven
from services.assign.domain.roster import at_work
from services.assign.domain.unit import Assignment, UnitState
from services.assign.handlers.deciding import Projects
from services.assign.handlers.qualifying import Qualifying
from services.assign.handlers.submissions import Submissions
from services.assign.repository import Repository


class Revision(msgspec.Struct, frozen=True):
    """A later word on a label, as its annotator sent it: JSON, not yet checked."""

    annotation_id: str
    number: int
    label: bytes
    flag: str = ""


class Given(msgspec.Struct, frozen=True):
    """A label that an annotator gave.

    Attributes:
        unit: of which.
        assignment: under which.
        project: the unit's.
        revisable: whether it may still be revised, as far as is known here.
    """

    unit: UnitState
    assignment: Assignment
    project: Project
    revisable: bool


class Revising:
    """What annotators revise.

    Args:
        repository: where facts are found.
        projects: their label schemas.
        submissions: checks labels.
        qualifying: who may do real work, and since when.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self,
        repository: Repository,
        projects: Projects,
        submissions: Submissions,
        qualifying: Qualifying,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.submissions = submissions
        self.qualifying = qualifying
        self.instruments = instruments
        self.clock = clock

    async def revise(self, annotator_id: str, wish: Revision) -> str:
        """Take a revision in, once; return `accepted` or, for what is in already, `repeated`.

        Raises:
            Refusal: it cannot be taken, and the label stands as it was.
            Backlogged: the broker takes no events.
        """
        try:
            status = await self._revise(annotator_id, wish)
        except Refusal:
            self.instruments.counter("concord_assign_revisions", "refused").inc()
            raise
        self.instruments.counter("concord_assign_revisions", status).inc()
        return status

    async def _revise(self, annotator_id: str, wish: Revision) -> str:
        self.repository.refuse_backlog()
        key, state, assignment = await self._given(annotator_id, wish.annotation_id)
        project = await self.projects.awaited(state.project_id)
        label = await self.submissions.canonical(state, assignment.schema_version, wish.label)
        digest = label_digest(label + wish.flag.encode())
        if revision.is_repeated(assignment, wish.number, digest):
            return "repeated"
        if (stands := await self._stands(annotator_id, assignment, project)) is not None:
            raise stands
        cause_id = f"revise/{wish.annotation_id}/{wish.number}"
        decide = functools.partial(_revise, cause_id, annotator_id, wish, label, digest, trace_headers())
        (outcome,) = await self.repository.apply_in_turn([Cause(key, cause_id, decide)])
        if outcome.error is not None:
            raise outcome.error
        if outcome.repeated:
            now = revision.given(outcome.state, wish.annotation_id, annotator_id)
            revision.is_repeated(now, wish.number, digest)
            return "repeated"
        return "accepted"

    async def _given(self, annotator_id: str, annotation_id: str) -> tuple[str, UnitState, Assignment]:
        """Return a label's aggregate, its unit, and the assignment.

        Raises:
            AnnotationUnknown, NoLabelYet, LeaseOver: see there.
        """
        key = (await self.repository.keys_of([annotation_id]))[annotation_id]
        state = (await self.repository.units([key])).get(key) if key is not None else None
        assignment = revision.given(state, annotation_id, annotator_id)
        assert key is not None, "somebody gave a label under it"
        assert state is not None, "and it has a state"
        return key, state, assignment

    async def _stands(self, annotator_id: str, assignment: Assignment, project: Project) -> Refusal | None:
        """Return why nothing of somebody's in a project is revised, gold or not; None where it may be."""
        if project.life == "closed":
            return StandsAsGiven("The project is closed, and nothing of it is revised any more.")
        annotator = await self.repository.annotator(annotator_id)
        if annotator is None:
            return AnnotationUnknown(assignment.id)
        if at_work(annotator, self.clock.now_us()) == "retired":
            return NotAtWork("retired", annotator.reason, None)
        if self.qualifying.progress(project, annotator_id) is not None:
            return StandsAsGiven("You are qualifying for this project: what you gave in it stands as you gave it.")
        if assignment.issued_at_us < self.qualifying.since_us(project, annotator_id):
            return StandsAsGiven("You have qualified for this project since: what you gave before stands.")
        return None

    async def recent(self, annotator_id: str, project_id: str) -> list[Given]:
        """Return the labels of an annotator in a project that came in lately and may be revised, the newest first.

        Raises:
            ProjectUnknown: see there.
            Unavailable: its place is another process's by now.
        """
        project = await self.projects.asked_for(project_id)
        keys = dict(self.repository.view(project_id).recent.of(annotator_id))
        units = await self.repository.units(list(keys.values()))
        shown = [
            await self._shown(state, annotation_id, annotator_id, project)
            for annotation_id, key in keys.items()
            if (state := units.get(key)) is not None
        ]
        return [label for label in shown if label.revisable]

    async def _shown(self, state: UnitState, annotation_id: str, annotator_id: str, project: Project) -> Given:
        assignment = revision.given(state, annotation_id, annotator_id)
        revisable = revision.is_revisable(state, assignment, self.clock.now_us())
        stands = await self._stands(annotator_id, assignment, project) if revisable else None
        return Given(state, assignment, project, revisable and stands is None)

    async def given(self, annotator_id: str, annotation_id: str) -> tuple[Given, tuple[bytes, str] | None]:
        """Return a label that somebody gave, with its canonical bytes and flag where they are still kept.

        Raises:
            AnnotationUnknown, NoLabelYet, LeaseOver: see there.
        """
        key, state, _ = await self._given(annotator_id, annotation_id)
        project = await self.projects.awaited(state.project_id)
        label = await self._shown(state, annotation_id, annotator_id, project)
        return label, await self.repository.given.label_of(key, label.assignment)


def _revise(
    cause_id: str,
    annotator_id: str,
    wish: Revision,
    label: bytes,
    digest: str,
    trace: Headers,
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState] | None:
    after = revision.revise(state, wish.annotation_id, annotator_id, wish.number, digest, now_us)
    if after is state:
        return None
    assignment = revision.given(after, wish.annotation_id, annotator_id)
    return Decision(
        after, [announcements.revised(announcer(cause_id, now_us, trace), after, assignment, label, wish.flag)]
    )
