"""What clients wish for: projects, their policies at all corners, and units."""

import json
import random
from collections.abc import Sequence
from typing import Any

LABELS = ("no", "unsure", "yes")
NUMBER_HIGH = 100.0
TOLERANCE = 2.0
"""How far apart two numbers of the town's projects may be and say the same."""
PLACES = ("coast", "hills", "south")
FORM: dict[str, Any] = {
    "kind": "form",
    "fields": [
        {"name": "verdict", "schema": {"kind": "choice", "classes": list(LABELS)}},
        {
            "name": "grade",
            "schema": {"kind": "rating", "lowest": 1, "highest": 5},
            "when": {"field": "verdict", "is": ["unsure", "yes"]},
        },
        {
            "name": "place",
            "schema": {
                "kind": "taxonomy",
                "nodes": [
                    {"id": "north"},
                    {"id": "coast", "parent": "north"},
                    {"id": "hills", "parent": "north"},
                    {"id": "south"},
                ],
            },
            "required": False,
        },
    ],
}
"""A label schema of several fields: one is asked after an answer to another, one may be left out."""


def canonical(content: Any) -> str:
    """Return a content's text, the same for equal content."""
    return json.dumps(content, sort_keys=True)


def policy(draw: random.Random) -> dict[str, Any]:
    """Return a policy as clients begin with."""
    initial = draw.randint(1, 3)
    return {
        "overlap": {"initial": initial, "max": draw.randint(initial, 5)},
        "consensus": {
            "repeat_rulings": 0.5,
            "method": draw.choice(("posterior", "majority")),
            "confidence": draw.choice((0.55, 0.7, 0.95)),
        },
        "gold": {"rate": draw.choice((0.0, 0.1, 0.3))},
        "sampling": {"rate": draw.choice((1.0, 1.0, 0.8))},
        "lot": {"size": draw.randint(3, 12), "seal_after_seconds": draw.randint(5, 60)},
        "lease": {"seconds": draw.choice((0, 15, 40)), "renewals_max": 1},
        "dedupe": draw.choice(("content", "content", "content", "id")),
        "audit": {
            "plan": draw.choice(("sequential", "single", "fraction")),
            "fraction": 0.5,
            # By the second, lots are accepted in which errors were found.
            **draw.choice(({"aql": 0.1, "ltpd": 0.4}, {"aql": 0.3, "ltpd": 0.7})),
            "on_reject": draw.choice(("relabel", "inspect_all")),
            "repeat_inspections": 0.3,
        },
    }


LENIENT: dict[str, Any] = {
    "overlap": {"initial": 1, "max": 1},
    "lot": {"size": 12, "seal_after_seconds": 60},
    "audit": {
        "plan": "single",
        "aql": 0.3,
        "ltpd": 0.7,
        "on_reject": "inspect_all",
        "repeat_inspections": 0.3,
    },
}
"""Of a policy under which one label is enough, and large lots are accepted in which auditors find errors."""


