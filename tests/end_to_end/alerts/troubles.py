"""Causes that are a process's own trouble, or what somebody sends it, each with its cure and what follows."""

import asyncio

from aiokafka import AIOKafkaProducer

from concord.chassis.identity.caller import Role
from concord.contracts.topics import INTAKE
from deploy.local import places
from tests.end_to_end.alerts.job import Job
from tests.end_to_end.alerts.run import Town

HELD_SECONDS_MAX = 300.0
HOUR_SECONDS = 3_600
MEMORY_MEGABYTES = 400
STARTS, APART_SECONDS = 3, 25.0


async def restarted(town: Town, service: str, *trouble: str) -> None:
    """Start a service anew, with a trouble or without one."""
    module = ("tests.end_to_end.alerts.troubled", service, *trouble) if trouble else (f"services.{service}",)
    await asyncio.to_thread(town.stack.restart, service, (str(places.PYTHON), "-m", *module))


class Unmeasured:
    """A defect of one project alone in metrics, and after it none."""

    async def cause(self, town: Town) -> None:
        """Have it measured by a process that fails at it."""
        await restarted(town, "metrics", "--project", "unmeasured")
        await town.annotators()
        self.job = Job(town, "unmeasured")
        await self.job.define()
        await self.job.send(20)
        await self.job.label(10)
        await town.until("concord_metrics_projects_unmeasured > 0", HELD_SECONDS_MAX)

    async def cure(self, town: Town) -> None:
        """Go back to the release before, and label on."""
        await restarted(town, "metrics")
        await self.job.label(5)


class Defects:
    """A loop of assign fails at every second turn, and a read model takes nothing in; then neither."""

    async def cause(self, town: Town) -> None:
        """Have somebody defined at such a process."""
        await restarted(town, "assign", "--loop", "gold left", "--kind", "annotator")
        await town.annotators("eve")

    async def cure(self, town: Town) -> None:
        """Go back to the release before."""
        await restarted(town, "assign")


class Memory:
    """Ingest holds nearly as much memory as it may."""

    async def cause(self, town: Town) -> None:
        """Have it hold so much."""
        await restarted(town, "ingest", "--holds", str(MEMORY_MEGABYTES))

    async def cure(self, town: Town) -> None:
        """Start it anew."""
        await restarted(town, "ingest")


class Restarts:
    """Something ends adjudicate again and again; then nothing does."""

    async def cause(self, town: Town) -> None:
        """End it three times."""
        for _ in range(STARTS):
            await asyncio.sleep(APART_SECONDS)
            await restarted(town, "adjudicate")

    async def cure(self, town: Town) -> None:
        """Let it run."""
        del town


class Letters:
    """Somebody writes to the intake what is no event."""

    async def cause(self, town: Town) -> None:
        """Write three such records."""
        producer = AIOKafkaProducer(bootstrap_servers=town.stack.kafka_bootstrap)
        await producer.start()
        try:
            for number in range(3):
                await producer.send_and_wait(INTAKE.name, f"no event {number}".encode(), key=b"k")
        finally:
            await producer.stop()

    async def cure(self, town: Town) -> None:
        """They write no more."""
        del town


class Refused:
    """Somebody tries credentials, and nobody else asks for anything much."""

    async def cause(self, town: Town) -> None:
        """Ask adjudicate and audit again and again with a token that has ended."""
        ended = town.stack.issuer.token(Role.AUDITOR, "zoe", seconds=-HOUR_SECONDS)

        async def ask() -> None:
            while True:
                await town.load.ask("adjudicate", "GET", "/v1/escalations", ended)
                town.load.count.refused.clear()
                await asyncio.sleep(0.1)

        self.asking = asyncio.create_task(ask())

    async def cure(self, town: Town) -> None:
        """They stop."""
        del town
        self.asking.cancel()
