"""The store in memory, with the weak promises that real ones have.

Insert under a free `_id` is the only thing that is atomic. Whatever takes more than one document may be seen half
done, reads come in no order, and every operation lets others run in between, so that code which leans on more
than the port promises fails here as it would in production.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Protocol

from concord.chassis.store.port import READ_IDS_MAX, Collection, Document
from concord.chassis.store.shape import check_documents

_IndexKey = tuple[str, Any]


class Faults(Protocol):
    """What may go wrong around an operation: raise StoreUnavailable, or sleep, or let it pass."""

    async def before(self, operation: str, collection: str) -> None:
        """Called before each part of the effect takes place: an insert of many documents has two parts."""
        ...

    async def after(self, operation: str, collection: str) -> None:
        """Called when the effect has taken place and the caller does not know of it yet."""
        ...


class NoFaults:
    """Nothing goes wrong, but others get to run."""

    async def before(self, operation: str, collection: str) -> None:
        """Let others run."""
        del operation, collection
        await asyncio.sleep(0)

    async def after(self, operation: str, collection: str) -> None:
        """Let it pass."""


class _Shelf:
    """The documents of one collection and its indexes."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        # field -> value -> ids; a dict of None keeps the order of arrival, which a set would leave to chance
        self.indexes: dict[str, dict[_IndexKey, dict[str, None]]] = {}

    def index(self, field: str) -> None:
        if field in self.indexes:
            return
        self.indexes[field] = {}
        for document in self.documents.values():
            self._enter(field, document)

    def _enter(self, field: str, document: Document) -> None:
        for key in _index_keys(document.get(field)):
            self.indexes[field].setdefault(key, {})[document["_id"]] = None

    def insert(self, document: Document) -> bool:
        if document["_id"] in self.documents:
            return False
        self.documents[document["_id"]] = document
        for field in self.indexes:
            self._enter(field, document)
        return True

    def delete(self, identifier: str) -> bool:
        document = self.documents.pop(identifier, None)
        if document is None:
            return False
        for field, index in self.indexes.items():
            for key in _index_keys(document.get(field)):
                index[key].pop(identifier, None)
                if not index[key]:
                    del index[key]
        return True

    def matching(self, field: str, values: Iterable[str | int]) -> list[str]:
        index = self.indexes[field]
        found: dict[str, None] = {}
        for value in values:
            for key in _index_keys(value):
                found.update(index.get(key, {}))
        return list(found)


class MemoryDatabase:
    """What outlives a service: handles come and go, the documents stay.

    Args:
        generator: decides in which order documents are written and read.
    """

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self._shelves: dict[str, _Shelf] = {}

    def shelf(self, collection: str) -> _Shelf:
        """Return the collection's documents, made on first use as a MongoDB makes them."""
        return self._shelves.setdefault(collection, _Shelf())

    def dump(self, collection: str) -> list[Document]:
        """Return copies of all documents in the order of their keys, for whoever checks from outside."""
        documents = self.shelf(collection).documents
        return [_copy(documents[identifier]) for identifier in sorted(documents)]

    def collections(self) -> tuple[str, ...]:
        """Return the names of the collections, sorted."""
        return tuple(sorted(self._shelves))


