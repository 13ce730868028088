"""What a life that gains a place reads and keeps: what is open, and nothing of what is closed."""

import gc
from collections import Counter
from functools import partial
from types import FunctionType, ModuleType

import pytest

from concord.chassis.clock import MICROSECONDS
from concord.chassis.runtime import Service
from concord.contracts.ids import placed_id
from concord.contracts.topics import PLACES_LOCAL
from concord.contracts.v1.resolutions_pb2 import ConsensusReached
from services.assign.domain import active_time, unit
from services.assign.handlers import UnitChange
from services.assign.repository import Repository
from tests.support.service import until
from tests.unit.services.assign.desk import (
    AT_US,
    PROJECT,
    Desk,
    claim,
    handlers_of,
    project_event,
    repository_of,
    resolution_event,
    submit,
    unit_event,
    waiting_ids,
)
from tests.unit.services.assign.test_lease_ends import ShiftedClock

OPEN_UNITS = 5
READS = ("find", "get", "stream")
MANY, FEW = 600, 60
"""Units that were closed: ten times as many must cost nothing more."""


@pytest.fixture(autouse=True)
def lives() -> int:
    """Let each test say how many it wants."""
    return 1


class Counted:
    """Counts what is asked of a store."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def before(self, operation: str, collection: str) -> None:
        self.asked[f"{operation} {collection}"] += 1

    async def after(self, operation: str, collection: str) -> None: ...


def unit_id(number: int) -> str:
    return placed_id("u", PROJECT, f"{number:05}")


async def with_closed(desk: Desk, closed: int) -> None:
    """Have so many units labelled and closed, and a few left open of which one is held."""
    async with desk.open(1) as service:
        await desk.define("ann", "bob")
        for start in range(0, closed, 50):
            numbers = range(start, min(start + 50, closed))
            await desk.admit(*(unit_event(unit_id(number), AT_US + number) for number in numbers))
            for name in ("ann", "bob"):
                async with desk.annotator(name) as annotator:
                    offers = await claim(annotator, 50)
                    sent = [{"assignment_id": offer["assignment_id"], "label": "yes"} for offer in offers]
                    assert (await annotator.post("/v1/submissions", json={"submissions": sent})).status_code == 200
            settled = [ConsensusReached(unit_id=unit_id(number)) for number in numbers]
            await desk.tell(
                *(resolution_event(f"r {reached.unit_id}", consensus_reached=reached) for reached in settled)
            )
        await desk.admit(
            *(unit_event(unit_id(closed + number), AT_US + closed + number) for number in range(OPEN_UNITS))
        )
        async with desk.annotator("ann") as annotator:
            await claim(annotator)
        await repository_of(service).journal.markers.settled()


def kept(desk: Desk) -> int:
    """Return how many objects the read models of the life that runs are made of."""
    seen: set[int] = set()
    todo: list[object] = [repository_of(desk.running[0]).places]
    while todo:
        entry = todo.pop()
        if id(entry) not in seen and not isinstance(entry, type | ModuleType | FunctionType):
            seen.add(id(entry))
            todo += gc.get_referents(entry)
    return len(seen)


def counts_are(repository: Repository, waiting: int, leases: int) -> bool:
    """Return whether so many units wait and so many leases run."""
    return (repository.waiting_units, repository.leases_running) == (waiting, leases)


async def test_a_start_reads_what_is_open_and_keeps_nothing_of_what_is_closed() -> None:
    asked, objects = [], []
    for closed in (FEW, MANY):
        desk = Desk()
        await desk.publish_project(project_event(lease_seconds=3_600))
        await with_closed(desk, closed)
        counted = Counted()
        async with desk.life(store_faults=counted) as service:
            repository = repository_of(service)
            await until(partial(counts_are, repository, OPEN_UNITS, 1))
            reads = {
                what: times for what, times in counted.asked.items() if what.split()[0] in ("find", "get", "stream")
            }
            asked.append({what: times for what, times in reads.items() if what.split()[1] in ("journal", "open")})
            objects.append(kept(desk))
    assert asked[0] == asked[1]
    assert "stream journal" not in asked[1], "nobody reads the whole journal"
    assert abs(objects[1] - objects[0]) < FEW, "ten times as much that is closed leaves nothing more in memory"


async def test_a_place_is_taken_in_with_as_few_answers_of_the_store_whatever_came_one_by_one() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.define("ann")
        for number in range(12):
            await desk.admit(unit_event(unit_id(number), AT_US + number))
        async with desk.annotator("ann") as annotator:
            await claim(annotator)
        await repository_of(service).journal.markers.settled()
    counted = Counted()
    async with desk.life(store_faults=counted) as service:
        await until(partial(counts_are, repository_of(service), 12, 1))
    assert counted.asked["find open"] == PLACES_LOCAL, "the markers of a place are read once, of whatever kind"
    assert counted.asked["get fresh"] == 1, "small documents are read together"


async def test_units_wait_in_the_order_of_their_admission_wherever_they_are_loaded() -> None:
    desk = Desk()
    await desk.publish_project()
    numbers = [7, 3, 9, 1, 5, 0, 8, 2, 6, 4]
    async with desk.open(1):
        await desk.admit(*(unit_event(unit_id(number), AT_US + number) for number in numbers))
    async with desk.open(1) as service:
        assert waiting_ids(service) == [unit_id(number) for number in range(10)]


async def test_what_the_owner_before_closed_after_the_place_was_loaded_is_seen_at_the_next_look() -> None:
    desk = Desk()
    await desk.publish_project()
    async with desk.open(1) as service:
        await desk.admit(unit_event(unit_id(1)), unit_event(unit_id(2)))
        late = repository_of(service)
        async with desk.life() as two:
            repository = repository_of(two)
            assert repository.waiting_units == 2
            # The owner before stores what it had in hand when the place was dealt.
            settled = resolution_event("late", consensus_reached=ConsensusReached(unit_id=unit_id(1)))
            await said_late(service, settled.metadata.event_id)
            assert repository.waiting_units == 2
            await repository.load(late._number(PROJECT))
            await until(lambda: waiting_ids(two) == [unit_id(2)])


async def said_late(life: Service, cause_id: str) -> None:
    """Let a life that has the place no more store that the first unit is closed."""
    close = partial(unit.close, rework=0)
    await handlers_of(life).units.hear([UnitChange(cause_id, unit_id(1), "c1", PROJECT, close)])


async def test_how_long_units_take_is_known_to_the_next_owner() -> None:
    clock = ShiftedClock()
    desk = Desk(clock)
    await desk.publish_project(project_event(initial=1))
    count = active_time.TIMES_MIN + 5
    async with desk.open(1) as service:
        await desk.define("ann")
        await desk.admit(*(unit_event(unit_id(number), AT_US + number) for number in range(count + 1)))
        async with desk.annotator("ann") as ann:
            offers = await claim(ann, count)
            clock.shift_seconds = 100
            for offer in offers:
                reply = await submit(ann, offer["assignment_id"], active_ms=99_000)
                assert reply.json()["status"] == "accepted"
        times = repository_of(service).view(PROJECT).active_times
        await until(lambda: times.informed and times.unwritten_ms() is None)
    async with desk.open(1) as service, desk.annotator("ann") as ann:
        await claim(ann)
        (hold,) = repository_of(service).holds_of("ann", PROJECT)
    assert (hold.until_us - clock.now_us()) / MICROSECONDS == pytest.approx(3 * 99, abs=20)
