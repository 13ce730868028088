"""A workbench in this process, in front of services that say what they were asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from aiohttp import web

from concord.chassis.clock import MICROSECONDS, Clock, SystemClock
from concord.chassis.identity import Identity, SigningKey, identity_of
from concord.chassis.identity.identity_file import IdentityFile
from concord.chassis.runtime import Runtime
from concord.chassis.telemetry import Telemetry
from workbench.bootstrap import wire
from workbench.forward import Forwarder
from workbench.settings import SERVICES, WorkbenchSettings

ISSUER, AUDIENCE = "https://issuer.example", "concord"
BASE = "http://127.0.0.1:18080"


@dataclass
class Upstream:
    """What stands in for all services: it answers with what it was asked, or as a test says."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)
    waits: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        answer = {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
        }
        self.asked.append(answer)
        if request.path in self.waits:
            return await self.waits[request.path](request)
        if request.path in self.answers:
            return self.answers[request.path]()
        return web.json_response({"path": request.raw_path, "authorization": request.headers.get("authorization")})


@dataclass
class Front:
    """A workbench and whoever asks it."""

    client: httpx.AsyncClient
    upstream: Upstream
    settings: WorkbenchSettings
    runtime: Runtime

    @property
    def forwarder(self) -> Forwarder:
        """What hands requests on."""
        found: Forwarder = self.client._transport.app._app.state.service.forwarder  # type: ignore[attr-defined]  # behind the layer
        return found

    async def signed_in(self, role: str = "annotator", subject: str = "") -> dict[str, str]:
        """Press a role's button; return the header that changes are sent with."""
        body = {"role": role, "subject": subject}
        answer = await self.client.post("/sign-in", json=body, headers={"x-concord-csrf": "sign-in"})
        assert answer.status_code == 204, answer.text
        return {"x-concord-csrf": (await self.client.get("/session")).json()["csrf"]}


def environment(folder: Path, upstream: str, *, file: IdentityFile | None = None, **changes: str) -> dict[str, str]:
    """Return the environment of a workbench of the local stack; its identity and its key are made in the folder."""
    key = SigningKey.generate("local")
    (folder / "issuer.pem").write_bytes(key.to_pem())
    identity = file or IdentityFile(issuer=ISSUER, audience=AUDIENCE, jwks=key.jwks())
    (folder / "identity.json").write_bytes(msgspec.json.encode(identity))
    return {
        "CONCORD_ENVIRONMENT": "local",
        "CONCORD_IDENTITY_FILE": str(folder / "identity.json"),
        "CONCORD_WORKBENCH_ISSUER_KEY": str(folder / "issuer.pem"),
        **{f"CONCORD_WORKBENCH_{name.upper()}": upstream for name in SERVICES},
        **changes,
    }


def identity_in(folder: Path, clock: Clock) -> Identity:
    """Return the identity that `environment` made."""
    key = SigningKey.from_pem((folder / "issuer.pem").read_bytes(), "local")
    file = IdentityFile(issuer=ISSUER, audience=AUDIENCE, jwks=key.jwks())
    return identity_of(file, b"nobody's", clock)


class Watch(SystemClock):
    """The system's clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead_seconds = 0

    def now_us(self) -> int:
        """Return the time since the epoch."""
        return super().now_us() + self.ahead_seconds * MICROSECONDS


@asynccontextmanager
async def front(
    folder: Path,
    file: IdentityFile | None = None,
    identity: Identity | None = None,
    clock: Clock | None = None,
    **changes: str,
) -> AsyncIterator[Front]:
    """Run a workbench in this process, in front of a real server on a free port."""
    upstream = Upstream()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    settings = WorkbenchSettings.from_environment(environment(folder, f"http://127.0.0.1:{port}", file=file, **changes))
    clock = clock or SystemClock()
    service = wire(settings, clock, identity or identity_in(folder, clock), Telemetry("workbench"))
    await service.runtime.start()
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url=settings.url or BASE) as client:
        yield Front(client, upstream, settings, service.runtime)
    await service.runtime.stop()
    await runner.cleanup()
