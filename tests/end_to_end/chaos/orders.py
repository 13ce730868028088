"""Orders of leaving, dying, standing still and outages that no kill at random makes, one after the other.

What is lost or doubled is judged as ever; of time only that every process serves again, JOIN_SECONDS_MAX after.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence

from deploy.local.services import Part
from tests.end_to_end.chaos.judgement import SESSION_SECONDS
from tests.end_to_end.chaos.trouble import Trouble
from tests.support.known import SERVED

PAUSE_SECONDS = SESSION_SECONDS + 1.0
"""Beyond the session: the group has put the process out when it goes on."""
OUTAGE_SECONDS = 20.0
LOADING_AFTER_SECONDS = 0.5
"""After a process was told to leave: its places are dealt, and are being loaded by the next."""
JOIN_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.25


class Orders:
    """Makes them, by their names.

    Args:
        trouble: ends and begins processes.
    """

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._stack = trouble.stack
        self._made: Mapping[str, Callable[[], Awaitable[None]]] = {
            "pause": self._pause,
            "all-leave": self._all_leave,
            "all-die": self._all_die,
            "broker-while-loading": self._broker_while_loading,
            "store-while-dealt": self._store_while_dealt,
            "store-and-broker": self._store_and_broker,
            "pause-while-dealt": self._pause_while_dealt,
        }

    async def make(self, name: str) -> None:
        """Make one, and return when every process serves again.

        Raises:
            TimeoutError: one does not.
        """
        self._trouble.say(f"{name}:")
        await self._made[name]()
        for service in self._trouble.services:
            if service in SERVED:
                await self._shared(service)

    async def _pause(self) -> None:
        """Let each process in turn stand still for longer than its session."""
        for part in self._parts():
            await self._stood_still(part)

    async def _all_leave(self) -> None:
        """Tell all processes of a service to leave at once, and begin as many."""
        await asyncio.gather(*(self._trouble.rolled(part) for part in self._parts()))

    async def _all_die(self) -> None:
        """Kill all processes of a service at once."""
        await asyncio.gather(*(self._trouble.killed(part) for part in self._parts()))

    async def _broker_while_loading(self) -> None:
        """Kill the broker while the places of processes that leave are being loaded by the others."""
        await self._while_dealt(lambda: asyncio.to_thread(self._stack.restart, "kafka"))

    async def _store_while_dealt(self) -> None:
        """Let the store stand still while places are dealt."""
        await self._while_dealt(lambda: self._still("mongodb", OUTAGE_SECONDS))

    async def _store_and_broker(self) -> None:
        """Let the store stand still and kill the broker meanwhile."""
        await asyncio.gather(self._still("mongodb", OUTAGE_SECONDS), asyncio.to_thread(self._stack.restart, "kafka"))

    async def _pause_while_dealt(self) -> None:
        """Let the process that is to take over stand still as soon as the other leaves."""
        for service in self._trouble.services:
            first, *others = self._stack.parts(service)
            leaving = asyncio.create_task(self._trouble.rolled(first))
            await asyncio.sleep(LOADING_AFTER_SECONDS / 2)
            await asyncio.gather(leaving, *(self._still(part.name, PAUSE_SECONDS) for part in others))

    async def _while_dealt(self, does: Callable[[], Awaitable[None]]) -> None:
        firsts = [self._stack.parts(service)[0] for service in self._trouble.services]
        leaving = [asyncio.create_task(self._trouble.rolled(part)) for part in firsts]
        await asyncio.sleep(LOADING_AFTER_SECONDS)
        await asyncio.gather(does(), *leaving)

    async def _stood_still(self, part: Part) -> None:
        loop = asyncio.get_running_loop()
        self._trouble.say(f"{part.name} stands still")
        await self._still(part.name, PAUSE_SECONDS)
        began = loop.time()
        if part.service in SERVED:
            await self._shared(part.service)
        self._trouble.say(f"{part.name} has places again {loop.time() - began:.1f} s after it went on")

    async def _still(self, name: str, seconds: float) -> None:
        pid = self._stack.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _shared(self, service: str) -> None:
        """Return when every project is served by one process of a service, and every process serves some.

        Who stood still serves by what it was told before until it hears that it was put out: two serve a project then.
        """
        loop = asyncio.get_running_loop()
        began, ids = loop.time(), sorted(project.project_id for project in self._trouble.town.projects)
        while True:
            had = [await self._trouble.had(part) for part in self._stack.parts(service)]
            if sorted(project_id for some in had for project_id in some) == ids and all(had):
                return
            if loop.time() - began > JOIN_SECONDS_MAX:
                raise TimeoutError(f"{JOIN_SECONDS_MAX:g} s after, {service}'s processes serve {had} of {ids}")
            await asyncio.sleep(LOOK_SECONDS)

    def _parts(self) -> Sequence[Part]:
        return [part for service in self._trouble.services for part in self._stack.parts(service)]


ORDERS = (
    "pause",
    "all-leave",
    "all-die",
    "broker-while-loading",
    "store-while-dealt",
    "store-and-broker",
    "pause-while-dealt",
)
