"""A process is killed at every operation on store and broker: all that was stored is said, in order, once in effect."""

import asyncio
from collections.abc import Sequence

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.memory import NoFaults as BrokerFaults
from concord.chassis.clock import LoopClock
from concord.chassis.journal.record import JOURNAL, Cause
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import Document
from tests.support.tallies import TALLY, Deaf, House, Tally, add, virtual

START_US = 1_790_000_000_000_000
LATE_SECONDS = 90.0


class Guillotine:
    """Counts the operations of one process and falls at one of them: that one never returns.

    Attributes:
        fallen: set when it has.
    """

    def __init__(self, nth: int, moment: str) -> None:
        self.left = nth
        self.moment = moment
        self.fallen = asyncio.Event()

    async def pass_by(self, moment: str) -> None:
        await asyncio.sleep(0)
        if moment == self.moment:
            self.left -= 1
        if self.left == 0 and moment == self.moment:
            self.fallen.set()
        if self.fallen.is_set():
            await asyncio.Event().wait()


class StoreFaults(NoFaults):
    def __init__(self, guillotine: Guillotine) -> None:
        self.guillotine = guillotine

    async def before(self, operation: str, collection: str) -> None:
        await self.guillotine.pass_by("before")

    async def after(self, operation: str, collection: str) -> None:
        await self.guillotine.pass_by("after")


class Broker(BrokerFaults):
    def __init__(self, guillotine: Guillotine) -> None:
        self.guillotine = guillotine

    async def before(self, operation: str, subject: str) -> None:
        await self.guillotine.pass_by("before")

    async def after(self, operation: str, subject: str) -> None:
        await self.guillotine.pass_by("after")


class LateStore(MemoryStore):
    """A store in which the insert at which the guillotine fell lands long after."""

    def __init__(self, house: House, guillotine: Guillotine) -> None:
        super().__init__(house.database)
        self.guillotine = guillotine

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection == JOURNAL.name and not self.guillotine.fallen.is_set():
            self.guillotine.left -= 1
            if self.guillotine.left == 0:
                self.guillotine.fallen.set()

                async def landing() -> None:
                    await asyncio.sleep(LATE_SECONDS)
                    await MemoryStore.insert(self, collection, documents)

                self.late = asyncio.ensure_future(landing())
        if self.guillotine.fallen.is_set():
            await asyncio.Event().wait()
        return await super().insert(collection, documents)


def causes() -> list[list[Cause[Tally]]]:
    """Return what is asked, batch after batch."""
    keys = [f"c1/tally/{name}" for name in "abc"]
    first = [add(f"new-{key[-1]}", key, creates=True) for key in keys]
    both = [add("x", keys[0]), add("y", keys[0]), add("z", keys[1])]
    return [first, both, [add("last", keys[2])]]


def check(house: House) -> None:
    """Check that each cause has one record in one line, and each event is said in its line's order, whoever said it."""
    records = house.database.dump(JOURNAL.name)
    answered = [(record["aggregate"], cause) for record in records for cause in record["causes"]]
    assert sorted(answered) == sorted({(cause.key, cause.id) for batch in causes() for cause in batch})
    names = list(dict.fromkeys(house.said()))
    totals = {name: [value for value in names if value.startswith(name)] for name in ("new-", "x", "y", "z", "last")}
    assert totals == {"new-": totals["new-"], "x": ["x:2"], "y": ["y:3"], "z": ["z:2"], "last": ["last:2"]}
    assert sorted(totals["new-"]) == ["new-a:1", "new-b:1", "new-c:1"]
    for earlier, later in (("new-a:1", "x:2"), ("x:2", "y:3"), ("new-b:1", "z:2"), ("new-c:1", "last:2")):
        assert names.index(earlier) < names.index(later)


async def crash_at(nth: int, moment: str, after_a_death: bool) -> bool:
    """Kill one process at its nth operation and let another take over; return whether it came so far.

    Args:
        nth: which of its operations, from 1.
        moment: before its effect, after it, or so that its effect comes late.
        after_a_death: another process before it stored all, said nothing of it, and was killed.
    """
    house = House(LoopClock(START_US), seed=nth)
    if after_a_death:
        async with house.process(broker=Deaf(house.cluster, "deaf"), clean=False) as part:
            for batch in causes():
                await part.journal.apply(TALLY, batch)
    guillotine = Guillotine(nth, moment)
    if moment == "late":
        store: MemoryStore = LateStore(house, guillotine)
        broker = MemoryBroker(house.cluster, "p")
    else:
        store = MemoryStore(house.database, StoreFaults(guillotine))
        broker = MemoryBroker(house.cluster, "p", Broker(guillotine))

    async def first_life() -> None:
        async with house.process(store=store, broker=broker) as part:
            for batch in causes():
                await part.journal.apply(TALLY, batch)
            await asyncio.sleep(2.5)  # a mark is left

    life = asyncio.create_task(first_life())
    fall = asyncio.create_task(guillotine.fallen.wait())
    await asyncio.wait([life, fall], return_when=asyncio.FIRST_COMPLETED)
    for task in (life, fall):
        task.cancel()
    await asyncio.wait([life, fall])
    async with house.process() as part:
        for batch in causes():
            await part.journal.apply(TALLY, batch)  # whoever got no answer asks again
        await asyncio.sleep(LATE_SECONDS + 60)
        check(house)
        before = len(house.said())
    async with house.process():
        await asyncio.sleep(60)
    assert len(house.said()) == before, "what is said is known to be said, also by the next"
    return guillotine.fallen.is_set()


async def crash_everywhere(moment: str, after_a_death: bool) -> int:
    """Kill a process at each of its operations, and return how many there were."""
    nth = 1
    while await crash_at(nth, moment, after_a_death):
        nth += 1
    return nth - 1


@pytest.mark.parametrize(("moment", "operations_min"), [("before", 15), ("after", 15), ("late", 3)])
def test_whatever_the_operation_at_which_a_process_is_killed(moment: str, operations_min: int) -> None:
    @virtual
    async def scenario() -> None:
        assert await crash_everywhere(moment, after_a_death=False) >= operations_min

    scenario()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_whatever_the_operation_at_which_the_sweeper_of_a_dead_process_is_killed(moment: str) -> None:
    @virtual
    async def scenario() -> None:
        assert await crash_everywhere(moment, after_a_death=True) >= 15

    scenario()
