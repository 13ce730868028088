"""The door answers health at all times, guards every other route, and refuses with field and cure."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.errors import Backlogged, FieldError, NotFound
from concord.chassis.http import problem, read_json, unguarded_routes
from concord.chassis.identity import Caller, Guard, Role, require
from concord.chassis.store.port import StoreUnavailable
from concord.chassis.table import TableBehind

Build = Callable[..., FastAPI]
Calling = Callable[[FastAPI], httpx.AsyncClient]
Bearer = Callable[..., dict[str, str]]
Client = Annotated[Caller, require(Role.CLIENT)]


class LeaseExpired(Exception):
    """The lease is over."""


class OverlapRefused(ValueError):
    """A policy that cannot be."""

    field, cure = "policy.overlap.max", "send 1 to 20"


class Submission(msgspec.Struct, forbid_unknown_fields=True):
    seconds: Annotated[int, msgspec.Meta(ge=1)]
    tags: list[str] = []


class Claim(msgspec.Struct, forbid_unknown_fields=True):
    count: int


CLAIM = msgspec.json.Decoder(Claim)
SUBMISSION = msgspec.json.Decoder(Submission)
FAULTS: dict[str, Exception] = {
    "lease": LeaseExpired("The lease l-1 ended at noon."),
    "overlap": OverlapRefused("overlap.max is 0."),
    "store": StoreUnavailable("no answer from mongodb://user:secret@store"),
    "broker": BrokerUnavailable("no answer"),
    "table": TableBehind("table concord.projects.v1 is 3 records behind"),
    "backlog": Backlogged("60,000 events wait."),
    "absent": NotFound("There is no unit u-1.", [FieldError("unit_id", "is not known", "list the units")]),
    "bug": RuntimeError("the payload was: secret"),
}
DOMAIN = {LeaseExpired: 410, OverlapRefused: 422}


@pytest.fixture
def routes() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/submissions", status_code=201)
    async def submit(request: Request, caller: Client, page: int = 1) -> dict[str, Any]:
        body = await read_json(request, SUBMISSION)
        return {"who": caller.subject, "tenant": caller.tenant, "seconds": body.seconds + page}

    @router.post("/claims")
    async def claim(request: Request, caller: Client) -> dict[str, Any]:
        assert request.app.state.service == {"name": "tested"}
        return {"count": (await read_json(request, CLAIM)).count, "who": caller.subject}

    @router.get("/guideline")
    async def guideline(response: Response, caller: Client) -> str:
        response.headers["cache-control"] = "private, max-age=60"
        return "Label what you see."

    @router.get("/faults/{name}")
    async def fault(name: str, caller: Client) -> None:
        raise FAULTS[name]

    return router


@pytest.fixture
def door(built: Build, calling: Calling, routes: APIRouter) -> httpx.AsyncClient:
    return calling(built(routes, domain=DOMAIN))


@pytest.fixture
def client(bearer: Bearer) -> dict[str, str]:
    return bearer(Role.CLIENT, subject="c-1")


async def test_health_answers_without_a_credential_and_before_anything_is_ready(
    door: httpx.AsyncClient, life: Any, client: dict[str, str]
) -> None:
    life.serving, life.told = False, ["store is being started"]
    assert (await door.get("/live")).status_code == 200
    ready = await door.get("/ready")
    assert (ready.status_code, ready.json()["detail"]) == (503, "store is being started.")
    refused = await door.get("/v1/faults/lease", headers=client)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    life.serving, life.told = True, []
    assert (await door.get("/ready")).json() == {"status": "ready"}
    life.missing.append("the store has not answered for 9 s")
    assert (await door.get("/ready")).json() == {"status": "ready", "lacking": ["the store has not answered for 9 s"]}
    assert "concord_ready 1.0" in (await door.get("/metrics")).text
    assert (await door.get("/v1/faults/lease", headers=client)).status_code == 410


async def test_both_kinds_of_body_are_read(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    submitted = await door.post("/v1/submissions", json={"seconds": 3}, headers=client)
    assert (submitted.status_code, submitted.json()) == (201, {"who": "c-1", "tenant": "k7q2", "seconds": 4})
    claimed = await door.post("/v1/claims", json={"count": 2}, headers=client)
    assert claimed.json() == {"count": 2, "who": "c-1"}


@pytest.mark.parametrize(
    ("path", "body", "field", "cure"),
    [
        ("submissions", {}, "seconds", "send it"),
        ("submissions", {"seconds": 0}, "seconds", "send what was expected"),
        ("submissions", {"seconds": 1, "tags": ["a", 3]}, "tags[1]", "send what was expected"),
        ("submissions", {"seconds": 1, "tag": []}, "tag", "leave it out"),
        ("submissions?page=x", {"seconds": 1}, "page", "see /openapi.json"),
        ("claims", {}, "count", "send it"),
        ("claims", {"count": "x"}, "count", "send what was expected"),
        ("claims", {"count": 1, "size": 1}, "size", "leave it out"),
        ("claims", [], "body", "send what was expected"),
    ],
)
async def test_a_wrong_body_is_told_field_and_cure(
    door: httpx.AsyncClient, client: dict[str, str], fields: Any, path: str, body: object, field: str, cure: str
) -> None:
    answer = await door.post(f"/v1/{path}", json=body, headers=client)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (entry,) = fields(answer)
    assert entry[0] == field
    assert entry[1]
    assert entry[2].startswith(cure)


@pytest.mark.parametrize("path", ["submissions", "claims"])
@pytest.mark.parametrize("text", [b"{", b"\xff", b"nul", b"", b"{]"])
async def test_what_is_no_json_is_a_bad_request(
    door: httpx.AsyncClient, client: dict[str, str], path: str, text: bytes
) -> None:
    answer = await door.post(f"/v1/{path}", content=text, headers=client | {"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_body_that_is_not_declared_as_json_is_refused(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    text = client | {"content-type": "text/plain"}
    assert (await door.post("/v1/claims", content=b'{"count":1}', headers=text)).status_code == 415
    assert (await door.post("/v1/submissions", content=b'{"seconds":1}', headers=text)).status_code == 415


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("lease", 410, "The lease l-1 ended at noon."),
        ("overlap", 422, "overlap.max is 0."),
        ("store", 503, "The store does not answer"),
        ("broker", 503, "The broker does not answer"),
        ("table", 503, "This process is catching up"),
        ("backlog", 503, "60,000 events wait."),
        ("absent", 404, "There is no unit u-1."),
        ("bug", 500, "Something went wrong here"),
    ],
)
async def test_every_fault_has_its_status_and_sentence(
    door: httpx.AsyncClient, client: dict[str, str], name: str, status: int, said: str
) -> None:
    answer = await door.get(f"/v1/faults/{name}", headers=client)
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, body["status"]) == (status, status)
    assert body["detail"].startswith(said)
    assert {"type", "instance"} <= body.keys()
    assert body["title"] == HTTPStatus(status).phrase, "one status has one title"
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_domain_exception_tells_its_field_and_cure(
    door: httpx.AsyncClient, client: dict[str, str], fields: Any
) -> None:
    answer = await door.get("/v1/faults/overlap", headers=client)
    assert fields(answer) == [("policy.overlap.max", "overlap.max is 0.", "send 1 to 20")]


async def test_an_unexpected_fault_is_logged_under_the_id_that_the_caller_is_told(
    door: httpx.AsyncClient, client: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await door.get("/v1/faults/bug", headers=client)
    incident = answer.json()["instance"].removeprefix("urn:uuid:")
    (line,) = [record for record in caplog.records if incident in record.getMessage()]
    assert line.exc_info
    assert isinstance(line.exc_info[1], RuntimeError)


async def test_credentials_are_asked_for_and_only_a_role_is_forbidden(door: httpx.AsyncClient, bearer: Bearer) -> None:
    without = await door.post("/v1/claims", json={"count": 1})
    assert (without.status_code, without.headers["www-authenticate"]) == (401, 'Bearer realm="concord"')
    assert (await door.post("/v1/claims", json={"count": 1}, headers={"authorization": "Bearer x"})).status_code == 401
    other = await door.post("/v1/claims", json={"count": 1}, headers=bearer(Role.AUDITOR))
    assert (other.status_code, other.json()["detail"][:26]) == (403, "This needs the role client")


async def test_no_route_and_no_method_are_problems_too(door: httpx.AsyncClient, client: dict[str, str]) -> None:
    absent = await door.get("/v1/nothing", headers=client)
    assert (absent.status_code, absent.headers["content-type"]) == (404, "application/problem+json")
    method = await door.delete("/v1/claims", headers=client)
    assert (method.status_code, method.headers["allow"]) == (405, "POST")
    assert method.headers["content-type"] == "application/problem+json"


async def test_health_has_a_head_and_what_is_only_sent_to_has_none(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    for path in ("/live", "/ready", "/metrics", "/openapi.json"):
        got, head = await door.get(path), await door.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    assert (await door.head("/v1/claims", headers=client)).headers["allow"] == "POST"


async def test_the_openapi_document_is_written_down_once(
    door: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await door.get("/openapi.json")
    assert "/v1/claims" in first.json()["paths"]

    def again(app: FastAPI) -> None:
        raise AssertionError(f"{app.title} is looked at again")

    monkeypatch.setattr(FastAPI, "openapi", again)
    monkeypatch.setattr("fastapi.applications.get_openapi", again)
    monkeypatch.setattr(msgspec.json, "encode", again)
    second = await door.get("/openapi.json")
    assert (second.status_code, second.content, second.headers["content-type"]) == (
        200,
        first.content,
        "application/json",
    )


async def test_a_slash_at_the_end_is_another_address_and_no_redirect(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    assert (await door.post("/v1/claims/", json={"count": 1}, headers=client)).status_code == 404


async def test_requests_are_timed_by_route_template_and_health_is_not(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    for name in ("lease", "absent", "absent"):
        await door.get(f"/v1/faults/{name}", headers=client)
    await door.get("/live")
    shown = (await door.get("/metrics")).text
    line = 'concord_http_request_seconds_count{route="/v1/faults/{name}",service="tested",status="404"} 2.0'
    assert line in shown
    assert "/live" not in shown
    assert 'concord_http_requests_in_flight{service="tested"} 0.0' in shown


async def test_answers_are_kept_out_of_caches_unless_a_route_says_otherwise(
    door: httpx.AsyncClient, client: dict[str, str]
) -> None:
    headerss = [
        (await door.get(f"/v1/{path}", headers=client)).headers for path in ("guideline", "faults/lease", "none")
    ]
    assert [headers["cache-control"] for headers in headerss] == ["private, max-age=60", "no-store", "no-store"]
    assert {headers["x-content-type-options"] for headers in headerss} == {"nosniff"}


def test_a_route_without_a_guard_is_found(built: Build, routes: APIRouter) -> None:
    assert unguarded_routes(built(routes)) == []

    @routes.get("/open")
    async def open_to_all() -> None: ...

    assert unguarded_routes(built(routes)) == ["GET /v1/open"]


def test_a_router_in_a_router_is_refused_because_it_could_not_be_walked(built: Build, routes: APIRouter) -> None:
    outer = APIRouter()
    outer.include_router(routes)
    with pytest.raises(AssertionError):
        built(outer)


class SignedLink(Guard):
    """A guard that wants no bearer."""


def test_the_document_asks_no_bearer_of_a_route_with_a_guard_of_its_own(built: Build) -> None:
    router = APIRouter()

    @router.get("/payload", dependencies=[Depends(SignedLink((Role.CLIENT,)))])
    async def payload() -> None: ...

    app = built(router)
    assert unguarded_routes(app) == []
    assert "security" not in app.openapi()["paths"]["/payload"]["get"]


def test_the_document_says_problem_and_credential_for_every_route(built: Build, routes: APIRouter) -> None:
    app = built(routes)
    document = app.openapi()
    assert document is app.openapi()
    assert set(document["paths"]) == {"/v1/submissions", "/v1/claims", "/v1/guideline", "/v1/faults/{name}"}
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["security"] == [{"bearer": []}]
            statuses = {int(status) for status in operation["responses"]}
            refusals = {status for status in statuses if status >= 400}
            assert refusals >= {401, 403, 429, 503}
            for status in refusals:
                assert "application/problem+json" in operation["responses"][str(status)]["content"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_a_problem_lists_at_most_fifty_fields() -> None:
    answer = problem(422, "All wrong.", errors=[FieldError(f"f[{i}]", "is wrong", "put it right") for i in range(99)])
    assert len(msgspec.json.decode(answer.body)["errors"]) == 50
