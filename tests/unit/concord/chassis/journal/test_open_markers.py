"""Open markers are a superset of what is open at every moment, whatever crashes when; and a start reads these alone."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from concord.chassis.clock import LoopClock
from concord.chassis.journal import open_markers
from concord.chassis.journal.open_markers import OpenMarkers, markers_in
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import JOURNAL, OPEN, Cause, Decision, Entry, Kind
from concord.chassis.store.memory import MemoryDatabase, MemoryStore, NoFaults
from concord.chassis.store.port import Document, StoreUnavailable
from tests.support.tallies import House, virtual

START_US = 1_790_000_000_000_000


class Lamp(msgspec.Struct, frozen=True):
    """A lamp, which is open while it is lit."""

    lit: bool
    times: int
    slot: int


LAMP = Kind("lamp", Lamp, is_open=lambda lamp: lamp.lit, slot=lambda lamp: lamp.slot)


def key(name: object) -> str:
    return f"c1/lamp/{name}"


def switch(cause: str, name: object, lit: bool | None = None, slot: int = 3, creates: bool = False) -> Cause[Lamp]:
    """Return the cause that lights a lamp, puts it out, or does the other of both."""

    def decide(state: Lamp | None, now_us: int) -> Decision[Lamp] | None:
        before = state or Lamp(lit=False, times=0, slot=slot)
        after = (not before.lit) if lit is None else lit
        return Decision(Lamp(after, before.times + 1, before.slot))

    return Cause(key(name), cause, decide, creates)


def markers(house: House) -> list[str]:
    """Return the markers in the store, in order."""
    return markers_in(house.database.dump(OPEN.name))


def lit_and_unmarked(house: House) -> list[str]:
    """Return the lamps that are lit by their newest record and have no marker."""
    newest: dict[str, Document] = {}
    for record in house.database.dump(JOURNAL.name):
        if record["seq"] > newest.get(record["aggregate"], {"seq": 0})["seq"]:
            newest[record["aggregate"]] = record
    marked = {marker.rpartition("/")[0] for marker in markers(house)}
    return [text for text, record in newest.items() if LAMP.decode(record["state"]).lit and text not in marked]


class Watched(NoFaults):
    """Before and after every operation nothing is lit without a marker; at some of them it fails, or others run."""

    def __init__(self, house: House, generator: random.Random | None = None) -> None:
        self.house = house
        self.generator = generator

    async def before(self, operation: str, collection: str) -> None:
        assert lit_and_unmarked(self.house) == []
        await self._happen(operation)

    async def after(self, operation: str, collection: str) -> None:
        assert lit_and_unmarked(self.house) == []
        await self._happen(operation)

    async def _happen(self, operation: str) -> None:
        await asyncio.sleep(0)
        if self.generator is not None and operation != "prepare":
            await asyncio.sleep(self.generator.choice([0, 0, 0.01, 0.3]))
            if self.generator.random() < 0.05:
                raise StoreUnavailable("no answer")


async def lit(part: JournalPart, slots: Sequence[int] = (3,)) -> list[str]:
    return [name async for name, state in part.journal.rebuild_open(LAMP, slots) if state.lit]


@virtual
async def test_what_is_opened_has_a_marker_until_it_is_closed_and_again_when_it_is_opened_again() -> None:
    house = House(LoopClock(START_US))
    async with house.process(Watched(house)) as part:
        await part.journal.apply(LAMP, [switch("1", n, lit=True, slot=n) for n in range(4)])
        await part.journal.apply(LAMP, [switch("2", 0), switch("2", 1), switch("3", 1), switch("2", "dark", lit=False)])
        await part.journal.markers.settled()
        assert markers(house) == ["c1/lamp/1/000001", "c1/lamp/2/000001", "c1/lamp/3/000001"]
        await part.journal.decide(LAMP, switch("4", 0, slot=0))
        assert await lit(part, [0, 1]) == [key(0), key(1)]
        assert await lit(part, [2]) == [key(2)]
        assert await lit(part, [7]) == []


class Asked(NoFaults):
    """Counts what is asked of each collection."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    async def before(self, operation: str, collection: str) -> None:
        self.times[collection] += operation == "find"
        await super().before(operation, collection)


@virtual
async def test_the_slots_of_a_place_are_asked_for_at_once() -> None:
    house, asked = House(LoopClock(START_US)), Asked()
    async with house.process(asked) as part:
        await part.journal.apply(LAMP, [switch("1", n, lit=True, slot=n * 8) for n in range(4)])
        asked.times.clear()
        assert await lit(part, range(0, 1_024, 8)) == [key(n) for n in range(4)]
        assert asked.times[OPEN.name] == 1


