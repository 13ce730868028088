"""Two workers and one table: whatever is dealt, kept, lost, told twice or late, the live numbers are the batch's."""

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from concord.chassis.broker.port import Deal, Incoming, TopicPartition
from concord.chassis.clock import SystemClock
from concord.chassis.faust_chunks import Extent
from concord.chassis.places.owner import Owner
from concord.chassis.telemetry import Telemetry
from concord.contracts.codec import encode, schema_headers
from concord.contracts.ids import slot_of_project
from concord.contracts.topics import ANNOTATIONS, LOTS, RESOLUTIONS, UNITS, Topic
from concord.contracts.v1.annotations_pb2 import AnnotationEvent, AnnotationRevised, AnnotationSubmitted
from concord.contracts.v1.lots_pb2 import LotAccepted, LotEvent, LotPlan
from concord.contracts.v1.metadata_pb2 import Metadata
from concord.contracts.v1.resolutions_pb2 import ConsensusReached, ResolutionEvent
from concord.contracts.v1.units_pb2 import LotSealed, UnitAdmitted, UnitEvent
from concord.labels import encoded, schema_from
from concord.quality.agreement import fleiss_kappa, percent_agreement
from concord.quality.cohen import cohen_kappa
from concord.quality.gwet import gwet_ac1
from concord.quality.krippendorff import krippendorff_alpha
from concord.quality.label_counts import contingency
from concord.quality.tally import LabelTally
from services.metrics.domain.agreement import coefficients
from services.metrics.domain.anchoring import followed
from services.metrics.domain.drift import label_windows
from services.metrics.domain.pairs import most_evidence, pairs_of
from services.metrics.domain.report import report
from services.metrics.domain.unit import GRACE_US
from services.metrics.reading import Reading
from services.metrics.repository import Repository
from services.metrics.surveying import walked_through
from tests.support.book import MemoryParts

PLACES = 4
CLASSES = ["maybe", "no", "yes"]
SCHEMA = schema_from({"kind": "choice", "classes": list(CLASSES)})
PROJECTS = ("k1-a", "k1-b", "k2-c")
LOTS_APIECE, LOT_UNITS = 4, 6
PLAN = LotPlan(kind="single", lot_units=6, aql=0.01, ltpd=0.4, alpha=0.05, beta=0.1, sample_size=5, accept_max=1)
LONG_AFTER_US = 10 * GRACE_US
STEPS = 250
STRATA = ("even", "odd")


Event = tuple[Topic, str, Any]


