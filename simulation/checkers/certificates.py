"""What certificates say, counted anew from the events by the plainest means."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from simulation.checkers.agreement import alpha
from simulation.checkers.judgements import Judgement, judgements
from simulation.checkers.leaving import RESOLVING
from simulation.checkers.plans import Plan, chance_of_acceptance, most_wrong_when_clean
from simulation.evidence import Evidence, Said
from simulation.notebook import Notebook
from simulation.wishes import says_same

TOLERANCE = 1e-9
RISK = 0.025
"""Of a claim's upper end; that samples share it only widens what is claimed."""


def certificates_say_what_was(notebook: Notebook, evidence: Evidence) -> Iterator[str]:
    """Every number of a certificate is what the events come to."""
    accepted = {one.before["lot_id"]: one for one in judgements(notebook, evidence) if one.accepted}
    resolved: dict[tuple[str, int], Said] = {
        (one.content.unit_id, one.content.rework): one for kind in RESOLVING for one in evidence.events(kind)
    }
    for lot_id, _, certificate, _ in notebook.exported:
        if lot_id not in accepted:
            continue
        document = json.loads(certificate)
        (said,) = document["lots"]
        one = accepted[lot_id]
        yield from _counted_once(document["project"], document["project_id"], accepted.values())
        for name, value in _recounted(notebook, one, resolved, said).items():
            told = said["agreement"]["value"] if name == "agreement" else said[name]
            if not _same(told, value):
                yield f"the certificate of lot {lot_id} says {name} is {told}, and a recount gives {value}"
        erased = {one.before["unit_ids"][place] for place in one.after.get("withdrawn", ())}
        if erased - notebook.erased:
            yield f"lot {lot_id} leaves out units that nobody erased: {sorted(erased - notebook.erased)[:3]}"
        yield from _rate_is_sound(said, one)
        yield from _fields_are_true(said, one)
        yield from _repeats_are_true(notebook, said, one, evidence)


def _fields_are_true(said: dict[str, Any], one: Judgement) -> Iterator[str]:
    """What was found in each field is what the verdicts say of it, up to the point of the judgement."""
    found = [one.fields[unit_id] for unit_id in said["sample"]]
    told = {event.field: (event.inspected, event.errors) for event in one.told.content.fields}
    for name in {*said.get("fields", {}), *told, *(name for each in found for name in each)}:
        claim = said.get("fields", {}).get(name, {"inspected": 0, "errors_found": 0})
        counts = claim["inspected"], claim["errors_found"]
        recount = sum(name in each for each in found), sum(not each.get(name, True) for each in found)
        if counts != recount or told.get(name, (0, 0)) != recount:
            yield f"lot {said['lot_id']} says {counts} of the field {name}, its event {told}; a recount gives {recount}"


def _repeats_are_true(notebook: Notebook, said: dict[str, Any], one: Judgement, evidence: Evidence) -> Iterator[str]:
    """What second auditors said is counted as they said it, all that was found wrong is repeated, and it widens."""
    lot, rework, project_id = said["lot_id"], said["rework"], one.before["project_id"]
    again = {
        told.content.unit_id: told.content
        for told in evidence.events("inspection_repeated")
        if told.content.lot_id == lot and told.content.rework == rework and told.content.unit_id in one.verdicts
    }
    claim = said.get("repeats", {})
    counts = {
        "repeated": len(again),
        "found_wrong": sum(not told.first_correct for told in again.values()),
        "confirmed": sum(
            says_same(*(notebook.read(project_id, json.loads(each)) for each in (told.first_label, told.label)))
            for told in again.values()
            if not told.first_correct
        ),
        "overturned": sum(told.first_correct and not told.correct for told in again.values()),
    }
    if counts != {name: claim.get(name, 0) for name in counts}:
        yield f"the certificate of lot {lot} says {claim} of repeats, and a recount gives {counts}"
    if missing := [unit_id for unit_id in said["sample"] if not one.verdicts[unit_id] and unit_id not in again]:
        yield f"lot {lot} was accepted, and nobody repeated the inspections that found {missing[:3]} wrong"
    if not claim:
        return
    rate, word = said["label_error_rate"], claim["label_error_rate_by_their_word"]
    bounds = [rate["low"], word["low"], word["high"], rate["high"]]
    if bounds.count(None) == len(bounds):
        return  # nothing of it leaves
    if None in bounds or bounds != sorted(bounds) or word["high"] == rate["high"] < 1:
        yield f"lot {lot} is certified with {rate}, as if auditors did not err: by their word it is {word}"


