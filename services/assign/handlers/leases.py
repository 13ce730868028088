"""Leases given up, prolonged and ended."""

import functools
from collections.abc import Callable, Sequence

from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import lease
from services.assign.domain.active_time import ActiveTimeState
from services.assign.domain.held import Hold
from services.assign.domain.refusals import AssignmentUnknown
from services.assign.domain.unit import Assignment, UnitState
from services.assign.handlers.conduct import Conduct
from services.assign.handlers.deciding import Projects, Requests, raise_errors
from services.assign.repository import Repository, active_time_key

EXPIRE_LEASES_MAX = 500

Worded = Callable[[Announcer, UnitState, Assignment], Sequence[Outgoing]]


class Leases:
    """What becomes of a lease that brings no label.

    Args:
        repository: where facts are found.
        projects: their policies.
        conduct: is told of skips.
        requests: names requests.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self,
        repository: Repository,
        projects: Projects,
        conduct: Conduct,
        requests: Requests,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.conduct = conduct
        self.requests = requests
        self.instruments = instruments
        self.clock = clock
        self.wall = lease.WallTime()

    async def skip(
        self, annotator_id: str, assignment_id: str, reason: str, code: lease.SkipCode = "other"
    ) -> Assignment:
        """Take a unit off the annotator who cannot or will not label it."""
        change = functools.partial(lease.give_up, assignment_id=assignment_id, annotator_id=annotator_id, how="skipped")
        word = functools.partial(announcements.skipped, reason=reason, code=code)
        assignment, project_id = await self._change(annotator_id, assignment_id, f"skip/{assignment_id}", change, word)
        if code not in lease.NOT_THEIRS:
            await self.conduct.observe(project_id, annotator_id, [assignment])
        return assignment

    async def give_back(self, annotator_id: str, assignment_id: str) -> Assignment:
        """Take back a unit unlabelled; it goes to somebody else."""
        change = functools.partial(
            lease.give_up, assignment_id=assignment_id, annotator_id=annotator_id, how="returned"
        )
        return (await self._change(annotator_id, assignment_id, f"return/{assignment_id}", change, _returned))[0]

    async def renew(self, annotator_id: str, assignment_id: str) -> Assignment:
        """Prolong a lease from now on."""
        key = (await self.repository.keys_of([assignment_id]))[assignment_id]
        state = (await self.repository.units([key])).get(key) if key is not None else None
        lease.owned(state, assignment_id, annotator_id)
        assert state is not None, "somebody owns an assignment of it"
        policy = (await self.projects.awaited(state.project_id)).policy.lease
        seconds = await self.repository.lease_seconds(state.project_id, policy.seconds)
        change = functools.partial(
            lease.renew,
            assignment_id=assignment_id,
            annotator_id=annotator_id,
            lease_until_us=self.clock.now_us() + seconds * MICROSECONDS,
            renewals_max=policy.renewals_max,
        )
        return (await self._change(annotator_id, assignment_id, self.requests.next(), change, None))[0]

    async def _change(
        self,
        annotator_id: str,
        assignment_id: str,
        cause_id: str,
        change: Callable[[UnitState], UnitState],
        word: Worded | None,
    ) -> tuple[Assignment, str]:
        """Change one assignment and tell of it; return what it then is, and its project.

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
        assert outcome.state is not None, "somebody owns an assignment of it"
        assignment = lease.owned(outcome.state, assignment_id, annotator_id)
        if not outcome.repeated and word is not None:
            self.instruments.counter("concord_assign_leases_ended", assignment.status).inc()
        return assignment, outcome.state.project_id

    async def expire(self) -> int:
        """End the leases that have passed in our places, at most EXPIRE_LEASES_MAX, and return how many did.

        After a backward jump of the wall clock nothing ends until it has caught up.
        """
        now_us = self.clock.now_us()
        self.instruments.gauge("concord_assign_waiting_units").set(self.repository.waiting_units)
        self.instruments.gauge("concord_assign_leases").set(self.repository.leases_running)
        holds = [] if self.wall.behind(now_us) else self.repository.due(now_us, EXPIRE_LEASES_MAX)
        overdue_us = max((now_us - hold.until_us for hold in holds), default=0)
        self.instruments.gauge("concord_assign_lease_overdue_seconds").set(overdue_us / MICROSECONDS)
        if not holds:
            return 0
        try:
            outcomes = await self.repository.apply([_expiry(hold) for hold in holds])
        except Exception:
            self.repository.again(holds)
            raise
        raise_errors(outcomes)
        ended = sum(not outcome.repeated and outcome.state is not None for outcome in outcomes)
        self.instruments.counter("concord_assign_leases_ended", "expired").inc(ended)
        return len(holds)

    async def write_active_times(self) -> None:
        """Write down how long units take where it has changed: the project's next owner leases by it."""
        for project_id, view in self.repository.views:
            quantile_ms = view.active_times.unwritten_ms()
            if quantile_ms is not None:
                median_ms = view.active_times.median_ms
                decide = functools.partial(_write_down, ActiveTimeState(project_id, quantile_ms, median_ms))
                cause = Cause(active_time_key(project_id), self.requests.next(), decide)
                await self.repository.write_active_time(cause)
                view.active_times.inform(quantile_ms, median_ms)


def _write_down(state: ActiveTimeState, before: ActiveTimeState | None, now_us: int) -> Decision[ActiveTimeState]:
    del before, now_us
    return Decision(state)


def _change(
    cause_id: str,
    assignment_id: str,
    annotator_id: str,
    change: Callable[[UnitState], UnitState],
    word: Worded | None,
    trace: Headers,
    state: UnitState | None,
    now_us: int,
) -> Decision[UnitState] | None:
    if state is None:
        raise AssignmentUnknown(assignment_id)
    after = change(state)
    if after is state:
        return None
    assignment = lease.owned(after, assignment_id, annotator_id)
    return Decision(after, word(announcer(cause_id, now_us, trace), after, assignment) if word else [])


def _returned(announcer: Announcer, unit: UnitState, assignment: Assignment) -> list[Outgoing]:
    return [announcements.returned(announcer, unit, assignment)]


def _expiry(hold: Hold) -> Cause[UnitState]:
    cause_id = f"expire/{hold.assignment_id}/{hold.until_us}"

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = lease.expire(state, hold.assignment_id, now_us) if state is not None else None
        if after is None:
            return None
        assignment = lease.owned(after, hold.assignment_id, hold.annotator_id)
        return Decision(after, [announcements.expired(announcer(cause_id, now_us, ()), after, assignment)])

    return Cause(hold.place, cause_id, decide)
