"""What is too large, too deep, compressed or too much at once is refused before it is parsed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

from concord.chassis.http import Limits, allow_body, limits, read_json, read_lines
from concord.chassis.identity import Caller, Role, require
from tests.support.gate import Gate
from tests.support.service import until

Build = Callable[..., FastAPI]
Calling = Callable[[FastAPI], httpx.AsyncClient]
Client = Annotated[Caller, require(Role.CLIENT)]
LIST: "msgspec.json.Decoder[list[Any]]" = msgspec.json.Decoder(list[Any])
JSON = {"content-type": "application/json"}
SMALL = Limits(body_bytes_max=1_000, in_flight_per_caller_max=2, in_flight_max=3)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def door(built: Build, calling: Calling, gate: Gate) -> httpx.AsyncClient:
    router = APIRouter()

    @router.post("/whole")
    async def whole(request: Request, caller: Client) -> int:
        return len(await request.body())

    @router.post("/parsed")
    async def parsed(request: Request, caller: Client) -> int:
        body = await read_json(request, LIST)
        return len(body)

    @router.post("/lines")
    async def lines(request: Request, caller: Client) -> int:
        allow_body(request, 5_000)
        return sum([len(some) async for some in read_lines(request)])

    @router.post("/wait")
    async def wait(caller: Client) -> None:
        await gate.wait()

    @router.get("/streamed")
    async def streamed(caller: Client) -> StreamingResponse:
        return StreamingResponse(chunks(10, 3))

    @router.put("/people/{name}")
    async def person(name: str, caller: Client) -> str:
        return name

    return calling(built(router, limits=SMALL))


@pytest.fixture
def client(bearer: Callable[..., dict[str, str]]) -> dict[str, str]:
    return bearer(Role.CLIENT)


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * (size - 1) + b"\n"


async def test_an_address_that_ends_in_a_line_feed_is_no_other_address(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    replies = [await door.put(f"/people/{name}", headers=client) for name in ("ann%0A", "ann", "a%0Ann")]
    assert [reply.status_code for reply in replies] == [404, 200, 200]
    assert replies[2].json() == "a\nnn", "what a name may hold is its own door's to say"


@pytest.mark.parametrize(("size", "status"), [(1_000, 200), (1_001, 413)])
async def test_a_declared_body_is_held_to_the_limit(
    door: httpx.AsyncClient, client: dict[str, str], size: int, status: int
) -> None:
    assert (await door.post("/whole", content=b"x" * size, headers=client)).status_code == status


@pytest.mark.parametrize(("count", "status"), [(10, 200), (11, 413)])
async def test_a_chunked_body_without_a_length_is_held_to_it_too(
    door: httpx.AsyncClient, client: dict[str, str], count: int, status: int
) -> None:
    answer = await door.post("/whole", content=chunks(100, count), headers=client)
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.headers["content-type"].startswith("application/problem")) == (
        status,
        status == 413,
    )


@pytest.mark.parametrize("path", ["/whole", "/parsed"])
async def test_a_body_too_large_is_said_with_its_limit(
    door: httpx.AsyncClient, client: dict[str, str], path: str
) -> None:
    answer = await door.post(path, content=b"[" + b"1," * 500 + b"1]", headers=client | JSON)
    assert (answer.status_code, answer.json()["title"]) == (413, HTTPStatus(413).phrase)
    assert "1000 bytes" in answer.json()["detail"]


async def test_a_route_may_take_more_before_the_first_byte_is_read(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    assert (await door.post("/lines", content=chunks(100, 50), headers=client)).json() == 50
    assert (await door.post("/lines", content=chunks(100, 51), headers=client)).status_code == 413


@pytest.mark.parametrize("path", ["/whole", "/parsed"])
async def test_json_over_32_levels_is_refused_before_a_parser_sees_it(
    door: httpx.AsyncClient, client: dict[str, str], path: str
) -> None:
    for depth, status in ((32, 200), (33, 400), (450, 400)):
        answer = await door.post(path, content=b"[" * depth + b"]" * depth, headers=client | JSON)
        assert answer.status_code == status, depth
        assert status == 200 or "32 levels" in answer.json()["detail"]


async def test_depth_is_not_asked_of_what_is_no_json(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    lines = client | {"content-type": "application/x-ndjson"}
    assert (await door.post("/whole", content=b"[" * 40, headers=lines)).status_code == 200


async def test_compressed_bodies_are_refused(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    answer = await door.post("/whole", content=b"x", headers=client | {"content-encoding": "gzip"})
    assert answer.status_code == 415
    answer = await door.post("/whole", content=b"x", headers=client | {"content-encoding": "identity"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        ({"content-length": "1000000000"}, b""),
        ({"content-encoding": "gzip"}, b"no gzip"),
        ({"content-encoding": "br"}, b""),
        (JSON, b"[" * 100),
        ({}, b"x" * 2_000),
    ],
)
async def test_what_is_streamed_is_not_broken_off_by_a_body_that_nobody_reads(
    door: httpx.AsyncClient, client: dict[str, str], sent: dict[str, str], body: bytes
) -> None:
    reply = await door.request("GET", "/streamed", headers=client | sent, content=body)
    assert (reply.status_code, len(reply.content)) == (200, 30)


async def test_a_body_that_stops_coming_is_not_waited_for(
    door: httpx.AsyncClient, client: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SILENCE_SECONDS_MAX", 0.01)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    answer = await door.post("/whole", content=stalling(), headers=client)
    assert (answer.status_code, answer.headers["content-type"]) == (408, "application/problem+json")
    assert (answer.status_code, answer.json()["title"]) == (408, HTTPStatus(408).phrase)


async def test_a_length_of_many_digits_is_too_large(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    answer = await door.post("/whole", content=b"x", headers=client | {"content-length": "9" * 5_000})
    assert answer.status_code == 413


async def test_a_caller_has_so_much_in_flight_and_no_more(
    door: httpx.AsyncClient, bearer: Callable[..., dict[str, str]], gate: Gate
) -> None:
    entry, other = bearer(Role.CLIENT, subject="one"), bearer(Role.CLIENT, subject="other")
    held = [asyncio.create_task(door.post("/wait", headers=entry)) for _ in range(2)]
    await until(lambda: gate.waiting == 2)
    refused = await door.post("/wait", headers=entry)
    assert (refused.status_code, refused.json()["title"]) == (429, HTTPStatus(429).phrase)
    assert refused.headers["retry-after"]
    held.append(asyncio.create_task(door.post("/wait", headers=other)))
    await until(lambda: gate.waiting == 3)
    assert (await door.post("/wait", headers=other)).status_code == 503
    assert (await door.get("/live")).status_code == 200
    gate.set()
    assert {(await one_held).status_code for one_held in held} == {200}
    assert (await door.post("/wait", headers=entry)).status_code == 200
