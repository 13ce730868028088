"""Ingest as many processes: any takes units in, the owner of a place cuts its lots, all know all projects."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from concord.chassis.broker import memory as broker_memory
from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.broker.port import BrokerUnavailable, Outgoing
from concord.chassis.journal import publisher
from concord.chassis.journal.announce import Announcer
from concord.chassis.store import memory as store_memory
from concord.contracts.topics import DEAD_LETTERS, INTAKE, PROJECTS, UNITS
from services.ingest import announcements
from services.ingest.domain.project import Audit, Consensus, Definition, Overlap, Policy, Prices, ProjectState, Targets
from services.ingest.handlers import admission
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, kept_units, start, told
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.support.settled import settled
from tests.unit.services.ingest.test_intake import STRUCTURED, structured

PATH = "/v1/projects/k1-p/units"
SEAL = "/v1/projects/k1-p/seal"
LONG_US = 10**15


def units(name: str, count: int) -> list[dict[str, Any]]:
    return [{"id": f"{name}-{number}", "content": f"{name} {number}"} for number in range(count)]


@asynccontextmanager
async def lives(count: int, house: House | None = None) -> AsyncIterator[list[Ingest]]:
    """Let some processes live at once, with all places dealt and loaded."""
    found = [await start(house or House())]
    found += [await start(found[0].house) for _ in range(count - 1)]
    await until(lambda: sum(len(life.handlers.lots.mine.open()) for life in found) == 8)
    try:
        yield found
    finally:
        for life in found:
            await life.kill()


async def all_done(*living: Ingest) -> None:
    for life in living:
        await life.published()
        await settled(life.house, "ingest", life.service)


def owners(living: list[Ingest], project: str = "k1-p") -> list[Ingest]:
    return [life for life in living if life.handlers.lots.repository.open_lot(project) is not None]


def in_lots(house: House) -> Counter[str]:
    return Counter(unit_id for lot in told(house, "lot_sealed") for unit_id in lot.unit_ids)


def admitted(house: House) -> set[str]:
    return {unit.unit_id for unit in told(house, "unit_admitted") if not unit.HasField("gold_label")}


def marked(house: House) -> int:
    return len(house.database("ingest").dump("open"))


async def seal(life: Ingest) -> int:
    """Seal, as a client does it: again when it is told to come again."""
    while (answer := await life.call("POST", SEAL)).status == 503:
        assert answer.headers["retry-after"] == "1"
        await asyncio.sleep(0.02)
    assert answer.status == 200, answer.body
    lots: int = answer.json()["lots"]
    return lots


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_units_that_any_process_took_in_are_in_lots_that_the_owner_alone_cut(count: int) -> None:
    async with lives(count) as living:
        await living[0].define()
        for place, life in enumerate(living):
            await until(lambda life=life: "k1-p" in life.handlers.projects.repository.projects)  # type: ignore[misc]  # bound at once
            await life.admit([*units(f"{place}", 5), {"id": f"g{place}", "content": "gold", "gold": "yes"}])
        await all_done(*living)
        (owner,) = owners(living)
        sizes = [len(lot.unit_ids) for lot in told(owner.house, "lot_sealed")]
        assert sizes == [3] * (5 * count // 3)
        assert await seal(living[-1]) == (5 * count % 3 > 0), "asked of any process, the owner cuts the rest"
        await all_done(*living)
        assert in_lots(owner.house) == dict.fromkeys(admitted(owner.house), 1)
        records = owner.house.database("ingest").dump("journal")
        cutters = {record["commit"].rpartition("/")[0] for record in records if "/lot/" in record["aggregate"]}
        assert cutters == {owner.writer}


async def test_what_was_acknowledged_by_any_process_is_in_the_lots_that_are_sealed_right_after() -> None:
    async with lives(2) as living:
        await living[0].define()
        for turn in range(8):
            life, other = living[turn % 2], living[(turn // 2) % 2]
            sent = await life.call("POST", PATH, units(f"{turn}", 2))
            assert sent.status == 202
            assert await seal(other) == 1, f"turn {turn}"
        await all_done(*living)
        assert in_lots(living[0].house) == dict.fromkeys(admitted(living[0].house), 1)
        await until(lambda: marked(living[0].house) == 0)


async def test_every_process_knows_a_redefinition_within_seconds_and_lists_all_projects() -> None:
    async with lives(3) as living:
        for place, life in enumerate(living):
            assert (await life.call("PUT", f"/v1/projects/p{place}", DEFINITION)).status == 201
        anew = {**DEFINITION, "guideline": "Say yes."}
        assert (await living[2].call("PUT", "/v1/projects/p0", anew)).json()["revision"] == 2
        began = time.monotonic()
        for life in living:
            shown: dict[str, int] = {}
            while shown != {"k1-p0": 2, "k1-p1": 1, "k1-p2": 1}:
                assert time.monotonic() - began < PATIENCE_SECONDS, shown
                await asyncio.sleep(0.02)
                listed = (await life.call("GET", "/v1/projects")).json()["projects"]
                shown = {project["project_id"]: project["revision"] for project in listed}
            assert (await life.call("GET", "/v1/projects/k1-p0")).json()["guideline"] == "Say yes."
            assert (await life.call("PUT", "/v1/projects/p0", anew)).json()["revision"] == 2


@pytest.mark.parametrize(
    "consensus",
    [
        Consensus(confidence=0.98, wrong_at_most=0.02, learn="gold"),
        Consensus(confidence=0.9, prices=Prices(label=1.0, decision=10.0, error=100.0)),
        Consensus(),
    ],
)
def test_a_project_is_read_back_as_it_was_told(consensus: Consensus) -> None:
    policy = Policy(
        Overlap(3, 7), consensus, audit=Audit(plan="single", aql=0.02, rejections_max=5), dedupe="id", priority=-4
    )
    definition = Definition(
        {"kind": "choice", "classes": ["a", "b"]}, "Name", "Text\u2028", policy, Targets(alpha=0.123456789)
    )
    state = ProjectState("k1-p", "k1", 9, 4, definition)
    event = announcements.project_defined(Announcer("ingest", "c", 1, ()), state)
    assert PROJECTS.message is not None
    assert announcements.project_from(PROJECTS.message.FromString(event.value)) == state


async def test_lives_that_join_leave_die_and_are_taken_for_dead_lose_no_unit_and_put_none_into_two_lots() -> None:
    house = House()
    first = await start(house)
    await first.define()
    await first.admit(units("a", 4))
    second = await start(house)
    await second.admit(units("b", 4))
    third = await start(house)
    house.cluster.expire(second.writer)  # a pause past its session: it joins again, its places had other owners
    await third.admit(units("c", 4))
    await first.service.runtime.stop()
    house.doors.pop(f"http://{first.writer}")
    await second.admit(units("d", 4))
    (owner,) = owners([second, third]) or [second]
    rest = third if owner is second else second
    sent = asyncio.create_task(owner.call("POST", PATH, units("e", 4)))
    await asyncio.sleep(0.01)
    await owner.kill()
    sent.cancel()
    await until(lambda: len(rest.handlers.lots.mine.open()) == 8)
    assert (await rest.call("POST", PATH, units("e", 4))).status == 202
    await all_done(rest)
    await seal(rest)
    await all_done(rest)
    assert len(admitted(house)) == 20
    assert in_lots(house) == dict.fromkeys(admitted(house), 1)
    await rest.kill()


class Counting(store_memory.NoFaults):
    """Counts what is asked of the store, and of how many documents of the journal."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        self.asked[operation, collection] += 1


