"""The records themselves: ids, numbers, order."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from concord.contracts.topics import DEAD_LETTERS, INTAKE
from simulation.evidence import Evidence
from simulation.notebook import Notebook

UNJOURNALLED = ("dead_letter",)
"""Said by whoever sets a record aside."""


def event_ids_are_unique(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """An event id stands for one event: said again, it is said to the byte."""
    del notebook
    first: dict[str, tuple[str, bytes, bytes]] = {}
    for topic, records in evidence.records.items():
        if topic in (INTAKE.name, DEAD_LETTERS.name):
            continue
        for record in records:
            event_id = evidence.event_id(topic, record.value)
            told = (topic, record.key, record.value)
            if first.setdefault(event_id, told) != told:
                yield f"event {event_id} was said twice with different content on {topic}"


def journals_are_gapless(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """An aggregate's records are numbered from 1 without a gap, and answer each cause once."""
    del notebook
    for service, kept in evidence.kept.items():
        numbers: dict[str, list[int]] = defaultdict(list)
        causes: dict[str, Counter[str]] = defaultdict(Counter)
        for one in kept:
            numbers[one.aggregate].append(one.seq)
            causes[one.aggregate].update(one.causes)
        for aggregate, found in numbers.items():
            if found != list(range(1, len(found) + 1)):
                yield f"{service}'s journal of {aggregate} has the numbers {found}"
            for cause, times in causes[aggregate].items():
                if times > 1:
                    yield f"{service}'s journal of {aggregate} answers {cause} {times} times"


def topics_tell_the_journals(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What a journal holds is said, in the order of its aggregate; and nothing else is said."""
    del notebook
    places = {(one.topic, one.metadata.event_id): place for place, one in enumerate(evidence.said)}
    journalled = set()
    for service, kept in evidence.kept.items():
        last: dict[tuple[str, str, bytes], int] = {}
        for one in kept:
            for event in one.events:
                name = (event["topic"], evidence.event_id(event["topic"], event["value"]))
                journalled.add(name)
                place = places.get(name)
                if place is None:
                    yield f"{service} holds event {name[1]} of {one.aggregate}/{one.seq} and never said it"
                    continue
                line = (one.aggregate, event["topic"], event["key"])
                if place < last.get(line, -1):
                    yield f"{service} said event {name[1]} of {one.aggregate}/{one.seq} before an earlier one of it"
                last[line] = max(place, last.get(line, -1))
    for said in evidence.said:
        if said.kind in UNJOURNALLED or said.topic == "concord.quality.v1":
            continue
        if (said.topic, said.metadata.event_id) not in journalled:
            yield f"event {said.metadata.event_id} ({said.kind}) is on {said.topic} and in no journal"
