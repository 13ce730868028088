"""Crowded drawings: many regions of few places and classes, so that matchings tie."""

from hypothesis import given, settings
from hypothesis import strategies as st

from concord.labels.grouping import Drawing, Region, matched_overlap, settled
from concord.labels.spans import overlaps_of_spans

shapes = st.tuples(st.integers(0, 5), st.integers(1, 4)).map(lambda at: (at[0], at[0] + at[1]))
regions = st.builds(Region, shapes, st.sampled_from(["person", "place"]))
drawings = st.builds(Drawing, st.lists(regions, max_size=6, unique=True).map(tuple), st.sampled_from([1.0, 1.5, 0.7]))


@settings(max_examples=60)
@given(st.lists(drawings, min_size=2, max_size=5), st.data())
def test_the_order_of_drawings_and_regions_changes_nothing(drawn: list[Drawing], data: st.DataObject) -> None:
    shuffled = [Drawing(tuple(data.draw(st.permutations(each.regions))), each.weight) for each in drawn]
    first = settled(drawn, overlaps_of_spans, 0.3, 0.5, min)
    assert settled(data.draw(st.permutations(shuffled)), overlaps_of_spans, 0.3, 0.5, min) == first


@settings(max_examples=60)
@given(drawings, drawings, st.data())
def test_the_best_matching_is_worth_the_same_from_either_side(
    one: Drawing, other: Drawing, data: st.DataObject
) -> None:
    there = matched_overlap(one.regions, other.regions, overlaps_of_spans)
    assert matched_overlap(data.draw(st.permutations(other.regions)), one.regions, overlaps_of_spans) == there


@settings(max_examples=60)
@given(st.lists(drawings, min_size=1, max_size=5))
def test_no_annotator_counts_twice_for_one_region(drawn: list[Drawing]) -> None:
    found = settled(drawn, overlaps_of_spans, 0.3, 0.5, min)
    total = sum(each.weight for each in drawn)
    drawn_weight = sum(each.weight * len(each.regions) for each in drawn)
    assert sum(agreed.share for agreed in found.agreed) <= drawn_weight / total + 1e-9
    if not found.undecided:
        assert 0.5 - 1e-9 <= found.support <= 1.0
