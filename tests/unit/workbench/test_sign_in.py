"""Signing in and out: what the cookie holds, how long, and by whom it can be read."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from concord.chassis.identity import Role, SigningKey, mint_token
from tests.support.workbench import AUDIENCE, ISSUER, Front, front
from workbench.session import Errand, Session, Sessions, cookies_of

SECRET = b"a secret of the workbench, long enough"


def written(sessions: Sessions, session: Session) -> dict[str, str]:
    headers = [cookie.header()[1].decode() for cookie in sessions.written(session, 60)]
    return dict(header.split(";")[0].split("=", 1) for header in headers)


@pytest.mark.parametrize("length", [10, 3_000, 8_192])
def test_a_session_is_read_back_whatever_its_tokens_length(length: int) -> None:
    sessions = Sessions(SECRET, over_https=True)
    session = Session.begun("t" * length)
    assert sessions.read(written(sessions, session)) == session


def test_a_shorter_session_takes_away_what_a_longer_one_left() -> None:
    sessions = Sessions(SECRET, over_https=False)
    browser = written(sessions, Session.begun("t" * 8_192))
    after = Session.begun("u" * 20)
    browser.update(written(sessions, after))
    assert sessions.read(browser) == after


def test_what_was_changed_or_sealed_by_another_is_no_session() -> None:
    sessions, others = Sessions(SECRET, over_https=False), Sessions(SECRET[::-1], over_https=False)
    cookies = written(sessions, Session.begun("token"))
    assert others.read(cookies) is None
    name, text = next((name, text) for name, text in cookies.items() if text)
    flipped = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
    assert sessions.read({**cookies, name: flipped}) is None
    assert sessions.read({name: "é"}) is None
    assert sessions.read({}) is None


def test_a_sign_in_is_no_session_and_ends_after_a_while() -> None:
    sessions = Sessions(SECRET, over_https=False)
    cookie = sessions.sent_out(Errand("s", "n", "v", "/", until=100), 60)
    held = cookies_of([(b"cookie", f"{cookie.name}={cookie.value}".encode())])
    errand = sessions.errand(held, 99)
    assert errand is not None
    assert errand.state == "s"
    assert sessions.errand(held, 100) is None
    assert sessions.read({"concord-session": cookie.value}) is None


def test_what_a_page_must_send_is_of_one_session() -> None:
    sessions = Sessions(SECRET, over_https=False)
    one, other = Session.begun("same"), Session.begun("same")
    assert sessions.csrf(one) != sessions.csrf(other)
    assert sessions.csrf(one) == Sessions(SECRET, over_https=True).csrf(one)


@pytest.mark.parametrize("role", [str(role) for role in Role])
async def test_a_button_a_role_signs_in(role: str, bench: Front) -> None:
    await bench.signed_in(role)
    told = (await bench.client.get("/session")).json()
    assert (told["subject"], told["roles"]) == (f"{role}-1", [role])
    assert told.get("client_id", "") == ("local" if role == "client" else "")


async def test_an_annotator_who_is_new_is_defined_and_a_known_one_left_alone(bench: Front) -> None:
    bench.upstream.answers["/v1/annotators/Zoë K."] = lambda: web.Response(status=404)
    await bench.signed_in("annotator", "Zoë K.")
    assert [one["method"] for one in bench.upstream.asked] == ["GET", "PUT"]
    assert bench.upstream.asked[1]["path"] == "/v1/annotators/Zo%C3%AB%20K."
    del bench.upstream.answers["/v1/annotators/Zoë K."]
    bench.upstream.asked.clear()
    bench.client.cookies.clear()
    await bench.signed_in("annotator", "Zoë K.")
    assert [one["method"] for one in bench.upstream.asked] == ["GET"]


async def test_who_signs_out_is_nobody(bench: Front) -> None:
    told = await bench.signed_in("auditor")
    assert (await bench.client.post("/sign-out", headers=told)).status_code == 204
    assert (await bench.client.get("/session")).json() == {"ways": ["local"], "csrf": ""}


async def test_nobody_can_be_called_nothing(bench: Front) -> None:
    body = {"role": "auditor", "subject": "a\u202eb"}
    answer = await bench.client.post("/sign-in", json=body, headers={"x-concord-csrf": "sign-in"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "subject"


async def test_another_site_cannot_sign_anybody_in(bench: Front) -> None:
    for headers in ({}, {"x-concord-csrf": "sign-in", "origin": "https://evil.example"}):
        assert (await bench.client.post("/sign-in", json={"role": "operator"}, headers=headers)).status_code == 403


class Issuer:
    """An OpenID Connect issuer: discovery, and codes that are good once for whoever began."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.asked: list[dict[str, str]] = []
        self.address = ""
        self.audience = AUDIENCE

    async def discovery(self, _request: web.Request) -> web.Response:
        told: dict[str, Any] = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
        }
        return web.json_response(told)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if form["code"] != "good":
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = mint_token(
            self.key, issuer=ISSUER, audience=self.audience, subject="auth0|7", roles=[Role.AUDITOR],
            now_seconds=int(time.time()), lifetime_seconds=600,
        )  # fmt: skip
        return web.json_response({"access_token": "opaque", "id_token": token})


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    one = Issuer(SigningKey.generate("local"))
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", one.discovery)
    app.router.add_post("/token", one.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
async def away(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Front]:
    changes = {
        "CONCORD_OIDC_ISSUER": issuer.address,
        "CONCORD_OIDC_CLIENT_ID": "workbench",
        "CONCORD_OIDC_CLIENT_SECRET": "of the workbench",
        "CONCORD_WORKBENCH_URL": "http://127.0.0.1:18080",
    }
    async with front(tmp_path, **changes) as one:
        issuer.key = SigningKey.from_pem((tmp_path / "issuer.pem").read_bytes(), "local")
        yield one


async def test_signing_in_at_the_issuer_comes_back_to_the_page_that_was_wanted(away: Front, issuer: Issuer) -> None:
    left = await away.client.get("/sign-in/issuer?then=/audit")
    sent = parse_qs(urlsplit(left.headers["location"]).query)
    assert left.status_code == 303
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["redirect_uri"] == ["http://127.0.0.1:18080/sign-in/back"]
    back = await away.client.get(f"/sign-in/back?code=good&state={sent['state'][0]}")
    assert (back.status_code, back.headers["location"]) == (303, "/audit")
    assert (await away.client.get("/session")).json()["subject"] == "auth0|7"
    assert issuer.asked[0]["client_secret"] == "of the workbench"
    assert len(issuer.asked[0]["code_verifier"]) >= 43


@pytest.mark.parametrize("query", ["code=good&state=another", "code=bad", "error=access_denied", "code=good"])
async def test_who_was_not_sent_out_or_is_refused_does_not_come_in(query: str, away: Front) -> None:
    left = await away.client.get("/sign-in/issuer?then=/audit")
    state = parse_qs(urlsplit(left.headers["location"]).query)["state"][0]
    asked = query.replace("code=bad", f"code=bad&state={state}")
    answer = await away.client.get(f"/sign-in/back?{asked}")
    assert answer.status_code == 403
    assert "subject" not in (await away.client.get("/session")).json()


async def test_a_token_that_the_services_would_not_believe_is_no_session(away: Front, issuer: Issuer) -> None:
    issuer.audience = "somebody else"
    left = await away.client.get("/sign-in/issuer")
    state = parse_qs(urlsplit(left.headers["location"]).query)["state"][0]
    answer = await away.client.get(f"/sign-in/back?code=good&state={state}")
    assert answer.status_code == 403
    assert "not believed here" in answer.json()["detail"]


async def test_a_link_cannot_send_people_elsewhere_after_they_signed_in(away: Front) -> None:
    left = await away.client.get("/sign-in/issuer?then=https://evil.example")
    state = parse_qs(urlsplit(left.headers["location"]).query)["state"][0]
    back = await away.client.get(f"/sign-in/back?code=good&state={state}")
    assert back.headers["location"] == "/"
