"""The five services as processes: begun, crashed, paused, stopped and begun anew."""

import asyncio
import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.journal.part import JournalPart
from concord.chassis.ports import Ports
from concord.chassis.runtime import Service
from concord.chassis.settings import ServiceSettings
from concord.chassis.store.port import StoreUnavailable
from services.adjudicate import bootstrap as adjudicate
from services.adjudicate.settings import AdjudicateSettings
from services.assign import bootstrap as assign
from services.assign.settings import AssignSettings
from services.audit import bootstrap as audit
from services.audit.settings import AuditSettings
from services.ingest import bootstrap as ingest
from services.ingest.settings import IngestSettings
from services.metrics import bootstrap as metrics
from services.metrics.settings import MetricsSettings
from simulation.bounds import BACKLOG_EVENTS_MAX, BACKLOG_EVENTS_OVER
from simulation.faults import BrokerFaults, Fault, Passage, ShiftedClock, StoreFaults, Weather
from simulation.house import ENVIRONMENT, Answer, House, call
from simulation.offsets import Offsets
from simulation.rolling import roll
from simulation.trace import TownCluster, Trace, TracedStore

RESTART_SECONDS = (0.5, 5.0)
LIVES_APIECE = (2, 3)
"""Of every service, when nothing happens to them; the second in towns where many live."""
AWAY_AFTER_SECONDS = (5.0, 35.0)
AWAY_SECONDS = (60.0, 180.0)
READ_AGAIN_AFTER_SECONDS = (30.0, 80.0)
SESSION_SECONDS = (3.0, 10.0)
"""After how long the broker notices that a member is gone."""

Wire = Callable[[Any, Ports], Service]
SERVICES: Mapping[str, tuple[type[ServiceSettings], Wire]] = {
    "ingest": (IngestSettings, ingest.wire),
    "assign": (AssignSettings, assign.wire),
    "adjudicate": (AdjudicateSettings, adjudicate.wire),
    "audit": (AuditSettings, audit.wire),
    "metrics": (MetricsSettings, metrics.wire),
}


class HungUp(Exception):
    """The process died with the request in hand."""


