"""The book of a place: what metrics would otherwise have to read again, kept as parts in a table.

A change to one row costs Faust 60 to 200 us, an event of a chunk four. So rows are not written one by one: every few
seconds the parts that changed are, and with them how far each topic was counted when the writing began. Whoever is
dealt the place next takes the parts up and reads on from there.

That is exact without any transaction. A part may be newer than the positions it is listed with: what it holds
already comes once more, and rows know every assignment by its id, so it changes nothing. A unit that is closed
meanwhile may stand in its bucket and in the closed sums, which are written last; the closed one prevails.

A part is written into the slot that the last manifest does not name, and the manifest last; so there is always a
whole book. Each tenure of a place writes under its own name: a process that was thought dead and wakes up spoils no
other's, and whichever book is taken up, the topics say what came after it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from services.metrics.domain.closed import Segment
from services.metrics.domain.fatigue import Person
from services.metrics.domain.lot import Lot
from services.metrics.domain.open_units import BUCKETS
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.targets import TargetStanding
from services.metrics.domain.unit import Unit
from services.metrics.repository import Rows

VERSION = 2
PIECE_BYTES = 400_000
"""A broker takes records of a megabyte; a part that is larger is cut."""
MANIFEST = "manifest"
SUMS, CLOSED, LOTS, UNITS, TOLD, PEOPLE = "sums", "closed", "lots", "units", "told", "people"

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
        for _, data in _of(parts, LOTS):
            self.rows.load_lots(_decoded(data, dict[str, Lot]))
            await self._breathe()
        for _, data in _of(parts, UNITS):
            self.rows.load_units(_decoded(data, dict[str, Unit]))
            await self._breathe()
        return manifest.positions

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
        for bucket in range(BUCKETS) if whole else sorted(units):
            if self._write(f"{UNITS}/{bucket}", rows.open.encodable(bucket), written):
                await self._breathe()
        for bucket in range(BUCKETS) if whole else sorted(lots):
            self._write(f"{LOTS}/{bucket}", rows.lots[bucket], written)
        people = rows.take_people_dirty()
        for project_id in sorted(rows.people if whole else people):
            if self._write(f"{PEOPLE}/{project_id}", rows.people[project_id], written):
                await self._breathe()
        dirty = rows.take_told_dirty()
        for project_id in sorted(rows.told if whole else dirty):
            self._write(f"{TOLD}/{project_id}", rows.told[project_id], written)
        # Last and without a pause: what was closed while the buckets were written is in here.
        gone, until, known = self._write_closed(whole, written)
        await self.parts.settled()
        manifest = Manifest(VERSION, written, manifest_positions, rows.closed.forgotten_us)
        self.parts.write(self.place, _key(self.tenure, MANIFEST), msgspec.msgpack.encode(manifest))
        await self.parts.settled()
        self._written, self._closed_until, self._closed_known, self._whole = written, until, known, True
        self._others += gone
        if self._others:
            for name in self._others:
                self.parts.write(self.place, name, None)
            await self.parts.settled()
            self._others = []

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

    def _write(self, name: str, content: Any, written: dict[str, Written]) -> bool:
        """Write a part into its other slot, unless it is empty and never was written; return whether it was written."""
        before = self._written.get(name)
        if before is None and not content:
            return False
        data = msgspec.msgpack.encode(content)
        where = Written(1 - before.slot if before else 0, -(-len(data) // PIECE_BYTES))
        for number, piece in enumerate(_pieces(self.tenure, name, where)):
            self.parts.write(self.place, piece, data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES])
        written[name] = where
        return True


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


def _decoded(data: bytes, form: Any) -> Any:
    return msgspec.msgpack.decode(data, type=form)


def _key(tenure: str, name: str) -> bytes:
    return f"{tenure}/{name}".encode()


def _pieces(tenure: str, name: str, where: Written) -> list[bytes]:
    return [_key(tenure, f"{name}/{where.slot}/{number}") for number in range(where.pieces)]
