"""One run: a seed's town, its weather, and what the checkers find when all is over."""

import asyncio
import gc
import hashlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.chassis.broker.port import TopicPartition
from concord.chassis.clock import MICROSECONDS, LoopClock
from concord.chassis.identity import Role, SigningKey
from concord.contracts.topics import LOTS, TOPICS, UNITS
from simulation import wishes
from simulation.annotators import Annotator
from simulation.bounds import small
from simulation.calibration import Settled, settled
from simulation.checkers import broken
from simulation.clients import Client
from simulation.evidence import Evidence, records_of
from simulation.faults import Fault, Weather
from simulation.house import House
from simulation.lives import LIVES_APIECE, Lives
from simulation.mischief import Mischief
from simulation.network import Network
from simulation.notebook import Notebook
from simulation.reviewers import Adjudicator, Auditor, Lead
from simulation.rolling import deploy
from simulation.strangers import Stranger
from simulation.town import ISSUED_SECONDS_AGO, Person, Town
from simulation.trace import TownCluster, Trace
from simulation.trouble import Agency, Changer, Crowd, Eraser
from simulation.virtual_time import VirtualTimeLoop

START_US = 1_790_000_000 * MICROSECONDS
CLIENTS = 2
UNITS_PER_CLIENT = (8, 24)
ANNOTATORS = 6
RELIEF = 5
"""Annotators who come when the town is calm, as many as a unit may ever want: with them all work can be done."""
MODELS = ("model-1", "model-2")
MISCHIEF_SECONDS = 90.0
BETWEEN_MISCHIEFS_SECONDS = 6.0
SETTLE_SECONDS_MAX = 1_500.0
LOOK_SECONDS = 2.0
GO_HOME_SECONDS = 300.0
LAST_WORDS_SECONDS = 30.0
LET_GO_LATE = 0.01
"""Where assign's processes are replaced: most of them begin with somebody who is paused."""


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        broken: what must hold and did not, one sentence each.
        trace_sha256: the same for every run of the same seed of the same code.
        counts: what happened.
        faults: how often each kind of fault struck; kinds that this run did not have are left out.
        settled: how sure each label was that was settled under a posterior, and whether it is right.
    """

    seed: int
    broken: list[str] = field(default_factory=list)
    trace_sha256: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    virtual_seconds: float = 0.0
    cpu_seconds: float = 0.0
    settled: list[Settled] = field(default_factory=list)


def run(seed: int, show: Callable[[str], None] | None = None, *, patient: bool = True) -> Outcome:
    """Run a seed.

    Args:
        seed: of everything that is left to chance.
        show: is handed every line of the trace.
        patient: go on to the end even when it is known by then that something is broken.
    """
    started = time.process_time()
    # Collections would finalise generators at moments of their own, and cost a fifth of the run.
    gc.collect()
    gc.disable()
    try:
        with small(), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            outcome = runner.run(_run(seed, Trace(show), patient))
    finally:
        gc.enable()
    outcome.cpu_seconds = time.process_time() - started
    return outcome


async def _run(seed: int, trace: Trace, patient: bool) -> Outcome:
    town, people, mischief = _founded(seed, trace)
    town.patient = patient
    lives = town.network.lives
    lives.open()
    work = [asyncio.create_task(person.live(), name=person.name) for person in people]
    await mischief.run(MISCHIEF_SECONDS, BETWEEN_MISCHIEFS_SECONDS, lambda: not patient and _wrong_by_now(town))
    town.calm_at = asyncio.get_running_loop().time()
    relief = [Annotator(town, f"relief-{number}", steady=True) for number in range(1, RELIEF + 1)]
    work += [asyncio.create_task(person.live(), name=person.name) for person in relief]
    if assign_is_rolled(seed):
        work.append(asyncio.create_task(deploy(town, "assign"), name="deployment"))
    wrongs = [sentence async for sentence in _settled(town)]
    town.settled = True
    if patient or not (wrongs or _wrong_by_now(town)):
        wrongs += await _gone_home(town, people, work, patient=patient)
    await lives.close()
    is_whole = patient or not (wrongs or _wrong_by_now(town))
    return _outcome(seed, town, trace, wrongs, is_whole=is_whole)


async def _gone_home(
    town: Town, people: Sequence[Person], work: Sequence[asyncio.Task[None]], *, patient: bool
) -> list[str]:
    """Let everybody end what they do once the town has settled; return what then is wrong."""
    (operator,) = (person for person in people if isinstance(person, Operator))
    clients = [task for person, task in zip(people, work, strict=False) if isinstance(person, Client)]
    _, late = await asyncio.wait(clients, timeout=GO_HOME_SECONDS)
    wrongs = [f"{task.get_name()} did not get all of its export" for task in clients if task in late]
    if wrongs and not patient:
        return wrongs
    town.closed = True
    await asyncio.wait(work, timeout=GO_HOME_SECONDS)
    wrongs += [f"{task.get_name()} could not go on: {task.exception()!r}" for task in work if _failed(task)]
    # What was answered last is published in a moment, and what a dead process left unsaid with the next sweep.
    await asyncio.sleep(LAST_WORDS_SECONDS)
    wrongs += [sentence async for sentence in _settled(town)]
    await operator.ask_quality()
    await operator.ask_every_process()
    return wrongs


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _founded(seed: int, trace: Trace) -> tuple[Town, list[Person], Mischief]:
    clock = LoopClock(START_US)
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key %d" % seed).digest()), "simulation")
    house = House(seed, clock, key)
    house.cluster = cluster = TownCluster(clock, random.Random(f"{seed}/cluster"), trace)
    generator = random.Random(f"{seed}/town")
    weather = Weather.drawn(seed)
    apiece = LIVES_APIECE[many_live(seed)]
    generated = random.Random(f"{seed}/lives")
    lives = Lives(house, cluster, weather, trace, generated, apiece, doubts=who_doubts_stands_still(seed))
    town = Town(house, Network(lives, weather, trace), Notebook(clocks_jumped=Fault.CLOCK_JUMPS in weather.faults))
    names = [f"ann-{number}" for number in range(1, ANNOTATORS + 1)]
    everybody = [*names, *(f"relief-{number}" for number in range(1, RELIEF + 1))]
    town.models = MODELS if models_come(seed) else ()
    town.revises = people_revise(seed)
    town.refers = units_are_referred_back(seed)
    town.drafts = people_draft(seed)
    town.erases_what_left = what_left_is_erased(seed)
    clients = [
        Client(town, number, generator.randint(*UNITS_PER_CLIENT), everybody) for number in range(1, CLIENTS + 1)
    ]
    for client in clients if town.models else ():
        client.definition["policy"]["models"] = wishes.models(random.Random(f"{seed}/models/{client.name}"))
    if rules_come(seed):
        town.hasty, town.skipper, town.appeals = names[1], names[2], people_appeal(seed)
        for client in clients:
            client.definition["policy"] |= wishes.CONDUCT
    if takes_errors(seed):
        clients[0].definition["policy"] |= wishes.LENIENT
    people: list[Person] = [*clients, Operator(town, [*everybody, *town.models]), Stranger(town)]
    if Fault.TROUBLE_AT_THE_DOOR in weather.faults:
        people += [*map(Crowd, clients), *map(Eraser, clients)]
    if Fault.AWAY_FOR_MINUTES in weather.faults:
        people.append(Agency(town))
    if Fault.CLASSES_CHANGE in weather.faults:
        people += [Changer(client) for client in clients if client.project_id in town.notebook.wordings]
    # The first annotator may also rule and audit, and must be kept from what they had a part in.
    people += [Annotator(town, name) for name in (*names, *town.models)]
    people += [Adjudicator(town, "judge-1"), Adjudicator(town, names[0])]
    people += [Lead(town, LET_GO_LATE) if assign_is_rolled(seed) else Lead(town)]
    people += [Auditor(town, "audit-1"), Auditor(town, "audit-2"), Auditor(town, names[0])]
    mischief = Mischief(
        lives,
        random.Random(f"{seed}/mischief"),
        reads_again=all_is_read_again(seed),
        rolled="assign" if assign_is_rolled(seed) else "",
    )
    return town, people, mischief


def all_is_read_again(seed: int) -> bool:
    """Return whether services lose their offsets in a seed's town: in a tenth, and the others stay as they were."""
    return seed % 10 == 7


