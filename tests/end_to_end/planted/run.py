"""One run: what is planted goes in by every door and the whole way, and is then looked for everywhere."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from concord.privacy import KINDS
from tests.end_to_end.planted import places
from tests.end_to_end.planted.doors import Doors, Unit
from tests.end_to_end.planted.house import House, open_house
from tests.end_to_end.planted.people import UNITS_UNLIKE, People, text_in
from tests.end_to_end.planted.sealed import Sealed
from tests.end_to_end.planted.search import Hit, Searcher
from tests.end_to_end.planted.values import TREATMENTS, Lot, Planted, lots
from tests.unit.concord.privacy.corpus import LOCALES

RECALL_MIN = 0.99
AT_ONCE = 4
"""Projects that go their way at the same time."""
NESTED_EVERY = 7
"""Every so many units of a door that takes JSON have the sentence in an object, and the value in a field's name."""
SHOWN = ("payload", "with data")
"""Places, by a word in their names, that show contents: what recognition missed stands there, and is counted."""
WITNESSED = (
    "topic concord.units.v1",
    "store concord_ingest",
    "file store",
    "file kafka",
    "trace",
    "metrics of metrics",
)
"""Places in which the searcher must find what is there in the clear, or it would find nothing else either."""


class Plan(NamedTuple):
    """How large a run is.

    Attributes:
        of_each_kind: values of each kind that are sent where personal data is replaced.
        refused: values that each of the projects is sent in what cannot be taken.
        labels: values that each is sent in labels.
        sealed: canaries that are sent where nothing is replaced.
        projects: how many, of two treatments of each of six locales.
        files: whether to wait until the broker has dropped the files of the intake, some minutes.
    """

    of_each_kind: int = 1_000
    refused: int = 24
    labels: int = 24
    sealed: int = 1_000
    projects: int = len(LOCALES) * len(TREATMENTS)
    files: bool = True


@dataclass
class Outcome:
    """What it came to.

    Attributes:
        planted, missed: by kind, how many there were, and of how many something was shown to an annotator.
        leaks: what stood where it may not.
        counts: how much was looked through, by place, in bytes.
        blind: places in which not even a project's id was found.
        figures: others, by name.
    """

    planted: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    leaks: list[Hit] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    blind: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def recall(self, kind: str) -> float:
        """Return how much of a kind no annotator saw anything of."""
        return 1.0 - self.missed[kind] / max(1, self.planted[kind])

    def leaks_by_place(self) -> Counter[str]:
        """Return how many leaks there are, by place as `counts` has it."""
        return Counter(place_of(hit.place) for hit in self.leaks)

    def faults(self) -> list[str]:
        """Return what was not kept, as sentences."""
        found = [f"{hit.value!r} stands in {hit.place}, as {hit.how}" for hit in self.leaks]
        found += [f"the searcher finds nothing in {place}" for place in self.blind]
        found += [f"recall of {kind} is {self.recall(kind):.3f}" for kind in KINDS if self.recall(kind) < RECALL_MIN]
        return found


def place_of(place: str) -> str:
    """Return a place as it is counted: files by whose they are, replies by who had them."""
    return place.split("/", maxsplit=1)[0].split(" at ", maxsplit=1)[0]


def steps(plan: Plan) -> int:
    """Return how often `say` is told something."""
    return plan.projects + 4


