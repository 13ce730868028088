"""What a journal holds is said again: whole, in order, the same to the byte, and from where it was left."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import BrokerUnavailable, NeverTaken, Outgoing
from concord.chassis.clock import LoopClock
from concord.chassis.journal import republishing
from concord.chassis.journal.record import JOURNAL, MARKS
from concord.chassis.journal.republishing import Progress, Wanted, republish
from concord.chassis.store.memory import MemoryStore
from concord.contracts.ids import SLOTS, place_of
from concord.contracts.topics import LOTS, PLACES_LOCAL, UNITS
from tests.support.tallies import TALLY, Deaf, House, add, virtual

ALL = Wanted(topics=frozenset({UNITS.name}), places=PLACES_LOCAL)
START_US = 1_790_000_000_000_000
KEYS = [f"c1/tally/{letter}" for letter in "abc"]


class Refusing(MemoryBroker):
    """A broker that takes one kind of record never, and does not say which of many."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Take all, or none."""
        if any(record.value.startswith(b"first-2") for record in records):
            raise NeverTaken("no such record is ever taken")
        await super().publish(records)


async def worked(house: House, *writers: str, turns: int = 5, clean: bool = True) -> None:
    """Let one process after the other add to all tallies."""
    for name in writers:
        async with house.process(clean=clean) as part:
            for turn in range(turns):
                for key in KEYS:
                    await part.journal.decide(TALLY, add(f"{name}-{turn}-{key[-1]}", key))
                await asyncio.sleep(1)


async def again(
    house: House,
    wanted: Wanted = ALL,
    positions: Mapping[str, int] | None = None,
    kind: type[MemoryBroker] = MemoryBroker,
) -> tuple[list[str], list[Progress]]:
    """Return what is on an empty topic after a republication, and its steps."""
    lost = house.cluster
    house.cluster = House(house.clock, seed=7).cluster
    broker = kind(house.cluster, "again")
    await broker.start()
    steps = [progress async for progress in republish(MemoryStore(house.database), broker, wanted, positions)]
    found, house.cluster = house.said(), lost
    return found, steps


@virtual
async def test_an_emptied_topic_is_what_it_was() -> None:
    house = House()
    await worked(house, "first", "second")
    before = house.said()
    found, steps = await again(house)
    assert found == before, "the same, in the same order"
    assert len(found) == 30
    assert (steps[-1].events, steps[-1].unsayable, steps[-1].commits_left) == (30, 0, 0)
    assert (await again(house))[0] == before, "nothing was changed by it"


@pytest.mark.parametrize("ahead_seconds", [3_600, -3_600])
def test_an_aggregate_is_told_in_its_order_though_the_clocks_of_its_writers_are_apart(ahead_seconds: int) -> None:
    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        async with house.process() as first:
            house.clock = LoopClock(START_US + ahead_seconds * 1_000_000)
            async with house.process() as second:
                for turn in range(12):
                    for key in KEYS[: 1 + turn % 3]:  # the tallies change hands at moments of their own
                        await (first, second)[turn % 2].journal.decide(TALLY, add(f"{turn}-{key[-1]}", key))
        found, steps = await again(house)
        for letter, additions in {"a": 12, "b": 8, "c": 4}.items():
            totals = [int(value.partition(":")[2]) for value in found if f"-{letter}:" in value]
            assert totals == list(range(1, additions + 1)), letter
        assert steps[-1].commits_left == 0

    scenario()


@virtual
async def test_what_a_killed_process_stored_is_said_too() -> None:
    house = House()
    await worked(house, "killed", clean=False)
    await worked(house, "next")
    found, _ = await again(house)
    assert sorted(found) == sorted(set(house.said()))
    assert len(found) == 30


def test_it_goes_on_from_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republishing, "PUBLISH_EVENTS_MAX", 4)

    @virtual
    async def scenario() -> None:
        house = House()
        await worked(house, "first", "second")
        whole, steps = await again(house)
        assert len(steps) > 4
        lefts = [progress.commits_left for progress in steps]
        assert lefts == sorted(lefts, reverse=True)
        for step in steps:
            rest, ended = await again(house, positions=step.positions)
            assert len(rest) == len(whole) - step.events
            assert set(rest) <= set(whole)
            assert ended[-1].commits_left == 0

    scenario()


def test_only_what_is_asked_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republishing, "SKIP_COMMITS", 3)

    @virtual
    async def scenario() -> None:
        house = House(LoopClock(START_US))
        start_us = house.clock.now_us()
        await worked(house, "first", "second")
        whole = house.said()
        middle = start_us + 5_000_000
        early, _ = await again(house, Wanted(topics=ALL.topics, places=PLACES_LOCAL, until_us=middle))
        late, _ = await again(house, Wanted(topics=ALL.topics, places=PLACES_LOCAL, since_us=middle))
        assert early
        assert late
        assert sorted([*early, *late]) == sorted(whole)
        assert (await again(house, Wanted(topics=frozenset({LOTS.name}), places=PLACES_LOCAL)))[0] == []

    scenario()


def test_a_place_is_that_of_the_events_slot_and_rows_of_tables_have_none() -> None:
    slots = {slot for slot in range(SLOTS) if place_of(slot, PLACES_LOCAL) == 3}
    wanted = Wanted(topics=ALL.topics, places=PLACES_LOCAL, place=3)
    taken = {slot for slot in range(SLOTS) if wanted.takes(Outgoing(UNITS.name, b"k", b"v", slot=slot))}
    assert taken == slots
    assert not wanted.takes(Outgoing(UNITS.name, b"k", b"v"))


def test_commits_that_are_not_there_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republishing, "LOOK_COMMITS", 2)

    @virtual
    async def scenario() -> None:
        house = House()
        await worked(house, "first", "second")
        store = MemoryStore(house.database)
        records = [entry async for page in store.stream(JOURNAL.name) for entry in page]
        gone = [record["_id"] for record in records if record["seq"] in (1, 2, 4)]
        await store.delete(JOURNAL.name, gone)
        found, steps = await again(house)
        assert len(found) == 30 - len(gone)
        assert steps[-1].commits_left == 0

    scenario()


@virtual
async def test_what_no_broker_takes_is_counted_and_stops_nothing() -> None:
    house = House()
    await worked(house, "first")
    found, steps = await again(house, kind=Refusing)
    assert (steps[-1].events, steps[-1].unsayable) == (12, 3)
    assert sorted(found) == sorted(name for name in house.said() if not name.startswith("first-2"))


@virtual
async def test_a_broker_that_is_away_ends_it_and_the_store_is_as_it_was() -> None:
    house = House()
    await worked(house, "first")
    store = MemoryStore(house.database)
    marks = [entry async for page in store.stream(MARKS.name) for entry in page]
    with pytest.raises(BrokerUnavailable):
        await again(house, kind=Deaf)
    assert [entry async for page in store.stream(MARKS.name) for entry in page] == marks
