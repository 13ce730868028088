"""The two clients: one blocks, one waits. Each operation is stated once, and both carry it out."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from concord.client.addresses import Addresses
from concord.client.driving import ANSWER_BYTES_MAX, BLOCK_BYTES, Patience, digest, patiently
from concord.client.errors import Damaged
from concord.client.operations import AwaitedOperations, Operations
from concord.client.steps import Answer, Digest, Flow, NoAnswer, Read, Reply, Send, Sleep, Step
from concord.client.ways import OWNER_CONNECT_SECONDS_MAX, Ways

T = TypeVar("T")

CONNECT_SECONDS_MAX, SILENCE_SECONDS_MAX = 10.0, 60.0
CONNECTIONS_MAX = 20
AGENT = "concord-client/0.1"


def _timeout(connect_seconds_max: float = CONNECT_SECONDS_MAX) -> httpx.Timeout:
    return httpx.Timeout(SILENCE_SECONDS_MAX, connect=connect_seconds_max)


def _limits() -> httpx.Limits:
    return httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)


def _headers(wish: Send, token: str) -> dict[str, str]:
    headers = {"user-agent": AGENT}
    # A payload's link is its own credential, and its host need not be one that is told ours.
    if wish.service:
        headers["authorization"] = f"Bearer {token}"
    if wish.body is not None:
        headers["content-type"] = wish.media_type
    if wish.key:
        headers["idempotency-key"] = wish.key
    return headers


class _Kept:
    """What comes of an answer's body: in memory, or in a file with its digest.

    Args:
        wish: says which.
        status: a refusal is read into memory, whatever was wished.
    """

    def __init__(self, wish: Send, status: int) -> None:
        self._into = wish.into if status < 400 else None
        self._body, self._sha256 = bytearray(), hashlib.sha256()
        self._file = None
        if self._into is not None:
            self._into.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._into.open("wb")

    def add(self, block: bytes) -> None:
        """Keep a block more."""
        if self._file is not None:
            self._file.write(block)
            self._sha256.update(block)
        elif len(self._body) + len(block) > ANSWER_BYTES_MAX:
            raise Damaged(f"The answer is over {ANSWER_BYTES_MAX} bytes; is the address that of the service?")
        else:
            self._body += block

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def answer(self, reply: httpx.Response) -> Answer:
        """Return the answer, once all of it is kept."""
        sha256 = self._sha256.hexdigest() if self._file is not None else ""
        return Answer(reply.status_code, dict(reply.headers), bytes(self._body), sha256)


class Concord(Operations):
    """A client that blocks; a context manager that closes its connections.

    with Concord(token, Addresses.from_environment(os.environ)) as concord:
        concord.define_project("intents", {"label_schema": {"kind": "choice", "classes": ["book", "cancel"]}})

    Args:
        token: an API key or a bearer token.
        addresses: where the services are.
        patience: how long an absent service is asked again.
        owners_within: networks of the services' own processes, as 10.42.0.0/16, for a caller among them: where an
            answer names the process that owns a project, the next request of it goes straight there. None: every
            request goes to its service's address.
        transport: of httpx; its own if None.
        sleep: lets time pass.
    """

    def __init__(
        self,
        token: str,
        addresses: Addresses,
        *,
        patience: Patience | None = None,
        owners_within: Iterable[str] = (),
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.addresses = addresses
        self._token, self._patience, self._sleep = token, patience or Patience(), sleep
        self._ways = Ways(addresses, owners_within, self._patience.monotonic)
        self._http = httpx.Client(timeout=_timeout(), limits=_limits(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Carry an operation out.

        Raises:
            Problem: it was refused, or nobody answered.
        """
        steps = patiently(flow, self._patience)
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()
            flow.close()

    def _do(self, step: Step) -> Reply:
        match step:
            case Send():
                return self._send(step)
            case Sleep():
                self._sleep(step.seconds)
                return None
            case Read():
                return step.source.read(step.offset, step.size)
            case Digest():
                return digest(step.path)

    def _send(self, wish: Send) -> Answer | NoAnswer:
        if (owner := self._ways.owner(wish)) is not None:
            try:
                return self._ways.heard(wish, self._sent(wish, owner, OWNER_CONNECT_SECONDS_MAX))
            except httpx.TransportError as fault:
                if self._ways.lost(wish, fault):
                    return NoAnswer(_reason(fault))
        try:
            return self._ways.heard(wish, self._sent(wish, self._ways.address(wish), CONNECT_SECONDS_MAX))
        except httpx.TransportError as fault:
            return NoAnswer(_reason(fault))

    def _sent(self, wish: Send, address: str, connect_seconds_max: float) -> Answer:
        with ExitStack() as opened:
            body: bytes | Iterator[bytes] | None
            body = _blocks(wish.body) if isinstance(wish.body, Path) else wish.body
            reply = opened.enter_context(
                self._http.stream(
                    wish.method,
                    address + wish.path,
                    params=wish.query or None,
                    content=body,
                    headers=_headers(wish, self._token),
                    timeout=_timeout(connect_seconds_max),
                )
            )
            kept = _Kept(wish, reply.status_code)
            opened.callback(kept.close)
            for block in reply.iter_bytes(BLOCK_BYTES):
                kept.add(block)
            return kept.answer(reply)