class Run:
    """A run on a stack.

    Args:
        house: the stack.
        plan: its size.
        say: is told what goes on.
    """

    def __init__(self, house: House, plan: Plan, say: Callable[[str], None]) -> None:
        self.house = house
        self.plan = plan
        self.say = say
        self.outcome = Outcome()
        self.lots = lots(plan.of_each_kind, plan.refused, plan.labels, plan.projects)
        self._expected: dict[str, Planted] = {}
        self._unit_ids: dict[str, str] = {}

    async def run(self) -> None:
        """Go the whole way with everything."""
        producer = AIOKafkaProducer(bootstrap_servers=self.house.stack.kafka_bootstrap)
        await producer.start()
        sealed = Sealed(self.house, producer, self.plan.sealed)
        try:
            turns = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._in_turn(turns, lot, producer) for lot in self.lots))
            await self._operator("PUT", "/v1/annotators/w1", {"kind": "human"})
            self.say(f"{self.plan.sealed} canaries where nothing is replaced")
            await sealed.send()
            await sealed.label()
        finally:
            await producer.stop()
        await self._look()
        self.say("erasing")
        await sealed.check_before(self.outcome)
        await sealed.erase()
        await sealed.check_after(self.outcome, intake_too=self.plan.files)

    async def _in_turn(self, turns: asyncio.Semaphore, lot: Lot, producer: AIOKafkaProducer) -> None:
        async with turns:
            self.say(f"{lot.project}: {len(lot.planted)} values")
            for name in lot.annotators:
                await self._operator("PUT", f"/v1/annotators/{name}", {"kind": "human"})
            await self._project(lot, producer)

    async def _operator(self, method: str, path: str, body: Any) -> None:
        token = self.house.stack.issuer.token("operator", "boss")
        await self.house.json("the operator", "assign", method, path, body, token=token)

    async def _project(self, lot: Lot, producer: AIOKafkaProducer) -> None:
        """Send what a lot has by every door, and let everybody do their work on it."""
        both = lot.treatment == "mask"
        project = await self._define(lot, overlap=2 if both else 1)
        doors = Doors(self.house, producer, project)
        client = self.house.stack.issuer.client_key
        hooks = f"/v1/projects/{project}/webhooks"
        await self.house.until(
            lambda: self.house.ask("the client", "audit", "POST", hooks, {"url": self.house.hook}, token=client),
            lambda answer: answer[0] == 201,
        )
        await doors.refused(lot.refused)
        await self._labelled(lot, producer)
        ways = (doors.lines, doors.listed, doors.events, doors.intake, doors.file)
        units = [self._unit(lot, number, entry, len(ways)) for number, entry in enumerate(lot.planted)]
        for number, way in enumerate(ways):
            await way(units[number :: len(ways)])
        people = People(self.house, project, list(lot.annotators[: 1 + both]))
        await people.label(len(units))
        if both:
            await people.rule(UNITS_UNLIKE)
        await self.house.json("the client", "ingest", "POST", f"/v1/projects/{project}/seal", token=client)
        await people.inspect()
        await people.leave()
        await self._judge(project, lot, people)

    async def _define(self, lot: Lot, overlap: int, schema: Any = None, suffix: str = "") -> str:
        treatments = dict.fromkeys(KINDS, lot.treatment)
        definition = {
            "label_schema": schema or {"kind": "choice", "classes": ["no", "yes"]},
            "guideline": "Say yes.",
            "policy": {
                "privacy": {"treatments": treatments, "names": lot.names, "regions": [lot.region]},
                "overlap": {"initial": overlap, "max": overlap},
                "consensus": {"method": "majority"},
                "gold": {"rate": 1.0},  # gold comes first, so that all of it is shown
                "lot": {"size": 200},
                "audit": {"plan": "fraction", "fraction": 0.1, "on_reject": "inspect_all"},
            },
        }
        path, client = f"/v1/projects/{lot.project}{suffix}", self.house.stack.issuer.client_key
        body = await self.house.json("the client", "ingest", "PUT", path, definition, token=client)
        return str(body["project_id"])

    async def _labelled(self, lot: Lot, producer: AIOKafkaProducer) -> None:
        """Send what stands in labels of free text: known ones in one project, and a model's in another."""
        note = {"kind": "form", "fields": [{"name": "note", "schema": {"kind": "text"}}]}
        for number, (suffix, schema) in enumerate((("-text", {"kind": "text"}), ("-form", note))):
            project = await self._define(lot, 1, schema, suffix)
            known = (number == 0) == (lot.treatment == "mask")
            units: list[Unit] = [{"id": "work", "content": "a text of work"}] if known else []
            for place, entry in enumerate(lot.labels[number::2]):
                label = entry.text if number == 0 else {"answers": {"note": entry.text}}
                word = {"gold": label} if known else {"suggestion": {"label": label, "model": "m-1"}}
                units.append({"id": f"l{place}", "content": f"text {place}", **word})
            await Doors(self.house, producer, project).lines(units)
            # What is known is given out among work alone, and who is wrong about it is soon given no more of it.
            await People(self.house, project, list(lot.annotators[:1])).see(1 if known else len(units))

    def _unit(self, lot: Lot, number: int, entry: Planted, ways: int) -> Unit:
        """Return the unit that has a value in its content; no two are of the same content."""
        name = f"{lot.project}-{number}"
        self._expected[name] = entry
        filed = number % ways == ways - 1
        if number % NESTED_EVERY == 0 and not filed:
            more = [{"deep": [entry.text, number]}, {f"of {entry.value}": 1}]
            return {"id": name, "content": {"body": entry.text, "more": more}}
        return {"id": name, "content": entry.text}

    async def _judge(self, project: str, lot: Lot, people: People) -> None:
        """Count, by kind, of what something was left as an annotator saw it."""
        client = self.house.stack.issuer.client_key
        names = [f"{lot.project}-{number}" for number in range(len(lot.planted))]
        path = f"/v1/projects/{project}/units/find"
        for begin in range(0, len(names), 500):
            some = names[begin : begin + 500]
            body = await self.house.json("the client", "ingest", "POST", path, {"ids": some}, token=client)
            for name, unit in zip(some, body["units"], strict=True):
                entry = self._expected[name]
                self.outcome.planted[entry.kind] += 1
                if entry.shows(text_in(people.shown[unit["unit_id"]])):
                    self.outcome.missed[entry.kind] += 1
                    self._unit_ids[entry.value] = unit["unit_id"]

    async def _look(self) -> None:
        """Look everywhere for everything that was planted where personal data is replaced."""
        house = self.house
        witness = f"local-{self.lots[0].project}"
        for service in house.stack.services:
            await house.ask(f"a scrape, metrics of {service}", service, "GET", "/metrics")
        # What was done a moment ago is counted a moment later.
        scrape = partial(house.ask, "a scrape, metrics of metrics", "metrics", "GET", "/metrics")
        await house.until(scrape, lambda answer: witness.encode() in answer[1])
        await asyncio.sleep(3)  # spans and metrics that are on their way
        began = time.perf_counter()
        values = {entry.value for lot in self.lots for entry in (*lot.planted, *lot.refused, *lot.labels)}
        searcher = Searcher([*values, witness])
        seen = set[str]()
        self.say(f"looking for {len(values)} values")
        for things in (
            await places.records(house.stack.kafka_bootstrap),
            places.documents(house.stack.mongodb_uri),
            places.logs(house.stack),
            house.replies,
            [("trace or metric", body) for body in house.collector.bodies],
            [("webhook", body) for body in house.hooked],
            places.files(house.stack),
        ):
            for hit in searcher.find(self.outcome_counted(things)):
                if hit.value == witness:
                    seen.add(hit.place)
                elif not self._may(hit):
                    self.outcome.leaks.append(hit)
        self.outcome.blind = [place for place in WITNESSED if not any(place in each for each in seen)]
        self.outcome.figures["searched_seconds"] = round(time.perf_counter() - began, 1)

    def outcome_counted(self, things: Any) -> Any:
        """Yield things, and count what they hold."""
        for place, content in things:
            self.outcome.counts[place_of(place)] += len(content)
            yield place, content

    def _may(self, hit: Hit) -> bool:
        """Return whether a value may stand there: missed, it is shown as content; and the intake has files."""
        if hit.place.startswith("intake's file"):
            return True
        return hit.value in self._unit_ids and any(word in hit.place for word in SHOWN)


async def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Run it on a stack of its own, which is stopped again."""
    async with open_house(folder) as house:
        entry = Run(house, plan, say)
        await entry.run()
    return entry.outcome
