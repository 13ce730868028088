"""Following a project's quality: an event for every change, an end when another process takes over, a bound for all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.quality.agreement import fleiss_kappa
from concord.quality.gwet import gwet_ac1
from concord.quality.paradox import kappa_warning
from services.ingest.domain.project import Policy
from simulation.house import House
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import until
from tests.support.upstream import CLIENT, PROJECT
from tests.unit.services.metrics.running import LABELS, Metrics, owner_of, owns, start

PATH = f"/v1/projects/{PROJECT}/quality/events"


class Follower:
    """A caller that keeps what it is sent until it hangs up."""

    def __init__(self, metrics: Metrics, service: Service | None = None, role: Role = Role.CLIENT) -> None:
        self.status = 0
        self.body = b""
        self.ended = False
        self._hung_up = asyncio.Event()
        token = metrics.house.token("somebody", role, client_id=CLIENT if role is Role.CLIENT else None)
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self.task = asyncio.create_task(self._follow((service or metrics.service).application))

    async def _follow(self, application: Any) -> None:
        await application(self._scope, self._receive, self._send)
        self.ended = True

    async def _receive(self) -> dict[str, Any]:
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    def told(self) -> list[Any]:
        """Return what the events said."""
        parts = [name for name in self.body.decode().split("\n\n") if name.startswith("event: quality")]
        return [json.loads(part.partition("data: ")[2]) for part in parts]

    async def hang_up(self) -> None:
        self._hung_up.set()
        await asyncio.wait((self.task,), timeout=PATIENCE_SECONDS)


@pytest.fixture(params=[1, 2], ids=["one life", "two lives"])
async def metrics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr("services.metrics.bootstrap.MEASURE_SECONDS", 0.05)
    monkeypatch.setattr("services.metrics.api.FOLLOW_SECONDS", 0.02)
    found = await start(House(), lives=request.param)
    await found.upstream.project(Policy())
    await found.settle()
    yield found
    await found.stop()


def followers(metrics: Metrics) -> int:
    apps: list[Any] = [service.application for service in (metrics.service, *metrics.others)]
    return sum(len(app.state.service.followers) for app in apps)


async def test_whoever_follows_is_told_what_is_and_every_change_of_it(metrics: Metrics) -> None:
    follower = Follower(metrics)
    await until(follower.told)
    assert follower.told()[0]["annotations"] == 0
    await metrics.settle()
    assert len(follower.told()) == 1, "what has not changed is not told again"
    await metrics.label()
    await until(lambda: follower.told()[-1]["annotations"] == 2 * len(LABELS))
    await metrics.settle()
    last, quality = follower.told()[-1], await metrics.quality()
    assert last["alpha"] == quality["alpha"]
    await until(lambda: b": nothing new\n\n" in follower.body, 60)
    await follower.hang_up()
    await until(lambda: not followers(metrics))


async def test_the_stream_ends_when_another_process_takes_the_project_over(metrics: Metrics) -> None:
    (owner,) = filter(owns, (metrics.service, *metrics.others))
    follower = Follower(metrics, owner)
    await until(follower.told)
    owner_of(owner).leave()
    await until(lambda: follower.ended)
    assert not followers(metrics)


async def test_beyond_the_bound_nobody_more_follows(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.reached.FOLLOWERS_MAX", 1)
    first = Follower(metrics)
    await until(first.told)
    second = await metrics.call(PATH, Role.CLIENT, CLIENT)
    assert (second.status, second.headers["retry-after"]) == (503, "5")
    await first.hang_up()
    assert (await metrics.call("/v1/projects/k1-none/quality/events", Role.CLIENT, CLIENT)).status == 404
    assert (await metrics.call(PATH, Role.CLIENT, "k2")).status == 404


async def test_no_client_has_all_the_streams(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metrics.reached.FOLLOWERS_PER_CLIENT_MAX", 1)
    first = Follower(metrics)
    await until(first.told)
    second = await metrics.call(PATH, Role.CLIENT, CLIENT)
    assert (second.status, second.headers["retry-after"]) == (429, "5")
    operators = Follower(metrics, role=Role.OPERATOR)
    await until(operators.told)
    for follower in (first, operators):
        await follower.hang_up()
    await until(lambda: not followers(metrics))


async def test_the_coefficients_beside_alpha_are_those_of_the_batch(metrics: Metrics) -> None:
    await metrics.label(times=2)
    quality = await metrics.quality()
    counts = [[labels.count("no"), labels.count("yes")] for labels in LABELS]
    for name, expected in (("fleiss_kappa", fleiss_kappa(counts)), ("gwet_ac1", gwet_ac1(counts))):
        assert quality[name]["value"] == pytest.approx(expected.value, abs=1e-9)
        assert (quality[name]["low"], quality[name]["high"]) == pytest.approx((expected.low, expected.high), abs=1e-9)
        assert quality[name]["units"] == len(LABELS)
    assert quality["prevalence_note"] == kappa_warning(counts) == ""
