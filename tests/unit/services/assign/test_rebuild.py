"""What a start reads, others wait for only in small parts, and what happens meanwhile is not overwritten."""

import asyncio
import random

import msgspec
import pytest

from concord.chassis.journal.record import COLLECTIONS
from concord.chassis.wiring import journal_part
from services.assign.domain.queue import ReadyQueue
from services.assign.domain.unit import UnitState, close, with_overlap
from services.assign.repository import SETTLED_AT_ONCE, UNIT, Repository
from simulation.house import House
from tests.unit.services.assign.desk import AT_US, CLIENT, PROJECT

UNITS = 3_500


def unit(number: int) -> UnitState:
    """Return an open unit, the later the number the older."""
    state = UnitState(f"{CLIENT}-u{number}", CLIENT, PROJECT, admitted=True, admitted_at_us=AT_US - number)
    return with_overlap(state, 2)


async def stored(house: House) -> None:
    """Put open units into assign's journal, the newest first."""
    await house.ports("assign").store.prepare(COLLECTIONS)
    shelf = house.database("assign").shelf("journal")
    for number in range(UNITS):
        state = unit(number)
        key = UNIT.key(CLIENT, state.unit_id)
        shelf.insert({
            "_id": f"{key}/000001", "aggregate": key, "seq": 1, "causes": [f"admit {number}"], "commit": "earlier/1",
            "at_us": AT_US, "state": msgspec.json.encode(state), "events": msgspec.msgpack.encode([]),
        })  # fmt: skip


def repository_of(house: House) -> Repository:
    """Return a new life's repository, nothing read yet."""
    return Repository(journal_part(house.ports("assign")).journal, b"secret", random.Random(1))


async def test_a_rebuild_lets_others_run_after_every_thousand_units(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    await stored(house)
    repository = repository_of(house)
    turns, settled_in_turn = 0, dict[int, int]()
    settle = ReadyQueue.settle

    def counted(queue: ReadyQueue, state: UnitState) -> None:
        settled_in_turn[turns] = settled_in_turn.get(turns, 0) + 1
        settle(queue, state)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(ReadyQueue, "settle", counted)
    beside = asyncio.create_task(others())
    await repository.rebuild()
    beside.cancel()
    assert sum(settled_in_turn.values()) == UNITS
    assert max(settled_in_turn.values()) <= SETTLED_AT_ONCE
    assert len(repository.queue) == UNITS


async def test_what_is_settled_while_a_rebuild_goes_on_is_not_made_old_again(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    await stored(house)
    repository = repository_of(house)
    closed: list[UnitState] = []

    async def others(_: object, count: int) -> None:
        if count % SETTLED_AT_ONCE == 0:
            state = unit(len(closed))
            closed.append(close(state, 0) or state)
            key = UNIT.key(CLIENT, state.unit_id)
            repository._settle(key, closed[-1])

    monkeypatch.setattr(Repository, "_let_others_run", others)
    await repository.rebuild()
    assert len(closed) >= UNITS // SETTLED_AT_ONCE
    assert len(repository.queue) == UNITS - len(closed)