class AsyncConcord(AwaitedOperations):
    """A client that is awaited; an asynchronous context manager that closes its connections.

    Args:
        token: an API key or a bearer token.
        addresses: where the services are.
        patience: how long an absent service is asked again.
        owners_within: networks of the services' own processes, as 10.42.0.0/16, for a caller among them: where an
            answer names the process that owns a project, the next request of it goes straight there. None: every
            request goes to its service's address.
        transport: of httpx; its own if None.
        sleep: lets time pass.
    """

    def __init__(
        self,
        token: str,
        addresses: Addresses,
        *,
        patience: Patience | None = None,
        owners_within: Iterable[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self.addresses = addresses
        self._token, self._patience, self._sleep = token, patience or Patience(), sleep
        self._ways = Ways(addresses, owners_within, self._patience.monotonic)
        self._http = httpx.AsyncClient(timeout=_timeout(), limits=_limits(), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Carry an operation out; files are read and digested in a thread beside the loop.

        Raises:
            Problem: it was refused, or nobody answered.
        """
        steps = patiently(flow, self._patience)
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()
            flow.close()

    async def _do(self, step: Step) -> Reply:
        match step:
            case Send():
                return await self._send(step)
            case Sleep():
                await self._sleep(step.seconds)
                return None
            case Read():
                return await asyncio.to_thread(step.source.read, step.offset, step.size)
            case Digest():
                return await asyncio.to_thread(digest, step.path)

    async def _send(self, wish: Send) -> Answer | NoAnswer:
        if (owner := self._ways.owner(wish)) is not None:
            try:
                return self._ways.heard(wish, await self._sent(wish, owner, OWNER_CONNECT_SECONDS_MAX))
            except httpx.TransportError as fault:
                if self._ways.lost(wish, fault):
                    return NoAnswer(_reason(fault))
        try:
            return self._ways.heard(wish, await self._sent(wish, self._ways.address(wish), CONNECT_SECONDS_MAX))
        except httpx.TransportError as fault:
            return NoAnswer(_reason(fault))

    async def _sent(self, wish: Send, address: str, connect_seconds_max: float) -> Answer:
        async with AsyncExitStack() as opened:
            body: bytes | AsyncIterator[bytes] | None
            body = _blocks_awaited(wish.body) if isinstance(wish.body, Path) else wish.body
            reply = await opened.enter_async_context(
                self._http.stream(
                    wish.method,
                    address + wish.path,
                    params=wish.query or None,
                    content=body,
                    headers=_headers(wish, self._token),
                    timeout=_timeout(connect_seconds_max),
                )
            )
            kept = _Kept(wish, reply.status_code)
            opened.callback(kept.close)
            async for block in reply.aiter_bytes(BLOCK_BYTES):
                kept.add(block)
            return kept.answer(reply)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


async def _blocks_awaited(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block


def _reason(fault: httpx.TransportError) -> str:
    return f"{type(fault).__name__}: {fault}".rstrip(": ")
