"""What a process does when places come and go: load what it gained before it serves it, drop what it lost."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Protocol

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock
from concord.chassis.errors import Passing
from concord.chassis.places.owner import Owner

LOAD_SECONDS_MAX = 300.0
LOADS_AT_ONCE = 4
"""Places that are loaded at a time. A load is a dozen answers of the store one after the other: four wait together, and
the projects of the last place a quarter as long."""
LOOK_AGAIN_SECONDS = (15.0, 90.0)
"""After a gain: the first when every append of its owner before has come to its end, the second when a process that
stood still for a minute has."""
LOOK_REST_TIMES = 9.0
"""How long nothing is looked at again after a look, in times of what that one took: all places of a process are due
together, and people are served by it and by its store meanwhile."""
REST_SECONDS_MAX = 1.0
"""How long the consumer's batch in hand may keep a process that leaves from giving up its places."""
HAND_OVER_SECONDS_MAX = 1.5
HAND_OVER_PAUSE_SECONDS = 0.01

log = logging.getLogger(__name__)


class PlaceModels(Protocol):
    """A service's read models, one object a place."""

    async def load(self, place: int) -> None:
        """Read what is open in the place from the store, yielding to others every thousand aggregates.

        LOADS_AT_ONCE places are loaded at a time, and none twice at a time.

        Called again some seconds after a gain, while the place is served: it then takes in what an owner before had
        in hand when the place was dealt. So it settles each aggregate by its newest state, whatever it knew before.

        Raises:
            Passing: what it needs does not answer; it is called again.
        """
        ...

    async def drop(self, place: int) -> None:
        """Forget everything of the place; called between two batches of the consumer."""
        ...


class Several:
    """Read models of several parts of a service, as one.

    Args:
        models: loaded and dropped in this order; nothing comes between the last one's load and the place being served.
    """

    def __init__(self, models: Sequence[PlaceModels]) -> None:
        self._models = tuple(models)

    async def load(self, place: int) -> None:
        """Load all of the place's."""
        for model in self._models:
            await model.load(place)

    async def drop(self, place: int) -> None:
        """Forget all of the place's."""
        for model in self._models:
            await model.drop(place)


