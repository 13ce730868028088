"""A connection is held to its bounds however the bytes are cut, and strangers keep nobody out."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from concord.chassis.http.in_flight import CONNECTION_KEY
from concord.chassis.runtime import Runtime, Service, connection, serve
from concord.chassis.runtime.connection import HEAD_BYTES_MAX, PIPELINED_MAX
from concord.chassis.settings import HttpSettings
from deploy.local.ports import free_port
from tests.support.gate import Gate
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until

pytestmark = pytest.mark.usefixtures("leaves_at_once")

START = b"GET /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
LARGE_BYTES = 3_000_000
POST = b"POST /deaf HTTP/1.1\r\nhost: x\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer; read the body first where the path says so, and let a friend be known."""
    size = 0
    if scope["path"] == "/friend":
        scope[CONNECTION_KEY].known(scope["query_string"].decode())
    while scope["path"] == "/read":
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    encoded = b"%d of %d" % (size, len(scope["headers"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(encoded))]})
    await send({"type": "http.response.body", "body": encoded})


@asynccontextmanager
async def opened(connections_max: int = 50, application: ASGIApp = application) -> AsyncIterator[int]:
    """Serve for the block; yield the port."""
    port = free_port()
    stop = asyncio.Event()
    service = Service(Runtime("tested", []), application, HttpSettings(port=port, connections_max=connections_max))
    served = asyncio.create_task(serve(service, stop))
    for _ in range(500):
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.005)
    yield port
    stop.set()
    await served


