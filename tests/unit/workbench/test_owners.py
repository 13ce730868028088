"""The workbench asks the owner of a project's place where an answer has named it, and anybody when that is gone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from concord.contracts.owners import OWNER
from tests.support.workbench import Front, Upstream, front

CLAIMS = "/v1/projects/k7q2-rte/claims"
HERE = {"CONCORD_WORKBENCH_OWNERS_WITHIN": "127.0.0.1/32"}


class Owning:
    """A workbench before a service, and before the one of its processes that the service names."""

    def __init__(self, bench: Front, owner: Upstream, runner: web.AppRunner, csrf: dict[str, str]) -> None:
        self.bench, self.owner, self.runner, self.csrf = bench, owner, runner, csrf
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.names(self.address)

    def names(self, address: str) -> None:
        """Let the service name somebody in its answers to claims."""
        self.bench.upstream.answers[CLAIMS] = lambda: web.json_response({"by": "any"}, headers={OWNER: address})

    def asked(self) -> tuple[int, int]:
        """Return how many claims came to the service's own address, and to the process that it names."""
        count = [
            sum(entry["path"] == CLAIMS for entry in upstream.asked) for upstream in (self.bench.upstream, self.owner)
        ]
        return count[0], count[1]

    async def claim(self) -> Any:
        answer = await self.bench.client.post(f"/api/assign{CLAIMS}", json={"units": 1}, headers=self.csrf)
        assert OWNER not in answer.headers, "no browser is told an address of the inside"
        return answer


@pytest.fixture
async def owning(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Owning]:
    owner = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", owner.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with front(tmp_path, **getattr(request, "param", HERE)) as bench:
        yield Owning(bench, owner, runner, await bench.signed_in())
    await runner.cleanup()


async def test_what_comes_after_an_answer_that_names_the_owner_goes_there_with_the_persons_token(
    owning: Owning,
) -> None:
    await owning.claim()
    assert owning.asked() == (1, 0)
    await owning.claim()
    await owning.claim()
    assert owning.asked() == (1, 2)
    assert owning.owner.asked[-1]["headers"]["authorization"].startswith("Bearer ey")
    assert owning.owner.asked[-1]["body"] == b'{"units":1}'
    await owning.bench.client.get("/api/audit/v1/projects/k7q2-rte/lots")
    assert owning.asked() == (1, 2), "another service has owners of its own"


@pytest.mark.parametrize("owning", [{}, {"CONCORD_WORKBENCH_OWNERS_WITHIN": "10.42.0.0/16"}], indirect=True)
async def test_no_token_goes_where_no_setting_has_it_though_an_answer_names_it(owning: Owning) -> None:
    await owning.claim()
    await owning.claim()
    assert owning.asked() == (2, 0)
    assert owning.owner.asked == []


async def test_an_owner_that_is_gone_keeps_nobody_waiting(owning: Owning, unused_tcp_port: int) -> None:
    owning.names(f"http://127.0.0.1:{unused_tcp_port}")
    await owning.claim()
    owning.names(owning.address)
    answer = await owning.claim()
    assert (answer.status_code, answer.json()) == (200, {"by": "any"})
    assert owning.asked() == (2, 0)
    await owning.claim()
    assert owning.asked() == (2, 1)


async def test_an_owner_that_gives_the_place_up_is_asked_no_more(owning: Owning) -> None:
    await owning.claim()
    owning.owner.answers[CLAIMS] = lambda: web.json_response({}, status=503, headers={"retry-after": "1"})
    answer = await owning.claim()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    owning.names("")
    assert (await owning.claim()).status_code == 200
    assert owning.asked() == (2, 1)


async def test_an_owner_that_hands_a_request_on_names_the_next_one(owning: Owning) -> None:
    await owning.claim()
    there = {OWNER: owning.bench.settings.services.assign}
    owning.owner.answers[CLAIMS] = lambda: web.json_response({"by": "another"}, headers=there)
    await owning.claim()
    await owning.claim()
    assert owning.asked() == (2, 1)
