"""What is done to the processes meanwhile: one is killed every now and then, or all are replaced one by one."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.local.services import Part
from tests.end_to_end.chaos.load import Town
from tests.support.known import SERVED

FORWARDED = "concord-forwarded"
"""Of a request with this mark a process says whether it serves the project itself: it hands it on to nobody."""


@dataclass(frozen=True)
class Blow:
    """A process that was ended.

    Attributes:
        service, name: which.
        began, ready: when it was ended, and when it was up again, by the event loop's clock.
        had: the projects that it served when it was ended.
        others: the service's other projects.
    """

    service: str
    name: str
    began: float
    ready: float
    had: Sequence[str]
    others: Sequence[str]


class Trouble:
    """Ends processes of a stack and starts them again, and notes whose projects they had.

    Args:
        town: works meanwhile.
        services: whose processes are ended.
        seed: draws who is killed.
        say: told what is done.

    Attributes:
        blows: in the order in which the processes were up again.
        say: told what is done.
    """

    def __init__(self, town: Town, services: Sequence[str], seed: int, say: Callable[[str], None]) -> None:
        self.town = town
        self.stack = town.stack
        self.services = services
        self.blows: list[Blow] = []
        self._drawn = random.Random(seed)
        self.say = say
        self._loop = asyncio.get_running_loop()

    async def kill(self, times: int, every_seconds: float) -> None:
        """Kill a random process so many times, every so often, with SIGKILL; each is started again at once."""
        order: list[Part] = []
        async with asyncio.TaskGroup() as restarts:
            for _ in range(times):
                await asyncio.sleep(every_seconds)
                # Drawn without putting back, so that a short run has its blow at each process, too.
                order = order or self._drawn.sample(self._parts(), len(self._parts()))
                part = order.pop()
                had, began = await self.had(part), self._loop.time()
                await asyncio.to_thread(self.stack.kill, part.name)
                self.say(f"{part.name} was killed; it served {len(had)} projects")
                restarts.create_task(self._up_again(part, had, began, self.stack.restart))

    async def roll(self) -> None:
        """Replace every process in order, one of a service at a time, as an orchestrator does."""
        async with asyncio.TaskGroup() as services:
            for service in self.services:
                services.create_task(self._roll(service))

    async def _roll(self, service: str) -> None:
        for part in self.stack.parts(service):
            await self.rolled(part)

    async def rolled(self, part: Part) -> None:
        """Replace one process in order."""
        had, began = await self.had(part), self._loop.time()
        self.say(f"{part.name} is replaced; it served {len(had)} projects")
        await self._up_again(part, had, began, self.stack.roll)

    async def killed(self, part: Part) -> None:
        """Kill one process, and start it again at once."""
        had, began = await self.had(part), self._loop.time()
        await self._up_again(part, had, began, self.stack.restart)
        self.say(f"{part.name} was killed and is up again; it served {len(had)} projects")

    async def _up_again(self, part: Part, had: list[str], began: float, how: Callable[[str], None]) -> None:
        await asyncio.to_thread(how, part.name)
        others = [project.project_id for project in self.town.projects if project.project_id not in had]
        self.blows.append(Blow(part.service, part.name, began, self._loop.time(), had, others))

    async def had(self, part: Part) -> list[str]:
        """Return the projects that a process serves itself."""
        path = SERVED.get(part.service)
        if path is None:  # any process of ingest serves any project
            return []
        ids = [project.project_id for project in self.town.projects]
        rows = await asyncio.gather(
            *(self.town.serves(part.address + path(identifier), {FORWARDED: "1"}) for identifier in ids)
        )
        return [text for text, status in zip(ids, rows, strict=True) if status == 200]

    def _parts(self) -> list[Part]:
        return [part for service in self.services for part in self.stack.parts(service)]
