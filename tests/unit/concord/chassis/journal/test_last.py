"""The last record of a long line is found without reading it, and it alone is read and kept where that is enough."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

import msgspec
import pytest

from concord.chassis.journal.last import highest
from concord.chassis.journal.record import JOURNAL, Cause, Decision, Kind, record_id
from concord.chassis.store.memory import MemoryStore
from concord.chassis.store.port import Document
from tests.support.tallies import House, virtual

TURNS = 200
LOOKS_MAX = 12
"""Times that the store is asked for the last record of a line of some hundred."""


class Told(msgspec.Struct, frozen=True):
    """What was said last, and as which of all that were said."""

    revision: int
    word: str


TOLD = Kind("told", Told, is_open=lambda _: True, slot=lambda _: 3, last_alone=True)
KEY = "c1/told/a"


class Counting(MemoryStore):
    """Counts what is read of the journal."""

    calls = 0
    documents = 0

    async def get(self, collection: str, ids: Sequence[str], only: Sequence[str] | None = None) -> dict[str, Document]:
        found = await super().get(collection, ids, only)
        self._count(collection, found.values(), only)
        return found

    async def find(
        self, collection: str, field: str, values: Sequence[str | int], only: Sequence[str] | None = None
    ) -> list[Document]:
        found = await super().find(collection, field, values, only)
        self._count(collection, found, only)
        return found

    def _count(self, collection: str, found: object, only: Sequence[str] | None) -> None:
        if collection == JOURNAL.name and only != ("commit",):
            self.calls += 1
            self.documents += len(list(found)) if only is None else 0  # type: ignore[call-overload]  # either is sized


def tell(revision: int, word: str = "") -> Cause[Told]:
    def decide(state: Told | None, now_us: int) -> Decision[Told] | None:
        del now_us
        return Decision(Told(revision, word)) if state is None or revision > state.revision else None

    return Cause(KEY, f"event-{revision}", decide)


def numbered(line: str) -> Callable[[int], str]:
    return lambda number: f"{line}/{number}"


@pytest.mark.parametrize("numbers", [(0, 1, 2, 3), (4, 5, 15, 16, 17), (63, 64, 65, 1_000, 4_097)])
async def test_the_highest_number_is_found_for_many_lines_in_a_few_looks(numbers: tuple[int, ...]) -> None:
    house = House()
    store = Counting(house.database)
    await store.prepare([JOURNAL])
    for number, each in itertools.product(numbers, range(1, max(numbers) + 1)):
        if each <= number:
            house.database.shelf(JOURNAL.name).documents[f"line-{number}/{each}"] = {"_id": f"line-{number}/{each}"}
    found = await highest(store, {f"line-{number}": numbered(f"line-{number}") for number in numbers})
    assert found == {f"line-{number}": number for number in numbers}
    assert store.calls <= LOOKS_MAX
    assert await highest(store, {}) == {}


@virtual
async def test_a_long_line_costs_a_start_and_a_decision_one_record_and_repeats_are_nothing_new() -> None:
    house = House()
    async with house.process() as first:
        await first.journal.apply(TOLD, [tell(1)])
        weighed = first.journal.heads_bytes
        for revision in range(2, TURNS + 1):
            await first.journal.apply(TOLD, [tell(revision)])
        assert first.journal.heads_bytes < weighed + 10, "causes that were answered before are not kept"
    store = Counting(house.database)
    async with house.process(store=store) as second:
        store.calls = store.documents = 0
        rows = [row async for row in second.journal.rebuild_open(TOLD, [3])]
        assert rows == [(KEY, Told(TURNS, ""))]
        assert store.documents == 1
        assert store.calls <= LOOKS_MAX
        for revision in (1, TURNS // 2, TURNS):
            (outcome,) = await second.journal.apply(TOLD, [tell(revision, "again")])
            assert outcome.state == Told(TURNS, "")
        await second.journal.apply(TOLD, [tell(TURNS + 1, "news")])
    records = house.database.shelf(JOURNAL.name).documents
    assert record_id(KEY, TURNS + 1) in records
    assert record_id(KEY, TURNS + 2) not in records


@virtual
async def test_two_processes_that_tell_at_once_lose_nothing_and_make_one_line() -> None:
    house = House()
    async with house.process() as first, house.process() as second:
        for revision in range(1, 41, 2):
            telling = (first.journal.apply(TOLD, [tell(revision)]), second.journal.apply(TOLD, [tell(revision + 1)]))
            await asyncio.gather(*telling)
        first.journal.forget()
        assert (await first.journal.states(TOLD, [KEY]))[KEY].revision == 40
