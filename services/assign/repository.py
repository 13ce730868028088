"""Assign's aggregates, keys and read models; every query lives here."""

import asyncio
import random
from collections.abc import Iterable, Sequence

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import JOURNAL, Cause, Kind, Outcome
from concord.contracts.ids import client_of, keyed
from concord.contracts.names import quoted
from services.assign.announcements import VENDOR
from services.assign.domain.desk import DeskState, next_page
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.held import Hold
from services.assign.domain.pool import Pool
from services.assign.domain.project_view import ProjectView
from services.assign.domain.queue import Pick, ReadyQueue
from services.assign.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
ANNOTATOR = Kind("annotator", AnnotatorState)
DESK = Kind("desk", DeskState)

CODE_CHARACTERS = 10
RESTART_GRACE_SECONDS = 30
"""After a start no lease is ended for so long: nobody could renew or submit while we were away."""
SETTLED_AT_ONCE = 1_000
"""Aggregates that a rebuild takes in before it lets others run."""
DESK_PAGES_MAX = 2**20
DESK_LOOKS = 16


class Repository:
    """Where assign's facts are found.

    A unit's aggregate stands under its id; a gold unit's copy for one annotator under the assignment's id. Read
    models: the ready queue, everybody who annotates, and one `ProjectView` a project; all rebuilt from the journal.

    Args:
        journal: the truth.
        id_secret: keys assignment ids, so that none tells how many had the unit before: gold has many.
        generator: draws from the queue's windows.
    """

    def __init__(self, journal: Journal, id_secret: bytes, generator: random.Random) -> None:
        self.journal = journal
        self.id_secret = id_secret
        self.queue = ReadyQueue(generator)
        self.pool = Pool()
        self._views: dict[str, ProjectView] = {}
        self._in_hand: dict[str, asyncio.Event] = {}
        self._settled_meanwhile: set[str] | None = None
        journal.listen(UNIT, self._settle)
        journal.listen(ANNOTATOR, self._settle_annotator)

    def view(self, project_id: str) -> ProjectView:
        """Return what is known at a glance of a project."""
        return self._views.setdefault(project_id, ProjectView())

    @property
    def views(self) -> list[tuple[str, ProjectView]]:
        """Every project that is known, with its view."""
        return list(self._views.items())

    def drop(self, project_ids: Iterable[str]) -> None:
        """Let go of the read models of projects that are served elsewhere."""
        for project_id in project_ids:
            self._views.pop(project_id, None)
            self.queue.drop(project_id)

    async def rebuild(self) -> None:
        """Fill the read models, letting others run in between; units wait in the order of their admission.

        What the journal settles meanwhile is newer, and stays.
        """
        not_before_us = self.journal.clock.now_us() + RESTART_GRACE_SECONDS * MICROSECONDS
        meanwhile: set[str] = set()
        self._settled_meanwhile = meanwhile
        try:
            units = []
            async for key, state in self.journal.rebuild(UNIT):
                # Copies of gold units first: who has seen a unit that is shown no more is then forgotten with it.
                units.append((state.admitted_at_us, not state.copy_for, key, state))
                await self._let_others_run(len(units))
            units.sort(key=lambda one: one[:3])
            for count, (_, _, key, state) in enumerate(units, 1):
                if key not in meanwhile:
                    self.queue.settle(state)
                    self.view(state.project_id).settle(state, key, not_before_us)
                await self._let_others_run(count)
            count = 0
            async for key, annotator in self.journal.rebuild(ANNOTATOR):
                count += 1
                self._settle_annotator(key, annotator)
                await self._let_others_run(count)
        finally:
            self._settled_meanwhile = None

    async def _let_others_run(self, count: int) -> None:
        if count % SETTLED_AT_ONCE == 0:
            await asyncio.sleep(0)

    def key(self, unit_or_copy_id: str) -> str:
        """Return the key of a unit's aggregate, or of a gold unit's copy."""
        return UNIT.key(client_of(unit_or_copy_id), unit_or_copy_id)

    def assignment_id(self, unit_id: str, annotator_id: str, rework: int, turn: int = 0) -> str:
        """Return the id of an annotator's assignment of a unit: there is one each time the unit goes round."""
        code = keyed(self.id_secret, unit_id, annotator_id, f"{rework}/{turn}" if turn else str(rework))
        return f"{unit_id}.{code[:CODE_CHARACTERS]}"

    def holds_of(self, annotator_id: str, project_id: str | None = None) -> list[Hold]:
        """Return what the annotator holds, of one project or of all, first issued first within each."""
        views = [self.view(project_id)] if project_id is not None else list(self._views.values())
        return [hold for view in views for hold in view.held.of(annotator_id)]

    def due(self, now_us: int, leases_max: int) -> list[Hold]:
        """Return leases that have ended, at most so many; each is looked at once, unless it is given to `again`."""
        ended: list[Hold] = []
        for view in self._views.values():
            if len(ended) == leases_max:
                break
            ended += view.held.due(now_us, leases_max - len(ended))
        return ended

    def again(self, holds: Sequence[Hold]) -> None:
        """Look at these once more: nobody could decide on them."""
        for hold in holds:
            self.view(hold.project_id).held.again([hold])

    @property
    def leases_running(self) -> int:
        """How many leases run."""
        return sum(len(view.held) for view in self._views.values())

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
        """Answer causes in one read and one insert.

        Args:
            causes: what is asked.
            picks: the queue's picks that the causes are to lease; released when their outcome is known.
        """
        outcomes = await self.journal.apply(UNIT, causes)
        self.queue.release(picks)
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

    def _settle(self, key: str, state: UnitState) -> None:
        """Bring the read models up to a unit's newest state; the journal's listener."""
        if self._settled_meanwhile is not None:
            self._settled_meanwhile.add(key)
        self.queue.settle(state)
        self.view(state.project_id).settle(state, key)

    def _settle_annotator(self, key: str, annotator: AnnotatorState) -> None:
        """Bring the read models up to an annotator's newest state; the journal's listener."""
        del key
        self.pool.settle(annotator)

    async def desk(self, project_id: str, annotator_id: str) -> DeskState:
        """Return the newest page of an annotator's desk in a project; it may be closed, or not made yet."""
        view = self.view(project_id)
        page = view.desk_pages.get(annotator_id)
        if page is None:
            page = await self._newest_page(project_id, annotator_id)
        found = DeskState(project_id, annotator_id, page)
        while (state := (await self.journal.states(DESK, [key := desk_key(found)])).get(key)) is not None:
            found = state
            if not state.closed:
                break
            following = next_page(state)
            if not await self.journal.states(DESK, [desk_key(following)]):
                break
            found = following
        view.desk_pages[annotator_id] = found.page
        return found

    async def take_places(self, cause: Cause[DeskState]) -> None:
        """Answer a cause that changes a page of a desk."""
        await self.journal.decide(DESK, cause)

    async def _newest_page(self, project_id: str, annotator_id: str) -> int:
        """Return the newest page of a desk, found in a few looks at first records: pages are made one after another."""
        low, high = 0, DESK_PAGES_MAX
        while high - low > 1:
            step = max(1, (high - low) // DESK_LOOKS)
            pages = [low + step * number for number in range(1, DESK_LOOKS + 1) if low + step * number < high]
            if low == 0 and high == DESK_PAGES_MAX:
                pages = [2**power for power in range(DESK_PAGES_MAX.bit_length() - 1)]
            ids = {f"{desk_key(DeskState(project_id, annotator_id, page))}/{1:06d}": page for page in pages}
            there = await self.journal.store.get(JOURNAL.name, list(ids))
            low = max((ids[one] for one in there), default=low)
            high = min((page for page in pages if page > low), default=high)
        return low


def desk_key(page: DeskState) -> str:
    """Return the aggregate key of a page of a desk."""
    return DESK.key(client_of(page.project_id), f"{page.project_id}/{quoted(page.annotator_id)}/{page.page}")


def annotator_key(annotator_id: str) -> str:
    """Return an annotator's aggregate key; a name may hold what a key is divided by."""
    return ANNOTATOR.key(VENDOR, quoted(annotator_id))
