"""A service's life: its parts started in order, watched, and stopped in reverse within a bound."""

import asyncio
import enum
import logging
from collections.abc import Sequence
from functools import partial

from concord.chassis.back_off import BackOff
from concord.chassis.clock import Clock, SystemClock
from concord.chassis.errors import Passing
from concord.chassis.runtime.parts import Abandonable, HandingOver, Lacking, Part, Running, Watched

log = logging.getLogger(__name__)

STOP_SECONDS_MAX = 10.0
"""What an orchestrator's grace period must exceed; the whole stop keeps to it."""
PART_STOP_SECONDS_MAX = 5.0
HAND_OVER_SECONDS_MAX = 3.0
"""How long handing over may take, while the door is open; part of STOP_SECONDS_MAX."""
CANCEL_SECONDS_MAX = 0.5
"""How long a cancelled loop may take to end before it is left behind."""


class PartDied(Exception):
    """A part's loop ended or raised although nobody stopped it."""


class Phase(enum.StrEnum):
    """Where in its life a runtime is."""

    NEW = "new"
    STARTING = "starting"
    STARTED = "started"
    DRAINING = "draining"
    STOPPED = "stopped"


class Runtime:
    """Ordered parts with one life.

    Args:
        name: the service.
        parts: in the order of their start; each may rely on those before it, and has a name of its own.
        clock: sleeps between tries of a start; the system's if None.
    """

    def __init__(self, name: str, parts: Sequence[Part], clock: Clock | None = None) -> None:
        self.name = name
        self.clock = clock or SystemClock()
        self.parts = tuple(parts)
        # Looked for once: who balances load asks for them several times a second, and it costs more than their answers.
        self._watched = [part for part in self.parts if isinstance(part, Watched)]
        self._lacking = [part for part in self.parts if isinstance(part, Lacking)]
        assert len({part.name for part in parts}) == len(self.parts), "each part has a name of its own"
        self.phase = Phase.NEW
        self._starting: Part | None = None
        self._started = False
        self._begun: list[Part] = []
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._death: PartDied | None = None
        self._ended = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Return whether requests should come here."""
        return not self.reasons()

    @property
    def serving(self) -> bool:
        """Return whether a request that came is to be served: also while the last ones are drained."""
        return self._started and self.phase is not Phase.STOPPED

    def reasons(self) -> list[str]:
        """Return why requests should not come here now; empty when ready."""
        if self.phase is Phase.STARTING and self._starting is not None:
            return [f"{self._starting.name} is being started"]
        if self.phase is not Phase.STARTED:
            return [f"{self.name} is {self.phase}"]
        if self._death is not None:
            return [str(self._death)]
        return [reason for part in self._watched if (reason := part.unready())]

    def lacking(self) -> list[str]:
        """Return what does not answer though requests may come, each as a sentence."""
        return [name for part in self._lacking for name in part.lacking()]

    async def start(self) -> None:
        """Start every part in order; the loops run from then on.

        What a part needs and does not answer is waited for: ending would not bring it, and the next life would find
        the same.

        Raises:
            PartDied: a loop ended before all parts were started.
            Exception: what a part's start raised; the caller stops the runtime.
        """
        assert self.phase is Phase.NEW, f"{self.name} was started before"
        self.phase = Phase.STARTING
        for part in self.parts:
            self._starting = part
            self._begun.append(part)
            await self._start_part(part)
            if isinstance(part, Running):
                loop = asyncio.create_task(part.run(), name=f"{self.name}/{part.name}")
                self._loops[part.name] = loop
                loop.add_done_callback(partial(self._loop_ended, part.name))
            if self._death is not None:
                raise self._death
        self._starting, self._started = None, True
        self.phase = Phase.STARTED
        log.info("%s is ready", self.name)

    async def _start_part(self, part: Part) -> None:
        back_off = BackOff(f"the start of {part.name}", self.clock)
        while True:
            try:
                await part.start()
            except Passing as fault:
                if self._death is not None:
                    raise self._death from fault
                await back_off.wait(fault)
            else:
                back_off.over()
                return

    async def until_death(self) -> None:
        """Return never; raise when a part dies.

        Raises:
            PartDied: a loop ended or raised; the cause is chained.
        """
        await self._ended.wait()
        assert self._death is not None
        raise self._death

    def drain(self) -> None:
        """Be not ready from now on, while what came is still served."""
        if self.phase is not Phase.STOPPED:
            self.phase = Phase.DRAINING

    async def hand_over(self) -> None:
        """Let the service's other processes have what this one does, within the bound; the door is still open."""
        for part in reversed(self._begun):
            if not isinstance(part, HandingOver):
                continue
            try:
                async with asyncio.timeout(HAND_OVER_SECONDS_MAX):
                    await part.hand_over()
            except TimeoutError:
                log.warning("%s did not hand over within %.1f s", part.name, HAND_OVER_SECONDS_MAX)
            except Exception:
                # The others take over as from a process that died: later, and losing nothing.
                log.exception("%s failed while it handed over", part.name)

    async def stop(self, seconds_max: float = STOP_SECONDS_MAX) -> None:
        """Stop what was started, in reverse order, within the bound; a part that fails or is late is said and left."""
        self.drain()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        for part in reversed(self._begun):
            await self._stop_part(part, deadline)
        self._begun.clear()
        self.phase = Phase.STOPPED
        log.info("%s is stopped", self.name)

    def abandon(self) -> None:
        """Crash: cancel every loop and stop nothing. Only the simulation does this; processes are killed."""
        self.phase = Phase.STOPPED
        for part in self._begun:
            if isinstance(part, Abandonable):
                part.abandon()
        for task in self._loops.values():
            task.cancel()
        self._begun.clear()

    async def _stop_part(self, part: Part, deadline: float) -> None:
        """Stop one part before the loop's time `deadline`."""
        now = asyncio.get_running_loop().time
        seconds_max = min(PART_STOP_SECONDS_MAX, max(deadline - now(), 0.0))
        try:
            async with asyncio.timeout(seconds_max):
                await part.stop()
        except TimeoutError:
            log.warning("%s did not stop within %.1f s and is left behind", part.name, seconds_max)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A library has cancelled something of its own: nobody has cancelled us, and the parts below must stop.
            log.warning("%s was cut short while it was stopped", part.name)
        except Exception:
            # The parts below must still be stopped: they hold what is committed and flushed.
            log.exception("%s failed while it was stopped", part.name)
        task = self._loops.pop(part.name, None)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=min(CANCEL_SECONDS_MAX, max(deadline - now(), 0.0)))

    def _loop_ended(self, name: str, task: "asyncio.Task[None]") -> None:
        fault = None if task.cancelled() else task.exception()
        if self.phase in (Phase.DRAINING, Phase.STOPPED):
            if fault is not None:
                log.error("%s failed while %s was stopped: %r", name, self.name, fault)
            return
        if self._death is not None:
            return
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        self._death = PartDied(f"{name} ended" if fault is None else f"{name} died of {type(fault).__name__}: {fault}")
        self._death.__cause__ = fault
        self._ended.set()
