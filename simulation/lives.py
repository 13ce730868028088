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
from simulation.faults import BrokerFaults, Passage, ShiftedClock, StoreFaults, Weather
from simulation.house import ENVIRONMENT, Answer, House, call
from simulation.offsets import Offsets
from simulation.trace import TownCluster, Trace, TracedStore

RESTART_SECONDS = (0.5, 5.0)
LIVES_APIECE = (2, 3)
"""Of every service, when nothing happens to them; the second in towns where many live."""
SESSION_SECONDS = (3.0, 10.0)
"""After how long the broker notices that a member is gone."""
IN_DOUBT_SECONDS = (3.0, 9.0)
"""For how long a life stands still that is in doubt, in towns where they do: less than anybody waits for an answer."""

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
        doubts: in doubt, it stands still, and the broker notices at once: others decide on what it has in hand.
    """

    def __init__(
        self, name: str, house: House, weather: Weather, trace: Trace, offsets: Offsets, *, doubts: bool = False
    ) -> None:
        generator = random.Random(f"{house.seed}/{name}/{house.lives + 1}")
        self.name = name
        self.clock = ShiftedClock(house.clock)
        self.passage = Passage(weather, generator, self.crash, self._in_doubt if doubts else None)
        self._doubts_for = generator.uniform
        self._cluster = house.cluster
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

    def _in_doubt(self) -> None:
        """Stand still for a while, and be thought dead meanwhile."""
        if not self.passage.paused:
            self.passage.pause()
            self._task(self._woken())

    async def _woken(self) -> None:
        self._cluster.expire(self.writer)
        self._trace.tell("in doubt", self.writer)
        await asyncio.sleep(self._doubts_for(*IN_DOUBT_SECONDS))
        self.passage.wake()

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
        doubts: see `Life`.
    """

    def __init__(
        self,
        house: House,
        cluster: TownCluster,
        weather: Weather,
        trace: Trace,
        generator: random.Random,
        apiece: int = LIVES_APIECE[0],
        *,
        doubts: bool = False,
    ) -> None:
        self.house = house
        self.cluster = cluster
        self.weather = weather
        self.trace = trace
        self.generator = generator
        self.apiece = apiece
        self.doubts = doubts
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
        life = Life(name, self.house, self.weather, self.trace, self.cluster.offsets, doubts=self.doubts)
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
