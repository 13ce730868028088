"""What is refused before anything is parsed: pure ASGI, a dictionary look-up and a counter on the hot path."""

import asyncio
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import coroutine
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.errors import (
    BadRequest,
    BodyTooLarge,
    ConcordError,
    FieldError,
    NotFound,
    TooSlow,
    Unavailable,
    UnsupportedMediaType,
)
from concord.chassis.http.gzipped import Gunzip
from concord.chassis.http.in_flight import InFlight
from concord.chassis.http.problems import refusal
from concord.chassis.identity import PLACE_KEY, Identity, known_caller

BODY_BYTES_MAX = 1_000_000
JSON_DEPTH_MAX = 32
IN_FLIGHT_PER_ADDRESS_MAX = 128
IN_FLIGHT_PER_CALLER_MAX = 64
IN_FLIGHT_MAX = 1_000
BODY_SECONDS = 20.0
"""How long a body may keep us waiting, pauses added up, and one second more for every BODY_BYTES_A_SECOND that came: a
caller that sends slowly must not hold a place among the requests in flight. Our own work between is not counted."""
BODY_BYTES_A_SECOND = 10_000
BODY_SECONDS_MAX = 3_600.0
BODY_SILENCE_SECONDS_MAX = 30.0
"""How long one pause may be, however much came before."""
UNFOLLOWED_BYTES_MAX = 65_536
BODY_LIMIT_KEY = "concord.body_limit"
# A closed string, or one that is still open at the end. Possessive, so that hostile text is read once and not again.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|(")(?:[^"\\]++|\\.)*+\\?\Z', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_OPENING = frozenset(b"[{")
_IDENTITY = b"identity"
_GZIP = (b"gzip", b"x-gzip")
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process takes.

    Attributes:
        body_bytes_max: of one request, unless its route says otherwise with `allow_body`.
        in_flight_per_address_max: requests of one address whose credential does not hold (yet) at the same time.
        in_flight_per_caller_max: requests of one caller at the same time.
        in_flight_max: requests of all callers at the same time.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    in_flight_per_address_max: int = IN_FLIGHT_PER_ADDRESS_MAX
    in_flight_per_caller_max: int = IN_FLIGHT_PER_CALLER_MAX
    in_flight_max: int = IN_FLIGHT_MAX


def refused(error: ConcordError) -> HTTPException:
    """Return the error as the exception that FastAPI lets pass while it reads a body."""
    carrier = HTTPException(error.status, error.detail)
    carrier.__cause__ = error
    return carrier


