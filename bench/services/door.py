"""The bench's way to the services: HTTP over connections that stay open."""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

import aiohttp

CONNECTIONS_MAX = 64
REQUEST_SECONDS_MAX = 120.0


class Refused(Exception):
    """A service answered with an error; the text is its own."""


class Finder(Protocol):
    """Knows which process of a service owns what a request is about."""

    def address(self, service: str, path: str) -> str | None:
        """Return where the request is best sent; None where that is not known."""
        ...

    def learn(self, service: str, path: str, headers: Mapping[str, str]) -> None:
        """Take in what an answer's headers say."""
        ...


class HttpDoor:
    """A `load.Door` over HTTP.

    Args:
        addresses: base URL of each service.
        connections_max: so many calls at once; others wait.
        owners: tells which process is asked; None: whoever is at the service's address.
    """

    def __init__(
        self, addresses: Mapping[str, str], connections_max: int = CONNECTIONS_MAX, owners: Finder | None = None
    ) -> None:
        self._addresses = addresses
        self._owners = owners
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections_max),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._session.close()

    async def call(
        self, service: str, method: str, path: str, token: str, body: bytes, media_type: str = "application/json"
    ) -> bytes:
        """Return the answer's body; Refused when it is an error."""
        headers = {"authorization": f"Bearer {token}", "content-type": media_type}
        address = (self._owners and self._owners.address(service, path)) or self._addresses[service]
        async with self._session.request(method, address + path, data=body, headers=headers) as answer:
            content = await answer.read()
            if self._owners is not None:
                self._owners.learn(service, path, answer.headers)
            if answer.status >= 400:
                raise Refused(f"{method} {service}{path}: {answer.status} {content[:1000].decode(errors='replace')}")
            return content
