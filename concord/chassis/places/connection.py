"""One HTTP/1.1 connection to another process of the service: a third of what a general client costs.

httptools reads the answers, as it reads the requests of every door here. It is spoken to by our own doors only, so what
they never say (an answer without a length that ends with the connection, trailers, an upgrade) ends it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, cast

import httptools

BUFFERED_BYTES_MAX = 131_072
"""Of an answer that its caller does not take as fast as it comes; the connection then reads no further."""
HEAD_BYTES_MAX = 65_536
_NO_BODY = (204, 304)


class Broken(ConnectionError):
    """The other process ended the connection, or said what is no HTTP."""


class PeerConnection(asyncio.Protocol):
    """A connection on which one request is under way at a time.

    Attributes:
        idle_since: when its last answer ended, by the event loop's clock.
        reusable: whether another request may be made on it now.
        begun: whether the answer to this request has begun.
    """

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.reusable = True
        self.begun = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._transport: asyncio.Transport
        self._parser: Any = None
        self._head = False
        self._head_bytes = 0
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._ended = True
        self._fault: Exception | None = None
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told; an idle connection is just not used again."""
        self._break(Broken(f"the connection was closed: {exc}"))

    def pause_writing(self) -> None:
        """Let a large body wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let it go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes when nothing was asked is no HTTP."""
        if self._ended:
            self._break(Broken("an answer that nobody asked for"))
            return
        if not self.begun:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as fault:
            self._break(Broken(f"no HTTP: {fault}"))
        if not self.begun and self._head_bytes > HEAD_BYTES_MAX:
            self._break(Broken(f"an answer with a head of more than {HEAD_BYTES_MAX} bytes"))

    def on_message_begin(self) -> None:
        """An answer begins; one after the other, in the same piece, is one too many."""
        if self._ended:
            self._break(Broken("an answer that nobody asked for"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header of the answer."""
        if self._ended:
            return
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The answer has begun; one without a body by its kind has ended, too."""
        if self._ended:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:  # "continue" and its like: the answer is still to come
            self._break(Broken(f"status {self.status}"))
            return
        self.begun = True
        if self._head and self.status not in _NO_BODY:
            # The parser would wait for the body that the length tells of.
            self.reusable = False
            self._end()
        self._news.set()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body until it is taken."""
        if self._ended:
            return
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFERED_BYTES_MAX:
            self._transport.pause_reading()
        self._news.set()

    def on_message_complete(self) -> None:
        """The answer has ended."""
        if self._ended:
            return
        self.reusable = self.reusable and self._parser.should_keep_alive()
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._news.set()

    def _break(self, fault: Broken) -> None:
        self.reusable = False
        if self._fault is None and not self._ended:
            self._fault = fault
        self._news.set()
        self._writable.set()
        self._transport.abort()

    async def ask(self, method: str, head: bytes, body: AsyncIterator[bytes] | bytes, chunked: bool) -> None:
        """Send a request and return when its answer has begun.

        Args:
            method: the HTTP method; an answer to HEAD has no body.
            head: the request line and headers, with the empty line after them.
            body: whole or as it comes.
            chunked: whether the head says that it comes in chunks of unknown number.

        Raises:
            Broken: no answer began.
            whatever the body raises: it is not whole, and neither is what was sent.
        """
        self.begun, self.status, self.headers = False, 0, []
        self._head, self._head_bytes, self._ended, self._fault = method == "HEAD", 0, False, None
        self._parser = httptools.HttpResponseParser(self)
        if isinstance(body, bytes):
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            await self._send(body, chunked)
        while not self.begun:
            await self._next()

    async def _send(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        """Send a body as it comes, and no more of it once it is answered: the other did not want the rest.

        Where it was not sent to its end, for whatever reason, the other would take the next request for the rest of it.
        """
        is_whole = False
        try:
            async for part in body:
                if self.begun or self._fault is not None:
                    return
                await self._writable.wait()
                self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if chunked:
                self._transport.write(b"0\r\n\r\n")
            is_whole = True
        finally:
            self.reusable = self.reusable and is_whole

    async def answer(self) -> AsyncIterator[bytes]:
        """Yield the answer's body as it comes.

        Raises:
            Broken: it ended in the middle.
        """
        while part := await self.part():
            yield part

    async def part(self) -> bytes:
        """Return the next part of the answer's body, empty at its end: one is all of most.

        Raises:
            Broken: it ended in the middle.
        """
        while not self._chunks:
            if self._ended:
                return b""
            await self._next()
        # What has come is one part: most answers are.
        part = b"".join(self._chunks) if len(self._chunks) > 1 else self._chunks[0]
        self._chunks.clear()
        if self._buffered > BUFFERED_BYTES_MAX:
            self._transport.resume_reading()
        self._buffered = 0
        return part

    @property
    def ended(self) -> bool:
        """Whether all of the answer has come and was taken: what is left of one would be told as part of the next."""
        return self._ended and not self._chunks

    async def _next(self) -> None:
        """Return when something has come.

        Raises:
            Broken: nothing more will.
        """
        if self._fault is None:
            self._news.clear()
            await self._news.wait()
        self._raise_fault()

    def _raise_fault(self) -> None:
        if self._fault is not None and not self._chunks:
            raise self._fault

    def close(self) -> None:
        """End the connection."""
        self.reusable = False
        self._transport.abort()