def assign_is_rolled(seed: int) -> bool:
    """Return whether assign's processes are replaced while people work: in a fifth of the towns with rules for them."""
    return seed % 50 == 27


def many_live(seed: int) -> bool:
    """Return whether each service of a seed's town has a process more than usual: in a twelfth, as `models_come`."""
    return seed % 12 == 10


def who_doubts_stands_still(seed: int) -> bool:
    """Return whether processes in doubt stand still in a seed's town, and others take over: in one of a hundred."""
    return seed % 100 == 65


def models_come(seed: int) -> bool:
    """Return whether models annotate in a seed's town beside people: in a third, and the others stay as they were."""
    return seed % 6 in (0, 4)


def rules_come(seed: int) -> bool:
    """Return whether a seed's projects have rules of pace and skips, and people who break them: in a tenth."""
    return seed % 10 == 7


def people_appeal(seed: int) -> bool:
    """Return whether those who break rules answer to it: in half of the towns that have any."""
    return seed % 20 == 17


def people_revise(seed: int) -> bool:
    """Return whether people revise labels in a seed's town: in a fifth, as `models_come`."""
    return seed % 5 == 2


def units_are_referred_back(seed: int) -> bool:
    """Return whether adjudicators send units back to annotators in a seed's town: in a seventh, as `models_come`."""
    return seed % 7 == 0