def _same(told: Any, value: Any) -> bool:
    if isinstance(told, int | float) and isinstance(value, float):  # canonical JSON has 0 for 0.0
        return abs(told - value) < TOLERANCE
    return bool(told == value)


def _risk(plan: Plan, samples: int, told: float | None) -> float | None:
    """Return the consumer's risk of so many samples; of a table's plan, after a rejection, what is told if it suffices.

    The samples before may have been of another severity, by which more lots pass.
    """
    if plan.kind == "fraction":
        return None
    if plan.kind in ("sequential", "single"):
        return min(1.0, samples * plan.beta)
    least = min(1.0, samples * chance_of_acceptance(plan, plan.errors_bad))
    return told if samples > 1 and told is not None and told >= least - TOLERANCE else least


def _counted_once(said: dict[str, Any], project_id: str, accepted: Iterable[Judgement]) -> Iterator[str]:
    """No lot is twice in the rate of all that left, and none that did not leave is in it."""
    left = [one for one in accepted if one.before["project_id"] == project_id]
    if not 1 <= said["lots"] <= len(left):
        yield f"a certificate counts {said['lots']} lots of project {project_id} that left, and {len(left)} did"


def _recounted(
    notebook: Notebook, one: Judgement, resolved: dict[tuple[str, int], Said], said: dict[str, Any]
) -> dict[str, Any]:
    _, inspected, errors = one.recounted()
    rework, rejections = one.before.get("rework", 0), one.before.get("rejections", 0)
    withdrawn, unanswerable = set(one.after.get("withdrawn", ())), one.after.get("unanswerable", ())
    gone = {*withdrawn, *unanswerable}
    members = [unit_id for place, unit_id in enumerate(one.before["unit_ids"]) if place not in gone]
    behind = [resolved[unit_id, rework].content for unit_id in members if (unit_id, rework) in resolved]
    pieces = [piece for content in behind for piece in content.evidence]
    read = partial(notebook.read, one.before["project_id"], version=one.after.get("schema_version", 1))
    asked = [one.evidence[: one.overlap_initial] for one in behind if len(one.evidence) >= one.overlap_initial]
    whole = [[read(json.loads(piece.label)) for piece in first if not piece.by_model] for first in asked]
    plan = one.before.get("plan")
    risk = None if plan is None else _risk(Plan.of(plan), rejections + 1, said["consumers_risk"])
    return {
        "units": len(members),
        "withdrawn": len(withdrawn),
        "unanswerable": len(unanswerable),
        "unanswerable_units": [one.before["unit_ids"][place] for place in unanswerable],
        "rework": rework,
        "rejections": rejections,
        "sample": one.order[:inspected],
        "inspected": inspected,
        "errors_found": errors,
        "errors_corrected": sum(not right for right in one.verdicts.values()),
        "inspected_whole": inspected == len(members),
        "consumers_risk": 0.0 if inspected == len(members) else risk,
        "annotators": len({piece.annotator_id for piece in pieces}),
        "annotations": len(pieces),
        "guideline_versions": sorted({piece.guideline_version for piece in pieces}),
        "schema_versions": sorted({max(1, one.schema_version) for one in (*behind, *pieces)}),
        "agreement": alpha(whole),
    }


def _rate_is_sound(said: dict[str, Any], one: Judgement) -> Iterator[str]:
    """The rate of what leaves is that of the sample less what was put right, in an interval that is not too narrow."""
    rate, lot = said["label_error_rate"], said["lot_id"]
    told = [one.told.content.label_error_rate, one.told.content.label_error_rate_low]
    told.append(one.told.content.label_error_rate_high)
    if any(
        abs((rate[name] or 0.0) - value) > TOLERANCE for name, value in zip(("value", "low", "high"), told, strict=True)
    ):
        yield f"lot {lot} is told with the label error rate {told}, and its certificate says {rate}"
    _, inspected, errors = one.recounted()
    units = said["units"]
    if not inspected:
        return
    value = max(0.0, errors / inspected - errors / units)
    if rate["value"] is None or abs(rate["value"] - value) > TOLERANCE or not rate["low"] <= value <= rate["high"]:
        yield f"the certificate of lot {lot} says the label error rate is {rate}, and a recount gives {value}"
    if not errors and round(rate["high"] * units) < most_wrong_when_clean(units, inspected, RISK):
        most = most_wrong_when_clean(units, inspected, RISK)
        yield f"the certificate of lot {lot} says at most {rate['high']:.3f} is wrong; {most} of {units} may be"
