"""Labels that come in."""

import functools
from collections.abc import Sequence

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.ids import keyed
from concord.labels import LabelFault, decoded, encoded, label_of
from concord.labels.digest import label_digest
from concord.labels.shown_order import has_order, shown_orders, stood_first
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import lease, submission
from services.assign.domain.refusals import LabelRefused, Refusal
from services.assign.domain.unit import Assignment, UnitState
from services.assign.handlers.conduct import Conduct
from services.assign.handlers.deciding import Projects
from services.assign.repository import Repository


class Answer(msgspec.Struct, frozen=True):
    """A label as an annotator sent it: JSON, not yet checked; `confirmed`: with a second yes, however fast it came."""

    assignment_id: str
    label: bytes
    active_ms: int = 0
    flag: str = ""
    confirmed: bool = False


class Taken(msgspec.Struct, frozen=True):
    """A label that is in: `accepted`, `late` (kept and not counted) or `repeated`."""

    assignment_id: str
    status: str


class Checked(msgspec.Struct, frozen=True):
    """A label that its unit may take in: it fits the schema, and the assignment is the annotator's.

    Attributes:
        key: the aggregate that decides on it.
        state: as it was when this was looked at.
        label: canonical bytes.
        first: by field, what stood first of that which the label chooses between.
        revise_for_us: see `submission.submit`.
    """

    key: str
    state: UnitState
    answer: Answer
    label: bytes
    digest: str
    first: dict[str, str] = {}
    revise_for_us: int = 0

    def cause(self, annotator_id: str, trace: Headers, next_key: str = "") -> Cause[UnitState]:
        """Return the cause that takes the label in; see `submission.submit` of `next_key`."""
        cause_id = f"submit/{self.answer.assignment_id}"
        return Cause(self.key, cause_id, functools.partial(_submit, cause_id, annotator_id, self, trace, next_key))


