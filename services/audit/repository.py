"""Audit's aggregates, keys, indexes and read models; every query lives here.

Read models hold open lots only, one object a project. What is closed is read by its key; which lot a closed unit is in,
and which lots a project has, is written down once beside the journal when the lot is sealed, and follows from it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Kind
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Store
from concord.contracts.ids import client_of
from concord.quality.acceptance import Bounds
from services.audit.domain.issue import IssuesState
from services.audit.domain.lot import OPEN_TO_INSPECTION, WAITING, LotDoesNotExist, LotState
from services.audit.domain.unit import UnitState

UNIT = Kind("unit", UnitState)
LOT = Kind("lot", LotState)
ISSUES = Kind("issues", IssuesState)

MEMBERS = Collection("members")
"""Which lot a unit is in: `_id` is the unit's id."""
LOTS = Collection("lots", indexed=("project_id",))
"""Which lots a project has: `_id` is the lot's id."""
DOCUMENTS = Collection("documents")
"""Signed documents and row digests, cut into parts: `_id` is the SHA-256 of the whole and the number of the part."""
COLLECTIONS = (MEMBERS, LOTS, DOCUMENTS)
PART_BYTES = 1_000_000
CHUNK_UNITS = 200
"""Units of a lot that are in hand at once where a lot is read whole."""


class OpenLot:
    """A lot that is not accepted yet, and what is known of its units.

    Attributes:
        state: as last settled.
        waits_for: units without a label of this rework; None while nobody has looked.
        found: units that were inspected in this rework, and whether each is right.
        bounds: of its plan; None until it has been made.
        problem: why it stands still, as a sentence; empty while it does not.
    """

    __slots__ = ("_begin", "_quiet", "_taking", "bounds", "found", "problem", "state", "waits_for")

    def __init__(self, state: LotState) -> None:
        self.state = state
        self.waits_for: set[str] | None = None
        self.found: dict[str, bool] = {}
        self.bounds: Bounds | None = None
        self.problem = ""
        self._taking = 0
        self._begin = asyncio.Event()
        self._begin.set()
        self._quiet = asyncio.Event()

    @property
    def drawable(self) -> bool:
        """Whether it waits for nothing but its sample to be drawn, as far as is known."""
        return self.state.status in WAITING and not self.waits_for

    @property
    def inspected(self) -> bool:
        """Whether auditors are at it."""
        return self.state.status in OPEN_TO_INSPECTION

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Take a verdict on one of its units, which waits while the lot is concluded upon."""
        await self._begin.wait()
        self._taking += 1
        try:
            yield
        finally:
            self._taking -= 1
            self._quiet.set()

    @asynccontextmanager
    async def concluding(self) -> AsyncIterator[None]:
        """Conclude upon the lot while no verdict is being taken: none that counts is left out of what is signed."""
        self._begin.clear()
        try:
            while self._taking:
                self._quiet.clear()
                await self._quiet.wait()
            yield
        finally:
            self._begin.set()

    def moved_on(self, state: LotState) -> None:
        """Take the lot's next state."""
        if state.rework != self.state.rework:
            self.waits_for, self.found = None, {}
        if state.plan != self.state.plan:
            self.bounds = None
        if self.waits_for is not None:
            self.waits_for -= {state.unit_ids[place] for place in state.withdrawn}
        self.state = state


class ProjectLots:
    """The open lots of one project, and the units that are in them."""

    __slots__ = ("lot_of", "lots")

    def __init__(self) -> None:
        self.lots: dict[str, OpenLot] = {}
        self.lot_of: dict[str, str] = {}


