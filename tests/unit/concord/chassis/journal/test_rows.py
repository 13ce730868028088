"""What a batch begins is one document, begun once by whoever comes first, and found again whatever crashes when."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec
import pytest

from concord.chassis.broker.port import Outgoing
from concord.chassis.journal import rows as rows_module
from concord.chassis.journal.part import JournalPart
from concord.chassis.journal.record import JOURNAL, Cause, Decision, Kind
from concord.chassis.journal.rows import PAGE_ROWS_MIN, ROWS, RowPages
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.chassis.store.port import StoreUnavailable
from concord.contracts.ids import placed_id, slot_of_project
from concord.contracts.topics import UNITS
from tests.support.tallies import House

PROJECT = "c1-p"
SLOTS = [slot_of_project(PROJECT)]
COUNT = 40


class Seed(msgspec.Struct, frozen=True):
    """What somebody sowed, and how often it was watered since."""

    sown_by: str
    watered: int = 0


SEED = Kind("seed", Seed, may_be_row=lambda seed: seed.sown_by != "gold")


def key(number: int) -> str:
    return SEED.key("c1", placed_id("s", PROJECT, f"{number:05}"))


def sow(number: int, by: str = "", loud: bool = False) -> Cause[Seed]:
    cause_id = by or f"sown {number}"

    def decide(state: Seed | None, now_us: int) -> Decision[Seed] | None:
        del now_us
        if state is not None and state.sown_by:
            return None
        watered = 0 if state is None else state.watered
        events = [Outgoing(UNITS.name, key(number).encode(), b"sown")] if loud else []
        return Decision(Seed(cause_id, watered), events)

    return Cause(key(number), cause_id, decide, creates=True)


def water(number: int, cause_id: str = "rain") -> Cause[Seed]:
    def decide(state: Seed | None, now_us: int) -> Decision[Seed]:
        del now_us
        before = state or Seed("")
        return Decision(msgspec.structs.replace(before, watered=before.watered + 1))

    return Cause(key(number), cause_id, decide)


def sowing(numbers: Iterable[int] = range(COUNT)) -> list[Cause[Seed]]:
    return [sow(number) for number in numbers]


async def keep(part: JournalPart, causes: Sequence[Cause[Seed]]) -> list[Cause[Seed]]:
    """Keep in bulk what may be, and apply the rest, as a handler does; return what was applied."""
    left = await part.journal.keep_rows(SEED, causes)
    for outcome in await part.journal.apply(SEED, left):
        assert outcome.error is None
    return left


def documents(house: House, collection: str = ROWS.name) -> list[str]:
    return [entry["_id"] for entry in house.database.dump(collection)]


async def tidied(part: JournalPart) -> None:
    for _ in range(20):
        await part.journal.rows.tidy()


class Counting(NoFaults):
    """Counts what is asked of the store, and fails some of it."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.failing = ""
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def before(self, operation: str, collection: str) -> None:
        self.calls[operation, collection] += 1
        if self.meanwhile is not None and (operation, collection) == ("find", ROWS.name):
            await self.meanwhile()

    async def after(self, operation: str, collection: str) -> None:
        if (operation, collection) == (self.failing, ROWS.name):
            raise StoreUnavailable("as if it had not answered")


async def test_a_batch_is_one_document_and_one_call_and_its_aggregates_are_there() -> None:
    house, counting = House(), Counting()
    async with house.process(counting) as part:
        counting.calls.clear()
        assert await keep(part, sowing()) == []
        assert (len(documents(house)), documents(house, JOURNAL.name)) == (1, [])
        assert dict(counting.calls) == {("insert", ROWS.name): 1}
        states = await part.journal.states(SEED, [key(number) for number in range(COUNT + 1)])
        assert states == {key(number): Seed(f"sown {number}") for number in range(COUNT)}


async def test_few_gold_and_what_says_something_have_records_from_the_start() -> None:
    house = House()
    async with house.process() as part:
        few = sowing(range(PAGE_ROWS_MIN - 1))
        assert len(await keep(part, few)) == len(few)
        mixed = [sow(100, "gold"), sow(101, loud=True), *sowing(range(200, 200 + PAGE_ROWS_MIN))]
        assert await keep(part, mixed) == mixed[:2]
        assert len(documents(house)) == 1


