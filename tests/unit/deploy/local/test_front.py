"""One address for several processes: connections go where they are taken, and break when who took them breaks."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from deploy.local import front
from deploy.local.ports import Ports
from tests.support.patience import PATIENCE_SECONDS


class Process:
    """What a process of a service is to the front: says whether it is ready, and answers with its name and an echo."""

    def __init__(self, name: bytes, port: int) -> None:
        self.name, self.port, self.ready = name, port, True
        self.asked = 0
        self._server: asyncio.Server
        self._held: set[asyncio.StreamWriter] = set()

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._serve, front.HOST, self.port)

    def kill(self) -> None:
        """End as kill -9 does: nobody listens, and every connection breaks."""
        self._server.close()
        for writer in self._held:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._held.add(writer)
        with suppress(asyncio.CancelledError):
            await self._answer(reader, writer)
        self._held.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line.startswith(b"GET /ready"):
            self.asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if self.ready else b"HTTP/1.1 503 Not ready\r\n\r\n")
        else:
            writer.write(self.name)
            while (data := await reader.read(65_536)) and not writer.is_closing():
                writer.write(data)
                await writer.drain()


class Fronted:
    """Two processes behind one port."""

    def __init__(self) -> None:
        ports = Ports.free()
        self.port = ports.ingest
        self.one, self.two = (Process(name, ports.process("ingest", number)) for name, number in ((b"1", 1), (b"2", 2)))

    async def connect(self) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """Return who took a new connection, and the connection."""
        reader, writer = await asyncio.open_connection(front.HOST, self.port)
        writer.write(b"hello\n")
        return await reader.readexactly(1), reader, writer

    async def taken_by(self, count: int = 8) -> set[bytes]:
        """Return who takes new connections."""
        found = set()
        for _ in range(count):
            name, _, writer = await self.connect()
            found.add(name)
            writer.close()
        return found

    async def looked(self, *processes: Process) -> None:
        """Return when the front has asked these twice more: what they say now is then known."""
        wanted = [(process, process.asked + 2) for process in processes]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(process.asked < count for process, count in wanted):  # noqa: ASYNC110 - the front sets no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def fronted() -> AsyncIterator[Fronted]:
    """Two processes, and the front before them on the event loop that it has as a process."""
    found = Fronted()
    await found.one.begin()
    await found.two.begin()
    begun = asyncio.Event()
    here, running = asyncio.get_running_loop(), list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]]()

    async def carry() -> None:
        carrying = asyncio.create_task(front.carry({found.port: [found.one.port, found.two.port]}))
        running.append((asyncio.get_running_loop(), carrying))
        here.call_soon_threadsafe(begun.set)
        await asyncio.wait([carrying])

    thread = threading.Thread(target=uvloop.run, args=(carry(),), daemon=True)
    thread.start()
    try:
        await begun.wait()
        await found.looked(found.one, found.two)
        yield found
    finally:
        loop, carrying = running[0]
        loop.call_soon_threadsafe(carrying.cancel)
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
        found.one.kill()
        found.two.kill()


async def test_new_connections_go_to_all_that_are_ready_in_turn_and_to_no_other() -> None:
    async with fronted() as found:
        assert await found.taken_by() == {b"1", b"2"}
        found.two.ready = False
        await found.looked(found.two)
        assert await found.taken_by() == {b"1"}
        found.two.ready = True
        await found.looked(found.two)
        assert await found.taken_by() == {b"1", b"2"}


async def test_who_is_being_served_stays_where_it_is_when_its_process_is_no_longer_ready() -> None:
    async with fronted() as found:
        name, reader, writer = await found.connect()
        process = found.one if name == b"1" else found.two
        process.ready = False
        await found.looked(process)
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"


async def test_what_is_said_before_a_process_has_taken_the_connection_is_handed_to_it() -> None:
    async with fronted() as found:
        for _ in range(50):
            reader, writer = await asyncio.open_connection(front.HOST, found.port)
            writer.write(b"hello\nand more")
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await reader.readexactly(9))[1:] == b"and more"
            writer.close()


async def test_a_killed_process_breaks_its_connections_and_no_new_one_comes_to_it() -> None:
    async with fronted() as found:
        name, reader, _ = await found.connect()
        killed = found.one if name == b"1" else found.two
        killed.kill()
        assert await reader.read() == b"", "it is over"
        assert await found.taken_by() == {b"2"} if name == b"1" else {b"1"}


async def test_while_none_is_ready_who_still_listens_is_tried_and_with_nobody_there_it_breaks() -> None:
    async with fronted() as found:
        found.one.ready = found.two.ready = False
        await found.looked(found.one, found.two)
        assert await found.taken_by() == {b"1", b"2"}, "its own 503 says more than a closed door"
        found.one.kill()
        found.two.kill()
        reader, writer = await asyncio.open_connection(front.HOST, found.port)
        writer.write(b"hello\n")
        with suppress(ConnectionResetError):
            assert await reader.read() == b"", "nobody says anything"


async def test_what_is_large_goes_through_whole_both_ways_though_it_is_taken_slowly() -> None:
    # More than kernels keep on the way, which grow what they take in for a socket to 33 MB and more: there are three.
    sent = os.urandom(1_000_000) * 160
    async with fronted() as found:
        _, reader, writer = await found.connect()
        sending = asyncio.create_task(_send(writer, sent))
        await asyncio.sleep(0.2)
        assert not sending.done(), "what nobody takes is not kept on the way"
        assert await reader.readexactly(len(sent)) == sent
        await sending
        writer.write_eof()
        assert await reader.read() == b"", "an end goes through as an end"


async def _send(writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    writer.transport.set_write_buffer_limits(high=0)
    await writer.drain()


async def test_more_connections_than_may_be_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "CONNECTIONS_MAX", 2)
    async with fronted() as found:
        held = [await found.connect() for _ in range(2)]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await found.connect()
        held[0][2].close()
        await held[0][2].wait_closed()
        await _soon(found.connect)


async def _soon(does: Callable[[], Awaitable[object]]) -> None:
    """Return when it no longer fails."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await does()
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.01)
            else:
                return


def test_the_command_line_says_what_is_read_from_it() -> None:
    carried = {18001: [18011, 18021], 18002: [18012, 18022]}
    assert front.read(front.command("python", carried)[3:]) == carried