class Repository:
    """Where audit's facts are found; the journal settles its read models.

    Args:
        journal: the truth.
        store: where the indexes and documents lie.
    """

    def __init__(self, journal: Journal, store: Store) -> None:
        self.journal = journal
        self.store = store
        self.projects: dict[str, ProjectLots] = {}
        self.news: Callable[[str, str], object] = _nobody
        journal.listen(LOT, self.settle_lot)
        journal.listen(UNIT, self.settle_unit)

    async def rebuild(self) -> None:
        """Fill the read models."""
        async for key, lot in self.journal.rebuild(LOT):
            self.settle_lot(key, lot)
        async for key, unit in self.journal.rebuild(UNIT):
            self.settle_unit(key, unit)

    def settle_lot(self, key: str, lot: LotState) -> None:
        """Bring the read models up to a lot's state."""
        del key
        project = self.projects.get(lot.project_id)
        if lot.status == "accepted":
            if project is not None and project.lots.pop(lot.lot_id, None) is not None:
                for unit_id in lot.unit_ids:
                    project.lot_of.pop(unit_id, None)
                if not project.lots:
                    del self.projects[lot.project_id]
            return
        if project is None:
            project = self.projects[lot.project_id] = ProjectLots()
        known = project.lots.get(lot.lot_id)
        if known is None:
            project.lots[lot.lot_id] = OpenLot(lot)
            project.lot_of.update((unit_id, lot.lot_id) for unit_id in lot.unit_ids)
        elif known.state == lot:
            return
        else:
            known.moved_on(lot)
        self.news(lot.project_id, lot.lot_id)

    def settle_unit(self, key: str, unit: UnitState) -> None:
        """Bring the read models up to a unit's state."""
        del key
        known = self.open_lot_of(unit)
        if known is None:
            return
        rework, said = known.state.rework, unit.inspection
        if said is not None and said.rework >= rework and not said.late:
            known.found[unit.unit_id] = said.correct
        elif known.waits_for is None or not unit.ready(rework):
            return
        else:
            known.waits_for.discard(unit.unit_id)
        if known.drawable or known.inspected:
            self.news(unit.project_id, known.state.lot_id)

    def open_lot_of(self, unit: UnitState) -> OpenLot | None:
        """Return the open lot that a unit is in."""
        project = self.projects.get(unit.project_id)
        lot_id = project.lot_of.get(unit.unit_id) if project is not None else None
        return project.lots[lot_id] if project is not None and lot_id is not None else None

    def open_lot(self, project_id: str, lot_id: str) -> OpenLot | None:
        """Return a lot that is not accepted yet."""
        project = self.projects.get(project_id)
        return project.lots.get(lot_id) if project is not None else None

    def open_lots(self, project_id: str | None) -> list[OpenLot]:
        """Return the lots that are not accepted yet, of a project or of all, by id."""
        projects = self.projects.values() if project_id is None else filter(None, [self.projects.get(project_id)])
        found = [lot for project in projects for lot in project.lots.values()]
        return sorted(found, key=lambda lot: lot.state.lot_id)

    async def seal(self, lots: Sequence[LotState]) -> None:
        """Write down which units lots have and whose they are; said again it changes nothing."""
        await self._insert(LOTS, [{"_id": lot.lot_id, "project_id": lot.project_id} for lot in lots])
        await self._insert(MEMBERS, [{"_id": unit, "lot_id": lot.lot_id} for lot in lots for unit in lot.unit_ids])

    async def lot_ids(self, project_id: str) -> list[str]:
        """Return the ids of all lots that a project has, in their order."""
        found = await self.store.find(LOTS.name, "project_id", [project_id], only=())
        return sorted(one["_id"] for one in found)

    async def lots(self, lot_ids: Sequence[str]) -> list[LotState]:
        """Return these lots, in this order; those without a record are left out."""
        keys = [lot_key(lot_id) for lot_id in lot_ids]
        states = await self.journal.states(LOT, keys)
        return [states[key] for key in keys if key in states]

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
        found = await self.store.get(MEMBERS.name, sorted(set(unit_ids)))
        return {unit_id: one["lot_id"] for unit_id, one in found.items()}

    async def units(self, unit_ids: Sequence[str]) -> dict[str, UnitState]:
        """Return these units, by id."""
        keys = {unit_id: unit_key(unit_id) for unit_id in unit_ids}
        states = await self.journal.states(UNIT, list(keys.values()))
        return {unit_id: states[key] for unit_id, key in keys.items() if key in states}

    async def in_chunks(self, unit_ids: Sequence[str]) -> AsyncIterator[tuple[Sequence[str], dict[str, UnitState]]]:
        """Yield these units a chunk at a time, in their order; others get to run in between."""
        for start in range(0, len(unit_ids), CHUNK_UNITS):
            chunk = unit_ids[start : start + CHUNK_UNITS]
            yield chunk, await self.units(chunk)
            await asyncio.sleep(0)

    async def issues(self, project_id: str) -> IssuesState:
        """Return the certificates that a project was issued so far."""
        key = issues_key(project_id)
        return (await self.journal.states(ISSUES, [key])).get(key) or IssuesState(project_id)

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


def unit_key(unit_id: str) -> str:
    """Return a unit's aggregate key."""
    return UNIT.key(client_of(unit_id), unit_id)


def lot_key(lot_id: str) -> str:
    """Return a lot's aggregate key."""
    return LOT.key(client_of(lot_id), lot_id)


def issues_key(project_id: str) -> str:
    """Return the aggregate key of a project's certificates."""
    return ISSUES.key(client_of(project_id), project_id)
