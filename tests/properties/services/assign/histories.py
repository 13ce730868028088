"""One history of a project, told to assign with units kept as rows of pages, or each as an aggregate of its own."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.chassis.errors import Unavailable
from concord.chassis.runtime import Service
from concord.chassis.store.port import StoreUnavailable
from concord.contracts.ids import placed_id
from concord.contracts.topics import LOTS, RESOLUTIONS, UNITS
from concord.contracts.v1.lots_pb2 import LotEvent, LotRejected
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, OverlapRequested, ResolutionEvent
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from services.assign.bootstrap import wire
from services.assign.domain.eligibility import AnnotatorState
from services.assign.handlers import Answer, Handlers
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Consensus, Lease, Overlap, Policy
from simulation.house import ENVIRONMENT, House
from tests.support.upstream import PROJECT, Upstream

START_US = 1_700_000_000 * MICROSECONDS
PEOPLE = {"ann": (), "bob": ("law",), "cem": ("law", "de")}
QUIET_SECONDS = 30.0
"""For so long nothing new is told before people come: all that was told is in by then, whatever failed on the way."""
FAULTS_SHARE = 0.04


class Weather:
    """A store of which now and then an operation fails, before or after its effect."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self.fair = True

    async def before(self, operation: str, collection: str) -> None:
        """Take a moment, or fail."""
        await asyncio.sleep(self.generator.random() * 0.02)
        if not self.fair and self.generator.random() < FAULTS_SHARE:
            raise StoreUnavailable(f"{operation} {collection}")

    async def after(self, operation: str, collection: str) -> None:
        """Take a moment, or fail."""
        await self.before(operation, collection)


