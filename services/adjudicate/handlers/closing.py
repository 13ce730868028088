"""Closing escalations in bulk: those that are sure enough, on their leading labels, by the word of a lead."""

from typing import NamedTuple

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from services.adjudicate.announcements import SERVICE, closed_above
from services.adjudicate.domain.escalation import closed
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Batch, Deciding
from services.adjudicate.repository import Repository, unit_key

CLOSED_MAX = 2_000
"""Units that one call closes; it tells how many are left."""
CLOSED_AT_ONCE = 200


class Bar(NamedTuple):
    """From which confidence on escalations are closed, by whom, and why."""

    above: float
    closed_by: str
    reason: str


class Closed(NamedTuple):
    """What a call closed, or would close.

    Attributes:
        units: closed now; of a dry run those that would be.
        left: that are sure enough and were not, for they are too many for one call, or somebody was faster.
        losses: the chances that the units' labels are wrong, added up: as many errors are expected.
        unit_ids: which.
    """

    units: int
    left: int
    losses: float
    unit_ids: list[str]


class Closing:
    """Closes escalations.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
    """

    def __init__(self, repository: Repository, deciding: Deciding) -> None:
        self.repository = repository
        self.deciding = deciding

    def would_close(self, project: Project, above: float) -> Closed:
        """Return what closing from a confidence on would come to; nothing is done.

        Raises:
            NotHere: the project's place is not this process's any more.
        """
        found = self.repository.view(project.project_id).closable(above)
        some = found[:CLOSED_MAX]
        return Closed(
            len(some), len(found) - len(some), sum(loss for loss, _ in some), [unit_id for _, unit_id in some]
        )

    async def close(self, project: Project, bar: Bar) -> Closed:
        """Settle a project's escalations that are sure enough on their leading labels, the surest first.

        One that somebody rules meanwhile is theirs: a unit is settled once. Said again, what is left is closed.

        Raises:
            NotHere: the project's place is not this process's any more.
            Backlogged: the broker takes no events.
        """
        self.repository.refuse_backlog()
        found = self.repository.view(project.project_id).closable(bar.above)
        loss_of, closed_ids = {unit_id: loss for loss, unit_id in found}, []
        wanted = [unit_id for _, unit_id in found[:CLOSED_MAX]]
        for start in range(0, len(wanted), CLOSED_AT_ONCE):
            closed_ids += await self._close(project, bar, wanted[start : start + CLOSED_AT_ONCE])
        losses = sum(loss_of[closed_id] for closed_id in closed_ids)
        return Closed(len(closed_ids), len(found) - len(closed_ids), losses, closed_ids)

    async def _close(self, project: Project, bar: Bar, unit_ids: list[str]) -> list[str]:
        batch = Batch()
        units = await self.repository.units(unit_ids)
        causes = [_closing(unit, project, bar) for unit in units.values()]
        batch.verdicts.update((cause.id, "closed") for cause in causes)
        outcomes = await self.deciding.apply(causes, batch)
        return [
            unit_id
            for unit_id, outcome in zip(units, outcomes, strict=True)
            if not outcome.repeated and outcome.state is not None and outcome.state.closed_by == bar.closed_by
        ]


def _closing(unit: UnitState, project: Project, bar: Bar) -> Cause[UnitState]:
    # In each rework at most once, whoever says it: what waited for an answer meanwhile may be closed after all.
    cause_id = f"closed/{unit.unit_id}/{unit.rework}/{len(unit.rulers)}/{bar.closed_by}/{bar.above}"
    trace = trace_headers()

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        after = closed(state, bar.above, bar.closed_by)
        if after is None:
            return None
        label = project.read_text(after.label)
        version = project.version_of(label)
        after = msgspec.structs.replace(
            after, label=label, schema_version=version, ruling_reason=bar.reason, decided_at_us=now_us
        )
        announcer = Announcer(SERVICE, cause_id, now_us, trace)
        method = project.policy.consensus.method
        return Decision(after, [closed_above(announcer, after, method, project.guideline_version, bar.above)])

    return Cause(unit_key(unit.unit_id), cause_id, decide)
