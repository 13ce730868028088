"""What it is for two labels to say the same, whatever their kind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.labels import Json, SchemaFault, encoded, schema_from
from tests.properties.concord.labels.drawn_labels import drawn, every_kind, kinds_in, many

ENDS: dict[str, tuple[dict[str, Json], float, float, float]] = {
    "rating": ({"lowest": 1, "highest": 5}, 0, 3, 1),
    "number": ({"low": 0, "high": 100}, 0.0, 100.0, 1e-9),
    "preference": ({"strengths": 3}, 0, 2, 1),
    "ranking": ({"items": ["x", "y", "z"]}, 0.0, 0.5, 1e-9),
    "spans": ({"classes": ["a"]}, 0.0, 0.99, 1e-9),
    "boxes": ({"classes": ["a"]}, 0.0, 0.99, 1e-9),
    "polygons": ({"classes": ["a"]}, 0.0, 0.99, 1e-9),
    "text": ({}, 0.0, 0.5, 1e-9),
    "taxonomy": ({"nodes": [{"id": "a"}, {"id": "b"}]}, 0.0, 0.5, 1e-9),
}
"""Of each kind that declares a tolerance: the rest of a spec, the least and the greatest tolerance, a step beyond."""


@every_kind
@many
@given(data=st.data())
def test_sameness_is_reflexive_and_symmetric(kind: str, data: st.DataObject) -> None:
    schema, [entry, other] = drawn(data, kind, 2)
    assert schema.says_same(entry, entry)
    assert schema.says_same(entry, other) == schema.says_same(other, entry)


@every_kind
@many
@given(data=st.data())
def test_without_a_tolerance_only_equal_labels_say_the_same(kind: str, data: st.DataObject) -> None:
    schema, [entry, other] = drawn(data, kind, 2)
    spec: dict[str, Any] = schema.spec()
    for each in (field["schema"] for field in spec["fields"]) if kind == "form" else [spec]:
        each.update({"tolerance": 0} if each["kind"] in ENDS else {})
    exact = schema_from(spec)
    same = exact.says_same(entry, other)
    assert same or encoded(entry) != encoded(other)
    # Floats may differ by a rounding, text by blanks.
    if same and not kinds_in(schema) & {"number", "boxes", "polygons", "text"}:
        assert encoded(entry) == encoded(other)


@pytest.mark.parametrize("kind", sorted(ENDS))
@many
@given(data=st.data())
def test_a_wider_tolerance_parts_no_labels_that_a_narrower_joins(kind: str, data: st.DataObject) -> None:
    schema, [entry, other] = drawn(data, kind, 2)
    narrow: Any = schema.spec()
    least, most = (0, 1) if kind in {"rating", "preference"} else (0.0, 0.5)
    if kind in {"rating", "preference"} and narrow.get("strengths", 2) == 1:
        return
    if kind == "rating" and narrow["highest"] - narrow["lowest"] == 1:
        return
    if kind == "number":
        most = narrow["high"] - narrow["low"]
    tight, loose = (schema_from({**narrow, "tolerance": each}) for each in (least, most))
    assert loose.says_same(entry, other) or not tight.says_same(entry, other)


@pytest.mark.parametrize("kind", sorted(ENDS))
def test_a_tolerance_is_taken_at_both_ends_and_refused_beyond(kind: str) -> None:
    rest, least, most, step = ENDS[kind]
    for taken in (least, most):
        schema = schema_from({"kind": kind, **rest, "tolerance": taken})
        assert schema.spec()["tolerance"] == taken
    for refused in (least - step, most + step, float("nan"), True, "1"):
        with pytest.raises(SchemaFault) as refusal:
            schema_from({"kind": kind, **rest, "tolerance": refused})
        assert refusal.value.path == "$.tolerance"
        assert refusal.value.cure.startswith("send")


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_a_kind_without_a_tolerance_refuses_one(kind: str) -> None:
    with pytest.raises(SchemaFault, match="tolerance"):
        schema_from({"kind": kind, "classes": ["a", "b"], "tolerance": 0})
