"""Settling: a listener is told of all that is stored, whoever waits, in order, and stops nothing."""

import asyncio
from collections.abc import Sequence

import pytest

from concord.chassis.journal import group_commit
from concord.chassis.journal.record import JOURNAL
from concord.chassis.journal.settling import Settling
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.service import until
from tests.support.tallies import KEY, TALLY, House, Tally, add, total


class HeldStore(MemoryStore):
    """A store that keeps reads and inserts of the journal waiting while its gate is shut."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database)
        self.gate = asyncio.Event()
        self.gate.set()
        self.found = 0

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name:
            await self.gate.wait()
        return await super().insert(collection, documents)

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        found = await super().find(collection, field, values, only)
        if field == "aggregate":
            self.found += 1
            await self.gate.wait()
        return found


class Told:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.totals: list[int] = []

    def __call__(self, key: str, state: Tally) -> None:
        assert key == KEY
        self.totals.append(state.total)


async def test_a_listener_is_told_of_what_is_stored_before_the_caller_is() -> None:
    house, entry = House(), Told()
    async with house.process() as part:
        part.journal.listen(TALLY, entry)
        await part.journal.decide(TALLY, add("x"))
        assert entry.totals == [1]
        await part.journal.decide(TALLY, add("x"))
        assert entry.totals == [1], "a repetition from a known head is no news"


async def test_a_listener_is_told_of_what_is_stored_after_its_caller_gave_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "APPEND_SECONDS_MAX", 0.02)
    house, entry = House(), Told()
    store = HeldStore(house)
    async with house.process(store=store) as part:
        part.journal.listen(TALLY, entry)
        store.gate.clear()
        with pytest.raises(StoreUnavailable):
            await part.journal.decide(TALLY, add("x", creates=True))
        assert entry.totals == []
        store.gate.set()
        await part.commits.settled()
        assert entry.totals == [1]
        assert (await part.journal.decide(TALLY, add("x"))).repeated


async def test_a_listener_is_told_of_what_another_process_stored_once_its_head_is_met() -> None:
    house, entry = House(), Told()
    async with house.process() as part, house.process() as two:
        two.journal.listen(TALLY, entry)
        await part.journal.decide(TALLY, add("x"))
        assert entry.totals == []
        assert (await two.journal.decide(TALLY, add("x"))).repeated
        assert entry.totals == [1]


async def test_a_read_that_was_overtaken_tells_nothing_older() -> None:
    house, entry = House(), Told()
    store = HeldStore(house)
    async with house.process(store=store) as part, house.process() as other:
        part.journal.listen(TALLY, entry)
        await other.journal.decide(TALLY, add("x"))
        store.gate.clear()
        before = store.found
        slow = asyncio.create_task(part.journal.states(TALLY, [KEY]))
        await until(lambda: store.found > before)
        await other.journal.decide(TALLY, add("y"))
        quick = MemoryStore(house.database)
        store.find = quick.find  # type: ignore[method-assign]  # the second read is answered at once
        assert (await part.journal.states(TALLY, [KEY]))[KEY].total == 2
        part.journal.forget([KEY])
        store.gate.set()
        assert (await slow)[KEY].total == 1
        assert entry.totals == [2]
        assert await total(part.journal) == 2, "what was overtaken is not remembered either"


async def test_what_a_listener_raises_is_counted_and_stops_neither_the_caller_nor_the_journal() -> None:
    def broken(key: str, state: Tally) -> None:
        raise ValueError(key)

    house = House()
    async with house.process() as part:
        part.journal.listen(TALLY, broken)
        assert (await part.journal.decide(TALLY, add("x"))).state == Tally(1, ("x",))
        assert (await part.journal.decide(TALLY, add("y"))).state == Tally(2, ("x", "y"))
        assert part.journal.settling.failures == 2
    assert house.said() == ["x:1", "y:2"]


async def test_what_is_kept_to_tell_the_order_is_let_go_when_nothing_is_under_way() -> None:
    house = House()
    async with house.process() as part:
        part.journal.listen(TALLY, lambda key, state: None)
        keys = [f"c1/tally/{number}" for number in range(50)]
        await part.journal.apply(TALLY, [add("x", key) for key in keys])
        await part.journal.apply(TALLY, [add("x", key) for key in keys])
        settling = part.journal.settling
        assert settling.under_way == 0


def test_of_two_that_are_under_way_the_older_is_left_out_until_both_are_over() -> None:
    settling, entry = Settling(), Told()
    settling.listen(TALLY, entry)
    settling.expect([KEY])
    settling.expect([KEY])
    assert settling.tell(KEY, 2, Tally(2, ()))
    settling.over([KEY])
    assert not settling.tell(KEY, 1, Tally(1, ()))
    settling.over([KEY])
    assert entry.totals == [2]
    assert settling.under_way == 0


class NoAnswer(NoFaults):
    """Whatever is inserted into the journal is stored, and nobody is told while this lasts."""

    lasts = True

    async def after(self, operation: str, collection: str) -> None:
        if self.lasts and (operation, collection) == ("insert", JOURNAL.name):
            raise StoreUnavailable("no answer after the effect")


async def test_a_record_of_ours_that_is_in_doubt_is_not_read_back_as_one_that_is_said() -> None:
    house, faults = House(), NoAnswer()
    async with house.process(faults) as part:
        asked = asyncio.create_task(part.journal.apply(TALLY, [add("a")]))
        while not house.database.dump(JOURNAL.name):  # noqa: ASYNC110 - has no event
            await asyncio.sleep(0.01)
        part.journal.forget()  # as a place that is looked at again is read anew
        again = asyncio.create_task(part.journal.apply(TALLY, [add("a")]))
        await asyncio.sleep(0.05)
        assert not again.done(), "its offset would be committed before what follows from it is said"
        faults.lasts = False
        (outcome,) = await again
        assert outcome.repeated
        await part.publisher.flushed()
        assert house.said() == ["a:1"]
        await asked
