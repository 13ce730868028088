"""What ingest stores of units: two documents each, found by their keys alone, whatever becomes of them."""

import asyncio

import pytest

from concord.chassis.store import memory as store_memory
from services.ingest.bootstrap import COLLECTIONS
from services.ingest.domain.lot import LotState
from services.ingest.repository.lot_places import LotPlaces
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, kept_units, start, told
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until

COUNT = 1_000
TOGETHER = 500
BY_KEY = {"units", "claims", "lot_places", "arrivals"}
LONG = "a text " * 30


def documents(house: House) -> dict[str, int]:
    database = house.database("ingest")
    return {name: len(database.dump(name)) for name in database.collections()}


async def test_a_unit_is_two_documents_and_all_else_is_by_what_comes_together(ingest: Ingest) -> None:
    await ingest.define({**DEFINITION, "policy": {"lot": {"size": 400, "seal_after_seconds": 1}}})
    await ingest.published()
    before = documents(ingest.house)
    for start_at in range(0, COUNT, TOGETHER):
        await ingest.admit([{"id": f"{n}", "content": f"text {n}"} for n in range(start_at, start_at + TOGETHER)])
    await until(lambda: sum(len(lot.unit_ids) for lot in told(ingest.house, "lot_sealed")) == COUNT)
    await until(lambda: not ingest.house.database("ingest").dump("open"))
    after = documents(ingest.house)
    more = {name: count - before.get(name, 0) for name, count in after.items()}
    assert (more.pop("units"), more.pop("claims")) == (COUNT, COUNT)
    assert more.pop("lot_places") == 4, "the second lot has units of both arrivals"
    assert sum(more.values()) < 10, more
    assert not any(collection.indexed for collection in COLLECTIONS if collection.name in BY_KEY)


async def test_units_with_much_to_tell_come_in_arrivals_that_can_be_told(ingest: Ingest) -> None:
    """What one batch has of long gold labels is told in as many records as hold it."""
    await ingest.define({"label_schema": {"kind": "text", "characters_max": 10_000}})
    some = [{"id": f"{n}", "content": f"{n}", "gold": LONG * 30} for n in range(120)]
    assert (await ingest.admit(some))["admitted"] == len(some)
    assert len(told(ingest.house, "unit_admitted")) == len(some)
    records = [entry for entry in ingest.house.database("ingest").dump("journal") if "/arrival/" in entry["aggregate"]]
    assert len(records) == 2
    assert (await ingest.admit(some))["repeated"] == len(some)


async def test_what_was_erased_comes_back_under_no_content_and_as_no_duplicate(ingest: Ingest) -> None:
    await ingest.define()
    await ingest.admit([{"id": "a", "content": "one"}, {"id": "b", "content": "two"}])
    gone = await ingest.call("POST", "/v1/projects/k1-p/erasures", {"reason": "asked for", "ids": ["a"]})
    assert gone.json()["erased"] == 1
    other = await start(ingest.house)
    for content in ("one", "two", "three"):
        report = await other.admit({"id": "a", "content": content})
        assert [(error["field"], error["problem"]) for error in report["refused"]] == [("id", "was withdrawn")], content
    assert [kept_unit.source_id for kept_unit in kept_units(ingest.house)] == ["b"]
    assert len(told(ingest.house, "unit_admitted")) == 2
    await other.kill()


class Stops(store_memory.NoFaults):
    """The process stops for ever before it comes to do something."""

    def __init__(self, operation: str, collection: str) -> None:
        self.at = (operation, collection)
        self.dead = asyncio.Event()

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        if (operation, collection) == self.at:
            self.dead.set()
            await asyncio.get_running_loop().create_future()