def people_draft(seed: int) -> bool:
    """Return whether people keep drafts of labels in a seed's town: in a tenth, as `models_come`."""
    return seed % 10 == 2


def what_left_is_erased(seed: int) -> bool:
    """Return whether units are erased that have left with an accepted lot: in a tenth, and as late as can be."""
    return seed % 10 == 4


def takes_errors(seed: int) -> bool:
    """Return whether a seed's first client takes lots in which errors were found: in a tenth, as `models_come`."""
    return seed % 10 == 6


class Operator(Person):
    """The operator, who says who annotates."""

    def __init__(self, town: Town, annotators: list[str]) -> None:
        super().__init__(town, "operator", Role.OPERATOR)
        self.annotators = annotators

    async def live(self) -> None:
        """Define every annotator; each second one knows the law."""
        for place, name in enumerate(self.annotators):
            skills = ["law"] if place % 2 == 0 or name.startswith("relief") else []
            answer = None
            while answer is None:
                kind = {"kind": "model"} if name in self.town.models else {}
                answer = await self.insist("assign", "PUT", f"/v1/annotators/{name}", {"skills": skills, **kind})
            if answer.status not in (200, 201):
                self.town.notebook.wrongs.append(f"{name} was refused: {answer.body!r}")

    async def ask_every_process(self) -> None:
        """Ask each process of a service what all of them have to be asked for: whichever is asked, it is the same."""
        name, lives = self.annotators[0], self.town.network.lives
        token = self.town.house.token(name, Role.ANNOTATOR, issued_seconds_ago=ISSUED_SECONDS_AGO)
        shown = {}
        for life in list(lives.now["assign"]):
            answer = await life.serve("GET", "/v1/me", token, None, (), "")
            if answer.status == 200:
                shown[life.writer] = sorted(row["project_id"] for row in answer.json()["projects"])
        if len(set(map(tuple, shown.values()))) > 1:
            self.town.notebook.wrongs.append(f"{name} is told of other projects by each process: {shown}")

    async def ask_quality(self) -> None:
        """Ask what metrics makes of each project."""
        for project_id in sorted(self.town.notebook.projects):
            answer = await self.insist("metrics", "GET", f"/v1/projects/{project_id}/quality")
            if answer is not None and answer.status == 200:
                self.town.notebook.quality[project_id] = answer.json()


