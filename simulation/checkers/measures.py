"""Every number of metrics, counted anew from the topics by the plainest means."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from simulation.checkers.agreement import alpha
from simulation.checkers.leaving import SETTLING
from simulation.checkers.revisions import last_words
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook
from simulation.wishes import says_same

GRACE_US = 60_000_000
"""What is submitted so long after its lot was accepted counts in no measure: metrics' stated rule."""
CLOCKS_APART_US = 200_000_000
"""How far the clocks of two services may be apart."""
TOLERANCE = 1e-9
Times = defaultdict[str, tuple[int, int]]
"""How often each unit was sent back with its lot, and since then referred back by an adjudicator."""
STANDING = ("escalated", *SETTLING)
"""What says how a unit stands; of one rework the later word prevails."""


def measures_are_true(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What metrics said of a project when all was settled is what a recount of the topics gives."""
    for project_id in sorted(notebook.projects):
        quality = notebook.quality.get(project_id)
        if quality is None:
            yield f"metrics said nothing of {project_id}"
            continue
        without, late = _erased(project_id, evidence)
        recounts = [_recounted(notebook, project_id, evidence, gone) for gone in (without | late, without)]
        for name, value in recounts[0].items():
            answer = (
                quality[name]["value"]
                if isinstance(quality[name], dict) and "value" in quality[name]
                else quality[name]
            )
            if not (_same(answer, value) or (late and _between(answer, value, recounts[1][name]))):
                yield f"metrics said {name} of {project_id} is {answer}, and a recount gives {value}"
        yield from _versions_are_true(project_id, quality, evidence, without, late)
        fields = quality.get("fields", ())
        # Of a project of forms, also where none was given or all of those units are erased.
        by_field = [_counted_by_field(project_id, evidence, gone) for gone in (without | late, without) if fields]
        for field in fields:
            for name, value in by_field[0][field["field"]].items():
                answer = field[name]["value"] if name == "alpha" else field[name]
                if not (_same(answer, value) or (late and _between(answer, value, by_field[1][field["field"]][name]))):
                    where = f"{field['field']} in {project_id}"
                    yield f"metrics said {name} of {where} is {answer}, and a recount gives {value}"


def _versions_are_true(
    project_id: str, entry: dict[str, Any], evidence: Evidence, without: set[str], late: set[str]
) -> Iterator[str]:
    """Agreement under a version is that of the units whose labels were all given under it, as they were given."""
    if late:
        return  # which of the units that were erased late count is not told
    units = _counts(project_id, evidence, without).under
    for schema_version in entry.get("schema_versions", ()):
        version, item = schema_version["schema_version"], schema_version["alpha"]["value"]
        value = alpha([labels for versions, labels in units if versions == {version}])
        if not _same(item, value):
            yield f"metrics said alpha of {project_id} under version {version} is {item}, and a recount gives {value}"


def _counted_by_field(project_id: str, evidence: Evidence, gone: set[str]) -> dict[str, dict[str, Any]]:
    """Return by field the answers on gold and the right ones, and alpha where the town can reckon it by pairs."""
    counts = _counts(project_id, evidence, gone)
    pairs = [
        (json.loads(counts.gold[answer.content.unit_id])["answers"], json.loads(answer.content.label)["answers"])
        for answer in counts.answers
    ]
    units = [[label["answers"] for label in labels] for labels in counts.first_asked]
    found: dict[str, dict[str, Any]] = {}
    for name in ("verdict", "grade", "place"):
        both = [(known[name], entry[name]) for known, entry in pairs if name in known and name in entry]
        found[name] = {"gold_annotations": len(both), "gold_correct": sum(known == entry for known, entry in both)}
        if name != "grade":  # by ranks, of which the town knows nothing
            found[name]["alpha"] = alpha([[entry[name] for entry in unit if name in entry] for unit in units])
    return found


def _erased(project_id: str, evidence: Evidence) -> tuple[set[str], set[str]]:
    """Return the units that were erased before their lot was accepted, and those that were erased later.

    A unit is closed a while after its lot was accepted, and then counts as it stood: of the later ones it is not told
    which that were.
    """
    accepted = {event.content.lot_id: event.metadata.occurred_at_us for event in evidence.events("lot_accepted")}
    until = {
        unit_id: accepted[event.content.lot_id]
        for event in evidence.events("lot_sealed")
        for unit_id in event.content.unit_ids
        if event.content.lot_id in accepted
    }
    gone = [event for event in evidence.events("unit_erased") if event.metadata.project_id == project_id]
    late = {
        entry.content.unit_id
        for entry in gone
        if until.get(entry.content.unit_id, 2**62) < entry.metadata.occurred_at_us + CLOCKS_APART_US
    }
    return {entry.content.unit_id for entry in gone} - late, late


def _between(entry: Any, item: Any, other: Any) -> bool:
    """Return whether what is told lies between two recounts; agreement may lie beyond both, and is not held to them."""
    if isinstance(entry, float) or entry is None:
        return True
    return isinstance(entry, int) and min(item, other) <= entry <= max(item, other)


def _same(entry: Any, value: Any) -> bool:
    if isinstance(entry, float) and isinstance(value, float):
        return abs(entry - value) < TOLERANCE
    return bool(entry == value)


class _Counts(NamedTuple):
    """What a recount of a project rests on.

    Attributes:
        gold: the known labels by unit.
        answers: annotations of gold units.
        counted: those that count, of each unit's present round.
        first_asked: of each unit, the labels that were asked for before any was looked at.
        under: the same, with the versions of the label schema that they were given under.
    """

    events: list[RecordedEvent]
    sealed: dict[str, Any]
    accepted: dict[str, RecordedEvent]
    annotations: list[RecordedEvent]
    rework: Times
    gold: dict[str, bytes]
    answers: list[RecordedEvent]
    counted: list[RecordedEvent]
    first_asked: list[list[Any]]
    under: list[tuple[set[int], list[Any]]]


def _counts(project_id: str, evidence: Evidence, gone: set[str]) -> _Counts:
    events = [entry for entry in evidence.said if entry.metadata.project_id == project_id]
    units = {event.content.unit_id: event for event in events if event.kind == "unit_admitted"}
    marked = {
        unit_id: entry.content.gold_label for unit_id, entry in units.items() if entry.content.HasField("gold_label")
    }
    gold = _judged_by(marked, events)
    sealed = {event.content.lot_id: event.content for event in events if event.kind == "lot_sealed"}
    accepted = {event.content.lot_id: event for event in events if event.kind == "lot_accepted"}
    annotations = _in_time(last_words(events), sealed, accepted)
    rework = _reworks(events)
    answers = [annotation for annotation in annotations if annotation.content.unit_id in gold.keys() - gone]
    counted = [
        annotation
        for annotation in annotations
        if annotation.content.unit_id not in marked.keys() | gone
        and not annotation.content.late
        and annotation.content.rework == rework[annotation.content.unit_id][0]
    ]
    # What was said after an adjudicator's comment counts, and not what was set aside; agreement is of what was unseen.
    unseen = [annotation for annotation in counted if not annotation.content.referral]
    counted = [each for each in counted if each.content.referral == rework[each.content.unit_id][1]]
    voices = _by_unit(_first_asked(unseen, _asked(events, units, rework))).values()
    under = [({max(1, entry.content.schema_version) for entry in voice}, _labels(voice)) for voice in voices]
    first_asked = [labels for _, labels in under]
    return _Counts(events, sealed, accepted, annotations, rework, gold, answers, counted, first_asked, under)


def _judged_by(marked: dict[str, bytes], events: list[RecordedEvent]) -> dict[str, bytes]:
    """Return the known labels as last ruled, without those that are in doubt or retired."""
    found = dict(marked)
    words = [event for event in events if event.kind in ("gold_flagged", "gold_ruled")]
    for word in sorted(words, key=lambda word: word.content.revision):
        unit_id = word.content.unit_id
        if word.kind == "gold_flagged" or word.content.outcome == "retired":
            found.pop(unit_id, None)
        else:
            found[unit_id] = word.content.known_label
    return found


def _recounted(notebook: Notebook, project_id: str, evidence: Evidence, gone: set[str]) -> dict[str, Any]:
    counts = _counts(project_id, evidence, gone)
    events, answers, gold, accepted = counts.events, counts.answers, counts.gold, counts.accepted
    read = partial(notebook.read, project_id)
    rejected = [event.content for event in events if event.kind == "lot_rejected"]
    settled = Counter(kind for unit_id, kind in _settled(events, counts.rework).items() if unit_id not in gone)
    return {
        "annotations": len(counts.annotations),
        "annotations_counted": len(counts.counted),
        "gold_annotations": len(answers),
        "gold_correct": sum(_says(read, answer.content.label, gold[answer.content.unit_id]) for answer in answers),
        "units_consensus": settled["consensus_reached"],
        "units_adjudicated": settled["adjudicated"],
        "units_escalated": settled["escalated"],
        "units_unanswerable": settled["ruled_unanswerable"],
        "lots": {
            "sealed": len(counts.sealed),
            "accepted": len(accepted),
            "rejections": len(rejected),
            "inspected": sum(entry.content.inspected for entry in accepted.values()),
            "errors": sum(entry.content.errors for entry in accepted.values()),
        },
        "alpha": alpha([[read(label) for label in labels] for labels in counts.first_asked]),
    }


def _asked(events: list[RecordedEvent], units: dict[str, RecordedEvent], rework: Times) -> dict[str, int]:
    """Return how many labels of each unit were asked for at first: as its resolution says, else as its admission."""
    asked = {unit_id: entry.content.overlap_initial for unit_id, entry in units.items()}
    settled = _settled(events, rework)
    for event in events:
        unit_id = getattr(event.content, "unit_id", "")
        if settled.get(unit_id) == event.kind and _times(event) == rework[unit_id] and event.content.overlap_initial:
            asked[unit_id] = event.content.overlap_initial
    # On what has no right label nobody agrees or disagrees.
    return asked | {unit_id: 0 for unit_id, kind in settled.items() if kind == "ruled_unanswerable"}


def _first_asked(counted: list[RecordedEvent], asked: dict[str, int]) -> list[RecordedEvent]:
    """Return the labels that were asked for before any was looked at, of units that have all of them."""
    of_unit: dict[str, list[RecordedEvent]] = defaultdict(list)
    for entry in sorted(counted, key=lambda item: item.metadata.occurred_at_us):
        of_unit[entry.content.unit_id].append(entry)
    return [
        item
        for unit_id, each in of_unit.items()
        if 0 < asked.get(unit_id, 0) <= len(each)
        for item in each[: asked[unit_id]]
        if not item.content.by_model  # how people agree is told without models
    ]


def _in_time(
    submitted: list[RecordedEvent], sealed: dict[str, Any], accepted: dict[str, RecordedEvent]
) -> list[RecordedEvent]:
    until = {
        unit_id: accepted[lot_id].metadata.occurred_at_us + GRACE_US
        for lot_id, lot in sealed.items()
        if lot_id in accepted
        for unit_id in lot.unit_ids
    }
    return [entry for entry in submitted if entry.metadata.occurred_at_us <= until.get(entry.content.unit_id, 2**62)]


def _reworks(events: list[RecordedEvent]) -> Times:
    """Return how often each unit was sent back, and then referred back, by whoever speaks of the latest."""
    found: Times = defaultdict(lambda: (0, 0))
    for event in events:
        if event.kind in ("annotation_submitted", "assignment_issued", "referred_back", *STANDING):
            found[event.content.unit_id] = max(found[event.content.unit_id], _times(event))
        elif event.kind == "lot_rejected" and event.content.on_reject == "relabel":
            for unit_id in event.content.unit_ids:
                found[unit_id] = max(found[unit_id], (event.content.rework + 1, 0))
    return found


def _times(event: RecordedEvent) -> tuple[int, int]:
    if event.kind in SETTLING:
        return event.content.rework, len(event.content.referrals)
    return event.content.rework, 0 if event.kind == "assignment_issued" else event.content.referral


def _settled(events: list[RecordedEvent], rework: Times) -> dict[str, str]:
    """Return how each unit stands; a ruling prevails over an escalation."""
    found: dict[str, str] = {}
    for kind in STANDING:
        for event in events:
            if event.kind == kind and _times(event) == rework[event.content.unit_id]:
                found[event.content.unit_id] = kind
    return found


def _says(read: Callable[[Any], Any], label: bytes, gold: bytes) -> bool:
    return says_same(read(json.loads(label)), read(json.loads(gold)))


def _labels(events: list[RecordedEvent]) -> list[Any]:
    return [json.loads(row.content.label) for row in events]


def _by_unit(counted: list[RecordedEvent]) -> dict[str, list[RecordedEvent]]:
    """Return what counts by unit, one voice an annotator: what was submitted last."""
    voices: dict[str, dict[str, RecordedEvent]] = defaultdict(dict)
    for entry in sorted(counted, key=lambda each: (each.metadata.occurred_at_us, each.content.label)):
        voices[entry.content.unit_id][entry.content.annotator_id] = entry
    return {unit_id: list(item.values()) for unit_id, item in voices.items()}
