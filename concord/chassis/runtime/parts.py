"""The parts a process is made of: what each is asked to do, and the few that every service has."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from concord.chassis.back_off import BackOff
from concord.chassis.broker.port import Broker, BrokerUnavailable
from concord.chassis.clock import Clock
from concord.chassis.store.port import Collection, Store, StoreUnavailable
from concord.chassis.telemetry import Telemetry

log = logging.getLogger(__name__)

EXPORT_SECONDS_MAX = 2.0


class Part(Protocol):
    """Something that is started and stopped in order."""

    @property
    def name(self) -> str:
        """Return what the part is called in log lines and readiness reasons."""
        ...

    async def start(self) -> None:
        """Return when the part is ready for the parts that come after it.

        Raises:
            Passing: something that it needs does not answer; it is started again then, until it is.
        """
        ...

    async def stop(self) -> None:
        """Finish what is in hand and let go; called once, also after a failed start. It may be cut short."""
        ...


@runtime_checkable
class Running(Protocol):
    """A part with a loop of its own: it runs from the end of its start to its stop.

    The loop's end or exception before the stop ends the process. Once `stop` has returned, or its time is over,
    a loop that still runs is cancelled: so a part that must finish what is in hand waits for that in `stop`.
    """

    async def run(self) -> None:
        """Run until stopped."""
        ...


@runtime_checkable
class Watched(Protocol):
    """A part that may be started and yet not ready."""

    def unready(self) -> str | None:
        """Return why requests should not come here now, as a sentence, or None."""
        ...


@runtime_checkable
class HandingOver(Protocol):
    """A part that lets the service's other processes have its work before the door is closed."""

    async def hand_over(self) -> None:
        """Return when others may have it; called at most once, before the stop, while requests still come."""
        ...


@runtime_checkable
class Lacking(Protocol):
    """A part that knows of things which do not answer though requests may come."""

    def lacking(self) -> list[str]:
        """Return what does not answer, each as a sentence."""
        ...


@runtime_checkable
class Abandonable(Protocol):
    """A part with tasks of its own that a crash must take with it; only the simulation crashes parts."""

    def abandon(self) -> None:
        """Cancel every task at once and finish nothing."""
        ...


async def reach(what: str, ask: Callable[[], Awaitable[None]], unavailable: type[Exception], clock: Clock) -> None:
    """Return when `ask` succeeds, trying again with back-off; that it waits is said, and so is the end.

    Args:
        what: what waits, for the log.
        ask: raises `unavailable` when there is no answer.
        unavailable: the port's exception.
        clock: sleeps.
    """
    back_off = BackOff(what, clock)
    while True:
        try:
            await ask()
        except unavailable as fault:
            await back_off.wait(fault)
        else:
            back_off.over()
            return


class StorePart:
    """The service's database: reached, then its collections and indexes made; closed last.

    Args:
        store: the port.
        collections: what the service keeps.
        clock: sleeps between attempts.
    """

    name = "store"

    def __init__(self, store: Store, collections: Sequence[Collection], clock: Clock) -> None:
        self.store, self.collections, self.clock = store, tuple(collections), clock

    async def start(self) -> None:
        """Return when the store answers and holds every collection and index."""
        await reach("the store", self.store.ping, StoreUnavailable, self.clock)
        await reach("the store", lambda: self.store.prepare(self.collections), StoreUnavailable, self.clock)

    async def stop(self) -> None:
        """Let go of the connections."""
        await self.store.close()


class BrokerPart:
    """The connection to the broker."""

    name = "broker"

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self.broker, self.clock = broker, clock

    async def start(self) -> None:
        """Return when the producer is connected."""
        await reach("the broker", self.broker.start, BrokerUnavailable, self.clock)

    async def stop(self) -> None:
        """Flush and disconnect."""
        await self.broker.stop()


class TelemetryPart:
    """What the process says about itself: the first part, so that the others' last spans are still exported.

    Args:
        telemetry: the service's.
    """

    name = "telemetry"

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry

    async def start(self) -> None:
        """Do nothing: it is up since it was made."""

    async def stop(self) -> None:
        """Export what is left. A collector that does not answer is left behind: the thread ends with the process."""
        if not self.telemetry.exports:
            return  # nothing to send, no thread
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def export() -> None:
            self.telemetry.shutdown()
            # The loop is gone when this took longer than the process was ready to wait.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=export, name="last spans", daemon=True).start()
        try:
            async with asyncio.timeout(EXPORT_SECONDS_MAX):
                await done.wait()
        except TimeoutError:
            log.warning("the last spans could not be exported within %.0f s", EXPORT_SECONDS_MAX)


class Hook:
    """A part made of functions: something to do at the start, and something at the end.

    Args:
        name: what it is called.
        start: run at the start, such as loading a read model.
        stop: run at the end, such as flushing spans.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[None]] | None = None,
        stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name, self._start, self._stop = name, start, stop

    async def start(self) -> None:
        """Do what is to be done at the start."""
        if self._start is not None:
            await self._start()

    async def stop(self) -> None:
        """Do what is to be done at the end."""
        if self._stop is not None:
            await self._stop()


class Loop(Hook):
    """A part that only runs: a loop which may be cancelled anywhere, such as a sweeper between two rounds."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        super().__init__(name)
        self._run = run

    async def run(self) -> None:
        """Run until cancelled."""
        await self._run()
