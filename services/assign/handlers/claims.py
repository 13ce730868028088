"""Claims: who gets which units next."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.record import Cause, Decision, Outcome
from concord.chassis.projects import Project
from concord.chassis.telemetry import Instruments, trace_headers
from concord.contracts.codec import Headers
from concord.contracts.names import quoted
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import eligibility, lease, roster, unit
from services.assign.domain.breaks import Break
from services.assign.domain.caps import Caps, Reached
from services.assign.domain.desk import PLACE_SECONDS, Place
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.gold_stock import exposed
from services.assign.domain.models import Part, part_of
from services.assign.domain.overlap import open_to_models
from services.assign.domain.qualification import Progress
from services.assign.domain.queue import Pick, Seeker
from services.assign.domain.refusals import AnnotatorUnknown, NotAtWork, NotOffered, NotQualified, OnBreak, Refusal
from services.assign.domain.unit import Assignment, UnitState
from services.assign.handlers.acknowledging import Acknowledging
from services.assign.handlers.annotators import Annotators
from services.assign.handlers.conduct import Conduct
from services.assign.handlers.deciding import Projects, Requests, raise_errors
from services.assign.handlers.desks import Desks
from services.assign.handlers.gold_stocks import gold_bounds
from services.assign.handlers.qualifying import Qualifying
from services.assign.repository import Repository

HOUR_MS = 3_600_000
CLAIM_ROUNDS_MAX = 3
"""How often a claim picks again in place of units that were refused."""


class Leased(msgspec.Struct, frozen=True):
    """A unit and the annotator's lease on it."""

    unit: UnitState
    assignment: Assignment
    project: Project


def caps_of(project: Project) -> Caps:
    """Return how much of a project may be given to one annotator."""
    caps = project.policy.caps
    return Caps(caps.units_per_day, round(caps.hours_per_day * HOUR_MS), caps.units)


def part_in(project: Project, annotator: AnnotatorState) -> Part:
    """Return in what part an annotator labels a project's units."""
    models = project.policy.models
    return part_of(annotator.kind, models.counted, models.humans_min)


def seeker_of(annotator: AnnotatorState, project: Project, now_us: int, progress: Progress | None) -> Seeker:
    """Return an annotator as somebody who wants work; `progress`: how far they are in qualifying for it."""
    gold_alone = progress is not None or roster.at_work(annotator, now_us) == "qualifying"
    able = eligibility.abilities(annotator, now_us)
    part = part_in(project, annotator)
    fresh = not part.leaves_room or open_to_models(project.policy.overlap.initial, part.humans_min)
    return Seeker(annotator.annotator_id, able, gold_alone, gold_bounds(project, now_us), part, fresh)


