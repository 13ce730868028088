"""Decisions, rulings and verdicts: each once, on sound evidence, by somebody without a part."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from concord.labels.digest import label_digest
from simulation.checkers.leaving import SETTLING
from simulation.checkers.revisions import revisions_by_annotation
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook

RULED = ("adjudicated", "ruled_unanswerable", "ruling_repeated")
"""What tells of a ruling; one that was given before is kept beside the one that stands, and nobody is told so."""
DECIDING = ("overlap_requested", "consensus_reached", "escalated")


def rulings_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every ruling and verdict that was acknowledged is told once, as it was given, by somebody without a part."""
    yield from _rulings_are_told(notebook, evidence)
    yield from _verdicts_are_told(notebook, evidence)
    # Counted or late, before the ruling or after it, in this round or an earlier one.
    annotated = {
        (event.content.unit_id, event.content.annotator_id, event.content.rework)
        for event in evidence.events("annotation_submitted")
    }
    rulings = [event for kind in RULED for event in evidence.events(kind)]
    for row in rulings:
        unit_id, adjudicator_id = row.content.unit_id, row.content.adjudicator_id
        if any((unit_id, adjudicator_id, rework) in annotated for rework in range(row.content.rework + 1)):
            yield f"{adjudicator_id} ruled on {unit_id} and annotated it"
    for event in evidence.events("inspection_repeated"):
        unit_id, auditor_id = event.content.unit_id, event.content.auditor_id
        if auditor_id == event.content.first_auditor_id:
            yield f"{auditor_id} inspected {unit_id} twice"
        if any((unit_id, auditor_id, rework) in annotated for rework in range(event.content.rework + 1)):
            yield f"{auditor_id} repeated the inspection of {unit_id} and annotated it"
    yield from _each_once(evidence, "inspection_repeated", ("unit_id", "rework"), "inspected a second time")
    yield from _each_once(evidence, "unit_audited", ("unit_id", "rework"), "inspected")
    yield from _each_once(evidence, "ruling_repeated", ("unit_id", "rework"), "ruled a second time")
    for entry in evidence.events("ruling_repeated"):
        if entry.content.adjudicator_id == entry.content.first_adjudicator_id:
            yield f"{entry.content.adjudicator_id} ruled {entry.content.unit_id} twice"