class History:
    """One history: a seed tells what happens; how units are kept changes nothing of it.

    Args:
        seed: of what is told, and of what fails.

    Attributes:
        had: who was given which unit, at each time that somebody took all that they could.
    """

    def __init__(self, seed: int) -> None:
        self.generator = random.Random(seed)
        self.house = House(seed=seed, clock=LoopClock(START_US))
        self.upstream = Upstream(self.house)
        self.weather = Weather(random.Random(f"{seed}/weather"))
        self.unit_ids: list[str] = []
        self.admissions: list[tuple[str, UnitEvent, str]] = []
        self.reworks: dict[str, int] = {}
        self.had: list[tuple[str, tuple[str, ...]]] = []
        self.service: Service | None = None

    @property
    def handlers(self) -> Handlers:
        """The use cases of the life that runs."""
        assert self.service is not None, "a life runs"
        handlers: Handlers = self.service.application.state.service.handlers  # type: ignore[attr-defined]  # a FastAPI application
        return handlers

    async def run(self, steps: int) -> None:
        """Let so much happen, and have everybody take all that they can in the end."""
        wished = Policy(
            overlap=Overlap(initial=2, max=5),
            consensus=Consensus(method="majority", confidence=0.6),
            lease=Lease(seconds=3_600, renewals_max=2),
        )
        await self.upstream.project(wished)
        await self._start()
        self.weather.fair = True
        for name, skills in PEOPLE.items():
            await self.handlers.annotators.define(AnnotatorState(name, skills=skills))
        moves: list[Callable[[], Any]] = [
            self._admit, self._admit, self._again, self._erase, self._settle, self._raise, self._send_back,
            self._work, self._killed, self._restart,
        ]  # fmt: skip
        for _ in range(steps):
            await self.generator.choice(moves)()
            await asyncio.sleep(self.generator.random() * 2.0)
        await self._restart()
        for name in PEOPLE:
            await self._take(name)
        assert self.service is not None, "a life runs"
        await self.service.runtime.stop()

    async def _start(self) -> None:
        self.weather.fair = True
        ports = self.house.ports("assign", store_faults=self.weather)
        self.service = wire(AssignSettings.from_environment(ENVIRONMENT), ports)
        await self.service.runtime.start()
        self.weather.fair = False

    async def _restart(self) -> None:
        assert self.service is not None, "a life runs"
        self.weather.fair = True
        await self.service.runtime.stop()
        await self._start()

    async def _killed(self) -> None:
        assert self.service is not None, "a life runs"
        address = self.handlers.claims.repository.owner.address
        self.service.runtime.abandon()
        self.house.cluster.expire(address.removeprefix("http://"))
        await self._start()

    async def _admit(self) -> None:
        """Admit some units that need not have anything in common."""
        for _ in range(self.generator.randint(1, 6)):
            unit_id = placed_id("u", PROJECT, f"{len(self.unit_ids):04}")
            self.unit_ids.append(unit_id)
            skills = self.generator.choice([(), (), ("law",), ("de", "law"), ("fr",)])
            named = self.generator.sample(sorted(PEOPLE), 2) if self.generator.random() < 0.1 else ()
            admitted = UnitAdmitted(
                unit_id=unit_id,
                source_id=unit_id,
                media_type=self.generator.choice(["text/plain", "image/png"]),
                priority=self.generator.choice([0, 0, 5]),
                skills_required=skills,
                named_annotators=named,
                content_length=self.generator.choice([None, 7]),
            )
            self.admissions.append((unit_id, UnitEvent(unit_admitted=admitted), f"admit {unit_id}"))
            await self._say_admission(self.admissions[-1])

    async def _again(self) -> None:
        """Tell of admissions anew: some, or all from the first on."""
        if self.admissions:
            first = self.generator.choice([0, self.generator.randrange(len(self.admissions))])
            for admission in self.admissions[first : first + self.generator.randint(1, 40)]:
                await self._say_admission(admission)

    async def _say_admission(self, admission: tuple[str, UnitEvent, str]) -> None:
        unit_id, event, cause = admission
        again = UnitEvent()
        again.CopyFrom(event)
        await self.upstream.tell(UNITS, unit_id, again, cause)

    def _some(self) -> list[str]:
        return self.generator.sample(self.unit_ids, min(len(self.unit_ids), self.generator.randint(1, 4)))

    async def _erase(self) -> None:
        for unit_id in self._some():
            await self.upstream.erased(unit_id)

    async def _settle(self) -> None:
        for unit_id in self._some():
            reached = ConsensusReached(unit_id=unit_id, rework=self.reworks.get(unit_id, 0))
            await self.upstream.tell(RESOLUTIONS, unit_id, ResolutionEvent(consensus_reached=reached))

    async def _raise(self) -> None:
        for unit_id in self._some():
            wanted = self.generator.randint(1, 4)
            overlap_requested = OverlapRequested(
                unit_id=unit_id, rework=self.reworks.get(unit_id, 0), overlap_wanted=wanted
            )
            await self.upstream.tell(RESOLUTIONS, unit_id, ResolutionEvent(overlap_requested=overlap_requested))

    async def _send_back(self) -> None:
        some = self._some()
        for unit_id in some:
            self.reworks[unit_id] = self.reworks.get(unit_id, 0) + 1
            back = LotRejected(lot_id="k1-l", on_reject="relabel", unit_ids=[unit_id], rework=self.reworks[unit_id] - 1)
            await self.upstream.tell(LOTS, "k1-l", LotEvent(lot_rejected=back))

    async def _work(self) -> None:
        await self._take(self.generator.choice(sorted(PEOPLE)))

    async def _take(self, name: str) -> None:
        """Have somebody take all that they can, and label it."""
        self.weather.fair = True
        await asyncio.sleep(QUIET_SECONDS)
        had = []
        while True:
            try:
                leases = await self.handlers.claims.claim(name, PROJECT, 50)
            except Unavailable:
                await asyncio.sleep(1.0)
                continue
            if not leases:
                break
            had += [lease.unit.unit_id for lease in leases]
            answers = [Answer(lease.assignment.id, json.dumps("yes").encode()) for lease in leases]
            await self.handlers.submissions.submit(name, answers)
        self.had.append((name, tuple(sorted(had))))
        self.weather.fair = False
