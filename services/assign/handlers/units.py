"""What other services tell of units: they are admitted, asked for again, closed, sent back, withdrawn."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from services.assign.announcements import announcer
from services.assign.domain import unit
from services.assign.domain.fresh import may_be_row
from services.assign.domain.unit import UnitState
from services.assign.handlers.deciding import Projects, raise_errors
from services.assign.repository import Repository


@dataclass(frozen=True, slots=True)
class UnitChange:
    """What an event tells of one unit.

    Attributes:
        cause_id: the event's id.
        change: returns the unit's state after it, or None when nothing changes.
        word: says what is told of the state after, even where nothing changed; None where nothing is.
    """

    cause_id: str
    unit_id: str
    client_id: str
    project_id: str
    change: Callable[[UnitState], UnitState | None]
    word: Callable[[Announcer, UnitState], Sequence[Outgoing]] | None = None


class Units:
    """Units as others tell of them.

    Args:
        repository: where facts are found.
        projects: whose policy says what overlap is wanted first.
    """

    def __init__(self, repository: Repository, projects: Projects) -> None:
        self.repository = repository
        self.projects = projects

    async def admit(self, admitted: Sequence[tuple[str, UnitState]]) -> None:
        """Take in units, each with the id of the event that admitted it; their overlap follows from their project.

        Most are stored as rows of pages, and get a record of their own when something happens to them alone.

        Raises:
            ProjectUnknown: a project is not there, though a little was waited for it.
        """
        units, initial = [], dict[str, int]()
        for cause_id, state in admitted:
            if state.project_id not in initial:
                project = await self.projects.awaited(state.project_id)
                initial[state.project_id] = project.policy.overlap.initial
            units.append((cause_id, unit.with_overlap(state, initial[state.project_id])))
        rows = {whole.unit_id: cause_id for cause_id, whole in units if may_be_row(whole)}
        alone = [(cause_id, whole, True) for cause_id, whole in units if whole.unit_id not in rows]
        heard_of = await self.repository.fresh.keep([whole for _, whole in units if whole.unit_id in rows])
        alone += [(rows[whole.unit_id], whole, False) for whole in heard_of]
        causes = [
            Cause(self.repository.key(whole.unit_id), cause_id, functools.partial(_admit, whole), creates=creates)
            for cause_id, whole, creates in alone
        ]
        raise_errors(await self.repository.apply(causes))

    async def hear(self, closings: Sequence[UnitChange]) -> None:
        """Take over what adjudicate, audit or ingest decided about units."""
        rows = await self.repository.fresh.admitted([(closing.unit_id, closing.project_id) for closing in closings])
        causes = [
            Cause(
                self.repository.key(closing.unit_id),
                closing.cause_id,
                functools.partial(_hear, closing, rows.get(closing.unit_id)),
            )
            for closing in closings
        ]
        raise_errors(await self.repository.apply(causes))


def _admit(fresh: UnitState, state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
    del now_us
    after = unit.admit(state, fresh)
    return None if after is None else Decision(after)


def _hear(
    closing: UnitChange, row: UnitState | None, state: UnitState | None, now_us: int
) -> Decision[UnitState] | None:
    before = unit.begun(state, row) or unit.unheard_of(closing.unit_id, closing.client_id, closing.project_id)
    after = closing.change(before)
    outgoings = (
        closing.word(announcer(closing.cause_id, now_us, ()), after or before) if closing.word is not None else ()
    )
    return None if after is None and not outgoings else Decision(after or before, outgoings)
