"""Where assign's facts are found: aggregates by key, and read models by place."""

import asyncio
import functools
import random
from collections.abc import Iterable, Sequence

from concord.chassis.clock import MICROSECONDS
from concord.chassis.errors import Backlogged, Unavailable
from concord.chassis.journal.journal import Journal, Linked
from concord.chassis.journal.record import Cause, Outcome
from concord.chassis.places.owner import Owner
from concord.chassis.projects import Project
from concord.chassis.sealing import Sealer
from concord.contracts.ids import keyed, place_of, slot_of_project
from services.assign.domain.active_time import ActiveTimes, ActiveTimeState
from services.assign.domain.desk import DeskState, next_page
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.fresh import RowsInMemory
from services.assign.domain.held import Hold
from services.assign.domain.overlap import slots_open
from services.assign.domain.place import Place
from services.assign.domain.pool import Pool
from services.assign.domain.project_view import ProjectView
from services.assign.domain.queue import Pick, Seeker
from services.assign.domain.unit import UnitState
from services.assign.repository.active_times import inform
from services.assign.repository.conducts import Conducts
from services.assign.repository.drafts import Drafts
from services.assign.repository.fresh_pages import FreshPages
from services.assign.repository.given_labels import GivenLabels
from services.assign.repository.in_hand import InHand
from services.assign.repository.kinds import (
    ACTIVE_TIME,
    ANNOTATOR,
    DESK,
    UNIT,
    annotator_key,
    desk_key,
    desk_key_of,
    unit_key,
)
from services.assign.repository.loading import Loading
from services.assign.repository.pages import newest_page
from services.assign.repository.qualifications import Qualifications

CODE_CHARACTERS = 10
RESTART_GRACE_SECONDS = 30
"""After a place is loaded no lease that was found is ended for so long: nobody could renew or submit meanwhile."""


