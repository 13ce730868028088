"""The book: what metrics would otherwise have to read again, kept as parts in a table.

A change to one row costs Faust 60 to 200 us, an event of a chunk four. So rows are not written one by one: every few
seconds the parts that changed are, and with them how far each partition was counted when the writing began. A new
life takes the parts up and reads on from there.

That is exact without any transaction. A part may be newer than the positions it is listed with: what it holds
already comes once more, and rows know every assignment by its id, so it changes nothing. A unit that is closed
meanwhile may stand in its bucket and in the closed sums, which are written last; the closed one prevails.

A part is written into the slot that the last manifest does not name, and the manifest last; so there is always a
whole book. Each life writes under its own name: a process that was thought dead and wakes up spoils no other's,
and whichever book is taken up, the topics say what came after it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

import msgspec

from services.metrics.domain.lot import Lot
from services.metrics.domain.sums import ClosedSums
from services.metrics.domain.unit import Unit
from services.metrics.repository import BUCKETS, Repository

VERSION = 1
PIECE_BYTES = 400_000
"""A broker takes records of a megabyte; a part that is larger is cut."""
MANIFEST = "manifest"
SUMS, CLOSED, LOTS, UNITS = "sums", "closed", "lots", "units"

Place = tuple[str, int]
Positions = Mapping[Place, int]

log = logging.getLogger(__name__)


class Parts(Protocol):
    """Where books are kept: a mapping whose changes are durable, in their order, when `settled` returns."""

    @property
    def rows(self) -> MutableMapping[bytes, bytes]:
        """Return the pieces by name."""
        ...

    async def settled(self) -> None:
        """Return when every change so far is acknowledged; raise when one was not."""
        ...


class Written(msgspec.Struct, frozen=True, array_like=True):
    """Where a part lies: in which of its two slots, in how many pieces."""

    slot: int
    pieces: int


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """What a life's book holds.

    Attributes:
        positions: topic, partition, next offset: everything below is in the parts.
    """

    version: int
    parts: dict[str, Written]
    positions: list[tuple[str, int, int]]

    def progress(self) -> int:
        """Return how many records are in; of several books the one with most of them is taken up."""
        return sum(offset for _, _, offset in self.positions)


class Book:
    """One life's book.

    Args:
        life: this life's name, like no other's; without a slash.
        repository: what is kept.
        parts: where.
        breathe: lets others run between two parts.
    """

    def __init__(self, life: str, repository: Repository, parts: Parts, breathe: Callable[[], Awaitable[None]]) -> None:
        self.life = life
        self.repository = repository
        self.parts = parts
        self._breathe = breathe
        self._written: dict[str, Written] = {}
        self._closed_known = 0
        self._whole = False

    def take_up(self) -> Positions:
        """Fill the repository from the best book there is; return how far it reads, nothing without a book."""
        found = self._books()
        if not found:
            return {}
        life, manifest = max(found.items(), key=lambda one: (one[1].progress(), one[0]))
        repository = self.repository

        def parts(kind: str, form: Any) -> list[Any]:
            numbered = [(int(name.rpartition("/")[2]), name) for name in manifest.parts if name.startswith(f"{kind}/")]
            data = [self._read(life, name, manifest.parts[name]) for _, name in sorted(numbered)]
            return data if form is bytes else [msgspec.msgpack.decode(one, type=form) for one in data]

        for sums in parts(SUMS, dict[str, ClosedSums]):
            repository.load_closed(parts(CLOSED, bytes), sums)
        for lots in parts(LOTS, dict[str, Lot]):
            repository.load_lots(lots)
        for units in parts(UNITS, dict[str, Unit]):
            repository.load_units(units)
        log.info(
            "took up the book of %s: %d units open, %d closed", life, repository.units_open, len(repository.closed)
        )
        return {(topic, partition): offset for topic, partition, offset in manifest.positions}

    async def keep(self, positions: Positions) -> None:
        """Write what has changed; `positions` are those of this moment, before anything is written.

        Raises:
            Exception: a write was not acknowledged; the next time everything is written.
        """
        manifest_positions = [(*place, offset) for place, offset in positions.items()]
        whole, self._whole = not self._whole, False
        repository = self.repository
        units, lots = repository.take_dirty()
        written = dict(self._written)
        for bucket in range(BUCKETS) if whole else sorted(units):
            self._write(f"{UNITS}/{bucket}", repository.buckets[bucket], written)
            await self._breathe()
        for bucket in range(BUCKETS) if whole else sorted(lots):
            self._write(f"{LOTS}/{bucket}", repository.lots[bucket], written)
        # Last and without a pause: what was closed while the buckets were written is in here.
        closed = len(repository.closed)
        if whole or closed > self._closed_known:
            for number, segment in repository.closed.segments(0 if whole else self._closed_known).items():
                self._write(f"{CLOSED}/{number}", segment, written)
            self._write(f"{SUMS}/0", repository.closed_sums, written)
        await self.parts.settled()
        manifest = Manifest(VERSION, written, manifest_positions)
        self.parts.rows[_key(self.life, MANIFEST)] = msgspec.msgpack.encode(manifest)
        await self.parts.settled()
        self._written, self._closed_known, self._whole = written, closed, True
        if whole:
            await self._clear_others()

    def _books(self) -> dict[str, Manifest]:
        """Return the books that are whole, by life."""
        rows, books = self.parts.rows, {}
        for key, value in list(rows.items()):
            life, _, name = key.decode().partition("/")
            if name == MANIFEST:
                manifest = msgspec.msgpack.decode(value, type=Manifest)
                pieces = [piece for part, place in manifest.parts.items() for piece in _pieces(life, part, place)]
                if manifest.version == VERSION and all(piece in rows for piece in pieces):
                    books[life] = manifest
        return books

    def _read(self, life: str, name: str, place: Written) -> bytes:
        return b"".join([self.parts.rows[piece] for piece in _pieces(life, name, place)])

    def _write(self, name: str, content: Any, written: dict[str, Written]) -> None:
        """Write a part into its other slot; one that is empty and never was written is left out."""
        before = self._written.get(name)
        if before is None and not content:
            return
        data = content if isinstance(content, bytes) else msgspec.msgpack.encode(content)
        place = Written(1 - before.slot if before else 0, -(-len(data) // PIECE_BYTES))
        for number, piece in enumerate(_pieces(self.life, name, place)):
            self.parts.rows[piece] = data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
        written[name] = place

    async def _clear_others(self) -> None:
        """Remove the books of lives before, now that there is one of this life."""
        rows, own = self.parts.rows, f"{self.life}/".encode()
        others = [key for key in rows if not key.startswith(own)]
        # Manifests first: a book without one is none.
        for key in sorted(others, key=lambda one: not one.endswith(f"/{MANIFEST}".encode())):
            del rows[key]
        await self.parts.settled()


def _key(life: str, name: str) -> bytes:
    return f"{life}/{name}".encode()


def _pieces(life: str, name: str, place: Written) -> list[bytes]:
    return [_key(life, f"{name}/{place.slot}/{number}") for number in range(place.pieces)]
