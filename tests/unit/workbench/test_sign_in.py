"""Signing in and out: what the cookie holds, how long, and by whom it can be read."""

import itertools

import pytest
from aiohttp import web

from concord.chassis.identity import Role
from tests.support.workbench import Front
from workbench.session import Errand, Session, Sessions, cookies_of

SECRET = b"a secret of the workbench, long enough"


def written(sessions: Sessions, session: Session) -> dict[str, str]:
    headers = [cookie.header()[1].decode() for cookie in sessions.written(session, 60)]
    return dict(header.split(";")[0].split("=", 1) for header in headers)


@pytest.mark.parametrize("length", [10, 3_000, 8_192])
def test_a_session_is_read_back_whatever_its_tokens_length(length: int) -> None:
    sessions = Sessions([SECRET], over_https=True)
    session = Session.begun("t" * length)
    assert sessions.read(written(sessions, session)) == session


def test_a_shorter_session_takes_away_what_a_longer_one_left() -> None:
    sessions = Sessions([SECRET], over_https=False)
    browser = written(sessions, Session.begun("t" * 8_192))
    after = Session.begun("u" * 20)
    browser.update(written(sessions, after))
    assert sessions.read(browser) == after


def test_what_was_changed_or_sealed_by_another_is_no_session() -> None:
    sessions, others = Sessions([SECRET], over_https=False), Sessions([SECRET[::-1]], over_https=False)
    cookies = written(sessions, Session.begun("token"))
    assert others.read(cookies) is None
    name, text = next((name, text) for name, text in cookies.items() if text)
    flipped = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
    assert sessions.read({**cookies, name: flipped}) is None
    assert sessions.read({name: "é"}) is None
    assert sessions.read({}) is None


def test_a_secret_is_changed_in_two_steps_and_nobody_is_signed_out() -> None:
    new = SECRET[::-1]
    # Processes of both sides of a step run at the same time: whatever one of them seals, the other opens.
    steps = [[SECRET], [SECRET, new], [new, SECRET], [new]]
    sides = [Sessions(keys, over_https=False) for keys in steps]
    session = Session.begun("token")
    for before, after in itertools.pairwise(sides):
        for sessions, other in ((before, after), (after, before)):
            assert other.read(written(sessions, session)) == session
            assert other.is_csrf(session, sessions.csrf(session))
    assert sides[-1].read(written(sides[0], session)) is None
    assert not sides[-1].is_csrf(session, sides[0].csrf(session))


def test_a_sign_in_is_no_session_and_ends_after_a_while() -> None:
    sessions = Sessions([SECRET], over_https=False)
    cookie = sessions.sent_out(Errand("s", "n", "v", "/", until=100), 60)
    held = cookies_of([(b"cookie", f"{cookie.name}={cookie.value}".encode())])
    errand = sessions.errand(held, 99)
    assert errand is not None
    assert errand.state == "s"
    assert sessions.errand(held, 100) is None
    assert sessions.read({"concord-session": cookie.value}) is None


def test_what_a_page_must_send_is_of_one_session() -> None:
    sessions = Sessions([SECRET], over_https=False)
    session, other = Session.begun("same"), Session.begun("same")
    assert sessions.csrf(session) != sessions.csrf(other)
    assert sessions.csrf(session) == Sessions([SECRET], over_https=True).csrf(session)


@pytest.mark.parametrize("role", [str(role) for role in Role])
async def test_a_button_a_role_signs_in(role: str, bench: Front) -> None:
    await bench.signed_in(role)
    body = (await bench.client.get("/session")).json()
    assert (body["subject"], body["roles"]) == (f"{role}-1", [role])
    assert body.get("client_id", "") == ("local" if role == "client" else "")


async def test_an_annotator_who_is_new_is_defined_and_a_known_one_left_alone(bench: Front) -> None:
    bench.upstream.answers["/v1/annotators/Zoë K."] = lambda: web.Response(status=404)
    await bench.signed_in("annotator", "Zoë K.")
    assert [entry["method"] for entry in bench.upstream.asked] == ["GET", "PUT"]
    assert bench.upstream.asked[1]["path"] == "/v1/annotators/Zo%C3%AB%20K."
    del bench.upstream.answers["/v1/annotators/Zoë K."]
    bench.upstream.asked.clear()
    bench.client.cookies.clear()
    await bench.signed_in("annotator", "Zoë K.")
    assert [entry["method"] for entry in bench.upstream.asked] == ["GET"]


async def test_who_signs_out_is_nobody(bench: Front) -> None:
    body = await bench.signed_in("auditor")
    answer = await bench.client.post("/sign-out", headers=body)
    assert (answer.status_code, answer.json()) == (200, {"issuer": ""})
    assert (await bench.client.get("/session")).json() == {"ways": ["local"], "csrf": ""}


async def test_nobody_can_be_called_nothing(bench: Front) -> None:
    body = {"role": "auditor", "subject": "a\u202eb"}
    answer = await bench.client.post("/sign-in", json=body, headers={"x-concord-csrf": "sign-in"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "subject"


async def test_another_site_cannot_sign_anybody_in(bench: Front) -> None:
    for headers in ({}, {"x-concord-csrf": "sign-in", "origin": "https://evil.example"}):
        assert (await bench.client.post("/sign-in", json={"role": "operator"}, headers=headers)).status_code == 403
