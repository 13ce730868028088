"""What assign does: one use case a method. Loads through the repository, asks the domain, appends to the journal."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.table import Table, Unknown
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.labels import LabelFault, decoded, encoded
from services.assign import announcements
from services.assign.announcements import VENDOR, announcer
from services.assign.domain import eligibility, lease, submission, unit
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.held import Hold
from services.assign.domain.queue import Pick, Seeker
from services.assign.domain.refusals import (
    AnnotatorUnknown,
    AssignmentUnknown,
    LabelRefused,
    NotOffered,
    ProjectUnknown,
    Refusal,
)
from services.assign.domain.unit import Assignment, UnitState
from services.assign.repository import ANNOTATOR, Repository

CLAIM_ROUNDS_MAX = 3
"""How often a claim picks again in place of units that were refused."""
EXPIRE_LEASES_MAX = 500
NOTHING_WAITS = "Nothing waits for you in this project now; ask again in a few seconds."


@dataclass(frozen=True, slots=True)
class Told:
    """What an event tells of one unit: the change it makes, or None when it makes none."""

    cause_id: str
    unit_id: str
    client_id: str
    project_id: str
    change: Callable[[UnitState], UnitState | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """A label as an annotator sent it: JSON, not yet checked."""

    assignment_id: str
    label: bytes
    active_ms: int = 0
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A label that is in: `accepted`, `late` (kept and not counted) or `repeated`."""

    assignment_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Leased:
    """A unit and the annotator's lease on it."""

    unit: UnitState
    assignment: Assignment
    project: Project


Worded = Callable[[Announcer, UnitState, Assignment], Outgoing]


