"""All five services in memory, each on a socket of its own, in a thread beside the test: for whoever calls by HTTP."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.client import Addresses
from simulation.house import ENVIRONMENT, House
from simulation.lives import SERVICES
from tests.support.patience import PATIENCE_SECONDS


@dataclass(slots=True)
class Served:
    """Where the five are, and who calls them.

    Attributes:
        more: settings of a service beside those of the house, by its name.
    """

    house: House
    addresses: Addresses = field(default_factory=Addresses)
    services: dict[str, Service] = field(default_factory=dict)

    def token(self, role: str, subject: str = "", client: str = "") -> str:
        """Return a token; a client's is bound to `client`."""
        return self.house.token(subject or f"{role}-1", Role(role), client_id=client or None)


@contextmanager
def served_five() -> Iterator[Served]:
    """Start the five, and stop them in order at the end."""
    found = Served(House())
    ready, over = threading.Event(), threading.Event()
    faults: list[BaseException] = []

    async def life() -> None:
        sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in SERVICES}
        urls = {name: f"http://127.0.0.1:{entry.getsockname()[1]}" for name, entry in sockets.items()}
        found.addresses = Addresses(**urls)
        settings = {**ENVIRONMENT, "CONCORD_INGEST_URL": urls["ingest"]}
        for name, (kind, wire) in SERVICES.items():
            found.services[name] = wire(kind.from_environment(settings), found.house.ports(name))
        await asyncio.gather(*(service.runtime.start() for service in found.services.values()))
        servers = [_server(service.application) for service in found.services.values()]
        serving = [
            asyncio.create_task(server.serve([sockets[name]]))
            for name, server in zip(found.services, servers, strict=True)
        ]
        ready.set()
        await asyncio.to_thread(over.wait)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
        for service in found.services.values():
            await service.runtime.stop()

    def run() -> None:
        try:
            asyncio.run(life())
        except BaseException as fault:
            faults.append(fault)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    try:
        assert not faults, faults
        yield found
    finally:
        over.set()
        thread.join(PATIENCE_SECONDS)
    assert not faults, faults


def _server(application: Any) -> uvicorn.Server:
    # The runtime is started already, and a door of a test says nothing to the log.
    return uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
