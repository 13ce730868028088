"""Policies that change at any moment, with few people who let things go: every unit ends settled, escalated or told."""

import asyncio
import json
import os
import random
from collections import Counter
from typing import Any

import pytest

from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.contracts.topics import ANNOTATIONS, RESOLUTIONS
from services.adjudicate.bootstrap import wire as wire_adjudicate
from services.adjudicate.settings import AdjudicateSettings
from services.assign.bootstrap import wire as wire_assign
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.refusals import Refusal
from services.assign.handlers import Answer, Handlers
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Consensus, Gold, Lease, Overlap, Policy
from simulation.house import ENVIRONMENT, House
from simulation.virtual_time import VirtualTimeLoop
from tests.properties.services.assign.races import Jitter
from tests.support.upstream import PROJECT, Upstream

START_US = 1_700_000_000 * MICROSECONDS
PEOPLE = ("ann", "bob", "cem")
UNITS = 12
NOBODY = "nobody"
"""Is named and never defined."""
SEEDS = int(os.environ.get("CONCORD_WAIT_SEEDS", "4"))
SECONDS_MAX = 1_200


class Town:
    """Assign and adjudicate in one house, three people, and a client who changes their mind.

    Args:
        seed: of all that is left to chance.
    """

    def __init__(self, seed: int) -> None:
        self.generator = random.Random(seed)
        self.house = House(seed=seed, clock=LoopClock(START_US))
        self.upstream = Upstream(self.house)
        self.revision = 0
        self.over = False

    async def run(self) -> None:
        """Let all of it happen until people have found nothing for long enough."""
        await self._define()
        jitter = Jitter(self.generator)
        assign = wire_assign(
            AssignSettings.from_environment(ENVIRONMENT), self.house.ports("assign", store_faults=jitter)
        )
        adjudicate = wire_adjudicate(
            AdjudicateSettings.from_environment(ENVIRONMENT), self.house.ports("adjudicate", store_faults=jitter)
        )
        for service in (assign, adjudicate):
            await service.runtime.start()
        people: Handlers = assign.application.state.service.handlers  # type: ignore[attr-defined]  # it is a FastAPI application
        for name in PEOPLE:
            await people.annotators.define(AnnotatorState(name))
        for number in range(UNITS):
            named = (("ann",), (NOBODY, "bob"), ("ann", "bob", "cem"), ())[number % 4]
            await self.upstream.unit(f"k1-u{number}", named=named)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work(people, name)) for name in PEOPLE]
            tasks.create_task(self._change_minds())
            await asyncio.sleep(SECONDS_MAX)
            self.over = True
            await asyncio.gather(*workers)
        for service in (assign, adjudicate):
            await service.runtime.stop()

    async def _define(self) -> None:
        self.revision += 1
        initial = self.generator.randint(1, 4)
        policy = Policy(
            overlap=Overlap(initial=initial, max=self.generator.randint(initial, 5)),
            consensus=Consensus(method="majority", confidence=self.generator.choice([0.5, 0.6, 0.9])),
            gold=Gold(rate=0.0),
            lease=Lease(seconds=5),
        )
        await self.upstream.project(policy, revision=self.revision)

    async def _change_minds(self) -> None:
        for _ in range(self.generator.randint(1, 6)):
            await asyncio.sleep(self.generator.random() * 12)
            await self._define()

    async def _work(self, people: Handlers, name: str) -> None:
        while not self.over:
            await asyncio.sleep(self.generator.random() * 4)
            try:
                for lease in await people.claims.claim(name, PROJECT, self.generator.randint(1, 3)):
                    await self._deal_with(people, name, lease.assignment.id)
            except Refusal:
                continue

    async def _deal_with(self, people: Handlers, name: str, assignment_id: str) -> None:
        chance = self.generator.random()
        if chance < 0.15:
            await people.leases.give_back(name, assignment_id)
        elif chance < 0.3:
            await people.leases.skip(name, assignment_id, "illegible")
        elif chance < 0.85:
            label = self.generator.choice([b'"yes"', b'"yes"', b'"no"'])
            await people.submissions.submit(name, [Answer(assignment_id, label)])
        # Else it is forgotten, and its lease ends.

    def units(self) -> dict[str, dict[str, Any]]:
        """Return adjudicate's newest state of every unit, from its records."""
        documents = self.house.database("adjudicate").shelf("journal").documents.values()
        newest: dict[str, dict[str, Any]] = {}
        for document in sorted(documents, key=lambda entry: int(entry["seq"])):
            if "/unit/" in document["aggregate"]:
                state = json.loads(document["state"])
                newest[state["unit_id"]] = state
        return newest


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_unit_ends_settled_escalated_or_told_whatever_the_client_changes(seed: int) -> None:
    town = Town(seed)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(town.run())
    stranded = {
        event.unit_stranded.unit_id for event in town.house.events(ANNOTATIONS) if event.HasField("unit_stranded")
    }
    ends: Counter[str] = Counter()
    waiting = []
    for unit_id, state in town.units().items():
        status = state.get("status", "open")
        if status == "open" and unit_id in stranded and not state.get("annotations"):
            ends["told"] += 1
        elif status == "consensus" or (status == "escalated" and state.get("labelling_ended")):
            ends[status] += 1
        else:
            waiting.append((unit_id, status, len(state.get("annotations", ()))))
    assert waiting == []
    assert ends.total() == UNITS
    resolved = Counter(
        event.consensus_reached.unit_id or event.escalated.unit_id
        for event in town.house.events(RESOLUTIONS)
        if event.HasField("consensus_reached") or event.HasField("escalated")
    )
    assert all(times == 1 for times in resolved.values()), "each is decided once"
