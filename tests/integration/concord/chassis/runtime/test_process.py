"""A process ends with a status that tells its supervisor why: told to, died, or never fit to start."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[5]
PROGRAM = textwrap.dedent(
    """
    import asyncio, threading, time
    from concord.chassis.http import application
    from concord.chassis.identity import IdentityFile, SigningKey, identity_of
    from concord.chassis.clock import SystemClock
    from concord.chassis.runtime import Hook, Loop, Runtime, Service, TelemetryPart, main
    from concord.chassis.settings import HttpSettings, load
    from concord.chassis.telemetry import Telemetry

    async def forever():
        await asyncio.Event().wait()

    async def die():
        raise ValueError("poison")

    async def build(environment):
        http = load(HttpSettings, environment)
        telemetry = Telemetry.from_environment("tested", environment)

        async def tell_ready():
            # A thread that would keep the process for an hour, as a driver's does that waits for a dead store.
            threading.Thread(target=time.sleep, args=(3_600,)).start()
            with telemetry.tracing.span("the last one"):
                print("ready", flush=True)

        loop = Loop("sweeper", die if environment.get("DIE") else forever)
        runtime = Runtime("tested", [TelemetryPart(telemetry), loop, Hook("last", start=tell_ready)])
        keys = SigningKey.generate("one").jwks()
        identity = identity_of(IdentityFile("iss", "aud", keys), b"pepper", SystemClock())
        door = application("tested", [], readiness=runtime, identity=identity, telemetry=telemetry)
        return Service(runtime, door, http)

    main(build)
    """
)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Return a list of processes, whose every one is ended."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(processes: list[subprocess.Popen[str]], **environment: str) -> subprocess.Popen[str]:
    processes.append(
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CONCORD_HTTP_PORT": "0"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
    return processes[-1]


def test_the_status_tells_why_a_process_ended(started: list[subprocess.Popen[str]]) -> None:
    # Nobody listens at the collector's port: the last spans are given up, and the stop does not wait for them.
    processes = [start(started), start(started, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")]
    died, unfit = start(started, DIE="1"), start(started, CONCORD_HTTP_PORT="many")
    for process, number in zip(processes, (signal.SIGTERM, signal.SIGINT), strict=True):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
    body = {process: process.communicate(timeout=PATIENCE_SECONDS)[1] for process in started}
    assert [process.returncode for process in started] == [0, 0, 1, 2]
    lines = [json.loads(line) for line in body[processes[0]].splitlines()]
    assert [line["message"] for line in lines if line["logger"].startswith("concord")][-1] == "tested is stopped"
    (last,) = [line for line in map(json.loads, body[died].splitlines()) if line["level"] == "critical"]
    assert last["message"] == "tested ends: sweeper died of ValueError: poison"
    assert "in die" in last["exception"]
    assert "CONCORD_HTTP_PORT is 'many', no whole number; set it to a free port" in body[unfit]
    assert "Traceback" not in body[unfit]
