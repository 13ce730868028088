"""Audit's aggregates, keys, indexes and read models; every query lives here.

Read models hold open lots only, one object a place, loaded when it is gained and dropped when it is lost. What is
closed is read by its key. Which lot a unit is in is known here while the lot is open, and says the unit's record from
its label on; where the label came before the lot, it is written down beside the journal before the lot is accepted.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import JOURNAL, Kind
from concord.chassis.journal.rows import ROWS
from concord.chassis.places.owner import Owner, Standing
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Store
from concord.contracts.ids import client_of, place_of, slot_of, slot_of_project, slots_of
from services.audit.domain.issue import IssuesState
from services.audit.domain.lot import LotDoesNotExist, LotState
from services.audit.domain.output import ModelsState, Output
from services.audit.domain.place import OpenLot, Place
from services.audit.domain.recheck import RechecksState
from services.audit.domain.series import Series
from services.audit.domain.unit import UnitState


def _is_open(lot: LotState) -> bool:
    return lot.status not in ("accepted", "rechecked")


def _slot(lot: LotState) -> int:
    return slot_of_project(lot.project_id)


UNIT = Kind("unit", UnitState, may_be_row=lambda unit: unit.admitted and not (unit.gold or unit.withdrawn))
"""Until its label is settled it waits as a row; of gold none is, so that its page would never be done with."""
LOT = Kind("lot", LotState, is_open=_is_open, slot=_slot)
ISSUES = Kind("issues", IssuesState)
SERIES = Kind("series", Series)
MODELS = Kind("models", ModelsState)
OUTPUT = Kind("output", Output)
RECHECKS = Kind("rechecks", RechecksState)

MEMBERS = Collection("members")
"""Which lot a unit of an accepted lot is in, where its own record does not say so: `_id` is the unit's id."""
LOTS = Collection("lots", indexed=("project_id",))
"""Which lots a project has: `_id` is the lot's id."""
DOCUMENTS = Collection("documents")
"""Signed documents and row digests, cut into parts: `_id` is the SHA-256 of the whole and the number of the part."""
DUPLICATES = Collection("duplicates", indexed=("duplicate_of",))
"""Which unit stands for one of the same content: `_id` is the id that this one would have had."""
OUTPUTS = Collection("outputs", indexed=("model_id",))
"""Of which units a model's version has said something: `_id` is the model's id and the unit's."""
HANDS = Collection("hands", indexed=("on",))
"""What lots hold of an annotator: `_id` is the lot's id, its judgement and the annotator's id. Indexed is the day of
the acceptance in the annotator's work for the project, so that what is read hangs on how many days are looked at."""
COLLECTIONS = (ROWS, MEMBERS, LOTS, DOCUMENTS, DUPLICATES, OUTPUTS, HANDS)
PART_BYTES = 1_000_000
CHUNK_UNITS = 200
"""Units of a lot that are in hand at once where a lot is read whole."""


