"""Revisions: what people were told of them, and which word of an annotator's came to count."""

import json
from collections import defaultdict
from collections.abc import Iterator

from simulation.checkers.leaving import SETTLING
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook


def revisions_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every revision that was acknowledged is told once, as it was given, and counts unless that is told, once, too."""
    words = revisions_by_annotation(evidence)
    first = evidence.by_id("annotation_submitted", "annotation_id")
    for annotation_id, revised in words.items():
        numbers = [event.content.revision for event in revised]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"annotation {annotation_id} was told to be revised as {numbers}"
        if not first[annotation_id] or first[annotation_id][0].content.late:
            yield f"annotation {annotation_id} was revised, and none of that name counts"
    for wish in notebook.revised:
        found = [event for event in words[wish.annotation_id] if event.content.revision == wish.number]
        if [(event.content.annotator_id, json.loads(event.content.label)) for event in found] != [
            (wish.annotator_id, wish.label)
        ]:
            yield f"revision {wish.number} of {wish.annotation_id} was acknowledged as {wish.label!r}, and is lost"
    yield from _each_counts_or_is_told_too_late(evidence, words)


def _each_counts_or_is_told_too_late(evidence: Evidence, words: dict[str, list[RecordedEvent]]) -> Iterator[str]:
    """Of each annotation that a resolution rests on the last word before it counts, and each later one is told late."""
    too_late: defaultdict[tuple[str, int], int] = defaultdict(int)
    for event in evidence.events("revision_too_late"):
        too_late[event.content.annotation_id, event.content.revision] += 1
    gone = {event.content.unit_id for event in evidence.events("unit_erased")}
    for event in evidence.said:
        if event.kind not in SETTLING or event.content.unit_id in gone:
            continue
        for piece in event.content.evidence:
            for word in words.get(piece.annotation_id, ()):
                number = word.content.revision
                times = too_late[piece.annotation_id, number]
                if times != (number > piece.revision):
                    counted = f"the resolution of {event.content.unit_id} counts revision {piece.revision}"
                    yield f"{counted} of {piece.annotation_id}, and revision {number} is told {times} times as too late"


def revisions_by_annotation(evidence: Evidence) -> dict[str, list[RecordedEvent]]:
    """Return the revisions of each annotation, in their order."""
    words = evidence.by_id("annotation_revised", "annotation_id")
    for revised in words.values():
        revised.sort(key=lambda event: int(event.content.revision))
    return words


def last_words(events: list[RecordedEvent]) -> list[RecordedEvent]:
    """Return the labels among some events, each as its annotator's last word, in the place and time of the first."""
    newest: dict[str, RecordedEvent] = {}
    for event in events:
        if event.kind == "annotation_revised":
            known = newest.get(event.content.annotation_id)
            if known is None or known.content.revision < event.content.revision:
                newest[event.content.annotation_id] = event
    found = []
    for event in events:
        if event.kind == "annotation_submitted":
            revised = newest.get(event.content.annotation_id)
            if revised is None:
                found.append(event)
                continue
            content = type(event.content)()
            content.CopyFrom(event.content)
            content.label = revised.content.label
            found.append(event._replace(content=content))
    return found
