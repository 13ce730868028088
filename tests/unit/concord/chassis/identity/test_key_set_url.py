"""An issuer's keys are fetched whole, seldom, and never from elsewhere; a bad answer changes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from concord.chassis.identity import SigningKey
from concord.chassis.identity.key_set_url import FETCH_BYTES_MAX, FETCHES_APART_SECONDS, KeySetUrl
from tests.unit.concord.chassis.hand_clock import HandClock

DOCUMENT = json.dumps(SigningKey.generate("one").jwks()).encode()


async def whole(request: web.Request) -> web.StreamResponse:
    """Answer in two pieces, as a slow network would."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(DOCUMENT[:20])
    await asyncio.sleep(0.01)
    await answer.write(DOCUMENT[20:])
    return answer


async def endless(request: web.Request) -> web.Response:
    return web.Response(body=b" " * FETCH_BYTES_MAX + DOCUMENT)


async def elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("/whole")


async def failing(request: web.Request) -> web.Response:
    raise web.HTTPServiceUnavailable


async def no_keys(request: web.Request) -> web.Response:
    return web.json_response({"keys": []})


async def no_json(request: web.Request) -> web.Response:
    return web.Response(text="<html>")


@pytest.fixture
async def issuer() -> AsyncIterator[str]:
    app = web.Application()
    for handler in (whole, endless, elsewhere, failing, no_keys, no_json):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_keys_are_fetched_whole_and_not_too_often(issuer: str) -> None:
    clock = HandClock()
    keys = KeySetUrl(f"{issuer}/whole", clock)
    fetched = await keys.fetch()
    assert fetched is not None
    assert fetched.find("one") is not None
    assert await keys.fetch() is None
    clock.seconds += FETCHES_APART_SECONDS
    assert await keys.fetch() is not None


@pytest.mark.parametrize("path", ["endless", "elsewhere", "failing", "no_keys", "no_json", "absent"])
async def test_a_bad_answer_is_no_answer(issuer: str, path: str) -> None:
    assert await KeySetUrl(f"{issuer}/{path}", HandClock()).fetch() is None


async def test_silence_is_no_answer() -> None:
    assert await KeySetUrl("http://127.0.0.1:9/keys", HandClock()).fetch() is None