class Handlers:
    """Assign's use cases.

    Args:
        repository: where facts are found.
        projects: the projects as ingest defined them.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
        writer: this process's name; with a count it names requests.
    """

    def __init__(
        self, repository: Repository, projects: Table[Project], instruments: Instruments, clock: Clock, writer: str
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.instruments = instruments
        self.clock = clock
        self.writer = writer
        self.wall = lease.WallTime()
        self._requests = 0

    def _request_id(self) -> str:
        self._requests += 1
        return f"{self.writer}/{self._requests}"

    # What other services tell

    async def admit(self, admitted: Sequence[tuple[str, UnitState]]) -> None:
        """Take in units, each with the id of the event that admitted it; their overlap follows from their project.

        Raises:
            Unknown: a project is not there, though a little was waited for it.
        """
        causes = []
        for cause_id, told in admitted:
            initial = (await self.projects.get(told.project_id)).policy.overlap.initial
            whole = unit.with_overlap(told, initial)
            decide = functools.partial(_admit, whole)
            causes.append(Cause(self.repository.key(told.unit_id), cause_id, decide, creates=True))
        _raise_errors(await self.repository.apply(causes))

    async def hear(self, told: Sequence[Told]) -> None:
        """Take over what adjudicate, audit or ingest decided about units."""
        causes = [Cause(self.repository.key(one.unit_id), one.cause_id, functools.partial(_hear, one)) for one in told]
        _raise_errors(await self.repository.apply(causes))

    # Who annotates

    async def define_annotator(self, wanted: AnnotatorState) -> tuple[AnnotatorState, bool]:
        """Say who an annotator is; return the state and whether the annotator is new."""
        known = await self.repository.annotator(wanted.annotator_id)
        cause_id, trace = self._request_id(), trace_headers()

        def decide(state: AnnotatorState | None, now_us: int) -> Decision[AnnotatorState] | None:
            after = eligibility.define(state, wanted)
            if after is None:
                return None
            return Decision(after, [announcements.defined(announcer(cause_id, now_us, trace), after)])

        key = ANNOTATOR.key(VENDOR, wanted.annotator_id)
        outcome = await self.repository.journal.decide(ANNOTATOR, Cause(key, cause_id, decide))
        assert outcome.state is not None, "a definition leaves a state"
        return outcome.state, known is None

    async def annotator(self, annotator_id: str) -> AnnotatorState:
        """Return an annotator as last defined.

        Raises:
            AnnotatorUnknown: nobody has.
        """
        found = await self.repository.annotator(annotator_id)
        if found is None:
            raise AnnotatorUnknown(f"Nobody has defined annotator {annotator_id[:120]!r}.")
        return found

    # Claim

    async def claim(self, annotator_id: str, project_id: str, units_max: int) -> list[Leased]:
        """Return what the annotator holds in the project, and as many new units as make up `units_max`.

        What is held is offered again first, so that a lost reply loses nothing.

        Raises:
            AnnotatorUnknown, ProjectUnknown: see there.
            Backlogged: the broker takes no events.
        """
        annotator = await self.annotator(annotator_id)
        project = self._known(project_id)
        leases = (await self.held(annotator_id, project_id))[:units_max]
        if len(leases) < units_max:
            self.repository.refuse_backlog()
            seeker = Seeker(annotator_id, eligibility.abilities(annotator, self.clock.now_us()))
            leases += await self._issue(seeker, project, units_max - len(leases))
        if not leases:
            self.instruments.counter("concord_assign_claims_without_work").inc()
        return leases

    async def guideline(self, annotator_id: str, project_id: str) -> Project:
        """Return the project whose guideline an annotator wants to read.

        Raises:
            AnnotatorUnknown, ProjectUnknown: see there.
        """
        await self.annotator(annotator_id)
        return self._known(project_id)

    def _known(self, project_id: str) -> Project:
        project = self.projects.rows.get(project_id)
        if project is None:
            raise ProjectUnknown(f"There is no project {project_id[:120]!r}.")
        return project

    async def held(self, annotator_id: str, project_id: str | None = None) -> list[Leased]:
        """Return the annotator's leases that run, on units that still want their label; of one project or all."""
        now_us = self.clock.now_us()
        holds = [
            hold
            for hold in self.repository.held.of(annotator_id)
            if project_id in (None, hold.project_id) and now_us < hold.until_us
        ]
        units = await self.repository.units([hold.place for hold in holds])
        leases = []
        for hold in holds:
            state, project = units.get(hold.place), self.projects.rows.get(hold.project_id)
            assignment = state.assignment(hold.assignment_id) if state is not None else None
            if state is None or assignment is None or project is None:
                continue
            if assignment.status == "leased" and assignment.rework == state.rework and state.wants_labels:
                leases.append(Leased(state, assignment, project))
        return leases

    async def _issue(self, seeker: Seeker, project: Project, units_max: int) -> list[Leased]:
        """Lease up to so many units: pick, decide all in one insert, and pick again for those that were refused."""
        leases: list[Leased] = []
        for _ in range(CLAIM_ROUNDS_MAX):
            picks = self._picks(seeker, project, units_max - len(leases))
            if not picks:
                break
            try:
                causes = await self._issuances(picks, seeker.annotator_id, project)
                outcomes = await self.repository.apply_in_turn(causes)
            except Exception:
                for pick in picks:
                    self.repository.queue.undo(pick, seeker.annotator_id)
                raise
            _raise_errors(outcomes, but=NotOffered)
            states = [outcome.state for outcome in outcomes if outcome.error is None]
            leases += [Leased(state, state.assignments[-1], project) for state in states if state is not None]
            if len(leases) == units_max:
                break
        self.instruments.counter("concord_assign_issued").inc(len(leases))
        return leases

    def _picks(self, seeker: Seeker, project: Project, units_max: int) -> list[Pick]:
        picks: list[Pick] = []
        while len(picks) < units_max:
            pick = self.repository.queue.pick(project.project_id, seeker, project.policy.gold.rate)
            if pick is None:
                break
            picks.append(pick)
        return picks

    async def _issuances(self, picks: Sequence[Pick], annotator_id: str, project: Project) -> list[Cause[UnitState]]:
        """Return the causes that lease the picked units, for gold units the annotator's copies."""
        gold_keys = [self.repository.key(pick.unit_id) for pick in picks if pick.gold]
        originals = await self.repository.units(gold_keys) if gold_keys else {}
        seconds = self.repository.active_times[project.project_id].lease_seconds(project.policy.lease.seconds)
        request_id, trace = self._request_id(), trace_headers()
        causes = []
        for pick in picks:
            key, start = self.repository.key(pick.unit_id), None
            if pick.gold:
                start = unit.copy_for(originals[key], annotator_id)
                key = self.repository.key(self.repository.assignment_id(pick.unit_id, annotator_id, start.rework))
            cause_id = f"{request_id}/{pick.unit_id}"
            decide = self._issuing(cause_id, start, annotator_id, seconds * MICROSECONDS, project, trace)
            causes.append(Cause(key, cause_id, decide, creates=pick.gold))
        return causes

    def _issuing(
        self,
        cause_id: str,
        start: UnitState | None,
        annotator_id: str,
        lease_us: int,
        project: Project,
        trace: Headers,
    ) -> Callable[[UnitState | None, int], Decision[UnitState]]:
        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            state = state or start
            if state is None:
                raise NotOffered("The unit is gone.")
            assignment_id = self.repository.assignment_id(state.unit_id, annotator_id, state.rework)
            after = lease.issue(state, annotator_id, assignment_id, now_us + lease_us, project.guideline_version)
            said = announcer(cause_id, now_us, trace)
            return Decision(after, [announcements.issued(said, after, after.assignments[-1])])

        return decide

    # Submit

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
                label = await self._canonical(state.project_id, answer.label)
            except Refusal as refusal:
                results[place] = refusal
                continue
            digest = submission.digest(label)
            cause_id = f"submit/{answer.assignment_id}"
            decide = functools.partial(_submit, cause_id, annotator_id, answer, label, digest, trace)
            causes.append(Cause(key, cause_id, decide))
            sent.append((place, answer, digest))
        outcomes = await self.repository.apply_in_turn(causes) if causes else []
        for (place, answer, digest), outcome in zip(sent, outcomes, strict=True):
            results[place] = self._taken(annotator_id, answer, digest, outcome)
        return [self._counted(result) for result in results if result is not None]

    async def _canonical(self, project_id: str, label: bytes) -> bytes:
        """Return the label's canonical bytes; raise LabelRefused with the path of the fault."""
        schema = (await self._project(project_id)).schema
        try:
            return encoded(schema.canonical(decoded(label)))
        except LabelFault as fault:
            raise LabelRefused(fault.problem, field=f"label{fault.path[1:]}", cure=fault.cure) from fault

    async def _project(self, project_id: str) -> Project:
        try:
            return await self.projects.get(project_id)
        except Unknown as fault:
            raise ProjectUnknown(f"There is no project {project_id!r}.") from fault

    def _taken(self, annotator_id: str, answer: Answer, digest: str, outcome: Outcome[UnitState]) -> Taken | Refusal:
        if isinstance(outcome.error, Refusal):
            return outcome.error
        if outcome.error is not None:
            raise outcome.error
        state = outcome.state
        assert state is not None, "a label was taken for it"
        if outcome.repeated:
            try:
                submission.submit(state, answer.assignment_id, annotator_id, digest, answer.active_ms)
            except Refusal as refusal:
                return refusal
            return Taken(answer.assignment_id, "repeated")
        self.repository.active_times[state.project_id].add(answer.active_ms)
        status = lease.owned(state, answer.assignment_id, annotator_id).status
        return Taken(answer.assignment_id, "late" if status == "late" else "accepted")

    def _counted(self, result: Taken | Refusal) -> Taken | Refusal:
        status = result.status if isinstance(result, Taken) else "refused"
        self.instruments.counter("concord_assign_submissions", status).inc()
        return result

    # Skip, return, renew, expire

    async def skip(self, annotator_id: str, assignment_id: str, reason: str) -> Assignment:
        """Take a unit off the annotator who cannot or will not label it."""
        change = functools.partial(lease.give_up, assignment_id=assignment_id, annotator_id=annotator_id, how="skipped")
        word = functools.partial(announcements.skipped, reason=reason)
        return await self._change(annotator_id, assignment_id, f"skip/{assignment_id}", change, word)

    async def give_back(self, annotator_id: str, assignment_id: str) -> Assignment:
        """Take back a unit unlabelled; it goes to somebody else."""
        change = functools.partial(
            lease.give_up, assignment_id=assignment_id, annotator_id=annotator_id, how="returned"
        )
        return await self._change(
            annotator_id, assignment_id, f"return/{assignment_id}", change, announcements.returned
        )

    async def renew(self, annotator_id: str, assignment_id: str) -> Assignment:
        """Prolong a lease from now on."""
        key = (await self.repository.keys_of([assignment_id]))[assignment_id]
        state = (await self.repository.units([key])).get(key) if key is not None else None
        lease.owned(state, assignment_id, annotator_id)
        assert state is not None, "somebody owns an assignment of it"
        policy = (await self._project(state.project_id)).policy.lease
        seconds = self.repository.active_times[state.project_id].lease_seconds(policy.seconds)
        change = functools.partial(
            lease.renew,
            assignment_id=assignment_id,
            annotator_id=annotator_id,
            lease_until_us=self.clock.now_us() + seconds * MICROSECONDS,
            renewals_max=policy.renewals_max,
        )
        return await self._change(annotator_id, assignment_id, self._request_id(), change, None)

    async def _change(
        self,
        annotator_id: str,
        assignment_id: str,
        cause_id: str,
        change: Callable[[UnitState], UnitState],
        word: Worded | None,
    ) -> Assignment:
        """Change one assignment and tell of it; return what it then is.

        Raises:
            Refusal: as `change` says; AssignmentUnknown when there is none.
        """
        self.repository.refuse_backlog()
        key = (await self.repository.keys_of([assignment_id]))[assignment_id]
        if key is None:
            raise AssignmentUnknown(assignment_id)
        decide = functools.partial(_change, cause_id, assignment_id, annotator_id, change, word, trace_headers())
        (outcome,) = await self.repository.apply_in_turn([Cause(key, cause_id, decide)])
        if outcome.error is not None:
            raise outcome.error
        assignment = lease.owned(outcome.state, assignment_id, annotator_id)
        if not outcome.repeated and word is not None:
            self.instruments.counter("concord_assign_leases_ended", assignment.status).inc()
        return assignment

    async def expire(self) -> int:
        """End the leases that have passed, at most EXPIRE_LEASES_MAX, and return how many did.

        After a backward jump of the wall clock nothing ends until it has caught up.
        """
        now_us = self.clock.now_us()
        self.instruments.gauge("concord_assign_waiting_units").set(len(self.repository.queue))
        self.instruments.gauge("concord_assign_leases").set(len(self.repository.held))
        holds = [] if self.wall.behind(now_us) else self.repository.held.due(now_us, EXPIRE_LEASES_MAX)
        if not holds:
            return 0
        try:
            outcomes = await self.repository.apply([_expiry(hold) for hold in holds])
        except Exception:
            self.repository.held.again(holds)
            raise
        _raise_errors(outcomes)
        self.instruments.counter("concord_assign_leases_ended", "expired").inc(len(holds))
        return len(holds)


def _admit(told: UnitState, state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
    del now_us
    after = unit.admit(state, told)
    return None if after is None else Decision(after)


def _hear(told: Told, state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
    del now_us
    after = told.change(state or unit.unheard_of(told.unit_id, told.client_id, told.project_id))
    return None if after is None else Decision(after)


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
    after = submission.submit(state, answer.assignment_id, annotator_id, digest, answer.active_ms)
    assignment = lease.owned(after, answer.assignment_id, annotator_id)
    said = announcements.submitted(announcer(cause_id, now_us, trace), after, assignment, label, answer.flag)
    return Decision(after, [said])


def _change(
    cause_id: str,
    assignment_id: str,
    annotator_id: str,
    change: Callable[[UnitState], UnitState],
    word: Worded | None,
    trace: Headers,
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState]:
    if state is None:
        raise AssignmentUnknown(assignment_id)
    after = change(state)
    assignment = lease.owned(after, assignment_id, annotator_id)
    return Decision(after, [word(announcer(cause_id, now_us, trace), after, assignment)] if word else [])


def _expiry(hold: Hold) -> Cause[UnitState]:
    cause_id = f"expire/{hold.assignment_id}/{hold.until_us}"

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = lease.expire(state, hold.assignment_id, now_us) if state is not None else None
        if after is None:
            return None
        assignment = lease.owned(after, hold.assignment_id, hold.annotator_id)
        return Decision(after, [announcements.expired(announcer(cause_id, now_us, ()), after, assignment)])

    return Cause(hold.place, cause_id, decide)


def _raise_errors(outcomes: Sequence[Outcome[UnitState]], but: type[Exception] | tuple[()] = ()) -> None:
    """Raise the first error that is not of the kind that was to be expected."""
    for outcome in outcomes:
        if outcome.error is not None and not isinstance(outcome.error, but):
            raise outcome.error
