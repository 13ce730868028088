"""A service's door in memory, with credentials that hold."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from concord.chassis.http import Limits, application
from concord.chassis.http.problems import DomainStatuses
from concord.chassis.identity import IdentityFile, Role, SigningKey, identity_of, mint_token
from concord.chassis.telemetry import Telemetry
from tests.unit.concord.chassis.hand_clock import HandClock

KEY = SigningKey.generate("one")
CLOCK = HandClock()


class Life:
    """A runtime as the door sees it."""

    def __init__(self) -> None:
        self.serving = True
        self.told: list[str] = []
        self.missing: list[str] = []

    def lacking(self) -> list[str]:
        return self.missing

    def reasons(self) -> list[str]:
        return self.told


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def bearer() -> Callable[..., dict[str, str]]:
    """Return headers of a caller with these roles."""

    def headers(*roles: Role, subject: str = "someone") -> dict[str, str]:
        token = mint_token(
            KEY,
            issuer="iss",
            audience="aud",
            subject=subject,
            roles=roles,
            now_seconds=int(CLOCK.seconds),
            lifetime_seconds=60,
            client_id="k7q2",
        )
        return {"authorization": f"Bearer {token}"}

    return headers


@pytest.fixture
def built(life: Life) -> Callable[..., FastAPI]:
    """Return a function that builds an application of routers."""

    def build(
        *routers: APIRouter,
        domain: DomainStatuses | None = None,
        limits: Limits | None = None,
        telemetry: Telemetry | None = None,
    ) -> FastAPI:
        return application(
            "tested",
            routers,
            readiness=life,
            identity=identity_of(IdentityFile("iss", "aud", KEY.jwks()), b"pepper", CLOCK),
            telemetry=telemetry or Telemetry("tested"),
            domain=domain,
            limits=limits,
            state={"name": "tested"},
        )

    return build


@pytest.fixture
async def calling() -> AsyncIterator[Callable[[FastAPI], httpx.AsyncClient]]:
    """Return a function that returns a client of an application."""
    opened: list[httpx.AsyncClient] = []

    def client(app: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://tested"))
        return opened[-1]

    yield client
    for async_client in opened:
        await async_client.aclose()


@pytest.fixture
def fields() -> Callable[[httpx.Response], Sequence[tuple[Any, ...]]]:
    """Return a function that returns what a problem says of fields."""

    def of(answer: httpx.Response) -> Sequence[tuple[Any, ...]]:
        return [(error["field"], error["problem"], error["cure"]) for error in answer.json().get("errors", [])]

    return of
