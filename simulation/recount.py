"""Every number of metrics, counted anew from the topics by the plainest means."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from simulation.evidence import Evidence, Said
from simulation.notebook import Notebook

GRACE_US = 60_000_000
"""What is submitted so long after its lot was accepted counts in no measure: metrics' stated rule."""
TOLERANCE = 1e-9


def measures_are_true(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """What metrics said of a project when all was settled is what a recount of the topics gives."""
    for project_id in sorted(notebook.projects):
        said = notebook.quality.get(project_id)
        if said is None:
            yield f"metrics said nothing of {project_id}"
            continue
        for name, value in _recounted(project_id, evidence).items():
            told = said[name]["value"] if isinstance(said[name], dict) and "value" in said[name] else said[name]
            if not _same(told, value):
                yield f"metrics said {name} of {project_id} is {told}, and a recount gives {value}"


def _same(told: Any, value: Any) -> bool:
    if isinstance(told, float) and isinstance(value, float):
        return abs(told - value) < TOLERANCE
    return bool(told == value)


def _recounted(project_id: str, evidence: Evidence) -> dict[str, Any]:
    events = [one for one in evidence.said if one.metadata.project_id == project_id]
    units = {one.content.unit_id: one for one in events if one.kind == "unit_admitted"}
    gold = {unit_id: one.content.gold_label for unit_id, one in units.items() if one.content.HasField("gold_label")}
    sealed = {one.content.lot_id: one.content for one in events if one.kind == "lot_sealed"}
    accepted = {one.content.lot_id: one for one in events if one.kind == "lot_accepted"}
    rejected = [one.content for one in events if one.kind == "lot_rejected"]
    annotations = _in_time([one for one in events if one.kind == "annotation_submitted"], sealed, accepted)
    rework = _reworks(events)
    answers = [one for one in annotations if one.content.unit_id in gold]
    counted = [
        one
        for one in annotations
        if one.content.unit_id not in gold
        and not one.content.late
        and one.content.rework == rework[one.content.unit_id]
    ]
    settled = Counter(_settled(events, rework).values())
    return {
        "annotations": len(annotations),
        "annotations_counted": len(counted),
        "gold_annotations": len(answers),
        "gold_correct": sum(one.content.label == gold[one.content.unit_id] for one in answers),
        "units_consensus": settled["consensus_reached"],
        "units_adjudicated": settled["adjudicated"],
        "units_escalated": settled["escalated"],
        "lots": {
            "sealed": len(sealed),
            "accepted": len(accepted),
            "rejections": len(rejected),
            "inspected": sum(one.content.inspected for one in accepted.values()),
            "errors": sum(one.content.errors for one in accepted.values()),
        },
        "alpha": nominal_alpha(counted),
    }


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
        if one.kind in ("annotation_submitted", "assignment_issued", "consensus_reached", "escalated", "adjudicated"):
            found[one.content.unit_id] = max(found[one.content.unit_id], one.content.rework)
        elif one.kind == "lot_rejected" and one.content.on_reject == "relabel":
            for unit_id in one.content.unit_ids:
                found[unit_id] = max(found[unit_id], one.content.rework + 1)
    return found


def _settled(events: list[Said], rework: Counter[str]) -> dict[str, str]:
    """Return how each unit stands; a ruling prevails over an escalation."""
    order = ("escalated", "consensus_reached", "adjudicated")
    found: dict[str, str] = {}
    for kind in order:
        for one in events:
            if one.kind == kind and one.content.rework == rework[one.content.unit_id]:
                found[one.content.unit_id] = kind
    return found


def nominal_alpha(counted: list[Said]) -> float | None:
    """Return Krippendorff's alpha for nominal labels, from the coincidences as in his 2011 note; None: undefined."""
    labels: dict[str, list[Any]] = defaultdict(list)
    for one in counted:
        labels[one.content.unit_id].append(json.loads(one.content.label))
    pairable = [each for each in labels.values() if len(each) > 1]
    totals = Counter(label for each in pairable for label in each)
    size = totals.total()
    expected = size * size - sum(count * count for count in totals.values())
    if not expected:
        return None
    observed = 0.0
    for each in pairable:
        times = Counter(each)
        disagreeing = len(each) ** 2 - sum(count * count for count in times.values())
        observed += disagreeing / (len(each) - 1)
    return 1 - (size - 1) * observed / expected