@virtual
async def test_a_late_deletion_of_one_openings_marker_leaves_that_of_the_next() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part, house.process() as two:
        await part.journal.decide(LAMP, switch("on", "a"))
        part.journal.markers.store = MemoryStore(house.database, Late())
        await part.journal.decide(LAMP, switch("off", "a"))
        await two.journal.decide(LAMP, switch("on again", "a"))
        await part.journal.markers.settled()
        assert markers(house) == [f"{key('a')}/000003"]
        assert lit_and_unmarked(house) == []


class Late(NoFaults):
    async def before(self, operation: str, collection: str) -> None:
        await asyncio.sleep(30 if operation == "delete" else 0)


@virtual
async def test_a_start_reads_what_is_open_and_takes_the_markers_of_the_rest_away() -> None:
    house = House(LoopClock(START_US))
    async with house.process(clean=False) as part:
        part.journal.markers.closed = lambda key, seqs, slot=None: None  # type: ignore[method-assign]  # killed before it could
        await part.journal.apply(LAMP, [switch("1", n, lit=True) for n in range(5)])
        await part.journal.apply(LAMP, [switch("2", n) for n in range(3)])
        await part.journal.decide(LAMP, switch("3", 0))
    await MemoryStore(house.database).insert(
        OPEN.name, [{"_id": "w0/1", "kind": "lamp", "slot": 3, "marks": [f"{key('never')}/000001"]}]
    )
    read: list[str] = []

    class Counting(MemoryStore):
        async def find(
            self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
        ) -> list[Document]:
            if field == "aggregate":
                read.extend(str(value) for value in values)
            return await super().find(collection, field, values, only)

    async with house.process(store=Counting(house.database)) as part:
        await part.journal.decide(LAMP, switch("closed", "far", lit=False))
        read.clear()
        assert await lit(part) == [key(0), key(3), key(4)]
        assert sorted(read) == [key(n) for n in (0, 1, 2, 3, 4, "never")]
        left = [f"{key(0)}/000003", f"{key(3)}/000001", f"{key(4)}/000001", f"{key('never')}/000001"]
        assert await part.journal.marked(LAMP, 3) == {name.rpartition("/")[0] for name in left}
        assert set(markers(house)) > set(left), "a sheet stays while anything of it is open"
        await part.journal.apply(LAMP, [switch("4", n) for n in (3, 4)])
        await part.journal.markers.settled()
        assert markers(house) == [f"{key(0)}/000003", f"{key('never')}/000001"]


@virtual
async def test_a_replay_of_what_is_closed_leaves_no_markers_behind() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part:
        await part.journal.apply(LAMP, [switch("on", n, lit=True, creates=True) for n in range(5)])
        await part.journal.apply(LAMP, [switch("off", n) for n in range(5)])
    async with house.process() as part:
        outcomes = await part.journal.apply(LAMP, [switch("on", n, lit=True, creates=True) for n in range(5)])
        assert all(outcome.repeated for outcome in outcomes)
        await part.journal.markers.settled()
        assert house.database.dump(OPEN.name) == []


@virtual
async def test_what_is_settled_while_a_place_is_loaded_is_not_told_as_it_was() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part:
        await part.journal.apply(LAMP, [switch("1", n, lit=True) for n in range(3)])
        found = []
        async for name, state in part.journal.rebuild_open(LAMP, [3]):
            found.append((name, state.times))
            if len(found) == 1:
                await part.journal.apply(LAMP, [switch("2", 1), switch("2", 2), switch("3", 2)])
        assert found == [(key(0), 1), (key(2), 3)]


@virtual
async def test_more_than_may_wait_to_be_deleted_is_left_to_the_next_start() -> None:
    house = House(LoopClock(START_US))
    of_others = OpenMarkers(MemoryStore(house.database), "w1", house.clock)
    for number in range(open_markers.CLOSED_MAX + 5):
        of_others.closed(key(number), [1], 3)
    assert of_others.left_behind == 5


@virtual
async def test_what_a_commit_opens_is_a_document_and_goes_when_all_of_it_is_closed() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part:
        await part.journal.apply(LAMP, [switch("on", n, slot=n % 2, creates=True) for n in range(400)])
        assert sorted((entry["slot"], len(entry["marks"])) for entry in house.database.dump(OPEN.name)) == [
            (0, 200),
            (1, 200),
        ]
        for n in range(0, 398, 2):
            await part.journal.apply(LAMP, [switch("off", n), switch("off", n + 1)])
        await part.journal.decide(LAMP, switch("off", 399))
        await part.journal.markers.settled()
        assert [entry["slot"] for entry in house.database.dump(OPEN.name)] == [0]


