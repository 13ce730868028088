"""A service that has read models by place and nothing else, as a process: what places promise, on a real broker.

``python -m tests.support.placed_service``: its settings are every service's. It has no store, so it loads nothing; that
takes it a moment all the same, and so does its last part: meanwhile others hold already that it has places.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, cast

from fastapi import APIRouter

from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.clock import SystemClock
from concord.chassis.consumer import BatchConsumer, Delivery
from concord.chassis.dead_letters import DeadLetters
from concord.chassis.http import application
from concord.chassis.identity import Caller, Role, read_identity, require
from concord.chassis.places.forward import Placing
from concord.chassis.places.keeper import PlaceKeeper
from concord.chassis.places.owner import Owner
from concord.chassis.places.peers import HttpPeers
from concord.chassis.runtime import BrokerPart, Hook, Part, Runtime, Service, main
from concord.chassis.settings import ServiceSettings
from concord.chassis.telemetry import Telemetry
from concord.chassis.wiring import address_of
from concord.contracts.topics import UNITS
from concord.contracts.v1.units_pb2 import UnitEvent

GROUP_VARIABLE = "CONCORD_TEST_GROUP"
LOAD_SECONDS = 0.05
LAST_PART_SECONDS = 0.5


class Told:
    """How many units each project has, by place."""

    def __init__(self) -> None:
        self.places: dict[int, Counter[str]] = {}

    async def load(self, place: int) -> None:
        await asyncio.sleep(LOAD_SECONDS)
        self.places.setdefault(place, Counter())

    async def drop(self, place: int) -> None:
        self.places.pop(place, None)

    async def serve(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            event = cast("UnitEvent", delivery.event)
            self.places[delivery.record.partition][event.metadata.project_id] += 1


async def from_environment(environment: Mapping[str, str]) -> Service:
    """Return the service over a real broker."""
    settings = ServiceSettings.from_environment(environment)
    clock, telemetry, entry = SystemClock(), Telemetry("placed"), Told()
    owner, peers = Owner(settings.places.count, address_of(settings)), HttpPeers()
    broker = KafkaBroker(settings.kafka.bootstrap, "placed")
    letters = DeadLetters("placed", broker, clock)

    async def flushed() -> None: ...

    async def forget(places: object) -> None:
        del places

    group = environment[GROUP_VARIABLE]
    consumer = BatchConsumer(group, broker, {UNITS: entry.serve}, flushed, letters, telemetry, clock, seat=owner)
    keeper = PlaceKeeper(owner, consumer, entry, forget, clock)
    consumer.watch.loading = lambda: keeper.loading
    last = Hook("last", start=lambda: asyncio.sleep(LAST_PART_SECONDS))
    parts: list[Part] = [BrokerPart(broker, clock), Hook("peers", stop=peers.close), keeper, consumer, last]
    runtime = Runtime("placed", parts)
    door = application(
        "placed",
        [_router(owner)],
        readiness=runtime,
        identity=read_identity(settings.identity, clock),
        telemetry=telemetry,
        placing=Placing(owner, peers),
    )
    return Service(runtime, door, settings.http)


def _router(owner: Owner) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/projects/{project_id}/units")
    async def units(project_id: str, caller: Annotated[Caller, require(Role.OPERATOR)]) -> dict[str, object]:
        """Return who serves the project."""
        del caller
        return {"at": owner.address, "project": project_id, "pid": os.getpid()}

    return router


if __name__ == "__main__":
    sys.exit(main(from_environment))
