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
            content = (topic, record.key, record.value)
            if first.setdefault(event_id, content) != content:
                yield f"event {event_id} was said twice with different content on {topic}"


def journals_are_gapless(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """An aggregate's records are numbered from 1 without a gap, and answer each cause once."""
    del notebook
    for service, kept in evidence.kept.items():
        numbers: dict[str, list[int]] = defaultdict(list)
        causes: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in kept:
            numbers[entry.aggregate].append(entry.seq)
            causes[entry.aggregate].update(entry.causes)
        for aggregate, found in numbers.items():
            if found != list(range(1, len(found) + 1)):
                yield f"{service}'s journal of {aggregate} has the numbers {found}"
            for cause, times in causes[aggregate].items():
                if times > 1:
                    yield f"{service}'s journal of {aggregate} answers {cause} {times} times"


def topics_tell_the_journals(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What a journal holds is said, in the order of its aggregate; and nothing else is said."""
    del notebook
    places = {(entry.topic, entry.metadata.event_id): place for place, entry in enumerate(evidence.said)}
    journalled = set()
    for service, kept in evidence.kept.items():
        last: dict[tuple[str, str, bytes], int] = {}
        for entry in kept:
            for event in entry.events:
                name = (event["topic"], evidence.event_id(event["topic"], event["value"]))
                journalled.add(name)
                place = places.get(name)
                if place is None:
                    yield f"{service} holds event {name[1]} of {entry.aggregate}/{entry.seq} and never said it"
                    continue
                line = (entry.aggregate, event["topic"], event["key"])
                if place < last.get(line, -1):
                    yield f"{service} said event {name[1]} of {entry.aggregate}/{entry.seq} before an earlier one of it"
                last[line] = max(place, last.get(line, -1))
    for item in evidence.said:
        if item.kind in UNJOURNALLED or item.topic == "concord.quality.v1":
            continue
        if (item.topic, item.metadata.event_id) not in journalled:
            yield f"event {item.metadata.event_id} ({item.kind}) is on {item.topic} and in no journal"
