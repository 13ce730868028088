"""Schemas and labels of every kind, drawn at random."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from concord.labels import KINDS, Json, LabelSchema, Vote, schema_from
from concord.labels.form import fields_of

few = settings(max_examples=15)
many = settings(max_examples=30)
every_kind = pytest.mark.parametrize("kind", sorted(KINDS))

class_lists = st.lists(st.sampled_from(["a", "b", "é", "好", "two words"]), min_size=2, unique=True)
shares = st.floats(0.5, 1.0)
weights = st.one_of(st.just(1.0), st.floats(1e-3, 1e3))
regions = {"iou_min": st.floats(0.05, 1.0), "quorum": shares}

specs: dict[str, st.SearchStrategy[Any]] = {
    "choice": st.fixed_dictionaries({"classes": class_lists}),
    "choices": st.fixed_dictionaries(
        {"classes": class_lists},
        optional={"metric": st.sampled_from(["masi", "jaccard"]), "quorum": shares, "count_max": st.just(2)},
    ),
    "rating": st.tuples(st.integers(-5, 5), st.integers(1, 9)).map(
        lambda ends: {"lowest": ends[0], "highest": ends[0] + ends[1]}
    ),
    "number": st.tuples(st.floats(-1e6, 1e6), st.floats(0.01, 1e6), st.sampled_from([None, 0, 0.001])).map(
        lambda ends: {"low": ends[0], "high": ends[0] + ends[1], "tolerance": ends[2]}
    ),
    "preference": st.fixed_dictionaries({}, optional={"strengths": st.integers(1, 4), "ties": st.booleans()}),
    "ranking": st.fixed_dictionaries({"items": st.sampled_from([list("xyz"), list("abcdefghijk")])}),
    "spans": st.fixed_dictionaries({"classes": class_lists}, optional={**regions, "overlapping": st.booleans()}),
    "boxes": st.fixed_dictionaries({"classes": class_lists}, optional=regions),
    "polygons": st.fixed_dictionaries({"classes": class_lists}, optional=regions),
    "text": st.fixed_dictionaries({}, optional={"characters_min": st.just(0), "distance_max": st.floats(0, 1)}),
}


@st.composite
def taxonomies(draw: st.DrawFn) -> dict[str, Any]:
    """Return a tree whose nodes each stand at the top or under one before; two at least have nothing under them."""
    nodes: list[dict[str, Any]] = [{"id": "top"}, {"id": "other", "title": "Other"}, {"id": "é", "parent": "top"}]
    for name in draw(st.lists(st.sampled_from(["好", "two words", "x", "y"]), unique=True)):
        nodes.append({"id": name, "parent": draw(st.sampled_from([None, *(node["id"] for node in nodes)]))})
    return {"nodes": nodes, "inner": draw(st.booleans())}


def _leaves(spec: Any) -> list[str]:
    parents = {node.get("parent") for node in spec["nodes"]}
    return [node["id"] for node in spec["nodes"] if spec["inner"] or node["id"] not in parents]


CLASSED = ("choice", "rating", "preference", "taxonomy")


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """Return a form of up to four fields of any plain kind, each asked always or after an answer to one before."""
    fields: list[dict[str, Any]] = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        kind = draw(st.sampled_from(sorted(set(specs) - {"form"})))
        schema = {"kind": kind, **draw(specs[kind])}
        required: bool = draw(st.booleans())
        field: dict[str, Any] = {"name": name, "schema": schema, "required": required}
        parents = [entry for entry in fields if entry["schema"]["kind"] in (*CLASSED, "choices", "boxes")]
        if draw(st.booleans()) and parents:
            parent = draw(st.sampled_from(parents))
            kind, spec = parent["schema"]["kind"], parent["schema"]
            if kind in CLASSED:
                answer = schema_from(spec).canonical(draw(labels[kind](spec)))
                field["when"] = {"field": parent["name"], "is": [answer]}
            else:
                field["when"] = {"field": parent["name"], "has": [draw(st.sampled_from(spec["classes"]))]}
        fields.append(field)
    return {"fields": fields}


def _is_asked(spec: Any, field: Any, answers: Any) -> bool:
    """Say whether answers ask a field: told anew, from the JSON alone."""
    if (when := field.get("when")) is None:
        return True
    if when["field"] not in answers:
        return False
    (parent,) = (entry["schema"] for entry in spec["fields"] if entry["name"] == when["field"])
    given_label: Any = schema_from(parent).canonical(answers[when["field"]])
    if "has" in when:
        held = [box["class"] for box in given_label["boxes"]] if parent["kind"] == "boxes" else given_label
        return bool(set(held) & set(when["has"]))
    if parent["kind"] == "taxonomy":
        above = {node["id"]: node.get("parent") for node in parent["nodes"]}
        while given_label is not None and given_label not in when["is"]:
            given_label = above[given_label]
        return given_label is not None
    return given_label in when["is"]


@st.composite
def form_labels(draw: st.DrawFn, spec: Any) -> dict[str, Any]:
    """Return answers to whatever fields they ask, some of those that need none left out."""
    answers: dict[str, Any] = {}
    for field in spec["fields"]:
        if _is_asked(spec, field, answers) and (field["required"] or draw(st.booleans())):
            answers[field["name"]] = draw(labels[field["schema"]["kind"]](field["schema"]))
    return {"answers": answers}


specs["taxonomy"], specs["form"] = taxonomies(), forms()

spans = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda at: {"start": at[0], "end": at[0] + at[1]})
boxes = st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.floats(0.5, 6), st.floats(0.5, 6)).map(
    lambda at: {"left": at[0], "top": at[1], "right": at[0] + at[2], "bottom": at[1] + at[3]}
)


@st.composite
def polygons(draw: st.DrawFn) -> dict[str, Any]:
    """Return a ring around a centre: its points stand at growing angles, so that it never meets itself."""
    x, y, corners = draw(st.integers(-3, 3)), draw(st.integers(-3, 3)), draw(st.integers(3, 7))
    radii = draw(st.lists(st.floats(1, 5), min_size=corners, max_size=corners))
    turns = [(2 * math.pi * corner / corners, radius) for corner, radius in enumerate(radii)]
    ring = [[x + radius * math.cos(turn), y + radius * math.sin(turn)] for turn, radius in turns]
    return {"points": ring[::-1] if draw(st.booleans()) else ring}


def _regions(shapes: st.SearchStrategy[Any], spec: Any, kind: str) -> st.SearchStrategy[Any]:
    apart = not spec.get("overlapping", True)
    classed = st.tuples(shapes, st.sampled_from(spec["classes"])).map(lambda pair: {**pair[0], "class": pair[1]})
    return st.lists(classed, max_size=1 if apart else 5, unique_by=repr).map(lambda drawn: {kind: drawn})


def _preferences(spec: Any) -> st.SearchStrategy[Any]:
    sides = st.tuples(st.sampled_from("ab"), st.integers(1, spec.get("strengths", 1)))
    given_sides = sides.map(lambda pair: {"prefer": pair[0], "strength": pair[1]})
    return given_sides | st.just({"prefer": "tie"}) if spec.get("ties", True) else given_sides


labels: dict[str, Callable[[Any], st.SearchStrategy[Any]]] = {
    "choice": lambda spec: st.sampled_from(spec["classes"]),
    "choices": lambda spec: st.lists(st.sampled_from(spec["classes"]), unique=True, max_size=2),
    "rating": lambda spec: st.integers(spec["lowest"], spec["highest"]),
    "number": lambda spec: st.floats(spec["low"], spec["high"]),
    "preference": _preferences,
    "ranking": lambda spec: st.permutations(spec["items"]),
    "spans": lambda spec: _regions(spans, spec, "spans"),
    "boxes": lambda spec: _regions(boxes, spec, "boxes"),
    "polygons": lambda spec: _regions(polygons(), spec, "polygons"),
    "text": lambda spec: st.text(st.sampled_from("abé\n\r 好"), min_size=1, max_size=8),
    "taxonomy": lambda spec: st.sampled_from(_leaves(spec)),
    "form": form_labels,
}


def kinds_in(schema: LabelSchema) -> set[str]:
    """Return the kinds of a schema's fields."""
    return {field.schema.kind for field in fields_of(schema)}


def drawn(data: st.DataObject, kind: str, count: int) -> tuple[LabelSchema, list[Json]]:
    """Return a schema of this kind and some canonical labels of it."""
    spec = data.draw(specs[kind])
    schema = schema_from({"kind": kind, **spec})
    return schema, [schema.canonical(data.draw(labels[kind](spec))) for _ in range(count)]


def drawn_votes(data: st.DataObject, kind: str, count: int) -> tuple[LabelSchema, list[Vote]]:
    """Return votes among which some agree: each takes one of two labels or has one of its own."""
    schema, given_labels = drawn(data, kind, 2 + count)
    picks = st.sampled_from([0, 0, 1, 2])
    return schema, [
        Vote(given_labels[place if (pick := data.draw(picks)) == 2 else pick], data.draw(weights))
        for place in range(2, 2 + count)
    ]