class Held(Protocol):
    """The consumer, as far as its places go."""

    def release(self, place: int) -> None:
        """Hand out the place's records from now on."""
        ...

    async def between_batches(self) -> None:
        """Return when no batch of before the call is in hand."""
        ...

    async def rest(self) -> None:
        """Fetch no more and finish the batch in hand; the places are still this process's."""
        ...

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group."""
        ...


class PlaceKeeper:
    """Brings the read models in line with the table, place by place, while the others are served.

    Args:
        owner: the table.
        consumer: whose records of a place are held back until it is loaded.
        models: the service's.
        forget: drops what is cached of the aggregates in these places, for others have had them.
        clock: paces tries.

    Attributes:
        loading: whether something is being loaded now.
    """

    name = "places"

    def __init__(
        self,
        owner: Owner,
        consumer: Held,
        models: PlaceModels,
        forget: Callable[[Iterable[int]], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self.owner = owner
        self.consumer = consumer
        self.models = models
        self.forget = forget
        self.clock = clock
        self.loading = False
        self._loaded: dict[int, int] = {}
        self._looks: dict[int, list[float]] = {}
        self._to_look_at: list[int] = []
        self._rested_at = 0.0
        self._ready = False

    async def start(self) -> None:
        """Do nothing: the consumer, which starts after this part, is told the first deal."""

    async def stop(self) -> None:
        """Leave what is loaded: the process ends."""

    async def run(self) -> None:
        """Load and drop whenever the group is dealt anew, until cancelled.

        Raises:
            TimeoutError: a place took longer than LOAD_SECONDS_MAX to load: the process must end and start anew.
        """
        back_off = BackOff("loading places", self.clock)
        while True:
            self.owner.changed.clear()
            try:
                await self._drop_lost()
                await self._load_gained()
                await self._look_again()
            except Passing as fault:
                await back_off.wait(fault)
            else:
                back_off.over()
                await self._wait()

    def unready(self) -> str | None:
        """Return that places are being loaded, until the first deal's are; a gain later on makes no process unready."""
        self._ready = self._ready or self.owner.given().keys() <= self._loaded.keys()
        return None if self._ready else "its first places are being loaded"

    async def hand_over(self) -> None:
        """Before the door closes: finish what is in hand, serve no place any more, and let others have the places.

        The batch in hand is finished while people are still answered: nobody is without an answer for what it takes.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS_MAX):
                await self.consumer.rest()
        self.owner.leave()
        deadline = self.clock.monotonic() + HAND_OVER_SECONDS_MAX
        while self.owner.requests_in_hand() and self.clock.monotonic() < deadline:
            await self.clock.sleep(HAND_OVER_PAUSE_SECONDS)
        await self.consumer.stop()

    async def _drop_lost(self) -> None:
        given = self.owner.given()
        lost = [place for place, since in self._loaded.items() if given.get(place) != since]
        if lost:
            await self.consumer.between_batches()
        for place in sorted(lost):
            del self._loaded[place]
            self._looks.pop(place, None)
            self._to_look_at = [other for other in self._to_look_at if other != place]
            await self.models.drop(place)

    async def _load_gained(self) -> None:
        gained = {place: since for place, since in self.owner.given().items() if place not in self._loaded}
        if not gained:
            return
        self.loading = True
        waiting = iter(sorted(gained.items()))
        try:
            await self.forget(gained)
            outcomes = await asyncio.gather(
                *(self._load_and_open(waiting) for _ in range(LOADS_AT_ONCE)), return_exceptions=True
            )
        finally:
            self.loading = False
        for outcome in outcomes:  # none of them is left running when one has failed
            if outcome is not None:
                raise outcome

    async def _load_and_open(self, waiting: Iterator[tuple[int, int]]) -> None:
        """Load one of the places that wait after the other, and open each as soon as it is loaded."""
        for place, since in waiting:
            if self.owner.given().get(place) != since:
                return  # dealt anew meanwhile
            begun = self.clock.monotonic()
            await self._load(place)
            if self.owner.given().get(place) != since:
                # Dealt anew meanwhile: what was loaded may be old already.
                await self.models.drop(place)
                return
            self._open(place, since)
            log.info("loaded place %d in %.2f s", place, self.clock.monotonic() - begun)

    def _open(self, place: int, since: int) -> None:
        now = self.clock.monotonic()
        self._loaded[place] = since
        self._looks[place] = [now + seconds for seconds in LOOK_AGAIN_SECONDS]
        self.owner.opened(place)
        self.consumer.release(place)

    async def _look_again(self) -> None:
        """Look again at one of the places that are due, and rest after it."""
        now = self.clock.monotonic()
        due = sorted(place for place, at in self._due().items() if at <= now)
        if due:
            await self.forget(due)
            self._to_look_at += due
        if self._to_look_at and now >= self._rested_at:
            begun = self.clock.monotonic()
            await self._load(self._to_look_at[0])
            self._looks[self._to_look_at.pop(0)].pop(0)
            ended = self.clock.monotonic()
            self._rested_at = ended + LOOK_REST_TIMES * (ended - begun)

    def _due(self) -> dict[int, float]:
        """Return when each place that waits for it is to be looked at again; without those whose turn has come."""
        return {place: looks[0] for place, looks in self._looks.items() if looks and place not in self._to_look_at}

    async def _load(self, place: int) -> None:
        async with asyncio.timeout(LOAD_SECONDS_MAX):
            await self.models.load(place)

    async def _wait(self) -> None:
        """Return when the group was dealt anew, or a place is to be looked at again."""
        due = [*self._due().values(), *([self._rested_at] if self._to_look_at else ())]
        seconds = max(min(due) - self.clock.monotonic(), 0.0) if due else None
        try:
            async with asyncio.timeout(seconds):
                await self.owner.changed.wait()
        except TimeoutError:
            return
