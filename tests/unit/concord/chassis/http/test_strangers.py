"""Who is asked is known before work is done: a thousand strangers, scaled down, and a caller who notices none."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.types import Message

from concord.chassis.errors import TooManyRequests, Unavailable
from concord.chassis.http import Limits, limits, read_json
from concord.chassis.http.in_flight import CONNECTION_KEY, InFlight
from concord.chassis.identity import Caller, Role, require
from concord.chassis.runtime import Runtime, Service, serve
from concord.chassis.settings import HttpSettings
from deploy.local.ports import free_port
from tests.support.gate import Gate
from tests.support.service import until

Build = Callable[..., FastAPI]
Bearer = Callable[..., dict[str, str]]
Client = Annotated[Caller, require(Role.CLIENT)]
ANY = msgspec.json.Decoder(Any)
JSON_TYPE = (b"content-type", b"application/json")
REQUEST = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "PUT",
    "scheme": "http",
    "path": "/things",
    "raw_path": b"/things",
    "query_string": b"",
    "root_path": "",
    "client": ("10.0.0.1", 1),
    "server": ("10.0.0.2", 80),
}


def routes() -> APIRouter:
    router = APIRouter()

    @router.put("/things")
    async def put(request: Request, caller: Client) -> int:
        return len(json.dumps(await read_json(request, ANY)))

    return router


@pytest.mark.usefixtures("leaves_at_once")
@pytest.mark.parametrize("credential", ["", "Bearer invented-{}", "Bearer cnc_invented_{}", "Basic {}"])
async def test_strangers_who_send_slowly_take_no_place_from_a_good_caller(
    built: Build, bearer: Bearer, credential: str
) -> None:
    port = free_port()
    app = built(routes(), limits=Limits(in_flight_per_address_max=8, in_flight_per_caller_max=2, in_flight_max=4))
    stop = asyncio.Event()
    service = Service(Runtime("tested", []), app, HttpSettings(port=port, connections_max=60))
    served = asyncio.create_task(serve(service, stop))
    held: list[socket.socket] = []
    headers = bearer(Role.CLIENT)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as good:
        while True:
            try:
                assert (await good.put("/things", json=[1], headers=headers)).status_code == 200
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.005)
        for number in range(150):
            entry = socket.create_connection(("127.0.0.1", port))
            text = f"authorization: {credential.format(number)}\r\n" if credential else ""
            entry.sendall(
                f"PUT /things HTTP/1.1\r\nhost: x\r\n{text}content-type: application/json\r\n"
                "content-length: 1000\r\n\r\n[".encode()
            )
            held.append(entry)
            if number % 10 == 0:
                assert (await good.put("/things", json=[1], headers=headers)).status_code == 200
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as another:
            assert (await another.put("/things", json=[1], headers=headers)).status_code == 200
        answered = await asyncio.to_thread(held[-1].recv, 12)
        assert answered == b"HTTP/1.1 401"
    for entry in held:
        entry.close()
    stop.set()
    await served


async def test_a_caller_who_sends_slowly_is_ended_by_the_time_of_the_whole_body(
    built: Build, bearer: Bearer, calling: Callable[[FastAPI], httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)
    sent = 0

    async def dripping() -> Any:
        nonlocal sent
        while True:
            yield b" "
            sent += 1
            await asyncio.sleep(0.005)

    json_type = {"content-type": "application/json"}
    answer = await calling(built(routes())).put("/things", content=dripping(), headers=bearer(Role.CLIENT) | json_type)
    assert (answer.status_code, answer.headers["content-type"]) == (408, "application/problem+json")
    assert sent < 100
    assert "bytes a second" in answer.json()["detail"]


async def test_a_large_body_that_comes_steadily_is_given_its_time(
    built: Build, bearer: Bearer, calling: Callable[[FastAPI], httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)

    async def steady() -> Any:
        yield b"["
        for _ in range(20):
            yield b" " * 5_000
            await asyncio.sleep(0.01)
        yield b"]"

    json_type = {"content-type": "application/json"}
    answer = await calling(built(routes())).put("/things", content=steady(), headers=bearer(Role.CLIENT) | json_type)
    assert answer.status_code == 200


def scope(address: str) -> dict[str, Any]:
    return {"type": "http", "client": (address, 1)}


def test_places_are_counted_by_address_and_then_by_caller_and_given_back() -> None:
    counts = InFlight(per_address_max=2, per_caller_max=2, callers_max=3)
    first, second, third = (counts.place(scope("a")) for _ in range(3))
    first.enter()
    second.enter()
    with pytest.raises(TooManyRequests):
        third.enter()
    third.leave()
    counts.place(scope("b")).enter()
    first.hold("ann")
    third.enter()
    second.hold("ann")
    with pytest.raises(TooManyRequests):
        third.hold("ann")
    third.hold("bob")
    with pytest.raises(Unavailable):
        counts.place(scope("c")).hold("cem")
    for place in (first, second, third, third):
        place.leave()
    assert (counts.held, dict(counts.callers), dict(counts.strangers)) == (0, {}, {"b": 1})


async def test_a_request_is_in_flight_until_its_answer_is_taken(built: Build, bearer: Bearer) -> None:
    """What nobody reads lies in memory; who asks for more of it has the places that a caller has, and no more."""

    class Connection:
        def __init__(self) -> None:
            self.gate, self.callers = Gate(), list[str]()

        def known(self, caller: str) -> None:
            self.callers.append(caller)

        async def taken(self) -> None:
            await self.gate.wait()

    unread = Connection()
    app = built(routes(), limits=Limits(in_flight_per_caller_max=1))
    headers = [(name.encode(), value.encode()) for name, value in bearer(Role.CLIENT).items()]
    statuses: list[int] = []

    async def asked() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"[]", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await app({**REQUEST, "headers": [*headers, JSON_TYPE], CONNECTION_KEY: unread}, receive, send)

    first = asyncio.create_task(asked())
    await until(lambda: unread.gate.waiting == 1)
    second = asyncio.create_task(asked())
    await until(lambda: len(statuses) == 2)
    assert statuses == [200, 429]
    unread.gate.set()
    await asyncio.gather(first, second)
    await asked()
    assert statuses == [200, 429, 200]
    assert set(unread.callers) == {"k7q2/someone"}


async def test_quotas_follow_the_verified_caller_and_not_the_header(
    built: Build, bearer: Bearer, calling: Callable[[FastAPI], httpx.AsyncClient]
) -> None:
    router, gate = APIRouter(), Gate()

    @router.post("/wait")
    async def wait(caller: Client) -> None:
        await gate.wait()

    door = calling(built(router, limits=Limits(in_flight_per_caller_max=2)))
    tokens = [bearer(Role.CLIENT, subject="one") for _ in range(2)] + [bearer(Role.CLIENT, Role.AUDITOR, subject="one")]
    assert len({token["authorization"] for token in tokens}) >= 2
    held = [asyncio.create_task(door.post("/wait", headers=token)) for token in tokens[:2]]
    await until(lambda: gate.waiting == 2)
    assert (await door.post("/wait", headers=tokens[2])).status_code == 429, "another token of the same caller"
    gate.set()
    assert {(await task).status_code for task in held} == {200}
