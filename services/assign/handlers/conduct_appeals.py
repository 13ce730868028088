"""Appeals against what is held against somebody by a project's rules of conduct, and a lead's word on them."""

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.errors import Unavailable
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import ByProject, Instruments, trace_headers
from services.assign import announcements
from services.assign.announcements import announcer
from services.assign.domain import appeals
from services.assign.domain.rules import ConductState, Held, Rule
from services.assign.handlers.conduct import Conduct, rules_of
from services.assign.repository import Repository, conduct_key

TURNED = "Others do something about it at this moment; try again."


class ConductAppeals:
    """What people say to what is held against them.

    Args:
        conduct: the rules, and what people did.
        repository: where facts are found.
        instruments: those of `telemetry.INSTRUMENTS`.
        clock: time.
    """

    def __init__(self, conduct: Conduct, repository: Repository, instruments: Instruments, clock: Clock) -> None:
        self.conduct = conduct
        self.repository = repository
        self._by_project = ByProject(instruments, "concord_assign_project_conduct_appeal_waiting_seconds")
        self.clock = clock

    async def of(self, project_id: str, annotator_id: str) -> tuple[ConductState, tuple[Held, ...]]:
        """Return what somebody did lately, with the answers that they got, and what holds against them now.

        Raises:
            ProjectUnknown, Unavailable: see there.
        """
        project = self.conduct.projects.known(project_id)
        state = await self.conduct.page(project_id, annotator_id)
        return state, self.conduct.held_in(project, state)

    async def appeal(self, project_id: str, annotator_id: str, rule: Rule, reason: str) -> Held:
        """Take down what somebody says to a rule that holds against them; said again, it is known.

        Raises:
            ProjectUnknown, Unavailable: see there.
            NothingHeld, AppealedAlready: see `domain.appeals`.
        """
        project, trace = self.conduct.projects.known(project_id), trace_headers()
        asked, cause_id = rules_of(project), self.conduct.requests.next()
        page = await self.conduct.page(project_id, annotator_id)
        found: Held | None = None

        def decide(state: ConductState | None, now_us: int) -> Decision[ConductState] | None:
            nonlocal found
            if state is not None and state.closed:
                raise Unavailable(TURNED)
            after = appeals.appealed(state, rule, asked, reason, now_us)
            found = (after or state or page).against(rule)
            if after is None or found is None:
                return None
            announce = announcer(cause_id, now_us, trace)
            return Decision(after, [announcements.conduct_appealed(announce, project.client_id, after, found)])

        await self.repository.conducts.decide(Cause(conduct_key(project_id, annotator_id, page.page), cause_id, decide))
        assert found is not None, "it holds against them, or it was refused"
        return found

    async def rule(self, project_id: str, annotator_id: str, rule: Rule, outcome: str, reason: str, by: str) -> None:
        """Rule on what somebody said: upheld, they go on; declined, it stands. Said again, it is known.

        Raises:
            ProjectUnknown, Unavailable: see there.
            NoAppeal, OwnConduct: see `domain.appeals`.
        """
        project, trace = self.conduct.projects.known(project_id), trace_headers()
        cause_id = self.conduct.requests.next()
        page = await self.conduct.page(project_id, annotator_id)

        def decide(state: ConductState | None, now_us: int) -> Decision[ConductState] | None:
            if state is not None and state.closed:
                raise Unavailable(TURNED)
            found = appeals.ruled(state, rule, outcome, reason, by, now_us)
            if found is None:
                return None
            after, held, changes = found
            announce = announcer(cause_id, now_us, trace)
            events = [announcements.conduct_appeal_ruled(announce, project.client_id, after, held)]
            events += [announcements.conduct_changed(announce, project.client_id, after, change) for change in changes]
            return Decision(after, events)

        await self.repository.conducts.decide(Cause(conduct_key(project_id, annotator_id, page.page), cause_id, decide))
        self.repository.ring(project_id)

    async def look(self) -> None:
        """Tell for how long the oldest appeal of each project here has waited for a lead's word."""
        now_us = self.clock.now_us()
        waited = [
            (max(0, now_us - at_us) / MICROSECONDS, project_id)
            for project_id, view in self.repository.views
            if (project := self.conduct.projects.find(project_id)) is not None and project.life != "closed"
            for state in view.conducts.values()
            if self.conduct.held_in(project, state) and (at_us := appeals.waiting_since(state)) is not None
        ]
        self._by_project.tell({project_id: seconds for seconds, project_id in sorted(waited)})
