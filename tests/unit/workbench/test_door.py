"""The door: pages for everybody, services for whoever is signed in, each with that person's own credential."""

import asyncio
import json

import httpx
import pytest
from aiohttp import web
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from concord.chassis.errors import Unavailable
from concord.chassis.http import unguarded_routes
from tests.support.patience import PATIENCE_SECONDS
from tests.support.workbench import BASE, Front, front
from workbench.api import PAGES
from workbench.layer import policy_of

OPEN = {
    *(f"GET {path}" for path in PAGES), "GET /files/{name:path}", "GET /session",
    "POST /session/renewal", "POST /sign-in", "POST /sign-out", "GET /sign-in/issuer", "GET /sign-in/back",
}  # fmt: skip


async def test_only_pages_and_signing_in_are_open(bench: Front) -> None:
    app = bench.client._transport.app._app  # type: ignore[attr-defined]  # behind the layer
    assert set(unguarded_routes(app)) == OPEN


@pytest.mark.parametrize("path", ["/", "/annotate/local-p", "/projects", "/sign-in"])
async def test_every_page_is_the_one_document_under_a_strict_policy(path: str, bench: Front) -> None:
    answer = await bench.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script" in answer.text
    assert "onclick" not in answer.text


async def test_an_address_that_is_no_page_is_refused(bench: Front) -> None:
    assert (await bench.client.get("/nowhere")).status_code == 404
    assert (await bench.client.get("/files/../settings.py")).status_code == 404
    assert (await bench.client.get("/files/vendor/vendor.toml")).status_code == 404


async def test_a_file_is_sent_once_and_asked_for_again_by_its_tag(bench: Front) -> None:
    first = await bench.client.get("/files/app.js")
    again = await bench.client.get("/files/app.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-encoding"] == "gzip"
    assert again.status_code == 304
    assert again.content == b""
    plain = await bench.client.get("/files/app.js", headers={"accept-encoding": "identity"})
    assert plain.text == first.text


async def test_who_looks_ahead_sees_pages_and_files_and_uses_nothing_up(bench: Front) -> None:
    for path in ("/", "/files/app.js", "/session"):
        got, head = await bench.client.get(path), await bench.client.head(path)
        assert (head.status_code, head.headers, head.content) == (200, got.headers, b"")
    for path in ("/sign-in/back?code=c&state=s", "/api/assign/v1/me"):
        assert (await bench.client.head(path)).status_code == 405
    assert bench.upstream.asked == []


async def test_nobody_reaches_a_service_without_having_signed_in(bench: Front) -> None:
    answer = await bench.client.get("/api/assign/v1/me")
    assert answer.status_code == 401
    assert bench.upstream.asked == []


async def test_a_request_goes_on_with_the_persons_own_token_and_without_the_cookie(bench: Front) -> None:
    await bench.signed_in("auditor", "Zoë K.")
    answer = await bench.client.get("/api/audit/v1/inspections?limit=3", headers={"authorization": "Bearer cnc_x_y"})
    assert answer.json()["path"] == "/v1/inspections?limit=3"
    body = bench.upstream.asked[-1]["headers"]
    assert body["authorization"].startswith("Bearer ey")
    assert "cookie" not in {name.lower() for name in body}


async def test_an_address_goes_on_to_the_letter_as_it_was_sent(bench: Front) -> None:
    await bench.signed_in("operator")
    answer = await bench.client.get("/api/assign/v1/annotators/auth0%7C5%2F7?x=%20")
    assert answer.json()["path"] == "/v1/annotators/auth0%7C5%2F7?x=%20"


@pytest.mark.parametrize(
    "path", ["nobody/v1/me", "assign/live", "assign/v1/%2e%2e/live", "assign/v1/../metrics", "assign/v1/..%2fx"]
)
async def test_what_is_no_address_of_an_api_goes_nowhere(path: str, bench: Front) -> None:
    await bench.signed_in("operator")
    before = len(bench.upstream.asked)
    assert (await bench.client.get(f"/api/{path}")).status_code == 404
    assert len(bench.upstream.asked) == before


async def test_a_change_without_the_sessions_word_goes_nowhere(bench: Front) -> None:
    body = await bench.signed_in("client")
    before = len(bench.upstream.asked)
    for headers in (
        {}, {"x-concord-csrf": "sign-in"}, {"x-concord-csrf": "0" * 64}, {**body, "sec-fetch-site": "cross-site"},
        {**body, "origin": "https://evil.example"}, {**body, "origin": "null"},
        {**body, "origin": "http://[x"},
    ):  # fmt: skip
        answer = await bench.client.put("/api/ingest/v1/projects/p", json={}, headers=headers)
        assert answer.status_code == 403, headers
    assert len(bench.upstream.asked) == before
    own = {**body, "origin": "http://127.0.0.1:18080", "sec-fetch-site": "same-origin"}
    assert (await bench.client.put("/api/ingest/v1/projects/p", json={"a": 1}, headers=own)).status_code == 200
    assert bench.upstream.asked[-1]["body"] == b'{"a":1}'


