"""What is done on the stack at one size, and what each service spends on it.

The units go in; all annotators claim and submit at once, first one unit a call, then both in one call, then many
units a call; each service starts cold. Work is done some at a time: one service serves while the others stand still,
then those consume what it said, in batches as full as they come. So what a service spends has one cause at a time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeVar

from bench.services.bare_io import IoCost, Replay
from bench.services.cost import Cost
from bench.services.floor import BareHttp, Floor, io_cost
from bench.services.load import Door, Exchange, admit, annotate, go_on, hold, submit_held
from bench.services.meter import peak_mb
from bench.services.site import PARTS_BELOW, ColdStart, Reading, Site
from concord.chassis.store.port import INSERT_DOCUMENTS_MAX

IDLE_SPANS, IDLE_SECONDS = 4, 2.0
RESTED_SECONDS = 2.0
LAST_LOOK_SECONDS, LOOKED_SECONDS = 90.0, 5.0
"""When services look at places again after a deal, for the last time, and how long that may take."""
IMPORTED_TOGETHER, LABELLED_TOGETHER, LABELLED_TOGETHER_MANY = 4_000, 1_000, 4_000
"""How much is done while the others stand still: little enough that the broker does not take them for dead."""
IMPORTS_MEASURED_MAX = 20_000
"""Of more units the last are measured: what they cost is what it costs at that size."""
PAIRS_APART_MAX = 500
"""Claimed by all annotators, then submitted: one each, for who holds a unit is offered it again."""
PAIRS_SINGLE_MAX = 2_000
PAIRS_MANY_MAX = 10_000
UNITS_A_CALL = 50
KEPT_OF_UNITS = {
    "ingest": {"units": INSERT_DOCUMENTS_MAX, "claims": INSERT_DOCUMENTS_MAX},
    "assign": {"fresh": 1},
    "adjudicate": {"rows": 1, "listed_units": 1},
    "audit": {"rows": 1, "lots": 1},
}
"""What each service stores of admitted units beside its journal, and how many documents of it together."""
MICROSECONDS = 1e6
T = TypeVar("T")
INGEST, ASSIGN = "ingest", "assign"
ADMIT, CONSUME_UNIT = "admit a unit, NDJSON", "consume an admitted unit"
TOLD_OF_LABELS = {
    "adjudicate": "consume an annotation",
    ASSIGN: "consume a resolution",
    "audit": "consume a resolution",
    "metrics": "consume what is told of labels",
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


@dataclass(frozen=True, slots=True)
class Round:
    """The time in which one service served, and the time after it in which the others consumed what it said.

    Attributes:
        resting: a while in which nothing was to be done, right after; None where it was not looked at.
    """

    working: Span
    consuming: Span
    resting: Span | None = None


@dataclass(slots=True)
class Measured:
    """All that was measured at one size.

    Attributes:
        units: the size.
        idle_share: by service, seconds of CPU a second that it spends on nothing.
        costs: the figures.
        peak_mb: by service, its most memory until all of that was done.
        cold_starts: one a service.
    """

    units: int
    idle_share: dict[str, float] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    peak_mb: dict[str, float] = field(default_factory=dict)
    cold_starts: list[ColdStart] = field(default_factory=list)


class Phases:
    """Runs the phases at one size.

    Args:
        site: the running stack, with nothing in it but the project and its annotators.
        door: how the services are called.
        people: who calls.
        bare: the bare HTTP server.
        units: how many units go in.
        say: is given a line whenever something begins.
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

    async def run(self) -> Measured:
        """Do it all and return what was measured."""
        services, begun = self.site.stack.services, time.monotonic()
        self._say("idle")
        await self.site.caught_up(services)
        await self._idle()
        await self._import()
        await self._looked_again(begun)
        single = await self._label("claim + submit, one unit a call", min(self.measured.units, PAIRS_SINGLE_MAX), 1)
        onward = await self._go_on("submit and next, one call", min(self.measured.units // 2, PAIRS_SINGLE_MAX))
        await self._apart(min(self.measured.units // 2, PAIRS_APART_MAX))
        many = await self._label(
            f"claim + submit, {UNITS_A_CALL} units a call", min(self.measured.units, PAIRS_MANY_MAX), UNITS_A_CALL
        )
        for service, what in TOLD_OF_LABELS.items():
            if service in services:
                await self._consumed(what, service, [*single, *onward, *many])
        self.measured.peak_mb = {service: peak_mb(self.site.stack.pid(service)) for service in services}
        for service in services:
            self._say(f"cold start of {service}")
            self.measured.cold_starts.append(await self.site.cold_start(service))
        return self.measured

    async def _idle(self) -> None:
        """Find out what each service spends on nothing; it is taken off what it spends on something.

        The least of some spans, for what a start left to be done comes in between.
        """
        readings = [await self.site.reading()]
        for _ in range(IDLE_SPANS):
            await asyncio.sleep(IDLE_SECONDS)
            readings.append(await self.site.reading())
        spans = [Span(before, after) for before, after in pairwise(readings)]
        for service in self.site.stack.services:
            self.measured.idle_share[service] = min(span.cpu_seconds(service) / span.seconds for span in spans)

    async def _import(self) -> None:
        """Send the units in, and measure the last of them."""
        units, others, exchange = self.measured.units, self._others(INGEST), Exchange()
        before = max(0, units - IMPORTS_MEASURED_MAX)
        if before:
            self._say(f"import of {before:,} that are not measured")
            await admit(self.door, self.people.client, self.people.project_id, 0, before, Exchange())
            await self.site.caught_up(self.site.stack.services)
        rounds = []
        for first in range(before, units, IMPORTED_TOGETHER):
            count = min(IMPORTED_TOGETHER, units - first)
            sending = admit(self.door, self.people.client, self.people.project_id, first, count, exchange)
            rounds.append(await self._round(f"import, {first:,} done", sending, others))
        await self._called(ADMIT, INGEST, [entry.working for entry in rounds], exchange)
        for service in others:
            await self._consumed(CONSUME_UNIT, service, rounds)

    async def _looked_again(self, begun: float) -> None:
        """Return when services have looked at their places again, as after each deal of them.

        They read then all that is open. That is no part of a label's cost, of which it would be a third here.
        """
        self._say("waiting until places were looked at again")
        await asyncio.sleep(max(0.0, begun + LAST_LOOK_SECONDS + LOOKED_SECONDS - time.monotonic()))

    async def _label(self, what: str, pairs: int, units_a_call: int) -> list[Round]:
        """Let units be claimed and submitted."""
        people, others, exchange = self.people, self._others(ASSIGN), Exchange()
        together = LABELLED_TOGETHER if units_a_call == 1 else LABELLED_TOGETHER_MANY
        rounds = []
        for first in range(0, pairs, together):
            count = min(together, pairs - first)
            asking = annotate(self.door, people.annotators, people.project_id, count, units_a_call, exchange)
            rounds.append(await self._rested(await self._round(f"{what}, {first:,} done", asking, others)))
        await self._called(what, ASSIGN, [entry.working for entry in rounds], exchange)
        return rounds

    async def _go_on(self, what: str, labels: int) -> list[Round]:
        """Let units be submitted and the next ones given in one call."""
        people, others, exchange = self.people, self._others(ASSIGN), Exchange()
        rounds = []
        for first in range(0, labels, LABELLED_TOGETHER):
            count = min(LABELLED_TOGETHER, labels - first)
            asking = go_on(self.door, people.annotators, people.project_id, count, exchange)
            rounds.append(await self._rested(await self._round(f"{what}, {first:,} done", asking, others)))
        await self._called(what, ASSIGN, [entry.working for entry in rounds], exchange)
        return rounds

    async def _apart(self, pairs: int) -> None:
        """Let units be claimed and then submitted. So few come of it at once that they say nothing of consumers."""
        people, others, claims, submissions = self.people, self._others(ASSIGN), Exchange(), Exchange()
        claimed, submitted = [], []
        for first in range(0, pairs, len(people.annotators)):
            count = min(len(people.annotators), pairs - first)
            claiming = hold(self.door, people.annotators, people.project_id, count, claims)
            held, entry = await self._round_of(f"claims, {first:,} done", claiming, others)
            claimed.append(entry)
            submitting = submit_held(self.door, held, submissions)
            submitted.append(await self._round(f"submissions, {first:,} done", submitting, others))
        await self._called("claim, one unit a call", ASSIGN, [entry.working for entry in claimed], claims)
        await self._called("submit, one unit a call", ASSIGN, [entry.working for entry in submitted], submissions)

    async def _round(self, what: str, work: Coroutine[Any, Any, None], others: Collection[str]) -> Round:
        """Do some work while the other services stand still, then let them catch up."""
        _, found = await self._round_of(what, work, others)
        return found

    async def _round_of(self, what: str, work: Coroutine[Any, Any, T], others: Collection[str]) -> tuple[T, Round]:
        """Do the same, and return what came of the work, too."""
        self._say(what)
        before = await self.site.reading()
        async with self.site.paused(others):
            done = await work
            after = await self.site.reading()
        await self.site.caught_up(self.site.stack.services)
        return done, Round(Span(before, after), Span(after, await self.site.reading()))

    async def _rested(self, entry: Round) -> Round:
        """Look for a while at what is spent on nothing, right after a round: under as much load of the machine's."""
        before = await self.site.reading()
        await asyncio.sleep(RESTED_SECONDS)
        return replace(entry, resting=Span(before, await self.site.reading()))

    def _others(self, service: str) -> list[str]:
        return [name for name in self.site.stack.services if name != service]

    async def _called(self, what: str, service: str, spans: Sequence[Span], exchange: Exchange) -> None:
        """Note what an operation cost that clients asked for."""
        at_once = len(self.people.annotators) if service == ASSIGN else 1
        http_us = sum(
            [len(calls.seconds) * await self.bare.microseconds(calls, at_once) for calls in exchange.calls.values()]
        )
        io = await self._replay(what, service, spans, {})
        count = exchange.operations
        self.measured.costs.append(
            Cost(
                operation=what,
                service=service,
                units=self.measured.units,
                operations=count,
                cpu_us=self._net_us(service, spans, self.measured.idle_share[service]) / count,
                floor=Floor(http_us / count, io.store_us / count, io.broker_us / count),
                seconds=sum(span.seconds for span in spans),
                below_us={
                    part: sum(span.cpu_seconds(part) for span in spans) * MICROSECONDS / count for part in PARTS_BELOW
                },
                calls={
                    kind: (calls.milliseconds(0.5), calls.milliseconds(0.99)) for kind, calls in exchange.calls.items()
                },
            )
        )

    async def _consumed(self, what: str, service: str, rounds: Sequence[Round]) -> None:
        """Note what a record cost that a service consumed.

        It comes in a second or two in which an idle process spends about as much, and more of it the busier the machine
        is: so what is taken off is what it spent in the rests between these rounds. Without a rest, as for units, which
        are many and soon after a start, it is what was found at the start.
        """
        spans = [entry.consuming for entry in rounds]
        rests = [entry.resting for entry in rounds if entry.resting is not None]
        idle = self.measured.idle_share[service]
        if rests:
            idle = sum(rest.cpu_seconds(service) for rest in rests) / sum(rest.seconds for rest in rests)
        topics: Counter[str] = Counter()
        for span in spans:
            topics.update(span.read(service))
        count = topics.total()
        if not count:
            return
        io = await self._replay(what, service, spans, topics)
        self.measured.costs.append(
            Cost(
                operation=what,
                service=service,
                units=self.measured.units,
                operations=count,
                cpu_us=self._net_us(service, spans, idle) / count,
                floor=Floor(0.0, io.store_us / count, io.broker_us / count),
                seconds=sum(span.seconds for span in spans),
            )
        )

    async def _replay(self, what: str, service: str, spans: Sequence[Span], topics: Mapping[str, int]) -> IoCost:
        stack = self.site.stack
        ranges = [(span.before.at_us, span.after.at_us) for span in spans]
        beside = KEPT_OF_UNITS.get(service, {}) if what in {ADMIT, CONSUME_UNIT} else {}
        database = f"concord_{service}"
        wanted = Replay(
            stack.kafka_bootstrap,
            stack.mongodb_uri,
            database,
            ranges,
            beside,
            share=min(1.0, IMPORTS_MEASURED_MAX / self.measured.units),
            topics=dict(topics),
            decoding=True,
        )
        return await io_cost(wanted)

    def _net_us(self, service: str, spans: Sequence[Span], idle: float) -> float:
        """Return what a service spent in these spans beyond what it spends on nothing, in microseconds."""
        net = sum(span.cpu_seconds(service) - idle * span.seconds for span in spans)
        return max(0.0, net) * MICROSECONDS

    def _say(self, what: str) -> None:
        self.say(f"services, {self.measured.units:,} units: {what}")
