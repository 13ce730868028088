"""Assign's aggregates, keys and read models; every query lives here."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Kind, Outcome
from concord.contracts.ids import client_of, keyed
from concord.contracts.names import quoted
from services.assign.announcements import VENDOR
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.held import HeldLeases
from services.assign.domain.lease import ActiveTimes
from services.assign.domain.queue import Pick, ReadyQueue
from services.assign.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
ANNOTATOR = Kind("annotator", AnnotatorState)

CODE_CHARACTERS = 10
RESTART_GRACE_SECONDS = 30
"""After a start no lease is ended for so long: nobody could renew or submit while we were away."""


class Repository:
    """Where assign's facts are found.

    A unit's aggregate stands under its id; a gold unit's copy for one annotator under the assignment's id. Read
    models: the ready queue, the leases that run, and how long units take; all rebuilt from the journal.

    Args:
        journal: the truth.
        id_secret: keys assignment ids, so that none tells how many had the unit before: gold has many.
        generator: draws from the queue's windows.
    """

    def __init__(self, journal: Journal, id_secret: bytes, generator: random.Random) -> None:
        self.journal = journal
        self.id_secret = id_secret
        self.queue = ReadyQueue(generator)
        self.held = HeldLeases()
        self._in_hand: dict[str, asyncio.Event] = {}
        self.active_times: defaultdict[str, ActiveTimes] = defaultdict(ActiveTimes)

    async def rebuild(self) -> None:
        """Fill the read models from the journal: units wait in the order of their admission."""
        not_before_us = self.journal.clock.now_us() + RESTART_GRACE_SECONDS * MICROSECONDS
        units = [(key, state) async for key, state in self.journal.rebuild(UNIT)]
        for key, state in sorted(units, key=lambda one: (one[1].admitted_at_us, one[0])):
            self.queue.settle(state)
            self.held.settle(state, key, not_before_us)
            for assignment in state.assignments:
                self.active_times[state.project_id].add(assignment.active_ms)

    def key(self, unit_or_copy_id: str) -> str:
        """Return the key of a unit's aggregate, or of a gold unit's copy."""
        return UNIT.key(client_of(unit_or_copy_id), unit_or_copy_id)

    def assignment_id(self, unit_id: str, annotator_id: str, rework: int) -> str:
        """Return the id of an annotator's assignment of a unit: there is one each time the unit goes round."""
        return f"{unit_id}.{keyed(self.id_secret, unit_id, annotator_id, str(rework))[:CODE_CHARACTERS]}"

    async def keys_of(self, assignment_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the key of the aggregate that decides on each assignment; None where there is no such unit.

        An assignment that a unit's state does not know may have been issued by another process since it was read, so
        that unit is read anew: nobody is told that they hold nothing while the store says otherwise.
        """
        unit_keys = {one: self.key(one.rpartition(".")[0]) for one in assignment_ids}
        units = await self.journal.states(UNIT, list(dict.fromkeys(unit_keys.values())))
        unknown = {
            key: None
            for one, key in unit_keys.items()
            if (unit := units.get(key)) is not None and not unit.gold and unit.assignment(one) is None
        }
        if unknown:
            self.journal.forget(unknown)
            units |= await self.journal.states(UNIT, list(unknown))
        return {
            one: None if (unit := units.get(key)) is None else self.key(one) if unit.gold else key
            for one, key in unit_keys.items()
        }

    async def units(self, keys: Sequence[str]) -> dict[str, UnitState]:
        """Return the states under these keys; those without a record are left out."""
        return await self.journal.states(UNIT, list(dict.fromkeys(keys)))

    async def annotator(self, annotator_id: str) -> AnnotatorState | None:
        """Return an annotator as last defined."""
        key = annotator_key(annotator_id)
        return (await self.journal.states(ANNOTATOR, [key])).get(key)

    def refuse_backlog(self) -> None:
        """Raise Backlogged when more events wait for the broker than may: no more is taken from people then."""
        if self.journal.publisher.full:
            raise Backlogged(f"{self.journal.publisher.backlog_events} events wait for the broker; try again soon.")

    async def apply(self, causes: Sequence[Cause[UnitState]], picks: Sequence[Pick] = ()) -> list[Outcome[UnitState]]:
        """Answer causes in one read and one insert, and bring the read models up to date.

        Args:
            causes: what is asked.
            picks: the queue's picks that the causes are to lease; released when their outcome is known.
        """
        outcomes = await self.journal.apply(UNIT, causes)
        self.queue.release(picks)
        await self.settle([cause.key for cause in causes])
        return outcomes

    async def apply_in_turn(
        self, causes: Sequence[Cause[UnitState]], picks: Sequence[Pick] = ()
    ) -> list[Outcome[UnitState]]:
        """Do as `apply` does, after those of this process that have the same aggregates in hand.

        Two at once would both be right in the end, but the one that loses at the insert reads and decides again. Not
        for large batches, which would wait for ever for a moment in which nobody has any of theirs.
        """
        keys = [cause.key for cause in causes]
        for key in keys:
            while (before := self._in_hand.get(key)) is not None:
                await before.wait()
        done = asyncio.Event()
        for key in keys:
            self._in_hand[key] = done
        try:
            return await self.apply(causes, picks)
        finally:
            done.set()
            for key in keys:
                if self._in_hand.get(key) is done:
                    del self._in_hand[key]

    async def settle(self, keys: Sequence[str]) -> None:
        """Bring the read models up to the newest states of these aggregates."""
        for key, state in (await self.units(keys)).items():
            self.queue.settle(state)
            self.held.settle(state, key)


def annotator_key(annotator_id: str) -> str:
    """Return an annotator's aggregate key."""
    return ANNOTATOR.key(VENDOR, quoted(annotator_id))