class Submissions:
    """What annotators send.

    Args:
        repository: where facts are found.
        projects: their label schemas.
        conduct: is told of labels, and says which take a second yes.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: tells how long a unit waited for its first label.
    """

    def __init__(
        self, repository: Repository, projects: Projects, conduct: Conduct, instruments: Instruments, clock: Clock
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.conduct = conduct
        self.instruments = instruments
        self.clock = clock

    async def submit(self, annotator_id: str, answers: Sequence[Answer]) -> list[Taken | Refusal]:
        """Take labels in, each once; what is refused keeps no other from being taken.

        Raises:
            Backlogged: the broker takes no events.
        """
        checked = await self.checked(annotator_id, answers)
        taken = [label for label in checked if not isinstance(label, Refusal)]
        trace = trace_headers()
        causes = [label.cause(annotator_id, trace) for label in taken]
        outcomes = await self.repository.apply_in_turn(causes) if causes else []
        await self._observe(annotator_id, taken, outcomes)
        each = iter(outcomes)
        return [
            self.counted(label if isinstance(label, Refusal) else self.taken(annotator_id, label, next(each)))
            for label in checked
        ]

    async def _observe(
        self, annotator_id: str, labels: Sequence["Checked"], outcomes: Sequence[Outcome[UnitState]]
    ) -> None:
        """Have what became of these labels taken down, where their projects have rules for that."""
        by_project: dict[str, list[Assignment]] = {}
        for label, outcome in zip(labels, outcomes, strict=True):
            if outcome.error is None:
                assignment = lease.owned(outcome.state, label.answer.assignment_id, annotator_id)
                by_project.setdefault(label.state.project_id, []).append(assignment)
        for project_id, ended in by_project.items():
            await self.conduct.observe(project_id, annotator_id, ended)

    async def checked(self, annotator_id: str, answers: Sequence[Answer]) -> list["Checked | Refusal"]:
        """Return for each answer what would be taken in, or why nothing is.

        Raises:
            Backlogged: the broker takes no events.
        """
        self.repository.refuse_backlog()
        keys = await self.repository.keys_of([answer.assignment_id for answer in answers])
        units = await self.repository.units([key for key in keys.values() if key is not None])
        results: list[Checked | Refusal] = []
        for answer in answers:
            key = keys[answer.assignment_id]
            state = units.get(key) if key is not None else None
            try:
                assignment = lease.owned(state, answer.assignment_id, annotator_id)
                assert key is not None, "somebody owns an assignment under it"
                assert state is not None, "and it has a state"
                label = await self.canonical(state, assignment.schema_version, answer.label)
                project = self.projects.known(state.project_id)
                if not answer.confirmed:
                    await self.conduct.check(project, assignment, answer.active_ms)
                schema = project.offered(assignment.schema_version)
                first = stood_first(schema, self._order_seed(assignment.id)) if has_order(schema) else {}
            except Refusal as refusal:
                results.append(refusal)
            else:
                open_for_us = self.repository.given.open_for_us(state.project_id, answer.assignment_id)
                results.append(Checked(key, state, answer, label, label_digest(label), first, open_for_us))
        return results

    def orders(self, project: Project, assignment: Assignment) -> dict[str, list[str]]:
        """Return in which order its annotator is shown what a label chooses between, by field."""
        schema = project.offered(assignment.schema_version)
        return shown_orders(schema, self._order_seed(assignment.id)) if has_order(schema) else {}

    def _order_seed(self, assignment_id: str) -> str:
        return keyed(self.repository.id_secret, "order", assignment_id)

    async def canonical(self, state: UnitState, version: int, label: bytes) -> bytes:
        """Return the label's canonical bytes, in the names of the version of the schema that it was given under.

        Raises:
            LabelRefused: it does not fit that version; with the path of the fault.
            SchemaNotHere: that version has not come here yet.
        """
        project = await self.projects.awaited(state.project_id)
        project.must_know(version)
        try:
            return encoded(label_of(project.offered(version), decoded(label), state.text_characters))
        except LabelFault as fault:
            problem, cure = fault.problem, fault.cure
            if version != project.schema_version:
                problem += f" under version {version} of its label schema, in which the unit was given out"
                problem += f"; {project.schema_version} is the newest"
                cure += f", as version {version} says: it is the label_schema of the assignment"
            raise LabelRefused(problem, field=f"label{fault.path[1:]}", cure=cure) from fault

    def taken(self, annotator_id: str, checked: "Checked", outcome: Outcome[UnitState]) -> Taken | Refusal:
        """Return what became of a label; raise what nobody expects."""
        answer, digest = checked.answer, checked.digest
        if isinstance(outcome.error, Refusal):
            return outcome.error
        if outcome.error is not None:
            raise outcome.error
        state = outcome.state
        assert state is not None, "a label was taken for it"
        if outcome.repeated:
            try:
                submission.submit(state, answer.assignment_id, annotator_id, digest, answer.active_ms, 0)
            except Refusal as refusal:
                return refusal
            return Taken(answer.assignment_id, "repeated")
        status = lease.owned(state, answer.assignment_id, annotator_id).status
        if submission.is_first(state, answer.assignment_id):
            seconds = max(0, self.clock.now_us() - state.admitted_at_us) / MICROSECONDS
            self.instruments.histogram("concord_assign_first_label_seconds").observe(seconds)
        return Taken(answer.assignment_id, "late" if status == "late" else "accepted")

    def counted(self, result: Taken | Refusal) -> Taken | Refusal:
        """Count what became of a label, and return it."""
        status = result.status if isinstance(result, Taken) else "refused"
        self.instruments.counter("concord_assign_submissions", status).inc()
        return result


def _submit(
    cause_id: str,
    annotator_id: str,
    checked: Checked,
    trace: Headers,
    next_key: str,
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState]:
    answer = checked.answer
    after = submission.submit(
        state,
        answer.assignment_id,
        annotator_id,
        checked.digest,
        answer.active_ms,
        now_us,
        next_key,
        checked.revise_for_us,
    )
    assignment = lease.owned(after, answer.assignment_id, annotator_id)
    outgoing = announcements.submitted(
        announcer(cause_id, now_us, trace), after, assignment, checked.label, answer.flag, checked.first
    )
    return Decision(after, [outgoing])
