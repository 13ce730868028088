"""One trace from the client's request to the resolution, across services, as a collector sees it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.collector import Collector

pytestmark = pytest.mark.real

TRACE = "0af7651916cd43dd8448eb211c80319c"
DEFINITION = {
    "label_schema": {"kind": "choice", "classes": ["no", "yes"]},
    "policy": {"consensus": {"method": "majority"}},
}
WAIT_SECONDS = 30


async def _call(session: aiohttp.ClientSession, method: str, url: str, token: str, body: Any, trace: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} | (
        {"traceparent": f"00-{trace}-b7ad6b7169203331-01"} if trace else {}
    )
    async with session.request(method, url, json=body, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def _known(session: aiohttp.ClientSession, url: str, token: str) -> None:
    """Return when assign has heard of the project."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            async with session.get(url, headers={"authorization": f"Bearer {token}"}) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


async def test_a_units_trace_goes_through_all_services(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Collector() as collector, aiohttp.ClientSession() as session:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        stack = Stack(folder, Ports.free())
        async with stack:
            at, client = stack.addresses, stack.issuer.client_key
            project = (await _call(session, "PUT", f"{at['ingest']}/v1/projects/p", client, DEFINITION))["project_id"]
            operator = stack.issuer.token("operator", "boss")
            for name in ("w1", "w2"):
                await _call(session, "PUT", f"{at['assign']}/v1/annotators/{name}", operator, {"kind": "human"})
            await _known(
                session, f"{at['assign']}/v1/projects/{project}/guideline", stack.issuer.token("annotator", "w1")
            )
            unit = {"id": "one", "content": "Is this a trace?"}
            await _call(session, "POST", f"{at['ingest']}/v1/projects/{project}/units", client, unit, TRACE)
            for name in ("w1", "w2"):
                token = stack.issuer.token("annotator", name)
                offered: list[dict[str, Any]] = []
                async with asyncio.timeout(WAIT_SECONDS):
                    while not offered:
                        claims = f"{at['assign']}/v1/projects/{project}/claims"
                        offered = (await _call(session, "POST", claims, token, {"units": 1}))["assignments"]
                submission = f"{at['assign']}/v1/assignments/{offered[0]['assignment_id']}/submission"
                await _call(session, "POST", submission, token, {"label": "yes"})
            wanted = {
                ("ingest", "POST /v1/projects/{project_id}/units"),
                ("assign", "process concord.units.v1"),
                ("adjudicate", "process concord.annotations.v1"),
                ("audit", "process concord.resolutions.v1"),
                ("metrics", "process concord.resolutions.v1"),
            }
            async with asyncio.timeout(WAIT_SECONDS):
                while not wanted <= {(span.service, span.name) for span in collector.of_trace(TRACE)}:
                    await collector.more.wait()
                    collector.more.clear()
        names = [
            f"{span.service:<11} {span.name:<40} {span.span} <- {span.parent}" for span in collector.of_trace(TRACE)
        ]
        sys.stdout.write("\n".join(["", *names, ""]))
