"""Writers that die, stop for hours or come late: what they stored is said, and absence tells nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.clock import LoopClock
from concord.chassis.journal import sweeper
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import JOURNAL, MARKS, SAID, WRITERS, Cause, Decision
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.tallies import KEY, TALLY, Deaf, House, Tally, add, total, virtual

HOUR = 3_600.0
START_US = 1_790_000_000_000_000


class JumpingClock(LoopClock):
    """A clock whose wall time jumps when told to."""

    def __init__(self) -> None:
        super().__init__(START_US)

    def jump(self, seconds: float) -> None:
        self.start_us += round(seconds * 1_000_000)


class SlowStore(MemoryStore):
    """A store that lets an insert into the journal in late, but for its first documents; its writer may be dead."""

    late_seconds = 0.0
    first_at_once = 0

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        if collection != JOURNAL.name or not self.late_seconds:
            return await super().insert(collection, documents)
        seconds, early = self.late_seconds, documents[: self.first_at_once]

        async def landing() -> frozenset[int]:
            if early:
                await MemoryStore.insert(self, collection, early)
            await asyncio.sleep(seconds)
            return await MemoryStore.insert(self, collection, documents[len(early) :])

        return await asyncio.shield(asyncio.ensure_future(landing()))


def slow_house() -> tuple[House, SlowStore]:
    house = House(JumpingClock())
    return house, SlowStore(house.database)


@asynccontextmanager
async def killed_while(part_of: House, store: MemoryStore, causes: Sequence[Cause[Tally]]) -> AsyncIterator[None]:
    """Kill a process half a second after it asked for these causes."""
    async with part_of.process(store=store, clean=False) as part:
        await part.journal.decide(TALLY, add("first", "c1/tally/z"))
        await asyncio.sleep(5)
        yield
        asking = asyncio.create_task(part.journal.apply(TALLY, causes))
        await asyncio.sleep(0.5)
    asking.cancel()


@pytest.mark.parametrize("seconds", [3.0, 30 * HOUR], ids=["seconds", "a day"])
def test_a_write_that_lands_after_its_writers_death_is_said_by_who_is_there(seconds: float) -> None:
    @virtual
    async def scenario() -> None:
        house, store = slow_house()
        async with killed_while(house, store, [add("late", creates=True)]):
            store.late_seconds = seconds
        async with house.process() as other:
            await asyncio.sleep(seconds + HOUR)
            assert "late:1" in house.said()
            assert (await other.journal.decide(TALLY, add("late"))).repeated
        assert house.said().count("late:1") == 1

    scenario()


@virtual
async def test_a_late_write_is_said_when_its_request_is_repeated_before_anybody_swept() -> None:
    house, store = slow_house()
    async with killed_while(house, store, [add("late", creates=True)]):
        store.late_seconds = 3.0
    async with house.process() as other:
        await asyncio.sleep(4)
        assert (await other.journal.decide(TALLY, add("late"))).repeated
        await other.publisher.flushed()
        assert house.said().count("late:1") == 1
        await asyncio.sleep(HOUR)
        assert house.said().count("late:1") == 1, "what was said for another is noted"


@virtual
async def test_half_a_visible_commit_marks_nothing_and_its_other_half_is_said() -> None:
    house, store = slow_house()
    async with killed_while(house, store, [add("one", "c1/tally/one"), add("two", "c1/tally/two")]):
        store.late_seconds, store.first_at_once = 60.0, 1
    async with house.process():
        await asyncio.sleep(30)
        assert sorted(house.said()) == ["first:1", "one:1"]
        assert [entry["number"] for entry in house.database.dump(MARKS.name)] == [1]
        await asyncio.sleep(HOUR)
        assert sorted(house.said()) == ["first:1", "one:1", "two:1"]
        assert len(house.database.dump(SAID.name)) == 2
    async with house.process():
        await asyncio.sleep(HOUR)
    assert sorted(house.said()) == ["first:1", "one:1", "two:1"], "noted for the next process, too"


@virtual
async def test_two_living_processes_stay_listed_for_days_and_what_a_killed_one_left_is_said() -> None:
    house = House(JumpingClock())
    deaf = Deaf(house.cluster, "deaf")
    deaf.deaf = False
    async with house.process() as other:
        await other.journal.decide(TALLY, add("other", "c1/tally/z"))
        async with house.process(broker=deaf, clean=False) as part:
            await part.journal.decide(TALLY, add("a"))
            await asyncio.sleep(20 * HOUR)
            assert [entry["_id"] for entry in house.database.dump(WRITERS.name)] == ["w1", "w2"]
            deaf.deaf = True
            assert (await part.journal.decide(TALLY, add("acknowledged"))).state == Tally(2, ("a", "acknowledged"))
        await asyncio.sleep(SWEEPS)
        assert house.said().count("acknowledged:2") == 1
    assert [entry["_id"] for entry in house.database.dump(WRITERS.name)] == ["w2"], "only who closes itself goes"


class HardOfHearing(Deaf):
    """A broker that does not hear of the first change while it is deaf, and hears of others."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if any(record.value == b"a:1" for record in records):
            await super().publish(records)
        else:
            await MemoryBroker.publish(self, records)


