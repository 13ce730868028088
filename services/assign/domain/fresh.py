"""Fresh units: admitted, and nothing has happened to them alone. They wait in pages, as rows, and not as aggregates.

A page is what a consumed batch admitted to one lane of a project, stored as one document. A row is a hint and its page
a set: whether a unit is still fresh is told by its aggregate, whose first record is an insert that only one process
wins. So a row may stand in two pages, or in one when its unit has long been begun: who finds the record leaves the row
out. In memory stand the rows of the first pages of each lane; of the others only in which page each unit is.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from itertools import takewhile

import msgspec

from concord.row_index import RowIndex
from services.assign.domain.unit import UnitState

PAGE_ROWS_MAX = 1_000
"""Rows of one page; a batch has no more."""
LOW_ROWS = 256
"""When fewer rows of a lane are in memory, its next page is brought."""
ROWS_IN_MEMORY_MAX = 50_000
"""Rows in memory, of all lanes, places and projects: some 20 MB. The pages that were picked from last stay."""

LaneKey = tuple[int, tuple[str, ...]]
"""Priority, highest first, and the skills that it takes."""


class FreshRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of one fresh unit alone; see `UnitState`."""

    unit_id: str
    admitted_at_us: int
    media_type: str
    traceparent: str
    text_characters: int | None


class PageHead(msgspec.Struct, frozen=True):
    """What the units of a page have in common; see `UnitState`."""

    client_id: str
    project_id: str
    skills: tuple[str, ...]
    priority: int
    overlap: int

    @property
    def lane(self) -> LaneKey:
        """The lane in which they wait."""
        return -self.priority, tuple(sorted(self.skills))


def may_be_row(unit: UnitState) -> bool:
    """Return whether a unit may wait as a row: gold is shown many times, and a named unit's wait is watched."""
    return not (unit.gold or unit.named)


def row_of(unit: UnitState) -> tuple[PageHead, FreshRow]:
    """Return an admitted unit as a row, and what its page's head must be."""
    head = PageHead(unit.client_id, unit.project_id, unit.skills, unit.priority, unit.overlap_wanted)
    row = FreshRow(unit.unit_id, unit.admitted_at_us, unit.media_type, unit.traceparent, unit.text_characters)
    return head, row


def unit_of(head: PageHead, row: FreshRow) -> UnitState:
    """Return the unit of a row, as it was admitted."""
    return UnitState(
        unit_id=row.unit_id,
        client_id=head.client_id,
        project_id=head.project_id,
        admitted=True,
        admitted_at_us=row.admitted_at_us,
        media_type=row.media_type,
        skills=head.skills,
        priority=head.priority,
        traceparent=row.traceparent,
        overlap_initial=head.overlap,
        overlap_wanted=head.overlap,
        text_characters=row.text_characters,
    )


class Page:
    """Rows of one lane, whether they are in memory or not.

    Attributes:
        number: tells it from the others of its place.
        documents: in which its rows are stored.
        count: how many rows it was given.
        gone: units of it that have a record of their own by now.
        rows: its rows without a record, in the order of admission; None while they are not in memory.
        doubtful: units of it may have been begun without this process hearing of it.
    """

    __slots__ = ("count", "documents", "doubtful", "gone", "head", "number", "rows")

    def __init__(self, number: int, head: PageHead) -> None:
        self.number = number
        self.head = head
        self.documents: list[str] = []
        self.count = 0
        self.gone: set[str] = set()
        self.rows: dict[str, FreshRow] | None = None
        self.doubtful = False

    def __len__(self) -> int:
        """How many rows are left, as far as is known."""
        return max(0, self.count - len(self.gone)) if self.rows is None else len(self.rows)