async def test_the_first_record_is_made_from_the_row_and_answers_what_began_it() -> None:
    house = House()
    async with house.process() as part:
        await keep(part, sowing())
        (outcome,) = await part.journal.apply(SEED, [water(3)])
        assert outcome.state == Seed("sown 3", 1)
        (record,) = house.database.dump(JOURNAL.name)
        assert (record["_id"], record["causes"]) == (f"{key(3)}/000001", ["sown 3", "rain"])
        (again,) = await part.journal.apply(SEED, [sow(3)])
        assert again.repeated
        (unbegun,) = await part.journal.apply(SEED, [msgspec.structs.replace(sow(4), creates=False)])
        assert unbegun.repeated, "a row answers its cause without a record"


async def test_of_two_processes_that_begin_a_row_at_once_each_has_its_say_once() -> None:
    house = House()
    async with house.process() as part, house.process() as other:
        await keep(part, sowing())
        await other.journal.rows.load(SLOTS)
        causes = [[water(number, f"{name} {number}") for number in range(COUNT)] for name in ("one", "other")]
        await asyncio.gather(part.journal.apply(SEED, causes[0]), other.journal.apply(SEED, causes[1]))
        states = await part.journal.states(SEED, [key(number) for number in range(COUNT)])
        part.journal.forget()
        states = await part.journal.states(SEED, [key(number) for number in range(COUNT)])
        assert states == {key(number): Seed(f"sown {number}", 2) for number in range(COUNT)}


async def test_a_page_goes_when_each_of_its_aggregates_has_a_record_and_not_before() -> None:
    house = House()
    async with house.process() as part:
        await keep(part, sowing())
        await part.journal.apply(SEED, [water(number) for number in range(COUNT - 1)])
        await tidied(part)
        assert len(documents(house)) == 1
        assert part.journal.rows.waiting == 1
        await part.journal.apply(SEED, [water(COUNT - 1)])
        await tidied(part)
        assert documents(house) == []
        assert len(await part.journal.states(SEED, [key(number) for number in range(COUNT)])) == COUNT


async def test_a_killed_process_leaves_its_rows_to_the_next_and_a_replay_begins_nothing_twice() -> None:
    house, counting = House(), Counting()
    counting.failing = "insert"
    async with house.process(counting, clean=False) as part:
        with pytest.raises(StoreUnavailable):  # stored, and never known to be: its offset is not committed
            await keep(part, sowing())
    async with house.process() as part:
        await part.journal.rows.load(SLOTS)
        await part.journal.apply(SEED, [water(0), water(7)])
        assert await keep(part, sowing()) == []
        assert len(documents(house)) == 1, "the same batch is the same page"
        # The next poll brings more at once, so that the same rows are in another page, too.
        assert await keep(part, sowing(range(COUNT + 20))) == []
        assert len(documents(house)) == 2
        await part.journal.apply(SEED, [water(number) for number in range(COUNT + 20)])
        states = await part.journal.states(SEED, [key(number) for number in range(COUNT + 20)])
        assert states[key(7)] == Seed("sown 7", 1), "the rain was answered before"
        assert {state.watered for state in states.values()} == {1}
    async with house.process() as part:
        await part.journal.rows.load(SLOTS)
        await tidied(part)
        assert documents(house) == [], "a start looks up what was begun before it"


@pytest.mark.parametrize("begun", [range(COUNT), range(0, COUNT, 2)])
async def test_a_page_that_is_told_again_when_it_was_gone_does_not_stay(begun: range) -> None:
    house = House()
    async with house.process() as part:
        await keep(part, sowing())
        await part.journal.apply(SEED, [water(number) for number in range(COUNT)])
        await tidied(part)
        assert documents(house) == []
    async with house.process() as part:
        # Its offset was lost: as when a topic is said again from the journal.
        await keep(part, sowing(begun))
        assert len(documents(house)) == 1
        await tidied(part)
        assert (documents(house), part.journal.rows.waiting) == ([], 0)


