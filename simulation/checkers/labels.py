"""Labels and leases: what people were told, and how many of each a unit gets."""

import json
from collections import Counter
from collections.abc import Iterator

from simulation.checkers.revisions import revisions_by_annotation
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook

Place = tuple[str, int, int]
"""A unit, how often it was sent back with its lot, and how often since then by an adjudicator."""


def labels_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every label that was acknowledged is told once, as it was given; nobody is told two of one assignment."""
    annotations = evidence.by_id("annotation_submitted", "annotation_id")
    for annotation_id, events in annotations.items():
        if len(events) > 1:
            yield f"annotation {annotation_id} was told {len(events)} times"
    for submitted in notebook.submitted:
        found = annotations.get(submitted.assignment_id)
        if not found:
            yield f"{submitted.annotator_id}'s label for {submitted.assignment_id} was acknowledged and is lost"
            continue
        content = found[0].content
        if (content.annotator_id, json.loads(content.label)) != (submitted.annotator_id, submitted.label):
            yield f"annotation {submitted.assignment_id} is {content.label!r}, acknowledged was {submitted.label!r}"
        if submitted.status != "repeated" and content.late != (submitted.status == "late"):
            yield f"annotation {submitted.assignment_id} was answered {submitted.status} and told late={content.late}"


def leases_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What was offered was issued, once and to whoever it was offered; so were skips and returns that were taken."""
    issued = evidence.by_id("assignment_issued", "assignment_id")
    for assignment_id, name in notebook.offered.items():
        if [entry.content.annotator_id for entry in issued[assignment_id]] != [name]:
            yield f"assignment {assignment_id} was offered to {name} and issued {len(issued[assignment_id])} times"
    for kind, how in (("unit_skipped", "skipped"), ("assignment_returned", "returned")):
        ends = evidence.by_id(kind, "assignment_id")
        for ended in notebook.ended:
            if ended.how == how and len(ends[ended.assignment_id]) != 1:
                yield f"{ended.assignment_id} was {how} and that is told {len(ends[ended.assignment_id])} times"


def overlap_is_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No unit has more labels that count, or more leases beside them, than it wants; nobody has it twice."""
    admitted = {event.content.unit_id: event for event in evidence.events("unit_admitted")}
    wanted: dict[Place, int] = {}
    for asked in [*evidence.events("overlap_requested"), *evidence.events("referred_back")]:
        place = place_of(asked)
        wanted[place] = max(wanted.get(place, 0), asked.content.overlap_wanted)
    counted: Counter[Place] = Counter()
    split: Counter[Place] = Counter()
    words = revisions_by_annotation(evidence)
    for event in evidence.events("annotation_submitted"):
        counted[place_of(event)] += not event.content.late
        wording = notebook.wordings.get(event.metadata.project_id)
        labels = [event, *words.get(event.content.annotation_id, ())]
        if wording is not None and any(wording.said_several(json.loads(each.content.label)) for each in labels):
            split[place_of(event)] += not event.content.late
    for place, count in counted.items():
        unit = admitted.get(place[0])
        if unit is None or unit.content.HasField("gold_label"):
            continue
        overlaps = [definition["policy"]["overlap"] for definition in notebook.definitions[unit.metadata.project_id]]
        limit = max(wanted.get(place, 0), *(overlap["initial"] for overlap in overlaps))
        # A label of a class that was split says one of several: another is asked for in its place, beyond the cap, too.
        cap = max(overlap["max"] for overlap in overlaps) + split[place]
        if count > limit or (limit > cap and not place[2]):
            yield f"unit {place[0]} has {count} labels that count in rework {place[1:]}, and wants {limit}"
    had = Counter(
        (entry.content.unit_id, entry.content.rework, entry.content.annotator_id)
        for entry in evidence.events("assignment_issued")
    )
    # Whoever let a unit go may have it again once nobody else is left, each time with an end of the time before.
    let_go = Counter(
        (entry.content.unit_id, entry.content.annotator_id)
        for kind in ("assignment_expired", "assignment_returned", "unit_skipped")
        for entry in evidence.events(kind)
    )
    again = Counter(
        (event.content.unit_id, event.content.rework, name)
        for event in evidence.events("referred_back")
        for name in event.content.annotators
    )
    for (unit_id, rework, annotator_id), count in had.items():
        if count > 1 + let_go[unit_id, annotator_id] + again[unit_id, rework, annotator_id]:
            yield f"{annotator_id} was issued unit {unit_id} {count} times in rework {rework}"
    yield from _slots_are_kept(evidence)


def place_of(event: RecordedEvent) -> Place:
    """Return of which unit an event is, and of which time that it was given out: by reworks, then by referrals."""
    return event.content.unit_id, event.content.rework, event.content.referral


def models_count_as_is_said(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Models' labels count only where their project says so, and alone settle nothing where it asks for people."""
    gold = {event.content.unit_id for event in evidence.events("unit_admitted") if event.content.HasField("gold_label")}
    policies = {name: rows[-1]["policy"].get("models", {}) for name, rows in notebook.definitions.items()}
    for event in evidence.events("annotation_submitted"):
        if event.content.by_model != event.content.annotator_id.startswith("model-"):
            yield f"annotation {event.content.annotation_id} of {event.content.annotator_id} is told as of another kind"
        never = policies[event.metadata.project_id].get("counted", "never") == "never"
        if event.content.by_model and never and not event.content.late and event.content.unit_id not in gold:
            yield f"annotation {event.content.annotation_id} of a model counts, and its project says never"
    for entry in evidence.events("consensus_reached"):
        policy = policies[entry.metadata.project_id]
        people = sum(not piece.by_model for piece in entry.content.evidence)
        if people < policy.get("humans_min", 1) and not entry.content.closed_by:
            yield f"unit {entry.content.unit_id} was settled by {people} people, and {policy} asks for more"


def _slots_are_kept(evidence: Evidence) -> Iterator[str]:
    for kept in evidence.kept.get("assign", ()):
        assignments = kept.state.get("assignments", [])
        now = kept.state.get("rework", 0), kept.state.get("referral", 0)
        holding = [
            each
            for each in assignments
            if (each.get("rework", 0), each.get("referral", 0)) == now
            and each["status"] in ("leased", "submitted")
            and not each.get("beside", False)
        ]
        if len(holding) > kept.state.get("overlap_wanted", 0) and "/unit/" in kept.aggregate:
            yield f"{kept.aggregate}/{kept.seq} has {len(holding)} leases and labels, and wants fewer"
