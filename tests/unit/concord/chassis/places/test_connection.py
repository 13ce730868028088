"""A connection to another process, against servers that say what doors of ours never would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from concord.chassis.places.connection import BUFFERED_BYTES_MAX, HEAD_BYTES_MAX, Broken, PeerConnection
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(script: Script) -> AsyncIterator[PeerConnection]:
    """A connection to a server that follows a script."""
    done: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(asyncio.ensure_future(script(reader, writer)))
        await asyncio.wait(done)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, connection = await asyncio.get_running_loop().create_connection(PeerConnection, "127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield connection
    finally:
        connection.close()
        for task in done:
            task.cancel()
        server.close()


def saying(*answers: bytes) -> Script:
    """Return the script of a server that answers each request with the next of these, then waits."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        await reader.read()

    return script


async def whole(connection: PeerConnection) -> bytes:
    return b"".join([part async for part in connection.answer()])


async def test_requests_follow_one_another_on_one_connection() -> None:
    async with connected(saying(OK, OK)) as connection:
        for _ in range(2):
            await connection.ask("GET", HEAD, b"", chunked=False)
            assert (connection.status, connection.headers) == (200, [(b"content-length", b"2")])
            assert await whole(connection) == b"ok"
            assert connection.ended
            assert connection.reusable


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\n", "closed"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "status 100"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_BYTES_MAX, "head of more than"),
    ],
)
async def test_an_answer_that_does_not_begin_is_told(answer: bytes, says: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with connected(script) as connection:
        with pytest.raises(Broken, match=says):
            await connection.ask("GET", HEAD, b"", chunked=False)
        assert not connection.reusable


async def test_an_answer_that_ends_in_the_middle_is_told_after_what_came() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()

    async with connected(script) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        answer = connection.answer()
        assert await anext(answer) == b"half"
        with pytest.raises(Broken):
            await anext(answer)


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async with connected(saying(OK + OK)) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        assert await whole(connection) == b"ok"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while connection.reusable:  # noqa: ASYNC110 - the transport has no event for it
                await asyncio.sleep(0.005)


async def test_a_connection_that_is_closed_while_idle_is_not_used_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()

    async with connected(script) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        assert await whole(connection) == b"ok"
        while connection.reusable:  # noqa: ASYNC110 - the transport has no event for it
            await asyncio.sleep(0.005)


async def test_an_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    async with connected(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")) as connection:
        await connection.ask("HEAD", HEAD, b"", chunked=False)
        assert connection.status == 200
        assert await whole(connection) == b""


async def test_an_answer_in_chunks_and_one_that_says_close() -> None:
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with connected(saying(chunks, b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        assert await whole(connection) == b"abcde"
        assert connection.reusable
        await connection.ask("GET", HEAD, b"", chunked=False)
        assert (connection.status, await whole(connection), connection.reusable) == (204, b"", False)


async def test_a_body_of_unknown_length_goes_in_chunks() -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK)
        await reader.read()

    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"d" * 16

    async with connected(script) as connection:
        await connection.ask("POST", HEAD, body(), chunked=True)
        assert await whole(connection) == b"ok"
    assert seen == [b"3\r\nabc\r\n10\r\n" + b"d" * 16 + b"\r\n0\r\n\r\n"]


async def test_a_body_that_is_answered_before_its_end_is_sent_no_further() -> None:
    refused = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 1
            yield b"x" * 1_000
            await asyncio.sleep(0.001)

    async with connected(saying(refused)) as connection:
        await connection.ask("POST", HEAD, body(), chunked=True)
        assert connection.status == 413
        assert await whole(connection) == b""
        assert sent < 1_000
        assert not connection.reusable, "the rest of the body was never sent"


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_breaks_off_when_it_is_answered_leaves_nothing_to_the_next_request(chunked: bool) -> None:
    """Its rest would be read out of the next request, and its answer be told to whoever sent that."""
    answered = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\n\r\nslow")
        answered.set()
        await reader.read()

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        await answered.wait()
        await until(lambda: connection.begun)
        raise TimeoutError

    async with connected(script) as connection:
        with pytest.raises(TimeoutError):
            await connection.ask("POST", HEAD, body(), chunked=chunked)
        assert connection.begun
        assert not connection.reusable


async def test_an_answer_that_is_not_taken_to_its_end_has_not_ended() -> None:
    async with connected(saying(OK)) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        assert not connection.ended
        assert await whole(connection) == b"ok"
        assert connection.ended


async def test_an_answer_that_is_not_taken_is_not_read_any_further() -> None:
    length = 60_000_000
    written = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length)
        while written < length:
            writer.write(b"x" * 100_000)
            written += 100_000
            await writer.drain()
        await reader.read()

    async with connected(script) as connection:
        await connection.ask("GET", HEAD, b"", chunked=False)
        await asyncio.sleep(0.2)
        assert connection._buffered < BUFFERED_BYTES_MAX + 1_000_000
        assert written < length
        taken = 0
        async for part in connection.answer():
            taken += len(part)
        assert taken == length