async def _settled(town: Town) -> AsyncIterator[str]:
    """Return when nothing is left to be done; yield what is, when the town's patience ends."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_SECONDS_MAX
    while unsettled := list(_unsettled(town)):
        if not town.patient and _wrong_by_now(town):
            return
        if loop.time() > end:
            for sentence in unsettled:
                yield f"the town does not settle: {sentence}"
            return
        await asyncio.sleep(LOOK_SECONDS)


def _wrong_by_now(town: Town) -> bool:
    """Return whether something wrong is noted already, which no checker need look for at the end."""
    lives = town.network.lives
    return any(
        (town.notebook.wrongs, town.network.failures, lives.deaths, lives.overfull, lives.cluster.offsets.wrongs)
    )


def _unsettled(town: Town) -> Iterator[str]:
    yield from _unread(town)
    cluster = town.house.cluster
    heard = Evidence()
    for topic in (UNITS, LOTS):
        heard.hear(topic, records_of(cluster, topic))
    units = {
        event.content.unit_id for event in heard.events("unit_admitted") if not event.content.HasField("gold_label")
    }
    units -= {event.content.unit_id for event in heard.events("unit_erased")}
    sealed = {event.content.lot_id: event.content.unit_ids for event in heard.events("lot_sealed")}
    accepted = {event.content.lot_id for event in heard.events("lot_accepted")}
    waiting = units - {unit_id for members in sealed.values() for unit_id in members}
    if waiting:
        yield f"{len(waiting)} units are in no lot: {sorted(waiting)[:3]}"
    for lot_id in sorted(set(sealed) - accepted):
        yield f"lot {lot_id} of {len(sealed[lot_id])} units is not accepted"
    for name in sorted(town.sending):
        yield f"{name} has units to send"


def _unread(town: Town) -> Iterator[str]:
    """Yield what services have before them: on their topics, and in the store."""
    cluster = town.house.cluster
    for service in town.network.lives.now:
        committed = cluster.group(service).committed
        for topic in TOPICS:
            if service not in topic.readers or topic.compacted:
                continue
            for number in range(topic.partitions):
                place = TopicPartition(topic.name, number)
                # What is deleted is before nobody, also where a group has lost how far it was.
                if lag := len(cluster.log(place)) - max(committed.get(place, 0), cluster.begin(place)):
                    yield f"{service} has {lag} records of {place.topic}[{number}] before it"
    for collection in ("waiting", "arrivals"):
        if documents := town.house.database("ingest").dump(collection):
            yield f"ingest has {len(documents)} documents in {collection}"


def _outcome(seed: int, town: Town, trace: Trace, wrongs: list[str], *, is_whole: bool) -> Outcome:
    """Return how a run ended; one that was cut short is not held against what must be so at an end."""
    evidence = Evidence.of(town.house)
    lives = town.network.lives
    kinds = Counter(entry.kind for entry in evidence.said)
    names = {
        "units": "unit_admitted",
        "annotations": "annotation_submitted",
        "leases_expired": "assignment_expired",
        "escalations": "escalated",
        "rulings": "adjudicated",
        "unanswerable": "ruled_unanswerable",
        "rulings_repeated": "ruling_repeated",
        "referred_back": "referred_back",
        "questions_asked": "guideline_asked",
        "questions_answered": "guideline_answered",
        "inspections": "unit_audited",
        "repeats": "inspection_repeated",
        "lots_accepted": "lot_accepted",
        "lots_rejected": "lot_rejected",
        "dead_letters": "dead_letter",
    }
    counts = {name: kinds[kind] for name, kind in names.items()}
    counts["requests"] = town.network.statuses.total()
    counts["lives"] = lives.ends.total()
    weather = town.network.weather
    return Outcome(
        seed,
        [
            *wrongs,
            *lives.deaths,
            *lives.overfull,
            *lives.cluster.offsets.wrongs,
            *town.network.failures,
            *(broken(town.notebook, evidence) if is_whole else town.notebook.wrongs),
        ],
        trace.sha256(),
        counts,
        {str(fault): weather.struck[fault] for fault in weather.faults},
        asyncio.get_running_loop().time(),
        settled=settled(town.notebook, evidence) if is_whole else [],
    )
