"""Taking a place in: what is open in it and what waits, in as few answers of the store as can be.

Nobody in the place's projects is answered meanwhile, and each answer is waited for: a load is as long as they are many.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.contracts.ids import SLOTS
from services.assign.domain.place import Place
from services.assign.repository.conducts import CONDUCT, Conducts
from services.assign.repository.drafts import Drafts
from services.assign.repository.fresh_pages import FreshPages
from services.assign.repository.kinds import UNIT, unit_key
from services.assign.repository.qualifications import QUALIFICATION, Qualifications

SETTLED_AT_ONCE = 1_000
"""Aggregates that a load takes in before it lets others run."""


class Loading:
    """Loads places.

    Args:
        journal: the truth.
        count: how many places the cluster has.
        fresh, qualifications, conducts, drafts: what is loaded beside the units.
    """

    def __init__(
        self,
        journal: Journal,
        count: int,
        fresh: FreshPages,
        qualifications: Qualifications,
        conducts: Conducts,
        drafts: Drafts,
    ) -> None:
        self._journal = journal
        self._count = count
        self._fresh = fresh
        self._qualifications = qualifications
        self._conducts = conducts
        self._drafts = drafts

    async def load(self, number: int, place: Place) -> None:
        """Take in what is open or fresh in a place, in the order of admission, letting others run in between.

        What the journal settles meanwhile is newer, and stays. Said again, it also reads what is open here alone: an
        owner before may have closed it since.
        """
        # Pages first: a row that is taken out of its page meanwhile has its marker before the page goes.
        await self._fresh.load(number)
        await self._drafts.load(number)
        open_here: dict[Kind[Any], set[str]] = {
            UNIT: {unit_key(unit_id) for unit_id in place.queue.waiting()} | set(place.held_or_lacking()),
            CONDUCT: self._conducts.held(number),
        }
        settles: dict[Kind[Any], Callable[[str, Any], None]] = {
            QUALIFICATION: self._qualifications.settle,
            CONDUCT: self._conducts.settle,
            UNIT: place.found,
        }
        found = self._journal.rebuild_open_kinds(list(settles), range(number, SLOTS, self._count))
        count = 0
        async for kind, key, state in found:
            settles[kind](key, state)
            open_here.get(kind, set()).discard(key)
            count += 1
            if count % SETTLED_AT_ONCE == 0:
                await asyncio.sleep(0)
        if place.loaded:
            for known, keys in open_here.items():
                await self._read_again(known, sorted(keys))
            return
        for count, _ in enumerate(place.take_in(), 1):
            if count % SETTLED_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _read_again(self, kind: Kind[Any], keys: Sequence[str]) -> None:
        """Read aggregates whose newest state may be another process's; the listener takes it in."""
        for start in range(0, len(keys), SETTLED_AT_ONCE):
            some = keys[start : start + SETTLED_AT_ONCE]
            self._journal.forget(some)
            await self._journal.states(kind, some)
