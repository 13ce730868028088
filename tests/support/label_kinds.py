"""Of every kind of label a schema and labels that agree and disagree, and the policy by which they go the whole way."""

from dataclasses import dataclass

from concord.labels import Json

TEXT = "Ada saw Bern in May."
POLICY = {
    "overlap": {"initial": 2, "max": 3},
    "consensus": {"method": "majority", "confidence": 0.9},
    "gold": {"rate": 1.0},  # whoever gets a unit gets the gold first: a test waits for no draw
    "lot": {"size": 2},
    "audit": {"plan": "fraction", "fraction": 1.0, "on_reject": "inspect_all"},
}


@dataclass(frozen=True)
class Kind:
    """A schema, two labels that differ, and one that says the same as the first by the schema's tolerance."""

    schema: dict[str, Json]
    good: Json
    bad: Json
    near: Json


def box(left: float, right: float) -> Json:
    return {"boxes": [{"left": left, "top": 0, "right": right, "bottom": 9, "class": "car"}]}


def outline(*points: Json) -> Json:
    return {"polygons": [{"points": [*points], "class": "car"}]}


def span(start: int, end: int) -> Json:
    return {"spans": [{"start": start, "end": end, "class": "name"}]}


def form(severity: int | None, toxic: str = "yes") -> Json:
    """Answer a form of five fields, two of them asked only after an answer to another."""
    asked: dict[str, Json] = {} if severity is None else {"severity": severity}
    return {"answers": {"toxic": toxic, **asked, "names": span(0, 3), "subject": "van", "wheels": 4}}


TREE: list[Json] = [
    {"id": "animal"},
    {"id": "dog", "parent": "animal"},
    {"id": "cat", "parent": "animal"},
    {"id": "vehicle"},
    {"id": "van", "parent": "vehicle"},
]
FORM: list[Json] = [
    {"name": "toxic", "title": "Is it toxic?", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
    {
        "name": "severity",
        "schema": {"kind": "rating", "lowest": 1, "highest": 5, "tolerance": 1},
        "when": {"field": "toxic", "is": ["yes"]},
    },
    {"name": "names", "schema": {"kind": "spans", "classes": ["name"]}},
    {"name": "subject", "schema": {"kind": "taxonomy", "nodes": TREE}},
    {
        "name": "wheels",
        "schema": {"kind": "number", "low": 0, "high": 18},
        "when": {"field": "subject", "is": ["vehicle"]},
    },
]
FIELDS = ("toxic", "severity", "names", "subject", "wheels")
"""Of FORM; in one of them the labels that disagree do."""
SQUARE: list[Json] = [[0, 0], [9, 0], [9, 9], [0, 9]]
TRIANGLE: list[Json] = [[50, 50], [59, 50], [50, 59]]
SIDES: list[Json] = [{"prefer": side, "strength": 1} for side in "ab"]
OF_KIND = {
    "choice": Kind({"classes": ["yes", "no"]}, "yes", "no", "yes"),
    "choices": Kind({"classes": ["rude", "spam", "vague"]}, ["rude", "spam"], ["vague"], ["spam", "rude"]),
    "rating": Kind({"lowest": 1, "highest": 5, "tolerance": 1}, 4, 1, 5),
    "number": Kind({"low": 0, "high": 100}, 37.5, 80, 38),
    "preference": Kind({}, SIDES[0], SIDES[1], SIDES[0]),
    "ranking": Kind({"items": ["x", "y", "z"]}, ["x", "y", "z"], ["z", "y", "x"], ["x", "y", "z"]),
    "spans": Kind({"classes": ["name"], "tolerance": 0.5}, span(0, 3), span(8, 12), span(0, 4)),
    "boxes": Kind({"classes": ["car"]}, box(0, 9), box(50, 60), box(1, 9)),
    "polygons": Kind({"classes": ["car"]}, outline(*SQUARE), outline(*TRIANGLE), outline([1, 0], *SQUARE[1:])),
    "text": Kind({}, "the quick brown fox", "something else entirely", "the  quick brown fox "),
    "taxonomy": Kind({"nodes": TREE, "tolerance": 0.5}, "dog", "van", ["animal", "cat"]),
    "form": Kind({"fields": FORM}, form(4), form(1), form(5)),
}  # fmt: skip
