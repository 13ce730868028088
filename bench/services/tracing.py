"""``python -m bench.services.tracing [rounds]``: what traces cost, in CPU of the process and not in time.

Ingest, assign and adjudicate run in this process with store and broker in memory, as they run with a collector (one
trace in a hundred, spans encoded as they are sent). The same round is done again and again: units come in, annotators
claim and submit them one by one, labels become resolutions. In one round of each pair traces are off, and nothing of
them is left in the way: so both are of the same services, with the same data, at the same age; which of the two is
first alternates. What was made before is out of the garbage collector's sight, for a collection of all there is falls
into whichever round it likes. What else the machine does is in neither; the first rounds, which warm up, are left out.
"""

import asyncio
import dataclasses
import gc
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from starlette.types import Message, Receive, Scope, Send

from bench.services.load import define
from concord.chassis.broker.traced import TracedBroker
from concord.chassis.http.observed import ObservedMiddleware
from concord.chassis.identity import Role
from concord.chassis.runtime import Service
from concord.chassis.store.traced import TracedStore
from concord.chassis.telemetry import Telemetry, Tracing, sampler_of, trace_headers
from concord.chassis.telemetry.tracing import SHARE
from concord.contracts.topics import RESOLUTIONS
from simulation.house import ENVIRONMENT, House, call
from simulation.lives import SERVICES

NAMES = ("ingest", "assign", "adjudicate")
CLIENT, ANNOTATORS = "k1", ("ann", "bob", "cyd")
UNITS, ROUNDS, WARM = 10, 100, 20
LAYER_CALLS, LAYER_ROUNDS = 2_000, 40
LOOK_SECONDS, SECONDS_MAX = 0.02, 120.0


class Encoded(SpanExporter):
    """Encodes spans as they would be sent, and drops them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class Switched:
    """Traces of services, switched off and on again while they run.

    Args:
        tracings: of each.
        wrapped: the stores and brokers that make spans. Off, each has in place of its own methods those of what it
            wraps, so that a call goes straight there.
    """

    def __init__(self, tracings: Sequence[Tracing], wrapped: Sequence[tuple[TracedStore | TracedBroker, Any]]) -> None:
        self._tracings, self._wrapped = tracings, wrapped

    def turn(self, *, on: bool) -> None:
        """Switch."""
        for tracing in self._tracings:
            tracing.on = on
        for outer, inner in self._wrapped:
            for name in [name for name in vars(type(outer)) if not name.startswith("_")]:
                if on:
                    vars(outer).pop(name, None)
                else:
                    vars(outer)[name] = getattr(inner, name)


class Lives:
    """Three services in memory, whose traces are switched; a `load.Door` to them.

    Args:
        share: of all traces, those that are recorded.
    """

    def __init__(self, share: float = SHARE) -> None:
        self.house = House()
        self.services: dict[str, Service] = {}
        tracings: list[Tracing] = []
        wrapped: list[tuple[TracedStore | TracedBroker, Any]] = []
        for name in NAMES:
            settings, wire = SERVICES[name]
            telemetry = Telemetry(name, Encoded(), sampler=TraceIdRatioBased(share))
            ports, tracing = self.house.ports(name, telemetry=telemetry), telemetry.tracing
            store, broker = TracedStore(ports.store, tracing), TracedBroker(ports.broker, tracing)
            wrapped += [(store, ports.store), (broker, ports.broker)]
            tracings.append(tracing)
            ports = dataclasses.replace(ports, store=store, broker=broker)
            self.services[name] = wire(settings.from_environment(ENVIRONMENT), ports)
        self.traces = Switched(tracings, wrapped)
        self.tokens = [self.house.token(annotator, Role.ANNOTATOR) for annotator in ANNOTATORS]
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
        gc.collect()
        gc.freeze()
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
            encoded = b'{"label":"neutral","active_ms":4000}'
            await self.call("assign", "POST", f"/v1/assignments/{held[0]['assignment_id']}/submission", token, encoded)


async def measure(rounds: int, share: float = SHARE) -> tuple[list[float], list[float]]:
    """Return the CPU of each round, us a unit, without traces and with them, of which this share is recorded."""
    lives = Lives(share)
    found: tuple[list[float], list[float]] = ([], [])
    await lives.start()
    for number in range(rounds + WARM):
        for on in (False, True) if number % 2 else (True, False):
            lives.traces.turn(on=on)
            cost = await lives.round()
            if number >= WARM:
                found[on].append(cost)
    await lives.stop()
    return found


async def layer(rounds: int) -> list[float]:
    """Return the CPU of the outermost layer of a request whose events are told, us: without traces and with them."""
    exporters = (None, Encoded())
    doors = [
        ObservedMiddleware(_nothing, Telemetry("bench", exporter, sampler=sampler_of({})), frozenset())
        for exporter in exporters
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


def ranks(pairs: int) -> tuple[float, float]:
    """Return the ranks between which the median lies with a probability of 95 %.

    Source: Conover, Practical Nonparametric Statistics, 3rd ed. 1999, section 3.2.
    """
    middle, half = (pairs - 1) / 2, 0.98 * pairs**0.5
    return max(0.0, middle - half), min(pairs - 1.0, middle + half)


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    for title, share, count in ((f"{SHARE:.0%} recorded", SHARE, rounds), ("all recorded", 1.0, max(1, rounds // 3))):
        without, traced = asyncio.run(measure(count, share))
        pairs = sorted(other / value - 1 for value, other in zip(without, traced, strict=True))
        low, high = (pairs[round(rank)] for rank in ranks(len(pairs)))
        value, other = statistics.median(without), statistics.median(traced)
        print(f"{title}, medians: {value:.0f} us a unit without traces, {other:.0f} with: {other / value - 1:+.1%}")
        print(f"{title}, median of {len(pairs)} pairs: {statistics.median(pairs):+.1%} ({low:+.1%} to {high:+.1%})")
    value, other = asyncio.run(layer(LAYER_ROUNDS))
    print(f"a request's outermost layer: {value:.1f} us without, {other:.1f} with: {other - value:+.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
