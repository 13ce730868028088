"""What holds for every kind of label, on schemas and labels drawn at random."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concord.labels import (
    KINDS,
    ClassedSchema,
    Json,
    LabelFault,
    LabelSchema,
    SchemaFault,
    Vote,
    decoded,
    encoded,
    schema_from,
)

few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
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
}


def _drawn(data: st.DataObject, kind: str, count: int) -> tuple[LabelSchema, list[Json]]:
    spec = data.draw(specs[kind])
    schema = schema_from({"kind": kind, **spec})
    return schema, [schema.canonical(data.draw(labels[kind](spec))) for _ in range(count)]


def _votes(data: st.DataObject, kind: str, count: int) -> tuple[LabelSchema, list[Vote]]:
    """Return votes among which some agree: each takes one of two labels or has one of its own."""
    schema, given_labels = _drawn(data, kind, 2 + count)
    picks = st.sampled_from([0, 0, 1, 2])
    return schema, [
        Vote(given_labels[place if (pick := data.draw(picks)) == 2 else pick], data.draw(weights))
        for place in range(2, 2 + count)
    ]


huge = st.builds(lambda: 10**5_000)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | huge | st.floats() | st.text(st.characters(), max_size=9),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["spans", "boxes", "polygons", "start", "end", "class", "points", "prefer", "strength"])
            | st.text(st.characters(), max_size=5),
            children,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def _deep(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


@every_kind
@few
@given(data=st.data())
def test_a_canonical_label_is_its_own_canonical_form_and_survives_encoding(kind: str, data: st.DataObject) -> None:
    schema, [label] = _drawn(data, kind, 1)
    assert encoded(schema.canonical(label)) == encoded(label)
    assert encoded(schema.canonical(decoded(encoded(label)))) == encoded(label)


@every_kind
@few
@given(data=st.data())
def test_a_spec_round_trips_through_bytes(kind: str, data: st.DataObject) -> None:
    schema, _ = _drawn(data, kind, 0)
    again = schema_from(decoded(encoded(schema.spec())))
    assert again == schema
    assert again.spec() == schema.spec()


@every_kind
@few
@given(data=st.data())
def test_a_distance_is_a_symmetric_share_and_0_only_for_the_same(kind: str, data: st.DataObject) -> None:
    schema, [one, other] = _drawn(data, kind, 2)
    there, back = schema.distance(one, other), schema.distance(other, one)
    assert schema.distance(one, one) == schema.distance(other, other) == 0.0
    assert there == back
    assert 0.0 <= there <= 1.0
    if kind not in {"number", "boxes", "polygons"}:  # there, two floats may differ by less than can show
        assert (there == 0.0) == (encoded(one) == encoded(other))


@every_kind
@few
@given(data=st.data())
def test_unanimous_labels_merge_to_that_label_with_full_support(kind: str, data: st.DataObject) -> None:
    schema, [label] = _drawn(data, kind, 1)
    merged = schema.merge([Vote(label, weight) for weight in data.draw(st.lists(weights, min_size=1, max_size=5))])
    assert merged.label is not None, merged.reason
    assert encoded(merged.label) == encoded(label)
    assert merged.support == pytest.approx(1.0)


@every_kind
@few
@given(data=st.data())
def test_the_order_of_votes_changes_nothing(kind: str, data: st.DataObject) -> None:
    schema, votes = _votes(data, kind, 4)
    assert schema.merge(votes) == schema.merge(data.draw(st.permutations(votes)))


@every_kind
@few
@given(data=st.data())
def test_what_is_merged_is_canonical_and_its_parts_are_shares(kind: str, data: st.DataObject) -> None:
    schema, votes = _votes(data, kind, 3)
    merged = schema.merge(votes)
    assert merged.reason
    assert all(0.5 - 1e-9 <= part <= 1.0 for part in merged.parts)
    if merged.label is not None:
        assert encoded(schema.canonical(merged.label)) == encoded(merged.label)


@every_kind
@few
@given(data=st.data())
def test_a_classed_schema_finds_every_label_among_its_classes(kind: str, data: st.DataObject) -> None:
    schema, [label] = _drawn(data, kind, 1)
    assert isinstance(schema, ClassedSchema) == (kind in {"choice", "rating", "preference"})
    if isinstance(schema, ClassedSchema):
        assert schema.classes[schema.index(label)] == label


def _check_refusal(fault: LabelFault | SchemaFault) -> None:
    assert fault.path.startswith("$")
    assert fault.problem
    assert fault.cure
    str(fault).encode()


@every_kind
@many
@given(data=st.data(), value=json_values)
def test_any_json_is_taken_or_refused_with_a_path_and_a_cure(kind: str, data: st.DataObject, value: Json) -> None:
    schema, _ = _drawn(data, kind, 0)
    try:
        encoded(schema.canonical(value))
    except LabelFault as fault:
        _check_refusal(fault)


@every_kind
@many
@given(data=st.data())
def test_a_label_spoiled_anywhere_is_taken_or_refused_with_a_path(kind: str, data: st.DataObject) -> None:
    def spoiled(value: Any) -> Any:
        if isinstance(value, list) and value and data.draw(st.booleans()):
            place = data.draw(st.integers(0, len(value) - 1))
            return [*value[:place], spoiled(value[place]), *value[place + 1 :]]
        if isinstance(value, dict) and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(value)))
            return {**value, key: spoiled(value[key])}
        return data.draw(json_values)

    schema, [label] = _drawn(data, kind, 1)
    try:
        taken = schema.canonical(spoiled(label))
    except LabelFault as fault:
        _check_refusal(fault)
    else:
        assert encoded(schema.canonical(taken)) == encoded(taken)


@every_kind
@many
@given(data=st.data())
def test_a_spec_spoiled_anywhere_is_taken_or_refused_with_a_path(kind: str, data: st.DataObject) -> None:
    spec = {"kind": kind, **data.draw(specs[kind])}
    key = data.draw(st.sampled_from(sorted(spec)) | st.text(max_size=3))
    try:
        schema = schema_from({**spec, key: data.draw(json_values)})
    except SchemaFault as fault:
        _check_refusal(fault)
    else:
        assert schema_from(schema.spec()) == schema


@every_kind
@pytest.mark.parametrize(
    "wrong", [_deep(10_000), {"spans": _deep(10_000)}, math.nan, -math.inf, 10**5_000, "\ud800", "x" * 10**6], ids=type
)
def test_hostile_values_are_refused_by_every_kind(kind: str, wrong: Json) -> None:
    least: dict[str, dict[str, Json]] = {
        "choice": {"classes": ["a", "b"]},
        "choices": {"classes": ["a", "b"]},
        "rating": {"lowest": 1, "highest": 5},
        "number": {"low": 0, "high": 1},
        "ranking": {"items": ["a", "b"]},
        "spans": {"classes": ["a"]},
        "boxes": {"classes": ["a"]},
        "polygons": {"classes": ["a"]},
    }
    schema = schema_from({"kind": kind, **least.get(kind, {})})
    with pytest.raises(LabelFault):
        schema.canonical(wrong)


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        label = decoded(data)
    except LabelFault:
        return
    assert decoded(encoded(label)) == label
