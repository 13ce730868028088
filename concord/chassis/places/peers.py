"""How one process of a service reaches another: a request handed on as it came, or asked in a caller's name."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.errors import FieldError, Misdirected, Unavailable
from concord.chassis.places.carried import SILENCE_SECONDS_MAX, CarriedBody, leaving_with_caller
from concord.chassis.places.connection import PeerConnection

FORWARDED = b"concord-forwarded"
"""Marks a request that another process of the service has handed on: it goes no further."""
CONNECT_SECONDS_MAX = 1.0
KEEP_ALIVE_SECONDS = 15.0
"""Less than a door keeps a silent connection, so that none is used which is just being closed."""
CONNECTIONS_PER_PEER_MAX = 500
"""As many as are handed on at all: a claim that waits for work holds one for as long as it waits."""
PEERS_MAX = 256
"""Addresses whose connections are kept: of processes that have ended, the oldest are let go."""
FETCHED_BYTES_MAX = 4_000_000

# RFC 9110, section 7.6.1: what is said to the next hop only; and what a client writes itself.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
    }
)
_BODIED = frozenset({b"content-length", b"transfer-encoding"})
_OWN = frozenset({b"host", FORWARDED})
_ADDED_BY_THE_DOOR = frozenset({b"date", b"server"})

log = logging.getLogger(__name__)

READS = frozenset({"GET", "HEAD"})
"""Methods that only ask: nobody reads a body of theirs, and none is carried."""
RawHeaders = Iterable[tuple[bytes, bytes]]


class Unreached(Unavailable):
    """Another process did not answer: it is gone, and what it had is being dealt to others."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_seconds=1)


class Fetched(NamedTuple):
    """What another process answered, whole."""

    status: int
    body: bytes
    media_type: str = ""


