"""What holds for every kind of label, on schemas and labels drawn at random."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.labels import ClassedSchema, Json, LabelFault, SchemaFault, Vote, decoded, encoded, schema_from
from tests.properties.concord.labels.drawn_labels import (
    CLASSED,
    drawn,
    drawn_votes,
    every_kind,
    few,
    kinds_in,
    many,
    specs,
    weights,
)

huge = st.builds(lambda: 10**5_000)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | huge | st.floats() | st.text(st.characters(), max_size=9),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["spans", "boxes", "polygons", "start", "end", "class", "points", "prefer", "strength"])
            | st.sampled_from(["answers", "a", "b", "c", "name", "schema", "kind", "when", "field", "is", "has", "id"])
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
    schema, [label] = drawn(data, kind, 1)
    assert encoded(schema.canonical(label)) == encoded(label)
    assert encoded(schema.canonical(decoded(encoded(label)))) == encoded(label)


@every_kind
@few
@given(data=st.data())
def test_a_spec_round_trips_through_bytes(kind: str, data: st.DataObject) -> None:
    schema, _ = drawn(data, kind, 0)
    again = schema_from(decoded(encoded(schema.spec())))
    assert again == schema
    assert again.spec() == schema.spec()


@every_kind
@few
@given(data=st.data())
def test_a_distance_is_a_symmetric_share_and_0_only_for_the_same(kind: str, data: st.DataObject) -> None:
    schema, [entry, other] = drawn(data, kind, 2)
    there, back = schema.distance(entry, other), schema.distance(other, entry)
    assert schema.distance(entry, entry) == schema.distance(other, other) == 0.0
    assert there == back
    assert 0.0 <= there <= 1.0
    if not kinds_in(schema) & {"number", "boxes", "polygons"}:  # there, two floats may differ by less than can show
        assert (there == 0.0) == (encoded(entry) == encoded(other))


@every_kind
@few
@given(data=st.data())
def test_unanimous_labels_merge_to_that_label_with_full_support(kind: str, data: st.DataObject) -> None:
    schema, [label] = drawn(data, kind, 1)
    merged = schema.merge([Vote(label, weight) for weight in data.draw(st.lists(weights, min_size=1, max_size=5))])
    assert merged.label is not None, merged.reason
    assert encoded(merged.label) == encoded(label)
    assert merged.support == pytest.approx(1.0)


@every_kind
@few
@given(data=st.data())
def test_the_order_of_votes_changes_nothing(kind: str, data: st.DataObject) -> None:
    schema, votes = drawn_votes(data, kind, 4)
    assert schema.merge(votes) == schema.merge(data.draw(st.permutations(votes)))


@every_kind
@few
@given(data=st.data())
def test_what_is_merged_is_canonical_and_its_parts_are_shares(kind: str, data: st.DataObject) -> None:
    schema, votes = drawn_votes(data, kind, 3)
    merged = schema.merge(votes)
    assert merged.reason
    least = 0.0 if kind == "form" else 0.5 - 1e-9
    assert all(least <= part <= 1.0 for part in merged.parts)
    if merged.label is not None:
        assert encoded(schema.canonical(merged.label)) == encoded(merged.label)


@every_kind
@few
@given(data=st.data())
def test_a_classed_schema_finds_every_label_among_its_classes(kind: str, data: st.DataObject) -> None:
    schema, [label] = drawn(data, kind, 1)
    assert isinstance(schema, ClassedSchema) == (kind in CLASSED)
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
    schema, _ = drawn(data, kind, 0)
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
        if isinstance(value, dict) and value and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(value)))
            return {**value, key: spoiled(value[key])}
        return data.draw(json_values)

    schema, [label] = drawn(data, kind, 1)
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
        "taxonomy": {"nodes": [{"id": "a"}, {"id": "b"}]},
        "form": {"fields": [{"name": "a", "schema": {"kind": "text"}}]},
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
