"""What must hold whatever went wrong: each checker yields a sentence for everything that is broken.

They share no code with the services. They hold what the town's people were told against the topics' records and the
stores' documents.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from concord.contracts.topics import ANNOTATIONS, ASSIGNMENTS, DEAD_LETTERS, INTAKE
from concord.labels.digest import label_digest
from simulation.clients import UNSEEN_NAME
from simulation.evidence import Evidence, Said
from simulation.exports import RESOLVING, exports_are_certified, lots_hold_each_unit_once
from simulation.notebook import Notebook
from simulation.recount import measures_are_true

Checker = Callable[[Notebook, Evidence], Iterator[str]]
OFFER_FIELDS = {
    "assignment_id",
    "unit_id",
    "payload_url",
    "media_type",
    "lease_until",
    "guideline_version",
    "label_schema",
}
REPLY_FIELDS = OFFER_FIELDS | {"assignments", "reason", "results", "status", "annotation_id", "error"}
REPLY_FIELDS |= {"field", "problem", "cure", "kind", "classes", "type", "title", "detail", "instance", "errors"}
WORDS_NO_ANNOTATOR_READS = (UNSEEN_NAME, "gold")
DECIDING = ("overlap_requested", "consensus_reached", "escalated")


def broken(notebook: Notebook, evidence: Evidence) -> list[str]:
    """Return what is broken, one sentence each."""
    return [sentence for checker in CHECKERS for sentence in checker(notebook, evidence)]


def replies_make_sense(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Nobody was told what cannot be."""
    del evidence
    yield from notebook.wrongs


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
        if said.kind == "dead_letter" or said.topic == "concord.quality.v1":
            continue
        if (said.topic, said.metadata.event_id) not in journalled:
            yield f"event {said.metadata.event_id} ({said.kind}) is on {said.topic} and in no journal"


def admissions_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every unit that was acknowledged is admitted, once, as it was sent; what was left out by sampling is not."""
    by_id = evidence.by_id("unit_admitted", "unit_id")
    for unit_id, said in by_id.items():
        if len(said) > 1:
            yield f"unit {unit_id} was admitted {len(said)} times"
        yield from _admitted_as_sent(said[0], notebook)
        if unit_id in notebook.left_out:
            yield f"unit {unit_id} was left out by sampling and admitted all the same"
    for told in notebook.admitted:
        if told.status == "left_out":
            continue
        if told.unit_id not in by_id:
            yield f"{told.source_id} of {told.project_id} was acknowledged as {told.unit_id} and is not admitted"
        elif by_id[told.unit_id][0].content.source_id != told.source_id:
            yield f"{told.source_id} of {told.project_id} was acknowledged as {told.unit_id}, which is another's"


def the_intake_is_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What was published to the intake is admitted once or set aside, and what was refused is not admitted."""
    by_name: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for one in evidence.events("unit_admitted"):
        by_name[one.metadata.project_id, one.content.source_id].append(one)
    for project_id, source_id in sorted(notebook.published):
        said = by_name[project_id, source_id]
        rate = notebook.projects[project_id]["policy"]["sampling"]["rate"]
        if len(said) > 1 or (not said and rate == 1.0):
            yield f"{source_id} of {project_id} was published to the intake and is admitted {len(said)} times"
    letters = [one.content for one in evidence.events("dead_letter")]
    set_aside = {letter.value for letter in letters if letter.topic == INTAKE.name}
    for value in notebook.poison:
        if value not in set_aside:
            yield f"a record that cannot be taken is in no dead letter: {value!r}"
    for project_id, source_id in sorted(notebook.unwanted):
        if by_name[project_id, source_id]:
            yield f"{source_id} of {project_id} was refused and is admitted"


def _admitted_as_sent(said: Said, notebook: Notebook) -> Iterator[str]:
    unit = notebook.units.get((said.metadata.project_id, said.content.source_id))
    if unit is None:
        yield f"unit {said.content.unit_id} ({said.content.source_id}) was admitted and never sent"
        return
    gold = json.loads(said.content.gold_label) if said.content.HasField("gold_label") else None
    if gold != (unit.truth if unit.known else None):
        yield f"unit {said.content.unit_id} was admitted with the known label {gold!r}"


