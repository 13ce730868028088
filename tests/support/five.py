"""All five services in memory, with things of two clients in every state that a route can meet. Time is virtual."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute

from concord.chassis.clock import LoopClock
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from services.audit.bootstrap import wire as wire_audit
from simulation.house import ENVIRONMENT, Answer, House, call
from simulation.lives import SERVICES, Wire
from simulation.virtual_time import VirtualTimeLoop
from tests.support.receivers import Receivers

CLIENTS = ("k1", "k2")
ANNOTATORS = ("ann-1", "ann-2")
NOW_US = 1_790_000_000_000_000
SETTLE_SECONDS = 5.0
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "guideline": "Say yes or no.",
    "policy": {
        "overlap": {"initial": 2, "max": 2},
        "consensus": {"method": "majority", "confidence": 0.9},
        "gold": {"rate": 0.0},
        "lot": {"size": 1},
        "lease": {"seconds": 86_400},
        "audit": {"plan": "fraction", "fraction": 1.0},
    },
}

T = TypeVar("T")


@dataclass(slots=True)
class Things:
    """What one client has: a unit that waits, one in an annotator's hands, one escalated, one to inspect, one accepted.

    Attributes:
        lots: lot id by the unit's name.
        links: path and query of payload links that were given out, by the role that was given them.
    """

    client: str
    project: str = ""
    units: dict[str, str] = field(default_factory=dict)
    lots: dict[str, str] = field(default_factory=dict)
    assignment: str = ""
    import_id: str = ""
    webhook: str = ""
    delivery: str = ""
    model: str = ""
    links: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Five:
    """The services, and who calls them."""

    house: House
    services: dict[str, Service] = field(default_factory=dict)
    things: dict[str, Things] = field(default_factory=dict)

    def app(self, service: str) -> FastAPI:
        """Return a service's door."""
        app = self.services[service].application
        assert isinstance(app, FastAPI)
        return app

    def routes(self) -> list[tuple[str, str, str]]:
        """Return service, method and path of every route of every router, health and telemetry left out."""
        return [
            (name, method, route.path_format)
            for name in self.services
            for route in self.app(name).routes
            if isinstance(route, APIRoute) and route.include_in_schema
            for method in sorted(route.methods or ())
        ]

    async def call(self, service: str, method: str, path: str, who: str = "", body: Any = None, **more: Any) -> Answer:
        """Call a route with a token; `who` is role, subject and client, as in `auditor/aud-1/k1`."""
        token = ""
        if who:
            role, subject, *client = who.split("/")
            token = self.house.token(subject, Role(role), client_id=client[0] if client else None)
        path, _, query = path.partition("?")
        return await call(self.services[service].application, method, path, token, body, query=query, **more)

    async def told(self, service: str, method: str, path: str, who: str, body: Any = None) -> Any:
        """Call a route that must succeed; return what it tells."""
        answer = await self.call(service, method, path, who, body)
        assert answer.status < 300, (service, method, path, answer.body)
        return answer.json()


def with_five(use: Callable[[Five], Awaitable[T]]) -> T:
    """Start the five, give them their work, and return what `use` makes of them; all in virtual time."""

    async def run() -> T:
        house = House(clock=LoopClock(NOW_US))
        five = Five(house)
        for name, (settings, wire) in SERVICES.items():
            # What leaves the house by itself would need threads, which virtual time has not.
            made = cast("Wire", partial(wire_audit, sender=Receivers())) if name == "audit" else wire
            five.services[name] = made(settings.from_environment(ENVIRONMENT), house.ports(name))
        starts = [asyncio.create_task(service.runtime.start()) for service in five.services.values()]
        await asyncio.gather(*starts)
        try:
            await _work(five)
            return await use(five)
        finally:
            for service in five.services.values():
                await service.runtime.stop()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())


async def _work(five: Five) -> None:
    for annotator in ANNOTATORS:
        await five.told("assign", "PUT", f"/v1/annotators/{annotator}", "operator/op", {})
    for client in CLIENTS:
        five.things[client] = await _client(five, client)


async def _client(five: Five, client: str) -> Things:
    things, key = Things(client), f"client/key/{client}"
    things.project = (await five.told("ingest", "PUT", "/v1/projects/p", key, DEFINITION))["project_id"]
    begun = await five.told("ingest", "POST", f"/v1/projects/{things.project}/imports", key, {"name": "file"})
    things.import_id = begun["import_id"]
    for unit in ("accepted", "inspected", "escalated"):
        await _admit(five, things, unit)
        await asyncio.sleep(SETTLE_SECONDS)
        for annotator in ANNOTATORS:
            offer = await _claim(five, things, annotator)
            label = "no" if (unit, annotator) == ("escalated", "ann-2") else "yes"
            path = f"/v1/assignments/{offer['assignment_id']}/submission"
            await five.told("assign", "POST", path, f"annotator/{annotator}", {"label": label})
        await asyncio.sleep(SETTLE_SECONDS)
        if unit == "accepted":
            await five.told(
                "audit",
                "POST",
                "/v1/inspections",
                "auditor/aud-0",
                {"verdicts": [{"unit_id": things.units[unit], "label": "yes"}]},
            )
    await _admit(five, things, "held")
    await asyncio.sleep(SETTLE_SECONDS)
    offer = await _claim(five, things, "ann-1")
    things.assignment = offer["assignment_id"]
    things.links["annotator"] = _link(offer["payload_url"])
    await _admit(five, things, "waiting")
    await asyncio.sleep(SETTLE_SECONDS)
    for lot in (await five.told("audit", "GET", f"/v1/projects/{things.project}/lots", key))["lots"]:
        name = {"accepted": "accepted", "auditing": "inspected"}.get(lot["status"])
        if name is not None:
            things.lots[name] = lot["lot_id"]
    assert set(things.lots) == {"accepted", "inspected"}, things
    hooks = f"/v1/projects/{things.project}/webhooks"
    wish = {"url": f"https://{client}.example.org/"}
    things.webhook = (await five.told("audit", "POST", hooks, key, wish))["webhook_id"]
    things.delivery = (await five.told("audit", "POST", f"{hooks}/{things.webhook}/test", key))["delivery_id"]
    models = f"/v1/projects/{things.project}/models"
    encoded = b"".join(
        json.dumps({"event_id": entry, "model": "m", "model_version": "1", "label": "no"}).encode() + b"\n"
        for entry in things.units
    )
    lines = (("content-type", "application/x-ndjson"),)
    posted = await five.call("audit", "POST", f"{models}/outputs", key, encoded, headers=lines)
    assert posted.json()["posted"] == len(things.units), posted.body
    things.model = (await five.told("audit", "GET", models, key))["models"][0]["model_id"]
    return things


async def _admit(five: Five, things: Things, name: str) -> None:
    unit = {"id": name, "content": f"text of {things.client}: {name}"}
    path = f"/v1/projects/{things.project}/units"
    (entry,) = (await five.told("ingest", "POST", path, f"client/key/{things.client}", [unit]))["units"]
    things.units[name] = entry["unit_id"]


async def _claim(five: Five, things: Things, annotator: str) -> Any:
    path = f"/v1/projects/{things.project}/claims"
    (offer,) = (await five.told("assign", "POST", path, f"annotator/{annotator}", {"units": 1}))["assignments"]
    return offer


def _link(url: str) -> tuple[str, str]:
    path, _, query = url.partition("?")
    return "/v1/" + path.partition("/v1/")[2], query
