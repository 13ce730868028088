"""Rulings that are given again by a second adjudicator, blind."""

from typing import NamedTuple

import msgspec

from concord.chassis.journal.announce import Announcer
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.projects import Project
from concord.chassis.telemetry import trace_headers
from concord.labels import decoded
from services.adjudicate.announcements import SERVICE, ruling_repeated
from services.adjudicate.domain.escalation import NotEscalated
from services.adjudicate.domain.repeats import (
    RULED,
    WAITING_MAX,
    Difference,
    RepeatsState,
    Second,
    Word,
    counted,
    first_word,
    is_drawn,
    repeated,
)
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.handlers.deciding import Batch, Deciding
from services.adjudicate.repository import Repository, counted_lately, counting, repeats_key, ruling_counted, unit_key


class Given(NamedTuple):
    """What is told a second adjudicator: what would be told the first one."""

    state: UnitState
    repeated: bool


class Repeats:
    """Draws rulings that are repeated, and takes the second ones.

    Args:
        repository: where facts are found.
        deciding: how units are decided on.
        secret: of the deployment: which rulings are repeated follows from it.
    """

    def __init__(self, repository: Repository, deciding: Deciding, secret: bytes) -> None:
        self.repository = repository
        self.deciding = deciding
        self.secret = secret

    def drawn(self, project: Project, state: UnitState) -> UnitState:
        """Return a unit that was ruled, marked where its ruling is to be given once more."""
        rate = project.policy.consensus.repeat_rulings
        if not rate or not is_drawn(self.secret, state.unit_id, state.rework, rate):
            return state
        if self.repository.view(project.project_id).repeats_waiting >= WAITING_MAX:
            return state
        return msgspec.structs.replace(state, repeat="waits")

    async def state(self, project: Project) -> RepeatsState:
        """Return what a project's repeats came to."""
        return await self.repository.repeats(project)

    async def differences(self, project: Project) -> list[Difference]:
        """Return the newest units of which two adjudicators do not say the same, the newest first.

        Without those that were sent back or erased since: what was said of them is no ruling any more.
        """
        found = await counted_lately(self.repository, repeats_key(project))
        units = await self.repository.units([event.unit_id for event, _ in found])
        differences = []
        for event, at_us in found:
            unit = units.get(event.unit_id)
            if unit is not None and unit.rework == event.rework and unit.status in RULED:
                second = Word(event.outcome, event.reason, event.label.decode())
                differences.append(Difference(unit.unit_id, first_word(unit), second, at_us))
        return differences

    async def give(self, unit: UnitState, project: Project, adjudicator_id: str, second: Word) -> Given:
        """Take a second ruling: counted once, whatever dies when; the first one stands.

        Raises:
            NotEscalated: somebody else gave it, or they did and said something else.
            Backlogged: the broker takes no events.
        """
        shown = _as_first(unit, adjudicator_id, second)
        if unit.repeat == "done" and unit.repeated_by == adjudicator_id:
            if unit.repeated_digest not in ("", second.digest):  # it was not kept at first
                raise _ruled_already(unit)
            return Given(shown, repeated=True)
        first = first_word(unit)
        second_ruling = Second(unit.unit_id, first, second, _same(project, first, second))
        cause_id = counting(unit.unit_id, unit.rework)
        trace = trace_headers()

        def count(state: RepeatsState | None, now_us: int) -> Decision[RepeatsState]:
            announcer = Announcer(SERVICE, cause_id, now_us, trace)
            outgoings = ruling_repeated(announcer, unit, adjudicator_id, second_ruling)
            return Decision(counted(state, project.project_id, second_ruling), outgoings)

        # Counted before it is marked: were it the other way round, a process that dies between would lose it.
        cause = Cause(repeats_key(project), cause_id, count)
        outcome = await self.repository.repeat(cause)
        if not outcome.repeated:
            await self._mark(unit, adjudicator_id, second.digest)
            return Given(shown, repeated=False)
        # It was counted and not marked yet: it is theirs who gave it, and not whoever is next.
        taken = await ruling_counted(self.repository, cause)
        digest = Word(taken.outcome, taken.reason, taken.label.decode()).digest
        await self._mark(unit, taken.adjudicator_id, digest)
        if (taken.adjudicator_id, digest) != (adjudicator_id, second.digest):
            raise _ruled_already(unit)
        return Given(shown, repeated=True)

    async def _mark(self, unit: UnitState, adjudicator_id: str, digest: str) -> None:
        def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
            del now_us
            if state is None or state.repeat != "waits" or state.rework != unit.rework:
                return None
            return Decision(repeated(state, adjudicator_id, digest))

        cause = Cause(unit_key(unit.unit_id), f"repeated/{unit.unit_id}/{unit.rework}", decide)
        await self.deciding.apply([cause], Batch())


def _same(project: Project, first: Word, second: Word) -> bool:
    if first.outcome != second.outcome or first.outcome != "label":
        return first.outcome == second.outcome
    return project.schema.says_same(
        decoded(project.read_text(first.label).encode()), decoded(project.read_text(second.label).encode())
    )


def _ruled_already(unit: UnitState) -> NotEscalated:
    """Return what somebody is told who would rule a unit twice: after a second ruling as after a first one."""
    unanswerable = unit.repeated_digest == Word("unanswerable", "").digest
    return NotEscalated(f"The unit is {'unanswerable' if unanswerable else 'adjudicated'} and waits for no ruling.")


def _as_first(unit: UnitState, adjudicator_id: str, second: Word) -> UnitState:
    """Return the unit as it would be had this been the first ruling: it is all that a second adjudicator is told."""
    return msgspec.structs.replace(
        unit,
        status="adjudicated" if second.outcome == "label" else "unanswerable",
        label=second.label,
        adjudicator_id=adjudicator_id,
        ruling_reason=second.reason,
    )
