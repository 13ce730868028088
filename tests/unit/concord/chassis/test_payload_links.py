"""Signed payload links: one unit, until a time, and a 401 for whatever else is sent."""

import doctest
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import APIRouter, Depends
from hypothesis import given
from hypothesis import strategies as st

from concord.chassis import payload_links
from concord.chassis.clock import MICROSECONDS
from concord.chassis.http import application, unguarded_routes
from concord.chassis.identity import Caller, IdentityFile, SigningKey, identity_of
from concord.chassis.payload_links import PATH, SignedLink, link_holds, payload_link
from concord.chassis.settings import PayloadLinkSettings
from concord.chassis.settings_loading import Secret
from concord.chassis.telemetry import Telemetry
from tests.unit.concord.chassis.hand_clock import HandClock

SECRET = b"secret of the links"
BEFORE = b"the one before it"
OLD, NEW = "an-old-secret-of-forty-characters-or-more", "a-new-secret-of-forty-characters-or-more-"
UNIT = "k1-u7"
CLOCK = HandClock()
LATER_US = CLOCK.now_us() + 60 * MICROSECONDS


class Ready:
    """A runtime that always serves."""

    serving = True

    def lacking(self) -> list[str]:
        return []

    def reasons(self) -> list[str]:
        return []


@pytest.fixture
async def door() -> AsyncIterator[httpx.AsyncClient]:
    """A door with one route, guarded by the link, that answers who is let in."""
    guard = SignedLink((SECRET, BEFORE), CLOCK)
    routes = APIRouter()

    @routes.get(PATH + "{unit_id}")
    async def show(unit_id: str, caller: Annotated[Caller, Depends(guard)]) -> dict[str, str]:
        return {"unit": unit_id, "caller": caller.subject}

    identity = identity_of(IdentityFile("iss", "aud", SigningKey.generate("one").jwks()), b"pepper", CLOCK)
    app = application("tested", [routes], readiness=Ready(), identity=identity, telemetry=Telemetry("tested"))
    assert unguarded_routes(app) == []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        yield client


def test_the_examples_hold() -> None:
    assert doctest.testmod(payload_links).failed == 0


async def test_a_link_opens_its_unit_without_another_credential(door: httpx.AsyncClient) -> None:
    answer = await door.get(payload_link(SECRET, "http://ingest", UNIT, LATER_US))
    assert (answer.status_code, answer.json()) == (200, {"unit": UNIT, "caller": "link"})


async def test_a_link_does_not_open_another_unit(door: httpx.AsyncClient) -> None:
    link = payload_link(SECRET, "http://ingest", UNIT, LATER_US)
    assert (await door.get(link.replace(UNIT, "k1-u8"))).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "expires={expires}",
        "signature={signature}",
        "expires={expires}&signature=",
        "expires={expires}&signature=%C3%A9%C3%A9",
        "expires={expires}&signature=%FF%FE",
        "expires={expires}&signature=%F0%9F%94%91{signature}",
        "expires={expires}&signature={signature}00",
        "expires={longer}&signature={signature}",
        "expires=-{expires}&signature={signature}",
        "expires=%C2%B2&signature={signature}",
        "expires=%D9%A3&signature={signature}",
        "expires=1e99&signature={signature}",
        "expires=99999999999999999999999999&signature={signature}",
        "expires=0&signature={signature}",
    ],
)
async def test_anything_else_is_401_and_never_a_fault_of_ours(door: httpx.AsyncClient, query: str) -> None:
    link = urlsplit(payload_link(SECRET, "http://ingest", UNIT, LATER_US))
    asked = {name: values[0] for name, values in parse_qs(link.query).items()}
    longer = int(asked["expires"]) + 1
    answer = await door.get(f"{link.path}?{query.format(longer=longer, **asked)}")
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "open the assignment again" in answer.json()["detail"]


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), (BEFORE, 200), (b"another", 401)])
async def test_while_the_secret_changes_links_by_either_hold(
    door: httpx.AsyncClient, secret: bytes, status: int
) -> None:
    link = urlsplit(payload_link(secret, "http://ingest", UNIT, LATER_US))
    assert (await door.get(f"{link.path}?{link.query}")).status_code == status


@pytest.mark.parametrize(
    ("text", "keys", "refused"),
    [
        (OLD, [OLD], False),
        (f"{NEW},{OLD}", [NEW, OLD], False),
        (f"{NEW}, short", [NEW, "short"], True),
        (f"{NEW},{OLD},{NEW}", [NEW, OLD, NEW], True),
    ],
)
def test_a_secret_of_parts_is_two_at_most_and_the_first_signs(text: str, keys: list[str], refused: bool) -> None:
    settings = PayloadLinkSettings(secret=Secret(text))
    assert settings.keys == tuple(key.encode() for key in keys)
    assert [problem.name for problem in settings.problems()] == ["CONCORD_PAYLOAD_LINK_SECRET"] * refused


async def test_a_name_that_is_no_unit_is_401(door: httpx.AsyncClient) -> None:
    link = urlsplit(payload_link(SECRET, "http://ingest", UNIT, LATER_US))
    assert (await door.get(f"{PATH}%F0%9F%94%91%00?{link.query}")).status_code == 401


def test_a_link_holds_to_the_second_in_which_it_ends() -> None:
    link = urlsplit(payload_link(SECRET, "http://ingest", UNIT, 1_500_000))
    asked = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert asked["expires"] == "2", "a part of a second is given, not taken"
    assert link_holds(SECRET, UNIT, 2, asked["signature"], 1_999_999)
    assert not link_holds(SECRET, UNIT, 2, asked["signature"], 2_000_000)


def test_another_secret_signs_otherwise() -> None:
    link = payload_link(SECRET, "", UNIT, LATER_US)
    assert link != payload_link(b"other", "", UNIT, LATER_US)
    assert SECRET.decode() not in link


@given(st.text(max_size=80), st.integers(0, 10**19), st.text(max_size=80))
def test_no_guess_opens_anything(unit_id: str, expires: int, signature: str) -> None:
    unit_id = unit_id.encode(errors="replace").decode()
    assert not link_holds(SECRET, unit_id, expires, signature.encode(errors="replace").decode(), now_us=0)
