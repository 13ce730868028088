"""Crowded drawings, where it matters which regions are taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.labels import Json, Vote, encoded
from concord.labels.boxes import Boxes, overlaps_of_boxes
from concord.labels.drawn import Origin
from concord.labels.grouping import Drawing, Region, Settled, matched_overlap, settled
from concord.labels.spans import Spans, overlaps_of_spans


def _settled(*drawings: list[Region], spans: bool = True, overlap_min: float = 0.5) -> Settled:
    overlaps = overlaps_of_spans if spans else overlaps_of_boxes
    return settled([Drawing(tuple(each), 1.0) for each in drawings], overlaps, overlap_min, 0.5, min)


def test_the_nearest_regions_pair_first_and_nobody_is_in_a_group_twice() -> None:
    left, right = Region((0, 0, 10, 10), "car"), Region((2, 0, 12, 10), "car")
    near_left, near_right = Region((0, 0, 10, 10.5), "car"), Region((1.5, 0, 11.5, 10), "car")
    found = _settled([left, right], [near_left], [near_right], spans=False)
    assert [agreed.region for agreed in found.agreed] == [left, near_right]
    assert [agreed.share for agreed in found.agreed] == pytest.approx([2 / 3, 2 / 3])


def test_regions_of_one_class_pair_before_regions_of_one_place() -> None:
    row = [Region((0, 10), "person"), Region((0, 9), "place")]
    other = [Region((0, 9), "person"), Region((0, 10), "place")]
    found = _settled(row, other)
    assert found.undecided == ()
    assert {agreed.region.class_name: agreed.share for agreed in found.agreed} == {"person": 1.0, "place": 1.0}


def test_what_few_drew_falls_and_tells_how_sure_that_is() -> None:
    seen = Region((0, 4), "person")
    found = _settled([seen], [seen], [seen], [seen], [seen, Region((20, 24), "person")])
    assert [agreed.region for agreed in found.agreed] == [seen]
    assert found.support == pytest.approx(0.8)


def test_no_drawing_at_all_is_settled() -> None:
    assert _settled([], []) == Settled((), 1.0, ())


def test_of_equally_good_matchings_both_sides_take_the_same() -> None:
    # Two matchings of these are worth the same, but for the rounding of their sums.
    row = [Region(shape, "person") for shape in [(2, 5), (1, 5), (1, 6)]]
    other = [Region(shape, "person") for shape in [(2, 6), (2, 7), (5, 7)]]
    assert matched_overlap(row, other, overlaps_of_spans) == matched_overlap(other, row, overlaps_of_spans)


def test_a_composed_label_says_of_each_region_whose_it_is_and_which_objects_are_not_in_it() -> None:
    def span(start: int, end: int, name: str = "person") -> dict[str, Json]:
        return {"start": start, "end": end, "class": name}

    def label(*spans: dict[str, Json]) -> dict[str, Json]:
        return {"spans": [*spans]}

    schema = Boxes(("car",))

    def box(right: float) -> dict[str, Json]:
        return {"left": 0.0, "top": 0.0, "right": right, "bottom": 10.0, "class": "car"}

    rows: list[Json] = [{"boxes": [box(10.0)]}, {"boxes": [box(14.0)]}, {"boxes": [box(12.0)]}, {"boxes": [box(13.0)]}]
    traced = schema.traced({"boxes": [box(12.5)]}, rows)
    assert traced.regions == (Origin("merged", (0, 1, 2, 3)),), "the median of all four edges is nobody's own"
    spans = Spans(("person", "place"))
    texts = [label(span(0, 10), span(20, 30)), label(span(0, 10), span(21, 30)), label(span(50, 60))]
    found = spans.traced(label(span(0, 10), span(20, 30, "place"), span(80, 90)), texts)
    assert found.regions == (Origin("drawn", (0, 1)), Origin("corrected", (0, 1)), Origin("added"))
    assert found.dropped == 1
    both = spans.traced(label(span(20, 30), span(21, 30)), texts)
    assert both.regions == (Origin("drawn", (0,)), Origin("drawn", (1,))), "one object was two: both sides are right"
    assert both.dropped == 2


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=5, unique=True), max_size=4))
def test_every_drawn_region_is_in_one_object_and_the_merged_label_is_the_objects_that_stand(
    drawn: list[list[tuple[int, int]]],
) -> None:
    schema = Spans(("person",))
    labels = [
        schema.canonical({"spans": [{"start": start, "end": start + wide, "class": "person"} for start, wide in row]})
        for row in drawn
    ]
    objects = schema.objects(labels)
    for place, label in enumerate(labels):
        assert isinstance(label, dict)
        mine = [region for object_ in objects for region, places in object_.drawn if place in places]
        assert sorted(map(encoded, mine)) == sorted(map(encoded, label["spans"]))  # type: ignore[arg-type]  # spans are a list
    merged = schema.merge([Vote(label) for label in labels])
    if merged.label is not None and all(object_.stands is not None for object_ in objects):
        assert merged.label == schema.canonical({"spans": [object_.region for object_ in objects if object_.stands]})
