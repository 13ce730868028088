"""Broker or store away: what is refused is not stored, what is stored is settled, and the timer lives."""

import asyncio
from typing import Any

import pytest

from concord.chassis.broker import memory as broker_memory
from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.journal import group_commit, publisher
from concord.chassis.journal.part import JournalPart
from concord.chassis.store import memory as store_memory
from services.ingest import bootstrap
from simulation.house import House
from tests.support.ingest import DEFINITION, Ingest, kept_units, start, told

PATH = "/v1/projects/k1-p/units"


class Away(broker_memory.NoFaults):
    """A broker that takes nothing while it is away."""

    away = False

    async def before(self, operation: str, subject: str) -> None:
        await super().before(operation, subject)
        if self.away and operation == "publish":
            raise BrokerUnavailable("away on purpose")


class Hanging(store_memory.NoFaults):
    """A store that takes its time over what it is told of the journal."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()

    async def before(self, operation: str, collection: str) -> None:
        await super().before(operation, collection)
        if operation == "insert" and collection == "journal":
            await self.answers.wait()


def journal_of(ingest: Ingest) -> JournalPart:
    (journal,) = (part for part in ingest.service.runtime.parts if isinstance(part, JournalPart))
    return journal


def units(name: str, count: int) -> list[Any]:
    return [{"id": f"{name}-{n}", "content": f"{name} {n}"} for n in range(count)]


async def test_what_cannot_be_told_any_more_is_refused_before_it_is_stored_and_the_timer_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "BACKLOG_EVENTS_MAX", 80)
    monkeypatch.setattr(bootstrap, "SEAL_SECONDS", 0.01)
    house, broker = House(), Away()
    ingest = await start(house, broker_faults=broker)
    await ingest.define({**DEFINITION, "policy": {"lot": {"size": 3, "seal_after_seconds": 1}}})
    await ingest.published()
    broker.away = True
    answers = [(await ingest.call("POST", PATH, units(f"{n}", 80))).status for n in range(6)]
    assert answers == [202, 503, 503, 503, 503, 503]
    backlog = journal_of(ingest).publisher.backlog_events
    assert len(kept_units(house)) == 80, "what was refused was not stored"
    await asyncio.sleep(0.1)
    assert journal_of(ingest).publisher.backlog_events == backlog
    broker.away = False
    await ingest.published()
    assert ingest.service.runtime.reasons() == []
    assert (await ingest.call("POST", PATH, units("after", 1))).status == 202
    await ingest.kill()


async def test_units_whose_caller_gave_up_are_in_a_lot_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "APPEND_SECONDS_MAX", 0.05)
    house, store = House(), Hanging()
    ingest = await start(house, store)
    await ingest.define()
    store.answers.clear()
    assert (await ingest.call("POST", PATH, units("late", 2))).status == 503
    store.answers.set()
    await journal_of(ingest).commits.settled()
    assert (await ingest.admit(units("late", 2)))["repeated"] == 2
    assert (await ingest.call("POST", "/v1/projects/k1-p/seal")).json() == {"lots": 1}
    await ingest.published()
    assert [len(lot.unit_ids) for lot in told(house, "lot_sealed")] == [2]
    await ingest.kill()


async def test_a_unit_that_is_looked_at_after_its_lot_was_sealed_is_in_no_second_lot() -> None:
    house = House()
    first, other = await start(house), await start(house)
    await first.define()
    await other.call("GET", "/v1/projects/k1-p")
    await first.admit(units("a", 3))
    assert len(told(house, "lot_sealed")) == 1
    # The other process reads the units late: to it they are news, and their lot is not.
    assert {entry["status"] for entry in await other.find("a-0", "a-1", "a-2")} == {"admitted"}
    await other.admit(units("b", 2))
    await other.call("POST", "/v1/projects/k1-p/seal")
    await other.published()
    members = [sorted(lot.unit_ids) for lot in told(house, "lot_sealed")]
    assert len(members) == 2
    assert not set(members[0]) & set(members[1])
    for life in (first, other):
        await life.kill()
