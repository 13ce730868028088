"""Crowded drawings, where it matters which regions are taken for one."""

import pytest

from concord.labels.boxes import overlaps_of_boxes
from concord.labels.grouping import Drawing, Region, Settled, matched_overlap, settled
from concord.labels.spans import overlaps_of_spans


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
    one = [Region((0, 10), "person"), Region((0, 9), "place")]
    other = [Region((0, 9), "person"), Region((0, 10), "place")]
    found = _settled(one, other)
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
    one = [Region(shape, "person") for shape in [(2, 5), (1, 5), (1, 6)]]
    other = [Region(shape, "person") for shape in [(2, 6), (2, 7), (5, 7)]]
    assert matched_overlap(one, other, overlaps_of_spans) == matched_overlap(other, one, overlaps_of_spans)
