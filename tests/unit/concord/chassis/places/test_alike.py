"""One request has one answer, whichever process it comes to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from concord.chassis.http.in_flight import InFlight
from concord.chassis.http.limits import LimitsMiddleware
from concord.chassis.identity import Role
from concord.chassis.places.peers import HttpPeers
from concord.chassis.runtime.connection import HEAD_BYTES_MAX
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.unit.concord.chassis.places.doors import MINE, THEIRS, Door, deal, listening, unit_of


@asynccontextmanager
async def pair(house: House) -> AsyncIterator[tuple[Door, Door]]:
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        listening(lambda at: Door(house, at, HttpPeers())) as entry,
        listening(lambda at: Door(house, at, HttpPeers())) as two,
    ):
        deal(entry, two)
        yield entry, two
        for door in (entry, two):
            await door.peers.close()


async def status(door: Door, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.address.rpartition(":")[2]))
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split(b" ")[1])


@pytest.mark.parametrize("path", [f"/v1/projects/{MINE}/lots", f"/v1/projects/{THEIRS}/lots", "/v1/units"])
async def test_a_head_at_its_bound_is_taken_by_the_next_process_as_well(path: str) -> None:
    """It is handed on with a mark, and other names of the host."""
    house = House()
    headers = {"host": "x", "authorization": f"Bearer {house.token('olga', Role.OPERATOR)}", "a": ""}
    counted = len(path) + sum(len(name) + len(value) + 4 for name, value in headers.items())
    async with pair(house) as (entry, _):
        for more, wanted in ((0, 200), (1, 431)):
            headers["a"] = "y" * (HEAD_BYTES_MAX - counted + more)
            lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
            assert await status(entry, "\r\n".join(lines).encode()) == wanted


@pytest.mark.parametrize("project_id", [MINE, THEIRS])
async def test_blanks_may_stand_around_a_length(project_id: str) -> None:
    house = House()
    token = house.token("olga", Role.OPERATOR)
    async with pair(house) as (entry, two):
        head = f"POST /v1/units/{unit_of(project_id)}/note HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
        assert await status(entry, f"{head}content-length:\t2 \t\r\n\r\n{{}}".encode()) == 200
        assert entry.bodies + two.bodies == [b"{}"]


async def test_who_has_as_much_in_flight_as_may_be_at_another_process_is_told_so_of_a_list() -> None:
    house = House()
    token = house.token("olga", Role.OPERATOR)
    async with pair(house) as (entry, two):
        head = f"host: x\r\nauthorization: Bearer {token}\r\n"
        assert await status(two, f"GET /v1/projects/{THEIRS}/lots HTTP/1.1\r\n{head}\r\n".encode()) == 200
        layer = in_flight(two)
        layer.per_caller_max = 0
        assert await status(entry, f"GET /v1/units HTTP/1.1\r\n{head}\r\n".encode()) == 429
        notes = f'["{unit_of(MINE)}","{unit_of(THEIRS)}"]'
        posted = f"POST /v1/notes HTTP/1.1\r\n{head}content-length: {len(notes)}\r\n\r\n{notes}"
        assert await status(entry, posted.encode()) == 429
        layer.per_caller_max = 1
        await until(lambda: not layer.held)
        assert await status(entry, f"GET /v1/units HTTP/1.1\r\n{head}\r\n".encode()) == 200


def in_flight(door: Door) -> InFlight:
    """Return what a door that has been asked before counts."""
    layer: Any = door.application.middleware_stack
    while not isinstance(layer, LimitsMiddleware):
        layer = getattr(layer, "_app", None) or layer.app
    return layer.in_flight
