import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from concord.chassis.store.memory import MemoryDatabase, MemoryStore, NoFaults
from concord.chassis.store.port import Collection, Document, StoreUnavailable

RECORDS = Collection("records", ("aggregate",))


def documents(count: int) -> list[Document]:
    return [{"_id": f"a/{number:03}", "aggregate": "x"} for number in range(count)]


class Failing(NoFaults):
    """Fails the nth time that one operation comes to one side of its effect."""

    def __init__(self, operation: str, *, after: bool, nth: int = 1) -> None:
        self.operation = operation
        self.fails_after = after
        self.left = nth

    def _fail(self, operation: str) -> None:
        if operation == self.operation:
            self.left -= 1
            if self.left == 0:
                raise StoreUnavailable("as the test wants it")

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        if not self.fails_after:
            self._fail(operation)

    async def after(self, operation: str, collection: str) -> None:
        if self.fails_after:
            self._fail(operation)


async def test_an_insert_that_fails_before_its_effect_stores_nothing() -> None:
    database = MemoryDatabase(random.Random(1))
    with pytest.raises(StoreUnavailable):
        await MemoryStore(database, Failing("insert", after=False)).insert("records", documents(20))
    assert database.dump("records") == []


async def test_an_insert_that_fails_in_the_middle_stores_some() -> None:
    database = MemoryDatabase(random.Random(1))
    with pytest.raises(StoreUnavailable):
        await MemoryStore(database, Failing("insert", after=False, nth=2)).insert("records", documents(20))
    assert 0 < len(database.dump("records")) < 20


async def test_an_insert_whose_answer_is_lost_is_done_and_can_be_read_back() -> None:
    store = MemoryStore(MemoryDatabase(random.Random(1)), Failing("insert", after=True))
    with pytest.raises(StoreUnavailable):
        await store.insert("records", documents(3))
    assert len(await store.get("records", ["a/000", "a/001", "a/002"])) == 3
    assert await store.insert("records", documents(3)) == {0, 1, 2}


async def test_a_reader_may_see_an_insert_half_done() -> None:
    seen = set()
    for seed in range(20):
        database = MemoryDatabase(random.Random(seed))
        inserting = asyncio.ensure_future(MemoryStore(database).insert("records", documents(20)))
        for _ in range(10):
            seen.add(len(await MemoryStore(database).get("records", [f"a/{n:03}" for n in range(20)])))
        await inserting
    assert {0, 20} < seen


async def test_others_run_during_every_operation() -> None:
    store = MemoryStore(MemoryDatabase(random.Random(1)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.ensure_future(other())

    async def pages() -> None:
        async for _ in store.stream("records"):
            pass

    operations: list[Callable[[], Awaitable[object]]] = [
        lambda: store.prepare([RECORDS]),
        lambda: store.insert("records", documents(1)),
        lambda: store.get("records", ["a/000"]),
        lambda: store.find("records", "aggregate", ["x"]),
        pages,
        lambda: store.delete("records", ["a/000"]),
        store.ping,
    ]
    for operation in operations:
        before = turns
        await operation()
        assert turns > before
    running.cancel()


async def test_reads_come_in_an_order_that_the_seed_decides() -> None:
    async def order(seed: int) -> tuple[str, ...]:
        store = MemoryStore(MemoryDatabase(random.Random(seed)))
        await store.prepare([RECORDS])
        await store.insert("records", documents(30))
        return tuple(document["_id"] for document in await store.find("records", "aggregate", ["x"]))

    assert await order(1) == await order(1)
    assert len({await order(seed) for seed in range(5)}) > 1


async def test_a_field_that_is_not_declared_cannot_be_asked_for() -> None:
    store = MemoryStore(MemoryDatabase(random.Random(1)))
    await store.prepare([RECORDS])
    with pytest.raises(ValueError, match="not indexed"):
        await store.find("records", "state", ["open"])


async def test_a_new_handle_finds_what_a_crashed_one_had_stored() -> None:
    database = MemoryDatabase(random.Random(1))
    await MemoryStore(database).insert("records", documents(3))
    assert await MemoryStore(database).insert("records", documents(4)) == {0, 1, 2}
    assert database.collections() == ("records",)
    assert [document["_id"] for document in database.dump("records")] == ["a/000", "a/001", "a/002", "a/003"]
