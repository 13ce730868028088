"""Open markers: which aggregates are not done with, so that a start reads these and nothing else.

A marker `<aggregate>/<seq>` is stored before the record of that number which opens the aggregate, or opens it again,
and is over with the one that closes it. Whatever crashes when, the markers are a superset of what is open. The number
keeps apart the times that an aggregate was open: who is done with one, however late, cannot take the next.

A store is paid by the document, so the markers of one commit are **a sheet**: one document for each kind and slot in
it, which is deleted when each of its markers is over. A sheet of which little is left is written anew without the rest.
And it is paid by the call: whoever knows what is likely to be opened next has the markers of that on the same sheet, so
that most commits need none.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.journal.record import OPEN, Entry
from concord.chassis.store.port import Document, Store

CLOSED_MAX = 50_000
"""Markers that are over and whose sheets are not known here; beyond it the oldest are left to the next start, which
finds them over."""
DELETE_SHEETS_MAX = 500
SHEET_MARKERS_MAX = 500
"""Of one sheet."""
AHEAD_MAX = 200
"""First records of a kind and slot that are likely to come next and have their markers ahead; a start finds no more of
them than that without a record, for each process that ended since they were written."""
LOOK_SLOTS = 50
"""Slots whose sheets are listed at once."""
THIN_SHARE = 4
THIN_MARKERS = 16
"""A sheet of that many markers or more is written anew when one in THIN_SHARE of them is left, or fewer."""
TIDY_SECONDS = 10.0

Marked = Mapping[str, Sequence[int]]
"""Aggregates, with the numbers at which they were opened."""


@dataclass(slots=True)
class _Sheet:
    """A document of markers, as this process knows it.

    Attributes:
        kind: of the aggregates.
        slot: in which they lie.
        size: how many markers are in the document.
        left: those that are not over.
    """

    kind: str
    slot: int
    size: int
    left: set[str]

    @property
    def thin(self) -> bool:
        """Whether it is worth writing anew."""
        return self.size >= THIN_MARKERS and len(self.left) * THIN_SHARE <= self.size


class OpenMarkers:
    """The markers of one service.

    A sheet is deleted by whoever knows that each of its markers is over, or has since stored those that are not in a
    sheet of its own, under a name that nobody else comes to: so no order of two processes' deletions loses a marker.

    Args:
        store: where they lie.
        writer: this process's name: unique to this life of it.
        clock: time.

    Attributes:
        left_behind: how many are left to a start to find that they are over.
        keeps: whether this process sees to what is open in a slot. A sheet that it writes for others is not remembered:
            who sees to that slot finds it there, and here nobody would ever let it go.
        likely: the keys of what of a kind may be opened next in a slot by its first record, the likeliest first.
    """

    def __init__(self, store: Store, writer: str, clock: Clock) -> None:
        self.store = store
        self.writer = writer
        self.clock = clock
        self.left_behind = 0
        self.keeps: Callable[[int], bool] = lambda _: True
        self.likely: Callable[[str, int], Iterable[str]] = lambda _kind, _slot: ()
        self._ahead: set[str] = set()
        self._not_stored: set[str] = set()
        self._written = 0
        self._sheets: dict[str, _Sheet] = {}
        self._on: dict[str, tuple[str, ...]] = {}
        self._finished: dict[str, None] = {}
        self._thin: set[str] = set()
        self._tidy_at = 0.0
        self._elsewhere: dict[str, int] = {}
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def remembered(self) -> int:
        """How many markers are in memory."""
        return len(self._on)

    def sheets_of(self, entries: Sequence[Entry[Any]]) -> list[Document]:
        """Return the documents that must be there before these entries are stored; made once a commit."""
        groups: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        self._not_stored.clear()
        for entry in entries:
            opening = [marker_of(entry.key, entry.seq)] if entry.opened == entry.seq else []
            for marker in (*opening, *[marker_of(key, 1) for key in entry.opens]):
                if self._ahead and marker in self._ahead:
                    # Once: whoever opens the same after a loss writes it again.
                    self._ahead.discard(marker)
                else:
                    groups[_kind_of(marker), entry.slot].append(marker)
        for (kind, slot), markers in groups.items():
            markers.extend(self._next(kind, slot, markers))
        return [
            self._written_sheet(kind, slot, markers[start : start + SHEET_MARKERS_MAX])
            for (kind, slot), markers in groups.items()
            for start in range(0, len(markers), SHEET_MARKERS_MAX)
        ]

    def _next(self, kind: str, slot: int, opening: Collection[str]) -> list[str]:
        """Return the markers of what is likely to be opened next and has none, as far as the sheet has room."""
        if not self.keeps(slot):
            return []
        room = SHEET_MARKERS_MAX - len(opening) % SHEET_MARKERS_MAX
        likely = (marker_of(key, 1) for key in islice(self.likely(kind, slot), AHEAD_MAX))
        found = [name for name in likely if name not in self._on and name not in opening][:room]
        self._not_stored.update(found)
        return found

    def stored(self) -> None:
        """Say that the sheets that were made last are in the store, and with them what is ahead."""
        self._ahead |= self._not_stored
        self._not_stored.clear()

    def known(self, entry: Entry[Any]) -> None:
        """Say that an entry is stored; what it closes is over, and so is what was ahead of one that opens nothing."""
        if entry.closes:
            self.closed(entry.key, entry.closes, entry.slot)
        elif entry.seq == 1 and not entry.opened and marker_of(entry.key, 1) in self._ahead:
            self.closed(entry.key, [1])

    def closed(self, key: str, seqs: Iterable[int], slot: int | None = None) -> None:
        """Say that these openings are over: a record that is stored closed the aggregate after them.

        Args:
            key: the aggregate's.
            seqs: the numbers of the records that opened it.
            slot: where it lies; a sheet that another process wrote since the slot was read is looked for there.
        """
        self._close([marker_of(key, seq) for seq in seqs], slot)

    def closed_each(self, keys: Iterable[str], seq: int, slot: int) -> None:
        """Say the same of many that were opened by the same number in a slot."""
        self._close([marker_of(key, seq) for key in keys], slot)

    def _close(self, markers: Iterable[str], slot: int | None) -> None:
        for marker in markers:
            if marker in self._on:
                self._over(marker)
            elif slot is not None:
                if len(self._elsewhere) >= CLOSED_MAX:
                    del self._elsewhere[next(iter(self._elsewhere))]
                    self.left_behind += 1
                self._elsewhere[marker] = slot
        if self._finished or self._elsewhere:
            self._settled.clear()
            self._arrived.set()

    async def of(self, kind: str, slots: Sequence[int]) -> Marked:
        """Return the aggregates of a kind that may be open in these slots, and at which numbers they were opened."""
        return (await self.by_kind([kind], slots)).get(kind, {})

    async def by_kind(self, kinds: Collection[str], slots: Sequence[int]) -> Mapping[str, Marked]:
        """Return the same of several kinds, from one reading."""
        found: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for document in await self.store.find(OPEN.name, "slot", slots):
            if document["kind"] not in kinds:
                continue
            self._learn(document)
            sheet = self._sheets.get(document["_id"])
            for marker in () if sheet is None else sheet.left:
                key, _, seq = marker.rpartition("/")
                found[document["kind"]][key].add(int(seq))
        return {kind: {key: sorted(seqs) for key, seqs in marked.items()} for kind, marked in found.items()}

    def forget(self, gone: Callable[[int], bool]) -> None:
        """Know nothing any more of the sheets in these slots: another process sees to them now."""
        for name in [name for name, sheet in self._sheets.items() if gone(sheet.slot)]:
            self._let_go(name)

    async def run(self) -> None:
        """Delete sheets that are over, and write thin ones anew, until cancelled."""
        waits = BackOff("deleting open markers", self.clock)
        while True:
            if self._thin and self.clock.monotonic() >= self._tidy_at:
                await waits.attempt(self._tidy)
            elif self._elsewhere:
                await waits.attempt(self._look)
            elif self._finished:
                await waits.attempt(self._delete)
            else:
                self._settled.set()
                self._arrived.clear()
                await self._called()

    async def settled(self) -> None:
        """Return when no sheet waits to be deleted."""
        await self._settled.wait()

    async def _called(self) -> None:
        """Return when there is something to do."""
        while not self._arrived.is_set():
            left = max(0.0, self._tidy_at - self.clock.monotonic()) if self._thin else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            if self._thin and self.clock.monotonic() >= self._tidy_at:
                return

    async def _delete(self) -> None:
        some = [name for name, _ in zip(self._finished, range(DELETE_SHEETS_MAX), strict=False)]
        await self.store.delete(OPEN.name, some)
        for name in some:
            self._finished.pop(name, None)

    async def _look(self) -> None:
        """Find the sheets of what is over in the store; what is in none of them has no marker any more."""
        wanted = dict(self._elsewhere)
        slots = sorted(set(wanted.values()))
        for start in range(0, len(slots), LOOK_SLOTS):
            listed = await self.store.find(OPEN.name, "slot", slots[start : start + LOOK_SLOTS], only=("kind",))
            new = [document["_id"] for document in listed if document["_id"] not in self._sheets]
            for document in (await self.store.get(OPEN.name, new)).values() if new else ():
                self._learn(document)
        for marker in wanted:
            if self._elsewhere.pop(marker, None) is not None and marker in self._on:
                self._over(marker)

    async def _tidy(self) -> None:
        """Write what is left of thin sheets into new ones, each kind and slot for itself."""
        groups: defaultdict[tuple[str, int], dict[str, None]] = defaultdict(dict)
        names = sorted(self._thin)
        for name in names:
            sheet = self._sheets[name]
            groups[sheet.kind, sheet.slot].update(dict.fromkeys(sorted(sheet.left)))
        anew = []
        for (kind, slot), markers in groups.items():
            left = list(markers)
            anew += [
                self._written_sheet(kind, slot, left[start : start + SHEET_MARKERS_MAX])
                for start in range(0, len(left), SHEET_MARKERS_MAX)
            ]
        try:
            await self.store.insert(OPEN.name, anew)
        except BaseException:
            # They may be there or not. Those that they were made of stay, and are told of what is over as before.
            for document in anew:
                self._let_go(document["_id"])
            raise
        for name in names:
            self._let_go(name)
            self._finished[name] = None

    def _written_sheet(self, kind: str, slot: int, markers: Sequence[str]) -> Document:
        self._written += 1
        document = {"_id": f"{self.writer}/{self._written}", "kind": kind, "slot": slot, "marks": list(markers)}
        if self.keeps(slot):
            self._learn(document)
        return document

    def _learn(self, document: Document) -> None:
        """Know a sheet from now on; one that is known stays as it is known."""
        name = document["_id"]
        if name in self._sheets or name in self._finished:
            return
        # Two of a commit may both open an aggregate with the same record, of which one is stored.
        marks = dict.fromkeys(document["marks"])
        self._sheets[name] = _Sheet(document["kind"], document["slot"], len(marks), set(marks))
        for marker in marks:
            self._on[marker] = (*self._on.get(marker, ()), name)

    def _over(self, marker: str) -> None:
        self._ahead.discard(marker)
        for name in self._on.pop(marker):
            sheet = self._sheets[name]
            sheet.left.discard(marker)
            if not sheet.left:
                del self._sheets[name]
                self._thin.discard(name)
                self._finished[name] = None
            elif sheet.thin:
                if not self._thin:
                    self._tidy_at = self.clock.monotonic() + TIDY_SECONDS
                    self._arrived.set()
                self._thin.add(name)

    def _let_go(self, name: str) -> None:
        self._thin.discard(name)
        sheet = self._sheets.pop(name, None)
        for marker in () if sheet is None else sheet.left:
            others = tuple(other for other in self._on[marker] if other != name)
            if others:
                self._on[marker] = others
            else:
                del self._on[marker]
                self._ahead.discard(marker)


def marker_of(key: str, seq: int) -> str:
    """Return the marker of one opening."""
    return f"{key}/{seq:06d}"


def markers_in(documents: Collection[Document]) -> list[str]:
    """Return the markers on some sheets, in order, for who looks at a store."""
    return sorted(marker for document in documents for marker in document["marks"])


def _kind_of(key: str) -> str:
    return key.split("/", 2)[1]