class MemoryStore:
    """One service's handle on a database in memory.

    Args:
        database: what is shared by all handles on it.
        faults: what may go wrong.
    """

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self._database = database
        self._faults: Faults = faults or NoFaults()

    async def prepare(self, collections: Sequence[Collection]) -> None:
        """Make the collections and their indexes; saying it again changes nothing."""
        for collection in collections:
            await self._faults.before("prepare", collection.name)
            shelf = self._database.shelf(collection.name)
            for field in collection.indexed:
                shelf.index(field)
            await self._faults.after("prepare", collection.name)

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Insert each document whose `_id` is free and return the positions of those whose was taken."""
        check_documents(documents)
        shelf = self._database.shelf(collection)
        # Copied before the first pause: a driver encodes what it was given, not what became of it.
        copies = [_copy(document) for document in documents]
        taken: list[int] = []
        for part in self._parts(len(copies)):
            await self._faults.before("insert", collection)
            taken += [position for position in part if not shelf.insert(copies[position])]
        await self._faults.after("insert", collection)
        return frozenset(taken)

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        """Insert documents one after another up to the first whose `_id` is taken, and return how many went in."""
        check_documents(documents)
        copies = [_copy(document) for document in documents]
        for position, document in enumerate(copies):
            if await self.insert(collection, [document]):
                return position
        return len(copies)

    def _parts(self, count: int) -> list[list[int]]:
        """Return the positions in the order in which they are written, cut in two where a reader may look."""
        if count <= 1:
            return [list(range(count))]
        order = self._shuffled(range(count))
        cut = self._database.generator.randint(1, count - 1)
        return [order[:cut], order[cut:]]

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        """Return the documents under these keys, by key; absent ones are left out."""
        documents = self._database.shelf(collection).documents
        found: dict[str, Document] = {}
        for start in range(0, len(ids), READ_IDS_MAX):
            await self._faults.before("get", collection)
            for identifier in self._shuffled(ids[start : start + READ_IDS_MAX]):
                document = documents.get(identifier)
                if document is not None:
                    found[identifier] = _copy(document, only)
        await self._faults.after("get", collection)
        return found

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        """Return every document whose indexed `field` equals one of `values`, in no order."""
        await self._faults.before("find", collection)
        shelf = self._indexed(collection, field)
        found = [_copy(shelf.documents[key], only) for key in self._shuffled(shelf.matching(field, values))]
        await self._faults.after("find", collection)
        return found

    async def count(self, collection: str, field: str, value: str | int) -> int:
        """Return how many documents have this value in the indexed `field`."""
        await self._faults.before("count", collection)
        found = len(self._indexed(collection, field).matching(field, [value]))
        await self._faults.after("count", collection)
        return found

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Delete the documents under these keys and return how many there were."""
        shelf = self._database.shelf(collection)
        deleted = 0
        for start in range(0, len(ids), READ_IDS_MAX):
            await self._faults.before("delete", collection)
            deleted += sum(shelf.delete(identifier) for identifier in ids[start : start + READ_IDS_MAX])
        await self._faults.after("delete", collection)
        return deleted

    async def stream(self, collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
        """Yield every document in pages, in no order; what comes or goes meanwhile may be in it or not."""
        documents = self._database.shelf(collection).documents
        order = self._shuffled(list(documents))
        for start in range(0, len(order), READ_IDS_MAX):
            await self._faults.before("stream", collection)
            page = order[start : start + READ_IDS_MAX]
            yield [_copy(documents[identifier], only) for identifier in page if identifier in documents]
        await self._faults.after("stream", collection)

    def _indexed(self, collection: str, field: str) -> _Shelf:
        shelf = self._database.shelf(collection)
        if field not in shelf.indexes:
            raise ValueError(f"{collection}.{field} is not indexed; declare it when the store is prepared")
        return shelf

    async def ping(self) -> None:
        """Return when the store answers."""
        await self._faults.before("ping", "")
        await self._faults.after("ping", "")

    async def close(self) -> None:
        """Let go of the handle; the database stays."""

    def _shuffled(self, order: Sequence[Any]) -> list[Any]:
        shuffled = list(order)
        self._database.generator.shuffle(shuffled)
        return shuffled


def _index_keys(value: object) -> list[_IndexKey]:
    """Return what an index keeps of a field: each element of a list, numbers apart from booleans and strings."""
    if isinstance(value, list | tuple):
        return [key for element in value for key in _index_keys(element)]
    if isinstance(value, bool):
        return [("boolean", value)]
    if isinstance(value, int | float):
        return [("number", value)]
    if isinstance(value, str):
        return [("string", value)]
    return []


def _copy(document: Document, only: Sequence[str] | None = None) -> Document:
    """Return the document as a store would give it back: nothing shared with the original, tuples as lists."""
    if only is None:
        return {key: _copy_value(value) for key, value in document.items()}
    wanted = {"_id", *only}
    return {key: _copy_value(value) for key, value in document.items() if key in wanted}


def _copy_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _copy(value)
    if isinstance(value, list | tuple):
        return [_copy_value(element) for element in value]
    return value
