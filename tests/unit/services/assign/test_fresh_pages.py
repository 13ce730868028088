"""Units that wait as rows of pages: stored in bulk, taken out once, found again whatever crashes when."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from concord.chassis.journal.open_markers import markers_in
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import UNITS
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, OverlapRequested
from concord.contracts.v1.units_pb2 import UnitErased, UnitEvent
from services.assign.domain import unit
from services.assign.handlers import UnitChange
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import metadata, publish, until
from tests.unit.services.assign.desk import (
    AT_US,
    CLIENT,
    PROJECT,
    Desk,
    claim,
    handlers_of,
    labels_told,
    project_event,
    repository_of,
    resolution_event,
    submit,
    unit_event,
    waiting_ids,
)

COUNT = 12


@pytest.fixture(autouse=True)
def lives() -> int:
    """Let each test say how many it wants."""
    return 1


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pages of few rows, of which fewer are in memory, so that a dozen units meets every bound."""
    monkeypatch.setattr("services.assign.domain.fresh.PAGE_ROWS_MAX", 5)
    monkeypatch.setattr("services.assign.domain.fresh.LOW_ROWS", 3)
    monkeypatch.setattr("services.assign.domain.queue.LOW_ROWS", 3)
    monkeypatch.setattr("services.assign.domain.fresh.ROWS_IN_MEMORY_MAX", 12)


def unit_id(number: int) -> str:
    return placed_id("u", PROJECT, f"{number:05}")


def units(first: int = 0, count: int = COUNT, **fields: Any) -> list[UnitEvent]:
    return [unit_event(unit_id(number), AT_US + number, **fields) for number in range(first, first + count)]


def stored(desk: Desk, collection: str) -> dict[str, Any]:
    """Return what the store holds."""
    documents: dict[str, Any] = desk.house.database("assign").shelf(collection).documents
    return documents


def records(desk: Desk) -> list[str]:
    """Return the records of units, first ones last."""
    return [key for key in stored(desk, "journal") if "/unit/" in key]


async def all_offered(desk: Desk, name: str = "ann") -> list[str]:
    """Return all that somebody is offered, sorted: they claim until nothing is left, and give nothing back."""
    async with desk.annotator(name) as annotator:
        return sorted(offer["unit_id"] for offer in await claim(annotator, 50))


async def test_a_batch_is_stored_in_bulk_and_a_unit_has_a_record_when_it_is_leased() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await publish(desk.house, UNITS, *((event.unit_admitted.unit_id, event) for event in units()))
        await until(lambda: desk.consumed() >= COUNT)
        assert records(desk) == []
        assert stored(desk, "open") == {}
        assert len(stored(desk, "fresh")) <= COUNT / 2
        async with desk.annotator("ann") as ann:
            (offer,) = await claim(ann)
        (record,) = records(desk)
        assert offer["unit_id"] in record
        # Those that may be next have theirs on the same sheet.
        marked = markers_in(list(stored(desk, "open").values()))
        assert marked == [f"c1/unit/{unit_id(number)}/000001" for number in range(COUNT)]
        assert record in marked
        async with desk.annotator("ann") as ann:
            await claim(ann, COUNT)
        assert len(stored(desk, "open")) == 1, "so that what is begun after it takes no insert of its own"


async def test_a_page_goes_when_each_of_its_units_has_a_record() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open() as service:
        await desk.define("ann")
        await desk.admit(*units())
        assert await all_offered(desk) == [unit_id(number) for number in range(COUNT)]
        await until(lambda: not stored(desk, "fresh"))
        assert repository_of(service).waiting_units == 0


async def test_what_comes_again_is_offered_once_and_what_is_closed_never_again() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    async with desk.open() as service:
        await desk.define("ann", "bob")
        await desk.admit(*units())
        await desk.admit(*units())
        assert repository_of(service).waiting_units == COUNT
        async with desk.annotator("ann") as ann:
            for offer in await claim(ann, 6):
                await submit(ann, offer["assignment_id"])
    async with desk.open() as service:
        await desk.admit(*units())
        left = await all_offered(desk, "bob")
        assert len(left) == COUNT - 6
        await desk.admit(*units())
        assert await all_offered(desk, "ann") == []
        await until(lambda: repository_of(service).waiting_units == 0 and not stored(desk, "fresh"))


