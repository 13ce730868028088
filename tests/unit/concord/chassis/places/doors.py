"""Two doors of one service, in memory or on sockets, whose routes note who served what."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import msgspec
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from concord.chassis.broker.port import Deal
from concord.chassis.errors import Unavailable
from concord.chassis.http import application, left
from concord.chassis.identity import Caller, Role, require
from concord.chassis.places.forward import ForwardMiddleware, Placing
from concord.chassis.places.gather import Gather, merged
from concord.chassis.places.owner import Owner
from concord.chassis.places.peers import Peers
from concord.chassis.runtime.connection import BoundedConnection
from concord.chassis.telemetry import Telemetry
from concord.contracts.ids import placed_id, slot_of, slot_of_project
from simulation.house import House

PLACES = 8
MINE, THEIRS = "k7q2-rte", "k7q2-other"
"""Two projects in different places: the first door owns the first one's."""
assert slot_of_project(MINE) % PLACES != slot_of_project(THEIRS) % PLACES
LARGE_BYTES = 300_000

Operator = Annotated[Caller, require(Role.OPERATOR)]


class Ready:
    """A runtime that serves, unless a test says otherwise."""

    def __init__(self) -> None:
        self.serving = True

    def lacking(self) -> list[str]:
        return []

    def reasons(self) -> list[str]:
        return []


class Door:
    """One process's door, its table, and what it was asked."""

    def __init__(
        self, house: House, address: str, peers: Peers, *, naming: bool = False, lingering: bool = False
    ) -> None:
        self.address = address
        self.owner = Owner(PLACES, address, lingering=lingering)
        self.peers = peers
        self.gather = Gather(self.owner, peers)
        self.served: list[tuple[str, str, str]] = []
        self.bodies: list[bytes] = []
        self.busy = False
        self.in_hand: list[int] = []
        self.ready = Ready()
        self.telemetry = Telemetry("doors")
        self.application: FastAPI = application(
            "doors",
            [_single(self), _several(self)],
            readiness=self.ready,
            identity=house.identity(house.clock),
            telemetry=self.telemetry,
            placing=Placing(self.owner, peers, anywhere={"/v1/projects/{project_id}/anywhere"}, naming=naming),
        )

    def counted(self, outcome: str) -> float:
        return self.telemetry.registry.get_sample_value("concord_http_forwards_total", {"outcome": outcome}) or 0.0

    @property
    def waiting(self) -> int:
        """How many requests wait here for a place that changes hands."""
        layer = self.application.middleware_stack
        while layer is not None and not isinstance(layer, ForwardMiddleware):
            layer = getattr(layer, "_app", None) or getattr(layer, "app", None)
        at_door = 0 if layer is None else layer._moving._waiting
        return at_door + self.gather._moving._waiting

    def sees(self, name: str, caller: Caller, any_id: str) -> dict[str, str]:
        if self.busy:
            raise Unavailable("As busy as can be.")
        self.served.append((name, caller.subject, any_id))
        self.in_hand.append(self.owner.requests_in_hand())
        return {"at": self.address, "id": any_id}


def deal(*doors: Door) -> None:
    """Deal the places to the doors in turn, the first project's place to the first; all are loaded at once."""
    first = slot_of_project(MINE) % PLACES
    table = {door.address: frozenset(range(PLACES)) - {first} for door in doors[1:2]}
    table[doors[0].address] = frozenset({first}) if doors[1:] else frozenset(range(PLACES))
    for door in doors:
        mine = table[door.address]
        door.owner.dealt(Deal(mine, frozenset(), table))
        for place in mine:
            door.owner.opened(place)


def unit_of(project_id: str) -> str:
    return placed_id("u", project_id, "a" * 26)


def _single(door: Door) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/projects/{project_id}/lots")
    async def lots(project_id: str, caller: Operator) -> dict[str, str]:
        return door.sees("lots", caller, project_id)

    @router.post("/projects/{project_id}/anywhere")
    async def anywhere(project_id: str, caller: Operator) -> dict[str, str]:
        return door.sees("anywhere", caller, project_id)

    @router.post("/units/{unit_id}/note")
    async def note(unit_id: str, request: Request, caller: Operator, x: str = "") -> dict[str, str]:
        door.bodies.append(await request.body())
        return door.sees("note", caller, unit_id)

    @router.post("/units/{unit_id}/waits")
    async def waits(unit_id: str, request: Request, caller: Operator) -> dict[str, str]:
        await request.body()
        body = door.sees("waits", caller, unit_id)
        await left(request.receive)
        return door.sees("left", caller, unit_id) or body

    @router.get("/lots/{lot_id}/export")
    async def export(lot_id: str, caller: Operator) -> Response:
        door.sees("export", caller, lot_id)

        async def rows() -> AsyncIterator[bytes]:
            for number in range(LARGE_BYTES // 1_000):
                yield b"%04d" % number + b"x" * 996
                await asyncio.sleep(0)

        return StreamingResponse(rows(), media_type="application/x-ndjson", headers={"x-told": "yes"})

    return router


def _several(door: Door) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/units")
    async def units(request: Request, caller: Operator, limit: int = 50) -> dict[str, list[str]]:
        door.sees("units", caller, "")
        others = [
            msgspec.json.decode(page, type=dict[str, list[str]])["items"] for page in await door.gather.pages(request)
        ]
        own = sorted(f"{place:02}" for place in door.owner.open())[:limit]
        return {"items": merged([own, *others], key=lambda text: text, items_max=limit)}

    @router.post("/notes")
    async def notes(request: Request, caller: Operator) -> list[str]:
        items = msgspec.json.decode(await request.body(), type=list[str])

        async def serve(some: Sequence[str]) -> list[str]:
            for name in some:
                door.sees("notes", caller, name)
            return [f"{key} at {door.address}" for key in some]

        return await door.gather.split(
            request,
            items,
            slot_of,
            serve,
            msgspec.json.encode,
            lambda body: msgspec.json.decode(body, type=list[str]),
        )

    return router


@asynccontextmanager
async def listening(make: Callable[[str], Door]) -> AsyncIterator[Door]:
    """A door on a socket of its own, under its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    door = make(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(
        uvicorn.Config(door.application, http=BoundedConnection, ws="none", lifespan="off", log_config=None)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield door
    finally:
        server.should_exit = True
        await serving
        listener.close()


def refused_for_a_second(answer: httpx.Response) -> bool:
    """Return whether an answer says that the same may be asked again in a second."""
    return (answer.status_code, answer.headers["retry-after"], answer.headers["content-type"]) == (
        503,
        "1",
        "application/problem+json",
    )