class Repository:
    """Where assign's facts are found.

    A unit's aggregate stands under its id; a gold unit's copy for one annotator under the assignment's id. Read
    models: everybody who annotates, from the annotators topic, and one `Place` a place that this process has, with its
    ready queue and a `ProjectView` a project.

    Args:
        journal: the truth.
        owner: which places are served here.
        id_secret: keys assignment ids, so that none tells how many had the unit before: gold has many.
        generator: draws from the queues' windows.
        sealer: encrypts drafts.

    Attributes:
        places: the places that are loaded here, or are being loaded.
        fresh: the pages in which units wait to whom nothing happened alone.
        qualifications, conducts, drafts, given: who may do real work, what people did lately, their labels before and
            after they are sent.
    """

    def __init__(
        self, journal: Journal, owner: Owner, id_secret: bytes, generator: random.Random, sealer: Sealer
    ) -> None:
        self.journal = journal
        self.owner = owner
        self.id_secret = id_secret
        self.pool = Pool()
        self.places: dict[int, Place] = {}
        self._generator = generator
        self._in_hand = InHand()
        self._memory = RowsInMemory()
        self._bells: dict[str, asyncio.Event] = {}
        self.fresh = FreshPages(journal, owner.places, self.places, self.ring)
        self.qualifications = Qualifications(journal, owner.places, self.places)
        self.conducts = Conducts(journal, owner.places, self.places)
        self.drafts = Drafts(journal, owner.places, sealer)
        self.given = GivenLabels(journal, owner.places, self.places, id_secret)
        self._loading = Loading(journal, owner.places, self.fresh, self.qualifications, self.conducts, self.drafts)
        journal.listen(UNIT, self._settle)
        owner.closes.append(self.ring)
        journal.listen(ANNOTATOR, lambda _, annotator: self.pool.settle(annotator))

    def place(self, project_id: str) -> Place:
        """Return the place in which a project lies.

        Raises:
            Unavailable: it was served here a moment ago, and is another process's by now.
        """
        found = self.places.get(self._number(project_id))
        if found is None:
            problem = "The project was just taken over by another process; send the same request again in a second."
            raise Unavailable(problem, retry_after_seconds=1)
        return found

    def serves(self, project_id: str) -> bool:
        """Return whether the project's place is this process's to serve, and not about to be another's."""
        return self._number(project_id) in self.owner.open()

    def bell(self, project_id: str) -> asyncio.Event:
        """Return what is set when something that may be had comes to wait in a project."""
        return self._bells.setdefault(project_id, asyncio.Event())

    def ring(self, *project_ids: str) -> None:
        """Let those look again who wait for work of these projects; of any, where none is named."""
        for project_id in project_ids or list(self._bells):
            if (bell := self._bells.pop(project_id, None)) is not None:
                bell.set()

    def _number(self, project_id: str) -> int:
        return place_of(slot_of_project(project_id), self.owner.places)

    def view(self, project_id: str) -> ProjectView:
        """Return what is known at a glance of a project.

        Raises:
            Unavailable: see `place`.
        """
        return self.place(project_id).view(project_id)

    def served(self) -> list[Place]:
        """Return the places whose timers are ours to run: what is loaded, and not about to be another's."""
        return [self.places[number] for number in sorted(self.owner.open()) if number in self.places]

    @property
    def views(self) -> list[tuple[str, ProjectView]]:
        """Every project of the places that are served here, with its view: also where nobody has asked for work yet."""
        return [
            (project_id, place.view(project_id))
            for place in self.served()
            for project_id in dict.fromkeys((*place.views, *place.queue.projects))
        ]

    @property
    def waiting_units(self) -> int:
        """How many units wait here."""
        return sum(len(place.queue) for place in self.places.values())

    async def load(self, place: int) -> None:
        """Take in what is open or fresh in a place, in the order of admission, letting others run in between.

        What the journal settles meanwhile is newer, and stays. Said again, it also reads what is open here alone: an
        owner before may have closed it since.
        """
        now_us, grace_us = self.journal.clock.now_us(), RESTART_GRACE_SECONDS * MICROSECONDS
        models = self.places.setdefault(place, Place(self._generator, now_us + grace_us, self._memory, now_us))
        await self._loading.load(place, models)

    async def drop(self, place: int) -> None:
        """Forget everything of a place that is another's now."""
        gone = self.places.pop(place, None)
        if gone is not None:
            gone.queue.fresh.forget()
        self.drafts.drop(place)

    def key(self, unit_or_copy_id: str) -> str:
        """Return the key of a unit's aggregate, or of a gold unit's copy."""
        return unit_key(unit_or_copy_id)

    async def originals(self, states: Iterable[UnitState]) -> dict[str, UnitState]:
        """Return the gold units of which some of these are copies, by id: nothing is told of a copy by its own."""
        keys = {state.unit_id: self.key(state.unit_id) for state in states if state.copy_for}
        found = await self.units(list(keys.values())) if keys else {}
        return {unit_id: found[key] for unit_id, key in keys.items() if key in found}

    def assignment_id(self, unit_id: str, annotator_id: str, rework: int, turn: int = 0, referral: int = 0) -> str:
        """Return the id of an annotator's assignment of a unit: there is one each time the unit goes round."""
        times = f"{rework}.{referral}" if referral else str(rework)
        code = keyed(self.id_secret, unit_id, annotator_id, f"{times}/{turn}" if turn else times)
        return f"{unit_id}.{code[:CODE_CHARACTERS]}"

    def holds_of(self, annotator_id: str, project_id: str | None = None) -> list[Hold]:
        """Return what the annotator holds, of one project or of all here, first issued first within each."""
        if project_id is not None:
            return self.view(project_id).held.of(annotator_id)
        return [hold for place in self.served() for hold in place.holds_of(annotator_id)]

    def due(self, now_us: int, leases_max: int) -> list[Hold]:
        """Return leases that have ended, at most so many; each is looked at once, unless it is given to `again`."""
        ended: list[Hold] = []
        for place in self.served():
            if len(ended) == leases_max:
                break
            ended += place.due(now_us, leases_max - len(ended))
        return ended

    def again(self, holds: Sequence[Hold]) -> None:
        """Look at these once more, as far as their places are still here: nobody could decide on them."""
        for hold in holds:
            if (place := self.places.get(self._number(hold.project_id))) is not None:
                place.view(hold.project_id).held.again([hold])

    @property
    def leases_running(self) -> int:
        """How many leases run here."""
        return sum(place.leases_running for place in self.places.values())

    async def keys_of(self, assignment_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the key of the aggregate that decides on each assignment; None where there is no such unit.

        An assignment that a unit's state does not know may have been issued by another process since it was read, so
        that unit is read anew: nobody is told that they hold nothing while the store says otherwise.
        """
        unit_keys = {assignment_id: self.key(assignment_id.rpartition(".")[0]) for assignment_id in assignment_ids}
        units = await self.journal.states(UNIT, list(dict.fromkeys(unit_keys.values())))
        unknown = {
            key: None
            for assignment_id, key in unit_keys.items()
            if (unit := units.get(key)) is not None and not unit.gold and unit.assignment(assignment_id) is None
        }
        if unknown:
            self.journal.forget(unknown)
            units |= await self.journal.states(UNIT, list(unknown))
        return {
            assignment_id: None if (unit := units.get(key)) is None else self.key(assignment_id) if unit.gold else key
            for assignment_id, key in unit_keys.items()
        }

    async def units(self, keys: Sequence[str]) -> dict[str, UnitState]:
        """Return the states under these keys; those without a record are left out."""
        return await self.journal.states(UNIT, list(dict.fromkeys(keys)))

    async def annotator(self, annotator_id: str) -> AnnotatorState | None:
        """Return an annotator as last told; one that nobody has told of yet, as the store knows them."""
        known = self.pool.find(annotator_id)
        if known is not None:
            return known
        key = annotator_key(annotator_id)
        return (await self.journal.states(ANNOTATOR, [key])).get(key)

    async def annotator_stored(self, annotator_id: str) -> AnnotatorState | None:
        """Return an annotator as last defined, by whichever process, read from the store."""
        key = annotator_key(annotator_id)
        self.journal.forget([key])
        return (await self.journal.states(ANNOTATOR, [key])).get(key)

    async def lease_seconds(self, project_id: str, policy_seconds: int) -> int:
        """Return for how long a unit of the project is leased: what it says, or what follows from the active times."""
        times = self.view(project_id).active_times if policy_seconds else await self.active_times(project_id)
        return times.lease_seconds(policy_seconds)

    async def active_times(self, project_id: str) -> ActiveTimes:
        """Return how long units of the project take, as far as it is known here or was written down."""
        times = self.view(project_id).active_times
        if not times.informed:
            await inform(self.journal, times, project_id)
        return times

    async def write_active_time(self, cause: Cause[ActiveTimeState]) -> None:
        """Answer a cause that writes a project's active time down."""
        await self.journal.decide(ACTIVE_TIME, cause)

    async def ask_for_gold(self, project_id: str, seeker: Seeker, gold_rate: float) -> None:
        """Learn whether the seeker was shown the gold units that come next, of those that were found in the store."""
        unit_ids = self.place(project_id).queue.gold_in_doubt(project_id, seeker, gold_rate)
        if not unit_ids:
            return
        originals = await self.units([self.key(unit_id) for unit_id in unit_ids])
        copies = [
            self.key(self.assignment_id(original.unit_id, seeker.annotator_id, original.rework))
            for original in originals.values()
        ]
        shown = await self.units(copies)
        queue = self.place(project_id).queue
        for state in shown.values():
            queue.settle(state)
        queue.gold_asked(project_id, seeker, unit_ids)

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
        for pick in picks:
            if (place := self.places.get(self._number(pick.waiting.project_id))) is not None:
                place.queue.release([pick])
        return outcomes

    def undo(self, pick: Pick, annotator_id: str) -> None:
        """Take back a pick that led to nothing."""
        if (place := self.places.get(self._number(pick.waiting.project_id))) is not None:
            place.queue.undo(pick, annotator_id)
            self.ring(pick.waiting.project_id)

    async def apply_in_turn(
        self, causes: Sequence[Cause[UnitState]], picks: Sequence[Pick] = ()
    ) -> list[Outcome[UnitState]]:
        """Do as `apply` does, after those of this process that have the same aggregates in hand.

        Two at once would both be right in the end, but the one that loses at the insert reads and decides again. Not
        for large batches, which would wait for ever for a moment in which nobody has any of theirs.
        """
        keys = [cause.key for cause in causes]
        done = await self._in_hand.take(keys)
        try:
            return await self.apply(causes, picks)
        finally:
            self._in_hand.let_go(keys, done)

    async def apply_linked(
        self, pair: Linked[UnitState], pick: Pick
    ) -> tuple[Outcome[UnitState], Outcome[UnitState] | None]:
        """Take a label in, and lease a picked unit if that is stored; in turn, as `apply_in_turn` does."""
        keys = (pair.key, pair.then.key)
        done = await self._in_hand.take(keys)
        try:
            outcomes = await self.journal.apply_linked(UNIT, pair)
        finally:
            self._in_hand.let_go(keys, done)
        if (place := self.places.get(self._number(pick.waiting.project_id))) is not None:
            place.queue.release([pick])
        return outcomes

    def _settle(self, key: str, state: UnitState) -> None:
        """Bring the read models up to a unit's newest state, where its place is here; the journal's listener."""
        place = self.places.get(self._number(state.project_id))
        if place is not None:
            place.told(key, state)
            if state.project_id in self._bells and (state.gold or slots_open(state)):
                self.ring(state.project_id)

    def project_told(self, before: Project | None, project: Project) -> None:
        """Let those who wait for work of a project look again: it may give some now; the table's listener."""
        del before
        self.ring(project.project_id)

    def annotator_told(self, before: AnnotatorState | None, annotator: AnnotatorState) -> None:
        """Bring the read models up to an annotator as the topic has them; the table's listener."""
        del before
        self.pool.settle(annotator)
        self.ring()

    async def desk(self, project_id: str, annotator_id: str) -> DeskState:
        """Return the newest page of an annotator's desk in a project; it may be closed, or not made yet."""
        view = self.view(project_id)
        page = view.desk_pages.get(annotator_id)
        if page is None:
            key = functools.partial(desk_key_of, project_id, annotator_id)
            page = await newest_page(self.journal.store, key)
        found = DeskState(project_id, annotator_id, page)
        while (state := (await self.journal.states(DESK, [name := desk_key(found)])).get(name)) is not None:
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
