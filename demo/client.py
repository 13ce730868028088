"""How the demo's client and people speak to the services: JSON over HTTP, again and again while one is away."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec

PATIENCE_SECONDS = 90.0
PAUSE_SECONDS_FIRST = 0.05
PAUSE_SECONDS_MAX = 1.0
REQUEST_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 512
"""More than people: each who waits for work holds one."""
PAGE = 500
"""As many as a service sends at once."""
AWAY = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """A service refused a request that should not be refused.

    Attributes:
        status: the answer's, 0 where the refusal is of something in it or no answer came.
    """

    def __init__(self, problem: str, status: int = 0) -> None:
        super().__init__(problem)
        self.status = status


class Services:
    """The five services by name. Every request of ours may be repeated: each is told apart by what it says.

    Args:
        addresses: base URL of each service.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.addresses = addresses
        self.requests = 0
        self.repeats = 0
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._session.close()

    async def json(self, service: str, method: str, path: str, token: str, body: Any = None) -> Any:
        """Return the answer to a request as JSON; see `bytes`."""
        content = None if body is None else msgspec.json.encode(body)
        return msgspec.json.decode(await self.bytes(service, method, path, token, content))

    async def listed(self, service: str, path: str, token: str, key: str) -> list[dict[str, Any]]:
        """Return what is under the key of every page of a list: `next` of one is what the following begins after."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            query = urlencode({"limit": PAGE, "after": after})
            page = await self.json(service, "GET", f"{path}?{query}", token)
            found += page[key]
            after = page.get("next") or ""
            if not after:
                return found

    async def bytes(
        self,
        service: str,
        method: str,
        path: str,
        token: str,
        body: bytes | None = None,
        media_type: str = "application/json",
    ) -> bytes:
        """Return the answer to a request, repeating it while the service is away, for PATIENCE_SECONDS.

        Raises:
            Refused: it was refused, or the service stayed away; the message is the service's own.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": media_type}
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        pause = PAUSE_SECONDS_FIRST
        while True:
            self.requests += 1
            try:
                url = self.addresses[service] + path
                async with self._session.request(method, url, data=body, headers=headers) as answer:
                    content = await answer.read()
                    if answer.status not in AWAY:
                        if answer.status >= 400:
                            text = f"{answer.status} {content.decode()[:2000]}"
                            raise Refused(f"{method} {service}{path}: {text}", answer.status)
                        return content
                    reason = f"{answer.status} {content.decode()[:300]}"
            except (aiohttp.ClientError, TimeoutError) as fault:
                reason = repr(fault)
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(f"{method} {service}{path}: away for {PATIENCE_SECONDS:g} s, last: {reason}")
            self.repeats += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