async def test_a_start_costs_what_waits_and_not_what_is_in_lots() -> None:
    """Two units wait, beside 3 and beside 603 in lots: to the store both starts are the same."""
    house, asked = House(), []
    for sent in (3, 600):
        life = await start(house)
        await life.define()
        assert await seal(life) == (sent > 3)
        await life.admit(units(f"{sent}", sent))
        await until(lambda: marked(house) == 0)
        assert not any(len(lot) for _, lot in life.handlers.lots.repository.waiting()), "nothing is kept of them"
        await life.admit(units(f"open-{sent}", 2))
        await life.service.runtime.stop()
        store = Counting()
        after = await start(house, store)
        asked.append(store.asked)
        await after.service.runtime.stop()
    for step in ("get", "find", "stream"):
        for collection in ("journal", "units", "lot_places"):
            assert asked[0][step, collection] == asked[1][step, collection], (step, collection)
    assert asked[0]["find", "open"] == asked[1]["find", "open"] > 0
    assert asked[0]["get", "units"] > 0, "the units that wait are read"


async def test_a_lot_that_was_sealed_here_is_heard_of_without_a_look_at_the_store() -> None:
    house, store = House(), Counting()
    life = await start(house, store)
    await life.define()
    store.asked.clear()
    await life.admit(units("a", 12))
    await until(lambda: marked(house) == 0)
    assert len(told(house, "lot_sealed")) == 4
    assert store.asked["find", "open"] == 0
    assert not life.handlers.lots.repository.journal.markers.remembered
    await life.service.runtime.stop()


