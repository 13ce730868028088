"""Labels at a fixed rate for minutes on end: metrics alone over the real broker, or the whole through assign's door."""

import asyncio
import math
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.live.follow import Follower, Look, lag, longest_pause, share, waited
from bench.live.given import Pace, Person
from bench.live.told import ProjectEvents
from bench.services.door import HttpDoor
from bench.services.load import OVERLAP, Calls, Exchange, admit, define
from bench.services.meter import peak_mb, resident_mb
from bench.services.phases import Span
from bench.services.site import PARTS_BELOW, Reading, Site
from concord.chassis.broker.kafka import KafkaBroker
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.services import SERVICES
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-live"
RATE, MINUTES = 300, 10.0
ALONE = ("ingest", "metrics")
"""Ingest defines the project, and stands idle after."""
TICK_SECONDS = 0.1
SETTLING_SECONDS = 3.0
ANNOTATORS = 120
"""Of the whole: each has a call in hand at a time, which takes some tenths of a second where the cores are busy."""
MICROSECONDS, MILLISECONDS = 1e6, 1e3


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of metrics, megabytes of a million bytes: before the first label, after the last, and most."""

    before_mb: float
    after_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Steady:
    """What came of a steady load.

    Attributes:
        form: "metrics alone" or "the whole".
        rate: labels a second that were asked for.
        labels: how many there were; each was counted, and once.
        given_seconds: from the first label until the last was told, or answered.
        waits: how long each took until it was in every measure of its project, shortest first.
        lag: by seconds since the first label, how many were given and not in the measures.
        pause_seconds: the longest time in which nothing moved though something waited.
        behind_seconds: from the last label until every service had read all that there was.
        answers: how long the calls of the whole took, each counted from the moment at which it was due.
        cpu_ms: by process, CPU milliseconds a label, what it does when idle included.
    """

    form: str
    rate: int
    labels: int
    given_seconds: float
    waits: Sequence[float]
    lag: Sequence[tuple[float, int]]
    pause_seconds: float
    behind_seconds: float
    answers: Calls
    memory: Memory
    cpu_ms: Mapping[str, float]

    def waited(self, part: float) -> float:
        """Return within how many seconds this part of the labels was in every measure."""
        return share(self.waits, part)


@dataclass(frozen=True, slots=True)
class Run:
    """Where labels are given, and at which rate; `begun` of them are counted before."""

    form: str
    site: Site
    project_id: str
    rate: int
    begun: int


Give = Callable[[Pace], Coroutine[Any, Any, list[float]]]
"""Gives all labels as they are due; returns when each was given, of the monotonic clock, in order."""


async def measure(
    rate: int, minutes: float, say: Callable[[str], None], *, whole: bool = False, folder: Path = FOLDER
) -> Steady:
    """Give labels at a rate, and return what came of it.

    Args:
        rate: labels a second.
        minutes: for how long.
        say: is given a line now and then.
        whole: whether they come through assign's door with all services running, and not from here to metrics alone.
        folder: where the stack lives; its data is removed, before and after.

    Raises:
        NotStarted: the stack could not come up.
        NotCounted: a label was lost, or counted twice.
        Behind, Refused, NothingOffered: see there.
    """
    labels = round(rate * minutes * 60)
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say(f"steady: starting broker, store and {'all services' if whole else ' and '.join(ALONE)}")
        stack = Stack(folder, Ports.free(), services=SERVICES if whole else ALONE)
        async with stack, Site(stack) as site, HttpDoor(stack.addresses, connections_max=2 * ANNOTATORS) as door:
            if whole:
                return await _whole(site, door, rate, labels, say)
            return await _alone(site, door, rate, labels, say)
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _alone(site: Site, door: HttpDoor, rate: int, labels: int, say: Callable[[str], None]) -> Steady:
    issuer, broker = site.stack.issuer, KafkaBroker(site.stack.kafka_bootstrap, "bench")
    project_id = await define(door, issuer.client_key, issuer.token("operator", "bench"), ())
    entry = ProjectEvents(project_id)
    await broker.start()
    try:
        # The first ones find out which partitions there are.
        await broker.publish([event for _ in range(rate) for event in entry.label(time.time_ns() // 1_000)])
        begun = entry.labels

        async def give(clock: Pace) -> list[float]:
            while entry.labels < begun + labels:
                due = clock.due(entry.labels - begun, labels)
                events = [event for at in due for event in entry.label(round(at * MICROSECONDS))]
                await broker.publish(events)
                await asyncio.sleep(TICK_SECONDS)
            return [clock.moment(number) for number in range(labels)]

        return await _steady(Run("metrics alone", site, project_id, rate, begun), give, Calls(), say)
    finally:
        await broker.stop()


async def _whole(site: Site, door: HttpDoor, rate: int, labels: int, say: Callable[[str], None]) -> Steady:
    issuer = site.stack.issuer
    names = [f"annotator-{number:03}" for number in range(ANNOTATORS)]
    project_id = await define(door, issuer.client_key, issuer.token("operator", "bench"), names)
    units = math.ceil(labels / OVERLAP) + 2 * ANNOTATORS
    say(f"steady: importing {units:,} units")
    await admit(door, issuer.client_key, project_id, 0, units, Exchange())
    await site.caught_up(SERVICES)
    people = [Person(door, issuer.token("annotator", name), project_id) for name in names]
    answers = Calls()
    await asyncio.gather(*[person.claim() for person in people])

    async def give(clock: Pace) -> list[float]:
        orders, answered = iter(range(labels)), []

        async def work(person: Person) -> None:
            for number in orders:
                await asyncio.sleep(max(0.0, clock.moment(number) - time.monotonic()))
                await person.submit()
                answered.append(time.monotonic())
                answers.seconds.append(answered[-1] - clock.moment(number))
                if not person.held:
                    await person.claim()

        await asyncio.gather(*map(work, people))
        return sorted(answered)

    return await _steady(Run("the whole", site, project_id, rate, 0), give, answers, say)


async def _steady(run: Run, give: Give, answers: Calls, say: Callable[[str], None]) -> Steady:
    site, stack = run.site, run.site.stack
    pid = stack.pid("metrics")
    async with Follower(stack.addresses["metrics"], run.project_id) as follower:
        await follower.counted(run.begun)
        await asyncio.sleep(SETTLING_SECONDS)
        say(f"steady: {run.form}, {run.rate} labels a second")
        before, before_mb, seen = await site.reading(), resident_mb(pid), len(follower.looks)
        clock = Pace(run.rate)
        given = await give(clock)
        ended = time.monotonic()
        await site.caught_up(stack.services)
        behind = time.monotonic() - ended
        await follower.counted(run.begun + len(given))
        after = await site.reading()
        looks = [Look(look.at, look.labels - run.begun) for look in follower.looks[seen:]]
    return Steady(
        form=run.form,
        rate=run.rate,
        labels=len(given),
        given_seconds=ended - clock.begun,
        waits=waited(given, looks),
        lag=lag(given, looks),
        pause_seconds=longest_pause(given, looks),
        behind_seconds=behind,
        answers=answers,
        memory=Memory(before_mb, resident_mb(pid), peak_mb(pid)),
        cpu_ms=_cpu_ms(before, after, stack.services, len(given)),
    )


def _cpu_ms(before: Reading, after: Reading, services: Sequence[str], labels: int) -> dict[str, float]:
    span = Span(before, after)
    return {part: span.cpu_seconds(part) * MILLISECONDS / labels for part in (*services, *PARTS_BELOW)}
