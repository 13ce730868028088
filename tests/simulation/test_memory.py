"""What a service keeps in memory does not grow with what is closed: four walk through lot after lot."""

import asyncio
import gc
from collections import Counter
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from unittest.mock import patch

from bench.starts.template import LOT_UNITS, PEOPLE, World
from concord.chassis.broker.memory import MemoryCluster
from concord.chassis.store.memory import MemoryDatabase
from simulation.virtual_time import VirtualTimeLoop

FIRST_LOTS, MORE_LOTS = 5, 10
HEADS_BYTES = 4_000
"""The one cache of closed aggregates, 40 MB of the newest, is made so small that it is full at once."""
GROWTH_MAX = 0.3
"""Objects a closed unit that are not given up: what is tallied of a hundred units; a leak is one of each at least."""
OUTSIDE = (
    *(type, ModuleType, FunctionType, CodeType, FrameType),
    *(asyncio.AbstractEventLoop, asyncio.Future, MemoryCluster, MemoryDatabase),
)
"""Where a service ends, and the world around it begins."""
KEEPS_NOTHING = ("ingest", "assign", "adjudicate", "audit")


def kept(service: Any) -> Counter[str]:
    """Return how many objects of each type a service is made of."""
    seen: set[int] = set()
    found: Counter[str] = Counter()
    todo: list[object] = [service.runtime.parts, service.application.state.service]
    while todo:
        entry = todo.pop()
        if id(entry) not in seen and not isinstance(entry, OUTSIDE):
            seen.add(id(entry))
            found[type(entry).__name__] += 1
            todo += gc.get_referents(entry)
    return found


async def walked(world: World, lots: int) -> dict[str, Counter[str]]:
    """Take so many lots from their admission to their certificates; return what each service then keeps."""
    for _ in range(lots):
        await world.admit(LOT_UNITS)
        for person in PEOPLE:
            await world.label(person, LOT_UNITS)
        await world.inspect()
    assert {lot["status"] for lot in await world.lots()} == {"accepted"}
    gc.collect()
    return {name: kept(service) for name, service in world.services.items()}


async def grown() -> dict[str, Counter[str]]:
    world = World()
    await world.begin()
    before = await walked(world, FIRST_LOTS)
    after = await walked(world, MORE_LOTS)
    return {name: after[name] - before[name] for name in after}


def test_what_is_closed_leaves_nothing_in_memory() -> None:
    bounds = patch("concord.chassis.journal.heads.HEADS_BYTES_MAX", HEADS_BYTES)
    spare = patch("services.assign.domain.held.ENDS_SPARE_MAX", 10)
    times = patch("services.assign.domain.active_time.TIMES_MAX", 8)
    delays = patch("services.assign.domain.revision.DELAYS_MAX", 8)
    recent = patch("services.assign.domain.revision.RECENT_MAX", 2)
    with bounds, spare, times, delays, recent, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        found = runner.run(grown())
    units = MORE_LOTS * LOT_UNITS
    for name in KEEPS_NOTHING:
        assert found[name].total() <= GROWTH_MAX * units, f"{name} kept {found[name].most_common(8)} of {units} units"