def changed(before: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return a policy with one part of it otherwise, at a corner as often as not; what units are is not touched."""
    initial = draw.choice((1, 2, 3, 5))
    raised = min(5, before["overlap"]["initial"] + draw.randint(1, 2))
    change: dict[str, Any] = draw.choice(
        (
            {"overlap": {"initial": initial, "max": draw.choice((initial, 5))}},
            # More than was asked for, of units that have some of their labels.
            {"overlap": {"initial": raised, "max": 5}},
            {"overlap": {"initial": raised, "max": 5}},
            {"consensus": {**before["consensus"], "confidence": draw.choice((0.5, 1.0))}},
            {"gold": {**before["gold"], "rate": draw.choice((0.0, 1.0))}},
            {"lot": {"size": draw.choice((1, 5_000)), "seal_after_seconds": draw.choice((1, 30))}},
            {"lease": {"seconds": draw.choice((5, 7 * 86_400)), "renewals_max": draw.choice((0, 100))}},
            {"audit": {**before["audit"], "rejections_max": draw.choice((0, 10)), "on_reject": "relabel"}},
            {"audit": {**before["audit"], "plan": "fraction", "fraction": draw.choice((0.001, 1.0))}},
            {"audit": {**before["audit"], "plan": "sequential", "aql": 0.0001, "ltpd": draw.choice((0.2, 0.99))}},
        )
    )
    return {**before, **change}


CONDUCT: dict[str, Any] = {
    "pace": {"floor_seconds": 0.25, "hasty": 3, "last": 4, "then": "pause"},
    "skips": {"in_a_row": 3, "then": "break", "break_seconds": 30},
}
"""Of a policy that lets nobody click through units, or skip one after another."""


def models(draw: random.Random) -> dict[str, Any]:
    """Return what models are to a project, for its whole life."""
    return draw.choice(({"counted": "never"}, {"counted": "in_overlap", "humans_min": draw.choice((0, 1))}))


def schema(draw: random.Random) -> dict[str, Any]:
    """Return a label schema: classes mostly, now and then a number, or several fields."""
    kind = draw.random()
    if kind < 0.25:
        return {"kind": "number", "low": 0, "high": NUMBER_HIGH, "tolerance": TOLERANCE}
    if kind < 0.45:
        return FORM
    return {"kind": "choice", "classes": list(LABELS[:: draw.choice((1, 2))])}


def truth(draw: random.Random, label_schema: dict[str, Any]) -> Any:
    """Return a true label; classes are not equally frequent."""
    if label_schema["kind"] == "number":
        return round(draw.uniform(10.0, 90.0), 1)
    if label_schema["kind"] == "form":
        verdict = draw.choices(LABELS, weights=(1, 2, 3))[0]
        return form_label(verdict, draw.randint(1, 5), draw.choice((None, *PLACES)))
    classes = label_schema["classes"]
    return draw.choices(classes, weights=range(1, len(classes) + 1))[0]


def form_label(verdict: str, grade: int, place: str | None) -> dict[str, Any]:
    """Return answers to the fields of FORM that are asked."""
    answers: dict[str, Any] = {"verdict": verdict}
    if verdict != "no":
        answers["grade"] = grade
    if place is not None:
        answers["place"] = place
    return {"answers": answers}


def right_label(draw: random.Random, true: Any) -> Any:
    """Return what somebody says who sees the truth."""
    return true if isinstance(true, str | dict) else round(true + draw.uniform(-0.4, 0.4) * TOLERANCE, 2)


def wrong_label(draw: random.Random, true: Any, label_schema: dict[str, Any]) -> Any:
    """Return what somebody says who does not."""
    if label_schema["kind"] == "number":
        return round((true + draw.uniform(20.0, 50.0)) % NUMBER_HIGH, 2)
    if label_schema["kind"] == "form":
        return draw.choice([entry for entry in _near(true["answers"]) if entry != true])
    return draw.choice([class_name for class_name in label_schema["classes"] if class_name != true])


def _near(true: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the labels of FORM that differ in one answer, and in what hangs on it."""
    verdict, grade, place = true["verdict"], true.get("grade", 1), true.get("place")
    return [
        *(form_label(other, grade, place) for other in LABELS),
        *(form_label(verdict, other, place) for other in range(1, 6)),
        *(form_label(verdict, grade, other) for other in (None, *PLACES)),
    ]


def another_label(label: Any) -> Any:
    """Return a label of several fields, or a number, that says something else."""
    if isinstance(label, dict):
        return form_label("yes" if label["answers"]["verdict"] == "no" else "no", 1, None)
    return NUMBER_HIGH - label


def says_same(entry: Any, other: Any) -> bool:
    """Return whether two labels of the town say the same."""
    if isinstance(entry, str | dict) or isinstance(other, str | dict):
        return bool(entry == other)
    return bool(abs(entry - other) <= TOLERANCE + 1e-9)


def unit(
    draw: random.Random, source_id: str, text: str, true: Any, annotators: Sequence[str], *, plain: bool = False
) -> dict[str, Any]:
    """Return a unit as it is sent; a plain one is for everybody and no gold."""
    content: Any = text if draw.random() < 0.5 else {"premise": text, "hypothesis": [1, text]}
    sent: dict[str, Any] = {"id": source_id, "content": content}
    if plain:
        return sent
    if draw.random() < 0.15:
        sent["gold"] = true
    if draw.random() < 0.1:
        sent["annotators"] = draw.sample(list(annotators), len(annotators))
    elif draw.random() < 0.1:
        sent["skills"] = ["law"]
    if draw.random() < 0.2:
        sent["priority"] = draw.randint(-5, 5)
    return sent
