"""Ingest's aggregates, keys and read models; every query lives here."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Document, Store
from concord.contracts.ids import client_of, keyed, placed_id
from services.ingest.domain.identity import Claim, UnitState
from services.ingest.domain.lot import LotState, OpenLot
from services.ingest.domain.project import ProjectDoesNotExist, ProjectState

PROJECT = Kind("project", ProjectState)
UNIT = Kind("unit", UnitState)
LOT = Kind("lot", LotState)
PAYLOADS = Collection("payloads", indexed=("unit_id",))
"""Contents, each under its unit and fingerprint; by `unit_id`, all that was ever stored for a unit is found."""
CLAIMS = Collection("claims")
"""Which unit a content is, by `UnitState.content_key` and number."""
PLACES = Collection("lot_places")
"""Which lot a unit is in, by unit and number."""

_encoded = msgspec.json.Encoder().encode
_claim = msgspec.json.Decoder(Claim).decode


class Repository:
    """Where ingest's facts are found.

    Read models: the projects, and the units of each that are in no lot yet; rebuilt from the journal at the start, and
    settled by it from then on.

    Args:
        journal: the truth.
        store: holds what is claimed by an insert of its own, and the payloads.
        id_secret: keys ids and fingerprints.
    """

    def __init__(self, journal: Journal, store: Store, id_secret: bytes) -> None:
        self.journal = journal
        self.store = store
        self.id_secret = id_secret
        self.projects: dict[str, ProjectState] = {}
        self.open_lots: dict[str, OpenLot] = defaultdict(OpenLot)
        journal.listen(PROJECT, self.settle_project)
        journal.listen(UNIT, self.settle_unit)
        journal.listen(LOT, self.settle_lot)

    async def rebuild(self) -> None:
        """Read the projects, and let the units in no lot wait in the order of their admission.

        Said again, it adds what others have admitted and takes out what they have sealed.
        """
        async for key, project in self.journal.rebuild(PROJECT):
            self.settle_project(key, project)
        units = [one async for one in self.journal.rebuild(UNIT) if not one[1].gold and not one[1].duplicate_of]
        # Lots are read last, and nothing runs from then on: no unit waits again that was sealed meanwhile.
        lots = [one async for one in self.journal.rebuild(LOT)]
        for key, unit in sorted(units, key=lambda one: (one[1].admitted_at_us, one[1].unit_id)):
            self.settle_unit(key, unit)
        for key, lot in sorted(lots, key=lambda one: one[1].number):
            self.settle_lot(key, lot)

    def settle_project(self, key: str, state: ProjectState) -> None:
        """Take in a project as it is now; one that is older than what is known changes nothing."""
        del key
        known = self.projects.get(state.project_id)
        if known is None or known.revision < state.revision:
            self.projects[state.project_id] = state

    def settle_unit(self, key: str, state: UnitState) -> None:
        """Let a unit wait for its lot, though it may be in one already; gold and duplicates are in none."""
        del key
        if not state.gold and not state.duplicate_of:
            self.open_lots[state.project_id].add(state.unit_id, state.admitted_at_us)

    def settle_lot(self, key: str, state: LotState) -> None:
        """Let the units of a sealed lot wait no more, whoever sealed it."""
        del key
        self.open_lots[state.project_id].cut(state)

    async def project(self, project_id: str, client_id: str | None) -> ProjectState:
        """Return the project; for a client only its own.

        Raises:
            ProjectDoesNotExist: none, or another client's.
        """
        owner = client_of(project_id)
        if client_id is not None and owner != client_id:
            raise ProjectDoesNotExist(project_id)
        if (known := self.projects.get(project_id)) is not None:
            return known
        key = PROJECT.key(owner, project_id)
        if (state := (await self.journal.states(PROJECT, [key])).get(key)) is None:
            raise ProjectDoesNotExist(project_id)
        return state

    def projects_of(self, client_id: str | None) -> list[ProjectState]:
        """Return a client's projects, or all, by id."""
        return [
            self.projects[one] for one in sorted(self.projects) if client_id in (None, self.projects[one].client_id)
        ]

    def unit_id(self, project_id: str, source_id: str) -> str:
        """Return the id of the unit that a client names `source_id`."""
        return placed_id("u", project_id, keyed(self.id_secret, project_id, source_id))

    def lot_id(self, project_id: str, number: int) -> str:
        """Return the id of a project's n-th lot."""
        return placed_id("l", project_id, keyed(self.id_secret, project_id, "lot", str(number)))

    def fingerprint(self, project_id: str, content: bytes) -> str:
        """Return the keyed fingerprint of canonical content within one project."""
        return keyed(self.id_secret, project_id, "content", content.decode())

    def gold_mark(self, project_id: str, label: bytes) -> str:
        """Return the keyed fingerprint of a known label within one project."""
        return keyed(self.id_secret, project_id, "gold", label.decode())

    async def keep_payloads(self, payloads: Sequence[Document]) -> None:
        """Store payloads, from `payload`; what lies there already is the same."""
        for start in range(0, len(payloads), INSERT_DOCUMENTS_MAX):
            await self.store.insert(PAYLOADS.name, payloads[start : start + INSERT_DOCUMENTS_MAX])

    async def drop_payloads(self, units: Sequence[UnitState]) -> None:
        """Delete what was stored for units that came to nothing: no other unit's payload lies there."""
        if units:
            await self.store.delete(PAYLOADS.name, sorted({payload_key(one) for one in units}))

    async def claim(self, claims: Sequence[Claim], number: int) -> list[Claim]:
        """Claim contents, each under this number; return who holds each, which is who asked first."""
        keys = [f"{one.unit.content_key}/{number}" for one in claims]
        first: dict[str, Claim] = {}
        for key, one in zip(keys, claims, strict=True):
            first.setdefault(key, one)  # what is inserted at once is in no order
        documents = [{"_id": key, "unit_id": one.unit.unit_id, "claim": _encoded(one)} for key, one in first.items()]
        taken = await self._first_of(CLAIMS, documents)
        held = first | {key: _claim(document["claim"]) for key, document in taken.items()}
        return [held[key] for key in keys]

    async def claim_places(self, project_id: str, number: int, unit_ids: Sequence[str]) -> list[str]:
        """Claim a place in a project's n-th lot for each unit; return those that are in an earlier lot.

        A unit's first claim counts, and where that lot was sealed without the unit, its next one: a unit is in one
        lot, whichever processes cut lots at the same time, and whatever they have heard of one another.

        Args:
            project_id: whose.
            number: of the lot that is about to be sealed; all lower ones are.
            unit_ids: who is to be in it.
        """
        waiting, elsewhere, turn = list(unit_ids), [], 1
        while waiting:
            documents = [{"_id": f"{unit_id}/{turn}", "number": number} for unit_id in waiting]
            taken = await self._first_of(PLACES, documents)
            numbers = {one: taken[f"{one}/{turn}"]["number"] for one in waiting if f"{one}/{turn}" in taken}
            lots = await self.lots(project_id, sorted({other for other in numbers.values() if other < number}))
            elsewhere += [one for one, other in numbers.items() if other in lots and one in lots[other].unit_ids]
            waiting = [one for one, other in numbers.items() if other in lots and one not in lots[other].unit_ids]
            turn += 1
        return elsewhere

    async def _first_of(self, collection: Collection, documents: Sequence[Document]) -> dict[str, Document]:
        """Insert documents; return, by key, those that were there before, of us or of others."""
        taken: set[str] = set()
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            some = documents[start : start + INSERT_DOCUMENTS_MAX]
            taken.update(some[place]["_id"] for place in await self.store.insert(collection.name, some))
        return await self.store.get(collection.name, sorted(taken)) if taken else {}

    async def lots(self, project_id: str, numbers: Sequence[int]) -> dict[int, LotState]:
        """Return the sealed lots of these numbers, by number."""
        keys = {number: LOT.key(client_of(project_id), self.lot_id(project_id, number)) for number in numbers}
        states = await self.journal.states(LOT, list(keys.values()))
        return {number: states[key] for number, key in keys.items() if key in states}

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the units that are known, duplicates too, by id."""
        keys = {unit_id: UNIT.key(client_of(unit_id), unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def payload(self, unit_id: str) -> tuple[UnitState, Any] | None:
        """Return an admitted unit with its content; None when there is no such unit or its payload was erased."""
        unit = (await self.units([unit_id])).get(unit_id)
        if unit is None or unit.duplicate_of:
            return None
        found = (await self.store.get(PAYLOADS.name, [payload_key(unit)])).get(payload_key(unit))
        return None if found is None else (unit, msgspec.json.decode(found["content"]))


def payload_key(unit: UnitState) -> str:
    """Return where a unit's payload lies."""
    return f"{unit.unit_id}/{unit.fingerprint}"


def payload(unit: UnitState, content: bytes) -> Document:
    """Return a unit's canonical content as it is stored."""
    return {"_id": payload_key(unit), "unit_id": unit.unit_id, "content": content}
