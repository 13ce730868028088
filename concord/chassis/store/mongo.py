"""The store over MongoDB's protocol: the only file that names the driver.

Motor is the driver; PyMongo's own async client, which follows it, is a setting away and passes the same suite.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Self

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError

from concord.chassis.errors import DeploymentFault
from concord.chassis.store.port import READ_IDS_MAX, Collection, Document, StoreUnavailable
from concord.chassis.store.shape import check_documents

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


class MongoStore:
    """One service's database, reached through a driver's client.

    Args:
        client: Motor's or PyMongo's async client; the two agree on all that is used here but `close`.
        database: the database's name.
    """

    # The two drivers' classes are unrelated; Any is what their common surface can be called.
    def __init__(self, client: Any, database: str) -> None:
        self._client = client
        self._database = client[database]

    @classmethod
    def connect(cls, uri: str, database: str, driver: Driver = "motor") -> Self:
        """Return a store that connects with its first operation. Call it on the event loop that will use it.

        What the URI says of write and read concern, read preference, timeouts and pool is overruled: a promise is not a
        matter of settings.
        """
        client: object = (
            AsyncMongoClient(uri, **_OPTIONS) if driver == "pymongo" else AsyncIOMotorClient(uri, **_OPTIONS)
        )
        return cls(client, database)

    async def prepare(self, collections: Sequence[Collection]) -> None:
        """Make the collections and their indexes; saying it again changes nothing."""
        for collection in collections:
            with _told("prepare", collection.name):
                await self._create(collection.name)
                for field in collection.indexed:
                    await self._database[collection.name].create_index([(field, 1)], name=field)

    async def _create(self, collection: str) -> None:
        try:
            await self._database.command("create", collection)
        except OperationFailure as fault:
            if fault.code != NAMESPACE_EXISTS:
                raise

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        """Insert each document whose `_id` is free and return the positions of those whose was taken."""
        if not documents:
            return frozenset()
        check_documents(documents)
        with _told("insert", collection):
            try:
                await self._database[collection].insert_many(documents, ordered=False)
            except BulkWriteError as fault:
                return _taken(collection, fault.details)
        return frozenset()

    async def insert_in_order(self, collection: str, documents: Sequence[Document]) -> int:
        """Insert documents one after another up to the first whose `_id` is taken, and return how many went in."""
        if not documents:
            return 0
        check_documents(documents)
        with _told("insert", collection):
            try:
                await self._database[collection].insert_many(documents, ordered=True)
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
            with _told("find", collection):
                found += await self._database[collection].find({field: equal}, projection).to_list(None)
        return found

    async def count(self, collection: str, field: str, value: str | int) -> int:
        """Return how many documents have this value in the indexed `field`."""
        with _told("count", collection):
            return int(await self._database[collection].count_documents({field: value}))

    async def delete(self, collection: str, ids: Sequence[str]) -> int:
        """Delete the documents under these keys and return how many there were."""
        deleted = 0
        for start in range(0, len(ids), READ_IDS_MAX):
            with _told("delete", collection):
                asked = {"_id": {"$in": list(ids[start : start + READ_IDS_MAX])}}
                deleted += (await self._database[collection].delete_many(asked)).deleted_count
        return deleted

    async def stream(self, collection: str, only: Sequence[str] | None = None) -> AsyncIterator[Sequence[Document]]:
        """Yield every document in pages, in no order; what comes or goes meanwhile may be in it or not."""
        cursor = self._database[collection].find({}, _projection(only), batch_size=STREAM_PAGE_DOCUMENTS)
        try:
            while True:
                with _told("stream", collection):
                    page = await cursor.to_list(STREAM_PAGE_DOCUMENTS)
                if not page:
                    return
                yield page
        finally:
            with _told("stream", collection):
                await cursor.close()

    async def ping(self) -> None:
        """Return when the store answers."""
        with _told("ping", self._database.name):
            await self._database.command("ping")

    async def close(self) -> None:
        """Let go of the connections."""
        closing = self._client.close()
        if closing is not None:  # PyMongo's is a coroutine, Motor's is done
            await closing


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


@contextmanager
def _told(operation: str, name: str) -> Iterator[None]:
    """Tell the driver's errors in the port's words."""
    try:
        yield
    except ConnectionFailure as fault:
        raise StoreUnavailable(f"{operation} {name}: {fault}") from fault
    except OperationFailure as fault:
        passing = fault.code in PASSING_CODES or fault.timeout
        raise (StoreUnavailable if passing else StoreRefused)(f"{operation} {name}: {fault}") from fault
    except PyMongoError as fault:
        raise StoreRefused(f"{operation} {name}: {fault}") from fault
