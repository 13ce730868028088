"""One address for several processes of a service: what a cluster's own Service does, on one machine.

A connection goes to one process that says it is ready, in turn, and stays with it, as on a cluster; nothing of what is
said is read. So a process that is killed breaks the connections it had, one that leaves gets no new ones, and whichever
process a request comes to hands it on to the owner of its project. Decision 0043 says why it is not the kernel's own
sharing of a port.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import cast

HOST = "127.0.0.1"
LOOK_SECONDS = 0.25
"""How often each process is asked whether it is ready: well under the second for which a leaving door stays open."""
ANSWER_SECONDS_MAX = 1.0
CONNECTIONS_MAX = 4_000
"""Held at a time, over all services; who comes when there are so many is cut off."""
PENDING_MAX = 512
_ASKED = b"GET /ready HTTP/1.1\r\nhost: front\r\nconnection: close\r\n\r\n"
_READY = b"HTTP/1.1 200 "


class Backends:
    """The processes of one service, by port, and which of them take new connections."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._ready: frozenset[int] = frozenset()
        self._turn = 0

    async def look(self) -> None:
        """Ask every process, for ever; one that is slow to answer holds up no other."""
        await asyncio.gather(*(self._look_at(port) for port in self._ports))

    async def _look_at(self, port: int) -> None:
        while True:
            self._ready = self._ready | {port} if await is_ready(port) else self._ready - {port}
            await asyncio.sleep(LOOK_SECONDS)

    def in_turn(self) -> Iterator[int]:
        """Yield where to try a new connection: those that are ready, another first each time, then the others."""
        self._turn += 1
        first = self._turn % len(self._ports)
        rotated = (*self._ports[first:], *self._ports[:first])
        ready = self._ready
        return chain((port for port in rotated if port in ready), (port for port in rotated if port not in ready))


async def is_ready(port: int) -> bool:
    """Return whether the process at this port says within ANSWER_SECONDS_MAX that it is ready."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(_ASKED)
            return (await reader.readline()).startswith(_READY)
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


class _Side(asyncio.Protocol):
    """One side of a connection that is carried: what comes here goes out there, no faster than it is taken."""

    def __init__(self, other: "_Side | None" = None) -> None:
        self.transport: asyncio.Transport
        self.other = other
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.other is None or self.other.ended:
            return False  # both have said all: it is closed, and so is the other
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True  # the other direction may go on

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is None:
            return
        # What had come is still handed over where the connection ended, and not where it broke.
        if exc is None:
            self.other.transport.close()
        else:
            self.other.transport.abort()


class _Caller(_Side):
    """The side on which callers come; it reads nothing before a process has taken the connection."""

    def __init__(self, backends: Backends, held: set["_Caller"]) -> None:
        super().__init__()
        self._backends = backends
        self._held = held
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._held) >= CONNECTIONS_MAX:
            self.transport.abort()
            return
        self._held.add(self)
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for port in self._backends.in_turn():
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    _, taken = await loop.create_connection(partial(_Side, self), HOST, port)
            except (OSError, TimeoutError):
                continue
            if self.transport.is_closing():
                taken.other = None
                taken.transport.abort()
            else:
                self.other = taken
                taken.transport.writelines(self._early)
                self._early.clear()
                self.transport.resume_reading()
            return
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            # uvloop begins to read after the connection is made, whatever was said meanwhile: once, and no more.
            self._early.append(data)
            self.transport.pause_reading()
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.discard(self)
        super().connection_lost(exc)


async def carry(services: Mapping[int, Sequence[int]]) -> None:
    """Listen at each port and carry its connections to one of the ports named with it, until cancelled.

    Raises:
        OSError: a port is taken.
    """
    loop, held = asyncio.get_running_loop(), set[_Caller]()
    async with contextlib.AsyncExitStack() as servers, asyncio.TaskGroup() as looks:
        for port, ports in services.items():
            backends = Backends(ports)
            looks.create_task(backends.look())
            server = await loop.create_server(partial(_Caller, backends, held), HOST, port, backlog=PENDING_MAX)
            await servers.enter_async_context(server)


def command(python: str, services: Mapping[int, Sequence[int]]) -> tuple[str, ...]:
    """Return what runs it as a process."""
    pairs = [f"{port}={','.join(map(str, ports))}" for port, ports in services.items()]
    return (python, "-m", "deploy.local.front", *pairs)


def read(arguments: Sequence[str]) -> dict[int, list[int]]:
    """Return what a command line says: one argument a service, its port and those of its processes."""
    pairs = (argument.split("=") for argument in arguments)
    return {int(port): [int(name) for name in ports.split(",")] for port, ports in pairs}


if __name__ == "__main__":
    import uvloop

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(carry(read(sys.argv[1:])))
