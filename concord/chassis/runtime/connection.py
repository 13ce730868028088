"""One HTTP connection: bounds on its head, on who may keep it open, and on what is said after the answer.

uvicorn's fast parser has none of these. A stranger, whose credential has not held on this connection, costs a slow or
idle socket and no more: strangers' connections are bounded, and the oldest of the address that has most gives way. So
does an idle one of the caller that has most.
"""

import asyncio
import sys
from http import HTTPStatus
from typing import Any, cast
from weakref import WeakKeyDictionary, WeakSet

import httptools
import msgspec
from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from concord.chassis.http.in_flight import CONNECTION_KEY
from concord.chassis.places.peers import is_forwarded
from concord.chassis.runtime.holders import Holders
from concord.chassis.runtime.not_upgraded import has_body, parser_of_rest

HEAD_BYTES_MAX = 16_384
"""Of a request's line and headers, with two bytes more for each line's end and each colon; trailers are counted too."""
MARKS_BYTES_MAX = 512
"""Of what another process of the service adds to a head that it hands on: its mark, and our address as the host."""
HEAD_SECONDS_MAX = 10.0
"""How long a caller may take to send a request's line and headers; the silence before the first is bounded too."""
LINGER_SECONDS_MAX = 2.0
"""How long what still comes is read and thrown away after a request was answered or refused: who still sends could not
read the answer if the connection broke at once."""
PIPELINED_MAX = 16
"""Requests of one connection that wait for the answer to an earlier one. Each is an object of some kilobytes, made of a
few bytes that anybody may send; who sends more is answered those, and the connection ends."""
UNREAD_SECONDS = 30.0
TAKEN_BYTES_A_SECOND = 1_000
"""How much of an answer that lies here is taken at least, over UNREAD_SECONDS; who does not read is closed."""
_HEADER_BYTES = 4
_MEDIA_TYPE = b"application/problem+json"


class HeadRefused(HttpParserError):
    """The request's head cannot be served."""


