"""A process answers health from the first moment, drains on a signal, and ends with a status that tells why."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from concord.chassis.runtime import Hook, Loop, Part, PartDied, Runtime, Service, serve
from concord.chassis.runtime.runtime import Phase
from concord.chassis.runtime.serve import bind
from concord.chassis.settings import HttpSettings
from deploy.local.ports import free_port
from tests.support.patience import PATIENCE_SECONDS


class Gate:
    """Where a request waits until a test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        await self.open.wait()


def service(*parts: Part, gate: Gate | None = None) -> Service:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if gate is not None and scope["path"] == "/slow":
            await gate.wait()
        status = 200 if runtime.ready else 503
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    runtime = Runtime("tested", parts)
    return Service(runtime, application, HttpSettings(port=free_port()))


async def answer(of: Service, path: str = "/ready") -> int:
    """Return the status, once the door is open."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{of.http.port}") as client:
        for _ in range(500):
            try:
                return (await client.get(path)).status_code
            except httpx.ConnectError:
                await asyncio.sleep(0.005)
    raise AssertionError("the door never opened")


async def test_the_door_is_open_while_parts_start_and_tells_when_they_have() -> None:
    gate, stop = Gate(), asyncio.Event()
    tested = service(Hook("store", start=gate.wait))
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 503
    gate.open.set()
    await asyncio.sleep(0)
    assert await answer(tested) == 200
    stop.set()
    await served


async def test_a_stop_lets_requests_in_hand_finish_before_the_parts_stop() -> None:
    gate, stop = Gate(), asyncio.Event()
    notes: list[str] = []

    async def note() -> None:
        notes.append("parts stopped")

    tested = service(Hook("store", stop=note), gate=gate)
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 200
    in_hand = asyncio.create_task(answer(tested, "/slow"))
    await gate.reached.wait()
    stop.set()
    await asyncio.sleep(0.05)
    assert notes == []
    gate.open.set()
    # Not ready any more, and answered all the same.
    assert await in_hand == 503
    await served
    assert notes == ["parts stopped"]


@pytest.mark.parametrize("begun", [False, True])
async def test_who_is_not_answered_before_the_process_ends_is_told_to_come_again(
    begun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["concord.chassis.runtime.serve"]  # the package has a function of that name
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(module, "DRAIN_SECONDS_MAX", 0.1)
    reached, stop = asyncio.Event(), asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        reached.set()
        await asyncio.Event().wait()

    tested = replace(service(), application=application)
    served = asyncio.create_task(serve(tested, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{tested.http.port}", timeout=PATIENCE_SECONDS) as client:
        while tested.runtime.phase is not Phase.STARTED:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
        asking = asyncio.create_task(client.get("/slow"))
        await reached.wait()
        stop.set()
        if begun:
            with pytest.raises(httpx.RemoteProtocolError):
                await asking
        else:
            told = await asking
            assert (told.status_code, told.headers["retry-after"]) == (503, "1")
            assert told.headers["content-type"] == "application/problem+json"
    await served


async def test_a_part_that_dies_while_another_is_still_waited_for_ends_the_process() -> None:
    never = Gate()
    tested = service(Loop("sweeper", raises), Hook("table", start=never.wait))
    with pytest.raises(PartDied, match="sweeper died of ValueError"):
        await asyncio.wait_for(serve(tested, asyncio.Event()), PATIENCE_SECONDS)
    assert never.reached.is_set()


async def test_a_stop_in_the_middle_of_a_start_stops_what_was_started() -> None:
    stop = asyncio.Event()
    notes: list[str] = []

    async def note() -> None:
        notes.append("stopped")

    async def never() -> None:
        await asyncio.Event().wait()

    tested = service(Hook("store", stop=note), Hook("broker", start=never))
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 503
    stop.set()
    await served
    assert notes == ["stopped"]


async def raises() -> None:
    await asyncio.sleep(0.01)
    raise ValueError("poison")


@pytest.mark.parametrize(("part", "fault"), [(Loop("b", raises), PartDied), (Hook("b", start=raises), ValueError)])
async def test_a_part_that_dies_ends_the_process_in_order(part: Part, fault: type[Exception]) -> None:
    notes: list[str] = []

    async def note() -> None:
        notes.append("stopped")

    with pytest.raises(fault):
        await asyncio.wait_for(serve(service(Hook("store", stop=note), part), asyncio.Event()), PATIENCE_SECONDS)
    assert notes == ["stopped"]


def test_a_port_in_use_is_named() -> None:
    with bind(HttpSettings(port=0)) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            bind(HttpSettings(port=port))


class HandsOver(Hook):
    """A part that lets others have its work."""

    def __init__(self, hand: Callable[[], Awaitable[None]]) -> None:
        super().__init__("places")
        self._hand = hand

    async def hand_over(self) -> None:
        await self._hand()


async def test_what_is_handed_over_is_so_while_the_door_is_open_and_before_the_parts_stop() -> None:
    gate, stop = Gate(), asyncio.Event()
    tested = service(HandsOver(gate.wait))
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 200
    stop.set()
    await gate.reached.wait()
    assert await answer(tested) == 503, "open, and no longer ready"
    assert tested.runtime.serving
    gate.open.set()
    await served


@pytest.mark.parametrize(("lingers", "bound", "at_least"), [(0.3, 60.0, 0.3), (3_600.0, 0.3, 0.2), (0.0, 60.0, 0.0)])
async def test_a_door_stays_open_for_what_lingers_within_a_bound(
    lingers: float, bound: float, at_least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[bind.__module__]
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(module, "LINGER_UNTIL_SECONDS", bound)
    handed, stop, now = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop().time

    async def hand() -> None:
        handed.set()

    tested = replace(service(HandsOver(hand)), linger_seconds=lingers)
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 200
    began = now()
    stop.set()
    await handed.wait()
    await served  # an hour, were there no bound
    assert now() - began >= at_least
    assert tested.runtime.phase is Phase.STOPPED


async def test_a_process_that_dies_hands_nothing_over() -> None:
    async def hand() -> None:
        raise AssertionError("others have it when its session is over")

    async def die() -> None:
        raise ZeroDivisionError

    with pytest.raises(PartDied):
        await serve(service(HandsOver(hand), Loop("timer", die)), asyncio.Event())


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes = b"/ready") -> bytes:
    """Return the head of the answer to a request on a kept connection."""
    writer.write(b"GET %b HTTP/1.1\r\nhost: here\r\n\r\n" % path)
    return await reader.readuntil(b"\r\n\r\n")


async def test_while_it_leaves_each_answer_ends_its_connection_and_new_ones_are_still_answered() -> None:
    gate, stop = Gate(), asyncio.Event()
    tested = service(gate=gate)
    served = asyncio.create_task(serve(tested, stop))
    assert await answer(tested) == 200
    row, slow = [await asyncio.open_connection("127.0.0.1", tested.http.port) for _ in range(2)]
    assert b"connection: close" not in await asked(*row)
    in_hand = asyncio.create_task(asked(*slow, b"/slow"))
    await gate.reached.wait()
    stop.set()
    while tested.runtime.ready:  # noqa: ASYNC110 - a phase sets no event
        await asyncio.sleep(0)
    assert b"connection: close" in await asked(*row), "who keeps a connection is told to come by another"
    assert await row[0].read() == b""
    gate.open.set()
    assert b"connection: close" in await in_hand
    later = await asyncio.open_connection("127.0.0.1", tested.http.port)
    assert b"503" in await asked(*later), "not ready, and no caller finds a closed door"
    await served


def test_how_often_garbage_is_looked_for_is_the_services_own_to_say() -> None:
    program = """
import asyncio, gc, importlib
serving = importlib.import_module("concord.chassis.runtime.serve")
async def build(environment):
    print(gc.get_threshold() == serving.COLLECT_AFTER)
    gc.set_threshold(60_000, 7, 8)
async def serve(service, stop):
    print(gc.get_threshold())
serving.serve = serve
asyncio.run(serving._process(build))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n") == ["True", "(60000, 7, 8)", ""]
