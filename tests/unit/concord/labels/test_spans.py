import pytest

from concord.labels import Json, LabelFault, SchemaFault, Vote
from concord.labels.spans import OFFSET_MAX, SPANS_MAX, Spans

NAMES = Spans(("person", "place"))


def _label(*spans: tuple[int, int, str]) -> dict[str, Json]:
    return {"spans": [{"start": start, "end": end, "class": name} for start, end, name in spans]}


def test_spans_stand_in_the_order_of_the_text() -> None:
    late, early = (7, 9, "place"), (0, 5, "person")
    assert NAMES.canonical(_label(late, early)) == _label(early, late)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ([], "$"),
        ({}, "$.spans"),
        ({"spans": None}, "$.spans"),
        ({"spans": [], "boxes": []}, "$"),
        ({"spans": [7]}, "$.spans[0]"),
        ({"spans": [{"start": 0, "class": "place"}]}, "$.spans[0].end"),
        ({"spans": [{"start": 0, "end": 1, "class": "place", "text": "x"}]}, "$.spans[0]"),
        (_label((0, 5, "person"), (3, 3, "place")), "$.spans[1].end"),
        (_label((0, 5, "person"), (-1, 3, "place")), "$.spans[1].start"),
        (_label((0, 5, "person"), (0, 5, "thing")), "$.spans[1].class"),
        (_label((0, 5, "person"), (0, 5, "person")), "$.spans[1]"),
        (_label((0, OFFSET_MAX + 1, "person")), "$.spans[0].end"),
        (_label(*((each, each + 1, "person") for each in range(SPANS_MAX + 1))), "$.spans"),
    ],
)
def test_wrong_spans_are_refused_with_their_path(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        NAMES.canonical(wrong)
    assert refusal.value.path == path


def test_overlap_is_refused_where_the_schema_rules_it_out() -> None:
    nested = _label((0, 9, "person"), (3, 5, "place"))
    assert NAMES.canonical(nested) == nested
    with pytest.raises(LabelFault) as refusal:
        Spans(NAMES.classes, overlapping=False).canonical(nested)
    assert refusal.value.path == "$.spans"


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        (_label(), _label(), 0.0),
        (_label(), _label((0, 4, "person")), 1.0),
        (_label((0, 4, "person")), _label((0, 4, "place")), 1.0),
        (_label((0, 4, "person")), _label((4, 8, "person")), 1.0),
        (_label((0, 4, "person")), _label((0, 8, "person")), 0.5),
        (_label((0, 4, "person")), _label((0, 4, "person"), (6, 8, "place")), 1 - 2 * 1 / 3),
        # The nearest pair, 0-10 with 1-10, is not in the best matching.
        (_label((0, 10, "person"), (4, 13, "person")), _label((0, 5, "person"), (1, 10, "person")), 0.5),
    ],
)
def test_one_minus_f1_by_hand(one: Json, other: Json, distance: float) -> None:
    assert NAMES.distance(one, other) == NAMES.distance(other, one) == pytest.approx(distance)


def test_a_span_stands_by_quorum_at_the_range_nearest_to_all() -> None:
    votes = [
        Vote(_label((0, 10, "person"))),
        Vote(_label((0, 11, "person"), (20, 25, "place"))),
        Vote(_label((0, 12, "person"))),
    ]
    merged = NAMES.merge(votes)
    assert merged.label == _label((0, 11, "person"))
    assert merged.parts == (1.0,)
    assert merged.support == pytest.approx(2 / 3)


def test_of_two_ranges_the_shorter_stands() -> None:
    assert NAMES.merge([Vote(_label((0, 11, "person"))), Vote(_label((1, 11, "person")))]).label == _label(
        (1, 11, "person")
    )


def test_a_span_that_half_of_the_weight_sees_is_escalated() -> None:
    merged = NAMES.merge([Vote(_label((0, 4, "person"))), Vote(_label())])
    assert merged.label is None
    assert merged.support == 0.5


def test_one_range_under_two_classes_is_escalated_and_not_dropped() -> None:
    merged = NAMES.merge([Vote(_label((0, 4, "person"))), Vote(_label((0, 4, "place")))])
    assert merged.label is None
    assert merged.reason == "no quorum for the class of the person or place at (0, 4)"


def test_the_class_is_that_of_most_weight() -> None:
    merged = NAMES.merge([Vote(_label((0, 4, "person"))), Vote(_label((0, 4, "place"))), Vote(_label((0, 4, "place")))])
    assert merged.label == _label((0, 4, "place"))
    assert merged.parts == pytest.approx((2 / 3,))


def test_a_range_with_two_classes_of_one_annotator_stays_two_spans() -> None:
    both = _label((0, 4, "person"), (0, 4, "place"))
    assert NAMES.merge([Vote(both), Vote(both), Vote(_label((0, 4, "person")))]).label == both


def test_nobody_seeing_anything_is_a_settled_empty_label() -> None:
    merged = NAMES.merge([Vote(_label()), Vote(_label())])
    assert merged.label == _label()
    assert merged.support == 1.0


def test_merged_spans_that_the_schema_rules_out_are_escalated() -> None:
    apart = Spans(("person",), overlapping=False)
    long, short, after = (0, 12, "person"), (0, 10, "person"), (10, 20, "person")
    votes = [Vote(_label(short, after)), *[Vote(_label(long))] * 2, *[Vote(_label(after))] * 2]
    assert Spans(("person",)).merge(votes).label == _label(long, after)
    merged = apart.merge(votes)
    assert merged.label is None
    assert "does not fit the schema" in merged.reason


def test_many_open_questions_are_counted_and_not_listed() -> None:
    merged = NAMES.merge([Vote(_label(*((each * 10, each * 10 + 5, "person") for each in range(6)))), Vote(_label())])
    assert merged.reason.endswith("; and 3 more")


@pytest.mark.parametrize(
    ("field", "value"), [("iou_min", 0), ("quorum", 0.3), ("overlapping", 1), ("iou_min", float("nan"))]
)
def test_wrong_settings_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(SchemaFault) as refusal:
        Spans(("person",), **{field: value})  # type: ignore[arg-type]  # what a spec may hold
    assert refusal.value.path == f"$.{field}"


@pytest.mark.parametrize(
    ("text", "end", "taken"), [("Ann", 3, True), ("Ann", 4, False), ("\U0001f600 Ann", 5, True), ("", 1, False)]
)
def test_a_span_is_held_against_the_text_in_code_points(text: str, end: int, taken: bool) -> None:
    schema = Spans(("person",))
    label = schema.canonical({"spans": [{"start": 0, "end": end, "class": "person"}]})
    if taken:
        schema.check(label, len(text))
        return
    with pytest.raises(LabelFault, match=r"\$\.spans\[0\]\.end: .* is past the text; send at most"):
        schema.check(label, len(text))