class _Connections:
    """The connections of one server: those of strangers, by address, and those on which a credential held, by caller.

    Each kind has half of what the server holds; beyond that whoever has most of its kind gives one up, a caller one on
    which nothing is under way.

    Args:
        connections_max: how many the server holds of both kinds.
    """

    def __init__(self, connections_max: int | None) -> None:
        half = max(1, connections_max // 2) if connections_max else None
        rest = max(1, connections_max - 1 - connections_max // 2) if connections_max else None
        self.strangers = Holders[BoundedConnection](half, lambda _: True)
        self.known = Holders[BoundedConnection](rest, lambda connection: connection.rests())


_connections: WeakKeyDictionary[ServerState, _Connections] = WeakKeyDictionary()
_leaving: WeakSet[ServerState] = WeakSet()


def leave(server: ServerState) -> None:
    """Let every connection end with its next answer, which says so: the process is about to close its door.

    A caller that keeps a connection open would otherwise send a request into the moment in which it is closed, and hear
    nothing; one that asks meanwhile is told to come by another.
    """
    _leaving.add(server)
    for connection in server.connections:
        if isinstance(connection, BoundedConnection):
            connection.last()


class BoundedConnection(HttpToolsProtocol):
    """Closes connections whose heads are too long or come too slowly, and those of strangers where there are too many.

    A head that arrives in one piece, as nearly all do, costs an addition a header.
    """

    address = ""
    _caller: str | None = None
    _serving: RequestResponseCycle | None = None
    _unread: asyncio.TimerHandle | None = None
    _data = b""
    _in_message = False
    _in_head = False
    _head_bytes = 0
    _silent_bytes = 0
    _refusal: tuple[int, str] | None = None
    _timer: asyncio.TimerHandle | None = None

    # The life of the connection.

    def connection_made(self, transport: Any) -> None:  # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if self.server_state not in _connections:
            _connections[self.server_state] = _Connections(self.limit_concurrency)
        self._all = _connections[self.server_state]
        self._set_timer(HEAD_SECONDS_MAX, self._too_slow)
        self._all.strangers.add(self.address, self)

    def known(self, caller: str) -> None:
        """Hear whose credential held here: whoever has one is no stranger. By a gateway callers come in turn."""
        if caller == self._caller:
            return
        self._discard()
        self._caller = caller
        self._all.known.add(caller, self)

    def _discard(self) -> None:
        if self._caller is None:
            self._all.strangers.discard(self.address, self)
        else:
            self._all.known.discard(self._caller, self)

    def rests(self) -> bool:
        """Return whether nothing is asked or answered here now."""
        return self._idle() and not self.transport.get_write_buffer_size()

    def last(self) -> None:
        """Let the request in hand be the last of this connection."""
        cycle = self._cycle()
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, and tell the request in hand: uvicorn tells the newest alone, which may be one behind it."""
        self._unset_timer()
        self._unset_unread()
        self._discard()
        if self._serving is not None and not self._serving.response_complete:
            self._serving.disconnected = True
            self._serving.message_event.set()
        super().connection_lost(exc)

    # Answers, and whether they are taken.

    def pause_writing(self) -> None:
        """Begin to look whether whoever asked takes what is answered."""
        super().pause_writing()
        self._look_again()

    def resume_writing(self) -> None:
        """Look no more: they have."""
        self._unset_unread()
        super().resume_writing()

    async def taken(self) -> None:
        """Return when what was answered is taken, but for what a connection may keep, or never will be."""
        if self.flow.write_paused:
            await self.flow.drain()

    def _look_again(self) -> None:
        self._unset_unread()
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self._look, left)

    def _look(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < UNREAD_SECONDS * TAKEN_BYTES_A_SECOND:
            self.transport.abort()
        else:
            self._look_again()

    def _unset_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # Requests.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Keep which request is served: behind it others may wait."""
        self._serving = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Parse what came; close when it is a head that is still open and too long."""
        if self._is_refused() or self.transport.is_closing():
            return  # what comes now is thrown away
        self._silent_bytes += len(data)
        self._data = data
        super().data_received(data)
        if self._is_refused():
            return
        if self._silent_bytes > HEAD_BYTES_MAX:
            # So much came and the parser has nothing to tell of it: one header, trailer or chunk's extension goes on.
            self._refuse(431, _TOO_LONG)
        elif self._timer is None and (self._in_head or self._idle()):
            self._set_timer(HEAD_SECONDS_MAX, self._too_slow)

    def on_response_complete(self) -> None:
        """Wait for the next request; for the rest of this one's body not long."""
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        if self._in_message and not self._in_head:
            self._unset_keepalive_if_required()
            self._set_timer(LINGER_SECONDS_MAX, self.transport.close)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Begin a head, unless too many requests wait here for the answer to an earlier one."""
        if len(self.pipeline) >= PIPELINED_MAX:
            self._refusal = (400, _TOO_MANY)
            raise HeadRefused
        self._in_message = self._in_head = True
        self._head_bytes = self._silent_bytes = 0
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[CONNECTION_KEY] = self

    def on_url(self, url: bytes) -> None:
        """Count the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. A trailer is counted and left out: the request is being served, and nobody asked for it."""
        self._count(len(name) + len(value) + _HEADER_BYTES)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            self._refusal = (400, f"The request names {hosts or 'no'} hosts; send one Host header (RFC 9112, 3.2).")
            raise HeadRefused
        if self._head_bytes > HEAD_BYTES_MAX and not is_forwarded(self.headers):
            self._refusal = (431, _TOO_LONG)
            raise HeadRefused
        self._in_head = False
        self._silent_bytes = 0
        self._unset_timer()
        super().on_headers_complete()
        if self.server_state in _leaving:
            self.last()

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the body."""
        self._silent_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request: what its body was is for its route to say. One that offers another protocol goes on yet."""
        if self.parser.should_upgrade() and has_body(self.headers):
            return
        self._in_message = False
        self._silent_bytes = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            # The rest of a body that nobody wanted is over, and the connection may serve the next request.
            self._set_timer(HEAD_SECONDS_MAX, self._too_slow)

    def _unsupported_upgrade_warning(self) -> None:
        """Go on in HTTP/1.1 with a request that offered another protocol: the parser has stopped after its head."""
        fault = sys.exception()
        assert isinstance(fault, httptools.HttpParserUpgrade)
        rest = self._data = self._data[fault.args[0] :]
        try:
            if has_body(self.headers):
                self.parser = parser_of_rest(self, self.headers)
            self.parser.feed_data(rest)
        except HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()

    # Refusals.

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP or may not be, and close."""
        self._refusal = status, detail = self._refusal or (400, msg)
        cycle = self._cycle()
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                # A request is being served, and what may not be came after it: it is answered, and then all ends.
                cycle.keep_alive = False
                return
            # Its own body may not be: whoever waits for the rest of it hears that nobody sends it.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
        content = msgspec.json.encode(problem)
        head = [
            STATUS_LINE[status],
            *(b"%b: %b\r\n" % header for header in self.server_state.default_headers),
            b"content-type: %b\r\ncontent-length: %d\r\n" % (_MEDIA_TYPE, len(content)),
            b"cache-control: no-store\r\nconnection: close\r\n\r\n",
        ]
        self.transport.write(b"".join(head) + content)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._set_timer(LINGER_SECONDS_MAX, self.transport.close)

    def _count(self, size: int) -> None:
        self._silent_bytes = 0
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX + MARKS_BYTES_MAX:
            self._refusal = (431, _TOO_LONG)
            raise HeadRefused

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(408, f"The request's head did not come within {HEAD_SECONDS_MAX:g} s.")
        else:
            # Nothing was asked, and an answer would be taken for that of the next request.
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        self._refusal = (status, detail)
        self.send_400_response(detail)

    def _is_refused(self) -> bool:
        return self._refusal is not None

    def _idle(self) -> bool:
        """Return whether no request is being read or served."""
        cycle = self._cycle()
        return not self._in_message and (cycle is None or cycle.response_complete)

    def _cycle(self) -> RequestResponseCycle | None:
        """Return the newest request and its answer; uvicorn's own type forgets that there is none at first."""
        return self.cycle

    def _set_timer(self, seconds: float, then: Any) -> None:
        self._unset_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_TOO_LONG = f"The request's line and headers are over {HEAD_BYTES_MAX} bytes; send fewer or shorter ones."
_TOO_MANY = f"Over {PIPELINED_MAX} requests wait here for the answer to an earlier one; send fewer before it comes."
