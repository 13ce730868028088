"""One trace from the client's request to the certificate and back to the client, as a collector sees it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.collector import Collector, Span
from tests.support.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.real

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACES = (TRACE, "1bf7651916cd43dd8448eb211c80319c")
WAY = {
    ("ingest", "POST /v1/projects/{project_id}/units"),
    ("assign", "process concord.units.v1"),
    ("adjudicate", "process concord.annotations.v1"),
    ("audit", "process concord.resolutions.v1"),
    ("metrics", "process concord.resolutions.v1"),
    ("audit", "draw sample"),
}
END = {("audit", "judge lot"), ("metrics", "process concord.lots.v1")}
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {"consensus": {"method": "majority"}},
}
LOT_OF_ALL = {
    "consensus": {"method": "majority"},
    "lot": {"size": len(TRACES)},
    "audit": {"plan": "fraction", "fraction": 1.0},
}


async def _call(session: aiohttp.ClientSession, method: str, url: str, token: str, body: Any, trace: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} | (
        {"traceparent": f"00-{trace}-b7ad6b7169203331-01"} if trace else {}
    )
    async with session.request(method, url, json=body, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def _known(session: aiohttp.ClientSession, url: str, token: str) -> None:
    """Return when assign has heard of the project."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with session.get(url, headers={"authorization": f"Bearer {token}"}) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[str, asyncio.Queue[str]]]:
    """The client's own server: where it takes webhooks, and the `traceparent` of each."""
    came: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await came.put(request.headers.get("traceparent", ""))
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/in", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in", came
    finally:
        await runner.cleanup()


async def _label(session: aiohttp.ClientSession, stack: Stack, project: str, name: str) -> None:
    """Have somebody label as many units as there are."""
    at, token, left = stack.addresses, stack.issuer.token("annotator", name), len(TRACES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while left:
            claims = f"{at['assign']}/v1/projects/{project}/claims"
            for offered in (await _call(session, "POST", claims, token, {"units": 1}))["assignments"]:
                submission = f"{at['assign']}/v1/assignments/{offered['assignment_id']}/submission"
                await _call(session, "POST", submission, token, {"label": "yes"})
                left -= 1
            await asyncio.sleep(0.1)  # each claim is a trace of its own, and of many at once some would be left out


async def _inspect(session: aiohttp.ClientSession, stack: Stack) -> None:
    """Have all units inspected."""
    url, token, left = f"{stack.addresses['audit']}/v1/inspections", stack.issuer.token("auditor", "a"), len(TRACES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while left:
            for unit in (await _call(session, "GET", url, token, None))["inspections"]:
                verdicts = [{"unit_id": unit["unit_id"], "label": "yes"}]
                results = (await _call(session, "POST", url, token, {"verdicts": verdicts}))["results"]
                left -= sum(result["status"] == "taken" for result in results)
            await asyncio.sleep(0.1)


async def test_a_units_trace_goes_through_all_services_to_the_certificate_and_to_the_client(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Collector() as collector, aiohttp.ClientSession() as session, _receiver() as (url, came):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        stack = Stack(folder, Ports.free())
        async with stack:
            at, client = stack.addresses, stack.issuer.client_key
            wish = DEFINITION | {"policy": LOT_OF_ALL}
            project = (await _call(session, "PUT", f"{at['ingest']}/v1/projects/p", client, wish))["project_id"]
            operator = stack.issuer.token("operator", "boss")
            for name in ("w1", "w2"):
                await _call(session, "PUT", f"{at['assign']}/v1/annotators/{name}", operator, {"kind": "human"})
            await _known(
                session, f"{at['assign']}/v1/projects/{project}/guideline", stack.issuer.token("annotator", "w1")
            )
            hooks = f"{at['audit']}/v1/projects/{project}/webhooks"
            await _known(session, hooks, client)
            await _call(session, "POST", hooks, client, {"url": url, "events": ["certificate.issued"]})
            for place, number in enumerate(TRACES):
                unit = {"id": f"u{place}", "content": f"Is this a trace, and number {place}?"}
                await _call(session, "POST", f"{at['ingest']}/v1/projects/{project}/units", client, unit, number)
            for name in ("w1", "w2"):
                await _label(session, stack, project, name)
            for number in TRACES:
                await collector.seen("the way", lambda: _steps(collector, number) >= WAY)  # noqa: B023 - awaited before the next
            await asyncio.to_thread(stack.roll, "audit")
            await _inspect(session, stack)
            async with asyncio.timeout(PATIENCE_SECONDS):
                told = await came.get()
            for number in TRACES:
                await collector.seen("the end", lambda: _steps(collector, number) >= END)  # noqa: B023 - awaited before the next
            await collector.seen("the webhook", lambda: any(span.span == told[36:52] for span in collector.spans))
        *_, signed = [span for span in collector.spans if span.name == "sign certificate"]
        judged = {span.trace: span for span in collector.spans if span.name == "judge lot"}
        assert set(judged) >= set(TRACES), "it is found from each unit"
        assert len(judged) == 3, "and from the auditor's request that brought the last verdict"
        (other,) = set(TRACES) - {signed.trace}
        assert signed.parent == judged[signed.trace].span
        assert judged[other].links == (judged[signed.trace].span,)
        assert told[3:35] == signed.trace, "the client finds it under the trace that it began"
        sent = [span for span in collector.spans if span.name == "deliver webhook"]
        assert told in {f"00-{span.trace}-{span.span}-01" for span in sent}
        sys.stdout.write("\n".join(["", *map(_line, collector.of_trace(signed.trace)), ""]))


def _steps(collector: Collector, number: str) -> set[tuple[str, str]]:
    return {(span.service, span.name) for span in collector.of_trace(number)}


def _line(span: Span) -> str:
    return f"{span.service:<11} {span.name:<40} {span.span} <- {span.parent}"
