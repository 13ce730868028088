"""Group commit: each caller is told of its own entries, and in time, whatever the store does."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
import pytest

from concord.chassis.broker.memory import MemoryBroker, MemoryCluster
from concord.chassis.clock import LoopClock, SystemClock
from concord.chassis.journal.group_commit import COMMIT_RECORDS_MAX, GroupCommit
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.record import COLLECTIONS, JOURNAL, Entry
from concord.chassis.store.memory import MemoryDatabase, MemoryStore
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.tallies import virtual


class Nothing(msgspec.Struct, frozen=True):
    """A state."""


class GatedStore(MemoryStore):
    """A store that inserts into the journal only while its gate is open."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase(random.Random(1)))
        self.gate = asyncio.Event()
        self.inserts: list[int] = []

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name:
            await self.gate.wait()
            self.inserts.append(len(documents))
        return await super().insert(collection, documents)


class HeldClock(SystemClock):
    """A clock by which a sleep lasts until the test ends it."""

    def __init__(self) -> None:
        self.asleep = asyncio.Event()
        self.wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self.wake.wait()


def entry(key: str, seq: int = 1) -> Entry[Nothing]:
    return Entry(key, seq, ["cause"], 0, Nothing(), [], b"{}")


@pytest.fixture
async def store() -> GatedStore:
    store = GatedStore()
    await store.prepare(COLLECTIONS)
    return store


@pytest.fixture
def commits(store: GatedStore) -> GroupCommit:
    clock = SystemClock()
    broker = MemoryBroker(MemoryCluster(clock, random.Random(1)), "w")
    return GroupCommit(store, Publisher(broker, store, "w", clock), "w", clock)


async def test_appends_that_come_while_one_is_stored_share_the_next_insert_and_learn_their_own_fate(
    store: GatedStore, commits: GroupCommit
) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(commits.run())
        first = tasks.create_task(commits.append([entry("a")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [tasks.create_task(commits.append([entry(key), entry("a")])) for key in "bc"]
        await asyncio.sleep(0)
        store.gate.set()
        assert await first == [True]
        assert [await other for other in others] == [[True, False], [True, False]]
        running.cancel()
    assert store.inserts == [1, 4]
    assert (commits.records_stored, commits.records_lost) == (3, 2)


async def test_an_append_of_more_than_one_commit_takes_is_told_once_all_of_it_is_stored(
    store: GatedStore, commits: GroupCommit
) -> None:
    store.gate.set()
    many = COMMIT_RECORDS_MAX + 1
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(commits.run())
        assert await commits.append([entry(f"k{number}") for number in range(many)]) == [True] * many
        running.cancel()
    assert store.inserts == [COMMIT_RECORDS_MAX, 1]


@virtual
async def test_who_waits_too_long_is_told_so_and_what_was_appended_is_stored_all_the_same() -> None:
    store = GatedStore()
    await store.prepare(COLLECTIONS)
    clock = LoopClock(0)
    broker = MemoryBroker(MemoryCluster(clock, random.Random(1)), "w")
    commits = GroupCommit(store, Publisher(broker, store, "w", clock), "w", clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(commits.run())
        appends = [commits.append([entry(key)]) for key in "ab"]
        faults = await asyncio.gather(*appends, return_exceptions=True)
        assert [type(fault) for fault in faults] == [StoreUnavailable, StoreUnavailable]
        store.gate.set()
        await commits.settled()
        assert await commits.append([entry("a"), entry("c")]) == [False, True]
        store.gate.clear()
        with pytest.raises(StoreUnavailable, match="1 records not confirmed"):
            await commits.append([entry("d")])
        running.cancel()


async def test_an_append_whose_caller_has_gone_keeps_no_other_from_being_told(
    store: GatedStore, commits: GroupCommit
) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(commits.run())
        gone = asyncio.ensure_future(commits.append([entry("a")]))
        stays = tasks.create_task(commits.append([entry("b")]))
        await asyncio.sleep(0.01)
        gone.cancel()
        store.gate.set()
        assert await stays == [True]
        running.cancel()
    assert gone.cancelled()
    assert set(await store.get(JOURNAL.name, ["a/000001", "b/000001"])) == {"a/000001", "b/000001"}


async def test_a_group_that_several_shared_lets_the_next_gather_and_a_lone_caller_waits_for_nobody(
    store: GatedStore, commits: GroupCommit
) -> None:
    commits.clock = clock = HeldClock()
    store.gate.set()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(commits.run())
        for key in "ab":
            assert await commits.append([entry(key), entry(f"more {key}")]) == [True, True]
        assert not clock.asleep.is_set(), "one at a time, nobody to wait for"
        await asyncio.gather(commits.append([entry("c")]), commits.append([entry("d")]))
        early = tasks.create_task(commits.append([entry("e")]))
        await clock.asleep.wait()
        late = tasks.create_task(commits.append([entry("f")]))
        await asyncio.sleep(0)
        clock.wake.set()
        assert (await early, await late) == ([True], [True])
        running.cancel()
    assert store.inserts == [2, 2, 2, 2]
