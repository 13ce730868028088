"""Several lives of metrics: each counts some projects, any takes any request, and nothing grows with what is closed."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from concord.chassis.broker.memory import MemoryBroker
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import PLACES_LOCAL
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from concord.labels import schema_from
from services.ingest.domain.project import Policy
from services.metrics.book import CHANGES_BYTES_MIN, Book
from services.metrics.domain.agreement import agreement
from services.metrics.domain.targets import TargetStanding
from services.metrics.domain.unit import GRACE_US
from services.metrics.handlers import Handlers
from services.metrics.repository import CLOSED_KEPT_US, Rows
from simulation.house import Answer, House, call
from tests.support.book import MemoryParts
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.support.upstream import Teller
from tests.unit.services.metrics.running import begun, measure_of, owner_of, owns

PROJECTS = {slot_of_project(name) % PLACES_LOCAL: name for name in (f"k{number}-p" for number in range(200))}
"""One project in every place."""
CLOSED_UNITS, LOT_UNITS = 20_000, 500
SECOND_US = 1_000_000


class Lives:
    """Several lives over one house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services: list[Service] = []
        broker = MemoryBroker(house.cluster, "upstream")
        self.upstreams = {
            project: Teller(broker, house.clock, project.partition("-")[0]) for project in PROJECTS.values()
        }

    async def join(self) -> Service:
        service = await begun(self.house)
        self.services.append(service)
        await until(lambda: service.runtime.ready)
        await self.agreed()
        return service

    async def agreed(self) -> None:
        """Return when every place is served by one life, and all know by whose."""
        await until(lambda: all(owner_of(service).whole() for service in self.services))
        await until(
            lambda: (
                sorted(place for service in self.services for place in owner_of(service).open())
                == [*range(PLACES_LOCAL)]
            )
        )

    async def leave(self, service: Service) -> None:
        self.services.remove(service)
        await service.runtime.hand_over()
        await service.runtime.stop()

    async def die(self, service: Service) -> None:
        self.services.remove(service)
        service.runtime.abandon()
        for address, door in list(self.house.doors.items()):
            if door is service.application:
                del self.house.doors[address]
                self.house.cluster.expire(address.removeprefix("http://"))

    async def label(self, units: int, first: int = 0) -> None:
        for upstream in self.upstreams.values():
            for number in range(first, first + units):
                unit_id = f"{upstream.client_id}-u{number}"
                await upstream.unit(unit_id)
                for place, annotator in enumerate(("ann", "bob")):
                    await upstream.annotation(unit_id, place, annotator, "yes" if number % (3 + place) else "no")

    async def ask(self, service: Service, project_id: str) -> Answer:
        token = self.house.token("somebody", Role.OPERATOR)
        return await call(service.application, "GET", f"/v1/projects/{project_id}/quality", token)

    async def count(self, annotations: int) -> dict[str, float]:
        """Return every project's alpha as every life tells it, once so many annotations are in; no life tells more."""
        found: dict[str, float] = {}
        for project_id in PROJECTS.values():
            for service in self.services:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while True:
                        answer = await self.ask(service, project_id)
                        assert answer.status in (200, 503), answer
                        if answer.status == 200 and answer.json()["annotations"] == annotations:
                            break
                        assert answer.status == 503 or answer.json()["annotations"] < annotations
                        await asyncio.sleep(0.02)
                value = answer.json()["alpha"]["value"]
                assert found.setdefault(project_id, value) == value
        return found


