"""What is carried of a request to another process of the service: its body, and that its caller has hung up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive

from concord.chassis.http.leaving import left
from concord.chassis.places.connection import PeerConnection

CHUNK_BYTES = 65_536
WATCH_AFTER_SECONDS = 0.1
"""How long an answer may take before it is looked whether its caller still waits for it."""
SILENCE_SECONDS_MAX = 60.0
"""Of an owner that is to answer, or has begun to."""


class CarriedBody:
    """A request's body as it comes.

    Attributes:
        receive: the request's.
        gone: whether its caller has hung up.
    """

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.gone = False

    async def sent(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[AsyncIterator[bytes] | bytes, bool]:
        """Return what is sent, whole where it is small, which is cheaper; and whether it is sent in chunks."""
        declared = _declared(headers)
        if declared is None or declared > CHUNK_BYTES:
            return self._chunks(), declared is None
        return await self._whole() if declared else b"", False

    def paced(self, sent: AsyncIterator[bytes] | bytes, silence: asyncio.Timeout) -> AsyncIterator[bytes] | bytes:
        """Return what is sent, so that the silence of the other is counted from the last part on."""
        return sent if isinstance(sent, bytes) else self._paced(sent, silence)

    async def _paced(self, sent: AsyncIterator[bytes], silence: asyncio.Timeout) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        async for chunk in sent:
            silence.reschedule(loop.time() + SILENCE_SECONDS_MAX)
            yield chunk

    async def _whole(self) -> bytes:
        """Return a small body; most come in one message."""
        message = await self._message()
        if not message.get("more_body"):
            return bytes(message.get("body", b""))
        parts = [message.get("body", b"")]
        while message.get("more_body"):
            message = await self._message()
            parts.append(message.get("body", b""))
        return b"".join(parts)

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        more = True
        while more:
            message = await self._message()
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)

    async def _message(self) -> Message:
        """Return the next piece; raise ConnectionResetError when the caller hangs up: half a body is no whole one."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            raise ConnectionResetError("the caller has hung up")
        return message


def _declared(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Return how many bytes a request says that it brings; None when it does not say."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            return int(digits) if (digits := value.strip()).isdigit() else None
    return 0


@contextmanager
def leaving_with_caller(
    body: CarriedBody, connection: PeerConnection, sent: AsyncIterator[bytes] | bytes
) -> Iterator[None]:
    """End the connection when the caller hangs up: who serves it hears of it, and gives nothing to nobody.

    What was asked is with the other process by then, and is served whoever hears of it. A body that goes on as it comes
    tells by itself that its caller has gone.
    """
    if not isinstance(sent, bytes):
        yield
        return

    async def leave() -> None:
        await left(body.receive)
        if not connection.ended:
            body.gone = True
            connection.close()

    leaving: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal leaving
        leaving = asyncio.ensure_future(leave())

    # Most are answered before anybody could hang up: a task for each would cost as much as parsing its answer.
    waiting = asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, watch)
    try:
        yield
    finally:
        waiting.cancel()
        if leaving is not None:
            leaving.cancel()
