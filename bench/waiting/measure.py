"""Assign with more and more units waiting, told of straight on the topic, for an import's cost is not in question."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.services.door import HttpDoor
from bench.services.floor import BareHttp
from bench.services.load import ANNOTATORS, OVERLAP, Exchange, define, go_on, hold, submit_held
from bench.services.meter import peak_mb
from bench.services.phases import Span
from bench.services.site import ColdStart, Site
from bench.table import Column, Table, seconds
from concord.chassis.broker.kafka import KafkaBroker
from concord.chassis.broker.port import Outgoing
from concord.chassis.journal.announce import Announcer
from concord.contracts.ids import client_of, unit_id_of
from concord.contracts.topics import UNITS
from concord.contracts.v1.units_pb2 import UnitAdmitted, UnitEvent
from deploy.local import places
from deploy.local.ports import Ports
from deploy.local.stack import Stack

FOLDER = places.LOCAL / "bench-waiting"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ASSIGN = "assign"
SERVICES = ("ingest", ASSIGN)
"""Ingest defines the project."""
TOLD_TOGETHER = 1_000
ROUNDS = 20
"""In each everybody claims one unit and submits it: who holds one already is offered it again."""
LABELS = 1_000
"""Given after that, each bringing the next unit."""
UNITS_MIN = 1_000
"""With OVERLAP labels each they are enough for the rounds and what follows."""
CLAIM, SUBMIT, NEXT = "claim", "submit", "submit and next"
MICROSECONDS = 1e6
MEMORY_MB_MAX, GROWTH_MAX = 300.0, 1.3
"""What is aimed at: memory whatever waits, and CPU a claim against that at the smallest size."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What assign cost with so many units waiting.

    Attributes:
        units: so many, less those that were labelled.
        cpu_us: of assign, by kind of call.
        bare_us: of a bare server that answers the same calls, just after.
        store_us: of the store, by kind of call.
        admitted_us: of assign, a unit that it was told of.
        peak_mb: its most memory until all of that was done.
        start: stopped in order after that, and started.
    """

    units: int
    cpu_us: Mapping[str, float]
    bare_us: Mapping[str, float]
    store_us: Mapping[str, float]
    admitted_us: float
    peak_mb: float
    start: ColdStart


async def measure(sizes: Sequence[int], say: Callable[[str], None], folder: Path = FOLDER) -> list[Waiting]:
    """Return what assign costs at each size, the smallest first, on one stack whose project grows.

    Raises:
        NotStarted: the stack could not come up.
        Behind, Refused, NothingOffered, FloorFailed: see there.
    """
    shutil.rmtree(places.data(folder), ignore_errors=True)
    try:
        say("waiting: starting broker, store, ingest and assign")
        ports = Ports.free()
        stack = Stack(folder, ports, services=SERVICES)
        async with stack, Site(stack) as site, HttpDoor(stack.addresses) as door:
            free = next(port for port in Ports.free().as_dict().values() if port not in ports.as_dict().values())
            async with BareHttp(free, stack.log("bare_http")) as bare:
                names = [f"annotator-{number:02}" for number in range(1, ANNOTATORS + 1)]
                issuer = stack.issuer
                project_id = await define(door, issuer.client_key, issuer.token("operator", "bench"), names)
                people = [issuer.token("annotator", name) for name in names]
                found, before = [], 0
                for units in sorted(sizes):
                    say(f"waiting: {units:,} units")
                    found.append(await _at_size(site, door, bare, people, project_id, range(before, units)))
                    say(table(found).plain())  # a large size takes long: what is known is told
                    before = units
                return found
    finally:
        shutil.rmtree(places.data(folder), ignore_errors=True)


async def _at_size(
    site: Site, door: HttpDoor, bare: BareHttp, people: Sequence[str], project_id: str, new: range
) -> Waiting:
    await site.caught_up(SERVICES)
    before = await site.reading()
    await _tell(site.stack, project_id, new)
    await site.caught_up(SERVICES)
    admitted = Span(before, await site.reading())
    exchanges = {kind: Exchange() for kind in (CLAIM, SUBMIT, NEXT)}
    spans: dict[str, list[Span]] = {kind: [] for kind in exchanges}
    for _ in range(ROUNDS):
        begun = await site.reading()
        held = await hold(door, people, project_id, len(people), exchanges[CLAIM])
        claimed = await site.reading()
        await submit_held(door, held, exchanges[SUBMIT])
        spans[CLAIM].append(Span(begun, claimed))
        spans[SUBMIT].append(Span(claimed, await site.reading()))
    begun = await site.reading()
    await go_on(door, people, project_id, LABELS, exchanges[NEXT])
    spans[NEXT].append(Span(begun, await site.reading()))
    peak = peak_mb(site.stack.pid(ASSIGN))

    def each(part: str, kind: str) -> float:
        return sum(span.cpu_seconds(part) for span in spans[kind]) * MICROSECONDS / exchanges[kind].operations

    return Waiting(
        units=new.stop,
        cpu_us={kind: each(ASSIGN, kind) for kind in exchanges},
        bare_us={kind: await bare.microseconds(exchanges[kind].of(kind), len(people)) for kind in exchanges},
        store_us={kind: each("mongodb", kind) for kind in exchanges},
        admitted_us=admitted.cpu_seconds(ASSIGN) * MICROSECONDS / len(new),
        peak_mb=peak,
        start=await site.cold_start(ASSIGN),
    )


async def _tell(stack: Stack, project_id: str, numbers: range) -> None:
    """Tell of these units as ingest would."""
    broker = KafkaBroker(stack.kafka_bootstrap, "bench")
    await broker.start()
    try:
        for begin in range(numbers.start, numbers.stop, TOLD_TOGETHER):
            some = range(begin, min(begin + TOLD_TOGETHER, numbers.stop))
            await broker.publish([admitted(project_id, number, time.time_ns() // 1_000) for number in some])
    finally:
        await broker.stop()


def admitted(project_id: str, number: int, at_us: int) -> Outgoing:
    """Return the event that a unit of the bench's project is in."""
    unit_id = unit_id_of(b"bench", project_id, f"n{number}")
    unit = UnitAdmitted(
        unit_id=unit_id,
        source_id=f"n{number}",
        media_type="text/plain",
        fingerprint=unit_id,
        guideline_version=1,
        content_length=200,
        overlap_initial=OVERLAP,
    )
    announcer = Announcer("bench", f"{project_id}/{number}", at_us)
    return announcer.event(UNITS, unit_id, client_of(project_id), project_id, UnitEvent(unit_admitted=unit))