class Repository:
    """Where audit's facts are found; the journal settles its read models.

    Args:
        journal: the truth.
        store: where the indexes and documents lie.
        owner: says which places are this process's.

    Attributes:
        places: the read models, by place; those of places that are loaded, or are being loaded.
        news: told of every lot, by its project and id, of which there is something new.
        dropped: told that a place was lost.
    """

    def __init__(self, journal: Journal, store: Store, owner: Owner) -> None:
        self.journal = journal
        self.store = store
        self.owner = owner
        self.places: dict[int, Place] = {}
        self.news: Callable[[str, str], object] = _nobody
        self.dropped: Callable[[], object] = _nothing
        journal.listen(LOT, self.settle_lot)
        journal.listen(UNIT, self.settle_unit)

    async def load(self, place: int) -> None:
        """Read what is open in a place: its lots that are not accepted, and the verdicts on those being inspected."""
        here = self.places.setdefault(place, Place())
        before = {lot.state.lot_id for lot in here.open_lots()}
        slots = slots_of(place, self.owner.places)
        await self.journal.rows.load(slots)
        async for key, lot in self.journal.rebuild_open(LOT, slots):
            self.settle_lot(key, lot)
            before.discard(lot.lot_id)
        for start in range(0, len(closed := sorted(before)), CHUNK_UNITS):
            # Others may have accepted these since they were met here.
            for lot in await self.lots(closed[start : start + CHUNK_UNITS]):
                self.settle_lot(lot_key(lot.lot_id), lot)
        for known in here.open_lots():
            if known.inspected:
                async for _, units in self.in_chunks(known.state.counting):
                    for unit in units.values():
                        self.settle_unit(unit_key(unit.unit_id), unit)
            elif here.loaded:
                known.waits_for = None  # others may have heard of labels: its turn looks anew
        here.loaded = True
        for known in here.open_lots():
            self.news(known.state.project_id, known.state.lot_id)

    async def drop(self, place: int) -> None:
        """Forget everything of a place."""
        self.journal.rows.drop(slots_of(place, self.owner.places))
        self.places.pop(place, None)
        self.dropped()

    def settle_lot(self, key: str, lot: LotState) -> None:
        """Bring the read models up to a lot's state, if its place is here."""
        del key
        place = self._place_of(lot.project_id)
        if place is None:
            return
        if not _is_open(lot):
            place.close(lot)
            for lot_id in place.gathering(lot.project_id):
                self.news(lot.project_id, lot_id)
        elif place.keep(lot) and place.loaded:
            self.news(lot.project_id, lot.lot_id)

    def settle_unit(self, key: str, unit: UnitState) -> None:
        """Bring the read models up to a unit's state, if its place is here."""
        del key
        place = self._place_of(unit.project_id)
        lot = None if place is None else place.settle(unit)
        if place is not None and lot is not None and place.loaded:
            self.news(unit.project_id, lot.state.lot_id)

    def open_lot_of(self, unit: UnitState) -> OpenLot | None:
        """Return the open lot that a unit is in, where its place is served here."""
        place = self._served(unit.project_id)
        return None if place is None else place.lot_of(unit)

    def open_lot(self, project_id: str, lot_id: str) -> OpenLot | None:
        """Return a lot that is not accepted yet, where its place is served here."""
        place = self._served(project_id)
        project = None if place is None else place.projects.get(project_id)
        return None if project is None else project.lots.get(lot_id)

    def open_lots(self, project_id: str | None) -> list[OpenLot]:
        """Return the lots that are not accepted yet, of a project or of all whose places are served here, by id."""
        if project_id is None:
            served = self.owner.open()
            found = [lot for number, place in self.places.items() if number in served for lot in place.open_lots()]
        else:
            place = self._served(project_id)
            project = None if place is None else place.projects.get(project_id)
            found = [] if project is None else list(project.lots.values())
        return sorted(found, key=lambda lot: lot.state.lot_id)

    def _place_of(self, project_id: str) -> Place | None:
        return self.places.get(place_of(slot_of_project(project_id), self.owner.places))

    def _served(self, project_id: str) -> Place | None:
        mine = self.owner.whose(slot_of_project(project_id)).standing is Standing.MINE
        return self._place_of(project_id) if mine else None

    async def seal(self, lots: Sequence[LotState]) -> None:
        """Write down whose lots these are; said again it changes nothing."""
        await self._insert(LOTS, [{"_id": lot.lot_id, "project_id": lot.project_id} for lot in lots])

    async def close_members(self, lot: LotState) -> None:
        """Write down which units a lot has, those whose records do not say so, before it is open no more."""
        async for chunk, units in self.in_chunks(lot.unit_ids):
            closing = (unit_id for unit_id in chunk if unit_id not in units or units[unit_id].lot_id != lot.lot_id)
            await self._insert(MEMBERS, [{"_id": unit_id, "lot_id": lot.lot_id} for unit_id in closing])

    def unheard(self, unit_ids: Iterable[str]) -> list[str]:
        """Return those of some units of which something was told here before their admission was heard."""
        unheard = set[str]().union(*(place.unheard for place in self.places.values()))
        return [unit_id for unit_id in unit_ids if unit_id in unheard] if unheard else []

    async def admissions(self, unit_ids: Iterable[str]) -> list[tuple[str, UnitState]]:
        """Return those of some units that have a row, as they were admitted, each with the cause."""
        rows = await self.journal.rows.find([unit_key(unit_id) for unit_id in unit_ids])
        return [(row.cause, UNIT.decode(row.state)) for row in rows.values()]

    def sealed_in(self, unit_id: str) -> str:
        """Return the lot that a unit is in, of those that are not accepted yet; empty where that is not known here."""
        place = self._place_with(unit_id)
        return "" if place is None else place.sealed_in(unit_id)

    def _place_with(self, unit_id: str) -> Place | None:
        slot = slot_of(unit_id)
        return None if slot is None else self.places.get(place_of(slot, self.owner.places))

    async def lot_ids(self, project_id: str) -> list[str]:
        """Return the ids of all lots that a project has, in their order."""
        found = await self.store.find(LOTS.name, "project_id", [project_id], only=())
        return sorted(document["_id"] for document in found)

    async def lots(self, lot_ids: Sequence[str], *, anew: bool = False) -> list[LotState]:
        """Return these lots, in this order; those without a record are left out.

        `anew`: as the store has them now, whatever this process knows.
        """
        keys = [lot_key(lot_id) for lot_id in lot_ids]
        if anew:
            self.journal.forget(keys)
        states = await self.journal.states(LOT, keys)
        return [states[key] for key in keys if key in states]

    async def open_lot_with(self, unit: UnitState) -> LotState | None:
        """Return the lot, not accepted yet, that a unit is in as the store has it, whatever this process knows.

        It reads all lots that are open in the unit's slot: for who may not have heard of one.
        """
        slot = slot_of(unit.unit_id)
        if slot is not None:
            async for _, lot in self.journal.rebuild_open(LOT, [slot]):
                if unit.unit_id in lot.members:
                    return lot
        return None

    async def lot(self, lot_id: str, client_id: str | None) -> LotState:
        """Return a lot; for a client only its own.

        Raises:
            LotDoesNotExist: none, or another client's.
        """
        if client_id in (None, client_of(lot_id)) and client_of(lot_id):
            for lot in await self.lots([lot_id]):
                return lot
        raise LotDoesNotExist(f"There is no lot {lot_id}.")

    async def lots_of(self, unit_ids: Iterable[str]) -> dict[str, str]:
        """Return the lot of each of these units, open or closed; units in none are left out."""
        wanted = sorted(set(unit_ids))
        known = {unit_id: unit.lot_id for unit_id, unit in (await self.units(wanted)).items()}
        lots = {unit_id: lot for unit_id in wanted if (lot := known.get(unit_id) or self.sealed_in(unit_id))}
        noted = await self.store.get(MEMBERS.name, [unit_id for unit_id in wanted if unit_id not in lots])
        return lots | {unit_id: document["lot_id"] for unit_id, document in noted.items()}

    async def stands_for(self, duplicates: Iterable[tuple[str, str, str]]) -> None:
        """Write down which units stand for others: id, the client's own name, the unit that stands for it."""
        found = [{"_id": unit_id, "source_id": name, "duplicate_of": first} for unit_id, name, first in duplicates]
        await self._insert(DUPLICATES, found)

    async def duplicates(self, unit_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """Return the units that each of these stands for, id and the client's own name, in the order of their ids."""
        found: dict[str, list[tuple[str, str]]] = {}
        for document in await self.store.find(DUPLICATES.name, "duplicate_of", unit_ids):
            found.setdefault(document["duplicate_of"], []).append((document["_id"], document["source_id"]))
        return {first: sorted(others) for first, others in found.items()}

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return these units, by id, those that wait as rows among them."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def in_chunks(self, unit_ids: Sequence[str]) -> AsyncIterator[tuple[Sequence[str], dict[str, UnitState]]]:
        """Yield these units a chunk at a time, in their order; others get to run in between."""
        for start in range(0, len(unit_ids), CHUNK_UNITS):
            chunk = unit_ids[start : start + CHUNK_UNITS]
            yield chunk, await self.units(chunk)
            await asyncio.sleep(0)

    async def records(self, key: str) -> dict[int, UnitState]:
        """Return a unit as each of its records in the store has it, by the record's number; nothing from memory."""
        found = await self.store.find(JOURNAL.name, "aggregate", [key], only=("seq", "state"))
        return {document["seq"]: UNIT.decode(document["state"]) for document in found}

    async def issues(self, project_id: str) -> IssuesState:
        """Return the certificates that a project was issued so far."""
        key = issues_key(project_id)
        return (await self.journal.states(ISSUES, [key])).get(key) or IssuesState(project_id)

    async def series(self, project_id: str) -> Series:
        """Return what a project's lots came to so far, as it was stored."""
        key = series_key(project_id)
        return (await self.journal.states(SERIES, [key])).get(key) or Series(project_id)

    async def models(self, project_id: str) -> ModelsState:
        """Return the versions of models that a project holds outputs of."""
        key = models_key(project_id)
        return (await self.journal.states(MODELS, [key])).get(key) or ModelsState(project_id)

    async def list_outputs(self, model_id: str, unit_ids: Iterable[str]) -> None:
        """Write down of which units a model's version says something, before it is stored what."""
        await self._insert(OUTPUTS, [{"_id": f"{model_id}/{unit_id}", "model_id": model_id} for unit_id in unit_ids])

    async def units_said(self, model_id: str) -> list[str]:
        """Return the units that a model's version says something of, by id; of a few it may not be stored what."""
        found = await self.store.find(OUTPUTS.name, "model_id", [model_id], only=())
        return sorted(document["_id"].partition("/")[2] for document in found)

    async def outputs(self, model_id: str, unit_ids: Sequence[str]) -> list[Output]:
        """Return what a model's version says of these units, in their order; where it says nothing, it is left out."""
        keys = [output_key(model_id, unit_id) for unit_id in unit_ids]
        states = await self.journal.states(OUTPUT, keys)
        return [states[key] for key in keys if key in states]

    async def standing_in(self, unit_ids: Sequence[str]) -> dict[str, str]:
        """Return the unit that stands for each of these; those that stand for themselves are left out."""
        found = await self.store.get(DUPLICATES.name, unit_ids)
        return {unit_id: document["duplicate_of"] for unit_id, document in found.items()}

    async def rechecks(self, project_id: str) -> RechecksState:
        """Return the rechecks that were raised of a project."""
        key = rechecks_key(project_id)
        return (await self.journal.states(RECHECKS, [key])).get(key) or RechecksState(project_id)

    async def keep(self, content: bytes) -> str:
        """Store a document under the name of its content, and return that: its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        parts = [content[start : start + PART_BYTES] for start in range(0, max(1, len(content)), PART_BYTES)]
        for number, part in enumerate(parts):
            # One at a time: together they may be more than an insert should carry.
            document = {"_id": f"{digest}/{number}", "parts": len(parts), "content": part}
            await self.store.insert(DOCUMENTS.name, [document])
        return digest

    async def document(self, digest: str) -> bytes:
        """Return a document by its SHA-256.

        Raises:
            LookupError: it is not there, or not what it was.
        """
        first = (await self.store.get(DOCUMENTS.name, [f"{digest}/0"])).get(f"{digest}/0")
        if first is None:
            raise LookupError(f"the document {digest} is not in the store")
        content = bytearray(first["content"])
        for number in range(1, first["parts"]):
            part = f"{digest}/{number}"
            content += (await self.store.get(DOCUMENTS.name, [part]))[part]["content"]
        if hashlib.sha256(content).hexdigest() != digest:
            raise LookupError(f"the document {digest} is not what was stored")
        return bytes(content)

    async def _insert(self, collection: Collection, documents: Sequence[dict[str, str]]) -> None:
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            await self.store.insert(collection.name, documents[start : start + INSERT_DOCUMENTS_MAX])


def _nobody(project_id: str, lot_id: str) -> None:
    """Hear of news while nobody else does."""
    del project_id, lot_id


def _nothing() -> None:
    """Hear of a lost place while nobody else does."""


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def lot_key(lot_id: str) -> str:
    """Return a lot's aggregate key."""
    return LOT.key(client_of(lot_id), lot_id)


def issues_key(project_id: str) -> str:
    """Return the aggregate key of a project's certificates."""
    return ISSUES.key(client_of(project_id), project_id)


def series_key(project_id: str) -> str:
    """Return the aggregate key of a project's series of lots."""
    return SERIES.key(client_of(project_id), project_id)


def models_key(project_id: str) -> str:
    """Return the aggregate key of a project's models."""
    return MODELS.key(client_of(project_id), project_id)


def output_key(model_id: str, unit_id: str) -> str:
    """Return the aggregate key of what a model's version says of a unit."""
    return OUTPUT.key(client_of(unit_id), f"{model_id}/{unit_id}")


def rechecks_key(project_id: str) -> str:
    """Return the aggregate key of a project's rechecks."""
    return RECHECKS.key(client_of(project_id), project_id)