@virtual
async def test_what_another_decided_on_our_record_is_not_said_for_it_before_our_record_is() -> None:
    house = House(JumpingClock())
    ours, others = HardOfHearing(house.cluster, "ours"), Deaf(house.cluster, "others")
    async with house.process(broker=ours) as part:
        async with house.process(broker=others, clean=False) as other:
            await part.journal.decide(TALLY, add("a", creates=True))
            assert (await other.journal.decide(TALLY, add("b"))).state == Tally(2, ("a", "b"))
            await asyncio.sleep(1.0)
        await asyncio.sleep(SWEEPS)
        assert house.said() == [], "the first is not said yet"
        ours.deaf = False
        await asyncio.sleep(SWEEPS)
    assert [*dict.fromkeys(house.said())] == ["a:1", "b:2"]


async def decided_in_turn(house: House, times: int = 4) -> list[str]:
    """Have two processes of which nobody hears decide on an aggregate in turn, and die; return what is to be said."""
    first, second = Deaf(house.cluster, "first"), Deaf(house.cluster, "second")
    async with house.process(broker=first, clean=False) as a, house.process(broker=second, clean=False) as b:
        for number in range(3):  # so that the later writer's commits have lower numbers
            await a.journal.decide(TALLY, add(f"before-{number}", "c1/tally/z"))
        for number in range(1, times + 1):
            part = (b, a)[number % 2]
            await part.journal.decide(TALLY, add(f"turn-{number}"))
            assert await total(part.journal) == number
    return [f"turn-{number}:{number}" for number in range(1, times + 1)]


def said_of_turns(house: House) -> list[str]:
    return [*dict.fromkeys(text for text in house.said() if text.startswith("turn"))]


@virtual
async def test_who_starts_says_what_two_dead_writers_decided_in_turn_in_its_order() -> None:
    house = House(JumpingClock())
    wanted = await decided_in_turn(house)
    async with house.process():
        assert said_of_turns(house) == wanted
        await asyncio.sleep(HOUR)
    assert [house.said().count(text) for text in wanted] == [1] * len(wanted), "what was said early is noted"


@pytest.mark.parametrize("together", [1, 2, 3])
def test_what_was_decided_in_turn_is_read_back_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(sweeper, "READ_TOGETHER", together)
    monkeypatch.setattr(sweeper, "WALKS_MAX", together)
    most = 0

    class Store(MemoryStore):
        async def get(
            self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None
        ) -> dict[str, Document]:
            nonlocal most
            if only is not None and "commit" in only:
                most = max(most, len(ids))
            return await super().get(collection, ids, only)

    @virtual
    async def scenario() -> None:
        house = House(JumpingClock())
        wanted = await decided_in_turn(house, 40)
        async with house.process(store=Store(house.database)) as part:
            assert said_of_turns(house) == wanted
            assert part.sweeper.earlier_swept == 19, "the second's, but its last, before those of the first"
            await asyncio.sleep(HOUR)
        assert [house.said().count(text) for text in wanted] == [1] * len(wanted), "what was said early is noted"

    scenario()
    assert most <= together


@virtual
async def test_who_decides_on_it_says_what_two_dead_writers_decided_in_turn_in_its_order() -> None:
    house = House(JumpingClock())
    async with house.process() as living:
        wanted = await decided_in_turn(house)
        await living.journal.decide(TALLY, add("turn-5"))
        await living.publisher.flushed()
        assert said_of_turns(house) == [*wanted, "turn-5:5"]


SWEEPS = 2 * 600.0
"""Seconds in which even a writer that is seldom looked at had its turn twice."""