async def test_what_a_process_began_to_erase_and_did_not_live_to_delete_is_deleted_all_the_same() -> None:
    house, stops = House(), Stops("delete", "units")
    first = await start(house, stops)
    await first.define()
    await first.admit([{"id": "a", "content": "one"}, {"id": "b", "content": "two"}])
    body = {"reason": "asked for", "ids": ["a"]}
    asked = asyncio.create_task(first.call("POST", "/v1/projects/k1-p/erasures", body))
    await asyncio.wait_for(stops.dead.wait(), PATIENCE_SECONDS)
    (unit_id,) = [kept_unit.unit_id for kept_unit in kept_units(house) if kept_unit.source_id == "a"]
    assert await first.handlers.admissions.payload(unit_id) is None, "it is shown to nobody"
    asked.cancel()
    await first.kill()
    after = await start(house)
    await until(lambda: [kept_unit.source_id for kept_unit in kept_units(house)] == ["b"])
    await after.kill()


async def test_what_is_answered_as_there_is_told_whoever_took_it_in_and_died_before_telling() -> None:
    house, stops = House(), Stops("insert", "open")
    first = await start(house, stops)
    await first.define()
    units = [{"id": "a", "content": "one"}, {"id": "b", "content": "two"}]
    sent = asyncio.create_task(first.call("POST", "/v1/projects/k1-p/units", units))
    await asyncio.wait_for(stops.dead.wait(), PATIENCE_SECONDS)
    sent.cancel()
    await first.kill()
    assert len(kept_units(house)) == 2
    assert told(house, "unit_admitted") == []
    after = await start(house)
    report = await after.admit([*units[:1], {"id": "c", "content": "two"}])
    assert [unit["status"] for unit in report["units"]] == ["repeated", "duplicate_of"]
    assert sorted(entry.source_id for entry in told(house, "unit_admitted")) == ["a", "b"]
    assert [entry.source_id for entry in told(house, "unit_duplicated")] == ["c"]
    await after.kill()


class Sealed:
    """Lots that are sealed, by number."""

    def __init__(self) -> None:
        self.lots: dict[int, LotState] = {}

    def seal(self, number: int, *unit_ids: str) -> None:
        self.lots.setdefault(number, LotState(f"l{number}", "k1-p", number, unit_ids))

    async def of(self, project_id: str, numbers: object) -> dict[int, LotState]:
        del project_id
        assert isinstance(numbers, list)
        return {number: self.lots[number] for number in numbers if number in self.lots}


@pytest.mark.parametrize("lots", [1, 2, 7, 60])
async def test_a_unit_is_found_in_its_lot_however_many_lots_were_cut_of_its_arrival(lots: int) -> None:
    store, sealed = House().ports("ingest").store, Sealed()
    lot_places = LotPlaces(store, sealed.of)
    for number in range(1, lots + 1):
        assert await lot_places.claim("k1-p", number, {f"u{number}": "a", f"v{number}": f"b{number}"}) == []
        sealed.seal(number, f"u{number}", f"v{number}")
    other = LotPlaces(store, sealed.of)
    units = {f"u{number}": "a" for number in range(1, lots + 3)}
    assert sorted(await other.sealed("k1-p", units)) == sorted(f"u{number}" for number in range(1, lots + 1))
    assert sorted(await other.claim("k1-p", lots + 1, units)) == sorted(f"u{number}" for number in range(1, lots + 1))


async def test_of_two_who_cut_lots_of_one_arrival_the_later_knows_of_the_other() -> None:
    store, sealed = House().ports("ingest").store, Sealed()
    lot_places, two = LotPlaces(store, sealed.of), LotPlaces(store, sealed.of)
    assert await lot_places.claim("k1-p", 1, {"u1": "a", "u2": "a"}) == []
    assert await two.claim("k1-p", 1, {"u2": "a", "u3": "a"}) == [], "of one number one lot is sealed"
    sealed.seal(1, "u2", "u3")
    assert await lot_places.claim("k1-p", 2, {"u1": "a", "u2": "a"}) == ["u2"]
    sealed.seal(2, "u1")
    assert await two.claim("k1-p", 2, {"u1": "a", "u4": "a"}) == [], "who is late for a number loses it at its record"
    assert await two.claim("k1-p", 3, {"u1": "a", "u4": "a"}) == ["u1"]
    assert await lot_places.claim("k1-p", 3, {"u2": "a", "u3": "a", "u4": "a"}) == ["u2", "u3"]