@virtual
async def test_what_a_record_opens_beside_its_own_aggregate_lies_on_sheets_of_a_bounded_size() -> None:
    house = House(LoopClock(START_US))
    opened = [f"c1/bulb/{n}" for n in range(open_markers.SHEET_MARKERS_MAX + 100)]

    def decide(state: Lamp | None, now_us: int) -> Decision[Lamp]:
        return Decision(Lamp(lit=False, times=1, slot=5), opens=opened)

    async with house.process() as part:
        await part.journal.decide(LAMP, Cause(key("string"), "hang", decide))
        sheets = house.database.dump(OPEN.name)
        assert sorted(len(sheet["marks"]) for sheet in sheets) == [100, open_markers.SHEET_MARKERS_MAX]
        assert {sheet["slot"] for sheet in sheets} == {5}
        assert (await part.journal.markers.of("bulb", [5])).keys() == set(opened)
        for name in opened:
            part.journal.markers.closed(name, [1], 5)
        await part.journal.markers.settled()
        assert house.database.dump(OPEN.name) == []


@virtual
async def test_what_is_opened_for_another_process_is_remembered_by_nobody_here_and_found_there() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part, house.process() as two:
        part.journal.markers.keeps = lambda slot: slot != 3
        await part.journal.apply(LAMP, [switch("on", n, slot=3, creates=True) for n in range(5)])
        assert not part.journal.markers.remembered
        assert len(markers(house)) == 5
        await two.journal.apply(LAMP, [switch("off", n) for n in range(5)])
        await two.journal.markers.settled()
        assert markers(house) == []


@virtual
async def test_of_sheets_of_which_little_is_left_one_is_made_with_what_is_open() -> None:
    house = House(LoopClock(START_US))
    async with house.process(Watched(house)) as part:
        for some in range(3):
            await part.journal.apply(LAMP, [switch("on", f"{some}-{n}") for n in range(20)])
        for some in range(3):
            await part.journal.apply(LAMP, [switch("off", f"{some}-{n}") for n in range(16 + some)])
        await asyncio.sleep(2 * open_markers.TIDY_SECONDS)
        (sheet,) = house.database.dump(OPEN.name)
        assert sheet["marks"] == [f"{key(f'{some}-{n}')}/000001" for some in range(3) for n in range(16 + some, 20)]
        await part.journal.apply(
            LAMP, [switch("off", f"{some}-{n}") for some in range(3) for n in range(16 + some, 20)]
        )
        await part.journal.markers.settled()
        assert house.database.dump(OPEN.name) == []


@virtual
async def test_what_another_process_opened_is_found_where_it_lies_when_it_is_closed_here() -> None:
    house = House(LoopClock(START_US))
    async with house.process() as part, house.process() as two:
        assert await lit(two) == []
        await part.journal.apply(LAMP, [switch("on", n) for n in range(4)])
        await two.journal.apply(LAMP, [switch("off", n) for n in range(3)])
        await two.journal.markers.settled()
        assert len(markers(house)) == 4
        await two.journal.decide(LAMP, switch("off", 3))
        await two.journal.markers.settled()
        assert markers(house) == []


@virtual
async def test_what_went_to_another_process_is_forgotten_and_found_again_when_it_is_closed_here() -> None:
    house = House(LoopClock(START_US))
    async with house.process(Watched(house)) as part:
        await part.journal.apply(LAMP, [switch("on", n, slot=n % 2) for n in range(4)])
        part.journal.markers.forget(lambda slot: slot == 1)
        await part.journal.apply(LAMP, [switch("off", n) for n in range(4)])
        await part.journal.markers.settled()
        assert markers(house) == []


