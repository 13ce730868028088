"""The way out: one POST to an address that was checked, and nothing of the answer but its status.

A name is looked up once an attempt, in a thread of its own that ends by itself: a name server that does not answer
holds up who asked for that name and nobody else. Every address of the name must be allowed, and the socket is made by
a function that refuses every address but these: so what is connected to is what was checked, whatever a name server
says next.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.audit.domain.addresses import is_public

SECONDS_MAX = 5.0
"""Of an attempt, from the first packet to the status of the answer."""
ADDRESSES_MAX = 16
"""Of one name; there is no good reason for more."""
HEADER_BYTES_MAX = 8_190
"""Of a line of the answer's head, and of one of its fields."""
ACCEPTED = range(200, 300)
REDIRECTS = range(300, 400)

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""Return the addresses of a name; raise OSError when it has none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended.

    Attributes:
        taken: whether the receiver has it.
        how: as a sentence that says nothing of what the receiver wrote.
        refused: whether it was us who did not connect.
    """

    taken: bool
    how: str
    refused: bool = False


class Sender(Protocol):
    """Brings a body to an address."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return how it ended, whatever happens, in bounded time."""
        ...


class HttpSender:
    """Sends over the network.

    Args:
        allowed: whether an address may be connected to.
        look_up: addresses of a name; the system's own resolver if None.
        tls: what certificates are trusted; the system's own authorities if None.
        seconds_max: of an attempt.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool] = is_public,
        look_up: LookUp | None = None,
        tls: ssl.SSLContext | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self._allowed = allowed
        self._look_up = look_up or looked_up
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=seconds_max)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return how it ended: every fault of the world's is an answer that was not taken."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = list(await self._look_up(host, port))[: ADDRESSES_MAX + 1]
        except (OSError, UnicodeError):
            return Answer(False, "Its name is not known.")
        if not found or len(found) > ADDRESSES_MAX:
            return Answer(False, f"Its name has {'no' if not found else 'too many'} addresses.")
        if not all(self._allowed(address) for address in found):
            return Answer(False, "Its name leads to an address that is not of the public internet.", refused=True)
        if self._tls is None:
            self._tls = ssl.create_default_context()
        pinned = _Pinned(found)
        connector = aiohttp.TCPConnector(
            resolver=pinned, use_dns_cache=False, force_close=True, ssl=self._tls, socket_factory=pinned.socket
        )
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=HEADER_BYTES_MAX,
                max_field_size=HEADER_BYTES_MAX,
            ) as session:
                # The address is sent on as it was registered: what was checked is what is asked for.
                all_headers = {"content-type": "application/json", "user-agent": "concord-webhooks", **headers}
                asked = session.post(URL(url, encoded=True), data=body, headers=all_headers, allow_redirects=False)
                async with asked as response:
                    return _answered(response.status)
        except Exception as fault:  # a receiver may do whatever it likes
            return _fault(fault)


def _answered(status: int) -> Answer:
    if status in ACCEPTED:
        return Answer(True, f"It answered {status}.")
    if status in REDIRECTS:
        return Answer(False, f"It answered {status}, and no redirect is followed.")
    return Answer(False, f"It answered {status}.")


def _fault(fault: Exception) -> Answer:
    if isinstance(fault, TimeoutError):
        return Answer(False, "It did not answer in time.")
    if isinstance(fault, aiohttp.ClientSSLError | ssl.SSLError):
        return Answer(False, "Its certificate is not trusted, or it speaks no TLS.")
    if isinstance(fault, NotPinned):
        return Answer(False, "It is at an address that was not checked.", refused=True)
    if isinstance(fault, aiohttp.ClientConnectorError | OSError):
        return Answer(False, "It took no connection.")
    return Answer(False, "It gave no answer of HTTP.")


class NotPinned(Exception):
    """Somebody asked for a connection to an address that was not looked at."""


class _Pinned(AbstractResolver):
    """Says these addresses of whatever name, and makes sockets to no others."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = frozenset(addresses)
        self._in_order = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses that were looked up."""
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._in_order
        ]

    async def close(self) -> None:
        """Hold nothing."""

    def socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Return a socket for an address, the very one that is connected to next.

        Raises:
            NotPinned: it is none of those that were looked up.
        """
        family, kind, proto, _, address = info
        if address[0] not in self._addresses:
            raise NotPinned
        return socket.socket(family=family, type=kind, proto=proto)


async def looked_up(host: str, port: int) -> Sequence[str]:
    """Return a name's addresses as the system's resolver knows them, in a thread that no other name waits for.

    Raises:
        OSError: it has none.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | None, fault: Exception | None) -> None:
        if done.done():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(found or [])

    def ask() -> None:
        found, fault = None, None
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError) as error:
            fault = error
        # The loop is gone when the process has ended meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, found, fault)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    return await done
