"""Lots: what was admitted is cut into what is accepted or rejected together."""

from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.telemetry import trace_headers
from services.ingest.announcements import SERVICE, lot_sealed
from services.ingest.domain.lot import LotState
from services.ingest.domain.project import ProjectState
from services.ingest.repository import LOT, Repository


class Lots:
    """The lots of all projects.

    Args:
        repository: where facts are found.
        clock: time.
    """

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock

    async def seal_due(self, project: ProjectState, seal_after_seconds: float | None = None) -> int:
        """Cut every lot that is full or old enough; return how many were cut.

        Args:
            project: whose.
            seal_after_seconds: age of the oldest unit at which a lot is cut although it is not full; 0: all that is
                waiting; None: as the project's policy has it.
        """
        open_lot = self.repository.open_lots[project.project_id]
        policy = project.definition.policy.lot
        after_us = round(
            (policy.seal_after_seconds if seal_after_seconds is None else seal_after_seconds) * MICROSECONDS
        )
        sealed = 0
        while wanted := open_lot.due(policy.size, after_us, self.clock.now_us()):
            number = open_lot.next_number
            elsewhere = await self.repository.claim_places(project.project_id, number, wanted)
            if elsewhere:
                # Other units may take their place; or what is left is not due yet.
                open_lot.drop(elsewhere)
                continue
            lot = LotState(self.repository.lot_id(project.project_id, number), project.project_id, number, wanted)
            outcome = await self.repository.journal.decide(LOT, _sealing(project, lot))
            assert outcome.state is not None
            # When another process was faster, this lot is its lot, and ours are cut from what it left. Said here too,
            # for a head that was in memory is no news to the journal.
            open_lot.cut(outcome.state)
            sealed += not outcome.repeated
        return sealed

    async def seal_aged(self) -> None:
        """Cut the lots of all projects whose oldest unit has waited long enough."""
        for project_id, open_lot in list(self.repository.open_lots.items()):
            if len(open_lot) and (project := self.repository.projects.get(project_id)) is not None:
                await self.seal_due(project)


def _sealing(project: ProjectState, lot: LotState) -> Cause[LotState]:
    cause_id = f"seal/{lot.lot_id}"
    trace = trace_headers()

    def decide(state: LotState | None, now_us: int) -> Decision[LotState] | None:
        if state is not None:
            return None
        return Decision(lot, [lot_sealed(Announcer(SERVICE, cause_id, now_us, trace), project, lot)])

    return Cause(LOT.key(project.client_id, lot.lot_id), cause_id, decide, creates=True)