class Peers(Protocol):
    """The service's other processes."""

    async def relay(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on and its answer back, both as they come and with nothing kept.

        Raises:
            Unreached: no answer; nothing was sent to the caller. What became of the request is unknown.
            whatever `receive` raises: the body is more, or slower, than any may be.
            ConnectionError: the answer ended in the middle, after its beginning was sent.
        """
        ...

    async def fetch(self, address: str, method: str, target: bytes, headers: RawHeaders, body: bytes) -> Fetched:
        """Ask another process something and return its answer whole.

        Args:
            address: which process.
            method: the HTTP method.
            target: path and query as they came, percent-encoded.
            headers: the caller's: its credential is what the other believes.
            body: what is sent.

        Raises:
            Unreached: no answer, or one of more than FETCHED_BYTES_MAX.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


def passed_on(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request that go with it to another process, and the mark."""
    kept = [pair for pair in headers if pair[0] not in _HOP_BY_HOP and pair[0] not in _OWN]
    return [*kept, (FORWARDED, b"1")]


def target_of(scope: Scope) -> bytes:
    """Return path and query of a request to the byte as they came: what was decoded may hold anything."""
    path, query = bytes(scope["raw_path"]), bytes(scope["query_string"])
    return path + b"?" + query if query else path


def is_forwarded(headers: RawHeaders) -> bool:
    """Return whether a request comes from another process of the service."""
    return any(name == FORWARDED for name, _ in headers)


def handed_on_already() -> Misdirected:
    """Return what is said of a request with the mark that goes further yet.

    Whoever handed it on takes it for "later"; it reaches a caller only where they wrote the mark themselves.
    """
    name = FORWARDED.decode()
    return Misdirected(
        f"What has the header {name} goes no further, and this is another process's.",
        [FieldError(name, "is the service's own: it marks what one of its processes has handed on", "leave it out")],
    )


class HttpPeers:
    """Other processes over HTTP/1.1, on connections that are kept and used again."""

    def __init__(self) -> None:
        self._peers: dict[str, _Peer] = {}

    async def relay(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on and its answer back."""
        target, headers = target_of(scope), scope["headers"]
        if scope["method"] in READS:
            headers = [pair for pair in headers if pair[0] not in _BODIED]
        body, peer = CarriedBody(receive), self._peer(address)
        connection: PeerConnection | None = None
        begun = False
        try:
            sent, chunked = await body.sent(headers)
            connection = await peer.take()
            head = _head(scope["method"], target, peer.host, passed_on(headers), chunked)
            async with asyncio.timeout(SILENCE_SECONDS_MAX) as silence:
                with leaving_with_caller(body, connection, sent):
                    await connection.ask(scope["method"], head, body.paced(sent, silence), chunked)
                    begun, kept = True, _kept(connection)
                    await send({"type": "http.response.start", "status": connection.status, "headers": kept})
                    await _answered(connection, send, silence)
        except (TimeoutError, OSError) as fault:
            if body.gone:
                return  # the caller itself has gone, and waits for no answer
            if begun:
                raise ConnectionError(f"{address} broke off its answer: {fault!r}") from fault
            raise _unreached(address, fault) from fault
        finally:
            peer.give_back(connection)

    async def fetch(self, address: str, method: str, target: bytes, headers: RawHeaders, body: bytes) -> Fetched:
        """Ask another process something."""
        peer = self._peer(address)
        connection: PeerConnection | None = None
        passed = [pair for pair in passed_on(headers) if pair[0] != b"content-length"]
        if body:
            passed.append((b"content-length", b"%d" % len(body)))
        try:
            connection = await peer.take()
            async with asyncio.timeout(SILENCE_SECONDS_MAX):
                head = _head(method, target, peer.host, passed, chunked=False)
                await connection.ask(method, head, body, chunked=False)
                parts: list[bytes] = []
                left = FETCHED_BYTES_MAX
                async for part in connection.answer():
                    parts.append(part)
                    left -= len(part)
                    if left < 0:
                        raise _too_much(address)
                return Fetched(connection.status, b"".join(parts), _media_type(connection.headers))
        except (TimeoutError, OSError) as fault:
            raise _unreached(address, fault) from fault
        finally:
            peer.give_back(connection)

    def _peer(self, address: str) -> "_Peer":
        if (peer := self._peers.get(address)) is None:
            peer = self._peers[address] = _Peer(address)
            while len(self._peers) > PEERS_MAX:
                self._peers.pop(next(iter(self._peers))).close()
        return peer

    async def close(self) -> None:
        """Let go of the connections."""
        peers, self._peers = self._peers, {}
        for peer in peers.values():
            peer.close()


class _Peer:
    """The connections to one process."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.host = parts.netloc.encode()
        self._idle: list[PeerConnection] = []
        self._places = asyncio.Semaphore(CONNECTIONS_PER_PEER_MAX)

    async def take(self) -> PeerConnection:
        """Return a connection that is open, a new one if need be.

        Raises:
            TimeoutError: none was free, or none could be made, within CONNECT_SECONDS_MAX.
            OSError: nobody listens there.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await self._places.acquire()
            try:
                while self._idle:
                    connection = self._idle.pop()
                    if connection.reusable and loop.time() - connection.idle_since < KEEP_ALIVE_SECONDS:
                        return connection
                    connection.close()
                _, connection = await loop.create_connection(PeerConnection, self._host, self._port)
            except BaseException:
                self._places.release()
                raise
            return connection

    def give_back(self, connection: PeerConnection | None) -> None:
        """Keep a connection whose answer has ended for the next; close another."""
        if connection is None:
            return
        self._places.release()
        if connection.reusable and connection.ended:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle; what is under way ends by itself."""
        while self._idle:
            self._idle.pop().close()


def _head(method: str, target: bytes, host: bytes, headers: RawHeaders, chunked: bool) -> bytes:
    """Return a request's line and headers as they are sent. The door has parsed them: none holds a line's end."""
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target), b"host: " + host]
    lines += [b"%b: %b" % pair for pair in headers]
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


async def _answered(connection: PeerConnection, send: Send, silence: asyncio.Timeout) -> None:
    """Send an answer's body on; the last part of it ends the answer, without an empty one after it."""
    loop, more = asyncio.get_running_loop(), True
    while part := await connection.part():
        silence.reschedule(loop.time() + SILENCE_SECONDS_MAX)
        more = not connection.ended
        await send({"type": "http.response.body", "body": part, "more_body": more})
    if more:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _kept(connection: PeerConnection) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer that go to the caller."""
    return [pair for pair in connection.headers if pair[0] not in _HOP_BY_HOP and pair[0] not in _ADDED_BY_THE_DOOR]


def _media_type(headers: RawHeaders) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"content-type"), "")


def _unreached(address: str, fault: Exception) -> Unreached:
    log.warning("%s did not answer: %r", address, fault)
    return Unreached(
        "The process that serves this does not answer, and another takes over; the same request may be sent again."
    )


class MemoryPeers:
    """Other processes in memory, by their address, called without a socket.

    Args:
        doors: by address, the door of each process that lives; shared by all of them. None: there are no others.
    """

    def __init__(self, doors: Mapping[str, ASGIApp] | None = None) -> None:
        self._doors = {} if doors is None else doors

    async def relay(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the other's door with the request."""
        await asyncio.sleep(0)
        if (door := self._doors.get(address)) is None:
            raise _unreached(address, ConnectionRefusedError())
        # What the door of ours has put into the scope is its own affair.
        asked = {name: value for name, value in scope.items() if name in _ASGI}
        begun = False

        async def passing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(SILENCE_SECONDS_MAX):
                await door({**asked, "headers": passed_on(scope["headers"])}, receive, passing)
        except (TimeoutError, OSError) as fault:
            if begun:
                raise ConnectionError(f"{address} broke off its answer: {fault!r}") from fault
            raise _unreached(address, fault) from fault

    async def fetch(self, address: str, method: str, target: bytes, headers: RawHeaders, body: bytes) -> Fetched:
        """Call the other's door and keep what it says."""
        path, _, query = target.partition(b"?")
        scope = {**_SCOPE, "method": method, "path": unquote(path.decode("latin-1")), "raw_path": path}
        requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        status, parts, media_type = 0, [], ""

        async def receive() -> Message:
            return requests.pop() if requests else await asyncio.get_running_loop().create_future()

        async def send(message: Message) -> None:
            nonlocal status, media_type
            status = message.get("status", status)
            media_type = _media_type(message.get("headers", ())) or media_type
            parts.append(message.get("body", b""))

        kept = [pair for pair in headers if pair[0] != b"content-length"]
        try:
            await self.relay(address, {**scope, "query_string": query, "headers": kept}, receive, send)
        except ConnectionError as fault:
            raise _unreached(address, fault) from fault  # half an answer is none to who wants it whole
        if sum(map(len, parts)) > FETCHED_BYTES_MAX:
            raise _too_much(address)
        return Fetched(status, b"".join(parts), media_type)

    async def close(self) -> None:
        """Have nothing to let go of."""


def _too_much(address: str) -> Unreached:
    return Unreached(f"{address} answered more than {FETCHED_BYTES_MAX} bytes.")


_SCOPE: Mapping[str, object] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "scheme": "http",
    "root_path": "",
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}
_ASGI = frozenset({*_SCOPE, "method", "path", "raw_path", "query_string"})
