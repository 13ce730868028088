"""Ingest's aggregates, keys and read models; every query lives here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import JOURNAL, Kind, record_id
from concord.chassis.sealing import Sealer
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Store
from concord.contracts.ids import (
    SLOTS,
    client_of,
    keyed,
    keyed_each,
    place_of,
    placed_id,
    slot_of_project,
    unit_id_of,
    unit_ids_of,
)
from services.ingest.domain.identity import Claim, UnitState, waits_for_lot
from services.ingest.domain.lot import LotState, OpenLot
from services.ingest.domain.project import Life, ProjectDoesNotExist, ProjectState
from services.ingest.repository.arrivals import Arrivals
from services.ingest.repository.first_come import first_of
from services.ingest.repository.lot_places import LotPlaces
from services.ingest.repository.open_units import OpenUnits
from services.ingest.repository.unit_shelf import OPENING, UNIT, UnitShelf
from services.ingest.repository.waiting import Waiting

PROJECT = Kind("project", ProjectState)
LOT = Kind("lot", LotState)
CLAIMS = Collection("claims")
"""Which unit a content is, by `UnitState.content_key` and number."""
SUBJECTS = Collection("subjects", indexed=("subject",))
"""Whose personal data units are, by keyed hash."""
SEATS = Collection("seats")
"""Which unit has which seat of a stratum with a quota."""
SEALED_REMEMBERED_MAX = 1_000
"""Lots of a place that were sealed and not yet heard of; forgetting one costs a look at the store."""
LOAD_SLOTS, LOAD_UNITS = 50, 500
"""Slots whose markers, and units that are, read at once when a place is loaded; others run in between."""

_encoded = msgspec.json.Encoder().encode
_claim = msgspec.json.Decoder(Claim).decode


class PlaceModel:
    """What is kept of one place that this process owns.

    Attributes:
        open_lots: by project, the units that are in no lot yet.
        sealed: lots that were sealed here, of units that all waited here: there is nothing in them to hear of.
        cut: while the place is being read, the units whose lot was sealed meanwhile.
    """

    def __init__(self) -> None:
        self.open_lots: defaultdict[str, OpenLot] = defaultdict(OpenLot)
        self.sealed: dict[str, None] = {}
        self.cut: set[str] | None = None


class Repository:
    """Where ingest's facts are found.

    Read models: the projects, all of them, as the projects topic tells them and as this process defines them; and for
    each place that is this process's own, the units that are in no lot yet. Nothing is kept of a unit in a lot.

    Args:
        journal: the truth.
        store: holds the units, and what is claimed by an insert of its own.
        id_secret: keys ids and fingerprints.
        place_count: how many places the cluster has.
        sealer: encrypts contents.
    """

    def __init__(self, journal: Journal, store: Store, id_secret: bytes, place_count: int, sealer: Sealer) -> None:
        self.journal = journal
        self.store = store
        self.id_secret = id_secret
        self.open_units, self.waiters = OpenUnits(store, journal.commits.writer), Waiting(store, sealer)
        self.place_count = place_count
        self.sealer = sealer
        self.shelf = UnitShelf(store, journal, sealer)
        self.arrivals = Arrivals(store, journal.commits.writer, journal.clock)
        self.lot_places = LotPlaces(store, self.lots)
        self.projects: dict[str, ProjectState] = {}
        self.places: dict[int, PlaceModel] = {}
        journal.listen(PROJECT, lambda _, state: self.settle_project(state))
        journal.listen(LOT, lambda _, state: self.settle_lot(state))

    async def load(self, place: int) -> None:
        """Let the units of a place wait that are in no lot, in the order of their admission.

        Said again, it adds what was not heard of. A marker may be there of a unit whose lot is sealed, or that is
        erased: it goes with all others of its sheet.
        """
        model = self.places.get(place) or PlaceModel()
        model.cut = set()
        try:
            slots = range(place, SLOTS, self.place_count)
            marked = [
                key.rpartition("/")[2]
                for start in range(0, len(slots), LOAD_SLOTS)
                for key in await self.journal.markers.of(UNIT.name, slots[start : start + LOAD_SLOTS])
            ]
            waiting: list[UnitState] = []
            for start in range(0, len(marked), LOAD_UNITS):
                waiting += await self._open_of(model.cut, marked[start : start + LOAD_UNITS])
            self._wait(model, [unit for unit in waiting if unit.unit_id not in model.cut])
        finally:
            model.cut = None
        self.places[place] = model

    async def _open_of(self, cut: set[str], unit_ids: Sequence[str]) -> list[UnitState]:
        """Return those of some units that are in no lot; take in which are, or wait for none, and need no marker."""
        by_project: defaultdict[str, list[UnitState]] = defaultdict(list)
        for unit in (await self.shelf.units(unit_ids)).values():
            by_project[unit.project_id].append(unit)
        for project_id, units in by_project.items():
            over = [unit.unit_id for unit in units if not waits_for_lot(unit)]
            over += await self.lot_places.sealed(project_id, {unit.unit_id: unit.arrival for unit in units})
            cut.update(over)
            self._done_with(project_id, over)
        return [unit for units in by_project.values() for unit in units if unit.unit_id not in cut]

    async def drop(self, place: int) -> None:
        """Forget what is kept of a place."""
        self.places.pop(place, None)

    def settle_project(self, state: ProjectState) -> None:
        """Take in a project as it is now; one that is older than what is known changes nothing."""
        known = self.projects.get(state.project_id)
        if known is None or known.revision <= state.revision:
            self.projects[state.project_id] = state

    def settle_lot(self, state: LotState) -> None:
        """Let the units of a sealed lot wait no more, whoever sealed it."""
        model = self._model(state.project_id)
        if model is None:
            return
        if model.cut is not None:
            model.cut.update(state.unit_ids)
        waited = model.open_lots[state.project_id].cut(state)
        self._done_with(state.project_id, waited)
        if len(waited) == len(state.unit_ids):
            if len(model.sealed) >= SEALED_REMEMBERED_MAX:
                model.sealed.clear()
            model.sealed[state.lot_id] = None

    def hear_lot(self, project_id: str, lot_id: str, unit_ids: Sequence[str]) -> None:
        """Let the units of a lot wait no more that was sealed by whichever process."""
        model = self._model(project_id)
        if model is None or lot_id not in model.sealed:
            self.leave_out(project_id, unit_ids)
        else:
            del model.sealed[lot_id]
            self._done_with(project_id, model.open_lots[project_id].drop(unit_ids))  # should they have been told again

    def hear_units(self, units: Iterable[UnitState]) -> None:
        """Let units wait for their lots, whichever process admitted them, if their place is ours."""
        for unit in units:
            if (model := self._model(unit.project_id)) is not None:
                self._wait(model, [unit])

    def leave_out(self, project_id: str, unit_ids: Sequence[str]) -> None:
        """Let units wait no more: they are in a lot that was sealed."""
        self._done_with(project_id, unit_ids)
        if (model := self._model(project_id)) is not None:
            if model.cut is not None:
                model.cut.update(unit_ids)
            model.open_lots[project_id].drop(unit_ids)

    def open_lot(self, project_id: str) -> OpenLot | None:
        """Return the units of a project that wait; None when its place is not ours."""
        model = self._model(project_id)
        return None if model is None else model.open_lots[project_id]

    def waiting(self) -> list[tuple[str, OpenLot]]:
        """Return the open lots of our places, by project."""
        return [lot for model in self.places.values() for lot in model.open_lots.items()]

    def _model(self, project_id: str) -> PlaceModel | None:
        return self.places.get(place_of(slot_of_project(project_id), self.place_count))

    def _wait(self, model: PlaceModel, units: Sequence[UnitState]) -> None:
        for unit in sorted(units, key=lambda admitted: (admitted.admitted_at_us, admitted.unit_id)):
            open_lot = model.open_lots[unit.project_id]
            open_lot.add(unit.unit_id, unit.admitted_at_us, unit.guideline_version, unit.arrival)

    def _done_with(self, project_id: str, unit_ids: Iterable[str]) -> None:
        """Have no markers of units whose lot is stored, whichever process admitted them."""
        keys = [UNIT.key(client_of(project_id), unit_id) for unit_id in unit_ids]
        self.journal.markers.closed_each(keys, OPENING, slot_of_project(project_id))

    async def not_heard_of(self, project_id: str) -> set[str]:
        """Return the units that are in no lot, for all that the store knows, and do not wait here.

        Those of other projects of the same client and slot may be among them.
        """
        model = self._model(project_id)
        waiting = set() if model is None else {unit_id for lot in model.open_lots.values() for unit_id in lot}
        mine = UNIT.key(client_of(project_id), "")
        keys = await self.journal.markers.of(UNIT.name, [slot_of_project(project_id)])
        return {key.removeprefix(mine) for key in keys if key.startswith(mine)} - waiting

    async def first_free_number(self, project_id: str) -> int:
        """Return the number after that of the project's newest lot: lots are numbered from 1 without gaps.

        Asks for ever larger numbers and then in between: for 1,000 lots some twenty times.
        """
        newest, step = 0, 1
        while await self.lots(project_id, [newest + step]):
            newest, step = newest + step, step * 2
        while step > 1:
            step //= 2
            if await self.lots(project_id, [newest + step]):
                newest += step
        return newest + 1

    async def project(self, project_id: str, client_id: str | None) -> ProjectState:
        """Return the project; for a client only its own.

        Raises:
            ProjectDoesNotExist: none, or another client's.
        """
        owner = client_of(project_id)
        if client_id is not None and owner != client_id:
            raise ProjectDoesNotExist(f"There is no project {project_id}.")
        if (known := self.projects.get(project_id)) is not None:
            return known
        key = PROJECT.key(owner, project_id)
        if (state := (await self.journal.states(PROJECT, [key])).get(key)) is None:
            raise ProjectDoesNotExist(f"There is no project {project_id}.")
        return state

    async def newest(self, project: ProjectState) -> ProjectState:
        """Return a project as the store has it, be it that another process changed it a moment ago.

        Its records are numbered as its revisions are: where nothing was changed, one absent key is asked for.
        """
        key = PROJECT.key(project.client_id, project.project_id)
        following = record_id(key, project.revision + 1)
        if await self.journal.store.get(JOURNAL.name, [following], only=["seq"]):
            self.journal.forget([key])
            await self.journal.states(PROJECT, [key])  # what is read is settled
        return self.projects.get(project.project_id, project)

    def projects_of(
        self, client_id: str | None, after: str, count_max: int, life: Life | None = None
    ) -> list[ProjectState]:
        """Return a client's projects, or all clients', by id: the first ones after an id, of one life alone if said."""
        wanted = (
            text
            for text, state in self.projects.items()
            if text > after and client_id in (None, state.client_id) and life in (None, state.life)
        )
        return [self.projects[project_id] for project_id in nsmallest(count_max, wanted)]

    def unit_id(self, project_id: str, source_id: str) -> str:
        """Return the id of the unit that a client names `source_id`."""
        return unit_id_of(self.id_secret, project_id, source_id)

    def unit_ids(self, project_id: str, source_ids: Sequence[str]) -> list[str]:
        """Return the ids of the units that a client names so, in their order."""
        return unit_ids_of(self.id_secret, project_id, source_ids)

    def gold_id(self, project_id: str, unit_id: str) -> str:
        """Return the id of the gold unit that a resolved unit's content makes; nobody can tell it from any other."""
        return placed_id("u", project_id, keyed(self.id_secret, project_id, "gold of", unit_id))

    def lot_id(self, project_id: str, number: int) -> str:
        """Return the id of a project's n-th lot."""
        return placed_id("l", project_id, keyed(self.id_secret, project_id, "lot", str(number)))

    def fingerprints(self, project_id: str, contents: Iterable[bytes]) -> list[str]:
        """Return the keyed fingerprints of canonical contents within one project, in their order."""
        return keyed_each(self.id_secret, [project_id, "content"], contents)

    def subject_mark(self, project_id: str, subject: str) -> str:
        """Return the keyed hash of whose personal data a unit is, within one project."""
        return keyed(self.id_secret, project_id, "subject", subject)

    def privacy_key(self, project_id: str) -> bytes:
        """Return the key of a project's pseudonyms and names."""
        return keyed(self.id_secret, project_id, "privacy").encode()

    def gold_mark(self, project_id: str, label: bytes) -> str:
        """Return the keyed fingerprint of a known label within one project."""
        return keyed(self.id_secret, project_id, "gold", label.decode())

    async def claim(self, claims: Sequence[Claim], number: int) -> tuple[list[Claim], set[str]]:
        """Claim contents, each under this number; return who holds each, which is who asked first.

        Returned beside it is which units held theirs before: they were sent before, and most likely are admitted.
        """
        keys = [f"{entering.unit.content_key}/{number}" for entering in claims]
        first: dict[str, Claim] = {}
        for key, entering in zip(keys, claims, strict=True):
            first.setdefault(key, entering)  # what is inserted at once is in no order
        documents = [
            {"_id": key, "unit_id": claimed.unit.unit_id, "claim": _encoded(claimed)} for key, claimed in first.items()
        ]
        taken = await first_of(self.store, CLAIMS, documents)
        before = {key: _claim(document["claim"]) for key, document in taken.items()}
        held = first | before
        return [held[key] for key in keys], {claimed.unit.unit_id for claimed in before.values()}

    async def take_seats(self, project_id: str, stratum: str, number: int, unit_ids: Sequence[str]) -> list[str]:
        """Take seats of a stratum from a number on, one for each unit; return the units whose seat was another's."""
        place = keyed(self.id_secret, project_id, "stratum", stratum)
        documents = [
            {"_id": f"{project_id}/{place}/{number + step}", "unit_id": unit_id}
            for step, unit_id in enumerate(unit_ids, 1)
        ]
        taken = await first_of(self.store, SEATS, documents)
        return [
            unit_id
            for document, unit_id in zip(documents, unit_ids, strict=True)
            if taken.get(document["_id"], document)["unit_id"] != unit_id
        ]

    async def lots(self, project_id: str, numbers: Sequence[int]) -> dict[int, LotState]:
        """Return the sealed lots of these numbers, by number."""
        keys = {number: LOT.key(client_of(project_id), self.lot_id(project_id, number)) for number in numbers}
        states = await self.journal.states(LOT, list(keys.values()))
        return {number: states[key] for number, key in keys.items() if key in states}

    async def note_subjects(self, units: Sequence[UnitState]) -> None:
        """Note whose personal data units are, so that all of one subject are found."""
        documents = [
            {"_id": f"{unit.subject_mark}/{unit.unit_id}", "subject": unit.subject_mark, "unit_id": unit.unit_id}
            for unit in units
            if unit.subject_mark
        ]
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            await self.store.insert(SUBJECTS.name, documents[start : start + INSERT_DOCUMENTS_MAX])

    async def units_of_subject(self, project_id: str, subject: str) -> list[str]:
        """Return the ids of the units of a subject."""
        mark = self.subject_mark(project_id, subject)
        found = await self.store.find(SUBJECTS.name, "subject", [mark], only=("unit_id",))
        return sorted(document["unit_id"] for document in found)
