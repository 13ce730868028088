"""A running stack, how it is asked, and all that it answered."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp import web

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.collector import Collector
from tests.support.patience import PATIENCE_SECONDS

PAUSE_SECONDS = 0.2
AWAY = frozenset({429, 502, 503, 504})
Found = TypeVar("Found")


class House:
    """Asks, and keeps what was answered.

    Args:
        stack: whose services are asked.
        session: by which.
        collector: has the traces and metrics.
        hook: where webhooks go.

    Attributes:
        replies: of everybody: who was answered at which door, and the whole answer.
        hooked: what webhooks brought.
    """

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, collector: Collector) -> None:
        self.stack = stack
        self.collector = collector
        self.replies: list[tuple[str, bytes]] = []
        self.hooked: list[bytes] = []
        self.hook = ""
        self._session = session

    async def ask(
        self,
        who: str,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        media_type: str = "application/json",
        keep: bool = True,
    ) -> tuple[int, bytes]:
        """Return status and body of an answer; while a service is away, ask again.

        Args:
            who: is asking, in words; a token of the issuer's goes with it unless the address is signed.
            service: which; of no meaning where the path is a whole address.
            method, path, body, media_type: what is asked. A body that is no bytes is sent as JSON.
            token: the caller's.
            keep: whether the answer is one that is looked through.
        """
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = ({"content-type": media_type} if data is not None else {}) | (
            {"authorization": f"Bearer {token}"} if token else {}
        )
        url = path if path.startswith("http") else self.stack.addresses[service] + path
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with self._session.request(method, url, data=data, headers=headers) as answer:
                    content = await answer.read()
                if answer.status not in AWAY:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
        if keep:
            lines = b"\n".join(name + b": " + value for name, value in answer.raw_headers)
            self.replies.append((f"reply to {who} at {service}", lines + b"\n" + content))
        return answer.status, content

    async def json(self, *request: Any, **more: Any) -> Any:
        """Return an answer's body, which must be of a request that was done."""
        status, content = await self.ask(*request, **more)
        assert status < 300, (request[:4], status, content[:500])
        return msgspec.json.decode(content)

    async def until(self, ask: Callable[[], Awaitable[Found]], enough: Callable[[Found], object]) -> Found:
        """Ask again until the answer is enough."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not enough(found := await ask()):  # noqa: ASYNC110 - services have no event for us
                await asyncio.sleep(PAUSE_SECONDS)
            return found

    async def take_hook(self, request: web.Request) -> web.Response:
        """Keep what a webhook brings."""
        self.hooked.append(await request.read())
        return web.Response(status=204)


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """Run a stack of all services that sends every trace to a collector, and a receiver of webhooks."""
    async with Collector() as collector, aiohttp.ClientSession() as session:
        with _environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
            OTEL_BSP_SCHEDULE_DELAY="500",
            OTEL_TRACES_SAMPLER="always_on",
            OTEL_METRICS_EXPORTER="otlp",
            OTEL_METRIC_EXPORT_INTERVAL="2000",
        ):
            stack = Stack(folder, Ports.free())
            async with stack:
                house = House(stack, session, collector)
                application = web.Application()
                application.router.add_post("/hook", house.take_hook)
                runner = web.AppRunner(application)
                await runner.setup()
                try:
                    await web.TCPSite(runner, "127.0.0.1", 0).start()
                    host, port = runner.addresses[0][:2]
                    house.hook = f"http://{host}:{port}/hook"
                    yield house
                finally:
                    await runner.cleanup()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
