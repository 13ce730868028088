"""Labels that come in."""

import functools
from collections.abc import Sequence

import msgspec

from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.labels import LabelFault, decoded, encoded, label_of
from concord.labels.digest import label_digest
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import lease, submission
from services.assign.domain.refusals import LabelRefused, Refusal
from services.assign.domain.unit import UnitState
from services.assign.handlers.deciding import Projects
from services.assign.repository import Repository


class Answer(msgspec.Struct, frozen=True):
    """A label as an annotator sent it: JSON, not yet checked."""

    assignment_id: str
    label: bytes
    active_ms: int = 0
    flag: str = ""


class Taken(msgspec.Struct, frozen=True):
    """A label that is in: `accepted`, `late` (kept and not counted) or `repeated`."""

    assignment_id: str
    status: str


class Submissions:
    """What annotators send.

    Args:
        repository: where facts are found.
        projects: their label schemas.
        instruments: those of `telemetry.INSTRUMENTS`.
    """

    def __init__(self, repository: Repository, projects: Projects, instruments: Instruments) -> None:
        self.repository = repository
        self.projects = projects
        self.instruments = instruments

    async def submit(self, annotator_id: str, answers: Sequence[Answer]) -> list[Taken | Refusal]:
        """Take labels in, each once; what is refused keeps no other from being taken.

        Raises:
            Backlogged: the broker takes no events.
        """
        self.repository.refuse_backlog()
        keys = await self.repository.keys_of([answer.assignment_id for answer in answers])
        units = await self.repository.units([key for key in keys.values() if key is not None])
        trace = trace_headers()
        results: list[Taken | Refusal | None] = [None] * len(answers)
        causes: list[Cause[UnitState]] = []
        sent: list[tuple[int, Answer, str]] = []
        for place, answer in enumerate(answers):
            key = keys[answer.assignment_id]
            state = units.get(key) if key is not None else None
            try:
                lease.owned(state, answer.assignment_id, annotator_id)
                assert key is not None, "somebody owns an assignment under it"
                assert state is not None, "and it has a state"
                label = await self._canonical(state, answer.label)
            except Refusal as refusal:
                results[place] = refusal
                continue
            digest = label_digest(label)
            cause_id = f"submit/{answer.assignment_id}"
            decide = functools.partial(_submit, cause_id, annotator_id, answer, label, digest, trace)
            causes.append(Cause(key, cause_id, decide))
            sent.append((place, answer, digest))
        outcomes = await self.repository.apply_in_turn(causes) if causes else []
        for (place, answer, digest), outcome in zip(sent, outcomes, strict=True):
            results[place] = self._taken(annotator_id, answer, digest, outcome)
        return [self._counted(result) for result in results if result is not None]

    async def _canonical(self, state: UnitState, label: bytes) -> bytes:
        """Return the label's canonical bytes; raise LabelRefused with the path of the fault."""
        schema = (await self.projects.awaited(state.project_id)).schema
        try:
            return encoded(label_of(schema, decoded(label), state.text_characters))
        except LabelFault as fault:
            raise LabelRefused(fault.problem, field=f"label{fault.path[1:]}", cure=fault.cure) from fault

    def _taken(self, annotator_id: str, answer: Answer, digest: str, outcome: Outcome[UnitState]) -> Taken | Refusal:
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
        return Taken(answer.assignment_id, "late" if status == "late" else "accepted")

    def _counted(self, result: Taken | Refusal) -> Taken | Refusal:
        status = result.status if isinstance(result, Taken) else "refused"
        self.instruments.counter("concord_assign_submissions", status).inc()
        return result


def _submit(
    cause_id: str,
    annotator_id: str,
    answer: Answer,
    label: bytes,
    digest: str,
    trace: Headers,
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState]:
    after = submission.submit(state, answer.assignment_id, annotator_id, digest, answer.active_ms, now_us)
    assignment = lease.owned(after, answer.assignment_id, annotator_id)
    said = announcements.submitted(announcer(cause_id, now_us, trace), after, assignment, label, answer.flag)
    return Decision(after, [said])