async def test_units_that_wait_are_found_by_the_next_owner_and_units_in_lots_are_not() -> None:
    house = House()
    async with lives(1, house) as (life,):
        await life.define()
        await life.admit(units("a", 5))
        await until(lambda: len(told(house, "lot_sealed")) == 1)
    async with lives(1, house) as (after,):
        lot = after.handlers.lots.repository.open_lot("k1-p")
        assert lot is not None
        assert len(lot) == 2
        await after.admit(units("b", 1))
        assert [len(entry.unit_ids) for entry in told(house, "lot_sealed")] == [3, 3]


async def test_the_next_owner_finds_units_in_the_order_in_which_they_were_heard() -> None:
    house = House()
    async with lives(1, house) as (life,):
        await life.define({**DEFINITION, "policy": {"lot": {"size": 1_000}}})
        await life.admit(units("a", 20))
        await life.admit(units("b", 20))
        heard = [unit.unit_id for unit in told(house, "unit_admitted")]
        assert heard != sorted(heard)
    async with lives(1, house) as (after,):
        lot = after.handlers.lots.repository.open_lot("k1-p")
        assert list(lot or ()) == heard, "so that a lot has the same units whoever cuts it"


async def test_units_that_are_sent_or_told_again_after_their_lot_wait_for_no_second_one() -> None:
    async with lives(2) as living:
        house = living[0].house
        await living[0].define()
        await living[0].admit(units("a", 6))
        assert (await living[1].admit(units("a", 6)))["repeated"] == 6
        await until(lambda: marked(house) == 0)
        again = [
            Outgoing(UNITS.name, record.key, record.value, record.headers, slot=record.partition)
            for record in house.records(UNITS)
        ]
        await MemoryBroker(house.cluster, "again").publish(
            [outgoing for outgoing in again if b"lot" not in outgoing.key] * 2
        )
        await all_done(*living)
        assert await seal(living[0]) == 0
        assert in_lots(house) == dict.fromkeys(admitted(house), 1)
        await living[1].admit(units("b", 1))
        assert await seal(living[1]) == 1
        await all_done(*living)
        assert in_lots(house) == dict.fromkeys(admitted(house), 1)
        assert not any(len(lot) for life in living for _, lot in life.handlers.lots.repository.waiting())


class Away(broker_memory.NoFaults):
    def __init__(self) -> None:
        self.away = False

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if self.away and operation == "publish":
            raise BrokerUnavailable("away on purpose")


async def test_the_intake_waits_while_too_much_waits_to_be_published_and_sets_nothing_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "BACKLOG_EVENTS_MAX", 4)
    house, broker = House(), Away()
    ingest = await start(house, broker_faults=broker)
    await ingest.define()
    await ingest.published()
    broker.away = True
    assert (await ingest.call("POST", PATH, units("a", 4))).status == 202
    records = [Outgoing(INTAKE.name, b"k", structured(f"i{number}"), STRUCTURED) for number in range(5)]
    await MemoryBroker(house.cluster, "client").publish(records)
    await asyncio.sleep(0.3)
    assert len(kept_units(house)) == 4, "the intake's are not stored, and not lost"
    broker.away = False
    await all_done(ingest)
    assert house.events(DEAD_LETTERS) == []
    assert len(admitted(house)) == 9
    await ingest.kill()


class Dies(store_memory.NoFaults):
    """The process stops for ever before its first step on a collection."""

    def __init__(self, operation: str, collection: str) -> None:
        self.at = (operation, collection)
        self.armed = False
        self.dead = asyncio.Event()

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        if self.armed and (operation, collection) == self.at:
            self.dead.set()
            await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("operation", "collection", "count"),
    [("insert", "claims", 0), ("insert", "units", 0), ("insert", "open", 4), ("delete", "arrivals", 4)],
)
async def test_no_content_stays_that_is_nobodys_wherever_its_process_died(
    monkeypatch: pytest.MonkeyPatch, operation: str, collection: str, count: int
) -> None:
    house, dies = House(), Dies(operation, collection)
    first = await start(house, dies)
    await first.define()
    await first.published()
    dies.armed = True
    sent = asyncio.create_task(first.call("POST", PATH, [*units("a", 3), {"id": "g", "content": "a 0", "gold": "no"}]))
    await asyncio.wait_for(dies.dead.wait(), PATIENCE_SECONDS)
    sent.cancel()
    await first.kill()
    assert len(kept_units(house)) == count
    assert house.database("ingest").dump("arrivals")
    monkeypatch.setattr(admission, "LEFT_BEHIND_US", -LONG_US)
    async with lives(2, house) as living:
        for life in living:
            await life.handlers.admissions.finish_left_behind()
        await all_done(*living)
        assert house.database("ingest").dump("arrivals") == []
        kept = {kept_unit.unit_id for kept_unit in kept_units(house)}
        assert len(kept) == count
        assert {unit.unit_id for unit in told(house, "unit_admitted")} == kept, "each content is a unit's"
