"""Fresh units in the store: one document for what a consumed batch admitted to a lane, and none for a unit.

A document is written before the offset is committed, and deleted when each of its units has a record of its own, or is
in a document that this process wrote after it. So every fresh unit is in some document, whatever crashes when and
however many processes have the place for a moment; and a row may be there of a unit that has long been begun.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Decision
from concord.chassis.store.port import Collection, Document
from concord.contracts.ids import place_of, slot_of_project, slots_of
from services.assign.domain import unit
from services.assign.domain.fresh import PAGE_ROWS_MAX, FreshRow, Page, PageHead, in_order, row_of
from services.assign.domain.place import Place
from services.assign.domain.queue import Seeker
from services.assign.domain.unit import UnitState
from services.assign.repository.kinds import UNIT, unit_key

FRESH = Collection("fresh", indexed=("slot",))
"""Pages of fresh units."""

SAMPLE_UNITS = 8
"""Of a batch that is admitted, so many are looked up: one of them has a record when the batch is a replay."""
LOAD_ROWS = 8_000
LOAD_DOCUMENTS_MAX = 200
"""Read at once when a place is loaded: where units come one by one, most documents are of a row or two."""
LOOK_UP_UNITS = 200
BROUGHT_MAX = 16
"""Pages that are brought for one claim; more only where few rows are left in each."""
PAGE_DOCUMENTS_MAX = 32
"""Documents of a page, beyond which its rows are written into one: where units come one by one."""
DELETED_AT_ONCE = 200
DIGEST_BYTES = 12

_encode_rows = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[FreshRow]).decode
_encode_head = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(PageHead).decode


class FreshPages:
    """The pages of the places that this process has.

    Args:
        journal: tells which units have a record of their own.
        count: how many places the cluster has.
        places: those that are loaded here, or are being loaded, by number.
        ring: is told of a project in which units came to wait.
    """

    def __init__(self, journal: Journal, count: int, places: Mapping[int, Place], ring: Callable[[str], None]) -> None:
        self._journal = journal
        self._store = journal.store
        self._count = count
        self._places = places
        self._ring = ring
        self._bringing: dict[Page, asyncio.Event] = {}
        self._written = 0
        self._to_list: set[int] = set()
        journal.markers.likely = self.likely

    def _place(self, project_id: str) -> Place | None:
        return self._places.get(place_of(slot_of_project(project_id), self._count))

    def likely(self, kind: str, slot: int) -> Iterator[str]:
        """Yield the keys of what may be begun next in a slot; see `OpenMarkers.likely`."""
        place = self._places.get(place_of(slot, self._count))
        if kind == UNIT.name and place is not None:
            yield from map(unit_key, place.queue.next_in_pages(lambda unit_id: slot_of_project(unit_id) == slot))

    async def keep(self, units: Sequence[UnitState]) -> list[UnitState]:
        """Store admitted units as rows, and return those of which something was told before their admission.

        Whoever has a record of their own and was admitted is left out. That is looked up where there is a sign of it:
        a unit of the batch was met here before, or one of a sample has a record.
        """
        known = await self._told(units)
        groups: defaultdict[PageHead, list[FreshRow]] = defaultdict(list)
        for state in units:
            if not known or unit_key(state.unit_id) not in known:
                head, row = row_of(state)
                groups[head].append(row)
        pages = [(_document(head, list(in_order(rows).values())), head) for head, rows in groups.items()]
        if pages:
            await self._store.insert(FRESH.name, [document for document, _ in pages])
        for document, head in pages:
            if (place := self._place(head.project_id)) is not None:
                place.queue.put_page(document["_id"], head, groups[head])
                self._ring(head.project_id)
        met = ((state, known.get(unit_key(state.unit_id))) for state in (units if known else ()))
        return [state for state, before in met if before is not None and not before.admitted]

    async def _told(self, units: Sequence[UnitState]) -> dict[str, UnitState]:
        """Return the states of those units that have records, as far as there is a sign that some may."""
        signs = {state.unit_id for state in units if self._met(state)}
        signs |= {state.unit_id for state in units[:: max(1, len(units) // SAMPLE_UNITS)]}
        keys = {unit_key(state.unit_id): None for state in units if state.unit_id in signs}
        states = await self._journal.states(UNIT, list(keys))
        if not states:
            return states
        others = [key for key in dict.fromkeys(unit_key(state.unit_id) for state in units) if key not in keys]
        return states | await self._journal.states(UNIT, others) if others else states

    def _met(self, state: UnitState) -> bool:
        place = self._place(state.project_id)
        return place is not None and place.queue.met(state)

    async def load(self, place: int) -> None:
        """Take in the documents of a place that are not known here, in the order of admission.

        Documents that are known and there no more were another process's to delete: their pages are in doubt.
        """
        queue = self._places[place].queue
        known = queue.fresh.documents()
        found = await self._store.find(FRESH.name, "slot", list(slots_of(place, self._count)), only=("at_us", "count"))
        listed = {document["_id"]: document for document in found}
        gone = (known - listed.keys()) & queue.fresh.documents()
        for page in queue.fresh.pages_of(gone):
            page.doubtful = True
        new = sorted((listed[page_id] for page_id in listed.keys() - known), key=itemgetter("at_us", "_id"))
        for some in _read_together(new):
            documents = await self._store.get(FRESH.name, some)
            for document_id in some:
                if (document := documents.get(document_id)) is not None:
                    queue.put_page(document_id, _decode_head(document["head"]), _decode_rows(document["rows"]))
        queue.doubt_first_pages()

    async def bring(self, page: Page) -> None:
        """Have a page's rows in memory; one read for all who want them at once."""
        if (before := self._bringing.get(page)) is not None:
            await before.wait()
            return
        done = self._bringing[page] = asyncio.Event()
        try:
            while page.rows is None:
                wanted = list(page.documents)
                documents = await self._store.get(FRESH.name, wanted)
                place = self._place(page.head.project_id)
                if place is None or not place.queue.has(page):
                    return
                if page.documents != wanted:
                    continue
                if len(documents) < len(wanted):
                    # Another process deleted some: what was fresh in them is in documents that it wrote.
                    self._to_list.add(place_of(slot_of_project(page.head.project_id), self._count))
                place.queue.bring(
                    page, [row for document in documents.values() for row in _decode_rows(document["rows"])]
                )
        finally:
            done.set()
            del self._bringing[page]

    async def ready(self, project_id: str, seeker: Seeker) -> None:
        """Have enough rows in memory for the seeker's claim: a read for hundreds of claims."""
        for _ in range(BROUGHT_MAX):
            place = self._place(project_id)
            page = place.queue.to_bring(project_id, seeker) if place is not None else None
            if page is None:
                return
            await self.bring(page)

    async def look_up(self, page: Page) -> None:
        """Find out which units of a page have records that this process has not heard of."""
        await self.bring(page)
        page.doubtful = False
        place = self._place(page.head.project_id)
        if place is None:
            return
        unit_ids = list(page.rows or ())
        for start in range(0, len(unit_ids), LOOK_UP_UNITS):
            some = unit_ids[start : start + LOOK_UP_UNITS]
            keys = {unit_key(unit_id): unit_id for unit_id in some}
            self._journal.forget(keys)
            states = await self._journal.states(UNIT, list(keys))
            before = [keys[key] for key, state in states.items() if not state.admitted]
            rows = [place.queue.admitted(unit_id, page.head.project_id) for unit_id in before]
            await self._journal.apply(UNIT, [_admission(row) for row in rows if row is not None])

    async def admitted(self, units: Sequence[tuple[str, str]]) -> dict[str, UnitState]:
        """Return those of some units, each with its project's id, that wait in pages: as they were admitted."""
        found = {}
        for unit_id, project_id in units:
            place = self._place(project_id)
            page = place.queue.fresh.find(unit_id) if place is not None else None
            if place is not None and page is not None:
                await self.bring(page)
                state = place.queue.admitted(unit_id, project_id)
                if state is not None:
                    found[unit_id] = state
        return found

    async def tidy(self) -> None:
        """Delete what is not needed, look up what is in doubt, and write into one document what came one by one.

        Raises:
            Passing: the store does not answer; what was left is done the next time.
        """
        for number, place in list(self._places.items()):
            if not place.loaded:
                continue
            if number in self._to_list:
                self._to_list.discard(number)
                await self.load(number)
            for page in place.queue.fresh.pages():
                if page.doubtful:
                    await self.look_up(page)
                elif len(page.documents) > PAGE_DOCUMENTS_MAX:
                    await self._rewrite(place, page)
            await self._delete(place)

    async def _rewrite(self, place: Place, page: Page) -> None:
        await self.bring(page)
        if not page.rows or not place.queue.has(page):
            return
        before, rows = list(page.documents), list(page.rows.values())
        document = _document(page.head, rows)
        # A name that no other process, and no replay, comes to: nobody can have deleted it before.
        self._written += 1
        document["_id"] += f"/{self._journal.commits.writer}/{self._written}"
        await self._store.insert(FRESH.name, [document])
        if place.queue.has(page):
            place.queue.fresh.rewritten(page, before, document["_id"])

    async def _delete(self, place: Place) -> None:
        finished = place.queue.fresh.finished
        while finished:
            some = finished[:DELETED_AT_ONCE]
            await self._store.delete(FRESH.name, some)
            del finished[: len(some)]