@virtual
async def test_a_process_that_is_stopped_for_hours_with_an_insert_in_its_hand_goes_on_and_is_heard() -> None:
    house, store = slow_house()
    async with house.process(store=store) as stopped:
        await stopped.journal.decide(TALLY, add("a"))
        async with house.process() as other:
            store.late_seconds = 5 * HOUR
            asking = asyncio.create_task(stopped.journal.apply(TALLY, [add("b")]))
            await asyncio.sleep(2 * HOUR)
            await other.journal.decide(TALLY, add("c"))
            assert await total(other.journal) == 2
            store.late_seconds = 0.0
            await asyncio.sleep(4 * HOUR)
            with pytest.raises(StoreUnavailable):
                await asking
            assert (await stopped.journal.decide(TALLY, add("b"))).state == Tally(3, ("a", "c", "b"))
    assert list(dict.fromkeys(house.said())) == ["a:1", "c:2", "b:3"]


@pytest.mark.parametrize("hours", [-24 * 365, 24 * 365], ids=["back", "forth"])
def test_a_jump_of_the_clock_keeps_nothing_from_being_said_and_strikes_nobody(hours: int) -> None:
    @virtual
    async def scenario() -> None:
        clock = JumpingClock()
        house = House(clock)
        async with house.process() as other:
            async with house.process(broker=Deaf(house.cluster, "deaf"), clean=False) as part:
                await other.journal.decide(TALLY, add("z", "c1/tally/z"))
                clock.jump(-hours * HOUR)
                await part.journal.decide(TALLY, add("a"))
                clock.jump(2 * hours * HOUR)
            await asyncio.sleep(30)
            assert house.said().count("a:1") == 1
            assert [entry["_id"] for entry in house.database.dump(WRITERS.name)] == ["w1", "w2"]

    scenario()


@virtual
async def test_a_refusal_never_rests_on_a_head_that_others_have_moved_on() -> None:
    class Closed(Exception):
        """Not two yet."""

    def guarded(state: Tally | None, now_us: int) -> Decision[Tally]:
        if state is None or state.total < 2:
            raise Closed
        return Decision(Tally(state.total + 1, state.causes))

    def unchanged(state: Tally | None, now_us: int) -> Decision[Tally] | None:
        return None if state is None or state.total == 1 else Decision(Tally(state.total + 1, state.causes))

    house = House(JumpingClock())
    async with house.process() as part, house.process() as two:
        await part.journal.decide(TALLY, add("one"))
        assert await total(two.journal) == 1
        with pytest.raises(Closed):
            await two.journal.decide(TALLY, Cause(KEY, "early", guarded))
        await part.journal.decide(TALLY, add("two"))
        assert (await two.journal.decide(TALLY, Cause(KEY, "open", guarded))).state == Tally(3, ("one", "two"))
        three = Cause(KEY, "more", unchanged)
        assert (await part.journal.decide(TALLY, three)).state == Tally(4, ("one", "two"))


class Once(MemoryStore):
    """A store that answers one insert of the journal with nothing, although it went in."""

    silent = 0

    async def insert(self, collection: str, documents: Sequence[Document]) -> frozenset[int]:
        taken = await super().insert(collection, documents)
        if collection == JOURNAL.name and self.silent:
            self.silent -= 1
            raise StoreUnavailable("no answer")
        return taken


@pytest.mark.parametrize("seed", range(8))
def test_after_doubt_what_another_caller_said_under_the_same_cause_is_not_called_ours(seed: int) -> None:
    def say(label: str) -> Cause[Tally]:
        def decide(state: Tally | None, now_us: int) -> Decision[Tally]:
            return Decision(Tally(1, (label,)))

        return Cause(KEY, "submit/a1", decide, creates=True)

    @virtual
    async def scenario() -> None:
        house = House(JumpingClock(), seed)
        store = Once(house.database)
        async with house.process(store=store) as part:
            store.silent = 1
            outcome, other = await asyncio.gather(*(part.journal.decide(TALLY, say(label)) for label in "AB"))
            assert [outcome.repeated, other.repeated].count(False) == 1
            assert outcome.state == other.state, "both are told what is stored"
            assert (await part.journal.states(TALLY, [KEY]))[KEY] == outcome.state

    scenario()


@virtual
async def test_a_process_that_stops_takes_nothing_over_any_more() -> None:
    house = House(JumpingClock())
    part: JournalPart
    async with house.process() as part:
        await part.journal.decide(TALLY, add("a"))
        await part.stop()
        with pytest.raises(Exception, match="stops"):
            await part.journal.decide(TALLY, add("b"))
    assert house.said() == ["a:1"]
