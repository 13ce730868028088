"""What goes wrong in a run, and when: drawn from the seed, named, counted, and over once the town is calm."""

import asyncio
import enum
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from concord.chassis.broker.port import BrokerUnavailable
from concord.chassis.clock import MICROSECONDS, Clock
from concord.chassis.store.port import StoreUnavailable

CHANCE_OF_FAULT = 0.6
"""How likely a run has each kind of fault; one run in EVERYTHING_EVERY has them all."""
EVERYTHING_EVERY = 5
UNAVAILABLE_CHANCE = 0.01
DELAY_CHANCE = 0.1
DELAY_SECONDS_MEAN = 0.3
DUPLICATE_CHANCE = 0.15
LOST_CHANCE = 0.06
CRASH_POINT_OPERATIONS_MEAN = 60
BEYOND_PATIENCE_CHANCE = 0.01
BEYOND_PATIENCE_SECONDS = (8.0, 20.0)
"""How long an insert may take that nobody waits for any more: those who asked for it wait ten seconds."""


class Fault(enum.StrEnum):
    """A kind of thing that goes wrong."""

    STORE_UNAVAILABLE = "store unavailable"
    BROKER_UNAVAILABLE = "broker unavailable"
    RECORDS_TWICE = "records twice"
    DELAYS = "delays"
    PARTITIONS_LAG = "partitions lag"
    CRASHES = "crashes"
    CRASHES_AT_A_POINT = "crashes at a point"
    PAUSES = "pauses"
    TWO_LIVES = "two lives at once"
    CLOCK_JUMPS = "clock jumps"
    LOST_MESSAGES = "lost messages"
    BEYOND_PATIENCE = "store beyond patience"
    AWAY_FOR_MINUTES = "away for minutes"
    TROUBLE_AT_THE_DOOR = "trouble at the door"
    CLASSES_CHANGE = "classes change"


CRASH_POINTS = (
    ("after", "insert"),
    ("before", "publish"),
    ("after", "publish"),
    ("before", "commit"),
    ("after", "commit"),
    ("before", "insert"),
    ("after", "find"),
)
"""Where a crash tells most: between insert and publish, between effect and offset commit, and on either side."""


@dataclass
class Weather:
    """Which faults a run has, and how often each struck.

    Attributes:
        faults: the kinds that may strike.
        struck: how often each did.
        calm: nothing goes wrong any more.
    """

    faults: tuple[Fault, ...]
    struck: Counter[Fault] = field(default_factory=Counter)
    calm: bool = False

    @classmethod
    def drawn(cls, seed: int) -> "Weather":
        """Return the weather of a seed."""
        generator = random.Random(f"{seed}/weather")
        everything = seed % EVERYTHING_EVERY == 0
        return cls(tuple(fault for fault in Fault if generator.random() < CHANCE_OF_FAULT or everything))

    def strikes(self, fault: Fault, chance: float, generator: random.Random) -> bool:
        """Return whether a fault happens now."""
        if self.calm or fault not in self.faults or generator.random() >= chance:
            return False
        self.struck[fault] += 1
        return True


class ShiftedClock:
    """The town's clock as one service sees it: its wall time may be off, what it measures is not.

    Args:
        clock: the town's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds_off = 0.0

    def now_us(self) -> int:
        """Return the wall time, microseconds since the epoch, as far off as it is."""
        return self._clock.now_us() + round(self.seconds_off * MICROSECONDS)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await self._clock.sleep(seconds)


class Passage:
    """The one place through which every operation of one life of a service on store or broker goes.

    Here it meets an outage, a delay, a pause of the process, or its death.

    Args:
        weather: the run's.
        generator: this life's.
        crash: ends the life at once, and what is in hand never returns; None for one that does not crash.
        doubt: called when the store does not answer an insert, of which the life then does not know what became.
    """

    def __init__(
        self,
        weather: Weather,
        generator: random.Random,
        crash: Callable[[], None] | None,
        doubt: Callable[[], None] | None = None,
    ) -> None:
        self.weather = weather
        self.generator = generator
        self.down: set[type[Exception]] = set()
        self.dead = False
        self._crash = crash
        self._doubt = doubt
        self._awake = asyncio.Event()
        self._awake.set()
        self._point = generator.choice(CRASH_POINTS)
        self._operations_left = round(generator.expovariate(1 / CRASH_POINT_OPERATIONS_MEAN))

    @property
    def paused(self) -> bool:
        """Whether the process stands still."""
        return not self._awake.is_set()

    async def awake(self) -> None:
        """Return when the process does not stand still."""
        await self._awake.wait()

    def pause(self) -> None:
        """Let nothing through until the process is woken."""
        self._awake.clear()

    def wake(self) -> None:
        """Let it go on."""
        self._awake.set()

    async def pass_through(self, phase: str, operation: str, unavailable: type[Exception], fault: Fault) -> None:
        """Return when the operation may go on, or raise `unavailable`; for a dead process return never."""
        if self._crash is not None and self._is_crash_point(phase, operation):
            self._crash()
        if operation == "insert" and self.weather.strikes(
            Fault.BEYOND_PATIENCE, BEYOND_PATIENCE_CHANCE, self.generator
        ):
            await asyncio.sleep(self.generator.uniform(*BEYOND_PATIENCE_SECONDS))
        elif self.weather.strikes(Fault.DELAYS, DELAY_CHANCE, self.generator):
            await asyncio.sleep(self.generator.expovariate(1 / DELAY_SECONDS_MEAN))
        elif phase == "before":
            await asyncio.sleep(0)
        while self.paused and not self.dead:
            await self._awake.wait()
        if self.dead:
            await asyncio.get_running_loop().create_future()
        if unavailable in self.down and not self.weather.calm:
            raise unavailable(f"{operation}: an outage")
        if self.weather.strikes(fault, UNAVAILABLE_CHANCE, self.generator):
            if self._doubt is not None and operation == "insert":
                self._doubt()
            raise unavailable(f"{operation}: no answer {phase} the effect")

    def _is_crash_point(self, phase: str, operation: str) -> bool:
        if self.dead or self._point != (phase, operation):
            return False
        self._operations_left -= 1
        return self._operations_left < 0 and self.weather.strikes(Fault.CRASHES_AT_A_POINT, 0.5, self.generator)


class StoreFaults:
    """What goes wrong around one life's operations on its store."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    async def before(self, operation: str, collection: str) -> None:
        """Go through, or be stopped, before the effect."""
        del collection
        await self._passage.pass_through("before", operation, StoreUnavailable, Fault.STORE_UNAVAILABLE)

    async def after(self, operation: str, collection: str) -> None:
        """Go through, or be stopped, after the effect."""
        del collection
        await self._passage.pass_through("after", operation, StoreUnavailable, Fault.STORE_UNAVAILABLE)


class BrokerFaults:
    """What goes wrong around one life's operations on the broker."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    async def before(self, operation: str, subject: str) -> None:
        """Go through, or be stopped, before the effect."""
        del subject
        await self._passage.pass_through("before", operation, BrokerUnavailable, Fault.BROKER_UNAVAILABLE)

    async def after(self, operation: str, subject: str) -> None:
        """Go through, or be stopped, after the effect."""
        del subject
        await self._passage.pass_through("after", operation, BrokerUnavailable, Fault.BROKER_UNAVAILABLE)

    def copies(self, topic: str) -> int:
        """Return how often a part of a publish is appended."""
        del topic
        passage = self._passage
        return 2 if passage.weather.strikes(Fault.RECORDS_TWICE, DUPLICATE_CHANCE, passage.generator) else 1
