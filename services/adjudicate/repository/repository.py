"""Where adjudicate's facts are found: read models by place, and queries."""

import asyncio
import hashlib
import heapq
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import msgspec

from concord.chassis.errors import Backlogged
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Kind, Outcome
from concord.chassis.places.by_place import ByPlace
from concord.chassis.projects import Project
from concord.chassis.store.port import Document
from concord.contracts.ids import SLOTS, client_of, place_of, slot_of_project, slots_of
from services.adjudicate.domain.class_shares import Fresh, Tally
from services.adjudicate.domain.competence import CompetenceState, CrowdState
from services.adjudicate.domain.gold import GoldState
from services.adjudicate.domain.project_view import ProjectView
from services.adjudicate.domain.questions import QuestionState
from services.adjudicate.domain.repeats import RepeatsState
from services.adjudicate.domain.retraining import RetrainingState
from services.adjudicate.domain.spending import Spending
from services.adjudicate.domain.unit import UnitState
from services.adjudicate.repository.kinds import (
    COMPETENCE,
    CROWD,
    GOLD,
    LISTED,
    NOTES,
    QUESTION,
    REPEATS,
    RETRAINING,
    TALLIES,
    UNIT,
    gold_key,
    repeats_key,
    retraining_key,
    unit_key,
)

SETTLED_AT_ONCE = 1_000
"""Aggregates that are taken in, when a place is loaded, before others run."""
READ_AGAIN = 500
"""Units that were open when a place was looked at before, or are in no tally yet, read at once."""
PAGES_READ_AT_ONCE = 20
PAGE_DIGEST_BYTES = 6

_decode_tally = msgspec.json.Decoder(Tally).decode


