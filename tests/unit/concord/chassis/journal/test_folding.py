"""Folding: one record stays, all causes are remembered, and no number is opened to whoever holds an old head."""

import asyncio

import pytest

from concord.chassis.clock import LoopClock
from concord.chassis.journal import group_commit
from concord.chassis.journal.folding import FOLD_SECONDS, Folding
from concord.chassis.journal.journal import HEAD_SECONDS_MAX
from concord.chassis.journal.record import JOURNAL, Cause, Decision, Kind
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import StoreUnavailable
from tests.support.tallies import KEY, TALLY, Deaf, House, Tally, add, total, virtual

START_US = 1_790_000_000_000_000
KEYS = [f"c1/tally/{name}" for name in "abc"]


def records(house: House, key: str = KEY) -> list[int]:
    return [entry["seq"] for entry in house.database.dump(JOURNAL.name) if entry["aggregate"] == key]


async def grow(house: House) -> None:
    async with house.process() as part:
        for nth in range(3):
            await part.journal.apply(TALLY, [add(f"x{nth}", key) for key in KEYS])


@virtual
async def test_a_line_becomes_its_last_record_which_remembers_all_causes_and_says_nothing_again() -> None:
    house = House(LoopClock(START_US))
    await grow(house)
    names = house.said()
    async with house.process() as part:
        folding = Folding(part.journal)
        assert await folding.fold(TALLY, KEYS) == 3
        await folding.delete_due()
        assert records(house) == [1, 2, 3, 4], "nothing is deleted before its time"
        await asyncio.sleep(FOLD_SECONDS + 1)
        await folding.delete_due()
        assert [records(house, key) for key in KEYS] == [[4], [4], [4]]
        assert (folding.records_deleted, folding.under_way) == (9, 0)
        assert await folding.fold(TALLY, KEYS) == 0
    async with house.process() as part:
        assert (await part.journal.decide(TALLY, add("x1"))).repeated
        assert (await part.journal.decide(TALLY, add("y"))).state == Tally(4, ("x0", "x1", "x2", "y"))
        assert {key: state.total async for key, state in part.journal.rebuild(TALLY)} == dict(
            zip(KEYS, (4, 3, 3), strict=True)
        )
    assert house.said() == [*names, "y:4"] or sorted(house.said()) == sorted([*names, "y:4"])


@virtual
async def test_whoever_remembers_a_head_from_before_the_fold_reads_it_again_before_deciding() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as old:
        await old.journal.decide(TALLY, add("x0"))
        async with house.process() as other:
            await other.journal.decide(TALLY, add("x1"))
            await other.journal.decide(TALLY, add("x2"))
            await asyncio.sleep(5)
            folding = Folding(other.journal)
            assert await folding.fold(TALLY, [KEY]) == 1
            await asyncio.sleep(FOLD_SECONDS + 1)
            await folding.delete_due()
        assert records(house) == [4]
        assert (await old.journal.decide(TALLY, add("y"))).state == Tally(4, ("x0", "x1", "x2", "y"))
        assert records(house) == [4, 5]


@virtual
async def test_what_waited_so_long_for_the_store_that_a_fold_may_have_passed_is_not_inserted_any_more() -> None:
    class Away(NoFaults):
        away = False

        async def before(self, operation: str, collection: str) -> None:
            await super().before(operation, collection)
            if self.away:
                raise StoreUnavailable("away")

    house = House(LoopClock(START_US))
    away = Away()
    async with house.process(faults=away) as cut_off, house.process() as other:
        await cut_off.journal.decide(TALLY, add("x0"))
        away.away = True
        with pytest.raises(StoreUnavailable):
            await cut_off.journal.decide(TALLY, add("waits"))
        for cause in ("x1", "x2"):
            await other.journal.decide(TALLY, add(cause))
        folding = Folding(other.journal)
        await asyncio.sleep(5)
        assert await folding.fold(TALLY, [KEY]) == 1
        await asyncio.sleep(FOLD_SECONDS + 1)
        await folding.delete_due()
        away.away = False
        await cut_off.commits.settled()
        assert records(house) == [4]
        assert (await cut_off.journal.decide(TALLY, add("waits"))).state == Tally(4, ("x0", "x1", "x2", "waits"))
        assert await total(other.journal) == 3 or await total(other.journal) == 4
    assert sorted(set(house.said())) == ["waits:4", "x0:1", "x1:2", "x2:3"]
    assert group_commit.STALE_SECONDS_MAX + HEAD_SECONDS_MAX < FOLD_SECONDS


@virtual
async def test_what_is_not_known_to_be_said_or_is_open_is_not_folded() -> None:
    house = House(LoopClock(START_US))
    deaf = Deaf(house.cluster, "deaf")
    half = Kind("tally", Tally, is_open=lambda tally: tally.total < 3, slot=lambda tally: 0)
    async with house.process(broker=deaf) as part:
        folding = Folding(part.journal)
        await part.journal.decide(TALLY, add("x0"))
        await part.journal.decide(TALLY, add("x1"))
        assert await folding.fold(TALLY, [KEY]) == 0
        deaf.deaf = False
        await part.publisher.flushed()
        await part.publisher.mark()
        assert await folding.fold(half, [KEY]) == 0
        assert await folding.fold(TALLY, [KEY, "c1/tally/absent"]) == 1


class Broken(MemoryStore):
    """A store that breaks in the midst of a deletion."""

    left = 0

    async def delete(self, collection: str, ids: list[str]) -> int:  # type: ignore[override]  # a sequence, the port says
        if collection == JOURNAL.name and self.left:
            await super().delete(collection, ids[: self.left])
            raise StoreUnavailable("in the midst")
        return await super().delete(collection, ids)


@pytest.mark.parametrize("deleted", range(1, 9))
def test_a_fold_that_breaks_off_in_the_midst_of_deleting_is_taken_up_by_the_next_process(deleted: int) -> None:
    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        await grow(house)
        store = Broken(house.database)
        async with house.process(store=store, clean=False) as part:
            folding = Folding(part.journal)
            await folding.fold(TALLY, KEYS)
            await asyncio.sleep(FOLD_SECONDS + 1)
            store.left = deleted
            with pytest.raises(StoreUnavailable):
                await folding.delete_due()
        async with house.process() as part:
            assert {key: state.total async for key, state in part.journal.rebuild(TALLY)} == dict.fromkeys(KEYS, 3)
            for key in KEYS:
                for nth in range(3):
                    assert (await part.journal.decide(TALLY, add(f"x{nth}", key))).repeated
            folding = Folding(part.journal)
            assert await folding.fold(TALLY, KEYS) > 0
            await asyncio.sleep(FOLD_SECONDS + 1)
            await folding.delete_due()
            assert [records(house, key) for key in KEYS] == [[4], [4], [4]]

    scenario()


@virtual
async def test_what_is_decided_after_a_fold_stays_and_so_does_the_fold() -> None:
    def more(state: Tally | None, now_us: int) -> Decision[Tally]:
        assert state is not None
        return Decision(Tally(state.total + 1, state.causes))

    house = House(LoopClock(START_US))
    await grow(house)
    async with house.process() as part:
        folding = Folding(part.journal)
        await folding.fold(TALLY, [KEY])
        await part.journal.decide(TALLY, Cause(KEY, "later", more))
        running = asyncio.create_task(folding.run())
        await asyncio.sleep(FOLD_SECONDS + 120)
        running.cancel()
        assert records(house) == [4, 5]
        assert await total(part.journal) == 4
