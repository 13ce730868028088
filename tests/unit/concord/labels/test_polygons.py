import itertools
import math
from typing import Any

import numpy as np
import pytest
import shapely

from concord.labels import Json, LabelFault, Vote, encoded, polygons
from concord.labels.polygons import POINTS_MAX, Polygons, overlaps_of_polygons

FIELDS = Polygons(("field", "lake"))

Points = list[list[float]]
SQUARE: Points = [[0, 0], [10, 0], [10, 10], [0, 10]]


def _label(*outlines: Points, name: str = "field") -> dict[str, Json]:
    return {"polygons": [{"points": [[float(x), float(y)] for x, y in each], "class": name} for each in outlines]}


def _wide(width: float) -> Points:
    return [[0, 0], [width, 0], [width, 10], [0, 10]]


@pytest.mark.parametrize(
    "same",
    [
        SQUARE,
        [*SQUARE, SQUARE[0]],
        SQUARE[2:] + SQUARE[:2],
        SQUARE[::-1],
        [SQUARE[0], *SQUARE, SQUARE[3]],
    ],
)
def test_one_outline_has_one_form_wherever_it_starts_and_however_it_turns(same: Points) -> None:
    assert encoded(FIELDS.canonical(_label(same))) == encoded(_label(SQUARE))


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"polygons": [{"points": SQUARE}]}, "$.polygons[0].class"),
        ({"polygons": [{"points": [[0, 0], [1]], "class": "field"}]}, "$.polygons[0].points"),
        ({"polygons": [{"points": [[0, 0], [1, 0], [1]], "class": "field"}]}, "$.polygons[0].points[2]"),
        ({"polygons": [{"points": [[0, 0], [1, 0], [1, "1"]], "class": "field"}]}, "$.polygons[0].points[2][1]"),
        (_label(SQUARE, [[0, 0], [10, 10], [10, 0], [0, 10]]), "$.polygons[1].points"),
        (_label([[0, 0], [5, 5], [10, 10]]), "$.polygons[0].points"),
        (_label([[0, 0], [5, 5], [0, 0]]), "$.polygons[0].points"),
        (_label([[0, 0], [1e-5, 0], [0, 1e-5]]), "$.polygons[0].points"),
        (_label([[0, 0], [9, 0], [9, 9], [5, 9], [5, 20], [5, 9], [0, 9]]), "$.polygons[0].points"),
        (_label([[float(each), float(each % 2)] for each in range(POINTS_MAX + 1)]), "$.polygons[0].points"),
        (_label(SQUARE, SQUARE[::-1]), "$.polygons[1]"),
    ],
)
def test_wrong_outlines_are_refused_with_path_and_cure(wrong: Json, path: str) -> None:
    with pytest.raises(LabelFault) as refusal:
        FIELDS.canonical(wrong)
    assert refusal.value.path == path
    assert refusal.value.cure


def test_an_outline_that_crosses_itself_is_told_where() -> None:
    with pytest.raises(LabelFault, match=r"Self-intersection\[5 5\]"):
        FIELDS.canonical(_label([[0, 0], [10, 10], [10, 0], [0, 10]]))


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        (_label(), _label(), 0.0),
        (_label(), _label(SQUARE), 1.0),
        (_label(SQUARE), _label(SQUARE, name="lake"), 1.0),
        (_label(SQUARE), _label(_wide(5)), 0.5),
        (_label(SQUARE), _label([[0, 0], [10, 0], [10, 10]]), 0.5),
        (_label(SQUARE), _label(SQUARE, [[20, 0], [30, 0], [20, 5]]), 0.5),
    ],
)
def test_one_minus_mean_overlap_by_hand(one: Json, other: Json, distance: float) -> None:
    assert FIELDS.distance(one, other) == FIELDS.distance(other, one) == pytest.approx(distance)


def test_a_merged_outline_is_the_one_nearest_to_all() -> None:
    merged = FIELDS.merge([Vote(_label(_wide(8))), Vote(_label(_wide(9))), Vote(_label(_wide(11)))])
    assert merged.label == _label(_wide(9))
    assert merged.parts == (1.0,)


def test_of_two_outlines_the_smaller_stands() -> None:
    larger: Points = [[-1, 0], [10, 0], [10, 10], [-1, 10]]
    assert FIELDS.merge([Vote(_label(larger)), Vote(_label(SQUARE))]).label == _label(SQUARE)


def test_outlines_apart_are_escalated() -> None:
    assert FIELDS.merge([Vote(_label(SQUARE)), Vote(_label([[20, 0], [30, 0], [20, 5]]))]).label is None


@pytest.mark.parametrize(
    "points",
    [
        [[0, 0], [1, 0], [2, 0], [2, 2], [0, 2]],
        [[0, 0], [0.5, 0], [1, 0], [2, 0], [2, 0.25], [2, 2], [0, 2], [0, 1]],
        [[1, 0], [2, 0], [2, 2], [0, 2], [0, 0]],
    ],
)
def test_points_on_an_edge_make_no_other_label(points: list[Json]) -> None:
    schema = Polygons(("car",))
    square: list[Json] = [[0, 0], [2, 0], [2, 2], [0, 2]]
    entry, other = (schema.canonical({"polygons": [{"points": ring, "class": "car"}]}) for ring in (points, square))
    assert entry == other


def test_a_point_beside_an_edge_by_the_last_bit_stays() -> None:
    ring: list[Json] = [[0, 0], [1, -1e-16], [2, 0], [2, 2], [0, 2]]
    label = Polygons(("car",)).canonical({"polygons": [{"points": ring, "class": "car"}]})
    assert isinstance(label, dict)
    assert "-1e-16" in str(label)


