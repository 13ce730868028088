"""The book of a place: what metrics would otherwise have to read again, kept as parts in a table.

A record costs Faust 60 to 200 us to write and as much to read again, an event of a chunk four. So rows are not written
one by one: every few seconds those that changed since are, some hundreds a part, and with them how far each topic was
counted when the writing began. Once there is as much of changes as of all rows, all rows are written again and the
changes go. So what is written goes by what was counted, and what whoever is dealt the place next has to read by what is
open. He takes the parts up and reads on from there.

That is exact without any transaction. A part may be newer than the positions it is listed with: what it holds
already comes once more, and rows know every assignment by its id, so it changes nothing. A unit that is closed
meanwhile may stand among the rows and in the closed sums, which are written last; the closed one prevails.

A part is written into the slot that the last manifest does not name, and the manifest last; so there is always a
whole book. Each tenure of a place writes under its own name: a process that was thought dead and wakes up spoils no
other's, and whichever book is taken up, the topics say what came after it.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from services.metrics.domain.closed import Segment
from services.metrics.domain.fatigue import Person
from services.metrics.domain.lot import Lot
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.targets import TargetStanding
from services.metrics.domain.unit import Unit
from services.metrics.repository import Rows

VERSION = 3
PIECE_BYTES = 400_000
"""A broker takes records of a megabyte; a part that is larger is cut."""
UNITS_A_PART, LOTS_A_PART = 500, 50
"""Encoding so many takes a few milliseconds; a lot's row names its units."""
CHANGES_MAX = 400
CHANGES_BYTES_MIN = 256_000
"""All rows are written again after so many parts of changes, and not before there is so much of them."""
MANIFEST = "manifest"
SUMS, CLOSED, LOTS, UNITS, CHANGES, TOLD, PEOPLE = "sums", "closed", "lots", "units", "changes", "told", "people"

_GONE = msgspec.Raw(msgspec.msgpack.encode(None))

Row = TypeVar("Row", Unit, Lot)

Positions = Mapping[str, int]
"""How far each topic is counted: the next offset of the place's partition."""


class Parts(Protocol):
    """Where books are kept: pieces by place and name; changes are durable, in their order, when `settled` returns."""

    def read(self, place: int) -> Mapping[bytes, bytes]:
        """Return the pieces that were kept of a place before it was dealt to this process."""
        ...

    def write(self, place: int, name: bytes, piece: bytes | None) -> None:
        """Keep a piece, or with None remove it."""
        ...

    async def settled(self) -> None:
        """Return when every change so far is acknowledged; raise when one was not."""
        ...


class Written(msgspec.Struct, frozen=True, array_like=True):
    """Where a part lies: in which of its two slots, in how many pieces."""

    slot: int
    pieces: int


class Changes(msgspec.Struct, frozen=True, array_like=True):
    """Rows that changed since the rows of all were written: as they are now, None where a row went.

    Units that rest are encoded already.
    """

    units: Mapping[str, Unit | msgspec.Raw | None]
    lots: Mapping[str, Lot | None]


class _ReadChanges(msgspec.Struct, frozen=True, array_like=True):
    """`Changes` as they are read: no row is decoded that changed again later, nor many at once."""

    units: dict[str, msgspec.Raw]
    lots: dict[str, msgspec.Raw]


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """What a tenure's book holds.

    Attributes:
        positions: topic -> next offset: everything below is in the parts.
        forgotten_us: see `Closed.forgotten_us`.
    """

    version: int
    parts: dict[str, Written]
    positions: dict[str, int]
    forgotten_us: int = 0

    def progress(self) -> int:
        """Return how many records are in; of several books the one with most of them is taken up."""
        return sum(self.positions.values())