class RowsInMemory:
    """Which pages have their rows in memory, of all places: those that were picked from last.

    Attributes:
        rows: how many rows that is.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._pages: OrderedDict[Page, int] = OrderedDict()

    def keep(self, page: Page) -> None:
        """Note how many rows of the page are in memory, and let others go while they are too many."""
        self.rows += len(page.rows or ()) - self._pages.pop(page, 0)
        if page.rows is not None:
            self._pages[page] = len(page.rows)
        while self.rows > ROWS_IN_MEMORY_MAX and len(self._pages) > 1:
            other, rows = self._pages.popitem(last=False)
            other.rows = None
            self.rows -= rows

    def picked_from(self, page: Page) -> None:
        """Note that the page is in use."""
        if page in self._pages:
            self._pages.move_to_end(page)

    def forget(self, page: Page) -> None:
        """Note that the page is gone."""
        self.rows -= self._pages.pop(page, 0)


class Pages:
    """The pages of one lane of a project, in the order of admission."""

    def __init__(self) -> None:
        self.pages: OrderedDict[int, Page] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self.pages)

    def __len__(self) -> int:
        """How many rows wait in them."""
        return sum(map(len, self.pages.values()))

    def in_memory(self) -> Iterator[Page]:
        """Yield the first pages, as far as their rows are in memory without a gap."""
        return takewhile(lambda page: page.rows is not None, self.pages.values())

    @property
    def since_us(self) -> int:
        """When the first of the rows in memory was admitted; 0 where none is."""
        return next((row.admitted_at_us for page in self.in_memory() for row in (page.rows or {}).values()), 0)

    def low(self, wanted: int) -> tuple[Page | None, int]:
        """Return the page to bring so that so many rows are in memory, if any; and how many are, up to `wanted`."""
        rows = 0
        for page in self.pages.values():
            if page.rows is None:
                return page, rows
            rows += len(page.rows)
            if rows >= wanted:
                break
        return None, rows

    def room(self, head: PageHead, rows: int) -> Page | None:
        """Return the last page, if so many rows more fit into it."""
        last = next(reversed(self.pages.values()), None)
        return last if last is not None and last.head == head and last.count + rows <= PAGE_ROWS_MAX else None


class FreshUnits:
    """The pages of one place: which rows are left, where each is stored, and what of the store is not needed any more.

    Args:
        memory: bounds the rows in memory, over all places.

    Attributes:
        finished: documents of which every unit has a record of its own, or is in a later one: they are to be deleted.
    """

    def __init__(self, memory: RowsInMemory) -> None:
        self.finished: list[str] = []
        self._memory = memory
        self._pages: dict[int, Page] = {}
        self._index = RowIndex(self._pages.__contains__)
        self._holders: Counter[str] = Counter()
        self._made = 0

    def documents(self) -> set[str]:
        """Return the documents that are known, those included that are to be deleted."""
        return {*self._holders, *self.finished}

    def pages(self) -> list[Page]:
        """Return all pages."""
        return list(self._pages.values())

    def pages_of(self, document_ids: set[str]) -> list[Page]:
        """Return the pages whose rows are stored in any of these documents."""
        return [page for page in self._pages.values() if not document_ids.isdisjoint(page.documents)]

    def put(self, lane: Pages, document_id: str, head: PageHead, rows: Sequence[FreshRow]) -> None:
        """Take in the rows of a stored document; those that stand in a page here already stay in that."""
        new: dict[str, FreshRow] = {}
        moved: list[str] = []
        for row in rows:
            number = self._index.find(row.unit_id)
            page = None if number is None else self._pages.get(number)
            if page is None:
                new[row.unit_id] = row
                moved += [] if number is None else [row.unit_id]
            else:
                self._again(page, document_id, row)
        if new:
            self._add(lane, document_id, head, new, moved)
        if not self._holders[document_id]:
            del self._holders[document_id]
            self.finished.append(document_id)

    def _again(self, page: Page, document_id: str, row: FreshRow) -> None:
        """Take in one more place where a row is stored; it is told by its id there, and not by its hash."""
        if row.unit_id in page.gone:
            return
        self._hold(page, document_id)
        if page.rows is not None and row.unit_id not in page.rows:
            page.rows[row.unit_id] = row
            page.count += 1
            self._memory.keep(page)

    def _hold(self, page: Page, document_id: str) -> None:
        if document_id not in page.documents:
            page.documents.append(document_id)
            self._holders[document_id] += 1

    def _add(
        self, lane: Pages, document_id: str, head: PageHead, rows: dict[str, FreshRow], moved: Sequence[str]
    ) -> None:
        page = lane.room(head, len(rows))
        if page is None:
            page = self._page(lane, head)
        self._index.put([unit_id for unit_id in rows if unit_id not in moved], page.number)
        for unit_id in moved:
            self._index.move(unit_id, page.number)
        self._hold(page, document_id)
        page.count += len(rows)
        if page.rows is not None:
            page.rows = in_order([*page.rows.values(), *rows.values()])
            self._memory.keep(page)

    def _page(self, lane: Pages, head: PageHead) -> Page:
        self._made += 1
        page = Page(self._made, head)
        in_memory = list(lane.in_memory())
        if len(in_memory) == len(lane.pages) and sum(map(len, in_memory)) < LOW_ROWS:
            page.rows = {}
        self._pages[page.number] = lane.pages[page.number] = page
        return page

    def met(self, unit_id: str) -> bool:
        """Return whether the unit stands in a page, or stood in one until a while ago."""
        return self._index.find(unit_id) is not None

    def find(self, unit_id: str) -> Page | None:
        """Return the page in which a unit may stand that has no record of its own here."""
        number = self._index.find(unit_id)
        page = None if number is None else self._pages.get(number)
        return None if page is None or unit_id in page.gone else page

    def bring(self, lane: Pages, page: Page, stored: Sequence[FreshRow]) -> None:
        """Have the page's rows in memory, as its documents hold them."""
        if page.rows is not None or page.number not in self._pages:
            return
        mine = {row.unit_id: row for row in stored if self._index.find(row.unit_id) == page.number}
        page.gone &= mine.keys()
        page.count = len(mine)
        page.rows = in_order([row for unit_id, row in mine.items() if unit_id not in page.gone])
        self._memory.keep(page)
        self._leave_if_empty(lane, page)

    def picked_from(self, page: Page) -> None:
        """Note that the page is in use."""
        self._memory.picked_from(page)

    def begun(self, lane: Pages, page: Page, unit_id: str) -> None:
        """Take a unit out of its page: it has a record of its own."""
        if page.rows is not None:
            if page.rows.pop(unit_id, None) is None:
                return
            self._memory.keep(page)
        page.gone.add(unit_id)
        self._leave_if_empty(lane, page)

    def rewritten(self, page: Page, before: Sequence[str], document_id: str) -> None:
        """Take note that what is left of some of the page's documents is in a new one."""
        page.documents = [document for document in page.documents if document not in before]
        self._hold(page, document_id)
        self._let_go(before)

    def _leave_if_empty(self, lane: Pages, page: Page) -> None:
        if page.rows is None or page.rows:
            return
        del self._pages[page.number], lane.pages[page.number]
        self._memory.forget(page)
        self._let_go(page.documents)

    def _let_go(self, document_ids: Sequence[str]) -> None:
        for document_id in document_ids:
            self._holders[document_id] -= 1
            if not self._holders[document_id]:
                del self._holders[document_id]
                self.finished.append(document_id)

    def forget(self) -> None:
        """Let go of all rows in memory: the place is another's."""
        for page in self._pages.values():
            self._memory.forget(page)


def in_order(rows: Sequence[FreshRow]) -> dict[str, FreshRow]:
    """Return rows by their units' ids in the order of admission.

    >>> rows = [FreshRow(name, at_us, "", "", None) for name, at_us in (("b", 2), ("a", 2), ("c", 1))]
    >>> list(in_order(rows))
    ['c', 'a', 'b']
    """
    return {row.unit_id: row for row in sorted(rows, key=lambda row: (row.admitted_at_us, row.unit_id))}