async def test_what_a_service_hands_over_may_do_nothing_as_a_page(bench: Front) -> None:
    await bench.signed_in("client")
    bench.upstream.answers["/v1/payloads/u"] = lambda: web.Response(
        text="<script>alert(1)</script>", content_type="text/html"
    )
    answer = await bench.client.get("/api/ingest/v1/payloads/u")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_refusal_comes_through_with_its_cure(bench: Front) -> None:
    await bench.signed_in("client")
    problem = {"detail": "no", "status": 422, "errors": [{"field": "f", "problem": "p", "cure": "c"}]}
    bench.upstream.answers["/v1/projects"] = lambda: web.json_response(
        problem, status=422, content_type="application/problem+json", headers={"retry-after": "3"}
    )
    answer = await bench.client.get("/api/ingest/v1/projects")
    assert answer.status_code == 422
    assert answer.json() == problem
    assert answer.headers["retry-after"] == "3"


async def test_a_service_that_is_away_is_told_as_that(bench: Front, unused_tcp_port: int) -> None:
    await bench.signed_in("client")
    bench.settings.services.by_name()
    forwarder = bench.client._transport.app._app.state.service.forwarder  # type: ignore[attr-defined]  # behind the layer
    forwarder._addresses["ingest"] = f"http://127.0.0.1:{unused_tcp_port}"
    answer = await bench.client.get("/api/ingest/v1/projects")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "ingest does not answer" in answer.json()["detail"]


async def test_streams_of_events_leave_room_for_whoever_asks(bench: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = b"event: quality\ndata: {}\n\n"

    def stream() -> web.Response:
        answer = web.Response(body=encoded, content_type="text/event-stream")
        answer.enable_chunked_encoding()
        return answer

    monkeypatch.setattr("workbench.forward.STREAMS_MAX", 1)
    bench.upstream.answers["/v1/projects/p/quality/events"] = stream
    forwarder = bench.client._transport.app._app.state.service.forwarder  # type: ignore[attr-defined]  # behind the layer
    url = forwarder.url("metrics", "v1/projects/p/quality/events", "")
    first = await forwarder.send("metrics", "GET", url, {}, None)
    events = first.body_iterator
    assert await anext(events) == encoded
    with pytest.raises(Unavailable, match="As many streams as may"):
        await forwarder.send("metrics", "GET", url, {}, None)
    # Whatever is no stream comes through meanwhile, and whoever leaves makes room.
    await bench.signed_in("client")
    assert (await bench.client.get("/api/metrics/v1/projects/p/quality")).status_code == 200
    await events.aclose()
    assert (await bench.client.get("/api/metrics/v1/projects/p/quality/events")).content == encoded


class Browser:
    """A browser that can hang up once it has sent a request.

    Attributes:
        hung_up: set when it does.
    """

    def __init__(self, bench: Front) -> None:
        self.hung_up = asyncio.Event()
        self.door: ASGIApp = bench.client._transport.app  # type: ignore[attr-defined]  # behind the layer
        transport = httpx.ASGITransport(self)
        self.client = httpx.AsyncClient(transport=transport, base_url=BASE, cookies=bench.client.cookies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = True

        async def heard() -> Message:
            nonlocal more
            if more:
                message = await receive()
                more = message.get("more_body", False)
                return message
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        await self.door(scope, heard, send)


async def until_gone(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # no event for it
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "assign/v1/projects/p/claims"), ("GET", "audit/v1/projects/p/lots")]
)
async def test_a_service_hears_that_a_browser_has_hung_up_while_it_waits(method: str, path: str, bench: Front) -> None:
    answer = await bench.signed_in("annotator")
    here, gone = asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        here.set()
        await until_gone(request)
        gone.set()
        return web.Response()

    bench.upstream.waits[f"/{path.partition('/')[2]}"] = wait
    browser = Browser(bench)
    async with browser.client, asyncio.timeout(PATIENCE_SECONDS):
        body = {"units": 4, "wait_seconds": 20} if method == "POST" else None
        asking = asyncio.create_task(browser.client.request(method, f"/api/{path}", json=body, headers=answer))
        await here.wait()
        assert not gone.is_set()
        browser.hung_up.set()
        await gone.wait()
        await asking
    assert bench.forwarder.waits == 0


async def test_a_change_goes_on_though_nobody_hears_of_it(bench: Front) -> None:
    body = await bench.signed_in("annotator")
    here, go = asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        here.set()
        await go.wait()
        assert request.transport is not None
        return web.json_response({"taken": not request.transport.is_closing()})

    bench.upstream.waits["/v1/submissions"] = wait
    browser = Browser(bench)
    async with browser.client, asyncio.timeout(PATIENCE_SECONDS):
        asking = asyncio.create_task(browser.client.post("/api/assign/v1/submissions", json={}, headers=body))
        await here.wait()
        browser.hung_up.set()
        await asyncio.sleep(0.02)
        go.set()
        assert (await asking).json() == {"taken": True}