async def test_what_happens_to_a_unit_that_waits_as_a_row_holds_in_the_next_life_too() -> None:
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    erased = UnitErased(unit_id=unit_id(1), reason="asked for")
    async with desk.open():
        await desk.define("ann", "bob")
        await desk.admit(*units())
        await desk.say(UNITS, UnitEvent(metadata=metadata("e", CLIENT, PROJECT, AT_US), unit_erased=erased))
        asked = OverlapRequested(unit_id=unit_id(11), overlap_wanted=2)
        await desk.tell(
            resolution_event("o", overlap_requested=asked),
            resolution_event("c", consensus_reached=ConsensusReached(unit_id=unit_id(9))),
        )
    async with desk.open():
        offered = await all_offered(desk, "ann")
        assert offered == [unit_id(number) for number in range(COUNT) if number not in (1, 9)]
        assert await all_offered(desk, "bob") == [unit_id(11)], "the one that two are to label"


async def test_pages_that_do_not_say_how_many_rows_they_have_are_loaded_too() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        await desk.define("ann")
        await desk.admit(*units())
    for document in stored(desk, "fresh").values():
        del document["count"]  # as of a version before
    async with desk.open():
        assert await all_offered(desk) == [unit_id(number) for number in range(COUNT)]


async def test_units_that_come_one_by_one_end_in_few_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.assign.domain.fresh.PAGE_ROWS_MAX", 100)
    monkeypatch.setattr("services.assign.repository.fresh_pages.PAGE_DOCUMENTS_MAX", 3)
    desk = Desk()
    await desk.publish_project()
    async with desk.open():
        for event in units():
            await desk.admit(event)
        await until(lambda: len(stored(desk, "fresh")) <= 3)
    async with desk.open() as service:
        assert waiting_ids(service) == [unit_id(number) for number in range(COUNT)]


async def test_a_claim_passes_over_what_others_closed_without_this_life_hearing_of_it() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.define("ann")
        await desk.admit(*units())
        async with desk.life() as two:
            assert repository_of(two).waiting_units == COUNT
            close = partial(unit.close, rework=0)
            late = [
                UnitChange(f"late {number}", unit_id(number), CLIENT, PROJECT, close) for number in range(COUNT - 1)
            ]
            await handlers_of(service).units.hear(late)
            async with desk.annotator("ann") as ann:
                assert [offer["unit_id"] for offer in await claim(ann)] == [unit_id(COUNT - 1)]
            await until(lambda: repository_of(two).waiting_units == 1)


class KilledAt:
    """A store at whose n-th operation on pages the process stands still for ever, before or after the effect."""

    def __init__(self, operation: int, *, after: bool) -> None:
        self.left, self.is_after = operation, after
        self.reached = asyncio.Event()

    async def before(self, operation: str, collection: str) -> None:
        if collection == "fresh" and not self.is_after:
            await self._pass()

    async def after(self, operation: str, collection: str) -> None:
        if collection == "fresh" and self.is_after:
            await self._pass()

    async def _pass(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.reached.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", range(10))
async def test_killed_at_any_operation_on_pages_no_unit_is_lost_and_none_offered_twice(
    operation: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assign.repository.fresh_pages.PAGE_DOCUMENTS_MAX", 1)
    desk = Desk()
    await desk.publish_project(project_event(initial=1))
    had: set[str] = set()
    async with desk.open(1):
        await desk.define("ann", "bob")
    killed = KilledAt(operation + 9, after=after)  # prepared, and read for eight places, first

    async def life(service: Service) -> None:
        desk.service = service
        for start in range(0, COUNT, 3):
            await desk.admit(*units(start, 3))
            async with desk.annotator("ann") as ann:
                for offer in await claim(ann, 2):
                    assert (await submit(ann, offer["assignment_id"])).status_code == 200
                    had.add(offer["unit_id"])
        with suppress(TimeoutError):  # some operations come by themselves, a moment later, and some never
            async with asyncio.timeout(2.0):
                await killed.reached.wait()

    async with desk.life(store_faults=killed) as service:
        doing = asyncio.create_task(life(service))
        waiting = asyncio.create_task(killed.reached.wait())
        await asyncio.wait([doing, waiting], timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        doing.cancel()
        waiting.cancel()
        await desk.dies(service)
    async with desk.open(1):
        await publish(desk.house, UNITS, *((event.unit_admitted.unit_id, event) for event in units()))
        await until(lambda: desk.consumed() >= len(desk.house.records(UNITS)))
        offered = await all_offered(desk, "bob") + await all_offered(desk, "ann")
    assert len(offered) == len(set(offered))
    labelled = {label.unit_id for label in labels_told(desk.house)}
    assert had <= labelled, "what was acknowledged is told"
    assert labelled.isdisjoint(offered)
    assert {*labelled, *offered} == {unit_id(number) for number in range(COUNT)}
