"""A service's database filled by copying a few lives under other ids, as raw documents."""

import asyncio
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient
from pymongo.errors import BulkWriteError

BATCH_DOCUMENTS = 1_000
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Those of the ids' own alphabet, so that a copy's id is as good as any."""
NAMED_CHARACTERS = 8
"""How many of an id's last characters tell a copy from another; the rest tells whose it is."""


class Copies:
    """The documents of one kind of life, again and again under other ids.

    What would keep its own id under every name, an annotator's desk say, is one document and not copied.

    Args:
        life: ids and documents, as `template` tells them.
        service: whose documents.
    """

    def __init__(self, life: Mapping[str, Any], service: str) -> None:
        self._ids = [identifier.encode() for identifier in life["ids"]]
        any_id = re.compile(b"(" + b"|".join(map(re.escape, self._ids)) + b")")
        self._told: list[tuple[str, list[bytes]]] = []
        for document in life["documents"]:
            if document["service"] == service and any_id.search(str(document["document"]["_id"]).encode()):
                self._told.append((document["collection"], any_id.split(bson.encode(document["document"]))))

    def of(self, number: int) -> Iterator[tuple[str, RawBSONDocument]]:
        """Yield the documents of one copy, with their collections."""
        first = number * len(self._ids)
        names = {identifier: _named(identifier, place) for place, identifier in enumerate(self._ids, first)}
        for collection, pieces in self._told:
            yield collection, RawBSONDocument(b"".join([names.get(piece, piece) for piece in pieces]))


def _named(identifier: bytes, number: int) -> bytes:
    """Return an id of the same length and beginning for a copy."""
    digits = []
    for _ in range(NAMED_CHARACTERS):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return identifier[:-NAMED_CHARACTERS] + "".join(reversed(digits)).encode()


async def fill(
    uri: str, database: str, entry: Mapping[str, Any], service: str, lives: Sequence[tuple[str, int]]
) -> int:
    """Write what stands beside the lives, and so many copies of each kind; return how many documents that is.

    Args:
        uri: where the store is.
        database: the service's own.
        entry: what `template` wrote.
        service: which one.
        lives: kinds with the number of their copies.
    """
    basis = ((row["collection"], row["document"]) for row in entry["basis"] if row["service"] == service)
    copies = (copy for kind, count in lives for copy in _copies(Copies(entry[kind], service), count))
    batches = _batches(itertools.chain(basis, copies))
    batch, written = next(batches, None), 0
    async with AsyncMongoClient[Any](uri) as client:
        while batch is not None:
            collection, documents = batch
            # The next batch is copied in a thread while the store takes this one.
            written += len(documents)
            _, batch = await asyncio.gather(
                _write(client[database][collection], documents), asyncio.to_thread(next, batches, None)
            )
    return written


def _batches(documents: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield documents with their collections, by the thousand of one collection."""
    waiting: dict[str, list[Any]] = {}
    for collection, document in documents:
        waiting.setdefault(collection, []).append(document)
        if len(waiting[collection]) == BATCH_DOCUMENTS:
            yield collection, waiting.pop(collection)
    yield from waiting.items()


def _copies(copies: Copies, count: int) -> Iterator[tuple[str, RawBSONDocument]]:
    for number in range(1, count + 1):
        yield from copies.of(number)


async def _write(collection: Any, documents: list[Any]) -> None:
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as fault:
        raise AssertionError(f"a copy meets another: {str(fault.details)[:500]}") from fault
