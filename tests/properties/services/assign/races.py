"""Two lives of assign that both have the project, people who ask both of everything, and a judge from outside."""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.contracts.ids import place_of, slot_of_project
from concord.contracts.topics import ANNOTATIONS, LOTS, PLACES_LOCAL, RESOLUTIONS
from concord.contracts.v1.lots_pb2 import LotEvent, LotRejected
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, OverlapRequested, ResolutionEvent
from services.assign.bootstrap import wire
from services.assign.domain.eligibility import AnnotatorState
from services.assign.domain.refusals import Refusal
from services.assign.handlers import Answer, Handlers, Revision
from services.assign.settings import AssignSettings
from services.ingest.domain.project import Consensus, Gold, Lease, Overlap, Policy
from simulation.faults import ShiftedClock
from simulation.house import ENVIRONMENT, House
from tests.support.upstream import PROJECT, Upstream

START_US = 1_700_000_000 * MICROSECONDS
PEOPLE = tuple(f"w{number}" for number in range(6))
UNITS = 40
LABELS = ("yes", "no")


class Jitter:
    """Every operation of a store takes a while, so that all that can meet meets."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator

    async def before(self, operation: str, collection: str) -> None:
        """Take a while."""
        del operation, collection
        await asyncio.sleep(self.generator.random() * 0.05)

    async def after(self, operation: str, collection: str) -> None:
        """Take a while before it is known."""
        await self.before(operation, collection)


class Races:
    """One run: a seed, two lives, and what people were told.

    Args:
        seed: of all that is left to chance.
    """

    def __init__(self, seed: int) -> None:
        self.generator = random.Random(seed)
        self.house = House(seed=seed, clock=LoopClock(START_US))
        self.upstream = Upstream(self.house)
        self.lives: list[Handlers] = []
        self.held: defaultdict[str, set[str]] = defaultdict(set)
        self.acknowledged: dict[str, str] = {}
        self.revised: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self.done: Counter[str] = Counter()
        self.reworks: Counter[str] = Counter()

    async def run(self, steps: int) -> None:
        """Let people and services do so much at once, and wait until all is told."""
        await self.upstream.project(
            Policy(
                overlap=Overlap(initial=2, max=5),
                consensus=Consensus(method="majority", confidence=0.6),
                gold=Gold(rate=0.3),
                lease=Lease(seconds=4, renewals_max=2),
            )
        )
        services = []
        for seconds_off in (0.0, 2.0):
            clock = ShiftedClock(self.house.clock)
            clock.seconds_off = seconds_off
            ports = self.house.ports("assign", store_faults=Jitter(self.generator), clock=clock)
            service = wire(AssignSettings.from_environment(ENVIRONMENT), ports)
            await service.runtime.start()
            services.append(service)
            self.lives.append(service.application.state.service.handlers)  # type: ignore[attr-defined]  # it is a FastAPI application
        for name in PEOPLE:
            await self.lives[0].annotators.define(AnnotatorState(name))
        for number in range(UNITS):
            named = self.generator.sample(PEOPLE, 3) if number % 9 == 0 else ()
            await self.upstream.unit(f"k1-u{number}", gold="yes" if number % 5 == 1 else None, named=named)
        await asyncio.sleep(3.0)
        for handlers in self.lives:
            # Both believe to have the project, as for a moment when it is dealt anew, and serve whoever asks.
            await handlers.claims.repository.load(place_of(slot_of_project(PROJECT), PLACES_LOCAL))
        moves = [self._move() for _ in range(steps)]
        for start in range(0, steps, 25):
            await asyncio.gather(*moves[start : start + 25])
        await asyncio.sleep(40.0)
        for service in services:
            await service.runtime.stop()

    def _move(self) -> Awaitable[None]:
        generator, person = self.generator, self.generator.choice(PEOPLE)
        life = generator.choice(self.lives)
        chosen: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("claim", lambda: self._claim(life, person, generator.randint(1, 4))),
            ("claim", lambda: self._claim(life, person, generator.randint(1, 4))),
            ("submit", lambda: self._submit(life, person)),
            ("submit and go on", lambda: self._go_on(life, person, generator.randint(1, 4))),
            ("submit and go on", lambda: self._go_on(life, person, 1)),
            ("say otherwise", lambda: self._say_otherwise(life, person)),
            ("revise", lambda: self._revise(life, person)),
            ("let go", lambda: self._let_go(life, person)),
            ("renew", lambda: self._renew(life, person)),
            ("told", self._told),
        ]
        what, move = generator.choice(chosen)
        pause = generator.random() * 1.5

        async def later() -> None:
            await asyncio.sleep(pause)
            self.done[what] += 1
            try:
                await move()
            except Refusal:
                self.done["refused"] += 1

        return later()

    async def _claim(self, life: Handlers, person: str, units: int) -> None:
        for lease in await life.claims.claim(person, PROJECT, units):
            self.held[person].add(lease.assignment.id)

    async def _submit(self, life: Handlers, person: str) -> None:
        if not self.held[person]:
            return
        assignment_id = self.generator.choice(sorted(self.held[person]))
        label = self.generator.choice(LABELS)
        (taken,) = await life.submissions.submit(person, [Answer(assignment_id, json.dumps(label).encode())])
        if not isinstance(taken, Refusal) and taken.status in ("accepted", "late"):
            assert assignment_id not in self.acknowledged, f"{assignment_id} was acknowledged twice"
            self.acknowledged[assignment_id] = label

    async def _go_on(self, life: Handlers, person: str, units: int) -> None:
        if not self.held[person]:
            return
        assignment_id = self.generator.choice(sorted(self.held[person]))
        label = self.generator.choice(LABELS)
        answer = Answer(assignment_id, json.dumps(label).encode())
        taken, _, leases = await life.onward.submit(person, answer, units)
        self.held[person] |= {lease.assignment.id for lease in leases}
        if not isinstance(taken, Refusal) and taken.status in ("accepted", "late"):
            assert assignment_id not in self.acknowledged, f"{assignment_id} was acknowledged twice"
            self.acknowledged[assignment_id] = label

    async def _revise(self, life: Handlers, person: str) -> None:
        """Revise a label, at once through both lives: one number is taken once, whichever label it is."""
        mine = sorted(self.held[person] & self.acknowledged.keys())
        if not mine:
            return
        annotation_id = self.generator.choice(mine)
        number = len(self.revised[annotation_id]) + 1
        pairs = [(each, self.generator.choice(LABELS)) for each in (life, self.generator.choice(self.lives))]
        wishes = [Revision(annotation_id, number, json.dumps(label).encode()) for _, label in pairs]
        became = await asyncio.gather(
            *(each.revising.revise(person, wish) for (each, _), wish in zip(pairs, wishes, strict=True)),
            return_exceptions=True,
        )
        for (_, label), status in zip(pairs, became, strict=True):
            if isinstance(status, str):
                before = self.revised[annotation_id].setdefault(number, label)
                assert before == label, f"revision {number} of {annotation_id} was taken as {before} and as {label}"
            elif not isinstance(status, Refusal):
                raise status

    async def _say_otherwise(self, life: Handlers, person: str) -> None:
        """Send another label where one was taken: the first stands."""
        mine = sorted(self.held[person] & self.acknowledged.keys())
        if mine:
            assignment_id = self.generator.choice(mine)
            other = LABELS[1 - LABELS.index(self.acknowledged[assignment_id])]
            (taken,) = await life.submissions.submit(person, [Answer(assignment_id, json.dumps(other).encode())])
            assert isinstance(taken, Refusal), f"{assignment_id} was taken again with another label"

    async def _let_go(self, life: Handlers, person: str) -> None:
        if self.held[person]:
            assignment_id = self.generator.choice(sorted(self.held[person]))
            if self.generator.random() < 0.5:
                await life.leases.give_back(person, assignment_id)
            else:
                await life.leases.skip(person, assignment_id, "illegible")

    async def _renew(self, life: Handlers, person: str) -> None:
        if self.held[person]:
            await life.leases.renew(person, self.generator.choice(sorted(self.held[person])))

    async def _told(self) -> None:
        unit_id = f"k1-u{self.generator.randrange(UNITS)}"
        rework = self.reworks[unit_id]
        match self.generator.randrange(3):
            case 0:
                asked = OverlapRequested(unit_id=unit_id, rework=rework, overlap_wanted=self.generator.randint(3, 4))
                await self.upstream.tell(RESOLUTIONS, unit_id, ResolutionEvent(overlap_requested=asked))
            case 1:
                settled = ConsensusReached(unit_id=unit_id, rework=rework)
                await self.upstream.tell(RESOLUTIONS, unit_id, ResolutionEvent(consensus_reached=settled))
            case _:
                self.reworks[unit_id] += 1
                back = LotRejected(lot_id="k1-l", on_reject="relabel", unit_ids=[unit_id], rework=rework)
                await self.upstream.tell(LOTS, "k1-l", LotEvent(lot_rejected=back))

    def broken(self, leases_max: int) -> Iterator[str]:
        """Yield what should never be, by the records in the order of their insertion, and by what was told."""
        units: dict[str, dict[str, Any]] = {}
        for document in self.house.database("assign").shelf("journal").documents.values():
            if "/unit/" not in document["aggregate"]:
                continue
            state = json.loads(document["state"])
            units[document["aggregate"]] = state
            yield from _unit_broken(state)
            running: Counter[str] = Counter()
            for other in units.values():
                if other.get("admitted") and other.get("status", "open") == "open":
                    running.update(
                        annotator["annotator_id"] for annotator in _current(other) if annotator["status"] == "leased"
                    )
            for person, leases in running.items():
                if leases > leases_max:
                    yield f"{person} holds {leases} leases"
        yield from self._dropped()

    def _dropped(self) -> Iterator[str]:
        groups: defaultdict[str, list[str]] = defaultdict(list)
        words: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for event in self.house.events(ANNOTATIONS):
            if event.HasField("annotation_submitted"):
                annotation = event.annotation_submitted
                groups[annotation.annotation_id].append(json.loads(annotation.label))
            elif event.HasField("annotation_revised"):
                revised = event.annotation_revised
                words[revised.annotation_id].setdefault(revised.revision, json.loads(revised.label))
        for annotation_id, revisions in self.revised.items():
            if words[annotation_id] != revisions or sorted(revisions) != list(range(1, len(revisions) + 1)):
                yield f"{annotation_id}: {revisions} were acknowledged and {words[annotation_id]} told"
        for assignment_id, label in self.acknowledged.items():
            if set(groups[assignment_id]) != {label}:
                yield f"{assignment_id}: {label!r} was acknowledged and {groups[assignment_id]} told"


def _current(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        assignment
        for assignment in state.get("assignments", ())
        if assignment.get("rework", 0) == state.get("rework", 0)
    ]


def _unit_broken(state: dict[str, Any]) -> Iterator[str]:
    if state.get("gold") and not state.get("copy_for"):
        return
    having = [
        annotator["annotator_id"] for annotator in _current(state) if annotator["status"] in ("leased", "submitted")
    ]
    if len(having) > state.get("overlap_wanted", 0):
        yield f"{state['unit_id']} is had by {len(having)} and wants {state.get('overlap_wanted', 0)}"
    labelled = [annotator["annotator_id"] for annotator in _current(state) if annotator["status"] == "submitted"]
    leased = [annotator["annotator_id"] for annotator in _current(state) if annotator["status"] == "leased"]
    if len(set(labelled)) != len(labelled) or len(set(leased)) != len(leased):
        yield f"{state['unit_id']} counts somebody twice: {labelled}, {leased}"
