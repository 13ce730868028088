"""The journal as a part of a process: swept before the first decision, flushed after the last."""

import asyncio

from concord.chassis.broker.port import Broker
from concord.chassis.clock import Clock
from concord.chassis.journal.group_commit import GroupCommit
from concord.chassis.journal.journal import Journal
from concord.chassis.journal.publisher import Publisher
from concord.chassis.journal.sweeper import Sweeper
from concord.chassis.journal.watch import watch
from concord.chassis.store.port import Store
from concord.chassis.telemetry import Telemetry


class JournalPart:
    """One process's journal with its publisher and sweeper.

    Args:
        store: the service's database.
        broker: where its events go.
        writer: this process's name in commits: unique to this life of it, without a slash.
        clock: time.
        telemetry: where it is told how many records and events there are.
    """

    name = "journal"

    def __init__(self, store: Store, broker: Broker, writer: str, clock: Clock, telemetry: Telemetry) -> None:
        self.publisher = Publisher(broker, store, writer, clock)
        self.commits = GroupCommit(store, self.publisher, writer, clock)
        self.sweeper = Sweeper(store, self.publisher, writer, clock)
        self.journal = Journal(store, self.commits, self.publisher, self.sweeper, clock)
        watch(telemetry.registry, self.journal)

    async def start(self) -> None:
        """Say what dead processes left unsaid."""
        await self.sweeper.start()

    async def run(self) -> None:
        """Commit, publish and sweep until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.commits.run(), name="commits")
            tasks.create_task(self.publisher.run(), name="publisher")
            tasks.create_task(self.sweeper.run(), name="sweeper")
            tasks.create_task(self.journal.markers.run(), name="open markers")

    def unready(self) -> str | None:
        """Return that the broker does not take events, when too many wait."""
        if self.publisher.full:
            return f"{self.publisher.backlog_events} events wait for the broker"
        return None

    async def stop(self) -> None:
        """Store and publish what is in hand, and leave nothing for a sweeper."""
        await self.commits.close()
        await self.publisher.close(self.commits.registered)
        await self.journal.markers.settled()
