"""The store over MongoDB's protocol: the only file that names the driver.

Motor is the driver; PyMongo's own async client, which follows it, is a setting away and passes the same suite.

A client of either reads the files of certificates that its address names when it is made, and keeps what they said. So
there is another client once they say something else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Files
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError

from concord.chassis.errors import DeploymentFault
from concord.chassis.file_signature import Signature, signature_of
from concord.chassis.store.port import READ_IDS_MAX, Collection, Document, StoreUnavailable
from concord.chassis.store.shape import check_documents

log = logging.getLogger(__name__)

Driver = Literal["motor", "pymongo"]

SERVER_SELECTION_MS_MAX = 5_000
CONNECT_MS_MAX = 5_000
ANSWER_MS_MAX = 10_000
"""How long a sent operation may go unanswered before its outcome is taken as unknown."""
CONNECTIONS_MAX = 16
STREAM_PAGE_DOCUMENTS = 1_000

DUPLICATE_KEY = 11_000
NAMESPACE_EXISTS = 48
# Codes that say "not now" rather than "never": the store stops, steps down, ran out of time or lost a cursor.
# https://www.mongodb.com/docs/manual/reference/error-codes/
PASSING_CODES = frozenset({6, 7, 43, 50, 64, 89, 91, 112, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436})

_OPTIONS: dict[str, Any] = {
    "appname": "concord",
    "serverSelectionTimeoutMS": SERVER_SELECTION_MS_MAX,
    "connectTimeoutMS": CONNECT_MS_MAX,
    "socketTimeoutMS": ANSWER_MS_MAX,
    "waitQueueTimeoutMS": ANSWER_MS_MAX,
    "maxPoolSize": CONNECTIONS_MAX,
    # Acknowledged means on the disks of most members, and read means that it will not be rolled back.
    "w": "majority",
    "journal": True,
    "wTimeoutMS": ANSWER_MS_MAX,
    "readConcernLevel": "majority",
    # A secondary that lags does not know yet what was just acknowledged, and heads would be read from it.
    "readPreference": "primary",
    # A driver's silent retry of an insert would find its own document and call it taken: doubt is told instead.
    "retryWrites": False,
}


class StoreRefused(DeploymentFault):
    """The store refused an operation, and trying again does not cure it: a fault of the deployment or ours."""


class _Reached:
    """A client, the database that it reaches, and how many operations are under way by it."""

    # The two drivers' classes are unrelated; Any is what their common surface can be called.
    def __init__(self, client: Any, database: str) -> None:
        self.client = client
        self.database = client[database]
        self.operations = 0

    async def close(self) -> None:
        # Motor's tells the store of it, and waits for the answer, where it is called; PyMongo's is a coroutine.
        closing = await asyncio.to_thread(self.client.close)
        if closing is not None:
            await closing


class MongoStore:
    """One service's database, reached through a driver's client.

    Args:
        make: makes Motor's or PyMongo's async client; the two agree on all that is used here but `close`.
        database: the database's name.
        files: files of certificates that a client reads when it is made.
    """

    def __init__(self, make: Callable[[], Any], database: str, files: Files[Path] = ()) -> None:
        self._make = make
        self._database = database
        self._files = tuple(files)
        self._signatures = self._signed()
        self._reached = _Reached(make(), database)
        self._left: list[_Reached] = []
        self._refused = ""

    @classmethod
    def connect(cls, uri: str, database: str, driver: Driver = "motor", files: Files[Path] = ()) -> Self:
        """Return a store that connects with its first operation. Call it on the event loop that will use it.

        What the URI says of write and read concern, read preference, timeouts and pool is overruled: a promise is not a
        matter of settings.

        Args:
            uri: where the store is.
            database: the database's name.
            driver: by which client.
            files: files of certificates that the URI names; what they say counts within seconds, by `ping`.
        """
        kind: Callable[..., object] = AsyncMongoClient if driver == "pymongo" else AsyncIOMotorClient
        return cls(lambda: kind(uri, **_OPTIONS), database, files)

    def _signed(self) -> list[Signature]:
        return [signature_of(file) for file in self._files]

    def _renew(self) -> None:
        """Go by another client if the files are others; if they cannot be used, by the one that there is."""
        try:
            signatures = self._signed()
            if signatures == self._signatures:
                return
            reached = _Reached(self._make(), self._database)
        except (OSError, PyMongoError) as fault:  # ssl.SSLError is an OSError
            if str(fault) != self._refused:
                log.error("the store's certificates cannot be used, connections go by those before: %s", fault)  # noqa: TRY400 - what it says is the reason
            self._refused = str(fault)
            return
        self._signatures, self._refused = signatures, ""
        self._left.append(self._reached)
        self._reached = reached
        log.warning("the store's certificates have changed: connections from now on go by them")

    @contextmanager
    def _asked(self, operation: str, name: str) -> Iterator[Any]:
        """Give the database to ask, and tell the driver's errors in the port's words."""
        reached = self._reached
        reached.operations += 1
        try:
            yield reached.database
        except ConnectionFailure as fault:
            raise StoreUnavailable(f"{operation} {name}: {fault}") from fault
        except OperationFailure as fault:
            passing = fault.code in PASSING_CODES or fault.timeout
            raise (StoreUnavailable if passing else StoreRefused)(f"{operation} {name}: {fault}") from fault
        except PyMongoError as fault:
            raise StoreRefused(f"{operation} {name}: {fault}") from fault
        finally:
            reached.operations -= 1

    async def prepare(self, collections: Sequence[Collection]) -> None:
        """Make the collections and their indexes; saying it again changes nothing."""
        for collection in collections:
            with self._asked("prepare", collection.name) as database:
                await _create(database, collection.name)
                for field in collection.indexed:
                    await database[collection.name].create_index([(field, 1)], name=field)

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Insert each document whose `_id` is free and return the positions of those whose was taken."""
        if not documents:
            return frozenset()
        check_documents(documents)
        with self._asked("insert", collection) as database:
            try:
                await database[collection].insert_many(documents, ordered=False)
            except BulkWriteError as fault:
                return _taken(collection, fault.details)
        return frozenset()

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        """Insert documents one after another up to the first whose `_id` is taken, and return how many went in."""
        if not documents:
            return 0
        check_documents(documents)
        with self._asked("insert", collection) as database:
            try:
                await database[collection].insert_many(documents, ordered=True)
            except BulkWriteError as fault:
                (first,) = _taken(collection, fault.details)  # it stops at one
                return first
        return len(documents)

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        """Return the documents under these keys, by key; absent ones are left out."""
        return {document["_id"]: document for document in await self._equal(collection, "_id", ids, only)}

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        """Return every document whose indexed `field` equals one of `values`, in no order."""
        found = await self._equal(collection, field, values, only)
        if len(values) <= READ_IDS_MAX:
            return found
        # A field that holds a list may match in more than one of the round trips.
        return list({document["_id"]: document for document in found}.values())

    async def _equal(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None
    ) -> list[Document]:
        projection = _projection(only)
        found: list[Document] = []
        for start in range(0, len(values), READ_IDS_MAX):
            asked = values[start : start + READ_IDS_MAX]
            equal = asked[0] if len(asked) == 1 else {"$in": list(asked)}
            with self._asked("find", collection) as database:
                found += await database[collection].find({field: equal}, projection).to_list(None)
        return found

    async def count(self, collection: str, field: str, value: str | int) -> int:
        """Return how many documents have this value in the indexed `field`."""
        with self._asked("count", collection) as database:
            return int(await database[collection].count_documents({field: value}))

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Delete the documents under these keys and return how many there were."""
        deleted = 0
        for start in range(0, len(ids), READ_IDS_MAX):
            with self._asked("delete", collection) as database:
                asked = {"_id": {"$in": list(ids[start : start + READ_IDS_MAX])}}
                deleted += (await database[collection].delete_many(asked)).deleted_count
        return deleted

    async def stream(self, collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
        """Yield every document in pages, in no order; what comes or goes meanwhile may be in it or not."""
        # One client from the first page to the last: a cursor is its own.
        with self._asked("stream", collection) as database:
            cursor = database[collection].find({}, _projection(only), batch_size=STREAM_PAGE_DOCUMENTS)
            try:
                while page := await cursor.to_list(STREAM_PAGE_DOCUMENTS):
                    yield page
            finally:
                await cursor.close()

    async def ping(self) -> None:
        """Return when the store answers who goes by the certificates that the files hold now."""
        self._renew()
        self._left, left = [], self._left
        for reached in left:
            if reached.operations:
                self._left.append(reached)
            else:
                await reached.close()
        with self._asked("ping", self._database) as database:
            await database.command("ping")

    async def close(self) -> None:
        """Let go of the connections."""
        for reached in (*self._left, self._reached):
            await reached.close()


async def _create(database: Any, collection: str) -> None:
    try:
        await database.command("create", collection)
    except OperationFailure as fault:
        if fault.code != NAMESPACE_EXISTS:
            raise


def _projection(only: Sequence[str] | None) -> dict[str, int] | None:
    return None if only is None else {"_id": 1, **dict.fromkeys(only, 1)}


def _taken(collection: str, details: Mapping[str, Any]) -> frozenset[int]:
    """Return the positions whose key was taken; raise when anything else went wrong with any of the documents."""
    if details.get("writeConcernErrors"):
        reason = details["writeConcernErrors"][0].get("errmsg", "no reason given")
        raise StoreUnavailable(f"insert into {collection}: not acknowledged by most members ({reason})")
    others = [error for error in details["writeErrors"] if error["code"] != DUPLICATE_KEY]
    if others:
        message = f"insert into {collection}: {others[0].get('errmsg')} (code {others[0]['code']})"
        if all(error["code"] in PASSING_CODES for error in others):
            raise StoreUnavailable(message)
        raise StoreRefused(message)
    return frozenset(error["index"] for error in details["writeErrors"])
