"""One run: a stack of several processes of each service, its town, the trouble, and what it came to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.end_to_end.chaos.judgement import Tally, Waits, late, tallies, waits
from tests.end_to_end.chaos.load import REQUEST_SECONDS_MAX, Town
from tests.end_to_end.chaos.notebook import WAITING, Notebook
from tests.end_to_end.chaos.orders import Orders
from tests.end_to_end.chaos.trouble import Blow, Trouble
from tests.end_to_end.judge import heard
from tests.support.known import SERVED
from tests.support.patience import PATIENCE_SECONDS

CALM_SECONDS = 5.0
CONNECTIONS_MAX = 200


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        projects: how many small projects are worked on.
        replicas: processes of each service.
        kills: how many times a process is killed; 0: none is, but all are replaced in order, one of a service at a
            time.
        kill_every_seconds: how often.
        seed: draws who is killed and what people say.
        only: the services whose processes are ended; all when empty.
        orders: what is done instead, by the names of `orders.ORDERS`, in this order.
    """

    projects: int = 20
    replicas: int = 2
    kills: int = 20
    kill_every_seconds: float = 30.0
    seed: int = 1
    only: Sequence[str] = ()
    orders: Sequence[str] = ()


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        tallies: by kind of thing, what was lost or doubled.
        waits: by service, who waited how long.
        settled_seconds: after the end, until everything acknowledged was told and counted.
        cpu_seconds: by service, of all its processes.
        late: who waited longer than anybody may, as sentences.
    """

    notebook: Notebook
    blows: list[Blow] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    waits: dict[str, Waits] = field(default_factory=dict)
    settled_seconds: float = 0.0
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return what was lost, doubled or answered wrongly, as sentences; time is left out."""
        names = [
            f"{tally.lost} of {tally.count} {name} were lost" for name, tally in self.tallies.items() if tally.lost
        ]
        names += [f"{tally.doubled} {name} stand twice" for name, tally in self.tallies.items() if tally.doubled]
        return names + self.notebook.wrong


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Run it on a stack of its own, which is stopped again."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    stack = Stack(folder, Ports.free(), replicas=plan.replicas)
    async with stack, aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        town = Town(stack, session, plan.projects, plan.seed)
        await town.prepare()
        say(f"{plan.projects} projects are worked on, by {plan.replicas} processes of each service")
        return await _troubled(plan, stack, town, say)


async def _troubled(plan: Plan, stack: Stack, town: Town, say: Callable[[str], None]) -> Outcome:
    loop = asyncio.get_running_loop()
    trouble = Trouble(town, plan.only or stack.services, plan.seed, say)
    working = asyncio.create_task(town.run())
    await asyncio.sleep(CALM_SECONDS)
    if plan.orders:
        await _ordered(plan, trouble, town)
    elif plan.kills:
        await trouble.kill(plan.kills, plan.kill_every_seconds)
    else:
        await trouble.roll()
    await asyncio.sleep(CALM_SECONDS)
    town.end()
    ended = loop.time()
    outcome = Outcome(town.notebook, trouble.blows)
    try:
        await working
    except* Exception as group:
        town.notebook.wrong += [repr(fault) for fault in group.exceptions]
    while True:
        counted = await _counted(town)
        outcome.tallies = tallies(await heard(stack.kafka_bootstrap), town.notebook, counted)
        outcome.settled_seconds = loop.time() - ended
        if not outcome.faults() or outcome.settled_seconds > PATIENCE_SECONDS:
            break
    ids = [project.project_id for project in town.projects]
    judged = (*stack.services, "assign" + WAITING)
    outcome.waits = waits(town.notebook, trouble.blows, judged, ids)
    outcome.late = [] if plan.orders else late(outcome.waits, judged, plan.kills > 0)
    outcome.cpu_seconds = {name: stack.cpu_seconds(name) for name in stack.services}
    if (gone := stack.ended()) is not None:
        town.notebook.wrong.append(f"{gone} has ended by itself:\n{stack.tail(gone)}")
    return outcome


async def _ordered(plan: Plan, trouble: Trouble, town: Town) -> None:
    """Do what is asked for; a process that does not come back is a fault, and what is asked for after it is done."""
    orders = Orders(trouble)
    for name in plan.orders:
        try:
            await orders.make(name)
        except TimeoutError as fault:
            town.notebook.wrong.append(f"{name}: {fault}")
            trouble.say(f"{name}: {fault}")


async def _counted(town: Town) -> dict[str, int]:
    """Return by project how many labels metrics has counted."""
    client, found = town.stack.issuer.client_key, {}
    for project in town.projects:
        path = SERVED["metrics"](project.project_id)
        found[project.project_id] = (await town.ask("metrics", "", "GET", path, client))["annotations"]
    return found
