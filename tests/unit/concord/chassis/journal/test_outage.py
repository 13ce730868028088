"""Broker and store away: nothing ends, memory stays flat, no more is taken than may be, and all is caught up soon."""

import asyncio
from collections.abc import Sequence

import pytest

from concord.chassis.clock import LoopClock
from concord.chassis.errors import Backlogged
from concord.chassis.journal import group_commit, publisher
from concord.chassis.journal.record import JOURNAL
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.tallies import TALLY, Deaf, House, add, virtual

START_US = 1_790_000_000_000_000
OUTAGE_SECONDS = 600.0
CATCH_UP_SECONDS = 5.0


class Away(NoFaults):
    """A store that is away while told to be."""

    away = False

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        if self.away:
            raise StoreUnavailable("away")


def test_what_does_not_fit_into_memory_is_read_back_from_the_journal_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "HELD_BYTES_MAX", 20_000)

    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        deaf = Deaf(house.cluster, "deaf")
        async with house.process(broker=deaf) as part:
            highest = 0
            for nth in range(40):
                await part.journal.apply(
                    TALLY, [add(f"c{k}-{nth}", f"c1/tally/{k}", event_bytes=500) for k in range(5)]
                )
                highest = max(highest, part.publisher.held_bytes)
            assert 10_000 < highest <= 20_000
            assert part.publisher.backlog_events == 200
            deaf.deaf = False
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await part.publisher.flushed()
            assert (part.publisher.backlog_events, part.publisher.held_bytes) == (0, 0)
            await part.journal.decide(TALLY, add("c0-after", "c1/tally/0"))
        names = [value.rstrip(".") for value in house.said()]
        assert len(names) == len(set(names)) == 201
        for k in range(5):
            assert [int(name.split(":")[1]) for name in names if name.startswith(f"c{k}-")] == list(
                range(1, 42 if k == 0 else 41)
            )

    scenario()


def test_a_full_backlog_is_told_before_anything_is_stored_and_ends_when_the_broker_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "BACKLOG_EVENTS_MAX", 10)

    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        deaf = Deaf(house.cluster, "deaf")
        async with house.process(broker=deaf) as part:
            for nth in range(10):
                await part.journal.decide(TALLY, add(f"x{nth}"))
            assert part.unready() is not None
            with pytest.raises(Backlogged):
                await part.journal.decide(TALLY, add("refused"))
            with pytest.raises(Backlogged):
                part.journal.refuse_backlog()
            assert (await part.journal.decide(TALLY, add("owed"), owed=True)).state is not None
            assert len(house.database.dump(JOURNAL.name)) == 11
            deaf.deaf = False
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await part.publisher.flushed()
            assert part.unready() is None
            await part.journal.decide(TALLY, add("refused"))
        assert [value.split(":")[0] for value in house.said()] == [*(f"x{n}" for n in range(10)), "owed", "refused"]

    scenario()


@pytest.mark.parametrize("what", ["broker", "store", "both"])
def test_ten_minutes_without_broker_or_store_end_nothing_and_are_caught_up_within_seconds(what: str) -> None:
    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        away, deaf = Away(), Deaf(house.cluster, "deaf")
        deaf.deaf = False
        async with house.process(faults=away, broker=deaf) as part, house.process(clean=False) as other:
            await part.journal.decide(TALLY, add("before"))
            await other.journal.decide(TALLY, add("other", "c1/tally/other"))
            away.away, deaf.deaf = what != "broker", what != "store"
            asked = []

            async def ask(name: str) -> None:
                while True:
                    try:
                        await part.journal.apply(TALLY, [add(name)])
                    except StoreUnavailable:
                        await asyncio.sleep(1)
                    else:
                        return

            for nth in range(20):
                asked.append(asyncio.create_task(ask(f"during{nth}")))
                await asyncio.sleep(OUTAGE_SECONDS / 20)
            away.away = deaf.deaf = False
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await asyncio.gather(*asked)
                await part.publisher.flushed()
        names = house.said()
        assert sorted(set(names)) == sorted(["other:1", "before:1", *(f"during{n}:" + t for n, t in _totals(names))])
        mine = [value for value in dict.fromkeys(names) if value != "other:1"]
        assert [int(value.split(":")[1]) for value in mine] == list(range(1, 22))

    scenario()


def _totals(names: Sequence[str]) -> list[tuple[int, str]]:
    found = {value.split(":")[0]: value.split(":")[1] for value in names}
    return [(nth, found[f"during{nth}"]) for nth in range(20)]


def test_a_commit_holds_as_many_bytes_as_it_may_and_what_waits_for_the_store_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "COMMIT_BYTES_MAX", 5_000)
    monkeypatch.setattr(group_commit, "WAITING_BYTES_MAX", 15_000)
    sizes: list[int] = []

    class Counting(MemoryStore):
        async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
            if collection == JOURNAL.name:
                sizes.append(len(documents))
            return await super().insert(collection, documents)

    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        async with house.process(store=Counting(house.database)) as part:
            many = [add(f"x{n}", f"c1/tally/{n}", event_bytes=2_000, creates=True) for n in range(6)]
            await part.journal.apply(TALLY, many)
            assert sizes == [2, 2, 2]
            waiting = [
                asyncio.create_task(part.journal.decide(TALLY, add("large", f"c1/tally/{k}", True, 6_000)))
                for k in ("a", "b", "c")
            ]
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(outcome).__name__ for outcome in outcomes] == ["Outcome", "Outcome", "Backlogged"]
            assert part.commits.waiting_bytes == 0
        assert len(house.said()) == 8

    scenario()


def test_others_events_wait_before_ours_while_the_broker_is_away_and_nobody_hangs() -> None:
    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        one_deaf, two_deaf = Deaf(house.cluster, "one"), Deaf(house.cluster, "two")
        async with house.process(broker=one_deaf, clean=False) as part, house.process(broker=two_deaf) as two:
            await part.journal.decide(TALLY, add("a"))
            async with asyncio.timeout(1):
                await two.journal.decide(TALLY, add("b"))
            two.journal.forget()
            async with asyncio.timeout(1):
                assert (await two.journal.decide(TALLY, add("a"))).repeated
            assert two.publisher.backlog_events == 2, "what waits for another waits once"
            two_deaf.deaf = False
            await two.publisher.flushed()
            assert house.said() == ["a:1", "b:2"]

    scenario()
