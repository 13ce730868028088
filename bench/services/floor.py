"""What a service's work would cost without the service: the bare loops, each run in a process of its own."""

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from bench.services.bare_http import ANSWER_BYTES
from bench.services.bare_io import IoCost, Replay
from bench.services.load import Calls
from bench.services.meter import cpu_seconds
from deploy.local import listeners, places

HTTP_CALLS_MAX = 2_000
START_SECONDS_MAX = 30.0
WARM_CALLS = 50


class FloorFailed(Exception):
    """A bare loop did not do its work; the text holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What the same I/O costs bare, CPU microseconds an operation."""

    http_us: float = 0.0
    store_us: float = 0.0
    broker_us: float = 0.0

    @property
    def total_us(self) -> float:
        """All of it."""
        return self.http_us + self.store_us + self.broker_us


async def io_cost(wanted: Replay) -> IoCost:
    """Return what the bare loop pays for a service's reads, inserts and events; FloorFailed when it ends badly."""
    child = await asyncio.create_subprocess_exec(
        str(places.PYTHON),
        "-m",
        "bench.services.bare_io",
        cwd=places.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    answer, encoded = await child.communicate(msgspec.json.encode(wanted))
    if child.returncode:
        raise FloorFailed("\n".join(encoded.decode(errors="replace").splitlines()[-15:]))
    return msgspec.json.decode(answer, type=IoCost)


class BareHttp:
    """The bare HTTP server as a process; a context."""

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self._log = log
        self._child: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._child.pid

    async def __aenter__(self) -> "BareHttp":
        """Start it and return when it listens."""
        argv = [str(places.PYTHON), "-m", "bench.services.bare_http", str(self._port)]
        with self._log.open("wb") as log:
            self._child = await asyncio.create_subprocess_exec(
                *argv, cwd=places.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not listeners.accepts(self._port):
            if self._child.returncode is not None or time.monotonic() > deadline:
                await self._end()
                raise FloorFailed(self._log.read_text())
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        await self._end()

    async def microseconds(self, calls: Calls, at_once: int) -> float:
        """Return the server's CPU microseconds a call for calls like these, so many at once."""
        count = max(1, len(calls.seconds))
        body = b"x" * (calls.sent_bytes // count)
        headers = {
            "authorization": f"Bearer {'x' * 600}",
            "content-type": "application/json",
            ANSWER_BYTES.decode(): str(calls.answered_bytes // count),
        }
        async with aiohttp.ClientSession(headers=headers) as session:

            async def send(times: int) -> None:
                for _ in range(times):
                    async with session.post(f"http://127.0.0.1:{self._port}/", data=body) as answer:
                        await answer.read()

            share = max(1, min(count, HTTP_CALLS_MAX) // at_once)
            await asyncio.gather(*[send(max(1, WARM_CALLS // at_once)) for _ in range(at_once)])
            before = cpu_seconds(self._child.pid)
            await asyncio.gather(*[send(share) for _ in range(at_once)])
            return (cpu_seconds(self._child.pid) - before) * 1e6 / (share * at_once)

    async def _end(self) -> None:
        if self._child.returncode is None:
            self._child.terminate()
        await self._child.wait()
