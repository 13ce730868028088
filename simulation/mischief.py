"""What befalls the lives of a town: crashes, pauses, outages and clocks that jump, until the town is calm."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.store.port import StoreUnavailable
from simulation.faults import Fault
from simulation.lives import SERVICES, SESSION_SECONDS, Life, Lives
from simulation.rolling import roll

AWAY_AFTER_SECONDS = (5.0, 35.0)
AWAY_SECONDS = (60.0, 180.0)
READ_AGAIN_AFTER_SECONDS = (30.0, 80.0)


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
