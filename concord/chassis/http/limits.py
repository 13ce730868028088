"""What is refused before anything is parsed: pure ASGI, a dictionary look-up and a counter on the hot path."""

import asyncio
import re
from collections import Counter
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
    TooManyRequests,
    TooSlow,
    Unavailable,
    UnsupportedMediaType,
)
from concord.chassis.http.problems import refusal

BODY_BYTES_MAX = 1_000_000
JSON_DEPTH_MAX = 32
IN_FLIGHT_PER_CALLER_MAX = 64
IN_FLIGHT_MAX = 1_000
BODY_SILENCE_SECONDS_MAX = 30.0
"""How long a body may pause: a caller that sends nothing must not hold a place among the requests in flight."""
UNFOLLOWED_BYTES_MAX = 65_536
BODY_LIMIT_KEY = "concord.body_limit"
# A closed string, or one that is still open at the end. Possessive, so that hostile text is read once and not again.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|(")(?:[^"\\]++|\\.)*+\\?\Z', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_OPENING = frozenset(b"[{")
_IDENTITY = b"identity"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process takes.

    Attributes:
        body_bytes_max: of one request, unless its route says otherwise with `allow_body`.
        in_flight_per_caller_max: requests of one credential (or, without one, one address) at the same time.
        in_flight_max: requests of all callers at the same time.
    """

    body_bytes_max: int = BODY_BYTES_MAX
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
        self._receive = receive
        self._read = 0
        self._declared = -1
        self._ended = False
        self._encoding = _IDENTITY
        self._depth: JsonDepth | None = None
        for name, value in scope["headers"]:
            if name == b"content-length":
                # Twenty digits say that it is too large as well as more would.
                self._declared = int(value[:20]) if value.isdigit() else 0
            elif name == b"content-type" and _is_json(value):
                self._depth = JsonDepth()
            elif name == b"content-encoding":
                self._encoding = value.strip().lower()

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: caused by BodyTooLarge, by BadRequest when JSON is nested too deeply, by
                UnsupportedMediaType when the body is compressed, or by TooSlow when it stops coming.
        """
        if self._declared > self.bytes_max:
            raise self._too_large()
        if self._encoding != _IDENTITY:
            raise refused(UnsupportedMediaType("Compressed bodies are not taken; send it without content-encoding."))
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
            if self._depth is not None:
                self._depth.feed(chunk)
        return message

    async def _next(self) -> Message:
        steps = self._receive().__await__()
        try:
            # What is there already needs no timer; setting one would cost more than reading it does.
            pending = next(steps)
        except StopIteration as done:
            return cast("Message", done.value)
        try:
            async with asyncio.timeout(BODY_SILENCE_SECONDS_MAX):
                return await _rest(steps, pending)
        except TimeoutError as fault:
            said = f"Nothing of the body came for {BODY_SILENCE_SECONDS_MAX:g} s; send the request again."
            raise refused(TooSlow(said)) from fault

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
                raise refused(BadRequest(f"The JSON is nested more than {JSON_DEPTH_MAX} levels deep; flatten it."))


def _is_json(content_type: bytes) -> bool:
    """Return whether a body is one JSON text; lines of JSON are limited line by line where they are read."""
    kind = content_type.split(b";", 1)[0].strip().lower()
    return kind == b"application/json" or kind.endswith(b"+json")


class LimitsMiddleware:
    """Bounds bodies and requests in flight; refuses everything until the service can serve.

    Args:
        app: what comes next.
        limits: the bounds.
        serving: whether the service has started; health and telemetry are answered without it.
        open_paths: what is answered at all times and never counted: liveness must not fail because of load.
    """

    def __init__(self, app: ASGIApp, limits: Limits, serving: Callable[[], bool], open_paths: frozenset[str]) -> None:
        self._app, self._limits, self._serving, self._open_paths = app, limits, serving, open_paths
        self._in_flight: Counter[bytes] = Counter()
        self._total = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        caller = _caller_key(scope)
        error = self._refusal(caller)
        if error is not None:
            await refusal(error, scope["path"])(scope, receive, send)
            return
        body = BodyLimit(scope, receive, self._limits.body_bytes_max)
        scope[BODY_LIMIT_KEY] = body
        self._in_flight[caller] += 1
        self._total += 1
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._total -= 1
            self._in_flight[caller] -= 1
            if not self._in_flight[caller]:
                del self._in_flight[caller]

    def _refusal(self, caller: bytes) -> ConcordError | None:
        if not self._serving():
            return Unavailable("The service is being started or stopped; try again in a moment.")
        if self._in_flight[caller] >= self._limits.in_flight_per_caller_max:
            return TooManyRequests(
                f"You have {self._limits.in_flight_per_caller_max} requests in flight, which is the most; "
                "wait for answers before you send more."
            )
        if self._total >= self._limits.in_flight_max:
            return Unavailable("The service has as many requests in flight as it takes; try again in a moment.")
        return None


def _caller_key(scope: Scope) -> bytes:
    """Return what tells callers apart before their credential is checked: the credential itself, else the address."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    client = scope.get("client")
    return str(client[0]).encode() if client else b""
