"""Rows: aggregates of which nothing is known but what began them, kept by the batch and not one by one.

What a consumed batch begins is one document for each client and slot, a *page*, and an aggregate of it has no record
until something happens to it alone: its first record is then made from its row, by an insert that only one process
wins. A row is a hint, a page is a set: whether an aggregate is begun is told by its first record alone, so a row may
stand in two pages, or in one when its aggregate was begun long ago.

A page is stored before the offset is committed, and deleted when each of its aggregates has a record, which no owner of
its place, old or new, can undo. So every aggregate has a record, or stands in a page, whatever crashes when. In memory
is an index of 18 to 36 bytes a row (`concord.row_index`), and the rows of the pages that were read last.
"""

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from concord.chassis.journal.record import JOURNAL, Cause, Kind, State, encoded_state, record_id
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX, Collection, Document, Store
from concord.contracts.ids import slot_of
from concord.row_index import RowIndex

ROWS = Collection("rows", indexed=("slot",))
"""Pages of rows; a service that keeps any prepares it."""

PAGE_ROWS_MIN = 16
"""Of fewer, each has a record from the start: a page of so few would cost as much, and a deletion."""
PAGE_ROWS_MAX = 1_000
PAGE_BYTES_MAX = 1_000_000
"""Of one page, by its rows' states."""
BYTES_IN_MEMORY_MAX = 8_000_000
"""Of the rows in memory, by their states; the index comes beside. The page read last stays."""
LOAD_PAGES = 8
"""Pages read at once when a place is loaded; others run after each."""
DELETED_AT_ONCE = 200
PROBED_ROWS = 4
"""Of a new page: where one of them was begun without our knowing, the page was told before, and is looked up whole."""
PROBED_PAGES = 12
"""At once."""
DIGEST_BYTES = 12


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an aggregate begins from.

    Attributes:
        cause: the cause that began it, which its first record answers, too.
        state: as `encoded_state` has it.
    """

    key: str
    cause: str
    state: bytes


class Page:
    """Rows that are stored together.

    Attributes:
        document_id: under which they are stored.
        count: how many they are.
        gone: aggregates of it that are known to have a record.
        doubtful: others may have records of which this process has not heard.
    """

    __slots__ = ("count", "document_id", "doubtful", "gone", "slot")

    def __init__(self, document_id: str, slot: int, count: int, *, doubtful: bool) -> None:
        self.document_id = document_id
        self.slot = slot
        self.count = count
        self.gone: set[str] = set()
        self.doubtful = doubtful


_encode_rows = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(list[Row]).decode


class RowPages:
    """The pages of the places that this process has.

    Args:
        store: where they lie, with the journal.

    Attributes:
        bytes_in_memory: what the rows in memory weigh, by their states.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pages: dict[int, Page] = {}
        self._numbers: dict[str, int] = {}
        self._index = RowIndex(self._pages.__contains__)
        self._in_memory: OrderedDict[int, tuple[dict[str, Row], int]] = OrderedDict()
        self.bytes_in_memory = 0
        self._bringing: dict[int, asyncio.Event] = {}
        self._made = 0
        self._complete: dict[int, None] = {}
        self._doubtful: dict[int, None] = {}
        self._new: dict[int, Sequence[str]] = {}

    @property
    def waiting(self) -> int:
        """How many rows have no record, as far as is known."""
        return sum(page.count - len(page.gone) for page in self._pages.values())

    async def keep(self, kind: Kind[State], causes: Sequence[Cause[State]], now_us: int) -> list[Cause[State]]:
        """Keep what these causes begin as rows, and return those that are to be applied as any other.

        That are those of which there are few, and those that say something or begin what may be no row.

        An aggregate of which something was told before has a record, and its row says what began it all the same:
        whoever knows such aggregates asks `find` for their rows after this, and after each such record.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        rows: dict[str, Row] = {}
        groups: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for cause in causes:
            if cause.key not in rows and (made := _row_of(kind, cause, now_us)) is not None:
                slot, rows[cause.key] = made
                groups[cause.key.partition("/")[0], slot].append(rows[cause.key])
        for name, group in list(groups.items()):
            if len(group) < PAGE_ROWS_MIN:
                for row in groups.pop(name):
                    del rows[row.key]
        await self._put_away([(*name, group) for name, group in groups.items()])
        return [
            msgspec.structs.replace(cause, creates=False) if cause.key in rows else cause
            for cause in causes
            if cause.key not in rows or cause.id != rows[cause.key].cause
        ]

    async def _put_away(self, groups: Sequence[tuple[str, int, Sequence[Row]]]) -> None:
        parts = [(_document(client, slot, part), part) for client, slot, group in groups for part in _parts(group)]
        for start in range(0, len(parts), INSERT_DOCUMENTS_MAX):
            some = parts[start : start + INSERT_DOCUMENTS_MAX]
            taken = await self._store.insert(ROWS.name, [document for document, _ in some])
            for place, (document, rows) in enumerate(some):
                if document["_id"] not in self._numbers:
                    # One that was there is of an earlier life, which may have begun some of them.
                    number = self._take_in(document, [row.key for row in rows], doubtful=place in taken)
                    if place not in taken:
                        self._remember(number, rows)

    async def _look(self, keys: Iterable[str]) -> set[str]:
        """Return which of these aggregates have a first record, and note it."""
        firsts = {record_id(key, 1): key for key in keys}
        found = await self._store.get(JOURNAL.name, list(firsts), only=())
        begun = {firsts[name] for name in found}
        for key in begun:
            self.begun(key)
        return begun

    async def load(self, slots: Sequence[int]) -> None:
        """Take in the pages of these slots that are not known here; those that are there no more are forgotten.

        Said again of a place that was gained, others may have begun some of what was known meanwhile.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        known = [(number, page) for number, page in self._pages.items() if page.slot in slots]
        for number, page in known:
            self._doubt(number, page)
        found = await self._store.find(ROWS.name, "slot", list(slots), only=("slot",))
        listed = {document["_id"] for document in found}
        for number, page in known:
            if page.document_id not in listed:
                # Another process deleted it, which it may when each of its aggregates has a record; or we did just now.
                self._forget(number)
        new = sorted(listed - self._numbers.keys())
        for start in range(0, len(new), LOAD_PAGES):
            documents = await self._store.get(ROWS.name, new[start : start + LOAD_PAGES])
            for document_id, document in sorted(documents.items()):
                if document_id not in self._numbers:
                    self._take_in(document, [row.key for row in _decode_rows(document["rows"])], doubtful=True)
                await asyncio.sleep(0)

    def drop(self, slots: Iterable[int]) -> None:
        """Forget the pages of these slots: their place is another's."""
        lost = frozenset(slots)
        for number in [number for number, page in self._pages.items() if page.slot in lost]:
            self._forget(number)

    def begun(self, key: str) -> None:
        """Take note that an aggregate has a record."""
        number = self._index.find(key) if self._pages else None
        page = None if number is None else self._pages.get(number)
        if number is not None and page is not None:
            page.gone.add(key)
            if len(page.gone) >= page.count:
                self._complete[number] = None

    async def find(self, keys: Iterable[str]) -> dict[str, Row]:
        """Return the rows of these aggregates by key, whether they have a record or not; absent ones are left out.

        Raises:
            StoreUnavailable: no answer; say it again.
        """
        wanted: defaultdict[int, list[str]] = defaultdict(list)
        for key in keys if self._pages else ():
            number = self._index.find(key)
            if number is not None and number in self._pages:
                wanted[number].append(key)
        found = {}
        for number, some in wanted.items():
            rows = await self._bring(number)
            found.update({key: rows[key] for key in some if key in rows})
        return found

    async def _bring(self, number: int) -> dict[str, Row]:
        """Return a page's rows; one read for all who want them at once. None are left of one that is deleted."""
        while True:
            if (known := self._in_memory.get(number)) is not None:
                self._in_memory.move_to_end(number)
                return known[0]
            if (page := self._pages.get(number)) is None:
                return {}
            if (before := self._bringing.get(number)) is None:
                break
            await before.wait()
        done = self._bringing[number] = asyncio.Event()
        try:
            document = (await self._store.get(ROWS.name, [page.document_id])).get(page.document_id)
        finally:
            done.set()
            del self._bringing[number]
        if document is None:
            self._forget(number)
            return {}
        return self._remember(number, _decode_rows(document["rows"]))

    def _remember(self, number: int, rows: Sequence[Row]) -> dict[str, Row]:
        """Have a page's rows in memory, and let others go while they are too many."""
        by_key, size = {row.key: row for row in rows}, sum(len(row.state) for row in rows)
        if number in self._pages:
            self._let_go(number)
            self._in_memory[number] = by_key, size
            self.bytes_in_memory += size
            while self.bytes_in_memory > BYTES_IN_MEMORY_MAX and len(self._in_memory) > 1:
                self._let_go(next(iter(self._in_memory)))
        return by_key

    def _let_go(self, number: int) -> None:
        _, size = self._in_memory.pop(number, (None, 0))
        self.bytes_in_memory -= size

    def _take_in(self, document: Document, keys: Sequence[str], *, doubtful: bool) -> int:
        self._made += 1
        number = self._made
        page = Page(document["_id"], document["slot"], len(keys), doubtful=doubtful)
        self._pages[number] = page
        self._numbers[page.document_id] = number
        new = []
        for key in keys:
            before = self._index.find(key)
            if before is None:
                new.append(key)
                continue
            # It stands in two pages, for it came again: that it is begun is noted in the later one alone.
            if (other := self._pages.get(before)) is not None:
                doubtful = True
                self._doubt(before, other)
            self._index.move(key, number)
        self._index.put(new, number)
        if doubtful:
            self._doubt(number, page)
        else:
            self._new[number] = keys[:: -(-len(keys) // PROBED_ROWS)]
        return number

    def _doubt(self, number: int, page: Page) -> None:
        page.doubtful = True
        self._doubtful[number] = None

    def _forget(self, number: int) -> None:
        page = self._pages.pop(number, None)
        if page is not None:
            del self._numbers[page.document_id]
        self._let_go(number)
        self._complete.pop(number, None)
        self._doubtful.pop(number, None)
        self._new.pop(number, None)

    async def _probe(self) -> None:
        """Doubt new pages that were told before, for a topic may be read again from long ago."""
        some = dict(islice(self._new.items(), PROBED_PAGES))
        if not some:
            return
        firsts = {record_id(key, 1): key for keys in some.values() for key in keys}
        begun = {firsts[name] for name in await self._store.get(JOURNAL.name, list(firsts), only=())}
        for number, keys in some.items():
            page = self._pages.get(number)
            if page is not None and any(key in begun and key not in page.gone for key in keys):
                self._doubt(number, page)
            self._new.pop(number, None)

    async def tidy(self) -> None:
        """Look one page up of which others may have begun some, and delete those of which nothing is left.

        Raises:
            Passing: the store does not answer; what was left is done the next time.
        """
        await self._probe()
        if self._doubtful:
            number = next(iter(self._doubtful))
            page, rows = self._pages[number], await self._bring(number)
            begun = await self._look(rows)
            if self._pages.get(number) is page:
                # By name, for the index may have them in another page.
                page.gone |= begun
                page.doubtful = False
                del self._doubtful[number]
                if len(page.gone) >= page.count:
                    self._complete[number] = None
        await self._delete()

    async def _delete(self) -> None:
        finished: dict[int, str] = {}
        for number in list(self._complete):
            rows, page = await self._bring(number), self._pages.get(number)
            if page is not None:
                # Told by their names now, and not by their hashes.
                page.gone &= rows.keys()
                if len(page.gone) == page.count:
                    finished[number] = page.document_id
            self._complete.pop(number, None)
        numbers = list(finished)
        for start in range(0, len(numbers), DELETED_AT_ONCE):
            some = numbers[start : start + DELETED_AT_ONCE]
            try:
                await self._store.delete(ROWS.name, [finished[number] for number in some])
            except BaseException:
                self._complete.update((number, None) for number in numbers[start:] if number in self._pages)
                raise
            for number in some:
                self._forget(number)


def _row_of(kind: Kind[State], cause: Cause[State], now_us: int) -> tuple[int, Row] | None:
    """Return what a cause begins as a row, and its slot; None where it may be none."""
    slot = slot_of(cause.key.split("/", 2)[2])
    if slot is None or kind.may_be_row is None:
        return None
    try:
        decision = cause.decide(None, now_us)
    except Exception:
        return None  # whoever applies it is told
    if decision is None or decision.events or not kind.may_be_row(decision.state):
        return None
    return slot, Row(cause.key, cause.id, encoded_state(decision.state))


def _parts(rows: Sequence[Row]) -> list[list[Row]]:
    """Return rows by pages.

    >>> [len(part) for part in _parts([Row(str(number), "", b"") for number in range(PAGE_ROWS_MAX + 1)])]
    [1000, 1]
    """
    parts: list[list[Row]] = []
    size = 0
    for row in rows:
        if not parts or len(parts[-1]) == PAGE_ROWS_MAX or size + len(row.state) > PAGE_BYTES_MAX:
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += len(row.state)
    return parts


def _document(client_id: str, slot: int, rows: Sequence[Row]) -> Document:
    """Return a page as the store takes it: what the same causes begin is the same page."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for row in rows:
        digest.update(f"{row.key}\0{row.cause}\0".encode())
    return {"_id": f"{client_id}/{slot}/{digest.hexdigest()}", "slot": slot, "rows": _encode_rows(rows)}