async def converse(port: int, *pieces: bytes, seconds: float = 5) -> bytes:
    """Return all that a raw connection is answered until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    encoded = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.002)
        async with asyncio.timeout(seconds):
            while some := await reader.read(65_536):
                encoded += some
    except ConnectionError:
        pass
    finally:
        writer.close()
    return encoded


def status(encoded: bytes) -> int:
    return int(encoded.split(b" ", 2)[1])


def whole(text: bytes) -> list[bytes]:
    return [text]


def cut(text: bytes) -> list[bytes]:
    return [text[start : start + 997] for start in range(0, len(text), 997)]


def apart(text: bytes) -> list[bytes]:
    """Return heads and bodies, each as a piece."""
    return [piece + b"\r\n\r\n" for piece in text.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")]


def padded(size: int) -> bytes:
    """Return a head of so many bytes as they are counted: the address, and names and values with four bytes each."""
    counted = len(b"/read") + len(b"hostx") + len(b"connectionclose") + len(b"a") + 3 * 4
    return START + b"a: " + b"y" * (size - counted) + b"\r\n\r\n"


@pytest.mark.parametrize("pieces", [whole, cut])
async def test_a_head_is_taken_up_to_its_bound_in_one_piece_or_many(pieces: Callable[[bytes], list[bytes]]) -> None:
    async with opened() as port:
        for text, wanted in (
            (padded(HEAD_BYTES_MAX), 200),
            (padded(HEAD_BYTES_MAX + 1), 431),
            (START + b"a:\r\n" * 10_000 + b"\r\n", 431),
            (b"GET /" + b"y" * HEAD_BYTES_MAX + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        ):
            encoded = await converse(port, *pieces(text))
            assert status(encoded) == wanted
            assert (b"application/problem+json" in encoded) == (wanted == 431)


@pytest.mark.parametrize(
    "endless",
    [
        b"POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx: ",
        b"POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1;x=",
        b"GET / HTTP/1.1\r\nhost: x\r\na: ",
        b"GET /",
    ],
)
async def test_nothing_else_goes_on_without_end_and_without_a_word_of_the_parser(endless: bytes) -> None:
    async with opened() as port:
        encoded = await converse(port, endless, *([b"y" * 5_000] * 40))
        assert b" 431 " in encoded


async def test_trailers_are_not_taken_for_headers() -> None:
    async with opened() as port:
        body = b"1\r\nx\r\n0\r\nauthorization: Bearer x\r\nx: y\r\n\r\n"
        encoded = await converse(port, START.replace(b"GET", b"POST") + b"transfer-encoding: chunked\r\n\r\n", body)
        assert encoded.endswith(b"1 of 3")


@pytest.mark.parametrize(
    ("version", "hosts", "wanted"),
    [
        (b"1.1", b"host: a\r\n", 200),
        (b"1.1", b"host:\r\n", 200),
        (b"1.1", b"", 400),
        (b"1.1", b"host: a\r\nHost: a\r\n", 400),
        (b"1.0", b"", 200),
        (b"1.0", b"host: a\r\nhost: b\r\n", 400),
    ],
)
async def test_a_request_names_exactly_one_host(version: bytes, hosts: bytes, wanted: int) -> None:
    async with opened() as port:
        text = b"GET /read HTTP/%b\r\nconnection: close\r\n%b\r\n" % (version, hosts)
        assert status(await converse(port, text)) == wanted


async def test_a_head_that_is_begun_and_does_not_end_is_told_so_and_silence_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS_MAX", 0.05)
    async with opened() as port:
        for pieces in ([b"GET / HT"], [b"GET / HTTP/1.1\r\nhost: x\r\n"]):
            assert status(await converse(port, *pieces)) == 408
        assert await converse(port) == b""
        once = b"GET /read HTTP/1.1\r\nhost: x\r\n\r\n"
        assert (await converse(port, once, b"\r\n")).count(b"HTTP/1.1") == 1, "line ends are no request"


async def test_the_rest_of_a_body_that_nobody_wanted_is_waited_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS_MAX", 0.05)
    async with opened() as port:
        drip = await converse(port, POST + b"content-length: 100\r\n\r\nx")
        assert (status(drip), drip.count(b"HTTP/1.1")) == (200, 1)
        # A machine that stands still for a while ends no wait too early.
        monkeypatch.setattr(connection, "LINGER_SECONDS_MAX", 10.0)
        soon = await converse(port, POST + b"content-length: 2\r\n\r\nx", b"x" + START + b"\r\n")
        assert soon.count(b"HTTP/1.1 200") == 2, "the connection serves the next request"


@contextmanager
def strangers(port: int, count: int, address: str) -> Iterator[list[socket.socket]]:
    """Hold connections that have begun a request and do not end it."""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(("127.0.0.1", port), source_address=(address, 0)))
        held[-1].sendall(POST)
        held[-1].setblocking(False)
    yield held
    for entry in held:
        entry.close()


def is_open(entry: socket.socket) -> bool:
    try:
        return bool(entry.recv(1))
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


async def test_strangers_give_way_to_strangers_the_oldest_of_the_busiest_address_first() -> None:
    async with opened(connections_max=40) as port:
        with strangers(port, 5, "127.0.0.2") as few:
            await asyncio.sleep(0.02)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /friend HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            with strangers(port, 100, "127.0.0.3") as many:
                await asyncio.sleep(0.1)
                assert status(await converse(port, START + b"\r\n")) == 200
                assert all(map(is_open, few))
                left = [is_open(entry) for entry in many]
                assert sum(left) <= 20
                assert left == sorted(left), "the oldest went first"
                writer.write(START + b"\r\n")
                assert b"HTTP/1.1 200" in await reader.read(), "who was known once is not closed"
                writer.close()


async def test_what_may_not_be_after_a_request_does_not_cost_that_request_its_answer() -> None:
    async with opened() as port:
        encoded = await converse(port, b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n" + b"nonsense\r\n\r\n")
        assert encoded.count(b"HTTP/1.1") == 1
        assert status(encoded) == 200


async def test_few_requests_wait_on_one_connection_for_the_answer_to_an_earlier_one() -> None:
    """Ten megabytes of short requests, which anybody may send, were nine hundred of memory."""
    gate = Gate()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await application(scope, receive, send)

    async with opened(application=waiting) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n" * 100)
        await until(lambda: gate.waiting == 1)
        gate.set()
        encoded = await reader.read()
        assert encoded.count(b"HTTP/1.1 200") == 1 + PIPELINED_MAX
        assert encoded.count(b"connection: close") == 1, "the last one says so"
        writer.close()


async def test_who_hangs_up_behind_a_second_request_has_the_first_one_ended() -> None:
    """A stream would go on for ever, and keep its caller's place."""
    streaming, ended = asyncio.Event(), asyncio.Event()

    async def stream(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        streaming.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()

    async with opened(application=stream) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        await streaming.wait()
        assert not ended.is_set()
        writer.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()


@asynccontextmanager
async def unread() -> AsyncIterator[tuple[socket.socket, asyncio.Event]]:
    """Hold a connection on which a large answer lies; yield its socket, and what is set once it is not."""
    sent, taken = asyncio.Event(), asyncio.Event()

    async def large(scope: Scope, _: Receive, send: Send) -> None:
        # However much the kernel would keep between two sockets of one machine.
        answered = scope[CONNECTION_KEY].transport.get_extra_info("socket")
        answered.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * LARGE_BYTES})
        sent.set()
        await scope[CONNECTION_KEY].taken()
        taken.set()

    async with opened(application=large) as port:
        with socket.socket() as entry:
            entry.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            entry.connect(("127.0.0.1", port))
            entry.sendall(START + b"\r\n")
            await sent.wait()
            yield entry, taken


