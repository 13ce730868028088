"""The parts of a service whose read models are kept by place, as bootstraps wire them: loaded from what is open."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from concord.chassis.consumer import Delivery
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.record import Cause, Decision, Kind
from concord.chassis.places.by_place import ByPlace
from concord.chassis.places.owner import Owner
from concord.chassis.runtime import Runtime
from concord.chassis.wiring import Placed, consumer_part, journal_part, ordered
from concord.contracts.ids import keyed, placed_id, slot_of_project, slots_of
from concord.contracts.topics import PLACES_LOCAL, UNITS
from simulation.house import House
from tests.support.service import until

PROJECTS = [f"k7q2-project-{number}" for number in range(40)]


class Unit(msgspec.Struct, frozen=True):
    """A unit that is open or done."""

    unit_id: str
    project_id: str
    done: bool = False


UNIT = Kind("unit", Unit, is_open=lambda unit: not unit.done, slot=lambda unit: slot_of_project(unit.project_id))


class Repository:
    """What is open, by project."""

    def __init__(self, journal: Journal, places: int) -> None:
        self.journal = journal
        self.places = places
        self.open: ByPlace[dict[str, Unit]] = ByPlace(places, dict)
        journal.listen(UNIT, self.settle)

    def settle(self, key: str, unit: Unit) -> None:
        if (view := self.open.settled(unit.project_id)) is None:
            return
        view[key] = unit
        if unit.done:
            del view[key]

    async def load(self, place: int) -> None:
        self.open.hold(place)
        async for key, unit in self.journal.rebuild_open(UNIT, slots_of(place, self.places)):
            self.settle(key, unit)

    async def drop(self, place: int) -> None:
        self.open.drop(place)

    async def put(self, project_id: str, number: int, done: bool = False) -> None:
        unit_id = placed_id("u", project_id, keyed(b"secret", project_id, str(number)))
        cause = Cause(
            UNIT.key("k7q2", unit_id),
            f"{unit_id}/{done}",
            lambda state, _: Decision(Unit(unit_id, project_id, done or (state is not None and state.done))),
        )
        await self.journal.decide(UNIT, cause)

    def counts(self) -> dict[str, int]:
        return {project_id: len(view) for project_id, view in self.open if view}


class Life:
    """One process."""

    def __init__(self, house: House) -> None:
        ports = house.ports("tested")
        journal = journal_part(ports)
        self.owner = Owner(PLACES_LOCAL, ports.address)
        self.repository = Repository(journal.journal, PLACES_LOCAL)

        async def nothing(deliveries: Sequence[Delivery]) -> None:
            del deliveries

        consumer = consumer_part("tested", ports, journal, {UNITS: nothing}, owner=self.owner)
        parts = ordered(ports, journal, consumer, places=Placed(self.owner, self.repository))
        self.runtime = Runtime("tested", parts, ports.clock)

    def mine(self) -> set[str]:
        return {project for project in PROJECTS if slot_of_project(project) % PLACES_LOCAL in self.owner.open()}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Life"]:
        await self.runtime.start()
        try:
            yield self
        finally:
            await self.runtime.hand_over()
            await self.runtime.stop()


def knows(life: Life, wanted: dict[str, int]) -> bool:
    return life.repository.counts() == wanted


async def test_a_life_knows_what_is_open_in_its_places_and_nothing_else_whoever_opened_it() -> None:
    house = House()
    entry, two = Life(house), Life(house)
    async with entry.running():
        await until(lambda: entry.mine() == set(PROJECTS))
        assert entry.runtime.ready
        for number, project_id in enumerate(PROJECTS):
            await entry.repository.put(project_id, 1)
            await entry.repository.put(project_id, 2)
            if number % 2:
                await entry.repository.put(project_id, 2, done=True)
        expected = {project_id: 1 if number % 2 else 2 for number, project_id in enumerate(PROJECTS)}
        assert entry.repository.counts() == expected
        async with two.running():
            await until(lambda: entry.mine() and two.mine() and entry.mine() ^ two.mine() == set(PROJECTS))
            for life in (entry, two):
                wanted = {project_id: expected[project_id] for project_id in life.mine()}
                await until(partial(knows, life, wanted))  # what is lost is dropped a moment later
            # What another decides of a project that is not its own is right, and no news to its read models.
            theirs = min(two.mine())
            await entry.repository.put(theirs, 3)
            assert theirs not in entry.repository.counts()
        await until(lambda: entry.mine() == set(PROJECTS))
        assert entry.repository.counts() == {**expected, theirs: expected[theirs] + 1}


async def test_a_process_is_not_ready_before_its_first_places_are_loaded() -> None:
    life = Life(House())
    gate = asyncio.Event()
    load = life.repository.load

    async def slow(place: int) -> None:
        await gate.wait()
        await load(place)

    life.repository.load = slow  # type: ignore[method-assign] # this one process is to be slow
    async with life.running():
        assert life.runtime.reasons() == ["its first places are being loaded"]
        gate.set()
        await until(lambda: life.runtime.ready)