class Repository:
    """Where adjudicate's facts are found.

    Read models: one `ProjectView` a project of the places that are this process's, loaded from what is open of it, and
    dropped with its place.

    Args:
        journal: the truth.
        places: how many the cluster has.
    """

    def __init__(self, journal: Journal, places: int) -> None:
        self.journal = journal
        self._count = places
        self.views: ByPlace[ProjectView] = ByPlace(places, ProjectView)
        journal.listen(UNIT, self._settle)
        journal.listen(COMPETENCE, self._learned)
        journal.listen(CROWD, self._measured)
        journal.listen(GOLD, self._doubted)
        journal.listen(QUESTION, self._asked)

    def place_of(self, project_id: str) -> int:
        """Return the place in which a project lies."""
        return place_of(slot_of_project(project_id), self._count)

    def view(self, project_id: str) -> ProjectView:
        """Return what is known at a glance of a project.

        Raises:
            NotHere: its place is not this process's any more.
        """
        return self.views.of(project_id)

    async def load(self, place: int) -> None:
        """Take in what is open in a place; said again, also what others have closed of it since it was said before.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        known = self.views.holds(place)
        before = {unit_id for _, view in self.views.in_place(place) for unit_id in view.open_units()}
        gold = {unit_id for _, view in self.views.in_place(place) for unit_id in view.gold}
        self.views.hold(place)
        try:
            await self.journal.rows.load(slots_of(place, self._count))
            await self._take_in(place, before, gold)
        except BaseException:
            if not known:
                await self.drop(place)
            raise

    async def _take_in(self, place: int, before: set[str], gold: set[str]) -> None:
        slots, count = range(place, SLOTS, self._count), 0
        settles: dict[Kind[Any], Callable[[str, Any], None]] = {
            UNIT: self._settle,
            COMPETENCE: self._learned,
            CROWD: self._measured,
            GOLD: self._doubted,
            QUESTION: self._asked,
        }
        known = {UNIT: before, GOLD: gold}
        async for kind, key, state in self.journal.rebuild_open_kinds(list(settles), slots):
            settles[kind](key, state)
            if kind in known:
                known[kind].discard(state.unit_id)
            count = await _yielding(count)
        await self._settle_again(sorted(before))
        await self._doubt_again(sorted(gold))
        await self._take_in_tallies(slots)
        await self._take_in_notes(place, slots)

    async def _doubt_again(self, unit_ids: Sequence[str]) -> None:
        for start in range(0, len(unit_ids), READ_AGAIN):
            keys = [gold_key(unit_id) for unit_id in unit_ids[start : start + READ_AGAIN]]
            for key, gold in (await self.journal.states(GOLD, keys)).items():
                self._doubted(key, gold)

    async def _settle_again(self, unit_ids: Sequence[str]) -> None:
        for start in range(0, len(unit_ids), READ_AGAIN):
            for unit_id, unit in (await self.units(unit_ids[start : start + READ_AGAIN])).items():
                self._settle(unit_id, unit)

    async def _take_in_tallies(self, slots: Sequence[int]) -> None:
        old: list[str] = []
        for kept in sorted(await self.journal.store.find(TALLIES.name, "slot", slots), key=itemgetter("_id")):
            if (view := self.views.settled(kept["project"])) is not None:
                old += [_tally_id(kept["project"], tally) for tally in view.tallied(_decode_tally(kept["tally"]))]
        if old:
            await self.journal.store.delete(TALLIES.name, old)

    async def _take_in_notes(self, place: int, slots: Sequence[int]) -> None:
        notes = sorted(await self.journal.store.find(NOTES.name, "slot", slots), key=itemgetter("_id"))
        # A note is of one batch, mostly a unit or two: read one by one, they take most of a start.
        await self._settle_again([unit_id for note in notes for unit_id in note["units"]])
        for note in notes:
            if (view := self.views.settled(note["project"])) is not None:
                view.shares.noted(note["_id"], note["units"])
        if spent := [note_id for _, view in self.views.in_place(place) for note_id in view.shares.spent()]:
            await self.journal.store.delete(NOTES.name, spent)

    async def drop(self, place: int) -> None:
        """Forget everything of a place."""
        self.journal.rows.drop(slots_of(place, self._count))
        self.views.drop(place)

    def holds(self, place: int) -> bool:
        """Return whether a place is loaded here, or being loaded."""
        return self.views.holds(place)

    def begun(self, place: int) -> list[str]:
        """Return the projects of a place that is loaded in which units wait for a decision."""
        return [project_id for project_id, view in self.views.in_place(place) if view.begun]

    async def note(self, units: Iterable[UnitState]) -> None:
        """Note which units are settled, before what settled them is done with: a start takes in what is in no tally.

        Said again of the same units, it notes nothing.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        by_project: dict[str, list[str]] = defaultdict(list)
        for unit in units:
            by_project[unit.project_id].append(unit.unit_id)
        documents: list[Document] = []
        for project_id, unit_ids in by_project.items():
            view = self.views.settled(project_id)
            if view is not None and (fresh := view.shares.unnoted(unit_ids)):
                note_id = f"{project_id}/{_digest(fresh)}"
                slot = slot_of_project(project_id)
                documents.append({"_id": note_id, "slot": slot, "project": project_id, "units": fresh})
        if documents:
            await self.journal.store.insert(NOTES.name, documents)
        for document in documents:
            if (view := self.views.settled(document["project"])) is not None:
                view.shares.noted(document["_id"], document["units"])

    def tallies_due(self, now_us: int) -> Iterator[tuple[str, list[Fresh], Spending]]:
        """Yield the projects of which enough units are settled for a tally, these, and what was spent until then."""
        for project_id, view in self.views:
            if units := view.shares.due(now_us):
                yield project_id, units, view.shares.spending

    async def keep_tally(self, project_id: str, tally: Tally) -> None:
        """Keep what some settled units tell, and drop what is too old.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        document = {"_id": _tally_id(project_id, tally), "slot": slot_of_project(project_id), "project": project_id}
        await self.journal.store.insert(TALLIES.name, [document | {"tally": msgspec.json.encode(tally)}])
        if (view := self.views.settled(project_id)) is None:
            return
        if old := view.tallied(tally):
            await self.journal.store.delete(TALLIES.name, [_tally_id(project_id, until_us) for until_us in old])
        if spent := view.shares.spent():
            await self.journal.store.delete(NOTES.name, spent)

    def refuse_backlog(self) -> None:
        """Raise Backlogged when more events wait for the broker than may: no more is taken from people then."""
        if self.journal.publisher.full:
            raise Backlogged(f"{self.journal.publisher.backlog_events} events wait for the broker; try again soon.")

    async def apply(self, causes: Sequence[Cause[UnitState]]) -> list[Outcome[UnitState]]:
        """Answer causes about units in one read and one insert."""
        return await self.journal.apply(UNIT, causes)

    async def keep_rows(self, causes: Sequence[Cause[UnitState]]) -> list[Cause[UnitState]]:
        """Keep admissions in bulk, and return those that are to be applied.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        return await self.journal.keep_rows(UNIT, causes)

    async def admissions(self, unit_ids: Sequence[str]) -> dict[str, tuple[str, UnitState]]:
        """Return those of some units that have a row, each with its cause and as it was admitted."""
        rows = await self.journal.rows.find([unit_key(unit_id) for unit_id in unit_ids])
        found = [(row.cause, UNIT.decode(row.state)) for row in rows.values()]
        return {unit.unit_id: (cause_id, unit) for cause_id, unit in found}

    def unheard_of(self, project_id: str) -> Collection[str]:
        """Return the units of a project in this process's places of which something was told and no admission heard."""
        view = self.views.settled(project_id)
        return () if view is None else view.unheard

    def unheard(self, place: int) -> list[str]:
        """Return the units of a place of which something was told and the admission was not heard."""
        return [unit_id for _, view in self.views.in_place(place) for unit_id in view.unheard]

    async def learn(self, causes: Sequence[Cause[CompetenceState]], crowds: Sequence[Cause[CrowdState]]) -> None:
        """Answer causes about annotators and about all of them together; the first error is raised."""
        of_annotators = await self.journal.apply(COMPETENCE, causes) if causes else []
        of_crowds = await self.journal.apply(CROWD, crowds) if crowds else []
        errors = [*(of_annotator.error for of_annotator in of_annotators), *(of_crowd.error for of_crowd in of_crowds)]
        for error in errors:
            if error is not None:
                raise error

    async def gold(self, unit_ids: Sequence[str]) -> dict[str, GoldState]:
        """Return what is known of gold units of which there was ever a doubt or an appeal, by id."""
        states = await self.journal.states(GOLD, [gold_key(unit_id) for unit_id in unit_ids])
        return {state.unit_id: state for state in states.values()}

    async def retraining(self, project_id: str, annotator_id: str) -> RetrainingState | None:
        """Return what somebody is to look at, or has looked at, in a project."""
        key = retraining_key(project_id, annotator_id)
        return (await self.journal.states(RETRAINING, [key])).get(key)

    async def apply_gold(self, causes: Sequence[Cause[GoldState]]) -> list[Outcome[GoldState]]:
        """Answer causes about gold in doubt."""
        return await self.journal.apply(GOLD, causes)

    def _settle(self, key: str, unit: UnitState) -> None:
        """Bring the read models up to a unit's newest state, where its place is ours; the journal's listener."""
        del key
        if (view := self.views.settled(unit.project_id)) is not None:
            view.settle(unit)

    def _learned(self, key: str, competence: CompetenceState) -> None:
        """Bring the read models up to what is known of an annotator, likewise; the journal's listener."""
        del key
        if (view := self.views.settled(competence.project_id)) is not None:
            view.learned(competence)

    def _measured(self, key: str, crowd: CrowdState) -> None:
        """Bring the read models up to what gold says of a project, likewise; the journal's listener."""
        del key
        if (view := self.views.settled(crowd.project_id)) is not None:
            view.measured(crowd)

    def _doubted(self, key: str, gold: GoldState) -> None:
        """Bring the read models up to a gold unit's newest state, likewise; the journal's listener."""
        del key
        if (view := self.views.settled(gold.project_id)) is not None:
            view.doubted(gold)

    def _asked(self, key: str, question: QuestionState) -> None:
        """Bring the read models up to a question, likewise; the journal's listener."""
        del key
        if (view := self.views.settled(question.project_id)) is not None:
            view.asked(question)

    async def ask(self, cause: Cause[QuestionState]) -> Outcome[QuestionState]:
        """Answer a cause about a question."""
        return await self.journal.decide(QUESTION, cause)

    async def repeat(self, cause: Cause[RepeatsState]) -> Outcome[RepeatsState]:
        """Answer a cause about a project's repeats."""
        return await self.journal.decide(REPEATS, cause)

    async def repeats(self, project: Project) -> RepeatsState:
        """Return what a project's repeats came to."""
        key = repeats_key(project)
        return (await self.journal.states(REPEATS, [key])).get(key) or RepeatsState(project.project_id)

    def answered(self) -> list[list[tuple[str, QuestionState]]]:
        """Return, by project of this process's places, the units that wait for what is answered by now."""
        return [found for _, view in self.views if (found := view.answered())]

    @property
    def escalations_open(self) -> int:
        """Return how many units of this process's places wait for a ruling."""
        return sum(view.escalations_open for _, view in self.views)

    def crowd(self, project_id: str, field: str = "") -> CrowdState:
        """Return what gold says of a project as a whole; before anything is known, what is expected of any crowd."""
        return self.view(project_id).field(field).crowd or CrowdState(project_id, 0, field=field)

    def competence(self, project_id: str, field: str = "") -> list[CompetenceState]:
        """Return what is known of a project's annotators in their labels or in a field of them, by annotator id.

        Raises:
            NotHere: its place is not this process's any more.
        """
        known = self.view(project_id).field(field).competence
        return [known[annotator_id] for annotator_id in sorted(known)]

    def escalated(
        self,
        units_max: int,
        project_id: str | None = None,
        client_id: str | None = None,
        after: tuple[float, str] | None = None,
    ) -> list[tuple[float, str]]:
        """Return units that wait for a ruling, each with its place: of a project, or of a client's, or of all.

        Most is to be gained by the first; with `after`, those after that place.

        Of all are those of this process's places.

        Raises:
            NotHere: the project's place is not this process's any more.
        """
        if project_id is not None:
            views = [self.view(project_id)]
        else:
            views = [view for of_project, view in self.views if client_id in (None, client_of(of_project))]
        return list(islice(heapq.merge(*(view.by_loss(after) for view in views)), units_max))

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the units that exist, by id, those that wait as rows among them."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def list_admitted(self, at_us: int, project_id: str, unit_ids: Sequence[str]) -> str:
        """Note on a page of the project's list that these were admitted, and return the page's name.

        Said before their admission is decided: a page may list what was never admitted, and nothing is missing from
        all. The same units make the same page.
        """
        page = f"{at_us:020d}-{_digest(unit_ids)}"
        document = {"_id": f"{project_id}/{page}", "project": project_id, "units": list(unit_ids)}
        await self.journal.store.insert(LISTED.name, [document])
        return page

    async def units_of(self, project_id: str) -> AsyncIterator[Sequence[UnitState]]:
        """Yield a project's admitted units in pages, in the order of their admission."""
        found = await self.journal.store.find(LISTED.name, "project", [project_id], only=("project",))
        page_ids = sorted(document["_id"] for document in found)
        for start in range(0, len(page_ids), PAGES_READ_AT_ONCE):
            pages = await self.journal.store.get(LISTED.name, page_ids[start : start + PAGES_READ_AT_ONCE])
            for page_id in sorted(pages):
                states = await self.units(pages[page_id]["units"])
                name = page_id.removeprefix(f"{project_id}/")
                # A unit that was told twice stands on two pages, and its state names the first.
                yield [state for state in states.values() if state.page == name]


async def _yielding(count: int) -> int:
    if count and count % SETTLED_AT_ONCE == 0:
        await asyncio.sleep(0)
    return count + 1


def _digest(unit_ids: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(unit_ids).encode(), digest_size=PAGE_DIGEST_BYTES).hexdigest()


def _tally_id(project_id: str, tally: Tally) -> str:
    return f"{project_id}/{tally.until_us:020d}"
