"""``python -m bench.services.tracing [rounds]``: what traces cost, in CPU of the process and not in time.

Ingest, assign and adjudicate run in this process with store and broker in memory, once without traces and once as they
run with a collector (one trace in a hundred, spans encoded as they are sent). Both do the same round in turn: units
come in, annotators claim and submit them one by one, labels become resolutions. What else the machine does is in
neither; the first rounds, which warm up, are left out.
"""

import asyncio
import dataclasses
import statistics
import sys
import time
from collections.abc import Sequence

import msgspec
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from starlette.types import Message, Receive, Scope, Send

from bench.services.load import define
from concord.chassis.broker.traced import TracedBroker
from concord.chassis.http.observed import ObservedMiddleware
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.chassis.store.traced import TracedStore
from concord.chassis.telemetry import Telemetry, sampler_of, trace_headers
from concord.contracts.topics import RESOLUTIONS
from simulation.house import ENVIRONMENT, House, call
from simulation.lives import SERVICES

NAMES = ("ingest", "assign", "adjudicate")
CLIENT, ANNOTATORS = "k1", ("ann", "bob", "cyd")
UNITS, ROUNDS, WARM = 50, 30, 3
LAYER_CALLS, LAYER_ROUNDS = 2_000, 40
LOOK_SECONDS, SECONDS_MAX = 0.02, 120.0


class Encoded(SpanExporter):
    """Encodes spans as they would be sent, and drops them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class Lives:
    """Three services in memory; a `load.Door` to them."""

    def __init__(self, *, traced: bool) -> None:
        self.house = House()
        self.services: dict[str, Service] = {}
        self._telemetry = [Telemetry(name, Encoded() if traced else None, sampler=sampler_of({})) for name in NAMES]
        for name, telemetry in zip(NAMES, self._telemetry, strict=True):
            settings, wire = SERVICES[name]
            ports = self.house.ports(name, telemetry=telemetry)
            tracing = telemetry.tracing
            if traced:
                store, broker = TracedStore(ports.store, tracing), TracedBroker(ports.broker, tracing)
                ports = dataclasses.replace(ports, store=store, broker=broker)
            self.services[name] = wire(settings.from_environment(ENVIRONMENT), ports)
        self.tokens = [self.house.token(one, Role.ANNOTATOR) for one in ANNOTATORS]
        self.client = self.house.token("client", Role.CLIENT, client_id=CLIENT)
        self.operator = self.house.token("operator", Role.OPERATOR)
        self.project_id = ""
        self.units = 0

    async def call(
        self, service: str, method: str, path: str, token: str, body: bytes, media_type: str = "application/json"
    ) -> bytes:
        """Return the answer's body."""
        headers = [("content-type", media_type)]
        answer = await call(self.services[service].application, method, path, token, body, headers)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.body

    async def start(self) -> None:
        """Begin, with a project."""
        for name, service in self.services.items():
            await service.runtime.start()
            self.house.doors[f"http://{name}"] = service.application
        self.project_id = await define(self, self.client, self.operator, ANNOTATORS)

    async def round(self) -> float:
        """Take UNITS through, each by a request of its own wherever there is one; return the CPU, us a unit."""
        begun = time.process_time()
        first, self.units = self.units, self.units + UNITS
        for number in range(first, self.units):
            await self._admit_one(number)
        async with asyncio.timeout(SECONDS_MAX):
            await asyncio.gather(*map(self._annotate, self.tokens))
            while len(self.house.records(RESOLUTIONS)) < self.units:  # noqa: ASYNC110 - has no event
                await asyncio.sleep(LOOK_SECONDS)
        return (time.process_time() - begun) * 1e6 / UNITS

    async def stop(self) -> None:
        """End."""
        for service in self.services.values():
            await service.runtime.stop()

    async def _admit_one(self, number: int) -> None:
        body = msgspec.json.encode({"id": f"n{number}", "content": f"Text {number} of the bench, of some length."})
        await self.call("ingest", "POST", f"/v1/projects/{self.project_id}/units", self.client, body)

    async def _annotate(self, token: str) -> None:
        for _ in range(UNITS):
            path = f"/v1/projects/{self.project_id}/claims"
            held: list[dict[str, str]] = []
            while not held:
                answer = await self.call("assign", "POST", path, token, b'{"units":1}')
                held = msgspec.json.decode(answer)["assignments"]
                if not held:
                    await asyncio.sleep(LOOK_SECONDS)  # what came in is on its way
            said = b'{"label":"neutral","active_ms":4000}'
            await self.call("assign", "POST", f"/v1/assignments/{held[0]['assignment_id']}/submission", token, said)


async def measure(rounds: int) -> tuple[list[float], list[float]]:
    """Return the CPU of each round, us a unit, without traces and with them."""
    lives = [Lives(traced=False), Lives(traced=True)]
    found: tuple[list[float], list[float]] = ([], [])
    for one in lives:
        await one.start()
    for number in range(rounds + WARM):
        for place in (0, 1) if number % 2 else (1, 0):
            cost = await lives[place].round()
            if number >= WARM:
                found[place].append(cost)
    for one in lives:
        await one.stop()
    return found


async def layer(rounds: int) -> list[float]:
    """Return the CPU of the outermost layer of a request whose events are told, us: without traces and with them."""
    exporters = (None, Encoded())
    doors = [
        ObservedMiddleware(_nothing, Telemetry("bench", one, sampler=sampler_of({})), frozenset()) for one in exporters
    ]
    found: list[list[float]] = [[], []]
    for _ in range(rounds):
        for door, costs in zip(doors, found, strict=True):
            begun = time.process_time()
            for _ in range(LAYER_CALLS):
                await door({"type": "http", "path": "/", "method": "POST", "headers": []}, _receive, _send)
            costs.append((time.process_time() - begun) * 1e6 / LAYER_CALLS)
    return [statistics.median(costs) for costs in found]


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    trace_headers()
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def _receive() -> Message:
    return {"type": "http.request", "body": b""}


async def _send(message: Message) -> None:
    del message


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    without, traced = asyncio.run(measure(int(arguments[0]) if arguments else ROUNDS))
    pairs = [other / one - 1 for one, other in zip(without, traced, strict=True)]
    for name, of in (("median", statistics.median), ("least", min)):
        one, other = of(without), of(traced)
        print(f"{name:7} {one:8.0f} us a unit without traces, {other:8.0f} with: {100 * (other / one - 1):+.1f} %")
    print(f"median of {len(pairs)} pairs: {100 * statistics.median(pairs):+.1f} %")
    one, other = asyncio.run(layer(LAYER_ROUNDS))
    print(f"a request's outermost layer: {one:.1f} us without, {other:.1f} with: {other - one:+.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