async def test_a_new_page_is_looked_up_by_a_few_of_its_rows_alone_and_once() -> None:
    house, counting = House(), Counting()
    async with house.process(counting) as part:
        await keep(part, sowing())
        await part.journal.apply(SEED, [water(number) for number in range(COUNT // 2)])
        counting.calls.clear()
        await tidied(part)
        assert counting.calls == {("get", JOURNAL.name): 1}, "what was begun here is known"
        assert part.journal.rows.waiting == COUNT - COUNT // 2


async def test_what_was_told_before_it_was_sown_finds_its_row_afterwards() -> None:
    house = House()
    async with house.process() as part:
        await part.journal.apply(SEED, [water(5)])
        await keep(part, sowing())
        states = await part.journal.states(SEED, [key(5)])
        assert states[key(5)].sown_by == "", "the record is what counts"
        row = (await part.journal.rows.find([key(5)]))[key(5)]
        assert (row.cause, SEED.decode(row.state)) == ("sown 5", Seed("sown 5"))


async def test_rows_of_a_place_that_is_lost_are_another_processs() -> None:
    house = House()
    async with house.process() as part, house.process() as other:
        await keep(part, sowing())
        part.journal.rows.drop(SLOTS)
        assert await part.journal.states(SEED, [key(1)]) == {}
        await other.journal.rows.load(SLOTS)
        await other.journal.apply(SEED, [water(number) for number in range(COUNT)])
        await part.journal.rows.load(SLOTS)
        await tidied(other)
        await part.journal.rows.load(SLOTS)
        assert part.journal.rows.waiting == 0, "a page that another has deleted is forgotten"
        assert len(await part.journal.states(SEED, [key(number) for number in range(COUNT)])) == COUNT


async def test_pages_are_bounded_and_so_is_what_of_them_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    house, counting = House(), Counting()
    monkeypatch.setattr(rows_module, "PAGE_ROWS_MAX", 10)
    monkeypatch.setattr(rows_module, "BYTES_IN_MEMORY_MAX", 500)
    async with house.process(counting) as part:
        await keep(part, sowing())
        assert len(documents(house)) == COUNT / 10
        assert 0 < part.journal.rows.bytes_in_memory <= 500
        counting.calls.clear()
        assert len(await part.journal.states(SEED, [key(number) for number in range(10)])) == 10
        assert counting.calls["get", ROWS.name] == 1, "a page is brought whole, for all who want of it"
        assert len(await part.journal.states(SEED, [key(number) for number in range(10)])) == 10
        assert counting.calls["get", ROWS.name] == 1
        assert part.journal.rows.bytes_in_memory <= 500


async def test_who_wants_of_one_page_at_once_reads_it_once() -> None:
    house, counting = House(), Counting()
    async with house.process() as part:
        await keep(part, sowing())
    pages = RowPages(MemoryStore(house.database, counting))
    await pages.load(SLOTS)
    counting.calls.clear()
    found = await asyncio.gather(*(pages.find([key(number)]) for number in range(COUNT)))
    assert [list(entry) for entry in found] == [[key(number)] for number in range(COUNT)]
    assert counting.calls["get", ROWS.name] == 1


async def test_a_deletion_that_fails_is_made_good() -> None:
    house, counting = House(), Counting()
    async with house.process(counting) as part:
        await keep(part, sowing())
        await part.journal.apply(SEED, [water(number) for number in range(COUNT)])
        counting.failing = "delete"
        with pytest.raises(StoreUnavailable):
            await part.journal.rows.tidy()
        counting.failing = ""
        await tidied(part)
        assert documents(house) == []
        assert part.journal.rows.waiting == 0


async def test_a_place_that_is_looked_at_again_finds_what_its_owner_before_has_begun_meanwhile() -> None:
    house = House()
    async with house.process() as part, house.process() as other:
        await keep(part, sowing())
        await tidied(part)  # it is known to be new
        await other.journal.apply(SEED, [water(number) for number in range(COUNT)])
        await tidied(part)
        assert (part.journal.rows.waiting, len(documents(house))) == (COUNT, 1)
        await part.journal.rows.load(SLOTS)
        await tidied(part)
        assert (part.journal.rows.waiting, documents(house)) == (0, [])


async def test_a_page_may_go_while_its_place_is_looked_at_again() -> None:
    house, counting = House(), Counting()
    async with house.process(counting) as part:
        await keep(part, sowing())
        await part.journal.apply(SEED, [water(number) for number in range(COUNT)])
        counting.meanwhile = part.journal.rows.tidy
        await part.journal.rows.load(SLOTS)
        assert (documents(house), part.journal.rows.waiting) == ([], 0)
