"""What certificates say, counted anew from the events by the plainest means."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from simulation.checkers.agreement import alpha
from simulation.checkers.judgements import Judgement, judgements
from simulation.checkers.leaving import RESOLVING
from simulation.checkers.plans import Plan, chance_of_acceptance, most_wrong_when_clean
from simulation.evidence import Evidence, RecordedEvent
from simulation.notebook import Notebook
from simulation.wishes import says_same

TOLERANCE = 1e-9
RISK = 0.025
"""Of a claim's upper end; that samples share it only widens what is claimed."""


def certificates_say_what_was(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every number of a certificate is what the events come to."""
    accepted = {
        judgement.before["lot_id"]: judgement for judgement in judgements(notebook, evidence) if judgement.accepted
    }
    resolved: dict[tuple[str, int], RecordedEvent] = {
        (event.content.unit_id, event.content.rework): event for kind in RESOLVING for event in evidence.events(kind)
    }
    for lot_id, _, certificate, _ in notebook.exported:
        if lot_id not in accepted:
            continue
        document = json.loads(certificate)
        (entry,) = document["lots"]
        judgement = accepted[lot_id]
        yield from _counted_once(document["project"], document["project_id"], accepted.values())
        for name, value in _recounted(notebook, judgement, resolved, entry).items():
            claim = entry["agreement"]["value"] if name == "agreement" else entry.get(name, 0)
            if not _same(claim, value):
                yield f"the certificate of lot {lot_id} says {name} is {claim}, and a recount gives {value}"
        erased = {judgement.before["unit_ids"][place] for place in judgement.after.get("withdrawn", ())}
        if erased - notebook.erased:
            yield f"lot {lot_id} leaves out units that nobody erased: {sorted(erased - notebook.erased)[:3]}"
        yield from _rate_is_sound(entry, judgement)
        yield from _fields_are_true(entry, judgement)
        yield from _repeats_are_true(notebook, entry, judgement, evidence)


def _fields_are_true(lot: dict[str, Any], judgement: Judgement) -> Iterator[str]:
    """What was found in each field is what the verdicts say of it, up to the point of the judgement."""
    found = [judgement.fields[unit_id] for unit_id in lot["sample"]]
    inspected = {event.field: (event.inspected, event.errors) for event in judgement.told.content.fields}
    for name in {*lot.get("fields", {}), *inspected, *(name for each in found for name in each)}:
        claim = lot.get("fields", {}).get(name, {"inspected": 0, "errors_found": 0})
        counts = claim["inspected"], claim["errors_found"]
        recount = sum(name in each for each in found), sum(not each.get(name, True) for each in found)
        if counts != recount or inspected.get(name, (0, 0)) != recount:
            where = f"lot {lot['lot_id']} says {counts} of the field {name}, its event {inspected}"
            yield f"{where}; a recount gives {recount}"


def _repeats_are_true(
    notebook: Notebook, entry: dict[str, Any], judgement: Judgement, evidence: Evidence
) -> Iterator[str]:
    """What second auditors said is counted as they said it, all that was found wrong is repeated, and it widens."""
    lot, rework, project_id = entry["lot_id"], entry["rework"], judgement.before["project_id"]
    again = {
        event.content.unit_id: event.content
        for event in evidence.events("inspection_repeated")
        if event.content.lot_id == lot
        and event.content.rework == rework
        and event.content.unit_id in judgement.verdicts
    }
    claim = entry.get("repeats", {})
    counts = {
        "repeated": len(again),
        "found_wrong": sum(not row.first_correct for row in again.values()),
        "confirmed": sum(
            says_same(*(notebook.read(project_id, json.loads(each)) for each in (row.first_label, row.label)))
            for row in again.values()
            if not row.first_correct
        ),
        "overturned": sum(row.first_correct and not row.correct for row in again.values()),
    }
    if counts != {name: claim.get(name, 0) for name in counts}:
        yield f"the certificate of lot {lot} says {claim} of repeats, and a recount gives {counts}"
    if missing := [unit_id for unit_id in entry["sample"] if not judgement.verdicts[unit_id] and unit_id not in again]:
        yield f"lot {lot} was accepted, and nobody repeated the inspections that found {missing[:3]} wrong"
    if not claim:
        return
    rate, word = entry["label_error_rate"], claim["label_error_rate_by_their_word"]
    bounds = [rate["low"], word["low"], word["high"], rate["high"]]
    if bounds.count(None) == len(bounds):
        return  # nothing of it leaves
    if None in bounds or bounds != sorted(bounds) or word["high"] == rate["high"] < 1:
        yield f"lot {lot} is certified with {rate}, as if auditors did not err: by their word it is {word}"


def _same(entry: Any, value: Any) -> bool:
    if isinstance(entry, int | float) and isinstance(value, float):  # canonical JSON has 0 for 0.0
        return abs(entry - value) < TOLERANCE
    return bool(entry == value)


def _risk(plan: Plan, samples: int, risk: float | None) -> float | None:
    """Return the consumer's risk of so many samples; of a table's plan, after a rejection, what is told if it suffices.

    The samples before may have been of another severity, by which more lots pass.
    """
    if plan.kind == "fraction":
        return None
    if plan.kind in ("sequential", "single"):
        return min(1.0, samples * plan.beta)
    least = min(1.0, samples * chance_of_acceptance(plan, plan.errors_bad))
    return risk if samples > 1 and risk is not None and risk >= least - TOLERANCE else least


def _counted_once(entry: dict[str, Any], project_id: str, accepted: Iterable[Judgement]) -> Iterator[str]:
    """No lot is twice in the rate of all that left, and none that did not leave is in it."""
    left = [judgement for judgement in accepted if judgement.before["project_id"] == project_id]
    if not 1 <= entry["lots"] <= len(left):
        yield f"a certificate counts {entry['lots']} lots of project {project_id} that left, and {len(left)} did"


def _recounted(
    notebook: Notebook, judgement: Judgement, resolved: dict[tuple[str, int], RecordedEvent], entry: dict[str, Any]
) -> dict[str, Any]:
    _, inspected, errors = judgement.recounted()
    rework, rejections = judgement.before.get("rework", 0), judgement.before.get("rejections", 0)
    withdrawn, unanswerable = set(judgement.after.get("withdrawn", ())), judgement.after.get("unanswerable", ())
    gone = {*withdrawn, *unanswerable}
    members = [unit_id for place, unit_id in enumerate(judgement.before["unit_ids"]) if place not in gone]
    behind = [resolved[unit_id, rework].content for unit_id in members if (unit_id, rework) in resolved]
    pieces = [piece for content in behind for piece in content.evidence]
    read = partial(notebook.read, judgement.before["project_id"], version=judgement.after.get("schema_version", 1))
    # Of what an adjudicator set aside the first, which were given unseen, and else what the label rests on.
    unseen = [([each for each in row.set_aside if not each.referral] or row.evidence, row) for row in behind]
    asked = [given[: row.overlap_initial] for given, row in unseen if len(given) >= row.overlap_initial]
    whole = [[read(json.loads(piece.label)) for piece in first if not piece.by_model] for first in asked]
    plan = judgement.before.get("plan")
    risk = None if plan is None else _risk(Plan.of(plan), rejections + 1, entry["consumers_risk"])
    return {
        "units": len(members),
        "withdrawn": len(withdrawn),
        "unanswerable": len(unanswerable),
        "unanswerable_units": [judgement.before["unit_ids"][place] for place in unanswerable],
        "rework": rework,
        "rejections": rejections,
        "sample": judgement.order[:inspected],
        "inspected": inspected,
        "errors_found": errors,
        "errors_corrected": sum(not right for right in judgement.verdicts.values()),
        "inspected_whole": inspected == len(members),
        "consumers_risk": 0.0 if inspected == len(members) else risk,
        "annotators": len({piece.annotator_id for piece in pieces}),
        "annotations": len(pieces),
        "guideline_versions": sorted({piece.guideline_version for piece in pieces}),
        "schema_versions": sorted({max(1, row.schema_version) for row in (*behind, *pieces)}),
        "agreement": alpha(whole),
        "units_referred_back": sum(bool(row.set_aside) for row in behind),
        "annotations_set_aside": sum(len(row.set_aside) for row in behind),
    }


def _rate_is_sound(entry: dict[str, Any], judgement: Judgement) -> Iterator[str]:
    """The rate of what leaves is that of the sample less what was put right, in an interval that is not too narrow."""
    rate, lot = entry["label_error_rate"], entry["lot_id"]
    rates = [judgement.told.content.label_error_rate, judgement.told.content.label_error_rate_low]
    rates.append(judgement.told.content.label_error_rate_high)
    if any(
        abs((rate[name] or 0.0) - value) > TOLERANCE
        for name, value in zip(("value", "low", "high"), rates, strict=True)
    ):
        yield f"lot {lot} is told with the label error rate {rates}, and its certificate says {rate}"
    _, inspected, errors = judgement.recounted()
    units = entry["units"]
    if not inspected:
        return
    value = max(0.0, errors / inspected - errors / units)
    if rate["value"] is None or abs(rate["value"] - value) > TOLERANCE or not rate["low"] <= value <= rate["high"]:
        yield f"the certificate of lot {lot} says the label error rate is {rate}, and a recount gives {value}"
    if not errors and round(rate["high"] * units) < most_wrong_when_clean(units, inspected, RISK):
        most = most_wrong_when_clean(units, inspected, RISK)
        yield f"the certificate of lot {lot} says at most {rate['high']:.3f} is wrong; {most} of {units} may be"
