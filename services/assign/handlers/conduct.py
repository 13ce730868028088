"""Rules of conduct: what people do is held against what their project declares."""

import zlib
from collections.abc import Iterable, Sequence
from typing import cast

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unavailable
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import ByProject, Instruments, trace_headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import rules
from services.assign.domain.refusals import AwaitsLead, ConfirmationWanted, NothingHeld, OnBreak, OwnConduct, Refusal
from services.assign.domain.rules import NO_RULES, Change, ConductState, Deed, Held, PaceRule, Rules, SkipRule, Then
from services.assign.domain.unit import Assignment
from services.assign.handlers.deciding import Projects, Requests
from services.assign.repository import Repository, conduct_key

TURNS_MAX = 20
"""Pages that are turned for what is done at once: others may fill them meanwhile."""
MILLISECOND_US = 1_000


def rules_of(project: Project) -> Rules:
    """Return what a project asks of its people's pace and skips."""
    pace, skips = project.policy.pace, project.policy.skips
    if not (pace.floor_seconds > 0 or pace.floor_share > 0 or skips.in_a_row or skips.share > 0):
        return NO_RULES  # as most, and this is asked several times of a label
    too_fast = PaceRule(
        round(pace.floor_seconds * 1_000),
        pace.floor_share,
        pace.floor_of == "own",
        pace.hasty,
        pace.last,
        cast("Then", pace.then),
        pace.break_seconds * MICROSECONDS,
    )
    too_many = SkipRule(
        skips.in_a_row, skips.share, skips.last, cast("Then", skips.then), skips.break_seconds * MICROSECONDS
    )
    return Rules(
        too_fast if pace.floor_seconds > 0 or pace.floor_share > 0 else None,
        too_many if skips.in_a_row or skips.share > 0 else None,
    )


