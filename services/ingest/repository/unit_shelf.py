"""Units in the store: one document each, with its content in it, under the unit's own id.

Its insert takes a unit in, and deleting it destroys what it said and the key under which that was encrypted. A unit is
erased by a record of the journal, which stays; who has inserted a unit looks afterwards whether there is one. So that
most need not look for each, a mark in the same collection says of a slot of a client whether any of its units was ever
erased.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.chassis.sealing import Sealer
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Document, Store
from concord.contracts.ids import DIGEST_CHARACTERS, client_of, placed_id, slot_of_project
from services.ingest.domain.identity import Claim, Suggested, UnitState, content_place

UNIT = Kind("unit", UnitState, slot=lambda unit: slot_of_project(unit.project_id))
"""A unit has a record when it is erased, and none before. It is open from the record that tells of it until its lot is
sealed, by a marker."""
OPENING = 1
"""The number in that marker."""
UNITS = Collection("units")
"""Units as they came in, and the marks of what was erased."""
MARKED_REMEMBERED_MAX = 10_000
TOLD = ("told",)

_encoded = msgspec.json.Encoder().encode
_claim = msgspec.json.Decoder(Claim).decode
_suggested = msgspec.json.Decoder(Suggested).decode


class Entering(NamedTuple):
    """A unit on its way in.

    Attributes:
        claim: as it is to be kept.
        content: canonical; empty for a duplicate, whose content is another's.
        originals: what was replaced in it, where that is kept; `traceable` alone returns it.
    """

    claim: Claim
    content: bytes = b""
    originals: bytes = b""


class UnitShelf:
    """Where units lie.

    Args:
        store: holds them.
        journal: says which are erased.
        sealer: encrypts contents.
    """

    def __init__(self, store: Store, journal: Journal, sealer: Sealer) -> None:
        self.store = store
        self.journal = journal
        self.sealer = sealer
        self._marked: dict[str, None] = {}

    async def enter(self, units: Mapping[str, Entering]) -> dict[str, Claim]:
        """Insert units, by id; return how those stand that were there before, or are erased.

        What is erased is not left there, whoever inserted it.
        """
        documents = [self._document(unit) for unit in units.values()]
        taken: list[str] = []
        for start in range(0, len(documents), INSERT_DOCUMENTS_MAX):
            some = documents[start : start + INSERT_DOCUMENTS_MAX]
            taken += [some[place]["_id"] for place in await self.store.insert(UNITS.name, some)]
        found = await self.kept(taken)
        erased = await self._erased(list(units))
        await self.destroy(sorted(erased))
        return found | erased

    def _document(self, entering: Entering) -> Document:
        unit, suggested = entering.claim.unit, entering.claim.suggested
        document: Document = {"_id": unit.unit_id, "told": _encoded(entering.claim)}
        if entering.content:
            client_id, place = client_of(unit.project_id), content_place(unit)
            document["content"] = self.sealer.seal(client_id, entering.content, place)
            if entering.originals:
                document["originals"] = self.sealer.seal(client_id, entering.originals, f"{place}/originals")
            if suggested is not None and not suggested.hidden:
                shown = self.sealer.seal(client_id, _encoded(suggested), f"{place}/suggestion")
                document["suggestion"] = shown
        return document

    async def claims(self, unit_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the units that are known, duplicates and erased ones too, by id."""
        found = await self.kept(unit_ids)
        return found | await self._erased(unit_ids)

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return the same, without what is told of them beside their state."""
        return {unit_id: claim.unit for unit_id, claim in (await self.claims(unit_ids)).items()}

    async def kept(self, unit_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the units of which there is a document, by id, whether or not one says that they are erased."""
        documents = await self.store.get(UNITS.name, unit_ids, TOLD) if unit_ids else {}
        return {unit_id: _claim(document["told"]) for unit_id, document in documents.items()}

    async def _erased(self, unit_ids: Sequence[str]) -> dict[str, Claim]:
        """Return those of some units that are erased. Called after they were read, or inserted."""
        marks = {_mark_of(unit_id) for unit_id in unit_ids} - {""}
        if unknown := sorted(marks - self._marked.keys()):
            for mark in await self.store.get(UNITS.name, unknown):
                self._remember(mark)
        doubtful = [unit_id for unit_id in unit_ids if _mark_of(unit_id) in self._marked]
        keys = {UNIT.key(client_of(unit_id), unit_id): unit_id for unit_id in doubtful}
        states = await self.journal.states(UNIT, list(keys)) if keys else {}
        return {keys[key]: Claim(state) for key, state in states.items()}

    def _remember(self, mark: str) -> None:
        if len(self._marked) >= MARKED_REMEMBERED_MAX:
            self._marked.clear()
        self._marked[mark] = None

    async def expect_erasures(self, project_id: str) -> None:
        """Have everybody look for erased units of a project; called before the first is."""
        mark = placed_id("u", project_id, "")
        if mark not in self._marked:
            await self.store.insert(UNITS.name, [{"_id": mark}])
            self._remember(mark)

    async def destroy(self, unit_ids: Sequence[str]) -> None:
        """Delete what erased units said, and with it the keys under which it was encrypted."""
        if unit_ids:
            await self.store.delete(UNITS.name, unit_ids)

    async def payload(self, unit_id: str) -> tuple[UnitState, Any] | None:
        """Return an admitted unit with its content; None when there is no such unit or it was erased."""
        found = await self._stored(unit_id)
        if found is None:
            return None
        unit, document = found
        content = self.sealer.open(client_of(unit.project_id), document["content"], content_place(unit))
        return unit, msgspec.json.decode(content)

    async def suggestion(self, unit_id: str) -> Suggested | None:
        """Return the suggestion that annotators are shown of a unit; None where there is none, or it is erased."""
        found = await self._stored(unit_id)
        if found is None or "suggestion" not in found[1]:
            return None
        unit, document = found
        place = f"{content_place(unit)}/suggestion"
        return _suggested(self.sealer.open(client_of(unit.project_id), document["suggestion"], place))

    async def traceable(self, unit: UnitState) -> tuple[bytes, bytes] | None:
        """Return a unit's content and what was replaced in it; nothing where that is not kept. None: it is erased.

        Raises:
            CannotBeOpened: the client's key is another one now.
        """
        found = await self._stored(unit.unit_id)
        if found is None:
            return None
        document, client_id, place = found[1], client_of(unit.project_id), content_place(found[0])
        sealed = document.get("originals")
        originals = b"" if sealed is None else self.sealer.open(client_id, sealed, f"{place}/originals")
        return self.sealer.open(client_id, document["content"], place), originals

    async def _stored(self, unit_id: str) -> tuple[UnitState, Document] | None:
        """Return a unit that has a content, in one call to the store unless one like it was ever erased."""
        mark = _mark_of(unit_id)
        found = await self.store.get(UNITS.name, [unit_id, mark] if mark else [unit_id])
        document = found.get(unit_id)
        if document is None or "content" not in document:
            return None
        if mark in found:
            key = UNIT.key(client_of(unit_id), unit_id)
            if key in await self.journal.states(UNIT, [key]):
                return None
        return _claim(document["told"]).unit, document


def _mark_of(unit_id: str) -> str:
    """Return the mark under which it is noted that a unit like this was erased: what its id begins with."""
    return unit_id[:-DIGEST_CHARACTERS]