class Life:
    """One process of a service, from its start to its death.

    Args:
        name: the service.
        house: what outlives it.
        weather: the run's.
        trace: the run's.
        offsets: hears what it stores.
    """

    def __init__(self, name: str, house: House, weather: Weather, trace: Trace, offsets: Offsets) -> None:
        generator = random.Random(f"{house.seed}/{name}/{house.lives + 1}")
        self.name = name
        self.clock = ShiftedClock(house.clock)
        self.passage = Passage(weather, generator, self.crash)
        broker_faults = BrokerFaults(self.passage)
        ports = house.ports(name, broker_faults=broker_faults, clock=self.clock)
        store = TracedStore(house.database(name), StoreFaults(self.passage), name, ports.writer, trace, offsets)
        settings, wire = SERVICES[name]
        self.writer = ports.writer
        self.address = ports.address
        self._doors = house.doors
        self.service = wire(settings.from_environment(ENVIRONMENT), dataclasses.replace(ports, store=store))
        self.ended = asyncio.Event()
        self.backlog_events = 0
        self._publishers = [part.publisher for part in self.service.runtime.parts if isinstance(part, JournalPart)]
        self._trace = trace
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def _task(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    async def run(self) -> BaseException | None:
        """Live until crashed or stopped; return what it died of, if of itself."""
        self._doors[self.address] = self.door
        start = self._task(self.service.runtime.start())
        ended = asyncio.create_task(self.ended.wait())
        await asyncio.wait((start, ended), return_when=asyncio.FIRST_COMPLETED)
        fault: BaseException | None = None
        if not self.ended.is_set():
            fault = start.exception()
            if fault is None:
                death = asyncio.create_task(self.service.runtime.until_death())
                await asyncio.wait((death, ended), return_when=asyncio.FIRST_COMPLETED)
                if death.done() and (died := death.exception()) is not None:
                    fault = died.__cause__ or died
                death.cancel()
            if fault is not None:
                self._trace.tell("died", self.writer, repr(fault))
                self.crash()
        ended.cancel()
        return fault

    def crash(self) -> None:
        """Die at once, with all that is in hand."""
        if self.passage.dead:
            return
        self._trace.tell("crash", self.writer)
        self.passage.dead = True
        self._doors.pop(self.address, None)
        self.passage.wake()
        self.service.runtime.abandon()
        for task in list(self._tasks):
            task.cancel()
        self.ended.set()

    def look(self) -> None:
        """Look how many events wait for the broker."""
        self.backlog_events = max([self.backlog_events, *(publisher.backlog_events for publisher in self._publishers)])

    async def stop(self) -> None:
        """End in order."""
        if self.passage.dead:
            return
        self._trace.tell("stop", self.writer)
        self.service.runtime.drain()
        await self.service.runtime.hand_over()
        self._doors.pop(self.address, None)
        await self.service.runtime.stop()
        self.passage.dead = True
        for task in list(self._tasks):
            task.cancel()
        self.ended.set()

    async def door(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what another process hands on.

        Raises:
            ConnectionResetError: it died first.
        """
        await self.passage.awake()
        task = self._task(self.service.application(scope, receive, send))
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
        if task.cancelled() or self.passage.dead:
            raise ConnectionResetError(f"{self.writer} died")
        task.result()

    async def serve(self, method: str, path: str, token: str, body: Any, headers: Any, query: str) -> Answer:
        """Answer a request.

        Raises:
            HungUp: it died first.
        """
        await self.passage.awake()
        task = self._task(call(self.service.application, method, path, token, body, headers, query))
        await asyncio.wait((task,))
        if task.cancelled() or self.passage.dead:
            raise HungUp
        self.look()
        answer: Answer = task.result()
        return answer


class Lives:
    """Keeps so many lives of each service, now and then one more, and begins a new one when one ends.

    Args:
        house: what outlives them.
        weather: the run's.
        cluster: the house's.
        trace: the run's.
        generator: chooses when a life is begun anew.
        apiece: how many each service has when nothing happens to them.
    """

    def __init__(
        self,
        house: House,
        cluster: TownCluster,
        weather: Weather,
        trace: Trace,
        generator: random.Random,
        apiece: int = LIVES_APIECE[0],
    ) -> None:
        self.house = house
        self.cluster = cluster
        self.weather = weather
        self.trace = trace
        self.generator = generator
        self.apiece = apiece
        self.now: dict[str, list[Life]] = {name: [] for name in SERVICES}
        self.away: set[tuple[str, type[Exception]]] = set()
        self.deaths: list[str] = []
        self.overfull: list[str] = []
        self.ends: Counter[str] = Counter()
        self._closing = False
        self._keepers: list[asyncio.Task[None]] = []
        self._expiries: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Begin as many lives as each has."""
        self._keepers = [asyncio.create_task(self._keep(name)) for name in SERVICES for _ in range(self.apiece)]

    async def _keep(self, name: str) -> None:
        while not self._closing:
            if len(self.now[name]) < self.apiece:
                await self.live(name)
            await asyncio.sleep(self.generator.uniform(*RESTART_SECONDS))

    def calm(self) -> list[Life]:
        """Return the lives that are more than each has when nothing happens."""
        return [life for lives in self.now.values() for life in lives[: -self.apiece]]

    async def live(self, name: str) -> None:
        """Live one life of a service to its end."""
        life = Life(name, self.house, self.weather, self.trace, self.cluster.offsets)
        self.now[name].append(life)
        life.passage.down.update(what for who, what in self.away if who == name)
        self.trace.tell("life", life.writer)
        fault = await life.run()
        self.now[name].remove(life)
        self.ends[name] += 1
        if life.backlog_events > BACKLOG_EVENTS_MAX + BACKLOG_EVENTS_OVER:
            self.overfull.append(f"{life.backlog_events} events waited for the broker in {life.writer}")
        if fault is not None:  # nothing that is away ends a process
            self.deaths.append(f"{life.writer} died of {type(fault).__name__}: {fault}")
        if not self._closing:
            self._expiries.append(asyncio.create_task(self._expire(life.writer)))

    async def _expire(self, writer: str) -> None:
        """Let the broker notice that a member is gone."""
        await asyncio.sleep(self.generator.uniform(*SESSION_SECONDS))
        self.cluster.expire(writer)

    def broker_is_away(self) -> bool:
        """Return whether the broker is away from everybody, and for minutes."""
        return not self.weather.calm and ("assign", BrokerUnavailable) in self.away

    def pick(self, name: str, generator: random.Random) -> Life | None:
        """Return a life of the service to which a request goes."""
        return generator.choice(self.now[name]) if self.now[name] else None

    async def close(self) -> None:
        """Stop all in order."""
        self._closing = True
        for lives in list(self.now.values()):
            for life in list(lives):
                await life.stop()
        for task in (*self._keepers, *self._expiries):
            task.cancel()


class Mischief:
    """Crashes, pauses, outages, lagging partitions and clock jumps, at random, until the town is calm.

    Args:
        lives: whom they befall.
        generator: draws them.
        reads_again: every service is to read all of its topics once more.
        rolled: a service that is replaced again and again, all of its processes in order; empty for none.
    """

    def __init__(self, lives: Lives, generator: random.Random, *, reads_again: bool = False, rolled: str = "") -> None:
        self.lives = lives
        self.reads_again = reads_again
        self.rolled = rolled
        self.weather = lives.weather
        self.generator = generator
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, seconds: float, pause_seconds_mean: float, enough: Callable[[], bool]) -> None:
        """Do mischief for so long, or until it is enough, one thing after another, then make an end of all of it."""
        kinds: Mapping[Fault, Callable[[Life], Any]] = {
            Fault.CRASHES: self._crash,
            Fault.PAUSES: self._pause,
            Fault.STORE_UNAVAILABLE: lambda life: self._outage(life, StoreUnavailable),
            Fault.BROKER_UNAVAILABLE: lambda life: self._outage(life, BrokerUnavailable),
            Fault.CLOCK_JUMPS: self._jump,
            Fault.PARTITIONS_LAG: self._lag,
        }
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        if Fault.AWAY_FOR_MINUTES in self.weather.faults:
            self._tasks.append(asyncio.create_task(self._away_for_minutes()))
        if self.reads_again:
            self._tasks += [asyncio.create_task(self._read_again(name)) for name in SERVICES]
        if self.rolled:
            self._tasks.append(asyncio.create_task(roll(self.lives, self.rolled)))
        while loop.time() < end and not enough():
            await asyncio.sleep(self.generator.expovariate(1 / pause_seconds_mean))
            fault = self.generator.choice(list(kinds))
            life = self.lives.pick(self.generator.choice(list(SERVICES)), self.generator)
            if life is not None and self.weather.strikes(fault, 1.0, self.generator):
                self.lives.trace.tell("mischief", fault, life.writer)
                self._tasks.append(asyncio.create_task(kinds[fault](life)))
        await self._calm(enough=enough())

    async def _calm(self, *, enough: bool) -> None:
        self.weather.calm = True
        self.lives.trace.tell("calm")
        for lives in self.lives.now.values():
            for life in lives:
                life.passage.wake()
                life.clock.seconds_off = 0.0
        if enough:
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=enough)
        # One more than is deployed is there only for as long as another is thought dead.
        for surplus in self.lives.calm():
            await surplus.stop()

    async def _crash(self, life: Life) -> None:
        if self.generator.random() < 0.3:
            await life.stop()
        else:
            life.crash()

    async def _pause(self, life: Life) -> None:
        life.passage.pause()
        session = self.generator.uniform(*SESSION_SECONDS)
        await asyncio.sleep(session)
        if self.generator.random() < 0.3:
            life.passage.wake()
            return
        self.lives.cluster.expire(life.writer)
        second = None
        if self.weather.strikes(Fault.TWO_LIVES, 0.7, self.generator):
            second = asyncio.create_task(self.lives.live(life.name))
        await asyncio.sleep(self.generator.uniform(1.0, 40.0))
        life.passage.wake()
        if second is not None:
            await asyncio.sleep(self.generator.uniform(1.0, 20.0))
            await self._crash(life)

    async def _outage(self, life: Life, unavailable: type[Exception]) -> None:
        life.passage.down.add(unavailable)
        await asyncio.sleep(self.generator.uniform(0.5, 20.0))
        life.passage.down.discard(unavailable)

    async def _away_for_minutes(self) -> None:
        """Take a service's store away, or everybody's broker, for longer than anybody is patient."""
        await asyncio.sleep(self.generator.uniform(*AWAY_AFTER_SECONDS))
        everybody = list(SERVICES)
        away: set[tuple[str, type[Exception]]] = {(name, BrokerUnavailable) for name in everybody}
        if self.generator.random() < 0.5:
            away = {(self.generator.choice(everybody), StoreUnavailable)}
        self.weather.struck[Fault.AWAY_FOR_MINUTES] += 1
        self.lives.trace.tell("away", sorted((name, what.__name__) for name, what in away))
        self._spread(away, gone=True)
        await asyncio.sleep(self.generator.uniform(*AWAY_SECONDS))
        self._spread(away, gone=False)

    async def _read_again(self, name: str) -> None:
        """Lose a service's offsets, so that it reads its topics from their beginning."""
        await asyncio.sleep(self.generator.uniform(*READ_AGAIN_AFTER_SECONDS))
        self.lives.trace.tell("read again", name)
        self.lives.cluster.group(name).committed.clear()
        for life in list(self.lives.now[name]):
            # Who joins begins where the group stands.
            self.lives.cluster.expire(life.writer)

    def _spread(self, away: set[tuple[str, type[Exception]]], *, gone: bool) -> None:
        change = set.update if gone else set.difference_update
        change(self.lives.away, away)
        for name, what in away:
            for life in self.lives.now[name]:
                change(life.passage.down, {what})

    async def _jump(self, life: Life) -> None:
        life.clock.seconds_off += self.generator.uniform(-90.0, 90.0)

    async def _lag(self, life: Life) -> None:
        cluster = self.lives.cluster
        places = sorted(cluster.group(life.name).committed)
        if not places:
            return
        place = self.generator.choice(places)
        cluster.hold(place)
        await asyncio.sleep(self.generator.uniform(1.0, 25.0))
        cluster.let_go(place)