def only_poison_is_set_aside(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No dead letter holds what could have been served."""
    poison = set(notebook.poison)
    for one in evidence.events("dead_letter"):
        letter = one.content
        if letter.value not in poison:
            yield (
                f"{letter.service} set {letter.topic}[{letter.partition}]@{letter.offset} aside: "
                f"{letter.error}: {letter.reason}"
            )


def labels_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every label that was acknowledged is told once, as it was given; nobody is told two of one assignment."""
    told = evidence.by_id("annotation_submitted", "annotation_id")
    for annotation_id, said in told.items():
        if len(said) > 1:
            yield f"annotation {annotation_id} was told {len(said)} times"
    for one in notebook.submitted:
        found = told.get(one.assignment_id)
        if not found:
            yield f"{one.annotator_id}'s label for {one.assignment_id} was acknowledged and is lost"
            continue
        content = found[0].content
        if (content.annotator_id, json.loads(content.label)) != (one.annotator_id, one.label):
            yield f"annotation {one.assignment_id} is {content.label!r} and {one.label!r} was acknowledged"
        if one.status != "repeated" and content.late != (one.status == "late"):
            yield f"annotation {one.assignment_id} was answered {one.status} and told with late={content.late}"


def leases_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What was offered was issued, once and to whoever it was offered; so were skips and returns that were taken."""
    issued = evidence.by_id("assignment_issued", "assignment_id")
    for assignment_id, name in notebook.offered.items():
        if [one.content.annotator_id for one in issued[assignment_id]] != [name]:
            yield f"assignment {assignment_id} was offered to {name} and issued {len(issued[assignment_id])} times"
    for kind, how in (("unit_skipped", "skipped"), ("assignment_returned", "returned")):
        ends = evidence.by_id(kind, "assignment_id")
        for ended in notebook.ended:
            if ended.how == how and len(ends[ended.assignment_id]) != 1:
                yield f"{ended.assignment_id} was {how} and that is told {len(ends[ended.assignment_id])} times"


def rulings_are_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every ruling and verdict that was acknowledged is told once, as it was given, by somebody without a part."""
    rulings = evidence.by_id("adjudicated", "unit_id")
    for one in notebook.ruled:
        found = [said for said in rulings[one.unit_id] if said.content.adjudicator_id == one.adjudicator_id]
        if one.label not in [json.loads(said.content.label) for said in found]:
            yield f"{one.adjudicator_id}'s ruling on {one.unit_id} was acknowledged and is lost"
    verdicts = evidence.by_id("unit_audited", "unit_id")
    for verdict in notebook.inspected:
        labels = [
            json.loads(said.content.audited_label)
            for said in verdicts[verdict.unit_id]
            if said.content.auditor_id == verdict.auditor_id
        ]
        if verdict.label not in labels:
            yield f"{verdict.auditor_id}'s verdict on {verdict.unit_id} was acknowledged and is lost"
    # Counted or late, before the ruling or after it, in this round or an earlier one.
    annotated = {
        (one.content.unit_id, one.content.annotator_id, one.content.rework)
        for one in evidence.events("annotation_submitted")
    }
    for said in evidence.events("adjudicated"):
        unit_id, adjudicator_id = said.content.unit_id, said.content.adjudicator_id
        if any((unit_id, adjudicator_id, rework) in annotated for rework in range(said.content.rework + 1)):
            yield f"{adjudicator_id} ruled on {unit_id} and annotated it"
    yield from _each_once(evidence, "unit_audited", ("unit_id", "rework"), "inspected")


def nothing_is_counted_twice(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """A unit has one resolution a rework and one decision a round, on evidence that holds each annotation once."""
    del notebook
    yield from _each_once(evidence, "escalated", ("unit_id", "rework"), "escalated")
    yield from _each_once(evidence, "sample_drawn", ("lot_id", "rework"), "sampled")
    yield from _each_once(evidence, "lot_accepted", ("lot_id",), "accepted")
    yield from _each_once(evidence, "lot_exported", ("lot_id", "format"), "told as exported")
    resolved: Counter[tuple[str, int]] = Counter()
    rounds: Counter[tuple[str, int, int]] = Counter()
    annotations = evidence.by_id("annotation_submitted", "annotation_id")
    gold = {one.content.unit_id for one in evidence.events("unit_admitted") if one.content.HasField("gold_label")}
    for one in evidence.said:
        if one.kind in RESOLVING:
            resolved[one.content.unit_id, one.content.rework] += 1
        # What was asked for and then found to be nobody's is decided once more, with the same labels.
        if one.kind in DECIDING and not (one.kind == "escalated" and one.content.reason == "nobody_left"):
            rounds[one.content.unit_id, one.content.rework, one.content.round] += 1
            if one.content.unit_id in gold:
                yield f"gold unit {one.content.unit_id} was decided on ({one.kind})"
        if one.kind in (*RESOLVING, "escalated"):
            yield from _evidence_is_sound(one, annotations)
    for (unit_id, rework), times in resolved.items():
        if times > 1:
            yield f"unit {unit_id} was resolved {times} times in rework {rework}"
    for (unit_id, rework, number), times in rounds.items():
        if times > 1:
            yield f"unit {unit_id} was decided {times} times in round {number} of rework {rework}"


def _evidence_is_sound(one: Said, annotations: dict[str, list[Said]]) -> Iterator[str]:
    where = f"the evidence of {one.kind} on {one.content.unit_id}"
    ids = [piece.annotation_id for piece in one.content.evidence]
    if len(set(ids)) != len(ids):
        yield f"{where} holds an annotation twice: {ids}"
    if one.kind != "adjudicated" and len(ids) != one.content.round:
        yield f"{where} holds {len(ids)} annotations in round {one.content.round}"
    for piece in one.content.evidence:
        told = annotations.get(piece.annotation_id)
        if not told:
            yield f"{where} holds {piece.annotation_id}, which was never submitted"
            continue
        said = told[0].content
        label = piece.label or said.label  # left out where all of the evidence would be too large
        same = (said.annotator_id, said.label, said.rework) == (piece.annotator_id, label, one.content.rework)
        same = same and label_digest(said.label) == piece.label_digest
        if said.late or not same:
            yield f"{where} holds {piece.annotation_id} otherwise than it was submitted"


def _each_once(evidence: Evidence, kind: str, fields: Sequence[str], what: str) -> Iterator[str]:
    times = Counter(tuple(getattr(one.content, name) for name in fields) for one in evidence.events(kind))
    for place, count in times.items():
        if count > 1:
            yield f"{' '.join(map(str, place))} was {what} {count} times"


def overlap_is_kept(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No unit has more labels that count, or more leases beside them, than it wants; nobody has it twice."""
    admitted = {one.content.unit_id: one for one in evidence.events("unit_admitted")}
    wanted: dict[tuple[str, int], int] = {}
    for asked in evidence.events("overlap_requested"):
        place = (asked.content.unit_id, asked.content.rework)
        wanted[place] = max(wanted.get(place, 0), asked.content.overlap_wanted)
    counted: Counter[tuple[str, int]] = Counter()
    for one in evidence.events("annotation_submitted"):
        counted[one.content.unit_id, one.content.rework] += not one.content.late
    for place, count in counted.items():
        unit = admitted.get(place[0])
        if unit is None or unit.content.HasField("gold_label"):
            continue
        overlap = notebook.projects[unit.metadata.project_id]["policy"]["overlap"]
        limit = max(wanted.get(place, 0), overlap["initial"])
        if count > limit or limit > overlap["max"]:
            yield f"unit {place[0]} has {count} labels that count in rework {place[1]}, and wants {limit}"
    had = Counter(
        (one.content.unit_id, one.content.rework, one.content.annotator_id)
        for one in evidence.events("assignment_issued")
    )
    # Whoever let a unit go may have it again once nobody else is left, each time with an end of the time before.
    let_go = Counter(
        (one.content.unit_id, one.content.annotator_id)
        for kind in ("assignment_expired", "assignment_returned", "unit_skipped")
        for one in evidence.events(kind)
    )
    for (unit_id, rework, annotator_id), count in had.items():
        if count > 1 + let_go[unit_id, annotator_id]:
            yield f"{annotator_id} was issued unit {unit_id} {count} times in rework {rework}"
    yield from _slots_are_kept(evidence)


def _slots_are_kept(evidence: Evidence) -> Iterator[str]:
    for one in evidence.kept.get("assign", ()):
        assignments = one.state.get("assignments", [])
        rework = one.state.get("rework", 0)
        holding = [
            each
            for each in assignments
            if each.get("rework", 0) == rework and each["status"] in ("leased", "submitted")
        ]
        if len(holding) > one.state.get("overlap_wanted", 0) and "/unit/" in one.aggregate:
            yield f"{one.aggregate}/{one.seq} has {len(holding)} leases and labels, and wants fewer"


def annotators_see_nothing_they_may_not(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """No reply to an annotator holds a gold mark, a label of another, or a client's name; no event of theirs either."""
    names = {one.annotator_id for one in notebook.submitted}
    for annotator_id, reply in notebook.replies:
        text = reply.decode()
        for word in (*WORDS_NO_ANNOTATOR_READS, *(f'"{name}"' for name in names - {annotator_id})):
            if word in text:
                yield f"a reply to {annotator_id} holds {word!r}: {text}"
        if extra := set(_fields(json.loads(text))) - REPLY_FIELDS:
            yield f"a reply to {annotator_id} has the fields {sorted(extra)}"
    for topic in (ASSIGNMENTS, ANNOTATIONS):
        for record in evidence.records[topic.name]:
            if b"gold" in record.value or UNSEEN_NAME.encode() in record.value:
                yield f"a record of {topic.name} tells what no annotator may know"


def _fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner)


CHECKERS: tuple[Checker, ...] = (
    replies_make_sense,
    event_ids_are_unique,
    journals_are_gapless,
    topics_tell_the_journals,
    admissions_are_kept,
    the_intake_is_kept,
    only_poison_is_set_aside,
    labels_are_kept,
    leases_are_kept,
    rulings_are_kept,
    nothing_is_counted_twice,
    overlap_is_kept,
    annotators_see_nothing_they_may_not,
    exports_are_certified,
    lots_hold_each_unit_once,
    measures_are_true,
)