def received(entry: socket.socket) -> int:
    size = 0
    with suppress(ConnectionError):
        while some := entry.recv(1_000_000):
            size += len(some)
    return size


async def test_an_answer_is_in_hand_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "UNREAD_SECONDS", 0.01)
    monkeypatch.setattr(connection, "TAKEN_BYTES_A_SECOND", 0)  # however little is enough
    async with unread() as (entry, taken):
        await asyncio.sleep(0.05)
        assert not taken.is_set()
        assert await asyncio.to_thread(received, entry) > LARGE_BYTES
        async with asyncio.timeout(PATIENCE_SECONDS):
            await taken.wait()


async def test_who_does_not_take_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "UNREAD_SECONDS", 0.01)
    async with unread() as (entry, taken):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await taken.wait()
        assert await asyncio.to_thread(received, entry) < LARGE_BYTES


async def test_a_caller_has_not_all_connections_and_gives_up_the_oldest_that_rests() -> None:
    async def greeted(port: int, caller: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /friend?%b HTTP/1.1\r\nhost: x\r\n\r\n" % caller)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b"0 of 1"))
        return reader, writer

    async with opened(connections_max=20) as port:
        good = await greeted(port, b"good")
        many = [await greeted(port, b"busy") for _ in range(40)]
        another = await greeted(port, b"good")
        await until(lambda: sum(reader.at_eof() for reader, _ in many) == 33)  # nine are known, and two of them good
        assert all(reader.at_eof() for reader, _ in many[:33]), "the oldest went first"
        for reader, writer in (good, another, many[-1]):
            writer.write(START + b"\r\n")
            assert b"HTTP/1.1 200" in await reader.read()
            writer.close()
        for _, writer in many:
            writer.close()


@pytest.mark.parametrize("pieces", [whole, cut, apart])
@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
async def test_a_request_that_offers_another_protocol_is_served_with_its_body(
    offer: bytes, pieces: Callable[[bytes], list[bytes]]
) -> None:
    """Nothing of it is taken for another request: whoever comes next on a connection would have its answer."""
    upgrade = b"host: x\r\nconnection: upgrade\r\nupgrade: %b\r\n" % offer
    body = START + b"\r\n" + b"y" * 3_000
    asked = b"POST /read HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n%b" % (upgrade, len(body), body)
    in_chunks = b"POST /read HTTP/1.1\r\n%btransfer-encoding: chunked\r\n\r\n" % upgrade
    in_chunks += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    nothing = b"GET /read HTTP/1.1\r\n%b\r\n" % upgrade
    async with opened() as port:
        encoded = await converse(port, *pieces(asked + in_chunks + nothing + asked + START + b"\r\n"))
    assert encoded.count(b"HTTP/1.1") == encoded.count(b"HTTP/1.1 200") == 5
    assert encoded.count(b"%d of 4" % len(body)) == 3
    assert encoded.endswith(b"0 of 2")


@pytest.mark.parametrize("rest", [b"ZZ\r\n", b"2\r\n{}XX\r\n"])
async def test_what_may_not_be_in_the_body_after_an_offer_is_refused(rest: bytes) -> None:
    head = (
        b"POST /read HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    async with opened() as port:
        for pieces in ((head + rest,), (head, rest)):
            assert status(await converse(port, *pieces)) == 400


@pytest.mark.parametrize("coding", [b"gzip", b"chunked, gzip", b"identity"])
async def test_an_offer_with_a_body_that_has_no_end_is_refused_and_not_left_without_an_answer(coding: bytes) -> None:
    head = (
        b"POST /read HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: %b\r\n\r\n"
        % coding
    )
    async with opened() as port:
        for pieces in ((head + b"{}",), (head, b"{}")):
            assert status(await converse(port, *pieces)) == 400


@pytest.mark.parametrize("length", [b"0", b"00", b"000"])
async def test_an_empty_body_after_an_offer_is_over_at_once_however_its_length_is_written(length: bytes) -> None:
    head = (
        b"POST /read HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: %b\r\n\r\n" % length
    )
    async with opened() as port:
        encoded = await converse(port, head + START + b"\r\n")
    assert encoded.count(b"HTTP/1.1 200") == 2
