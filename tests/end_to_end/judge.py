"""The judge of a finished job: reads the topics from their beginning and shares no code with the services."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from concord.contracts.codec import decode
from concord.contracts.topics import TOPICS, Topic

POLL_MS = 500


@dataclass
class Evidence:
    """Everything that was said, by topic: (partition, event) in order of offset."""

    said: dict[str, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))

    def events(self, topic: str, kind: str) -> list[Any]:
        """Return the events of one kind, each once however often it was said."""
        return [getattr(envelope, kind) for envelope in self.envelopes(topic, kind)]

    def envelopes(self, topic: str, kind: str) -> list[Any]:
        """Return what tells the events of one kind, each once; repeats must be the same to the byte."""
        found: dict[str, Any] = {}
        for _, envelope in self.said[f"concord.{topic}.v1"]:
            if envelope.WhichOneof("event") == kind:
                event_id = envelope.metadata.event_id
                assert found.setdefault(event_id, envelope) == envelope, f"{event_id} was said in two ways"
        return list(found.values())


async def heard(bootstrap: str) -> Evidence:
    """Read every topic whole, as it is when this begins."""
    evidence, topics = Evidence(), {topic.name: topic for topic in TOPICS if topic.message}
    async for place, record in everything(bootstrap, topics.values()):
        evidence.said[place.topic].append((place.partition, decode(topics[place.topic], record.value)))
    return evidence


async def everything(bootstrap: str, topics: Iterable[Topic]) -> AsyncIterator[tuple[TopicPartition, Any]]:
    """Yield every record of these topics that is there when this begins, with its place.

    How far each place goes is asked of the broker: that nothing comes for a while may be a busy machine.
    """
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        left = [place for place in places if ends[place]]
        while left:
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=5_000)).items():
                for record in records:
                    yield place, record
            left = [place for place in left if await consumer.position(place) < ends[place]]
    finally:
        await consumer.stop()


def faults(evidence: Evidence, labels_acknowledged: int, units_sent: int, export: bytes) -> Iterator[str]:
    """Yield what was lost, doubled or said in a wrong order, each as a sentence."""
    admitted = evidence.events("units", "unit_admitted")
    if len(admitted) != units_sent:
        yield f"{units_sent} units were acknowledged and {len(admitted)} told"
    yield from _doubles("unit", [unit.unit_id for unit in admitted])
    annotations = evidence.events("annotations", "annotation_submitted")
    if len(annotations) != labels_acknowledged:
        yield f"{labels_acknowledged} labels were acknowledged and {len(annotations)} told"
    yield from _doubles("annotation", [annotation.annotation_id for annotation in annotations])
    yield from _doubles(
        "label of a person and unit", [(annotation.unit_id, annotation.annotator_id) for annotation in annotations]
    )
    given = {annotation.annotation_id: annotation.label for annotation in annotations}
    reached = evidence.events("resolutions", "consensus_reached")
    ruled = evidence.events("resolutions", "adjudicated")
    yield from _doubles("resolution", [(unit.unit_id, unit.rework) for unit in [*reached, *ruled]])
    for unit in [*reached, *ruled, *evidence.events("resolutions", "escalated")]:
        yield from _doubles(f"evidence of {unit.unit_id}", [part.annotation_id for part in unit.evidence])
        for part in unit.evidence:
            if given.get(part.annotation_id) != part.label:
                yield f"{unit.unit_id} was resolved by {part.annotation_id}, which nobody gave so"
    yield from _lot_faults(evidence, export)


def _lot_faults(evidence: Evidence, export: bytes) -> Iterator[str]:
    sealed = evidence.events("units", "lot_sealed")
    accepted = evidence.events("lots", "lot_accepted")
    yield from _doubles("unit in lots", [unit for lot in sealed for unit in lot.unit_ids])
    yield from _doubles("lot", [lot.lot_id for lot in accepted])
    if {lot.lot_id for lot in accepted} != {lot.lot_id for lot in sealed}:
        yield f"{len(sealed)} lots were sealed and {len(accepted)} accepted"
    yield from _doubles("verdict", [(event.unit_id, event.rework) for event in evidence.events("lots", "unit_audited")])
    rows = [json.loads(line) for line in export.splitlines()]
    units = [unit for lot in sealed for unit in lot.unit_ids]
    if sorted(row["unit_id"] for row in rows) != sorted(units):
        yield f"{len(units)} units were in lots and {len(rows)} exported"
    gold = {event.unit_id for event in evidence.events("units", "unit_admitted") if event.HasField("gold_label")}
    if gold & {row["unit_id"] for row in rows}:
        yield "gold was exported"


def _doubles(what: str, ids: list[Any]) -> Iterator[str]:
    for entry, count in Counter(ids).items():
        if count > 1:
            yield f"{what} {entry} stands {count} times"