async def test_claims_are_answered_at_once_where_as_many_wait_as_may(
    bench: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = await bench.signed_in("annotator")
    path, wish = "/api/assign/v1/projects/p/claims", {"units": 4, "wait_seconds": 20}
    await bench.client.post(path, json=wish, headers=body)
    assert json.loads(bench.upstream.asked[-1]["body"]) == wish
    monkeypatch.setattr("workbench.forward.WAITS_MAX", 0)
    await bench.client.post(path, json=wish, headers=body)
    assert json.loads(bench.upstream.asked[-1]["body"]) == {"units": 4}
    await bench.client.post(path, content=b"no json", headers={**body, "content-type": "application/json"})
    assert bench.upstream.asked[-1]["body"] == b"no json", "the service says what is wrong with it"


async def test_lines_are_handed_on_as_they_come_and_larger_than_other_bodies_may_be(bench: Front) -> None:
    body = await bench.signed_in("client")
    lines = b'{"id":"1"}\n' * 200_000
    headers = {**body, "content-type": "application/x-ndjson"}
    assert (
        await bench.client.post("/api/ingest/v1/projects/p/units", content=lines, headers=headers)
    ).status_code == 200
    assert bench.upstream.asked[-1]["body"] == lines
    headers["content-type"] = "text/csv"
    assert (await bench.client.post("/api/assign/v1/annotators", content=lines, headers=headers)).status_code == 200
    assert bench.upstream.asked[-1]["body"] == lines
    headers["content-type"] = "application/json"
    assert (
        await bench.client.post("/api/ingest/v1/projects/p/units", content=lines, headers=headers)
    ).status_code == 413


async def test_a_long_answer_comes_through_whole(bench: Front) -> None:
    await bench.signed_in("client")
    content = b"x" * 3_000_000
    bench.upstream.answers["/v1/projects/p/export"] = lambda: web.Response(
        body=content, headers={"content-disposition": 'attachment; filename="p-1.jsonl"', "set-cookie": "a=1"}
    )
    answer = await bench.client.get("/api/audit/v1/projects/p/export")
    assert answer.content == content
    assert answer.headers["content-disposition"] == 'attachment; filename="p-1.jsonl"'
    assert "set-cookie" not in answer.headers


async def test_the_kind_of_a_units_content_comes_through_so_that_reviewers_see_pictures_too(bench: Front) -> None:
    await bench.signed_in("adjudicator")
    bench.upstream.answers["/v1/payloads/u1"] = lambda: web.json_response(
        {"uri": "https://media.example/a.png"}, headers={"concord-media-type": "image/png"}
    )
    answer = await bench.client.get("/api/ingest/v1/payloads/u1")
    assert answer.headers["concord-media-type"] == "image/png"


async def test_a_plan_is_told_to_whoever_is_signed_in(bench: Front) -> None:
    terms = "plan=sequential&fraction=0.05&aql=0.01&ltpd=0.05&alpha=0.05&beta=0.1&lot_units=500"
    assert (await bench.client.get(f"/plan?{terms}")).status_code == 401
    await bench.signed_in("client")
    plan = (await bench.client.get(f"/plan?{terms}")).json()
    assert plan["inspected"][-1] == plan["sample_max"]
    refused = await bench.client.get("/plan?plan=single")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["cure"] == "send it"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("plan=fraction&aql=inf", "query"),
        ("plan=fraction&aql=1e308", "query"),
        ("plan=single&ltpd=nan", "query"),
        ("plan=single&ltpd=much", "ltpd"),
        ("plan=single&lot_units=1.5", "lot_units"),
    ],
)
async def test_what_is_no_plan_is_refused_with_what_is_wrong_with_it(query: str, field: str, bench: Front) -> None:
    await bench.signed_in("client")
    asked = {"fraction": "0.05", "aql": "0.01", "ltpd": "0.05", "alpha": "0.05", "beta": "0.1", "lot_units": "500"}
    asked |= dict(part.split("=") for part in query.split("&"))
    answer = await bench.client.get("/plan", params=asked)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert error["cure"]


def test_a_clients_pictures_may_be_shown_and_nothing_else_of_theirs() -> None:
    policy = dict(name.split(" ", 1) for name in policy_of(["https://media.example"]).split("; "))
    allowed = {name for name, sources in policy.items() if "https://media.example" in sources}
    assert allowed == {"img-src", "media-src"}


async def test_https_binds_the_browser_to_it(tmp_path: object) -> None:
    from pathlib import Path  # noqa: PLC0415 - only here

    async with front(Path(str(tmp_path)), CONCORD_WORKBENCH_URL="https://work.example") as entry:
        answer = await entry.client.get("/")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        await entry.signed_in("auditor")
        cookies = [cookie for cookie in entry.client.cookies.jar if cookie.value]
        assert [(cookie.name, cookie.secure) for cookie in cookies] == [("__Host-concord-session", True)]
