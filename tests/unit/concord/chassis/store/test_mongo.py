from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo import ReadPreference
from pymongo.errors import AutoReconnect, BulkWriteError, NetworkTimeout, OperationFailure

from concord.chassis.store.mongo import ANSWER_MS_MAX, Driver, MongoStore, StoreRefused
from concord.chassis.store.port import StoreUnavailable


class Collection:
    """A driver's collection that raises what the test wants."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    async def insert_many(self, documents: object, *, ordered: bool) -> None:
        assert not ordered
        raise self.fault


def store_that_raises(fault: Exception) -> MongoStore:
    return MongoStore(lambda: {"database": {"records": Collection(fault)}}, "database")


def bulk(*errors: tuple[int, int], concern: bool = False) -> BulkWriteError:
    details: dict[str, Any] = {
        "writeErrors": [{"index": index, "code": code, "errmsg": "why"} for index, code in errors],
        "writeConcernErrors": [{"code": 64, "errmsg": "waiting for replication timed out"}] if concern else [],
    }
    return BulkWriteError(details)


async def insert(fault: Exception) -> frozenset[int]:
    return await store_that_raises(fault).insert("records", [{"_id": identifier} for identifier in "abc"])


async def test_duplicate_keys_are_an_answer() -> None:
    assert await insert(bulk((0, 11_000), (2, 11_000))) == {0, 2}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(AutoReconnect("connection closed"), id="the connection broke"),
        pytest.param(NetworkTimeout("no answer"), id="no answer in time"),
        pytest.param(bulk(concern=True), id="most members did not acknowledge"),
        pytest.param(bulk((0, 11_000), concern=True), id="not acknowledged, and one key taken"),
        pytest.param(bulk((0, 11_000), (1, 91)), id="shutting down in the middle"),
        pytest.param(OperationFailure("not primary", 10_107), id="stepped down"),
        pytest.param(OperationFailure("exceeded time limit", 50), id="out of time"),
    ],
)
async def test_what_may_pass_leaves_the_outcome_in_doubt(fault: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="insert"):
        await insert(fault)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(bulk((1, 121)), id="a validator refused one document"),
        pytest.param(bulk((0, 91), (1, 121)), id="one would pass and another not"),
        pytest.param(OperationFailure("not authorized", 13), id="not allowed"),
    ],
)
async def test_what_does_not_pass_is_refused(fault: Exception) -> None:
    with pytest.raises(StoreRefused, match="insert"):
        await insert(fault)


async def test_a_fault_of_the_caller_is_not_dressed_up() -> None:
    with pytest.raises(InvalidDocument):
        await insert(InvalidDocument("cannot encode"))


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_what_is_promised_of_reads_and_writes_is_no_matter_of_the_uri(driver: Driver) -> None:
    loose = "readPreference=secondaryPreferred&readConcernLevel=local&w=1&journal=false&retryWrites=true"
    store = MongoStore.connect(f"mongodb://127.0.0.1:1/?{loose}", "database", driver)
    database = store._reached.database
    assert database.read_preference == ReadPreference.PRIMARY
    assert database.read_concern.level == "majority"
    assert database.write_concern.document == {"w": "majority", "j": True, "wtimeout": ANSWER_MS_MAX}
    assert store._reached.client.options.retry_writes is False
    await store.close()