@asynccontextmanager
async def meanwhile(does: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do something again and again while the block lasts, to its end."""
    over = asyncio.Event()

    async def again() -> None:
        while not over.is_set():
            await does()
            await asyncio.sleep(0)

    doing = asyncio.create_task(again())
    try:
        yield
    finally:
        over.set()
        await doing


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.reading.LINGER_SECONDS", 60.0)


@pytest.fixture
async def lives() -> AsyncIterator[Lives]:
    found = Lives(House())
    for upstream in found.upstreams.values():
        await upstream.project(Policy())
    yield found
    for service in found.services:
        await service.runtime.stop()


async def test_every_life_tells_every_projects_quality_while_lives_join_leave_and_die(lives: Lives) -> None:
    for _ in range(3):
        await lives.join()
    assert sorted(len(owner_of(service).open()) for service in lives.services) == [2, 3, 3]
    await lives.label(6)
    before = await lives.count(12)
    await lives.leave(lives.services[0])
    await lives.agreed()
    assert await lives.count(12) == before
    await lives.label(3, first=6)
    await lives.die(lives.services[0])
    await lives.agreed()
    later = await lives.count(18)
    await lives.join()
    assert await lives.count(18) == later
    assert all(owner_of(service).open() for service in lives.services)


async def test_a_project_whose_owner_has_died_is_to_be_asked_for_again_in_a_second(lives: Lives) -> None:
    for _ in range(2):
        await lives.join()
    gone, left = lives.services
    lost = next(project_id for project_id in PROJECTS.values() if owns(gone, project_id))
    gone.runtime.abandon()
    for address in [address for address, door in lives.house.doors.items() if door is gone.application]:
        del lives.house.doors[address]
    answer = await lives.ask(left, lost)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_alerts_of_a_project_are_told_while_other_places_are_nobodys_and_those_of_all_in_a_second(
    lives: Lives,
) -> None:
    for _ in range(2):
        await lives.join()
    gone, left = lives.services
    mine, lost = (next(name for name in PROJECTS.values() if owns(service, name)) for service in (left, gone))
    gone.runtime.abandon()
    for address in [address for address, door in lives.house.doors.items() if door is gone.application]:
        del lives.house.doors[address]
    token = lives.house.token("somebody", Role.OPERATOR)

    async def asked(query: str) -> Answer:
        return await call(left.application, "GET", "/v1/alerts", token, query=query)

    of_mine = await asked(f"project_id={mine}")
    assert (of_mine.status, of_mine.json()) == (200, {"alerts": [], "next": ""})
    for query in (f"project_id={lost}", ""):
        later = await asked(query)
        assert (later.status, later.headers["retry-after"]) == (503, "1")
    # A name that is nobody's is no project at which nothing is broken.
    nobodys = next(f"k{number}-none" for number in range(200) if owns(left, f"k{number}-none"))
    assert (await asked(f"project_id={nobodys}")).status == 404


async def test_quality_is_answered_while_places_go_from_one_life_to_another(lives: Lives) -> None:
    first = await lives.join()
    await lives.label(4)
    before = await lives.count(8)
    # Until no measurement of fewer labels is under way, which is told while the next one is.
    measured = measure_of(first).measured
    await until(lambda: [found.report.annotations for found in measured.values()] == [8] * PLACES_LOCAL)
    answers: list[Answer] = []

    async def asked(*services: Service) -> None:
        for service in services:
            answers.extend([await lives.ask(service, project_id) for project_id in PROJECTS.values()])

    async with meanwhile(partial(asked, first)):
        second = await lives.join()
    assert len(owner_of(second).open()) == PLACES_LOCAL // 2
    lives.services.remove(first)
    async with meanwhile(partial(asked, second)):
        await first.runtime.hand_over()
        await lives.agreed()
    await first.runtime.stop()
    assert {answer.status for answer in answers} == {200}
    assert {answer.json()["alpha"]["value"] for answer in answers} == set(before.values())


async def test_alerts_are_told_of_a_place_that_lingers_and_by_who_leaves_as_well(lives: Lives) -> None:
    first = await lives.join()
    await lives.label(1)
    await lives.count(2)
    for place, project_id in PROJECTS.items():
        measure_of(first).repository.places[place].told[project_id] = {"agreement": TargetStanding(True, 1)}
    token = lives.house.token("somebody", Role.OPERATOR)

    async def alerts(project_id: str = "") -> list[str]:
        query = f"project_id={project_id}" if project_id else "limit=100"
        answer = await call(first.application, "GET", "/v1/alerts", token, query=query)
        assert answer.status == 200, answer
        return [alert["project_id"] for alert in answer.json()["alerts"]]

    everything = sorted(PROJECTS.values())
    assert sorted(await alerts()) == everything
    second = await lives.join()
    lost = next(project_id for project_id in PROJECTS.values() if owns(second, project_id))
    assert await alerts(lost) == [], "its owner has counted none"
    # As a process does that the owner's is cut off from.
    for address in [address for address, door in lives.house.doors.items() if door is second.application]:
        del lives.house.doors[address]
    assert await alerts(lost) == [lost]
    kept = sorted(project_id for project_id in PROJECTS.values() if owns(first, project_id))
    await first.runtime.hand_over()
    assert [await alerts(project_id) for project_id in kept] == [[project_id] for project_id in kept]


async def test_rows_of_what_was_lost_are_kept_for_a_moment_and_no_longer(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.reading.LINGER_SECONDS", 0.1)
    first = await lives.join()
    await lives.label(1)
    second = await lives.join()
    repository = measure_of(first).repository
    await until(lambda: not repository.lingering)
    assert set(repository.places) == owner_of(first).open()
    lost = next(project_id for project_id in PROJECTS.values() if owns(second, project_id))
    assert repository.rows_of(lost) is None


async def test_what_is_lost_is_shown_and_told_by_its_new_owner_alone(lives: Lives) -> None:
    first = await lives.join()
    await lives.label(2)
    await lives.count(4)
    second = await lives.join()
    await lives.count(4)
    await until(lambda: len(measure_of(second).measured) == PLACES_LOCAL // 2)
    shown = {}
    for service in (first, second):
        exposed = (await call(service.application, "GET", "/metrics")).body.decode()
        shown[service.application] = {project for project in PROJECTS.values() if f'project="{project}"' in exposed}
        assert shown[service.application] == {project for project in PROJECTS.values() if owns(service, project)}
        assert set(measure_of(service).measured) == shown[service.application]
    assert set.union(*shown.values()) == set(PROJECTS.values())


def _about(at_us: int) -> Metadata:
    return Metadata(event_id="e", client_id="k1", project_id="k1-p", occurred_at_us=at_us)


def _lot(served: Handlers, number: int, at_us: int, label: str = '"yes"') -> None:
    """Tell of a lot's way from its units' admission to its acceptance."""
    unit_ids = [f"k1-u{number}x{place}" for place in range(LOT_UNITS)]
    units, annotations, resolutions = [], [], []
    for place, unit_id in enumerate(unit_ids):
        encoded = label.replace("*", f"{number}x{place}").encode()
        units.append(UnitEvent(metadata=_about(at_us), unit_admitted=UnitAdmitted(unit_id=unit_id, overlap_initial=2)))
        for annotator in range(2):
            submitted = AnnotationSubmitted(
                unit_id=unit_id,
                annotation_id=f"{unit_id}.{annotator}",
                annotator_id=f"a{(place + annotator) % 50}",
                label=encoded,
                active_ms=1_000 + place,
            )
            annotations.append(AnnotationEvent(metadata=_about(at_us + 1), annotation_submitted=submitted))
        reached = ConsensusReached(unit_id=unit_id, label=encoded, overlap_initial=2)
        resolutions.append(ResolutionEvent(metadata=_about(at_us + 2), consensus_reached=reached))
    units.append(UnitEvent(metadata=_about(at_us + 3), lot_sealed=LotSealed(lot_id=f"k1-l{number}", unit_ids=unit_ids)))
    served.units(units)
    served.annotations(annotations)
    served.resolutions(resolutions)
    accepted = LotAccepted(lot_id=f"k1-l{number}", inspected=60, errors=1, lot_units=LOT_UNITS)
    served.lots([LotEvent(metadata=_about(at_us + 4), lot_accepted=accepted)])


def _close(rows: Rows, at_us: int) -> None:
    rows.whole_until_us = at_us
    list(rows.closing())


async def test_memory_and_the_book_are_flat_over_closed_units_and_a_start_reads_what_is_open() -> None:
    rows, parts, at_us = Rows(), MemoryParts(), SECOND_US
    served = Handlers(rows)

    async def breathe() -> None:
        return

    kept = Book("one", 0, rows, parts, breathe)
    tracemalloc.start()
    try:
        sizes, books = [], []
        for number in range(CLOSED_UNITS // LOT_UNITS):
            at_us += 3 * GRACE_US
            _lot(served, number, at_us)
            _close(rows, at_us + 3 * GRACE_US)
            if number % 10 == 9:
                await kept.keep({})
                sizes.append(tracemalloc.get_traced_memory()[0])
                books.append(sum(map(len, parts.pieces[0].values())))
    finally:
        tracemalloc.stop()
    assert rows.units_open == 0
    assert not rows.lots
    assert rows.sums["k1-p"].lots.accepted == CLOSED_UNITS // LOT_UNITS
    grown = (len(sizes) - 1) * 10 * LOT_UNITS
    assert (sizes[-1] - sizes[0]) / grown < 64, "bytes a closed unit: its digest, and what is being sorted"
    names = CHANGES_BYTES_MIN  # of what closed since all rows were written
    assert (books[-1] - books[0] - names) / grown < 24, "a closed unit is eight bytes in each of two slots of the book"
    heir = Rows()
    await Book("two", 0, heir, parts, breathe).take_up()
    assert (heir.units_open, len(heir.closed)) == (0, CLOSED_UNITS + CLOSED_UNITS // LOT_UNITS)
    assert heir.sums == rows.sums


def test_what_was_closed_longer_ago_than_topics_keep_it_is_forgotten_and_still_not_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.metrics.domain.closed.SEGMENT_IDS", 300)
    rows = Rows()
    served = Handlers(rows)
    for number, at_us in enumerate((SECOND_US, CLOSED_KEPT_US // 2, 2 * CLOSED_KEPT_US)):
        _lot(served, number, at_us)
        _close(rows, at_us + 3 * GRACE_US)
    assert len(rows.closed) < 3 * LOT_UNITS
    before = rows.sums["k1-p"].lots.accepted, rows.sums["k1-p"].labels
    _lot(served, 0, SECOND_US)
    assert rows.units_open == 0
    assert (rows.sums["k1-p"].lots.accepted, rows.sums["k1-p"].labels) == before


def test_texts_that_no_other_unit_has_are_let_go_of_beyond_a_bound_and_agreement_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = schema_from({"kind": "text"})
    monkeypatch.setattr("services.metrics.domain.sums.CLOSED_ROWS_BYTES_MAX", 70_000)
    rows = Rows()
    served = Handlers(rows)
    for number in range(3):
        _lot(served, number, (number + 1) * 5 * GRACE_US, '"text *"')
        _close(rows, (number + 1) * 5 * GRACE_US + 3 * GRACE_US)
        assert rows.sums["k1-p"].rows_over == (number > 0)
    sums = rows.sums["k1-p"]
    assert not sums.tally.rows
    assert not rows.closed_sums["k1-p"].rows
    alpha, _ = agreement(sums.tally, schema, rows_over=sums.rows_over)
    assert (alpha.value, alpha.reason) == (
        None,
        "so many units have labels that no other has that they are not kept while they come in",
    )
    assert sums.labels == 3 * 2 * LOT_UNITS