class Claims:
    """What annotators are given.

    Args:
        repository: where facts are found.
        projects: their policies.
        annotators: who may claim.
        acknowledging: who has read the guideline, where that is asked for.
        desks: what they may hold.
        qualifying: who is given hidden gold alone.
        conduct: who is stopped by a rule of the project.
        requests: names requests.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self,
        repository: Repository,
        projects: Projects,
        annotators: Annotators,
        acknowledging: Acknowledging,
        desks: Desks,
        qualifying: Qualifying,
        conduct: Conduct,
        requests: Requests,
        instruments: Instruments,
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.annotators = annotators
        self.acknowledging = acknowledging
        self.desks = desks
        self.qualifying = qualifying
        self.conduct = conduct
        self.requests = requests
        self.instruments = instruments
        self.clock = clock

    async def claim(self, annotator_id: str, project_id: str, units_max: int) -> list[Leased]:
        """Return what the annotator holds in the project, and as many new units as make up `units_max`.

        What is held is offered again first, so that a lost reply loses nothing. Of a project that is paused or closed,
        or whose guideline is to be acknowledged first, nothing new is given out; of one with a large label schema no
        more than an answer holds.

        Raises:
            AnnotatorUnknown, ProjectUnknown: see there.
            OnBreak, AwaitsLead, NotAtWork, NotQualified: the annotator is on a break, waits for a lead, is paused or
                retired, or has failed to qualify, and holds nothing.
            Backlogged: the broker takes no events.
        """
        project = await self.projects.asked_for(project_id)
        units_max = self.projects.units_shown(project, units_max)
        seeker = await self.seeker(annotator_id, project_id)
        leases = (await self.held(annotator_id, project_id))[:units_max]
        if await self.nothing_new(annotator_id, project):
            return leases
        if (stop := await self.stopped(annotator_id, project_id)) is not None:
            if not leases:
                raise stop
            return leases
        if len(leases) < units_max:
            self.repository.refuse_backlog()
            leases += await self._issue(seeker, project, units_max - len(leases))
        if not leases:
            # Another process may have issued some that we have not heard of, and no room is left beside them.
            leases = await self._on_desk(annotator_id, project, units_max)
        if not leases:
            self.instruments.counter("concord_assign_claims_without_work").inc()
        return leases

    async def nothing_new(self, annotator_id: str, project: Project) -> bool:
        """Return whether an annotator is given nothing new of a project as it is now, whatever waits in it."""
        return not project.gives_work or await self.acknowledging.lacks(annotator_id, project)

    async def stopped(self, annotator_id: str, project_id: str) -> Refusal | None:
        """Return why nothing new is given to an annotator in a project now, whatever waits; None: it may be.

        Raises:
            AnnotatorUnknown: see there.
        """
        annotator = await self.annotators.get(annotator_id)
        state = roster.at_work(annotator, self.clock.now_us())
        if state in ("paused", "retired"):
            return NotAtWork(state, annotator.reason, annotator.until_us)
        progress = self.qualifying.progress(self.projects.known(project_id), annotator_id)
        if progress is not None and progress.standing == "failed":
            return NotQualified(progress.answered, retraining=progress.retraining, last=progress.last)
        pause = self.on_break(annotator_id, project_id)
        if pause is not None:
            return OnBreak(pause.reason, pause.until_us)
        return self.conduct.refusal(self.projects.known(project_id), annotator_id)

    async def capped(self, annotator_id: str, project: Project) -> Reached | None:
        """Return which of a project's caps leaves an annotator no room now."""
        caps = caps_of(project)
        return await self.desks.reached(annotator_id, project.project_id, caps) if caps else None

    async def gold_left(self, annotator_id: str, project_id: str) -> int:
        """Return how many gold units somebody is fit for and has not met, as far as is known; at most 200."""
        try:
            annotator = await self.annotators.get(annotator_id)
        except AnnotatorUnknown:
            return 0
        now_us, project = self.clock.now_us(), self.projects.known(project_id)
        seeker = Seeker(annotator_id, eligibility.abilities(annotator, now_us), True, gold_bounds(project, now_us))
        return self.repository.place(project_id).queue.outlook(project_id, seeker).units

    def on_break(self, annotator_id: str, project_id: str) -> Break | None:
        """Return the break that the annotator is on now in a project: nothing new is given to them until it is over."""
        return self.repository.view(project_id).breaks.running(annotator_id, self.clock.now_us())

    def ask_for_break(self, annotator_id: str, project_id: str, asked: Break) -> None:
        """Hear that an annotator is to pause, or to do other work, for a while."""
        self.repository.view(project_id).breaks.ask(annotator_id, asked)

    async def guideline(self, annotator_id: str, project_id: str) -> Project:
        """Return the project whose guideline an annotator wants to read.

        Raises:
            AnnotatorUnknown, ProjectUnknown: see there.
        """
        await self.annotators.get(annotator_id)
        return self.projects.known(project_id)

    async def held(self, annotator_id: str, project_id: str | None = None) -> list[Leased]:
        """Return the annotator's leases that run, on units that still want their label; of one project or all here."""
        now_us = self.clock.now_us()
        holds = [hold for hold in self.repository.holds_of(annotator_id, project_id) if now_us < hold.until_us]
        units = await self.repository.units([hold.place for hold in holds])
        originals, leases = await self.repository.originals(units.values()), []
        for hold in holds:
            state, project = units.get(hold.place), self.projects.find(hold.project_id)
            assignment = state.assignment(hold.assignment_id) if state is not None else None
            if state is None or assignment is None or project is None:
                continue
            wanted = state.wants_labels and originals.get(state.unit_id, state).status != "withdrawn"
            if assignment.status == "leased" and state.is_current(assignment) and wanted:
                leases.append(Leased(state, assignment, project))
        return leases

    async def seeker(self, annotator_id: str, project_id: str) -> Seeker:
        """Return who asks for work in a project, and note that they do; who was invited is active from now on.

        Raises:
            AnnotatorUnknown: see there.
        """
        annotator = await self.annotators.get(annotator_id)
        if annotator.state == "invited":
            annotator = await self.annotators.arrived(annotator_id)
        project = self.projects.known(project_id)
        progress = self.qualifying.progress(project, annotator_id)
        seeker = seeker_of(annotator, project, self.clock.now_us(), progress)
        if not seeker.gold_alone:  # units are not kept waiting for who cannot have them
            self.repository.view(project_id).asked_us[annotator_id] = int(self.clock.monotonic() * MICROSECONDS)
        return seeker

    async def picked(self, seeker: Seeker, project: Project, units_max: int) -> list[Pick]:
        """Return up to so many units for the seeker, hidden from others until they are released or undone."""
        rate = 1.0 if seeker.gold_alone else project.policy.gold.rate
        await self.repository.ask_for_gold(project.project_id, seeker, rate)
        await self.repository.fresh.ready(project.project_id, seeker)
        return self._picks(seeker, project, units_max)

    async def _issue(self, seeker: Seeker, project: Project, units_max: int) -> list[Leased]:
        """Lease up to so many units: pick, decide all in one insert, and pick again for those that were refused."""
        leases: list[Leased] = []
        refused: frozenset[Place] = frozenset()
        for _ in range(CLAIM_ROUNDS_MAX):
            picks = await self.picked(seeker, project, units_max - len(leases))
            if not picks:
                break
            try:
                causes = await self.issuances(picks, seeker.annotator_id, project)
                keys = [cause.key for cause in causes]
                # Together, so that it takes no longer to be given gold than to be given work.
                taken, spent = await asyncio.gather(
                    self.desks.take(seeker.annotator_id, project.project_id, keys, refused, caps_of(project)),
                    self._expose(picks, keys, seeker),
                )
                refused |= {taken.pop(key) for key in spent & taken.keys()}
                outcomes = await self.repository.apply_in_turn(
                    [cause for cause in causes if cause.key in taken],
                    [pick for pick, key in zip(picks, keys, strict=True) if key in taken],
                )
            except BaseException:  # a cancelled request gives back its picks, too
                self._undo(picks, seeker)
                raise
            raise_errors(outcomes, but=NotOffered)
            without = [pick for pick, key in zip(picks, keys, strict=True) if key not in taken and key not in spent]
            self._undo(without, seeker)
            states = [outcome.state for outcome in outcomes if outcome.error is None]
            leases += [Leased(state, state.assignments[-1], project) for state in states if state is not None]
            if len(leases) == units_max or without:
                break
            refused |= {
                taken[key]
                for key, outcome in zip([k for k in keys if k in taken], outcomes, strict=True)
                if outcome.error
            }
            await self._look_up(picks, outcomes)
        self.instruments.counter("concord_assign_issued").inc(len(leases))
        if seeker.gold_alone:
            idle = self.repository.view(project.project_id).without_gold_us
            idle.pop(seeker.annotator_id, None)
            if not leases and not await self.gold_left(seeker.annotator_id, project.project_id):
                idle[seeker.annotator_id] = int(self.clock.monotonic() * MICROSECONDS)
        return leases

    async def _expose(self, picks: Sequence[Pick], keys: Sequence[str], seeker: Seeker) -> frozenset[str]:
        """Count one more annotator for each gold unit that is picked, once; return the copies that may not be shown.

        Counted before it is shown, whoever else counts: so no more are shown it than its project lets. Without a bound
        nothing is counted.
        """
        exposures_max = seeker.bounds.exposures_max
        gold = [(pick, key) for pick, key in zip(picks, keys, strict=True) if pick.gold]
        if not exposures_max or not gold:
            return frozenset()

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            return Decision(exposed(state, exposures_max, now_us))

        cause_id = f"shown/{quoted(seeker.annotator_id)}"
        causes = [Cause(self.repository.key(pick.unit_id), cause_id, decide) for pick, _ in gold]
        outcomes = await self.repository.apply(causes)
        raise_errors(outcomes, but=NotOffered)
        return frozenset(key for (_, key), outcome in zip(gold, outcomes, strict=True) if outcome.error is not None)

    async def _look_up(self, picks: Sequence[Pick], outcomes: Sequence[Outcome[UnitState]]) -> None:
        """Look up the pages of units that were taken for fresh and were begun: others of them may have been, too."""
        begun = {
            outcome.state.unit_id for outcome in outcomes if outcome.error is not None and outcome.state is not None
        }
        for page in {pick.page: None for pick in picks if pick.page is not None and pick.unit_id in begun}:
            await self.repository.fresh.look_up(page)

    def _undo(self, picks: Sequence[Pick], seeker: Seeker) -> None:
        for pick in picks:
            self.repository.undo(pick, seeker.annotator_id)

    async def _on_desk(self, annotator_id: str, project: Project, units_max: int) -> list[Leased]:
        """Return the leases that the annotator's desk knows of."""
        units = await self.repository.units(await self.desks.running(annotator_id, project.project_id))
        found = [(state, lease.running(state, annotator_id)) for state in units.values()]
        return [Leased(state, assignment, project) for state, assignment in found if assignment is not None][:units_max]

    def _picks(self, seeker: Seeker, project: Project, units_max: int) -> list[Pick]:
        picks: list[Pick] = []
        queue = self.repository.place(project.project_id).queue
        while len(picks) < units_max:
            pick = queue.pick(project.project_id, seeker, project.policy.gold.rate)
            if pick is None:
                break
            picks.append(pick)
        return picks

    async def issuances(
        self, picks: Sequence[Pick], annotator_id: str, project: Project, hops: int = 0
    ) -> list[Cause[UnitState]]:
        """Return the causes that lease the picked units, for gold units the annotator's copies.

        Args:
            picks: the units.
            annotator_id: to whom.
            project: theirs.
            hops: how often the places on the desk were handed on until they come to these leases.
        """
        gold_ids = [
            unit_id for pick in picks if pick.gold for unit_id in (pick.unit_id, pick.waiting.gold_of) if unit_id
        ]
        originals = (
            await self.repository.units([self.repository.key(gold_id) for gold_id in gold_ids]) if gold_ids else {}
        )
        seconds = await self.repository.lease_seconds(project.project_id, project.policy.lease.seconds)
        request_id, trace = self.requests.next(), trace_headers()
        annotator = await self.annotators.get(annotator_id)
        causes = []
        for pick in picks:
            key, start, others = self.repository.key(pick.unit_id), None, frozenset[str]()
            if pick.gold:
                start = unit.copy_for(originals[key], annotator_id)
                others = _not_for(originals[key], originals.get(self.repository.key(pick.waiting.gold_of)))
                copy_id = self.repository.assignment_id(pick.unit_id, annotator_id, start.rework)
                key = self.repository.key(copy_id)
            cause_id = f"{request_id}/{pick.unit_id}"
            lease_us = seconds * MICROSECONDS
            begins = start or pick.fresh
            decide = self._issuing(cause_id, begins, annotator, lease_us, project, trace, hops, others)
            causes.append(Cause(key, cause_id, decide, creates=pick.gold or pick.fresh is not None))
        return causes

    def _issuing(
        self,
        cause_id: str,
        start: UnitState | None,
        annotator: AnnotatorState,
        lease_us: int,
        project: Project,
        trace: Headers,
        hops: int,
        others: frozenset[str],
    ) -> Callable[[UnitState | None, int], Decision[UnitState]]:
        annotator_id, part = annotator.annotator_id, part_in(project, annotator)
        last_us = self.clock.now_us() + PLACE_SECONDS * MICROSECONDS // 2

        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState]:
            state = unit.begun(state, start)
            if state is None:
                raise NotOffered("The unit is gone.")
            if annotator_id in others:
                raise NotOffered("The unit is not offered to you now.")
            if now_us > last_us:
                raise NotOffered("The place on the desk that was taken for it may be free again.")
            rework, referral = state.rework, state.referral
            assignment_id = self.repository.assignment_id(state.unit_id, annotator_id, rework, state.turn, referral)
            version, schema = project.guideline_version, project.schema_version
            until_us = now_us + lease_us
            after = lease.issue(state, annotator_id, assignment_id, now_us, until_us, version, hops, schema, part)
            announce = announcer(cause_id, now_us, trace)
            return Decision(after, [announcements.issued(announce, after, after.assignments[-1])])

        return decide


def _not_for(gold: UnitState, source: UnitState | None) -> frozenset[str]:
    """Return to whom gold that was made of a resolved unit is not shown: who had a part in that one, to this day."""
    return frozenset(gold.not_for) | (unit.had_part(source) if source is not None else frozenset())