def deed_of(assignment: Assignment, now_us: int) -> Deed | None:
    """Return what became of a lease as a deed of a person; None for a model's, and where it ended otherwise.

    A label of which no active time is told took at most what has passed since it was given out.
    """
    mark = zlib.crc32(assignment.id.encode())
    if assignment.model:
        return None
    if assignment.status == "skipped":
        return Deed(mark, rules.SKIPPED)
    if assignment.status in ("submitted", "late"):
        return Deed(mark, assignment.active_ms or max(0, now_us - assignment.issued_at_us) // MILLISECOND_US)
    return None


class Conduct:
    """What people did lately, and what comes of it.

    Args:
        repository: where facts are found.
        projects: what they ask.
        requests: names requests.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(
        self, repository: Repository, projects: Projects, requests: Requests, instruments: Instruments, clock: Clock
    ) -> None:
        self.repository = repository
        self.projects = projects
        self.requests = requests
        self.instruments = instruments
        self._by_project = ByProject(instruments, "concord_assign_project_annotators_awaiting_lead")
        self.clock = clock

    def in_force(self, project: Project, annotator_id: str) -> tuple[Held, ...]:
        """Return what holds against somebody in a project now.

        Raises:
            Unavailable: its place is another process's by now.
        """
        if not (asked := rules_of(project)):
            return ()
        state = self.repository.view(project.project_id).conducts.get(annotator_id)
        return rules.in_force(state, asked, self.clock.now_us())

    def stopped(self, project: Project, annotator_id: str) -> Held | None:
        """Return why somebody is given nothing new of a project now; None: they may be.

        Raises:
            Unavailable: see `in_force`.
        """
        if not (asked := rules_of(project)):
            return None
        state = self.repository.view(project.project_id).conducts.get(annotator_id)
        return rules.stopped(state, asked, self.clock.now_us())

    def refusal(self, project: Project, annotator_id: str) -> Refusal | None:
        """Return the same as a refusal of what was asked."""
        held = self.stopped(project, annotator_id)
        if held is None:
            return None
        return AwaitsLead(held.reason) if held.then == "pause" else OnBreak(held.reason, held.until_us)

    async def check(self, project: Project, assignment: Assignment, active_ms: int) -> None:
        """Let a label through that needs no second yes.

        Raises:
            ConfirmationWanted: it is hasty, and too many of theirs were.
            Unavailable: see `in_force`.
        """
        asked, now_us = rules_of(project), self.clock.now_us()
        if asked.then("pace") != "confirm" or assignment.model or assignment.status in ("submitted", "late"):
            return
        state = self.repository.view(project.project_id).conducts.get(assignment.annotator_id)
        passed_ms = max(0, now_us - assignment.issued_at_us) // MILLISECOND_US
        ms = min(active_ms or passed_ms, passed_ms)
        floor = rules.must_confirm(state, asked, ms, await self._median_ms(project, asked), now_us)
        if floor:
            raise ConfirmationWanted(ms, floor)

    async def observe(self, project_id: str, annotator_id: str, ended: Iterable[Assignment]) -> None:
        """Take down what became of leases of one annotator in one project; said again, it is known."""
        project = self.projects.find(project_id)
        if project is None or not (asked := rules_of(project)):
            return
        now_us = self.clock.now_us()
        deeds = [deed for assignment in ended if (deed := deed_of(assignment, now_us)) is not None]
        if deeds:
            median_ms = await self._median_ms(project, asked)
            await self._decide(project, annotator_id, asked, deeds, median_ms)

    async def release(self, project_id: str, annotator_id: str, by: str) -> None:
        """Let somebody go on, with nothing held against them.

        Raises:
            ProjectUnknown: see there.
            NothingHeld: nothing holds against them.
            OwnConduct: they are who lets them.
        """
        if by == annotator_id:
            raise OwnConduct("Nobody lets themselves go on.")
        project, trace = self.projects.known(project_id), trace_headers()
        page = await self.page(project_id, annotator_id)
        cause_id = self.requests.next()

        def decide(state: ConductState | None, now_us: int) -> Decision[ConductState]:
            found = rules.released(state, by)
            if found is None:
                raise NothingHeld(f"Nothing holds against {annotator_id[:120]} in this project.")
            after, changes = found
            announce = announcer(cause_id, now_us, trace)
            return Decision(
                after, [announcements.conduct_changed(announce, project.client_id, after, change) for change in changes]
            )

        key = conduct_key(project_id, annotator_id, page.page)
        await self.repository.conducts.decide(Cause(key, cause_id, decide))
        self.repository.ring(project_id)

    def of(self, project_id: str, after: str, count_max: int) -> list[tuple[ConductState, tuple[Held, ...]]]:
        """Return against whom something holds in a project now, by name: the first ones after a name.

        Raises:
            ProjectUnknown, Unavailable: see there.
        """
        project = self.projects.known(project_id)
        known = self.repository.view(project_id).conducts
        states = [known[name] for name in sorted(known) if name > after]
        found = ((state, self.held_in(project, state)) for state in states)
        return [pair for pair in found if pair[1]][:count_max]

    async def look(self) -> None:
        """Tell how many people wait here for a lead's word."""
        waiting: dict[str, int] = {}
        for project_id, view in self.repository.views:
            if (project := self.projects.find(project_id)) is not None and project.gives_work:
                stops = [self.stopped(project, name) for name in view.conducts]
                if count := sum(held is not None and held.then == "pause" for held in stops):
                    waiting[project_id] = count
        self.instruments.gauge("concord_assign_annotators_awaiting_lead").set(sum(waiting.values()))
        self._by_project.tell(waiting)

    async def _decide(
        self, project: Project, annotator_id: str, asked: Rules, deeds: Sequence[Deed], median_ms: float
    ) -> None:
        """Take deeds down on the newest page, which is closed when it is full."""
        trace = trace_headers()
        for _ in range(TURNS_MAX):
            newest = await self.page(project.project_id, annotator_id)
            page = rules.next_page(newest) if newest.closed else newest
            cause_id, turned, changes = self.requests.next(), False, list[Change]()

            def decide(
                state: ConductState | None, now_us: int, page: ConductState = page, cause_id: str = cause_id
            ) -> Decision[ConductState] | None:
                nonlocal turned, changes
                now, changes = state or page, []
                turned = now.closed or rules.is_full(now, asked, now_us)
                if turned:
                    return None if now.closed else Decision(rules.closed(now))
                found = rules.observed(now, deeds, asked, median_ms, now_us)
                if found is None:
                    return None
                after, changes = found
                announce = announcer(cause_id, now_us, trace)
                worded = [
                    announcements.conduct_changed(announce, project.client_id, after, change) for change in changes
                ]
                return Decision(after, worded)

            key = conduct_key(project.project_id, annotator_id, page.page)
            await self.repository.conducts.decide(Cause(key, cause_id, decide))
            if not turned:
                for change in changes:
                    if change.begins:
                        broken = change.held
                        self.instruments.counter("concord_assign_rules_broken", broken.rule, broken.then).inc()
                return
        raise Unavailable("Others send for you again and again; try again.")

    def held_in(self, project: Project, state: ConductState) -> tuple[Held, ...]:
        """Return what of a page holds by what the project asks now."""
        return rules.in_force(state, rules_of(project), self.clock.now_us())

    async def page(self, project_id: str, annotator_id: str) -> ConductState:
        """Return the newest page of what somebody did; it may not be made yet."""
        try:
            known = self.repository.view(project_id).conduct_pages.get(annotator_id)
        except Unavailable:  # the place has just gone to another process; what was done is taken down all the same
            known = None
        return await self.repository.conducts.newest(known, project_id, annotator_id)

    async def _median_ms(self, project: Project, asked: Rules) -> float:
        """Return the median of the project's active times where a rule hangs on it."""
        if not asked.share_of_project():
            return 0.0
        try:
            return (await self.repository.active_times(project.project_id)).median_ms
        except Unavailable:  # see `page`: without a median only what is declared in seconds is a floor
            return 0.0
