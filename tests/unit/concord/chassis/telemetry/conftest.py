"""A door whose requests are traced."""

from collections.abc import Callable

import pytest
from fastapi import APIRouter, FastAPI

from concord.chassis.http import application
from concord.chassis.identity import IdentityFile, SigningKey, identity_of
from concord.chassis.runtime import Runtime
from concord.chassis.telemetry import Telemetry
from tests.unit.concord.chassis.hand_clock import HandClock


@pytest.fixture
async def door() -> Callable[[Telemetry], FastAPI]:
    """Return a function that returns a started service's application."""
    runtime = Runtime("tested", [])
    await runtime.start()
    router = APIRouter(prefix="/v1")

    @router.get("/units/{unit_id}")
    async def unit(unit_id: str) -> str:
        return unit_id

    @router.get("/bug")
    async def bug() -> None:
        raise RuntimeError("poison")

    def build(telemetry: Telemetry) -> FastAPI:
        identity = identity_of(IdentityFile("iss", "aud", SigningKey.generate("one").jwks()), b"pepper", HandClock())
        return application("tested", [router], readiness=runtime, identity=identity, telemetry=telemetry)

    return build
