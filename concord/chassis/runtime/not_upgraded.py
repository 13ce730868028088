"""Requests that would go on in another protocol, as HTTP/1.1: nobody has to take the offer (RFC 9110, section 7.8).

Clients make it with any request, in case it is taken: Java's and curl's of HTTP/2, for one. httptools tells of such a
request as if it had no body, and then takes that for the next request, which a gateway in front of us would take the
answer to for somebody else's. So its body is read by another parser, to which the head is told without the offer.
"""

from collections.abc import Iterable
from typing import Any

import httptools

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request says that a body comes: of a length that is not 0, with however many digits.

    >>> has_body([(b"content-length", b"00")]), has_body([(b"transfer-encoding", b"chunked")])
    (False, True)
    """
    return any(name in _FRAMING and value.strip(b" \t0") for name, value in headers)


def parser_of_rest(connection: Any, headers: Iterable[tuple[bytes, bytes]]) -> Any:
    """Return a parser that goes on with a request's body, and after it with whatever comes.

    Args:
        connection: what it tells.
        headers: of the request, which the connection has been told.
    """
    rest = _FromTheBodyOn(connection)
    parser = httptools.HttpRequestParser(rest)
    lines = [b"POST / HTTP/1.1", *(b"%b: %b" % pair for pair in headers if pair[0] in _FRAMING), b"", b""]
    parser.feed_data(b"\r\n".join(lines))
    rest.quiet = False
    return parser


class _FromTheBodyOn:
    """Tells a connection what a parser tells, but for the head that the parser is told first."""

    def __init__(self, connection: Any) -> None:
        self.quiet = True
        self._connection = connection

    def on_message_begin(self) -> None:
        if not self.quiet:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self.quiet:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.quiet:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.quiet:
            self._connection.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._connection.on_body(body)

    def on_message_complete(self) -> None:
        self._connection.on_message_complete()
