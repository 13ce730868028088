"""What the services send goes through a real OpenTelemetry collector under the config that is deployed.

Building one takes minutes of CPU, so it is not built here: `deploy/observability/collector/build.sh` builds it and
tells how it is named to this test.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from deploy.local.ports import Ports, free_port
from deploy.local.stack import Stack
from tests.end_to_end.collector import Collector
from tests.end_to_end.test_trace import DEFINITION, TRACE, _call, _known
from tests.support.patience import PATIENCE_SECONDS

BUILT = "CONCORD_TEST_COLLECTOR"
CONFIG = Path(__file__).parents[2] / "deploy" / "observability" / "collector" / "collector.yaml"
SECRET = "The patient in bed seven is called Zoe Marlowe"
AWAY_UNITS, AWAY_SECONDS_MAX = 300, 30.0
STORE_OPERATIONS = {"insert", "get", "find", "count", "delete"}
SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(BUILT not in os.environ, reason=f"{BUILT} names no collector; see {CONFIG.parent / 'build.sh'}"),
]


class Between:
    """The real collector, under the deployed config but for the ports."""

    def __init__(self, folder: Path, onward: str) -> None:
        self.port, self._health = free_port(), free_port()
        self._log = folder / "collector.log"
        over = folder / "over.yaml"
        over.write_text(
            yaml.safe_dump(
                {
                    "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
                    "extensions": {"health_check": {"endpoint": f"127.0.0.1:{self._health}"}},
                    "service": {"telemetry": {"metrics": {"level": "none"}}},
                }
            )
        )
        self._argv = [os.environ[BUILT], "--config", str(CONFIG), "--config", str(over)]
        self._environment = {**os.environ, "TRACES_ENDPOINT": onward, "METRICS_ENDPOINT": onward}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it while the block does."""
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._argv, env=self._environment, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
                while True:
                    assert process.returncode is None, self._log.read_text()
                    try:
                        async with session.get(f"http://127.0.0.1:{self._health}/") as answer:
                            if answer.status == 200:
                                break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.1)
            yield
        finally:
            process.terminate()
            await process.wait()

    def said(self) -> str:
        """Return its log."""
        return self._log.read_text()


async def _labelled(session: aiohttp.ClientSession, stack: Stack, project: str) -> None:
    at = stack.addresses
    for name in ("w1", "w2"):
        token = stack.issuer.token("annotator", name)
        offered: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not offered:
                claims = f"{at['assign']}/v1/projects/{project}/claims"
                offered = (await _call(session, "POST", claims, token, {"units": 1}))["assignments"]
        submission = f"{at['assign']}/v1/assignments/{offered[0]['assignment_id']}/submission"
        await _call(session, "POST", submission, token, {"label": "yes"})


async def _sent(session: aiohttp.ClientSession, stack: Stack, project: str, first: int) -> float:
    """Admit AWAY_UNITS units, each by a request of its own; return how long that took."""
    url, begun = f"{stack.addresses['ingest']}/v1/projects/{project}/units", time.monotonic()
    for number in range(first, first + AWAY_UNITS):
        unit = {"id": f"u{number}", "content": f"{SECRET}, {number}"}
        await _call(session, "POST", url, stack.issuer.client_key, unit)
    return time.monotonic() - begun


async def test_traces_metrics_and_exemplars_pass_a_real_collector_and_its_absence_costs_nobody(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Collector() as collector, aiohttp.ClientSession() as session:
        between = Between(tmp_path, collector.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{between.port}")
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "2000")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        async with Stack(folder, Ports.free()) as stack:
            async with between.running():
                at, client = stack.addresses, stack.issuer.client_key
                definition = DEFINITION | {"guideline": SECRET}
                body = await _call(session, "PUT", f"{at['ingest']}/v1/projects/p", client, definition)
                project = body["project_id"]
                for name in ("w1", "w2"):
                    operator = stack.issuer.token("operator", "boss")
                    await _call(session, "PUT", f"{at['assign']}/v1/annotators/{name}", operator, {"kind": "human"})
                token = stack.issuer.token("annotator", "w1")
                await _known(session, f"{at['assign']}/v1/projects/{project}/guideline", token)
                unit = {"id": "one", "content": SECRET}
                await _call(session, "POST", f"{at['ingest']}/v1/projects/{project}/units", client, unit, TRACE)
                await _labelled(session, stack, project)
                way = {
                    ("ingest", "POST /v1/projects/{project_id}/units"),
                    ("assign", "process concord.units.v1"),
                    ("adjudicate", "process concord.annotations.v1"),
                    ("audit", "process concord.resolutions.v1"),
                    ("metrics", "process concord.resolutions.v1"),
                }
                await collector.seen("the way", lambda: way <= {span[:2] for span in collector.of_trace(TRACE)})
                await collector.seen("metrics", lambda: set(SERVICES) <= collector.metrics.keys())
                await collector.seen("an exemplar", lambda: TRACE in collector.exemplars)
                linked(collector)
                with_it = await _sent(session, stack, project, 0)
            without = await _sent(session, stack, project, AWAY_UNITS)
            spans = len(collector.spans)
            async with between.running():
                await _sent(session, stack, project, 2 * AWAY_UNITS)
                await collector.seen("spans after it was away", lambda: len(collector.spans) > spans + AWAY_UNITS)
        sys.stdout.write(f"\n{AWAY_UNITS} requests: {with_it:.1f} s with the collector, {without:.1f} s without\n")
        assert without < AWAY_SECONDS_MAX, "no request waits for a collector that is away"
    all_of_it = b"".join(collector.bodies)
    for secret in (SECRET.encode(), b"Zoe Marlowe", client.encode(), token.encode()):
        assert secret not in all_of_it
    assert "deprecated" not in between.said()
    assert "error" not in {line.split("\t")[1] for line in between.said().splitlines() if line.count("\t") > 1}


def linked(collector: Collector) -> None:
    """Hold that each step of the way is a child of one before it, and that the store's calls are within."""
    way = collector.of_trace(TRACE)
    known = {span.span for span in way}
    orphans = [span for span in way if span.parent not in known and span.service != "ingest"]
    sys.stdout.write(
        "\n".join(["", *(f"{span.service:<11} {span.name:<44} {span.span} <- {span.parent}" for span in way), ""])
    )
    assert not orphans
    everything = {span.span for span in collector.spans}
    stored = [span for span in collector.spans if span.name.split()[0] in STORE_OPERATIONS]
    assert stored
    assert all(span.parent in everything for span in stored), "each call of the store is within what asked for it"
    assert {span.service for span in collector.spans} == set(SERVICES)
