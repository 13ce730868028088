"""Every number of metrics, counted anew from the topics by the plainest means."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from simulation.checkers.agreement import alpha
from simulation.checkers.leaving import SETTLING
from simulation.evidence import Evidence, Said
from simulation.notebook import Notebook
from simulation.wishes import says_same

GRACE_US = 60_000_000
"""What is submitted so long after its lot was accepted counts in no measure: metrics' stated rule."""
CLOCKS_APART_US = 200_000_000
"""How far the clocks of two services may be apart."""
TOLERANCE = 1e-9
STANDING = ("escalated", *SETTLING)
"""What says how a unit stands; of one rework the later word prevails."""


def measures_are_true(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What metrics said of a project when all was settled is what a recount of the topics gives."""
    for project_id in sorted(notebook.projects):
        said = notebook.quality.get(project_id)
        if said is None:
            yield f"metrics said nothing of {project_id}"
            continue
        without, late = _erased(project_id, evidence)
        recounts = [_recounted(notebook, project_id, evidence, gone) for gone in (without | late, without)]
        for name, value in recounts[0].items():
            told = said[name]["value"] if isinstance(said[name], dict) and "value" in said[name] else said[name]
            if not (_same(told, value) or (late and _between(told, value, recounts[1][name]))):
                yield f"metrics said {name} of {project_id} is {told}, and a recount gives {value}"
        yield from _versions_are_true(project_id, said, evidence, without, late)
        by_field = [_counted_by_field(project_id, evidence, gone) for gone in (without | late, without)]
        for one in said.get("fields", ()):
            for name, value in by_field[0][one["field"]].items():
                told = one[name]["value"] if name == "alpha" else one[name]
                if not (_same(told, value) or (late and _between(told, value, by_field[1][one["field"]][name]))):
                    where = f"{one['field']} in {project_id}"
                    yield f"metrics said {name} of {where} is {told}, and a recount gives {value}"


def _versions_are_true(
    project_id: str, said: dict[str, Any], evidence: Evidence, without: set[str], late: set[str]
) -> Iterator[str]:
    """Agreement under a version is that of the units whose labels were all given under it, as they were given."""
    if late:
        return  # which of the units that were erased late count is not told
    units = _counts(project_id, evidence, without).under
    for one in said.get("schema_versions", ()):
        version, told = one["schema_version"], one["alpha"]["value"]
        value = alpha([labels for versions, labels in units if versions == {version}])
        if not _same(told, value):
            yield f"metrics said alpha of {project_id} under version {version} is {told}, and a recount gives {value}"


def _counted_by_field(project_id: str, evidence: Evidence, gone: set[str]) -> dict[str, dict[str, Any]]:
    """Return by field the answers on gold and the right ones, and alpha where the town can reckon it by pairs."""
    counts = _counts(project_id, evidence, gone)
    if not any(one.content.label.startswith(b'{"answers":') for one in counts.annotations):
        return {}
    pairs = [
        (json.loads(counts.gold[one.content.unit_id])["answers"], json.loads(one.content.label)["answers"])
        for one in counts.answers
    ]
    units = [[label["answers"] for label in labels] for labels in counts.first_asked]
    found: dict[str, dict[str, Any]] = {}
    for name in ("verdict", "grade", "place"):
        both = [(known[name], said[name]) for known, said in pairs if name in known and name in said]
        found[name] = {"gold_annotations": len(both), "gold_correct": sum(known == said for known, said in both)}
        if name != "grade":  # by ranks, of which the town knows nothing
            found[name]["alpha"] = alpha([[one[name] for one in unit if name in one] for unit in units])
    return found


def _erased(project_id: str, evidence: Evidence) -> tuple[set[str], set[str]]:
    """Return the units that were erased before their lot was accepted, and those that were erased later.

    A unit is closed a while after its lot was accepted, and then counts as it stood: of the later ones it is not told
    which that were.
    """
    accepted = {one.content.lot_id: one.metadata.occurred_at_us for one in evidence.events("lot_accepted")}
    until = {
        unit_id: accepted[one.content.lot_id]
        for one in evidence.events("lot_sealed")
        for unit_id in one.content.unit_ids
        if one.content.lot_id in accepted
    }
    gone = [one for one in evidence.events("unit_erased") if one.metadata.project_id == project_id]
    late = {
        one.content.unit_id
        for one in gone
        if until.get(one.content.unit_id, 2**62) < one.metadata.occurred_at_us + CLOCKS_APART_US
    }
    return {one.content.unit_id for one in gone} - late, late


def _between(told: Any, one: Any, other: Any) -> bool:
    """Return whether what is told lies between two recounts; agreement may lie beyond both, and is not held to them."""
    if isinstance(told, float) or told is None:
        return True
    return isinstance(told, int) and min(one, other) <= told <= max(one, other)


def _same(told: Any, value: Any) -> bool:
    if isinstance(told, float) and isinstance(value, float):
        return abs(told - value) < TOLERANCE
    return bool(told == value)


class _Counts(NamedTuple):
    """What a recount of a project rests on.

    Attributes:
        gold: the known labels by unit.
        answers: annotations of gold units.
        counted: those that count, of each unit's present round.
        first_asked: of each unit, the labels that were asked for before any was looked at.
        under: the same, with the versions of the label schema that they were given under.
    """

    events: list[Said]
    sealed: dict[str, Any]
    accepted: dict[str, Said]
    annotations: list[Said]
    rework: Counter[str]
    gold: dict[str, bytes]
    answers: list[Said]
    counted: list[Said]
    first_asked: list[list[Any]]
    under: list[tuple[set[int], list[Any]]]


def _counts(project_id: str, evidence: Evidence, gone: set[str]) -> _Counts:
    events = [one for one in evidence.said if one.metadata.project_id == project_id]
    units = {one.content.unit_id: one for one in events if one.kind == "unit_admitted"}
    marked = {unit_id: one.content.gold_label for unit_id, one in units.items() if one.content.HasField("gold_label")}
    gold = _judged_by(marked, events)
    sealed = {one.content.lot_id: one.content for one in events if one.kind == "lot_sealed"}
    accepted = {one.content.lot_id: one for one in events if one.kind == "lot_accepted"}
    annotations = _in_time([one for one in events if one.kind == "annotation_submitted"], sealed, accepted)
    rework = _reworks(events)
    answers = [one for one in annotations if one.content.unit_id in gold.keys() - gone]
    counted = [
        one
        for one in annotations
        if one.content.unit_id not in marked.keys() | gone
        and not one.content.late
        and one.content.rework == rework[one.content.unit_id]
    ]
    voices = _by_unit(_first_asked(counted, _asked(events, units, rework))).values()
    under = [({max(1, one.content.schema_version) for one in said}, _labels(said)) for said in voices]
    first_asked = [labels for _, labels in under]
    return _Counts(events, sealed, accepted, annotations, rework, gold, answers, counted, first_asked, under)


def _judged_by(marked: dict[str, bytes], events: list[Said]) -> dict[str, bytes]:
    """Return the known labels as last ruled, without those that are in doubt or retired."""
    found = dict(marked)
    words = [one for one in events if one.kind in ("gold_flagged", "gold_ruled")]
    for one in sorted(words, key=lambda word: word.content.revision):
        unit_id = one.content.unit_id
        if one.kind == "gold_flagged" or one.content.outcome == "retired":
            found.pop(unit_id, None)
        else:
            found[unit_id] = one.content.known_label
    return found


def _recounted(notebook: Notebook, project_id: str, evidence: Evidence, gone: set[str]) -> dict[str, Any]:
    counts = _counts(project_id, evidence, gone)
    events, answers, gold, accepted = counts.events, counts.answers, counts.gold, counts.accepted
    read = partial(notebook.read, project_id)
    rejected = [one.content for one in events if one.kind == "lot_rejected"]
    settled = Counter(kind for unit_id, kind in _settled(events, counts.rework).items() if unit_id not in gone)
    return {
        "annotations": len(counts.annotations),
        "annotations_counted": len(counts.counted),
        "gold_annotations": len(answers),
        "gold_correct": sum(_says(read, one.content.label, gold[one.content.unit_id]) for one in answers),
        "units_consensus": settled["consensus_reached"],
        "units_adjudicated": settled["adjudicated"],
        "units_escalated": settled["escalated"],
        "units_unanswerable": settled["ruled_unanswerable"],
        "lots": {
            "sealed": len(counts.sealed),
            "accepted": len(accepted),
            "rejections": len(rejected),
            "inspected": sum(one.content.inspected for one in accepted.values()),
            "errors": sum(one.content.errors for one in accepted.values()),
        },
        "alpha": alpha([[read(label) for label in labels] for labels in counts.first_asked]),
    }


def _asked(events: list[Said], units: dict[str, Said], rework: Counter[str]) -> dict[str, int]:
    """Return how many labels of each unit were asked for at first: as its resolution says, else as its admission."""
    asked = {unit_id: one.content.overlap_initial for unit_id, one in units.items()}
    settled = _settled(events, rework)
    for one in events:
        unit_id = getattr(one.content, "unit_id", "")
        if settled.get(unit_id) == one.kind and one.content.rework == rework[unit_id] and one.content.overlap_initial:
            asked[unit_id] = one.content.overlap_initial
    # On what has no right label nobody agrees or disagrees.
    return asked | {unit_id: 0 for unit_id, kind in settled.items() if kind == "ruled_unanswerable"}


def _first_asked(counted: list[Said], asked: dict[str, int]) -> list[Said]:
    """Return the labels that were asked for before any was looked at, of units that have all of them."""
    of_unit: dict[str, list[Said]] = defaultdict(list)
    for one in sorted(counted, key=lambda said: said.metadata.occurred_at_us):
        of_unit[one.content.unit_id].append(one)
    return [
        one
        for unit_id, each in of_unit.items()
        if 0 < asked.get(unit_id, 0) <= len(each)
        for one in each[: asked[unit_id]]
        if not one.content.by_model  # how people agree is told without models
    ]


def _in_time(submitted: list[Said], sealed: dict[str, Any], accepted: dict[str, Said]) -> list[Said]:
    until = {
        unit_id: accepted[lot_id].metadata.occurred_at_us + GRACE_US
        for lot_id, lot in sealed.items()
        if lot_id in accepted
        for unit_id in lot.unit_ids
    }
    return [one for one in submitted if one.metadata.occurred_at_us <= until.get(one.content.unit_id, 2**62)]


def _reworks(events: list[Said]) -> Counter[str]:
    """Return how often each unit was sent back, by whoever speaks of the latest."""
    found: Counter[str] = Counter()
    for one in events:
        if one.kind in ("annotation_submitted", "assignment_issued", *STANDING):
            found[one.content.unit_id] = max(found[one.content.unit_id], one.content.rework)
        elif one.kind == "lot_rejected" and one.content.on_reject == "relabel":
            for unit_id in one.content.unit_ids:
                found[unit_id] = max(found[unit_id], one.content.rework + 1)
    return found


def _settled(events: list[Said], rework: Counter[str]) -> dict[str, str]:
    """Return how each unit stands; a ruling prevails over an escalation."""
    found: dict[str, str] = {}
    for kind in STANDING:
        for one in events:
            if one.kind == kind and one.content.rework == rework[one.content.unit_id]:
                found[one.content.unit_id] = kind
    return found


def _says(read: Callable[[Any], Any], label: bytes, gold: bytes) -> bool:
    return says_same(read(json.loads(label)), read(json.loads(gold)))


def _labels(said: list[Said]) -> list[Any]:
    return [json.loads(one.content.label) for one in said]


def _by_unit(counted: list[Said]) -> dict[str, list[Said]]:
    """Return what counts by unit, one voice an annotator: what was submitted last."""
    voices: dict[str, dict[str, Said]] = defaultdict(dict)
    for one in sorted(counted, key=lambda each: (each.metadata.occurred_at_us, each.content.label)):
        voices[one.content.unit_id][one.content.annotator_id] = one
    return {unit_id: list(said.values()) for unit_id, said in voices.items()}