def test_outlines_that_areas_or_boxes_tell_apart_are_not_cut_and_the_others_are_as_before() -> None:
    generator = np.random.default_rng(5)
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)

    def outline() -> tuple[float, ...]:
        x, y, radius = generator.uniform([0, 0, 1], [10, 10, 6]).tolist()
        return tuple(np.column_stack([x + radius * np.cos(turns), y + radius * np.sin(turns)]).ravel().tolist())

    row, other = [outline() for _ in range(30)], [outline() for _ in range(30)]
    whole, bounded = overlaps_of_polygons(row, other), overlaps_of_polygons(row, other, 0.5)
    assert np.array_equal(np.where(whole >= 0.5, whole, 0.0), np.where(bounded >= 0.5, bounded, 0.0))
    assert np.count_nonzero(bounded) < np.count_nonzero(whole)


def test_outlines_that_cross_beyond_measure_go_to_a_person_instead_of_holding_the_machine_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = Polygons(("car",))

    def label(shift: float, count: int) -> Any:
        rings: Any = [[[x + shift + n / 9, y] for x, y in ((0, 0), (90, 0), (90, 90), (0, 90))] for n in range(count)]
        return schema.canonical({"polygons": [{"points": ring, "class": "car"} for ring in rings]})

    votes = [Vote(label(0.01 * number, 20)) for number in range(3)]
    monkeypatch.setattr(polygons, "MERGE_CUT_POINTS_MAX", 3 * 20 * 20 * 8)
    assert schema.merge(votes).label is not None
    monkeypatch.setattr(polygons, "MERGE_CUT_POINTS_MAX", 3 * 20 * 20 * 8 - 1)
    merged = schema.merge(votes)
    assert (merged.label, merged.support) == (None, 0.0)
    assert "cross" in merged.reason


def _stars(count: int, points: int, shift: float) -> Any:
    """Return a label of stars that lie on one another, each of whose edges crosses many of every other's."""
    turns = [2 * math.pi * place / points for place in range(points)]
    rings: Any = [
        [
            [500 + shift + n / 7 + radius * math.cos(turn), 500 + radius * math.sin(turn)]
            for turn, radius in zip(turns, itertools.cycle((400, 160)), strict=False)
        ]
        for n in range(count)
    ]
    return {"polygons": [{"points": ring, "class": "car"} for ring in rings]}


def test_however_outlines_cross_what_two_labels_cost_to_compare_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Polygons(("car",))
    entry, other = schema.canonical(_stars(16, 60, 0.0)), schema.canonical(_stars(16, 60, 0.05))
    exact = schema.distance(entry, other)
    counted = [0]
    cut = shapely.intersection

    def counting(left: Any, right: Any) -> Any:
        pieces = cut(left, right)
        counted[0] += sum(int(shapely.get_num_coordinates(each).sum()) for each in (left, right, pieces))
        return pieces

    monkeypatch.setattr(shapely, "intersection", counting)
    assert schema.distance(entry, other) == exact
    whole = counted[0]
    one_time = whole // (16 * 16 // polygons.CUT_AT_ONCE)
    monkeypatch.setattr(polygons, "CUT_WORK_MAX", whole // 2)
    counted[0] = 0
    bounded = schema.distance(entry, other)
    assert 0 < counted[0] <= whole // 2 + 2 * one_time < whole, "no more than the bound and what is cut at once"
    assert schema.distance(other, entry) == bounded, "whichever comes first"
    assert 0.0 <= bounded <= 1.0
    assert schema.says_same(entry, other) == schema.says_same(other, entry)
    merged = schema.merge([Vote(entry), Vote(other)])
    assert merged.label is None
    assert "cross" in merged.reason


def test_of_outlines_that_lie_as_in_a_picture_those_that_match_are_cut_first(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Polygons(("car",))

    def row(shift: float) -> Any:
        rings: Any = [
            [[9 * n + x + shift, y] for x, y in ((0, 0), (10, 0), (10, 8), (5, 10), (0, 8))] for n in range(20)
        ]
        return schema.canonical({"polygons": [{"points": ring, "class": "car"} for ring in rings]})

    entry, other = row(0.0), row(0.5)
    exact = schema.distance(entry, other)
    monkeypatch.setattr(polygons, "CUT_WORK_MAX", 2 * polygons.CUT_AT_ONCE)
    calls: list[int] = []
    cut = shapely.intersection

    def counting(left: Any, right: Any) -> Any:
        calls.append(len(left))
        return cut(left, right)

    monkeypatch.setattr(shapely, "intersection", counting)
    monkeypatch.setattr(polygons, "CUT_AT_ONCE", 20)
    assert schema.distance(entry, other) == exact
    assert calls == [20], "the neighbours, which share a strip, were not cut"


def test_what_outlines_share_is_estimated_by_how_full_their_boxes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polygons, "CUT_WORK_MAX", -1)
    square, right_half = (0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 2.0), (1.0, 0.0, 3.0, 0.0, 3.0, 2.0, 1.0, 2.0)
    assert overlaps_of_polygons([square], [right_half]).tolist() == [[pytest.approx(1 / 3)]]
    triangle = (0.0, 0.0, 2.0, 0.0, 0.0, 2.0)
    assert overlaps_of_polygons([square], [triangle]).tolist() == [[pytest.approx(0.5)]]
    with pytest.raises(polygons.TooMuchToCut):
        overlaps_of_polygons([square], [triangle], exact=True)