class Log:
    """What the topics hold, and what the labels of each unit are."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self.records: defaultdict[TopicPartition, list[Incoming]] = defaultdict(list)
        self.labels: defaultdict[str, list[list[str]]] = defaultdict(list)
        self.coming: list[Event] = []
        self.all_told = False
        for project_id in PROJECTS:
            for number in range(LOTS_APIECE):
                self._lot(project_id, number)

    def _lot(self, project_id: str, number: int) -> None:
        unit_ids = [f"{project_id}-u{number}x{place}" for place in range(LOT_UNITS)]
        for unit_id in unit_ids:
            labels = [self.generator.choice(CLASSES) for _ in range(3)]
            self.labels[project_id].append(labels)
            admitted = UnitAdmitted(
                unit_id=unit_id,
                overlap_initial=3,
                stratum=STRATA[number % 2],
                content_length=100 * number,
                suggested_label=encoded("yes"),
                suggestion_hidden=number == 1,
            )
            self.coming.append((UNITS, project_id, UnitEvent(metadata=_about(project_id, 1), unit_admitted=admitted)))
            for place, label in enumerate(labels):
                self._annotation(project_id, unit_id, place, label)
            reached = ConsensusReached(unit_id=unit_id, label=encoded(labels[0]), overlap_initial=3)
            resolution = ResolutionEvent(metadata=_about(project_id, 5), consensus_reached=reached)
            self.coming.append((RESOLUTIONS, project_id, resolution))
        lot_id = f"{project_id}-l{number}"
        sealed = LotSealed(lot_id=lot_id, unit_ids=unit_ids)
        self.coming.append((UNITS, project_id, UnitEvent(metadata=_about(project_id, 2), lot_sealed=sealed)))
        accepted = LotAccepted(lot_id=lot_id, inspected=5, errors=number % 2, lot_units=LOT_UNITS, plan=PLAN)
        self.coming.append((LOTS, project_id, LotEvent(metadata=_about(project_id, 9), lot_accepted=accepted)))

    def _annotation(self, project_id: str, unit_id: str, place: int, label: str) -> None:
        first, about = label, _about(project_id, 3 + place)
        if self.generator.random() < 0.2:  # what was said at first is said anew
            first = self.generator.choice(CLASSES)
            again = AnnotationRevised(
                unit_id=unit_id,
                annotation_id=f"{unit_id}.{place}",
                annotator_id=f"a{place}",
                label=encoded(label),
                revision=1,
            )
            self.coming.append((ANNOTATIONS, project_id, AnnotationEvent(metadata=about, annotation_revised=again)))
        submitted = AnnotationSubmitted(
            unit_id=unit_id, annotation_id=f"{unit_id}.{place}", annotator_id=f"a{place}", label=encoded(first)
        )
        self.coming.append((ANNOTATIONS, project_id, AnnotationEvent(metadata=about, annotation_submitted=submitted)))

    def tell(self, event: Event) -> None:
        topic, project_id, envelope = event
        at = TopicPartition(topic.name, slot_of_project(project_id) % PLACES)
        records = self.records[at]
        records.append(Incoming(*at, len(records), b"k", encode(envelope), schema_headers(), 0))

    def begin(self) -> tuple[list[Event], list[Event]]:
        """Return all that is told, shuffled and some of it twice, and what is told once more long after."""
        rows = [event for event in self.coming for _ in range(self.generator.choice([1, 1, 1, 2]))]
        self.generator.shuffle(rows)
        return rows, self.generator.choices(self.coming, k=len(self.coming) // 2)


def _about(project_id: str, at_us: int) -> Metadata:
    return Metadata(event_id="e", client_id=project_id[:2], project_id=project_id, occurred_at_us=at_us)


@dataclass
class Worker:
    owner: Owner
    reading: Reading

    def closed(self) -> int:
        """Return how many units and lots are closed in its places."""
        return sum(len(rows.closed) for rows in self.reading.repository.places.values())


class Group:
    """Workers over one log and one table; the places are dealt among those that are there."""

    def __init__(self, log: Log, parts: MemoryParts, generator: random.Random) -> None:
        self.log = log
        self.parts = parts
        self.generator = generator
        self.workers: dict[str, Worker] = {}
        self.joined = 0

    async def join(self) -> None:
        self.joined += 1
        owner = Owner(PLACES, f"http://{self.joined}")
        letters: Any = None
        reading = Reading(
            owner, Repository(PLACES), self.parts, f"life-{self.joined}", letters, Telemetry("t"), SystemClock()
        )
        self.workers[owner.address] = Worker(owner, reading)
        await self.deal()

    async def leave(self, *, in_order: bool) -> None:
        worker = self.workers.pop(self.generator.choice(sorted(self.workers)))
        if in_order:
            await worker.reading.keep()
        await self.deal()

    async def deal(self) -> None:
        dealt: dict[str, frozenset[int]] = {address: frozenset() for address in self.workers}
        for place in range(PLACES):
            dealt[self.generator.choice(sorted(dealt))] |= {place}
        for address, worker in self.workers.items():
            held = worker.reading.held()
            worker.owner.dealt(Deal(dealt[address], held & dealt[address], dealt))
            worker.reading.dealt()
        for worker in self.workers.values():
            for place in sorted(worker.owner.given()):
                await worker.reading.take_up(place, self.extents(place))

    def extents(self, place: int) -> dict[str, Extent]:
        return {at.topic: Extent(0, len(records)) for at, records in self.log.records.items() if at.partition == place}

    async def count(self, worker: Worker, records_max: int) -> None:
        """Count some records of every partition; now and then one comes a second time."""
        for place in worker.reading.held():
            for at, records in sorted(self.log.records.items()):
                if at.partition != place:
                    continue
                position = worker.reading.positions(place).get(at.topic, 0)
                begin = max(0, position - self.generator.choice([0, 0, 2]))
                if chunk := records[begin : begin + records_max]:
                    await worker.reading.serve(at.topic, place, chunk)

    async def close(self, worker: Worker) -> None:
        """Close what may be closed where all is counted that was told."""
        if not self.log.all_told:
            return
        for place in worker.reading.held():
            ends = {TopicPartition(topic, place): extent.end for topic, extent in self.extents(place).items()}
            worker.reading.look(ends, LONG_AFTER_US)
            list(worker.reading.repository.places[place].closing())

    async def do_something(self) -> None:
        address = self.generator.choice(sorted(self.workers))
        worker = self.workers[address]
        match self.generator.choices(range(7), [50, 20, 25, 5, 4, 3, 1])[0]:
            case 0:
                await self.count(worker, self.generator.choice([1, 5, 40]))
            case 1:
                await worker.reading.keep()
            case 2:
                await self.close(worker)
            case 3:
                await self.deal()
            case 4 if len(self.workers) < 3:
                await self.join()
            case 5 if len(self.workers) > 1:
                await self.leave(in_order=self.generator.random() < 0.5)
            case 6:
                self.parts.pieces.clear()  # the table is lost; who holds a place goes on, who is dealt it begins anew


async def breathe() -> None:
    return


async def survey_is_the_batchs(group: Group, log: Log, project_id: str) -> None:
    (rows,) = [
        found
        for worker in group.workers.values()
        if (found := worker.reading.repository.rows_of(project_id)) is not None
    ]
    survey = (await walked_through(rows, breathe))[project_id]
    aspect, labels = survey.aspects[""], log.labels[project_id]
    assert survey.units == len(labels)
    pairs = list(pairs_of(aspect.pairs, SCHEMA, most_evidence(aspect.pairs)))
    assert [(entry.first, entry.second) for entry in pairs] == [("a0", "a1"), ("a0", "a2"), ("a1", "a2")]
    for pair in pairs:
        row, other = ([row[int(name[1])] for row in labels] for name in (pair.first, pair.second))
        batch = cohen_kappa(contingency(row, other, CLASSES)[0])
        assert (pair.kappa.value, pair.kappa.low) == pytest.approx((batch.value, batch.low), abs=1e-9)
        assert pair.kappa.units == len(labels)
    by_lot = [labels[start : start + LOT_UNITS] for start in range(0, len(labels), LOT_UNITS)]
    for place, name in enumerate(STRATA):
        units = [row for lot in by_lot[place::2] for row in lot]
        tally = LabelTally({tuple(row): times for row, times in aspect.slices.tables[name].items()})
        counts = tally.label_counts([f'"{class_name}"' for class_name in CLASSES])
        live = krippendorff_alpha(counts)
        batch = krippendorff_alpha([[row.count(class_name) for class_name in CLASSES] for row in units])
        assert (live.value, live.low, live.units) == pytest.approx((batch.value, batch.low, batch.units), abs=1e-9)
    (window,) = label_windows(aspect.windows.spans())
    names = [label for row in labels for label in row]
    assert window.counts == pytest.approx({f'"{class_name}"': names.count(class_name) / 3 for class_name in CLASSES})
    ((_, _, incoming),) = survey.incoming.spans()
    assert incoming["stratum", "odd"] == incoming["stratum", "even"] == len(labels) / 2
    whole, _ = followed(aspect.suggested)
    assert (whole.hidden.units, whole.shown.units) == (3 * LOT_UNITS, 3 * LOT_UNITS * (LOTS_APIECE - 1))
    hidden = [label == "yes" for row in by_lot[1] for label in row]
    assert whole.hidden.value == pytest.approx(sum(hidden) / len(hidden))


@pytest.mark.parametrize("seed", range(12))
async def test_live_numbers_are_those_of_the_batch_after_any_mix_of_what_may_happen(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Most rows rest in every other run.
    monkeypatch.setattr("services.metrics.domain.open_units.TOUCHED_MAX", 3 if seed % 2 else 5_000)
    generator = random.Random(seed)
    log = Log(generator)
    group = Group(log, MemoryParts(), generator)
    await group.join()
    await group.join()
    closed = 0
    for coming in log.begin():
        for step in range(STEPS):
            for event in coming[step::STEPS]:
                log.tell(event)
            await group.do_something()
            closed = max(closed, *(worker.closed() for worker in group.workers.values()))
        log.all_told = True
    assert closed, "some of it was told again when it was closed"
    await group.join()
    for worker in group.workers.values():
        for _ in range(3):
            await group.count(worker, 10_000)
        for held in worker.reading.repository.places.values():
            held.settle()
    for project_id in PROJECTS:
        (sums,) = [
            rows.sums[project_id]
            for worker in group.workers.values()
            if (rows := worker.reading.repository.rows_of(project_id)) is not None
        ]
        await survey_is_the_batchs(group, log, project_id)
        found = report(project_id, sums, SCHEMA, 5, 0, None)
        counts = [[labels.count(class_name) for class_name in CLASSES] for labels in log.labels[project_id]]
        expected, shared = krippendorff_alpha(counts), percent_agreement(counts)
        beside = coefficients(sums.tally, SCHEMA)
        pairs = [(beside.fleiss_kappa, fleiss_kappa(counts)), (beside.gwet_ac1, gwet_ac1(counts))]
        for live, batch in ((found.alpha, expected), (found.percent_agreement, shared), *pairs):
            assert live.units == batch.units == LOTS_APIECE * LOT_UNITS
            assert (live.value, live.low, live.high) == pytest.approx((batch.value, batch.low, batch.high), abs=1e-9)
        assert found.annotations_counted == 3 * LOTS_APIECE * LOT_UNITS
        assert (found.units_consensus, found.lots.accepted) == (LOTS_APIECE * LOT_UNITS, LOTS_APIECE)
        assert (found.lots.inspected, found.lots.errors) == (5 * LOTS_APIECE, LOTS_APIECE // 2)
