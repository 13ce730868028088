"""The bench's load, tiny, on ingest and assign in memory: what it sends is served, and what was served is counted."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import msgspec
import pytest

from bench.services import load
from bench.services.load import Exchange, NothingOffered, admit, annotate, define, go_on, hold, lines, submit_held
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.contracts.topics import ANNOTATIONS, UNITS
from services.assign.bootstrap import wire as wire_assign
from services.assign.settings import AssignSettings
from services.ingest.bootstrap import wire as wire_ingest
from services.ingest.settings import IngestSettings
from simulation.house import House
from tests.support.service import local_settings, running, until

UNITS_COUNT = 30


class MemoryDoor:
    """Calls services in process."""

    def __init__(self, services: dict[str, Service]) -> None:
        self._clients = {
            name: httpx.AsyncClient(transport=httpx.ASGITransport(service.application), base_url="http://service.test")
            for name, service in services.items()
        }

    async def call(
        self, service: str, method: str, path: str, token: str, body: bytes, media_type: str = "application/json"
    ) -> bytes:
        headers = {"authorization": f"Bearer {token}", "content-type": media_type}
        answer = await self._clients[service].request(method, path, content=body, headers=headers)
        assert answer.status_code < 400, answer.text
        return answer.content


class Town:
    """Ingest and assign, the client, and the annotators of the bench with its project defined."""

    def __init__(self, house: House, door: MemoryDoor) -> None:
        self.house = house
        self.door = door
        self.client = house.token("client", Role.CLIENT, client_id="c1")
        names = [f"annotator-{number}" for number in range(load.OVERLAP + 1)]
        self.annotators = [house.token(name, Role.ANNOTATOR) for name in names]
        self.names = names
        self.project_id = ""

    async def define(self) -> None:
        operator = self.house.token("operator", Role.OPERATOR)
        self.project_id = await define(self.door, self.client, operator, self.names)

    async def admitted(self, count: int) -> Exchange:
        exchange = Exchange()
        await admit(self.door, self.client, self.project_id, 0, count, exchange)
        return exchange

    async def labelled(self, pairs: int, units_a_call: int) -> Exchange:
        exchange = Exchange()
        await annotate(self.door, self.annotators, self.project_id, pairs, units_a_call, exchange)
        return exchange


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    house = House()
    services = {
        "ingest": wire_ingest(local_settings(IngestSettings), house.ports("ingest")),
        "assign": wire_assign(local_settings(AssignSettings), house.ports("assign")),
    }
    async with AsyncExitStack() as stack:
        for service in services.values():
            await stack.enter_async_context(running(service))
        town = Town(house, MemoryDoor(services))
        await town.define()
        yield town


def test_every_unit_is_a_line_with_an_id_and_text_of_its_own() -> None:
    units = [msgspec.json.decode(line) for line in lines(5, 4).split(b"\n")]
    assert [unit["id"] for unit in units] == ["n5", "n6", "n7", "n8"]
    assert len({unit["content"] for unit in units}) == 4


async def test_units_go_in_and_are_counted_as_ingest_counts_them(town: Town) -> None:
    exchange = await town.admitted(UNITS_COUNT)
    assert exchange.operations == UNITS_COUNT
    await until(lambda: len(town.house.events(UNITS)) == UNITS_COUNT)
    calls = exchange.of("import")
    assert len(calls.seconds) == 1
    assert calls.sent_bytes == len(lines(0, UNITS_COUNT))


@pytest.mark.parametrize("units_a_call", [1, 10])
async def test_as_many_units_are_claimed_and_submitted_as_were_asked_for(town: Town, units_a_call: int) -> None:
    await town.admitted(UNITS_COUNT)
    exchange = await town.labelled(40, units_a_call)
    assert exchange.operations == 40
    await until(lambda: len(town.house.events(ANNOTATIONS)) == 40)
    assert len(exchange.of("submit").seconds) == 40 / units_a_call
    assert exchange.of("claim").milliseconds(0.5) <= exchange.of("claim").milliseconds(0.99)


async def test_as_many_labels_go_in_as_were_asked_for_and_each_brings_the_next_unit(town: Town) -> None:
    await town.admitted(UNITS_COUNT)
    exchange = Exchange()
    await go_on(town.door, town.annotators, town.project_id, 25, exchange)
    assert exchange.operations == len(exchange.of("submit and next").seconds) == 25
    await until(lambda: len(town.house.events(ANNOTATIONS)) == 25)
    assert list(exchange.calls) == ["submit and next"], "one call a label"


async def test_what_is_claimed_is_held_until_it_is_submitted(town: Town) -> None:
    await town.admitted(UNITS_COUNT)
    claims, submissions = Exchange(), Exchange()
    held = await hold(town.door, town.annotators, town.project_id, 3, claims)
    assert claims.operations == len(held) == len({assignment["assignment_id"] for _, assignment in held}) == 3
    assert not town.house.events(ANNOTATIONS)
    await submit_held(town.door, held, submissions)
    assert submissions.operations == 3
    await until(lambda: len(town.house.events(ANNOTATIONS)) == 3)


async def test_no_work_at_all_is_a_fault_and_not_a_figure(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "EMPTY_CLAIM_SECONDS", 0.0)
    with pytest.raises(NothingOffered, match="bench"):
        await town.labelled(10, 1)


def test_without_calls_there_is_no_time_to_tell() -> None:
    assert Exchange().of("claim").milliseconds(0.99) == 0.0
