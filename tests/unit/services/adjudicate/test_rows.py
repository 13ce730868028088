"""Units that nobody has labelled wait as rows of pages: a document a batch, and everything is known of them."""

import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.chassis.store.memory import MemoryStore, NoFaults
from concord.contracts.ids import placed_id
from services.adjudicate.bootstrap import wire
from services.adjudicate.settings import AdjudicateSettings
from simulation.house import ENVIRONMENT, House
from tests.support.service import until
from tests.support.upstream import PROJECT
from tests.unit.services.adjudicate.running import Adjudicate, address, begun_anew, start, voting

COUNT = 60


def unit_id(number: int) -> str:
    return placed_id("u", PROJECT, f"{number:05}")


UNITS = [unit_id(number) for number in range(COUNT)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.adjudicate.bootstrap.LOOK_SECONDS", 0.02)


@pytest.fixture
async def found() -> AsyncIterator[Adjudicate]:
    made = await start(House())
    await made.upstream.project(voting(2, 5))
    yield made
    await made.stop()


def stored(house: House, collection: str) -> dict[str, Any]:
    documents: dict[str, Any] = house.database("adjudicate").shelf(collection).documents
    return documents


def records(house: House) -> list[str]:
    return [key for key in stored(house, "journal") if "/unit/" in key]


async def standing(found: Adjudicate) -> dict[str, tuple[str, str]]:
    """Return how each unit of the project stands, as it is told, with the client's own name of it."""
    answer = await found.call("GET", f"/v1/projects/{PROJECT}/resolutions", role=Role.OPERATOR)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert len(lines) == len({line["unit_id"] for line in lines}), "each once"
    return {line["unit_id"]: (line["status"], line["source_id"]) for line in lines}


async def decided(found: Adjudicate) -> Counter[tuple[str, str]]:
    """Return how many decisions of each kind were taken on each unit; one that is said again is the same by its id."""
    await found.settle()
    events = {event.metadata.event_id: event for event in found.events()}.values()
    kinds = [(event.WhichOneof("event") or "", event) for event in events]
    return Counter((getattr(event, kind).unit_id, kind) for kind, event in kinds)


async def test_a_batch_is_documents_of_its_own_and_a_unit_has_a_record_from_its_first_label(found: Adjudicate) -> None:
    await found.upstream.batch(UNITS)
    await found.settle()
    of_units = [*stored(found.house, "rows"), *stored(found.house, "listed_units"), *records(found.house)]
    assert len(of_units) <= 0.1 * COUNT
    assert await standing(found) == {unit: ("open", f"source of {unit}") for unit in UNITS}
    await found.upstream.annotation(UNITS[3], 1, "ann", "yes")
    await found.upstream.annotation(UNITS[3], 2, "bob", "yes")
    assert await found.decisions() == [(UNITS[3], "consensus_reached")]
    assert {key.rpartition("/")[0].rpartition("/")[2] for key in records(found.house)} == {UNITS[3]}
    assert (await standing(found))[UNITS[3]] == ("consensus", f"source of {UNITS[3]}")


async def test_few_units_have_records_as_they_always_had(found: Adjudicate) -> None:
    await found.upstream.batch(UNITS[:5])
    await found.settle()
    assert (len(records(found.house)), len(stored(found.house, "rows"))) == (5, 0)


async def test_labels_that_come_before_their_unit_are_decided_on_when_it_comes(found: Adjudicate) -> None:
    early = UNITS[::20]
    for name in early:
        await found.upstream.annotation(name, 1, "ann", "yes")
        await found.upstream.annotation(name, 2, "bob", "yes")
    assert await found.decisions() == []
    found = await begun_anew(found)
    await found.upstream.batch(UNITS)
    assert await decided(found) == Counter({(key, "consensus_reached"): 1 for key in early})
    assert {name for status, name in (await standing(found)).values() if status == "consensus"} == {
        f"source of {key}" for key in early
    }


async def test_units_that_come_again_are_decided_on_once(found: Adjudicate) -> None:
    await found.upstream.batch(UNITS)
    for number, who in enumerate(("ann", "bob"), start=1):
        for unit in UNITS[:20]:
            await found.upstream.annotation(unit, number, who, "no")
    await found.settle()
    found = await begun_anew(found)
    found.upstream.causes = 1_000
    await found.upstream.batch([*UNITS[10:], *UNITS[:10]])
    await found.upstream.batch(UNITS[15:], times=2)
    for number, who in enumerate(("ann", "bob"), start=1):
        for name in UNITS[20:40]:
            await found.upstream.annotation(name, number, who, "no")
    assert await decided(found) == Counter({(key, "consensus_reached"): 1 for key in UNITS[:40]})
    assert Counter(status for status, _ in (await standing(found)).values()) == {"consensus": 40, "open": 20}


async def test_pages_go_when_each_unit_has_a_record_also_by_an_erasure(found: Adjudicate) -> None:
    await found.upstream.batch(UNITS)
    for unit in UNITS[1:]:
        await found.upstream.annotation(unit, 1, "ann", "yes")
    await found.settle()
    assert stored(found.house, "rows")
    found = await begun_anew(found)
    await found.upstream.erased(UNITS[0])
    await until(lambda: not stored(found.house, "rows"))
    assert (await standing(found))[UNITS[0]] == ("withdrawn", "")


async def test_a_start_reads_pages_and_not_the_units_that_wait_in_them(found: Adjudicate) -> None:
    asked = []
    for count in (COUNT, 10 * COUNT):
        await found.upstream.batch([unit_id(number) for number in range(count)])
        await found.settle()
        for service in list(found.services):
            await found.kill(service)
        counting = Counting()
        ports = found.house.ports("adjudicate")
        ports = dataclasses.replace(ports, store=MemoryStore(found.house.database("adjudicate"), counting))
        service = wire(AdjudicateSettings.from_environment(ENVIRONMENT), ports)
        found.services.append(service)
        found.house.doors[address(service)] = service.application
        await service.runtime.start()
        await found.whole()
        asked.append(counting.calls["find", "journal"])
    assert asked[0] == asked[1] < 5


class Counting(NoFaults):
    """Counts what is asked of the store."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()

    async def before(self, operation: str, collection: str) -> None:
        self.calls[operation, collection] += 1