def _verdicts_are_told(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    groups: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for event in evidence.events("unit_audited"):
        groups[event.content.unit_id, event.content.auditor_id].append(json.loads(event.content.audited_label))
    for entry in evidence.events("inspection_repeated"):
        groups[entry.content.unit_id, entry.content.auditor_id].append(json.loads(entry.content.label))
    for verdict in notebook.inspected:
        if verdict.label not in groups[verdict.unit_id, verdict.auditor_id]:
            yield f"{verdict.auditor_id}'s verdict on {verdict.unit_id} was acknowledged and is lost"


def _rulings_are_told(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    groups: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for kind in RULED:
        for event in evidence.events(kind):
            label = "" if kind == "ruled_unanswerable" else event.content.label
            groups[event.content.unit_id, event.content.adjudicator_id].append(json.loads(label) if label else None)
    for ruled in notebook.ruled:
        if ruled.label not in groups[ruled.unit_id, ruled.adjudicator_id]:
            yield f"{ruled.adjudicator_id}'s ruling on {ruled.unit_id} was acknowledged and is lost"


def nothing_is_counted_twice(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A unit has one resolution a rework and one decision a round, on evidence that holds each annotation once."""
    del notebook
    yield from _each_once(evidence, "escalated", ("unit_id", "rework", "referral"), "escalated")
    yield from _each_once(evidence, "sample_drawn", ("lot_id", "rework"), "sampled")
    yield from _each_once(evidence, "lot_accepted", ("lot_id",), "accepted")
    yield from _each_once(evidence, "lot_exported", ("lot_id", "format"), "told as exported")
    resolved: Counter[tuple[str, int]] = Counter()
    rounds: Counter[tuple[str, int, int, int]] = Counter()
    annotations = evidence.by_id("annotation_submitted", "annotation_id")
    words = revisions_by_annotation(evidence)
    revisions = {event.metadata.event_id for revised in words.values() for event in revised}
    gold = {event.content.unit_id for event in evidence.events("unit_admitted") if event.content.HasField("gold_label")}
    for entry in evidence.said:
        if entry.kind in SETTLING:
            resolved[entry.content.unit_id, entry.content.rework] += 1
        # What was asked for and then found to be nobody's is decided once more, with the same labels; and so is what a
        # project that was redefined asks more of.
        anew = entry.kind == "escalated" and entry.content.reason in ("nobody_left", "payload_broken")
        anew = anew or entry.metadata.causation_id.startswith("redefined/")
        # And so is what somebody of its round has revised.
        anew = anew or entry.metadata.causation_id in revisions
        # One that was escalated in this round, and closed on its leading label.
        anew = anew or (entry.kind == "consensus_reached" and bool(entry.content.closed_by))
        if entry.kind in DECIDING and not anew:
            times = len(entry.content.referrals) if entry.kind in SETTLING else entry.content.referral
            rounds[entry.content.unit_id, entry.content.rework, times, entry.content.round] += 1
            if entry.content.unit_id in gold:
                yield f"gold unit {entry.content.unit_id} was decided on ({entry.kind})"
        if entry.kind in (*SETTLING, "escalated"):
            yield from _evidence_is_sound(entry, annotations, words)
    for (unit_id, rework), times in resolved.items():
        if times > 1:
            yield f"unit {unit_id} was resolved {times} times in rework {rework}"
    for (unit_id, rework, _, number), times in rounds.items():
        if times > 1:
            yield f"unit {unit_id} was decided {times} times in round {number} of rework {rework}"


def nobody_is_certain(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No posterior of a class is 1: annotators are never taken for infallible. Labels of other kinds have support."""
    del notebook
    for event in evidence.events("consensus_reached"):
        certain = event.content.method == "posterior" and event.content.confidence >= 1.0
        if certain and isinstance(json.loads(event.content.label), str):
            yield f"unit {event.content.unit_id} was settled with certainty, which no annotator gives"


def _evidence_is_sound(
    entry: RecordedEvent, annotations: dict[str, list[RecordedEvent]], words: dict[str, list[RecordedEvent]]
) -> Iterator[str]:
    where = f"the evidence of {entry.kind} on {entry.content.unit_id}"
    ids = [piece.annotation_id for piece in entry.content.evidence]
    if len(set(ids)) != len(ids):
        yield f"{where} holds an annotation twice: {ids}"
    if entry.kind not in ("adjudicated", "ruled_unanswerable") and len(ids) != entry.content.round:
        yield f"{where} holds {len(ids)} annotations in round {entry.content.round}"
    for piece in entry.content.evidence:
        annotation = annotations.get(piece.annotation_id)
        if not annotation:
            yield f"{where} holds {piece.annotation_id}, which was never submitted"
            continue
        annotator = annotation[0].content
        given = [annotator.label, *(word.content.label for word in words.get(piece.annotation_id, ()))]
        word = given[piece.revision] if piece.revision < len(given) else b""
        label = piece.label or word  # left out where all of the evidence would be too large
        same = (annotator.annotator_id, word, annotator.rework) == (piece.annotator_id, label, entry.content.rework)
        same = same and label_digest(word) == piece.label_digest
        if annotator.late or not same:
            yield f"{where} holds {piece.annotation_id} otherwise than it was submitted"


def _each_once(evidence: Evidence, kind: str, fields: Sequence[str], what: str) -> Iterator[str]:
    times = Counter(tuple(getattr(event.content, name) for name in fields) for event in evidence.events(kind))
    for place, count in times.items():
        if count > 1:
            yield f"{' '.join(map(str, place))} was {what} {count} times"
