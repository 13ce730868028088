"""What is done on the stack at one size, and what each service spends on it.

import: the units go in -> every consumer catches up -> one unit a call: all annotators claim and submit at once,
while adjudicate stands still -> catch up -> the same with many units a call -> catch up -> each service starts cold.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.services.bare_io import IoCost, Replay
from bench.services.cost import Cost
from bench.services.floor import BareHttp, Floor, io_cost
from bench.services.load import Door, Exchange, admit, annotate
from bench.services.site import PARTS_BELOW, ColdStart, Reading, Site

IDLE_SECONDS = 5.0
PAIRS_SINGLE_MAX = 2_000
PAIRS_MANY_MAX = 10_000
UNITS_A_CALL = 50
PAYLOADS = ("payloads", 500)
"""What ingest stores beside its journal, and how many of them together."""
SAY_SECONDS = 5.0
MICROSECONDS = 1e6
INGEST, ASSIGN, ADJUDICATE, METRICS = "ingest", "assign", "adjudicate", "metrics"
TOLD_OF_LABELS = {
    ADJUDICATE: "consume an annotation",
    ASSIGN: "consume a resolution",
    "audit": "consume a resolution",
}


@dataclass(frozen=True, slots=True)
class People:
    """Whose credentials are used.

    Attributes:
        client: the client's.
        annotators: one token each.
        project_id: the project.
    """

    client: str
    annotators: Sequence[str]
    project_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """What happened between two readings."""

    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.after.monotonic - self.before.monotonic

    def cpu_seconds(self, part: str) -> float:
        """Return what a part spent."""
        return self.after.cpu[part] - self.before.cpu[part]

    def read(self, service: str) -> dict[str, int]:
        """Return how many records of each topic a service has read, without topics of which it read none."""
        before = self.before.read[service]
        counts = {topic: count - before.get(topic, 0) for topic, count in self.after.read[service].items()}
        return {topic: count for topic, count in counts.items() if count}


@dataclass(slots=True)
class Measured:
    """All that was measured at one size.

    Attributes:
        units: the size.
        idle_share: by service, seconds of CPU a second that it spends on nothing.
        costs: the figures.
        cold_starts: one a service.
    """

    units: int
    idle_share: dict[str, float] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    cold_starts: list[ColdStart] = field(default_factory=list)


class Phases:
    """Runs the phases at one size.

    Args:
        site: the running stack, with nothing in it but the project and its annotators.
        door: how the services are called.
        people: who calls.
        bare: the bare HTTP server.
        units: how many units go in.
        say: is given a line whenever a phase begins, and now and then how far it is.
    """

    def __init__(
        self, site: Site, door: Door, people: People, bare: BareHttp, units: int, say: Callable[[str], None]
    ) -> None:
        self.site = site
        self.door = door
        self.people = people
        self.bare = bare
        self.measured = Measured(units)
        self.say = say
        self._said_at = 0.0

    async def run(self) -> Measured:
        """Do it all and return what was measured."""
        services = self.site.stack.services
        self._begin("idle")
        await self.site.caught_up(services)
        await self._idle()
        admitted = await self._import()
        labelled = [
            await self._label("claim + submit, one unit a call", min(self.measured.units, PAIRS_SINGLE_MAX), 1),
            await self._label(
                f"claim + submit, {UNITS_A_CALL} units a call",
                min(3 * self.measured.units, PAIRS_MANY_MAX),
                UNITS_A_CALL,
            ),
        ]
        for service, what in TOLD_OF_LABELS.items():
            if service in services:
                await self._consumed(what, service, labelled)
        if METRICS in services:
            span = Span(admitted.after, labelled[-1].after)
            await self._consumed("consume assignments, annotations, resolutions", METRICS, [span])
        for service in services:
            self._begin(f"cold start of {service}")
            self.measured.cold_starts.append(await self.site.cold_start(service))
        return self.measured

    async def _idle(self) -> None:
        """Find out what each service spends on nothing; it is taken off what it spends on something."""
        before = await self.site.reading()
        await asyncio.sleep(IDLE_SECONDS)
        span = Span(before, await self.site.reading())
        for service in self.site.stack.services:
            self.measured.idle_share[service] = span.cpu_seconds(service) / span.seconds

    async def _import(self) -> Span:
        """Send the units in; return the time until every consumer has read them."""
        self._begin("import")
        before = await self.site.reading()
        exchange = await admit(
            self.door, self.people.client, self.people.project_id, self.measured.units, self._advance
        )
        sending = Span(before, await self.site.reading())
        self._begin("consumers catch up")
        await self.site.caught_up(self.site.stack.services)
        admitted = Span(before, await self.site.reading())
        await self._called("admit a unit, NDJSON", INGEST, sending, exchange)
        for service in self.site.stack.services:
            if service != INGEST:
                await self._consumed("consume an admitted unit", service, [admitted])
        return admitted

    async def _label(self, what: str, pairs: int, units_a_call: int) -> Span:
        """Let units be claimed and submitted; return the time after it, in which what it caused was consumed."""
        self._begin(what)
        await self.site.caught_up(self.site.stack.services)
        before = await self.site.reading()
        async with self.site.paused({ADJUDICATE} & set(self.site.stack.services)):
            exchange = await annotate(
                self.door, self.people.annotators, self.people.project_id, pairs, units_a_call, self._advance
            )
            working = Span(before, await self.site.reading())
        self._begin("consumers catch up")
        await self.site.caught_up(self.site.stack.services)
        consuming = Span(working.after, await self.site.reading())
        await self._called(what, ASSIGN, working, exchange)
        return consuming

    async def _called(self, what: str, service: str, span: Span, exchange: Exchange) -> None:
        """Note what an operation cost that clients asked for."""
        at_once = len(self.people.annotators) if service == ASSIGN else 1
        http_us = sum(
            [len(calls.seconds) * await self.bare.microseconds(calls, at_once) for calls in exchange.calls.values()]
        )
        io = await self._replay(service, [span], {})
        count = exchange.operations
        self.measured.costs.append(
            Cost(
                operation=what,
                service=service,
                units=self.measured.units,
                operations=count,
                cpu_us=self._net_us(service, [span]) / count,
                floor=Floor(http_us / count, io.store_us / count, io.broker_us / count),
                seconds=span.seconds,
                below_us={part: span.cpu_seconds(part) * MICROSECONDS / count for part in PARTS_BELOW},
                calls={
                    kind: (calls.milliseconds(0.5), calls.milliseconds(0.99)) for kind, calls in exchange.calls.items()
                },
            )
        )

    async def _consumed(self, what: str, service: str, spans: Sequence[Span]) -> None:
        """Note what a record cost that a service consumed."""
        topics: Counter[str] = Counter()
        for span in spans:
            topics.update(span.read(service))
        count = topics.total()
        if not count:
            return
        io = await self._replay(service, spans, topics)
        self.measured.costs.append(
            Cost(
                operation=what,
                service=service,
                units=self.measured.units,
                operations=count,
                cpu_us=self._net_us(service, spans) / count,
                floor=Floor(0.0, io.store_us / count, io.broker_us / count),
                seconds=sum(span.seconds for span in spans),
            )
        )

    async def _replay(self, service: str, spans: Sequence[Span], topics: Mapping[str, int]) -> IoCost:
        stack = self.site.stack
        ranges = [(span.before.at_us, span.after.at_us) for span in spans]
        extra = PAYLOADS if service == INGEST else None
        wanted = Replay(
            stack.kafka_bootstrap, stack.mongodb_uri, f"concord_{service}", ranges, extra=extra, topics=dict(topics)
        )
        return await io_cost(wanted)

    def _net_us(self, service: str, spans: Sequence[Span]) -> float:
        """Return what a service spent in these spans beyond what it spends on nothing, in microseconds."""
        idle = self.measured.idle_share[service]
        net = sum(span.cpu_seconds(service) - idle * span.seconds for span in spans)
        return max(0.0, net) * MICROSECONDS

    def _begin(self, what: str) -> None:
        self.say(f"services, {self.measured.units:,} units: {what}")
        self._said_at = time.monotonic()

    def _advance(self, done: int) -> None:
        if time.monotonic() - self._said_at > SAY_SECONDS:
            self._begin(f"{done:,} done")
