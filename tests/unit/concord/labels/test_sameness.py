"""The verdicts that an inspection comes to, kind by kind."""

from typing import Any

import pytest

from concord.labels import LABEL_BYTES_MAX, Json, SchemaFault, Vote, encoded, schema_from


def _box(left: float, right: float, name: str = "car") -> dict[str, Json]:
    return {"left": left, "top": 0, "right": right, "bottom": 10, "class": name}


def _span(start: int, end: int, name: str = "person") -> dict[str, Json]:
    return {"start": start, "end": end, "class": name}


SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]

CASES: list[tuple[dict[str, Json], Any, Any, bool]] = [
    ({"kind": "choice", "classes": ["yes", "no"]}, "yes", "yes", True),
    ({"kind": "choices", "classes": ["a", "b"]}, ["b", "a"], ["a", "b"], True),
    ({"kind": "choices", "classes": ["a", "b"]}, ["a"], ["a", "b"], False),
    ({"kind": "rating", "lowest": 1, "highest": 5}, 3, 4, False),
    ({"kind": "rating", "lowest": 1, "highest": 5, "tolerance": 1}, 3, 4, True),
    ({"kind": "rating", "lowest": 1, "highest": 5, "tolerance": 1}, 3, 5, False),
    ({"kind": "number", "low": 0, "high": 100}, 37.0, 37.2, True),
    ({"kind": "number", "low": 0, "high": 100}, 37.0, 42.1, False),
    ({"kind": "number", "low": 0, "high": 100, "tolerance": 0}, 37.0, 37.2, False),
    ({"kind": "number", "low": 0, "high": 1, "tolerance": 0.1}, 0.7, 0.8, True),  # .8 - .7 rounds to over .1
    ({"kind": "preference", "strengths": 2}, {"prefer": "a", "strength": 1}, {"prefer": "b", "strength": 1}, False),
    ({"kind": "preference"}, {"prefer": "tie"}, {"prefer": "tie", "strength": 0}, True),
    ({"kind": "ranking", "items": ["x", "y", "z"]}, ["x", "y", "z"], ["y", "x", "z"], False),
    ({"kind": "ranking", "items": ["x", "y", "z"], "tolerance": 0.34}, ["x", "y", "z"], ["y", "x", "z"], True),
    ({"kind": "spans", "classes": ["person"]}, {"spans": [_span(0, 9)]}, {"spans": [_span(0, 10)]}, False),
    (
        {"kind": "spans", "classes": ["person"], "tolerance": 0.1},
        {"spans": [_span(0, 9)]},
        {"spans": [_span(0, 10)]},
        True,
    ),
    ({"kind": "boxes", "classes": ["car"]}, {"boxes": [_box(0, 100)]}, {"boxes": [_box(0, 99)]}, True),
    ({"kind": "boxes", "classes": ["car"]}, {"boxes": [_box(0, 100)]}, {"boxes": [_box(0, 49)]}, False),
    ({"kind": "boxes", "classes": ["car", "bus"]}, {"boxes": [_box(0, 9)]}, {"boxes": [_box(0, 9, "bus")]}, False),
    ({"kind": "boxes", "classes": ["car"]}, {"boxes": [_box(0, 9)]}, {"boxes": []}, False),
    ({"kind": "boxes", "classes": ["car"]}, {"boxes": [_box(0, 9)]}, {"boxes": [_box(0, 9), _box(20, 29)]}, False),
    (
        {"kind": "polygons", "classes": ["car"], "tolerance": 0.05},
        {"polygons": [{"points": SQUARE, "class": "car"}]},
        {"polygons": [{"points": [[0.1, 0], *SQUARE[1:]], "class": "car"}]},
        True,
    ),
    ({"kind": "text"}, "the cat  sat\n", "the cat sat", True),
    ({"kind": "text"}, "the cat sat", "the cat sit", False),
    ({"kind": "text"}, "caf\u00e9", "cafe\u0301", True),
    ({"kind": "text", "tolerance": 0.1}, "the cat sat", "the cat sit", True),
]


@pytest.mark.parametrize(("spec", "one", "other", "same"), CASES)
def test_two_labels_say_the_same_within_the_declared_tolerance(
    spec: dict[str, Json], one: Json, other: Json, same: bool
) -> None:
    schema = schema_from(spec)
    assert schema.says_same(schema.canonical(one), schema.canonical(other)) is same


def test_each_box_has_a_counterpart_of_its_own() -> None:
    schema = schema_from({"kind": "boxes", "classes": ["car"]})
    two_near: dict[str, Json] = {"boxes": [_box(0, 10), _box(1, 11)]}
    one_near: dict[str, Json] = {"boxes": [_box(0, 10), _box(500, 510)]}
    assert not schema.says_same(schema.canonical(two_near), schema.canonical(one_near))


def test_what_would_merge_into_more_bytes_than_a_label_may_have_is_escalated() -> None:
    name = "\N{CJK UNIFIED IDEOGRAPH-597D}" * 200
    schema = schema_from({"kind": "boxes", "classes": [name]})
    thirds: list[list[Json]] = [
        [_box(20 * at, 20 * at + 10, name) for at in range(120 * k, 120 * k + 120)] for k in range(3)
    ]
    pairs: list[dict[str, Json]] = [{"boxes": [*thirds[k], *thirds[k - 1]]} for k in range(3)]
    labels = [schema.canonical(pair) for pair in pairs]
    assert all(len(encoded(label)) <= LABEL_BYTES_MAX for label in labels)
    merged = schema.merge([Vote(label) for label in labels])
    assert merged.label is None
    assert f"send at most {LABEL_BYTES_MAX}" in merged.reason


def test_a_schema_longer_than_a_label_may_be_is_refused_with_its_cure() -> None:
    names: list[Json] = [f"{number:03}" + "x" * 197 for number in range(1000)]
    with pytest.raises(SchemaFault, match=f"over {LABEL_BYTES_MAX} bytes; use shorter or fewer names"):
        schema_from({"kind": "choices", "classes": names})
