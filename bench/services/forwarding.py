"""What it costs a process to hand a request on to the one that owns its place, beside answering it bare."""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.services.bare_http import ANSWER_BYTES
from bench.services.floor import BareHttp, FloorFailed
from bench.services.meter import cpu_seconds
from bench.table import Column, Table
from concord.chassis.identity import IdentityFile, Role, SigningKey, mint_token
from concord.contracts.ids import placed_id
from deploy.local import listeners, places
from deploy.local.ports import Ports

CALLS, AT_ONCE = 4_000, 20
SENT = b'{"label":{"class":"cat"},"active_ms":9000}'
ANSWERED_BYTES = 300
ISSUER, AUDIENCE = "https://issuer.bench", "concord"
TOKEN_SECONDS = 3_600
LIMIT_US = 250.0
START_SECONDS_MAX = 30.0
PROJECT_ID = "k7q2-bench"


@dataclass(frozen=True, slots=True)
class Forwarding:
    """CPU microseconds a request.

    Attributes:
        handed_on_us: of the process that hands it on.
        bare_us: of a bare server that answers the same request itself.
    """

    handed_on_us: float
    bare_us: float

    @property
    def within_limit(self) -> bool:
        """Whether handing on costs no more than it may."""
        return self.handed_on_us <= LIMIT_US


async def measure(folder: Path) -> Forwarding:
    """Return what handing a submission on costs; FloorFailed when a process does not start."""
    bare_port, door_port, *_ = Ports.free().as_dict().values()
    path = f"/v1/assignments/{placed_id('u', PROJECT_ID, 'a' * 26)}.abcdefghij/submission"
    key = SigningKey.generate("bench")
    identity = IdentityFile(ISSUER, AUDIENCE, jwks=key.jwks())
    token = mint_token(
        key,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject="annotator",
        roles=[Role.ANNOTATOR],
        now_seconds=round(time.time()),
        lifetime_seconds=TOKEN_SECONDS,
    )
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(BareHttp(bare_port, folder / "bare.log"))
        argv = [str(door_port), f"http://127.0.0.1:{bare_port}", msgspec.json.encode(identity).decode()]
        door = await stack.enter_async_context(_Door(door_port, argv, folder / "forwarder.log"))
        headers = {"authorization": f"Bearer {token}", ANSWER_BYTES.decode(): str(ANSWERED_BYTES)}
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        found = [
            await _microseconds(session, f"http://127.0.0.1:{port}{path}", pid)
            for port, pid in ((door_port, door.pid), (bare_port, bare.pid))
        ]
    return Forwarding(*found)


async def _microseconds(session: aiohttp.ClientSession, url: str, pid: int) -> float:
    async def call(times: int) -> None:
        for _ in range(times):
            async with session.post(url, data=SENT) as answer:
                content = await answer.read()
                if answer.status != 200:
                    raise FloorFailed(f"{url} answered {answer.status}: {content[:500].decode(errors='replace')}")

    await asyncio.gather(*[call(5) for _ in range(AT_ONCE)])
    before = cpu_seconds(pid)
    await asyncio.gather(*[call(CALLS // AT_ONCE) for _ in range(AT_ONCE)])
    return (cpu_seconds(pid) - before) * 1e6 / CALLS


class _Door:
    """The door that hands everything on, as a process; a context."""

    def __init__(self, port: int, argv: Sequence[str], log: Path) -> None:
        self._port, self._argv, self._log = port, argv, log
        self._child: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._child.pid

    async def __aenter__(self) -> "_Door":
        """Start it and return when it listens."""
        argv = ["-m", "bench.services.forwarder", *self._argv]
        with self._log.open("wb") as log:
            self._child = await asyncio.create_subprocess_exec(
                str(places.PYTHON), *argv, cwd=places.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not listeners.accepts(self._port):
            if self._child.returncode is not None or time.monotonic() > deadline:
                await self.__aexit__()
                raise FloorFailed(self._log.read_text())
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        if self._child.returncode is None:
            self._child.terminate()
        await self._child.wait()


def table(found: Forwarding) -> Table:
    """Return the figures for people."""
    columns = (Column("operation", numbers=False), Column("CPU us"), Column("limit"), Column("bare server"))
    row = ["hand a request on to its owner", f"{found.handed_on_us:.0f}", f"{LIMIT_US:.0f}", f"{found.bare_us:.0f}"]
    notes = ("CPU of the process that hands it on; bare server: one that answers the same request itself.",)
    return Table("Forwarding", columns, [row], notes)


def as_json(found: Forwarding) -> dict[str, Any]:
    """Return the figures."""
    return {**asdict(found), "limit_us": LIMIT_US, "within_limit": found.within_limit}
