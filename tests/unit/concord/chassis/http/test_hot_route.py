"""A hot route answers what the same route answers through the framework, and whatever is raised in it."""

from collections.abc import Callable
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.errors import Backlogged, FieldError, NotFound
from concord.chassis.http import AnyId, HotRoute, allow_body, documented, json_answer, read_json, whole_body
from concord.chassis.identity import Caller, Role, require
from concord.chassis.telemetry import Telemetry

Client = Annotated[Caller, require(Role.CLIENT)]
PLACES = ("hot", "plain")


class Over(Exception):
    """The lease is over."""


class Gone(Over):
    """A kind of its own, which no table names."""


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    count: int


WISH = msgspec.json.Decoder(Wish)
FAULTS: dict[str, Exception] = {
    "over": Over("The lease ended."),
    "gone": Gone("The lease is gone."),
    "broker": BrokerUnavailable("no answer"),
    "backlog": Backlogged("60,000 events wait."),
    "absent": NotFound("There is no unit u-1.", [FieldError("unit_id", "is not known", "list the units")]),
    "teapot": HTTPException(418, "I am a teapot", {"X-Kind": "brown"}),
    "bug": RuntimeError("the payload was: secret"),
}


async def serve(request: Request, unit_id: AnyId, caller: Client) -> Response:
    if unit_id in FAULTS:
        raise FAULTS[unit_id]
    allow_body(request, 100, gzip=True)
    wish = await read_json(request, WISH)
    assert await whole_body(request) == await whole_body(request), "it is kept"
    return json_answer(wish, 201 if caller.subject == "c-1" else 200)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("tested")


@pytest.fixture
def door(built: Callable[..., FastAPI], calling: Callable[..., httpx.AsyncClient], telemetry: Telemetry) -> Any:
    hot, plain = APIRouter(prefix="/v1", route_class=HotRoute), APIRouter(prefix="/v1")
    for router, name in ((hot, "hot"), (plain, "plain")):
        router.post(f"/{name}/{{unit_id}}/wish", **documented(body=Wish, reply=Wish))(serve)
    plain.get("/hot/{unit_id}/wish")(serve)
    return calling(built(hot, plain, domain={Over: 410}, telemetry=telemetry))


async def answers(door: httpx.AsyncClient, unit_id: str, **sent: Any) -> list[tuple[int, dict[str, str], Any]]:
    """Return status, headers and body of both, without the instance, which names the path or the incident."""
    found = []
    for place in PLACES:
        answer = await door.post(f"/v1/{place}/{unit_id}/wish", **sent)
        body = answer.json()
        body.pop("instance", None)
        headers = dict(answer.headers)
        del headers["content-length"]
        found.append((answer.status_code, headers, body))
    return found


@pytest.mark.parametrize(
    ("unit_id", "status"),
    [
        ("u-1", 201),
        ("u-1?count=1", 422),
        ("over", 410),
        ("gone", 410),
        ("broker", 503),
        ("backlog", 503),
        ("absent", 404),
        ("teapot", 418),
        ("bug", 500),
    ],
)
async def test_it_answers_as_any_other_route(door: httpx.AsyncClient, bearer: Any, unit_id: str, status: int) -> None:
    path, _, query = unit_id.partition("?")
    params = {"params": dict([query.split("=")])} if query else {}
    hot, plain = await answers(door, path, json={"count": 3}, headers=bearer(Role.CLIENT, subject="c-1"), **params)
    assert hot == plain
    assert hot[0] == status


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b'{"count": "x"}', {"content-type": "application/json; charset=utf-8"}, 422),
        (b'{"count": 1}', {"content-type": "text/plain"}, 415),
        (b'{"count": 1}', {}, 415),
        (b'{"count": 1}' + b" " * 100, {"content-type": "application/json"}, 413),
        (b'{"count": 1}', {"content-type": "application/json", "content-encoding": "gzip"}, 400),
    ],
)
async def test_bodies_are_bounded_and_refused_alike(
    door: httpx.AsyncClient, bearer: Any, body: bytes, headers: dict[str, str], status: int
) -> None:
    hot, plain = await answers(door, "u-1", content=body, headers=bearer(Role.CLIENT) | headers)
    assert hot == plain
    assert hot[0] == status


async def test_nobody_is_let_in_without_the_role(door: httpx.AsyncClient, bearer: Any) -> None:
    for headers, status in (({}, 401), (bearer(Role.AUDITOR), 403)):
        hot, plain = await answers(door, "bug", json={"count": 3}, headers=headers)
        assert hot == plain
        assert hot[0] == status


async def test_other_methods_and_paths_are_the_routers(door: httpx.AsyncClient, bearer: Any) -> None:
    headers = bearer(Role.CLIENT)
    assert (await door.get("/v1/hot/over/wish", headers=headers)).status_code == 410
    refused = await door.put("/v1/hot/u-1/wish", headers=headers)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await door.post("/v1/hot/u-1/wish/more", headers=headers)).status_code == 404
    assert (await door.post("/v1/hot//wish", headers=headers)).status_code == 404


async def test_it_is_timed_under_its_template(door: httpx.AsyncClient, bearer: Any, telemetry: Telemetry) -> None:
    def timed(status: str) -> float | None:
        labels = {"service": "tested", "route": "/v1/hot/{unit_id}/wish", "status": status}
        return telemetry.registry.get_sample_value("concord_http_request_seconds_count", labels)

    await answers(door, "u-1", json={"count": 3}, headers=bearer(Role.CLIENT, subject="c-1"))
    await answers(door, "bug", json={"count": 3}, headers=bearer(Role.CLIENT))
    assert (timed("201"), timed("500")) == (1.0, 1.0)
