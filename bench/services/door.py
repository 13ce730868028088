"""The bench's way to the services: HTTP over connections that stay open."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from concord.contracts.owners import OWNER, Owners, slot_of_target

CONNECTIONS_MAX = 64
REQUEST_SECONDS_MAX = 120.0


class Refused(Exception):
    """A service answered with an error; the text is its own."""


class HttpDoor:
    """A `load.Door` over HTTP.

    Args:
        addresses: base URL of each service.
        connections_max: so many calls at once; others wait.
        owners: the process that an answer names is asked next time; None: whoever is at the service's address.
    """

    def __init__(
        self, addresses: Mapping[str, str], connections_max: int = CONNECTIONS_MAX, owners: Owners | None = None
    ) -> None:
        self._addresses = addresses
        self._owners = owners or Owners((), time.monotonic)
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
        slot = slot_of_target(*path.split("?", 1))
        address = self._owners.address(service, slot) or self._addresses[service]
        async with self._session.request(method, address + path, data=body, headers=headers) as answer:
            content = await answer.read()
            self._owners.learn(service, slot, answer.headers.get(OWNER))
            if answer.status >= 400:
                raise Refused(f"{method} {service}{path}: {answer.status} {content[:1000].decode(errors='replace')}")
            return content