class BodyLimit:
    """Counts a request's body as it is read; the limit may be raised by its route before the first byte is read."""

    def __init__(self, scope: Scope, receive: Receive, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.gzip_taken = False
        self._receive = receive
        self._read = 0
        self._waited = 0.0
        self._declared = -1
        self._ended = False
        self._encoding = _IDENTITY
        self._gunzip: Gunzip | None = None
        self._unpacked = 0
        self._finished = False
        self._depth: JsonDepth | None = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                # Twenty digits say that it is too large as well as more would; spaces and tabs may stand around them.
                self._declared = int(digits[:20]) if (digits := value.strip()).isdigit() else 0
            elif name == b"content-type" and _is_json(value):
                self._depth = JsonDepth()
            elif name == b"content-encoding":
                self._encoding = value.strip().lower()

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: caused by BodyTooLarge, by BadRequest when JSON is nested too deeply or what says that it is
                gzip is none, by UnsupportedMediaType when the body is compressed in a way that its route does not
                take, or by TooSlow when it comes too slowly.
        """
        if self._declared > self.bytes_max:
            raise self._too_large()
        if self._encoding == _IDENTITY:
            return await self._received()
        if self._encoding not in _GZIP or not self.gzip_taken:
            taken = "Compressed bodies are taken as gzip" if self.gzip_taken else "Compressed bodies are not taken here"
            raise refused(UnsupportedMediaType(f"{taken}; send it without content-encoding."))
        return await self._unzipped()

    async def _unzipped(self) -> Message:
        """Return the next piece of a body that comes as gzip."""
        if self._gunzip is None:
            self._gunzip = Gunzip()
        try:
            while not (piece := self._gunzip.piece()):
                if self._finished:
                    return await self._receive()
                if self._ended:
                    self._gunzip.end()
                    self._finished = True
                    return {"type": "http.request", "body": b"", "more_body": False}
                message = await self._received()
                if message["type"] != "http.request":
                    return message
                self._gunzip.feed(message.get("body", b""))
        except ConcordError as error:
            raise refused(error) from error
        self._unpacked += len(piece)
        if self._unpacked > self.bytes_max:
            raise self._too_large()
        if self._depth is not None:
            self._depth.feed(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def _received(self) -> Message:
        """Return the next message as it came."""
        if self._ended:
            # What comes now is only that the caller has gone, however long that takes.
            return await self._receive()
        message = await self._next()
        if message["type"] == "http.request":
            self._ended = not message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            self._read += len(chunk)
            if self._read > self.bytes_max:
                raise self._too_large()
            if self._depth is not None and self._encoding == _IDENTITY:
                self._depth.feed(chunk)
        return message

    async def _next(self) -> Message:
        steps = self._receive().__await__()
        try:
            # What is there already needs no timer; setting one would cost more than reading it does.
            pending = next(steps)
        except StopIteration as done:
            return cast("Message", done.value)
        loop = asyncio.get_running_loop()
        began, patience = loop.time(), min(BODY_SECONDS + self._read / BODY_BYTES_A_SECOND, BODY_SECONDS_MAX)
        try:
            async with asyncio.timeout(min(BODY_SILENCE_SECONDS_MAX, patience - self._waited)):
                return await _rest(steps, pending)
        except TimeoutError:
            text = (
                f"{self._read} bytes of the body came in {self._waited + loop.time() - began:.0f} s of waiting; send "
                f"at least {BODY_BYTES_A_SECOND} bytes a second, without a pause of {BODY_SILENCE_SECONDS_MAX:g} s."
            )
            carrier = refused(TooSlow(text))
            # Its cause is what the caller is told; `from fault` would put a bare TimeoutError in its place.
            raise carrier from carrier.__cause__
        finally:
            self._waited += loop.time() - began

    def _too_large(self) -> HTTPException:
        return refused(BodyTooLarge(f"The body is over {self.bytes_max} bytes; send it in smaller requests."))


@coroutine
def _rest(steps: Generator[Any, Any, Message], pending: Any) -> Generator[Any, Any, Message]:
    """Go on awaiting what was begun and waits for `pending`."""
    try:
        while True:
            try:
                answer = yield pending
            except BaseException as fault:  # the event loop's: a cancellation, say
                pending = steps.throw(fault)
            else:
                pending = steps.send(answer)
    except StopIteration as done:
        return cast("Message", done.value)


def too_deep() -> BadRequest:
    """Return how JSON is refused that is nested too deeply."""
    problem = f"is nested more than {JSON_DEPTH_MAX} levels deep"
    return BadRequest(f"The JSON {problem}.", [FieldError("body", problem, "flatten it")])


class JsonDepth:
    """Follows how deeply a JSON text is nested as it comes in chunks, without parsing it."""

    def __init__(self) -> None:
        self._opened = 0
        self._depth = 0
        self._kept: list[bytes] | None = []
        self._open = b""

    def feed(self, chunk: bytes) -> None:
        """Read on.

        Raises:
            HTTPException: caused by BadRequest, when more than 32 levels are open.
        """
        if self._kept is not None:
            # Few brackets cannot nest deeply: most bodies end here.
            self._opened += chunk.count(b"[") + chunk.count(b"{")
            self._kept.append(chunk)
            if self._opened <= JSON_DEPTH_MAX and sum(map(len, self._kept)) <= UNFOLLOWED_BYTES_MAX:
                return
            chunk, self._kept = b"".join(self._kept), None
        self._follow(chunk)

    def _follow(self, chunk: bytes) -> None:
        text = self._open + chunk
        bare = _STRINGS.sub(rb"\1", text)
        # What a chunk's end cuts in two is taken up with the next: that a string is open, and half an escape.
        self._open = b""
        if bare.endswith(b'"'):
            escaped = (len(text) - len(text.rstrip(b"\\"))) % 2
            self._open = b'"\\' if escaped else b'"'
        for byte in bare.translate(None, _NOT_BRACKETS):
            self._depth += 1 if byte in _OPENING else -1
            if self._depth > JSON_DEPTH_MAX:
                raise refused(too_deep())


def _is_json(content_type: bytes) -> bool:
    """Return whether a body is one JSON text; lines of JSON are limited line by line where they are read."""
    kind = content_type.split(b";", 1)[0].strip().lower()
    return kind == b"application/json" or kind.endswith(b"+json")


class LimitsMiddleware:
    """Bounds bodies and requests in flight; refuses everything until the service can serve, but what waits for it.

    Args:
        app: what comes next.
        limits: the bounds.
        identity: who is believed: a caller known already is counted as such from the start, everybody else by address
            until the route's guard has let them in.
        serving: whether the service has started; health and telemetry are answered without it.
        open_paths: what is answered at all times and never counted: liveness must not fail because of load.
        waits: whether a request waits further in until the service can serve.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        identity: Identity,
        serving: Callable[[], bool],
        open_paths: frozenset[str],
        waits: Callable[[Scope], bool],
    ) -> None:
        self._app, self._identity, self._serving, self._open_paths = app, identity, serving, open_paths
        self._waits = waits
        self._body_bytes_max = limits.body_bytes_max
        self.in_flight = InFlight(
            limits.in_flight_per_address_max, limits.in_flight_per_caller_max, limits.in_flight_max
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        place = self.in_flight.place(scope)
        try:
            if scope["path"].endswith("\n"):
                # The router's patterns end in `$`, which lets a line feed pass: `/v1/annotators/a%0A` would mean `a`.
                raise NotFound("No address ends in a line feed; see /openapi.json for the routes there are.")
            if not self._serving() and not self._waits(scope):
                raise Unavailable("The service is being started or stopped; try again in a moment.")
            caller = known_caller(self._identity, scope)
            if caller is None:
                place.enter()
            else:
                place.hold(caller.key)
        except ConcordError as error:
            await refusal(error, scope["path"])(scope, receive, send)
            return
        body = BodyLimit(scope, receive, self._body_bytes_max)
        scope[BODY_LIMIT_KEY] = body
        scope[PLACE_KEY] = place
        try:
            # Nobody reads the body of what only asks. What is streamed listens for its caller to go, and would be
            # broken off by a refusal of what goes by meanwhile.
            await self._app(scope, receive if scope["method"] in _READS else body.receive, send)
            await place.answered()
        finally:
            place.leave()