class Inserts(NoFaults):
    """Counts the inserts of each collection."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    async def before(self, operation: str, collection: str) -> None:
        self.times[collection] += operation.startswith("insert")
        await super().before(operation, collection)


@virtual
async def test_what_is_likely_to_be_opened_next_has_its_marker_ahead_and_takes_no_insert() -> None:
    house, inserts = House(LoopClock(START_US)), Inserts()
    async with house.process(inserts) as part:
        part.journal.markers.likely = lambda kind, slot: (
            [key(n) for n in range(5)] if (kind, slot) == ("lamp", 3) else []
        )
        for name in (9, 0, 1, 2, 3):
            await part.journal.decide(LAMP, switch("on", name, creates=True))
        assert inserts.times[OPEN.name] == 1, "those that came after the first had theirs with it"
        assert markers(house) == [f"{key(n)}/000001" for n in (0, 1, 2, 3, 4, 9)]
        await part.journal.decide(LAMP, switch("dark", 4, lit=False))
        for name in (9, 0, 1, 2):
            await part.journal.decide(LAMP, switch("off", name))
        assert await lit(part) == [key(3)]
        await part.journal.decide(LAMP, switch("off", 3))
        await part.journal.markers.settled()
        assert markers(house) == [], "what opened nothing with its first record left none behind either"
        await part.journal.decide(LAMP, switch("again", 0))
        assert f"{key(0)}/000003" in markers(house), "a second opening has a marker of its own"


@virtual
async def test_a_marker_that_is_ahead_serves_once_and_not_after_its_slot_was_lost() -> None:
    house, inserts = House(LoopClock(START_US)), Inserts()
    async with house.process(inserts) as part, house.process() as two:
        part.journal.markers.likely = lambda kind, slot: [key("a"), key("b")]
        await part.journal.decide(LAMP, switch("on", "first"))
        await two.journal.decide(LAMP, switch("other", "a", lit=False))
        assert not (await part.journal.decide(LAMP, switch("on", "a", lit=True, creates=True))).repeated
        assert markers(house)[-2:] == ["c1/lamp/b/000001", "c1/lamp/first/000001"]
        part.journal.markers.forget(lambda slot: slot == 3)
        before = inserts.times[OPEN.name]
        await part.journal.decide(LAMP, switch("on", "b", creates=True))
        assert inserts.times[OPEN.name] == before + 1, "whoever has the slot may have let that one go"
        assert lit_and_unmarked(house) == []


@virtual
async def test_a_start_finds_nothing_where_a_marker_was_ahead_of_what_never_came() -> None:
    house = House(LoopClock(START_US))
    async with house.process(clean=False) as part:
        part.journal.markers.likely = lambda kind, slot: [key(n) for n in range(5)]
        await part.journal.decide(LAMP, switch("on", 0))
    async with house.process() as part:
        assert await lit(part) == [key(0)]
        await part.journal.apply(LAMP, [switch(f"next {n}", n) for n in range(5)])
        assert await lit(part) == [key(n) for n in range(1, 5)]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_open_without_a_marker_whatever_fails_and_whoever_dies_when(
    monkeypatch: pytest.MonkeyPatch, seed: int, thin: bool, ahead: bool
) -> None:
    if thin:
        monkeypatch.setattr(open_markers, "THIN_MARKERS", 2)
        monkeypatch.setattr(open_markers, "THIN_SHARE", 1.3)
        monkeypatch.setattr(open_markers, "TIDY_SECONDS", 0.5)

    @virtual
    async def scenario() -> None:
        generator = random.Random(seed)
        house = House(LoopClock(START_US), seed)

        async def live(name: str) -> None:
            async with house.process(Watched(house, generator), clean=False) as part:
                if ahead:
                    part.journal.markers.likely = lambda kind, slot: [key(n) for n in range(6)]
                for nth in range(8):
                    batch = [switch(f"{name}/{nth}/{n}", n) for n in generator.sample(range(6), 3)]
                    try:
                        await part.journal.apply(LAMP, batch)
                    except StoreUnavailable:
                        continue

        async def lives(name: str) -> None:
            for life in range(4):
                task = asyncio.create_task(live(f"{name}{life}"))
                await asyncio.wait([task], timeout=generator.uniform(0.1, 5))
                if task.done():
                    await task
                task.cancel()
                await asyncio.wait([task])

        await asyncio.gather(lives("a"), lives("b"))
        async with house.process() as part:
            newest = {name: state async for name, state in part.journal.rebuild(LAMP)}
            assert sorted(await lit(part)) == sorted(name for name, state in newest.items() if state.lit)
            await part.journal.markers.settled()
            seqs = Counter(record["aggregate"] for record in house.database.dump(JOURNAL.name))
            # What is left of closed ones is of an opening that was never stored, and may yet be.
            left = await part.journal.markers.of(LAMP.name, [3])
            past = {aggregate for aggregate, numbers in left.items() if min(numbers) <= seqs[aggregate]}
            assert past == {name for name in newest if newest[name].lit}

    scenario()


def test_an_opening_that_two_of_a_commit_try_to_make_is_over_once() -> None:
    found = OpenMarkers(MemoryStore(MemoryDatabase(random.Random(1))), "w", LoopClock(START_US))
    entry = Entry(key("a"), 1, ["c"], START_US, Lamp(lit=True, times=1, slot=3), [], b"", opened=1, slot=3)
    (sheet,) = found.sheets_of([entry, entry])
    found.closed(key("a"), [1])
    found.closed(key("a"), [1])
    assert markers_in([sheet])[0] == "c1/lamp/a/000001"
