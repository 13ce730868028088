"""A label in and the next unit out, in one go: what most annotators do all day."""

import functools
from collections.abc import Sequence

from concord.chassis.journal.journal import Linked
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments, trace_headers
from services.assign.domain import lease, submission
from services.assign.domain.refusals import Refusal
from services.assign.domain.unit import UnitState
from services.assign.handlers.claims import Claims, Leased, caps_of
from services.assign.handlers.conduct import rules_of
from services.assign.handlers.deciding import Projects
from services.assign.handlers.submissions import Answer, Checked, Submissions, Taken
from services.assign.repository import Repository


class Onward:
    """Labels with which their annotators ask for more.

    The place on the annotator's desk goes from the lease that ends to the next one, so that none has to be taken: the
    label's record tells to which, and the next lease is stored only after it. Where the project has caps a place is
    taken all the same: it is on the desk that units are counted. Likewise where it has rules of conduct: what the label
    comes to by them is known before anything is given out. And where it bounds who is shown gold, for work as
    for gold: who is given it is counted before, and nobody is to tell by the time that this takes.

    Args:
        repository: where facts are found.
        projects: as ingest defined them.
        claims: what annotators are given.
        submissions: what they send.
        instruments: those of `telemetry.INSTRUMENTS`.
    """

    def __init__(
        self,
        repository: Repository,
        projects: Projects,
        claims: Claims,
        submissions: Submissions,
        instruments: Instruments,
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.claims = claims
        self.submissions = submissions
        self.instruments = instruments

    async def submit(
        self, annotator_id: str, answer: Answer, units_max: int
    ) -> tuple[Taken | Refusal, str, list[Leased]]:
        """Take a label in; return what became of it, its project, and what is held then, made up to `units_max`.

        Asked again, after a lost reply, it returns the same. Nothing is given out where the label is refused.

        Raises:
            AnnotatorUnknown: see there.
            Backlogged: the broker takes no events.
        """
        (checked,) = await self.submissions.checked(annotator_id, [answer])
        if isinstance(checked, Refusal):
            return self.submissions.counted(checked), "", []
        project_id = checked.state.project_id
        project = await self.projects.awaited(project_id)
        units_max = self.projects.units_shown(project, units_max)
        held = await self._others(annotator_id, answer.assignment_id, project.project_id)
        stopped = await self.claims.stopped(annotator_id, project_id) is not None
        may_have = not stopped and not await self.claims.nothing_new(annotator_id, project)
        counts = caps_of(project) or project.policy.gold.exposures_max or rules_of(project)
        wanted = units_max == len(held) + 1 and may_have and not counts
        linked = await self._linked(annotator_id, checked, project) if wanted else None
        if linked is not None:
            taken, leases = linked
        else:
            (taken,), leases = await self.submissions.submit(annotator_id, [answer]), []
            # This label may have been too many of its kind.
            stopped = stopped or self.claims.conduct.stopped(project, annotator_id) is not None
        if isinstance(taken, Refusal) or leases or stopped:
            return taken, project_id, [*held, *leases][:units_max]
        return taken, project_id, await self.claims.claim(annotator_id, project_id, units_max)

    async def _others(self, annotator_id: str, assignment_id: str, project_id: str) -> list[Leased]:
        held = await self.claims.held(annotator_id, project_id)
        return [leased for leased in held if leased.assignment.id != assignment_id]

    async def _linked(
        self, annotator_id: str, checked: Checked, project: Project
    ) -> tuple[Taken | Refusal, Sequence[Leased]] | None:
        """Take the label in and lease one unit after it; None when nothing was done, for it takes more than that."""
        now = lease.owned(checked.state, checked.answer.assignment_id, annotator_id)
        if not submission.hands_on(checked.state, now):
            return None
        seeker = await self.claims.seeker(annotator_id, project.project_id)
        picks = await self.claims.picked(seeker, project, 1)
        if not picks:
            return None
        (pick,) = picks
        try:
            (then,) = await self.claims.issuances(picks, annotator_id, project, now.hops + 1)
            trace = trace_headers()
            pair = Linked(
                checked.key,
                lambda granted: checked.cause(annotator_id, trace, then.key if granted else ""),
                then,
                functools.partial(_handed_to, checked.answer.assignment_id, then.key),
            )
            outcome, leased = await self.repository.apply_linked(pair, pick)
        except BaseException:  # a cancelled request gives back its pick, too
            self.repository.undo(pick, annotator_id)
            raise
        if leased is None:
            self.repository.undo(pick, annotator_id)
        taken = self.submissions.counted(self.submissions.taken(annotator_id, checked, outcome))
        if leased is None or leased.state is None:
            return taken, []
        self.instruments.counter("concord_assign_issued").inc()
        return taken, [Leased(leased.state, leased.state.assignments[-1], project)]


def _handed_to(assignment_id: str, key: str, state: UnitState) -> bool:
    """Return whether the assignment's place went to the lease that this aggregate decides on."""
    assignment = state.assignment(assignment_id)
    return assignment is not None and assignment.handed_to == key
