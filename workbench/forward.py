"""The way from the pages to the services: the same request, with the person's own credential."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from yarl import URL

from concord.chassis.errors import NotFound, Unavailable
from concord.chassis.http import allow_body, left
from concord.chassis.telemetry import Instruments
from concord.contracts.owners import OWNER, Owners, slot_of_target

CONNECTIONS_MAX = 600
CONNECT_SECONDS_MAX = 5.0
OWNER_CONNECT_SECONDS_MAX = 1.0
"""To a process that an answer has named: it may be gone, and any other serves as well."""
STREAMS_MAX = 100
"""Streams of events that are handed on at once."""
WAITS_MAX = 400
"""Claims that wait for work at once; any more is answered at once. A hundred connections are left beside them and the
streams, so that whoever sends a label never waits for those who do not."""
EVENT_STREAM = "text/event-stream"
SILENCE_SECONDS_MAX = 75.0
"""How long a service may take before it says anything more: longer than any poll of its waits."""
IMPORT_BYTES_MAX = 2_000_000_000
WHOLE_BYTES_MAX = 1_000_000
"""An answer of at most this size is handed on in one piece."""
IMPORTS = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "text/csv")
CLAIMS = "/claims"
NOBODY_LISTENS = 499
"""Of an answer that goes nowhere, as proxies log it."""
_TAKEN = frozenset({"accept", "content-type", "idempotency-key", "traceparent"})
_GIVEN = frozenset(
    {"content-type", "content-disposition", "retry-after", "cache-control", "allow", "location", "concord-media-type"}
)


class Forwarder:
    """Hands requests on to the services.

    Args:
        addresses: base URL of each service.
        owners: which process of a service a request is sent to, where an answer has named it.
        instruments: tells how many claims and streams are handed on.

    Attributes:
        waits: claims that are handed on now, which may wait.
    """

    def __init__(self, addresses: Mapping[str, str], owners: Owners, instruments: Instruments) -> None:
        self._addresses = dict(addresses)
        self._owners = owners
        instruments.gauge("concord_workbench_waits").set_function(lambda: self.waits)
        instruments.gauge("concord_workbench_streams").set_function(lambda: len(self._streams))
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[object] = set()
        self.waits = 0

    async def start(self) -> None:
        """Open the connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def stop(self) -> None:
        """Close them."""
        if self._session is not None:
            await self._session.close()

    def url(self, service: str, raw_path: str, query: str) -> URL:
        """Return where a request is handed on to, to the letter as it was sent.

        Raises:
            NotFound: there is no such service, or the path is none of an API.
        """
        base = self._addresses.get(service)
        parts = raw_path.lower().replace("%2e", ".").replace("%2f", "/").replace("\\", "/").split("/")
        if base is None or not raw_path.startswith("v1/") or "." in parts or ".." in parts:
            raise NotFound("There is no such address; services answer at /api/SERVICE/v1/…")
        return URL(f"{base}/{raw_path}{'?' + query if query else ''}", encoded=True)

    async def forward(self, request: Request, service: str) -> Response:
        """Return the service's own answer.

        Raises:
            NotFound: see `url`.
            Unavailable: the service does not answer, or as many streams are open as may be.
        """
        prefix = f"/api/{service}/"
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        url = self.url(service, raw.decode("ascii").removeprefix(prefix), request.scope["query_string"].decode())
        headers = {name: value for name, value in request.headers.items() if name in _TAKEN or name == "authorization"}
        body = _Body(request)
        data = await body.data()
        claims = request.method == "POST" and url.raw_path.endswith(CLAIMS)
        if request.method != "GET" and not claims:
            # What changes something goes on, whoever hears of it.
            return await self.send(service, request.method, url, headers, data, body)
        if claims and isinstance(data, bytes) and self.waits >= WAITS_MAX:
            data = at_once(data)
        self.waits += claims
        try:
            return await self._while_heard(request, self.send(service, request.method, url, headers, data, body))
        finally:
            self.waits -= claims

    async def _while_heard(self, request: Request, asking: Coroutine[Any, Any, Response]) -> Response:
        """Return the answer; where the browser hangs up first, the service hears that it did, by the connection's end.

        A claim that waits would else lease a unit to a page that is gone.
        """
        asked, gone = asyncio.ensure_future(asking), asyncio.ensure_future(left(request.receive))
        try:
            await asyncio.wait((asked, gone), return_when="FIRST_COMPLETED")
            if not asked.done():
                return Response(status_code=NOBODY_LISTENS)
            return asked.result()
        finally:
            asked.cancel()
            gone.cancel()

    async def send(
        self,
        service: str,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        data: bytes | AsyncIterator[bytes] | None,
        body: "_Body | None" = None,
    ) -> Response:
        """Send one request on and return the answer, streamed where it is long.

        Raises:
            Unavailable: the service does not answer, or as many streams are open as may be.
        """
        try:
            answer = await self._asked(service, method, url, headers, data)
        except (aiohttp.ClientError, TimeoutError) as fault:
            if body is not None and body.fault is not None:
                raise body.fault from fault
            raise _away(service) from fault
        given = {name.lower(): value for name, value in answer.headers.items() if name.lower() in _GIVEN}
        if answer.content_length is not None and answer.content_length <= WHOLE_BYTES_MAX:
            try:
                return Response(await answer.read(), answer.status, given)
            except (aiohttp.ClientError, TimeoutError) as fault:
                raise _away(service) from fault
            finally:
                answer.release()
        if answer.content_type != EVENT_STREAM:
            return StreamingResponse(_chunks(answer), answer.status, given)
        if len(self._streams) >= STREAMS_MAX:
            answer.close()
            raise Unavailable("As many streams as may are open; ask again now and then.", retry_after_seconds=5)
        return StreamingResponse(self._events(answer), answer.status, given)

    async def _asked(
        self,
        service: str,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        data: bytes | AsyncIterator[bytes] | None,
    ) -> aiohttp.ClientResponse:
        """Return the answer of the owner where that is known, else of any process, and hear whom it names.

        What was not sent is sent to the service's own address. What was sent and not answered, or refused for now, may
        be sent again by the browser, which then comes there: the owner is forgotten.
        """
        slot = slot_of_target(url.raw_path, url.raw_query_string)
        known = None if isinstance(data, AsyncIterator) else self._owners.address(service, slot)
        if known is not None:
            at_owner = URL(known + url.raw_path_qs, encoded=True)
            try:
                answer = await self._sent(method, at_owner, headers, data, OWNER_CONNECT_SECONDS_MAX)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                self._owners.forget(service, slot)
            except (aiohttp.ClientError, TimeoutError):
                self._owners.forget(service, slot)
                raise
            else:
                if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    self._owners.forget(service, slot)
                self._owners.learn(service, slot, answer.headers.get(OWNER))
                return answer
        answer = await self._sent(method, url, headers, data, CONNECT_SECONDS_MAX)
        self._owners.learn(service, slot, answer.headers.get(OWNER))
        return answer

    async def _sent(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        data: bytes | AsyncIterator[bytes] | None,
        connect_seconds_max: float,
    ) -> aiohttp.ClientResponse:
        assert self._session is not None, "started before requests are served"
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_seconds_max, sock_read=SILENCE_SECONDS_MAX, connect=CONNECT_SECONDS_MAX
        )
        return await self._session.request(
            method,
            url,
            headers=headers,
            data=data,
            allow_redirects=False,
            skip_auto_headers={"user-agent"},
            timeout=timeout,
        )

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        stream = object()
        self._streams.add(stream)
        try:
            async for chunk in _chunks(answer):
                yield chunk
        finally:
            self._streams.discard(stream)
            answer.close()


def at_once(claim: bytes) -> bytes:
    """Return a claim that does not wait; what is none is left for the service to refuse.

    >>> at_once(b'{"units": 4, "wait_seconds": 20}')
    b'{"units":4}'
    """
    try:
        claims = msgspec.json.decode(claim, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return claim
    claims.pop("wait_seconds", None)
    return msgspec.json.encode(claims)


class _Body:
    """A request's body: small ones whole, imports as they come."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.fault: HTTPException | None = None

    async def data(self) -> bytes | AsyncIterator[bytes] | None:
        """Return what is sent on."""
        if self._request.method in ("GET", "HEAD"):
            return None
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip()
        if kind not in IMPORTS:
            return await self._request.body()
        allow_body(self._request, IMPORT_BYTES_MAX)
        return self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._request.stream():
                if chunk:
                    yield chunk
        except HTTPException as fault:
            self.fault = fault  # why it broke off: the client only knows that it did
            raise


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    finally:
        answer.release()


def _away(service: str) -> Unavailable:
    return Unavailable(f"{service} does not answer; what you sent may be sent again.", retry_after_seconds=1)