def _document(head: PageHead, rows: Sequence[FreshRow]) -> Document:
    """Return rows as the store takes them: the same rows under the same key, so that a replay makes the same page."""
    encoded = _encode_head(head)
    digest = hashlib.blake2b(encoded, digest_size=DIGEST_BYTES)
    for row in rows:
        digest.update(row.unit_id.encode())
        digest.update(b"\0")
    return {
        "_id": f"{head.client_id}/{head.project_id}/{digest.hexdigest()}",
        "slot": slot_of_project(head.project_id),
        "at_us": min(row.admitted_at_us for row in rows),
        "count": len(rows),
        "head": encoded,
        "rows": _encode_rows(rows),
    }


def _read_together(documents: Iterable[Document]) -> Iterator[list[str]]:
    """Yield which documents are read at once, in their order."""
    some: list[str] = []
    rows = 0
    for document in documents:
        count = document.get("count", PAGE_ROWS_MAX)  # none said so at first
        if some and (rows + count > LOAD_ROWS or len(some) == LOAD_DOCUMENTS_MAX):
            yield some
            some, rows = [], 0
        some.append(document["_id"])
        rows += count
    if some:
        yield some


def _admission(fresh: UnitState) -> Cause[UnitState]:
    """Return the cause that admits a unit of which something was told before."""

    def decide(state: UnitState | None, now_us: int) -> Decision[UnitState] | None:
        del now_us
        after = unit.admit(state, fresh)
        return None if after is None else Decision(after)

    return Cause(unit_key(fresh.unit_id), f"admitted/{fresh.unit_id}", decide)