def table(found: Sequence[Waiting]) -> Table:
    """Return a line a size, and what is aimed at."""
    columns = (
        Column("units"),
        *(Column(name) for kind in (CLAIM, SUBMIT, NEXT) for name in (f"{kind} us", "times", "bare us", "store us")),
        *(Column(name) for name in ("told of us", "most MB", "start MB", "start CPU")),
    )
    rows = [
        [
            f"{entry.units:,}",
            *(cell for kind in (CLAIM, SUBMIT, NEXT) for cell in _cells(entry, found[0], kind)),
            f"{entry.admitted_us:.1f}",
            f"{entry.peak_mb:.0f}",
            f"{entry.start.peak_mb:.0f}",
            seconds(entry.start.cpu_seconds),
        ]
        for entry in found
    ]
    notes = (
        f"CPU of assign's process a call, {ANNOTATORS} annotators at once; times: of the smallest size's. bare: a",
        "server that answers the same calls, just after: what the machine was worth then. told of: a unit's admission.",
        f"Aimed at: {MEMORY_MB_MAX:.0f} MB at most, a claim within {GROWTH_MAX} times, the next unit flat.",
    )
    return Table("Assign by how much waits", columns, rows, notes)


def _cells(entry: Waiting, first: Waiting, kind: str) -> tuple[str, ...]:
    return (
        f"{entry.cpu_us[kind]:.0f}",
        f"{entry.cpu_us[kind] / first.cpu_us[kind]:.2f}",
        f"{entry.bare_us[kind]:.0f}",
        f"{entry.store_us[kind]:.0f}",
    )


def as_json(found: Sequence[Waiting]) -> list[dict[str, Any]]:
    """Return the figures."""
    return [asdict(entry) for entry in found]