class Book:
    """The book of one tenure of a place.

    Args:
        tenure: its name, like no other's; without a slash.
        place: whose rows these are.
        rows: what is kept.
        parts: where.
        breathe: lets others run between two parts.
    """

    def __init__(
        self, tenure: str, place: int, rows: Rows, parts: Parts, breathe: Callable[[], Awaitable[None]]
    ) -> None:
        self.tenure = tenure
        self.place = place
        self.rows = rows
        self.parts = parts
        self._breathe = breathe
        self._written: dict[str, Written] = {}
        self._others: list[bytes] = []
        self._closed_until = self._closed_known = 0
        self._whole = False
        self._rows_bytes = self._changes_bytes = 0

    async def take_up(self) -> Positions:
        """Fill the rows from the best book there is; return how far it reads, nothing without a book."""
        pieces = self.parts.read(self.place)
        own = _key(self.tenure, "")
        # Manifests first: a book without one is none.
        others = [name for name in pieces if not name.startswith(own)]
        self._others = sorted(others, key=lambda key: not key.endswith(f"/{MANIFEST}".encode()))
        found = _books(pieces)
        if not found:
            return {}
        tenure, manifest = max(found.items(), key=lambda tenure_of: (tenure_of[1].progress(), tenure_of[0]))
        parts = {name: _read(pieces, tenure, name, where) for name, where in manifest.parts.items()}
        await self._breathe()
        segments = {int(number): _decoded(data, Segment) for number, data in _of(parts, CLOSED)}
        sums = {project_id: _decoded(data, ClosedSums) for project_id, data in _of(parts, SUMS)}
        self.rows.load_closed(manifest.forgotten_us, segments, sums)
        self.rows.told = {
            project_id: _decoded(data, dict[str, TargetStanding]) for project_id, data in _of(parts, TOLD)
        }
        for project_id, data in _of(parts, PEOPLE):
            self.rows.people[project_id] = _decoded(data, dict[str, Person])
            await self._breathe()
        await self._take_up_rows(parts)
        return manifest.positions

    async def _take_up_rows(self, parts: Mapping[str, bytes]) -> None:
        """Fill in the lots and units, each as it was when it changed last."""
        units: dict[str, msgspec.Raw] = {}
        lots: dict[str, msgspec.Raw] = {}
        for _, data in sorted(_of(parts, CHANGES), key=lambda numbered: int(numbered[0])):
            changes: _ReadChanges = _decoded(data, _ReadChanges)
            units |= changes.units
            lots |= changes.lots
            await self._breathe()
        for _, data in _of(parts, LOTS):
            self.rows.load_lots(_unless(lots, _decoded(data, dict[str, Lot])))
            await self._breathe()
        for some in _batches(lots, LOTS_A_PART):
            self.rows.load_lots(_present(lots, some, Lot))
            await self._breathe()
        for _, data in _of(parts, UNITS):
            self.rows.load_units(_unless(units, _decoded(data, dict[str, Unit])))
            await self._breathe()
        for some in _batches(units, UNITS_A_PART):
            self.rows.load_units(_present(units, some, Unit))
            await self._breathe()

    async def keep(self, positions: Positions) -> None:
        """Write what has changed; `positions` are those of this moment, before anything is written.

        Raises:
            Exception: a write was not acknowledged; the next time everything is written.
        """
        manifest_positions = dict(positions)
        whole, self._whole = not self._whole, False
        rows = self.rows
        units, lots = rows.take_dirty()
        written = dict(self._written)
        if whole or self._is_changes_over(written):
            gone = await self._write_rows(written)
        else:
            await self._write_changes(units, lots, written)
            gone = []
        people = rows.take_people_dirty()
        for project_id in sorted(rows.people if whole else people):
            if self._write(f"{PEOPLE}/{project_id}", rows.people[project_id], written):
                await self._breathe()
        dirty = rows.take_told_dirty()
        for project_id in sorted(rows.told if whole else dirty):
            self._write(f"{TOLD}/{project_id}", rows.told[project_id], written)
        # Last and without a pause: what was closed while the rows were written is in here.
        segments_gone, until, known = self._write_closed(whole, written)
        await self.parts.settled()
        manifest = Manifest(VERSION, written, manifest_positions, rows.closed.forgotten_us)
        self.parts.write(self.place, _key(self.tenure, MANIFEST), msgspec.msgpack.encode(manifest))
        await self.parts.settled()
        self._written, self._closed_until, self._closed_known, self._whole = written, until, known, True
        self._others += gone + segments_gone
        if self._others:
            # What was to go and did not, the last time, may have been written again since.
            used = {piece for name, where in written.items() for piece in _pieces(self.tenure, name, where)}
            for name in self._others:
                if name not in used:
                    self.parts.write(self.place, name, None)
            await self.parts.settled()
            self._others = []

    def _is_changes_over(self, written: Mapping[str, Written]) -> bool:
        """Return whether there is as much of changes as of rows, or too many parts of them."""
        parts = sum(name.startswith(f"{CHANGES}/") for name in written)
        return parts >= CHANGES_MAX or self._changes_bytes > max(CHANGES_BYTES_MIN, self._rows_bytes)

    async def _write_rows(self, written: dict[str, Written]) -> list[bytes]:
        """Write all units and lots; return the pieces of parts that are of no use any more."""
        before = {name for name in written if name.startswith((f"{UNITS}/", f"{LOTS}/", f"{CHANGES}/"))}
        self._rows_bytes = self._changes_bytes = 0
        for number, units in enumerate(self.rows.open.parts(UNITS_A_PART)):
            self._rows_bytes += self._write(f"{UNITS}/{number}", units, written)
            before.discard(f"{UNITS}/{number}")
            await self._breathe()
        for number, some in enumerate(_batches(self.rows.lots, LOTS_A_PART)):
            lots = {lot_id: lot for lot_id in some if (lot := self.rows.lots.get(lot_id)) is not None}
            self._rows_bytes += self._write(f"{LOTS}/{number}", lots, written)
            before.discard(f"{LOTS}/{number}")
            await self._breathe()
        return [piece for name in sorted(before) for piece in _pieces(self.tenure, name, written.pop(name))]

    async def _write_changes(self, units: set[str], lots: set[str], written: dict[str, Written]) -> None:
        """Write the units and lots that changed, behind the changes before."""
        number = sum(name.startswith(f"{CHANGES}/") for name in written)
        for some in _batches(units, UNITS_A_PART):
            changes = Changes(self.rows.open.encodable(some), {})
            self._changes_bytes += self._write(f"{CHANGES}/{number}", changes, written)
            number += 1
            await self._breathe()
        for some in _batches(lots, LOTS_A_PART):
            changes = Changes({}, {lot_id: self.rows.lots.get(lot_id) for lot_id in some})
            self._changes_bytes += self._write(f"{CHANGES}/{number}", changes, written)
            number += 1
            await self._breathe()

    def _write_closed(self, whole: bool, written: dict[str, Written]) -> tuple[list[bytes], int, int]:
        """Write what closed since; return the pieces of what is forgotten, the newest segment, how many ids are in."""
        closed, dirty = self.rows.closed, self.rows.take_sums_dirty()
        if whole or closed.count > self._closed_known:
            for number, segment in closed.segments(0 if whole else self._closed_until).items():
                self._write(f"{CLOSED}/{number}", segment, written)
        for project_id in sorted(self.rows.closed_sums if whole else dirty):
            self._write(f"{SUMS}/{project_id}", self.rows.closed_sums[project_id], written)
        numbers = closed.numbers()
        gone: list[bytes] = []
        for name in [name for name in written if name.startswith(f"{CLOSED}/")]:
            if int(name.rpartition("/")[2]) not in numbers:
                gone += _pieces(self.tenure, name, written.pop(name))
        return gone, max(numbers, default=0), closed.count

    def _write(self, name: str, content: Any, written: dict[str, Written]) -> int:
        """Write a part into its other slot, unless it is empty and never was written; return how many bytes it has."""
        before = self._written.get(name)
        if before is None and not content:
            return 0
        data = msgspec.msgpack.encode(content)
        where = Written(1 - before.slot if before else 0, -(-len(data) // PIECE_BYTES))
        for number, piece in enumerate(_pieces(self.tenure, name, where)):
            self.parts.write(self.place, piece, data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES])
        written[name] = where
        return len(data)


def _batches(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the ids there are now, so many at a time."""
    now = list(ids)
    for start in range(0, len(now), size):
        yield now[start : start + size]


def _unless(changed: Mapping[str, msgspec.Raw], rows: Mapping[str, Row]) -> dict[str, Row]:
    """Return the rows that did not change."""
    return {row_id: row for row_id, row in rows.items() if row_id not in changed}


def _present(changed: Mapping[str, msgspec.Raw], ids: Iterable[str], form: type[Row]) -> dict[str, Row]:
    """Return those of the rows that did not go."""
    return {row_id: _decoded(changed[row_id], form) for row_id in ids if changed[row_id] != _GONE}


def _books(pieces: Mapping[bytes, bytes]) -> dict[str, Manifest]:
    """Return the books that are whole, by tenure."""
    books = {}
    for key, value in pieces.items():
        tenure, _, name = key.decode().partition("/")
        if name == MANIFEST:
            manifest = msgspec.msgpack.decode(value, type=Manifest)
            needed = [piece for part, where in manifest.parts.items() for piece in _pieces(tenure, part, where)]
            if manifest.version == VERSION and all(piece in pieces for piece in needed):
                books[tenure] = manifest
    return books


def _read(pieces: Mapping[bytes, bytes], tenure: str, name: str, where: Written) -> bytes:
    return b"".join([pieces[piece] for piece in _pieces(tenure, name, where)])


def _of(parts: Mapping[str, bytes], kind: str) -> list[tuple[str, bytes]]:
    """Return the parts of a kind by what distinguishes them."""
    return sorted((name.partition("/")[2], data) for name, data in parts.items() if name.startswith(f"{kind}/"))


def _decoded(data: bytes | msgspec.Raw, form: Any) -> Any:
    return msgspec.msgpack.decode(data, type=form)


def _key(tenure: str, name: str) -> bytes:
    return f"{tenure}/{name}".encode()


def _pieces(tenure: str, name: str, where: Written) -> list[bytes]:
    return [_key(tenure, f"{name}/{where.slot}/{number}") for number in range(where.pieces)]
